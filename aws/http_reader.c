/*
 * http_reader.c
 *	  An HTTP/1.x answer, read from pieces as they arrive.
 *
 * Knows what RFC 9112 lets an answer be: interim answers before it, a body
 * bounded by its length, by chunks or by the end of the connection, trailers.
 * It is strict where two readers could differ on where an answer ends, since
 * the next one of this connection begins there: every line is a header or an
 * error, a length is said once and is a number, a coding other than "chunked"
 * is refused.
 *
 * Lines are taken from the bytes where they stand; only one that a piece cuts
 * is collected.
 */
#include "http_reader.h"

#include <string.h>

#include "http_check.h"
#include "text.h"

/* A chunk's size with its extensions. */
#define MAX_CHUNK_LINE ((size_t) 4096)
#define MAX_SIZE_DIGITS 15

void
awsx_http_reader_start(AwsxHttpReader *reader, AwsxHttpResponse *response)
{
	AwsxBuf		partial = reader->partial;

	awsx_buf_reset(&partial);
	partial.max = AWSX_HTTP_MAX_HEADER_BYTES;
	*reader = (AwsxHttpReader) {
		.response = response,
		.state = AWSX_READER_STATUS,
		.partial = partial
	};
}

void
awsx_http_reader_free(AwsxHttpReader *reader)
{
	awsx_buf_free(&reader->partial);
}

static AwsxHttpReading
fail(AwsxError *error, const char *message)
{
	awsx_error_set(error, AWSX_ERR_PROTOCOL, "%s", message);
	return AWSX_READING_FAILED;
}

static AwsxHttpReading
fail_memory(AwsxError *error)
{
	awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return AWSX_READING_FAILED;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_success(const AwsxHttpReader *reader)
{
	return reader->response->status / 100 == 2;
}

static AwsxHttpReading
complete(AwsxHttpReader *reader)
{
	reader->state = AWSX_READER_DONE;
	return AWSX_READING_COMPLETE;
}

/*----------
 * Lines of the head
 *----------
 */

/* "HTTP/1.1 200 OK": the reason is nobody's business. */
static AwsxHttpReading
read_status(AwsxHttpReader *reader, const char *line, size_t len, AwsxError *error)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
		line[8] != ' ' || line[9] < '1' || line[9] > '9' || !awsx_text_is_digit(line[10]) ||
		!awsx_text_is_digit(line[11]) || (len > 12 && line[12] != ' '))
		return fail(error, "the answer is not HTTP/1");
	reader->response->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	reader->keep = line[7] == '1';
	reader->has_length = reader->chunked = false;
	if (reader->response->status == 101)
		return fail(error, "the answer is of another protocol, which nobody asked for");
	reader->state = AWSX_READER_HEADERS;
	return AWSX_READING_MORE;
}

static bool
is_named(const char *line, size_t name_len, const char *name)
{
	size_t		i = 0;

	while (i < name_len && name[i] != '\0' && awsx_text_lower(line[i]) == name[i])
		i++;
	return i == name_len && name[i] == '\0';
}

/* Said again it must be the same, or two readers would see two answers. */
static AwsxHttpReading
read_length(AwsxHttpReader *reader, const char *value, size_t len, AwsxError *error)
{
	uint64_t	length = 0;

	if (len == 0 || len > MAX_SIZE_DIGITS)
		return fail(error, "the answer's Content-Length is no number");
	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_digit(value[i]))
			return fail(error, "the answer's Content-Length is no number");
		length = length * 10 + (uint64_t) (value[i] - '0');
	}
	if (reader->has_length && reader->left != length)
		return fail(error, "the answer has two lengths");
	reader->has_length = true;
	reader->left = length;
	return AWSX_READING_MORE;
}

static AwsxHttpReading
read_coding(AwsxHttpReader *reader, const char *value, size_t len, AwsxError *error)
{
	if (reader->chunked || !is_named(value, len, "chunked"))
		return fail(error, "the answer's Transfer-Encoding is not \"chunked\"");
	reader->chunked = true;
	return AWSX_READING_MORE;
}

/* Leave out what is blank at both ends. */
static void
trim(const char **start, const char **end)
{
	while (*start < *end && is_blank(**start))
		(*start)++;
	while (*end > *start && is_blank((*end)[-1]))
		(*end)--;
}

/* Is the option in a list such as "Keep-Alive, close"? */
static bool
has_option(const char *list, size_t len, const char *option)
{
	const char *all = list + len;

	for (const char *start = list; start <= all;)
	{
		const char *comma = memchr(start, ',', (size_t) (all - start));
		const char *next = comma != NULL ? comma + 1 : all + 1;
		const char *end = comma != NULL ? comma : all;

		trim(&start, &end);
		if (is_named(start, (size_t) (end - start), option))
			return true;
		start = next;
	}
	return false;
}

