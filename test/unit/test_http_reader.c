/*
 * test_http_reader.c
 *	  Answers in bytes, each read whole and byte by byte: what is an answer,
 *	  where it ends, and what is refused.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <stdlib.h>

#include "failing_memory.h"
#include "http_reader.h"

#define CAP 20

typedef struct Answer
{
	const char *bytes;
	const char *body;
	int			status;
	bool		keep;
	bool		by_end;			/* only the connection's end completes it */
	size_t		left;			/* bytes that are not the answer's */
} Answer;

typedef struct Refusal
{
	const char *bytes;
	const char *said;			/* a part of it */
} Refusal;

#define OK "HTTP/1.1 200 OK\r\n"

static const Answer answers[] = {
	{OK "Content-Length: 2\r\n\r\nab", "ab", 200, true, false, 0},
	{OK "content-length:2\nX:y\n\nab", "ab", 200, true, false, 0},
	{OK "Content-Length: 2\r\n\r\nabHTTP/1.1 ", "ab", 200, true, false, 9},
	{OK "Content-Length: 0\r\n\r\n", "", 200, true, false, 0},
	{OK "Content-Length: 2\r\nContent-Length: 02\r\n\r\nab", "ab", 200, true, false, 0},
	{OK "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nab", "ab", 200, true, false, 0},
	{OK "Content-Length: 2\r\nConnection: x , CLOSE,\r\n\r\nab", "ab", 200, false, false, 0},
	{OK "Content-Length: 2\r\nConnection: closed\r\n\r\nab", "ab", 200, true, false, 0},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", 200, false, false, 0},
	{"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na", "a", 200, true, false, 0},
	{OK "\r\nabc", "abc", 200, false, true, 0},
	{"HTTP/1.1 204 Nothing\r\nContent-Length: 5\r\n\r\n", "", 204, true, false, 0},
	{"HTTP/1.1 304 As before\r\n\r\n", "", 304, true, false, 0},
	{"HTTP/1.1 100 Go on\r\nConnection: close\r\nContent-Length: 7\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" OK "Content-Length: 1\r\n\r\na", "a", 200, true, false, 0},
	{OK "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0A ;x=\"y\"\r\n0123456789\r\n0\r\nX-Late: 1\r\n\r\n", "abc0123456789", 200, true, false, 0},
	{OK "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n2\r\nab\r\n0\r\n\r\n", "ab", 200, false, false, 0},
	{OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 200, true, false, 0},
	{OK "No Name: 1\r\n: 2\r\nContent-Length: 1\r\n\r\na", "a", 200, true, false, 0},
	{OK "Content-Length: 20\r\n\r\n01234567890123456789", "01234567890123456789", 200, true, false, 0},
	{"HTTP/1.1 500 No\r\nContent-Length: 22\r\n\r\n0123456789012345678901", "01234567890123456789", 500, false, false, 0},
	{"HTTP/1.1 500 No\r\n\r\n012345678901234567890", "01234567890123456789", 500, false, false, 0},
};

