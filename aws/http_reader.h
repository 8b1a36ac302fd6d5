/*
 * http_reader.h
 *	  Reads an HTTP/1.x answer from pieces, as they arrive; inside the
 *	  transport only.
 */
#ifndef AWSX_HTTP_READER_H
#define AWSX_HTTP_READER_H

#include "http.h"

#define AWSX_HTTP_MAX_HEADERS 100
#define AWSX_HTTP_MAX_HEADER_BYTES ((size_t) 64 * 1024)

typedef enum AwsxHttpReading
{
	AWSX_READING_MORE,			/* the answer goes on */
	AWSX_READING_COMPLETE,
	AWSX_READING_FAILED			/* *error says why */
} AwsxHttpReading;

typedef enum AwsxHttpReaderState
{
	AWSX_READER_STATUS,
	AWSX_READER_HEADERS,
	AWSX_READER_BODY,			/* left bytes of it are to come */
	AWSX_READER_REST,			/* the body ends with the connection */
	AWSX_READER_CHUNK_SIZE,
	AWSX_READER_CHUNK,			/* left bytes of it are to come */
	AWSX_READER_CHUNK_END,
	AWSX_READER_TRAILERS,
	AWSX_READER_DONE
} AwsxHttpReaderState;

typedef struct AwsxHttpReader
{
	AwsxHttpResponse *response; /* the caller's; filled */
	AwsxHttpReaderState state;
	uint64_t	left;
	AwsxBuf		partial;		/* of a line whose end has not come yet */
	size_t		head_bytes;		/* of all lines that are no chunk's */
	int			header_lines;
	bool		began;			/* a byte of the answer came */
	bool		keep;			/* when complete: the connection may serve another request */
	bool		has_length;
	bool		chunked;
} AwsxHttpReader;

/*
 * Begin with an answer to anything but HEAD.  The response is initialised;
 * its body's max is the cap: a longer body of a success is an error, of any
 * other answer the beginning is kept.  The first time the reader is zeroed.
 */
extern void awsx_http_reader_start(AwsxHttpReader *reader, AwsxHttpResponse *response);

/*
 * The next bytes, at least one.  *used tells how many belong to the answer;
 * fewer than len only at its end.
 */
extern AwsxHttpReading awsx_http_reader_feed(AwsxHttpReader *reader, const char *bytes, size_t len,
											 size_t *used, AwsxError *error);

/* The connection ended: COMPLETE or FAILED. */
extern AwsxHttpReading awsx_http_reader_end(AwsxHttpReader *reader, AwsxError *error);

extern void awsx_http_reader_free(AwsxHttpReader *reader);

#endif							/* AWSX_HTTP_READER_H */