/* The headers on which depends where the answer ends. */
static AwsxHttpReading
read_framing(AwsxHttpReader *reader, const char *line, size_t name_len, size_t len, AwsxError *error)
{
	const char *value = line + name_len + 1;
	const char *end = line + len;

	trim(&value, &end);
	len = (size_t) (end - value);
	if (is_named(line, name_len, "content-length"))
		return read_length(reader, value, len, error);
	if (is_named(line, name_len, "transfer-encoding"))
		return read_coding(reader, value, len, error);
	if (is_named(line, name_len, "connection") && has_option(value, len, "close"))
		reader->keep = false;
	return AWSX_READING_MORE;
}

/*
 * A line that goes on with the one before, and a blank before the colon, are
 * read in two ways by different readers.  A name that is none in any other
 * way is nobody's: it is passed over.
 */
static AwsxHttpReading
read_header(AwsxHttpReader *reader, const char *line, size_t len, AwsxError *error)
{
	const char *colon = memchr(line, ':', len);

	if (colon == NULL || is_blank(line[0]) || (colon > line && is_blank(colon[-1])))
		return fail(error, "the answer has a line in its headers that is none");
	if (reader->state == AWSX_READER_TRAILERS)
		return AWSX_READING_MORE;	/* they replace nothing */
	if (!awsx_headers_set_line(&reader->response->headers, line, len))
		return fail_memory(error);
	return read_framing(reader, line, (size_t) (colon - line), len, error);
}

/* Of a body that is too long not a byte is read, when it is announced. */
static AwsxHttpReading
end_of_head(AwsxHttpReader *reader, AwsxError *error)
{
	AwsxHttpResponse *response = reader->response;

	if (response->status / 100 == 1)
	{
		awsx_headers_free(&response->headers);
		reader->state = AWSX_READER_STATUS;
		return AWSX_READING_MORE;
	}
	if (response->status == 204 || response->status == 304)
		return complete(reader);
	if (reader->chunked)
	{
		reader->keep = reader->keep && !reader->has_length;
		reader->state = AWSX_READER_CHUNK_SIZE;
		return AWSX_READING_MORE;
	}
	if (!reader->has_length)
	{
		reader->keep = false;
		reader->state = AWSX_READER_REST;
		return AWSX_READING_MORE;
	}
	if (reader->left > response->body.max && is_success(reader))
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer is longer than %zu bytes",
					   response->body.max);
		return AWSX_READING_FAILED;
	}
	if (reader->left == 0)
		return complete(reader);
	if (reader->left <= response->body.max &&
		!awsx_buf_reserve(&response->body, (size_t) reader->left))
		return fail_memory(error);
	reader->state = AWSX_READER_BODY;
	return AWSX_READING_MORE;
}

/*----------
 * Lines between chunks
 *----------
 */

static AwsxHttpReading
read_chunk_size(AwsxHttpReader *reader, const char *line, size_t len, AwsxError *error)
{
	uint64_t	size = 0;
	size_t		i = 0;

	while (i < len && i <= MAX_SIZE_DIGITS && awsx_text_hex_value(line[i]) >= 0)
		size = size * 16 + (uint64_t) awsx_text_hex_value(line[i++]);
	if (i == 0 || i > MAX_SIZE_DIGITS ||
		(i < len && line[i] != ';' && !is_blank(line[i])))
		return fail(error, "the answer has a chunk without a size");
	reader->left = size;
	reader->state = size > 0 ? AWSX_READER_CHUNK : AWSX_READER_TRAILERS;
	return AWSX_READING_MORE;
}

/*----------
 * Lines
 *----------
 */

static AwsxHttpReading
too_much_head(AwsxError *error)
{
	awsx_error_set(error, AWSX_ERR_PROTOCOL,
				   "the answer has more than %d headers or %zu bytes of them",
				   AWSX_HTTP_MAX_HEADERS, AWSX_HTTP_MAX_HEADER_BYTES);
	return AWSX_READING_FAILED;
}

static AwsxHttpReading
read_line(AwsxHttpReader *reader, const char *line, size_t len, AwsxError *error)
{
	if (reader->state == AWSX_READER_CHUNK_SIZE)
		return read_chunk_size(reader, line, len, error);
	if (reader->state == AWSX_READER_CHUNK_END)
	{
		reader->state = AWSX_READER_CHUNK_SIZE;
		return len == 0 ? AWSX_READING_MORE : fail(error, "the answer has a chunk longer than said");
	}
	if (!awsx_http_is_field_value(line, len))
		return fail(error, "the answer has control characters in its headers");
	switch (reader->state)
	{
		case AWSX_READER_STATUS:
			return read_status(reader, line, len, error);
		case AWSX_READER_TRAILERS:
			return len == 0 ? complete(reader) : read_header(reader, line, len, error);
		default:
			return len == 0 ? end_of_head(reader, error) : read_header(reader, line, len, error);
	}
}