static const Refusal refusals[] = {
	{OK "Content-Length: 21\r\n\r\n", "longer than 20 bytes"},
	{OK "\r\n012345678901234567890", "longer than 20 bytes"},
	{OK "Transfer-Encoding: chunked\r\n\r\n15\r\n012345678901234567890", "longer than 20 bytes"},
	{OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab", "two lengths"},
	{OK "Content-Length: 2, 2\r\n\r\nab", "Content-Length is no number"},
	{OK "Content-Length: -2\r\n\r\nab", "Content-Length is no number"},
	{OK "Content-Length:\r\n\r\nab", "Content-Length is no number"},
	{OK "Content-Length: 18446744073709551618\r\n\r\nab", "Content-Length is no number"},
	{OK "Content-Length : 2\r\n\r\nab", "line in its headers that is none"},
	{OK "X: y\r\n Content-Length: 2\r\n\r\nab", "line in its headers that is none"},
	{OK "nonsense\r\n\r\nab", "line in its headers that is none"},
	{OK "X: a\001b\r\n\r\nab", "control characters"},
	{OK "X: a\rb\r\n\r\nab", "control characters"},
	{"HTTP/1.1 200 O\177K\r\n\r\n", "control characters"},
	{OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "not \"chunked\""},
	{OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "not \"chunked\""},
	{OK "Transfer-Encoding: chunked\r\n\r\n\r\n", "chunk without a size"},
	{OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "chunk without a size"},
	{OK "Transfer-Encoding: chunked\r\n\r\n0x5\r\n", "chunk without a size"},
	{OK "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", "chunk without a size"},
	{OK "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "longer than said"},
	{OK "Transfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n", "line in its headers that is none"},
	{"HTTP/2 200 OK\r\n\r\n", "not HTTP/1"},
	{"HTTP/1.2 200 OK\r\n\r\n", "not HTTP/1"},
	{"HTTP/1.1 20 OK\r\n\r\n", "not HTTP/1"},
	{"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP/1"},
	{"HTTP/1.1 099 OK\r\n\r\n", "not HTTP/1"},
	{"\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP/1"},
	{"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1"},
	{"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "another protocol"},

	{"", "ended without an answer"},
	{"HTTP/1.1 2", "ended within its headers"},
	{OK "Content-Length: 2\r\n", "ended within its headers"},
	{OK "Content-Length: 2\r\n\r\na", "ended within its body"},
	{OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "ended within its body"},
	{OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", "ended within its body"},
	{"HTTP/1.1 100 Go on\r\n\r\n", "ended within its headers"},
};

/* How it ends; *left: what was not used. */
static AwsxHttpReading
read_all(AwsxHttpReader *reader, const char *bytes, size_t len, size_t piece, bool *by_end, size_t *left, AwsxError *error)
{
	AwsxHttpReading reading = AWSX_READING_MORE;
	size_t		done = 0;

	while (done < len && reading == AWSX_READING_MORE)
	{
		size_t		part = len - done < piece ? len - done : piece;
		size_t		used;

		reading = awsx_http_reader_feed(reader, bytes + done, part, &used, error);
		done += used;
	}
	*left = len - done;
	*by_end = reading == AWSX_READING_MORE;
	return *by_end ? awsx_http_reader_end(reader, error) : reading;
}

static bool
is_answer(const Answer *told, size_t piece)
{
	AwsxHttpReader reader = {0};
	AwsxHttpResponse response;
	AwsxError	error;
	AwsxHttpReading reading;
	bool		by_end;
	size_t		left;
	bool		right;

	awsx_error_clear(&error);
	awsx_http_response_init(&response, CAP);
	awsx_http_reader_start(&reader, &response);
	reading = read_all(&reader, told->bytes, strlen(told->bytes), piece, &by_end, &left, &error);
	right = reading == AWSX_READING_COMPLETE && response.status == told->status && response.body.len == strlen(told->body) &&
		strcmp(response.body.data != NULL ? response.body.data : "", told->body) == 0 &&
		reader.keep == told->keep && by_end == told->by_end && (piece == 1 || left == told->left);
	if (!right)
		printf("# in pieces of %zu: %d, status %d, body %zu bytes, keep %d, left %zu: %s\n", piece, (int) reading, response.status,
			   response.body.len, reader.keep, left, error.message);
	awsx_http_response_free(&response);
	awsx_http_reader_free(&reader);
	return right;
}

static bool
is_refused(const Refusal *told, size_t piece)
{
	AwsxHttpReader reader = {0};
	AwsxHttpResponse response;
	AwsxError	error;
	bool		by_end;
	size_t		left;
	bool		right;

	awsx_error_clear(&error);
	awsx_http_response_init(&response, CAP);
	awsx_http_reader_start(&reader, &response);
	right = read_all(&reader, told->bytes, strlen(told->bytes), piece, &by_end, &left, &error) == AWSX_READING_FAILED &&
		strstr(error.message, told->said) != NULL;
	if (!right)
		printf("# in pieces of %zu: %s\n", piece, error.message);
	awsx_http_response_free(&response);
	awsx_http_reader_free(&reader);
	return right;
}

static void
test_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		ok(is_answer(&answers[i], 4096) && is_answer(&answers[i], 1), "answer %zu: \"%s\"", i + 1, answers[i].body);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		ok(is_refused(&refusals[i], 4096) && is_refused(&refusals[i], 1), "refusal %zu: %s", i + 1, refusals[i].said);
}

static void
test_headers(void)
{
	AwsxHttpReader reader = {0};
	AwsxHttpResponse response;
	AwsxError	error;
	bool		by_end;
	size_t		left;
	static const char first[] = "HTTP/1.1 100 Go on\r\nX-Early: 1\r\n\r\n" OK "X-One:  a b \t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n";
	static const char second[] = OK "Content-Length: 0\r\n\r\n";

	awsx_http_response_init(&response, CAP);
	awsx_http_reader_start(&reader, &response);
	is_int(read_all(&reader, first, sizeof(first) - 1, 3, &by_end, &left, &error), AWSX_READING_COMPLETE, "an answer");
	is_str(awsx_headers_get(&response.headers, "x-one"), "a b", "a header without the blanks around it");
	ok(awsx_headers_get(&response.headers, "X-Early") == NULL && awsx_headers_get(&response.headers, "X-Late") == NULL,
	   "no header of an interim answer, nor of a trailer");
	awsx_http_response_free(&response);
	awsx_http_response_init(&response, CAP);
	awsx_http_reader_start(&reader, &response);
	is_int(read_all(&reader, second, sizeof(second) - 1, 100, &by_end, &left, &error), AWSX_READING_COMPLETE, "the next with the same reader");
	is_int(response.headers.count, 1, "... has its own headers");
	awsx_http_response_free(&response);
	awsx_http_reader_free(&reader);
}

/* Read an answer of one line that is repeated; false when it is refused for its head. */
static bool
bears(const char *begin, const char *line, int count, const char *finish)
{
	AwsxHttpReader reader = {0};
	AwsxHttpResponse response;
	AwsxError	error;
	size_t		size = strlen(begin) + strlen(line) * (size_t) count + strlen(finish) + 1;
	char	   *bytes = calloc(1, size);
	bool		by_end;
	size_t		left;
	bool		refused;

	strcpy(bytes, begin);
	for (int i = 0; i < count; i++)
		strcat(bytes, line);
	strcat(bytes, finish);
	awsx_error_clear(&error);
	awsx_http_response_init(&response, 1 << 20);
	awsx_http_reader_start(&reader, &response);
	refused = read_all(&reader, bytes, strlen(bytes), 1000, &by_end, &left, &error) == AWSX_READING_FAILED;
	if (refused)
		ok(strstr(error.message, "more than 100 headers or 65536 bytes") != NULL, "... %s", error.message);
	awsx_http_response_free(&response);
	awsx_http_reader_free(&reader);
	free(bytes);
	return !refused;
}

static void
test_bounds(void)
{
	static const char hundred[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
	static const char chunks[] = OK "Transfer-Encoding: chunked\r\n\r\n";

	ok(bears(OK, "X: y\r\n", 99, "Content-Length: 0\r\n\r\n"), "a hundred headers");
	ok(!bears(OK, "X: y\r\n", 100, "Content-Length: 0\r\n\r\n"), "no more");
	ok(bears(OK "X: ", hundred, 650, "\r\nContent-Length: 0\r\n\r\n"), "a header of 65 000 bytes");
	ok(!bears(OK "X: ", hundred, 660, "\r\nContent-Length: 0\r\n\r\n"), "not one of 66 000");
	ok(!bears(OK "X: ", hundred, 660, ""), "... not even without its end");
	ok(!bears("", "HTTP/1.1 100 Go on\r\n\r\n", 3300, OK "Content-Length: 0\r\n\r\n"), "interim answers count");
	ok(bears(chunks, "1;x=y\r\nz\r\n", 20000, "0\r\n\r\n"), "any number of chunks");
	ok(!bears(chunks, hundred, 42, "\r\n"), "no chunk's size of 4 200 bytes");
	ok(!bears(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n", 101, "\r\n"), "trailers count");
}

static void
test_memory(void)
{
	static const char answer[] = OK "X-One: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
	int			failures = 0;
	bool		wrong = false;
	long		before = memory_live;

	for (long at = 1;; at++)
	{
		AwsxHttpReader reader = {0};
		AwsxHttpResponse response;
		AwsxError	error;
		AwsxHttpReading reading;
		bool		by_end;
		size_t		left;

		awsx_error_clear(&error);
		awsx_http_response_init(&response, CAP);
		memory_asked = 0;
		memory_fail_at = at;
		awsx_http_reader_start(&reader, &response);
		reading = read_all(&reader, answer, sizeof(answer) - 1, 5, &by_end, &left, &error);
		memory_fail_at = 0;
		wrong = wrong || (reading == AWSX_READING_FAILED && error.kind != AWSX_ERR_MEMORY);
		awsx_http_response_free(&response);
		awsx_http_reader_free(&reader);
		if (reading == AWSX_READING_COMPLETE && memory_asked < at)
			break;
		failures += reading == AWSX_READING_FAILED;
	}
	ok(failures > 3 && !wrong, "each of %d allocations that fails is told", failures);
	is_int(memory_live - before, 0, "... and nothing is left behind");
}

int
main(void)
{
	test_answers();
	test_headers();
	test_bounds();
	test_memory();
	return tap_done();
}
