/*
 * buf.h
 *	  A growing byte buffer with a ceiling, that remembers a failure.
 *
 * Appending never crashes and never aborts: when memory ends or the ceiling
 * is reached the buffer turns "failed" and further appends do nothing, so a
 * writer checks once, at the end.  The content is always followed by a NUL
 * that is not counted, and data is never null after a successful append.
 */
#ifndef AWSX_BUF_H
#define AWSX_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct AwsxBuf
{
	char	   *data;			/* malloc'd; null while nothing was appended */
	size_t		len;			/* bytes in use */
	size_t		allocated;
	size_t		max;			/* ceiling for len; 0 means AWSX_BUF_MAX */
	bool		failed;			/* memory or ceiling: the content is cut */
} AwsxBuf;

#define AWSX_BUF_MAX ((size_t) 1 << 30)

extern void awsx_buf_init(AwsxBuf *buf, size_t max);
extern void awsx_buf_free(AwsxBuf *buf);	/* and back to an empty buffer */
extern void awsx_buf_reset(AwsxBuf *buf);	/* empty, memory and max kept */

/* Make room for that many more bytes at once; false when there is none, the buffer has failed then. */
extern bool awsx_buf_reserve(AwsxBuf *buf, size_t more);
extern bool awsx_buf_append(AwsxBuf *buf, const void *bytes, size_t len);
extern bool awsx_buf_putc(AwsxBuf *buf, char c);

/* Here, so that the length of a constant is one. */
static inline bool
awsx_buf_puts(AwsxBuf *buf, const char *text)
{
	return awsx_buf_append(buf, text, strlen(text));
}

extern bool awsx_buf_printf(AwsxBuf *buf, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Lower-case hex of the bytes. */
extern bool awsx_buf_hex(AwsxBuf *buf, const unsigned char *bytes, size_t len);

/*
 * Percent-encode as AWS wants it (A-Z a-z 0-9 - _ . ~ stay, the rest becomes
 * %XX in upper case); '/' stays when keep_slash.
 */
extern bool awsx_buf_uri(AwsxBuf *buf, const char *bytes, size_t len, bool keep_slash);

/* The bytes as a JSON string with its quotes; the bytes are UTF-8. */
extern bool awsx_buf_json_string(AwsxBuf *buf, const char *bytes, size_t len);

/*
 * Hand the content to the caller, who frees it with free(); the buffer is
 * empty afterwards.  Null when the buffer had failed or memory ends.
 */
extern char *awsx_buf_take(AwsxBuf *buf, size_t *len);

#endif							/* AWSX_BUF_H */