static bool
is_between_chunks(const AwsxHttpReader *reader)
{
	return reader->state == AWSX_READER_CHUNK_SIZE || reader->state == AWSX_READER_CHUNK_END;
}

/* Does a line, or what there is of one, stay within the bounds? */
static bool
within_bounds(const AwsxHttpReader *reader, size_t len)
{
	if (is_between_chunks(reader))
		return len <= MAX_CHUNK_LINE;
	return reader->header_lines <= AWSX_HTTP_MAX_HEADERS &&
		reader->head_bytes + len <= AWSX_HTTP_MAX_HEADER_BYTES;
}

/* A line ends with LF, before which a CR is passed over. */
static AwsxHttpReading
end_line(AwsxHttpReader *reader, const char *line, size_t len, AwsxError *error)
{
	bool		in_head = !is_between_chunks(reader);

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (in_head && len > 0 && reader->state != AWSX_READER_STATUS)
		reader->header_lines++;
	if (!within_bounds(reader, len))
		return too_much_head(error);
	if (in_head)
		reader->head_bytes += len + 1;
	return read_line(reader, line, len, error);
}

static AwsxHttpReading
feed_line(AwsxHttpReader *reader, const char *bytes, size_t len, size_t *used, AwsxError *error)
{
	const char *feed = memchr(bytes, '\n', len);
	size_t		line_len = feed != NULL ? (size_t) (feed - bytes) : len;
	AwsxHttpReading reading;

	*used = feed != NULL ? line_len + 1 : len;
	if (feed != NULL && reader->partial.len == 0)
		return end_line(reader, bytes, line_len, error);
	if (!within_bounds(reader, reader->partial.len + line_len))
		return too_much_head(error);
	if (!awsx_buf_append(&reader->partial, bytes, line_len))
		return fail_memory(error);
	if (feed == NULL)
		return AWSX_READING_MORE;
	reading = end_line(reader, reader->partial.data, reader->partial.len, error);
	awsx_buf_reset(&reader->partial);
	return reading;
}

/*----------
 * Bodies
 *----------
 */

/* What an error says at length is cut, and its connection not used again. */
static AwsxHttpReading
keep_body(AwsxHttpReader *reader, const char *bytes, size_t len, AwsxError *error)
{
	AwsxBuf    *body = &reader->response->body;
	size_t		room = body->max - body->len;

	if (!awsx_buf_append(body, bytes, len < room ? len : room))
		return fail_memory(error);
	if (len <= room)
		return AWSX_READING_MORE;
	reader->keep = false;
	if (!is_success(reader))
		return complete(reader);
	awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer is longer than %zu bytes", body->max);
	return AWSX_READING_FAILED;
}

static AwsxHttpReading
feed_body(AwsxHttpReader *reader, const char *bytes, size_t len, size_t *used, AwsxError *error)
{
	AwsxHttpReading reading;

	*used = reader->state != AWSX_READER_REST && reader->left < len ? (size_t) reader->left : len;
	reading = keep_body(reader, bytes, *used, error);
	if (reading != AWSX_READING_MORE || reader->state == AWSX_READER_REST)
		return reading;
	reader->left -= *used;
	if (reader->left > 0)
		return AWSX_READING_MORE;
	if (reader->state == AWSX_READER_BODY)
		return complete(reader);
	reader->state = AWSX_READER_CHUNK_END;
	return AWSX_READING_MORE;
}

AwsxHttpReading
awsx_http_reader_feed(AwsxHttpReader *reader, const char *bytes, size_t len, size_t *used,
					  AwsxError *error)
{
	AwsxHttpReading reading = AWSX_READING_MORE;

	*used = 0;
	reader->began = true;
	while (*used < len && reading == AWSX_READING_MORE)
	{
		bool		in_body = reader->state == AWSX_READER_BODY ||
			reader->state == AWSX_READER_REST || reader->state == AWSX_READER_CHUNK;
		size_t		part = 0;

		reading = (in_body ? feed_body : feed_line) (reader, bytes + *used, len - *used, &part, error);
		*used += part;
	}
	return reading;
}

AwsxHttpReading
awsx_http_reader_end(AwsxHttpReader *reader, AwsxError *error)
{
	if (reader->state == AWSX_READER_REST)
		return complete(reader);
	awsx_error_set(error, AWSX_ERR_TRANSPORT, "%s",
				   !reader->began ? "the connection ended without an answer" :
				   reader->state == AWSX_READER_STATUS || reader->state == AWSX_READER_HEADERS ?
				   "the answer ended within its headers" : "the answer ended within its body");
	return AWSX_READING_FAILED;
}
