/*
 * http.c
 *	  Fuzzing of the reader of HTTP answers, with libcurl as the oracle: what
 *	  the reader takes for an answer, libcurl takes for the same.
 *
 * The first byte says into which pieces the rest is cut; the rest is what a
 * server sends before it closes.
 */
#include "targets.h"

#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_check.h"
#include "http_reader.h"

#define CAP ((size_t) 512)

/* Where the oracle is: any number of interim heads, then the final one. */
typedef enum Heads
{
	HEADS_STATUS,				/* the next line is a status */
	HEADS_INTERIM,
	HEADS_FINAL,
	HEADS_OVER
} Heads;

typedef struct Told
{
	AwsxHttpResponse response;
	Heads		heads;
	bool		cut;			/* by the cap */
} Told;

/*----------
 * Ours
 *----------
 */

static AwsxHttpReading
read_pieces(const char *bytes, size_t len, size_t piece, AwsxHttpResponse *response, bool *keep, AwsxError *error)
{
	AwsxHttpReader reader = {0};
	AwsxHttpReading reading = AWSX_READING_MORE;
	size_t		done = 0;

	awsx_error_clear(error);
	awsx_http_response_init(response, CAP);
	awsx_http_reader_start(&reader, response);
	while (done < len && reading == AWSX_READING_MORE)
	{
		size_t		part = len - done < piece ? len - done : piece;
		size_t		used;

		reading = awsx_http_reader_feed(&reader, bytes + done, part, &used, error);
		assert(used <= part && (used == part || reading != AWSX_READING_MORE));
		done += used;
	}
	if (reading == AWSX_READING_MORE)
		reading = awsx_http_reader_end(&reader, error);
	assert(reading != AWSX_READING_MORE);
	assert((reading == AWSX_READING_FAILED) == (error->kind != AWSX_OK));
	assert(response->body.len <= CAP);
	*keep = reader.keep;
	awsx_http_reader_free(&reader);
	return reading;
}

static void
assert_same(const AwsxHttpResponse *a, const AwsxHttpResponse *b)
{
	assert(a->status == b->status);
	assert(a->body.len == b->body.len);
	assert(a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
	assert(a->headers.count == b->headers.count);
	for (int i = 0; i < a->headers.count; i++)
	{
		const char *value = awsx_headers_get(&b->headers, a->headers.items[i].name);

		assert(value != NULL && strcmp(value, a->headers.items[i].value) == 0);
	}
}

/*----------
 * The oracle's
 *----------
 */

static size_t
on_header(char *bytes, size_t size, size_t count, void *arg)
{
	Told	   *told = arg;
	size_t		len = size * count;

	if (told->heads == HEADS_OVER)
		return len;				/* trailers */
	if (told->heads == HEADS_STATUS)
	{
		awsx_headers_free(&told->response.headers);
		told->heads = bytes[9] == '1' ? HEADS_INTERIM : HEADS_FINAL;
	}
	else if (bytes[0] == '\r' || bytes[0] == '\n')
		told->heads = told->heads == HEADS_FINAL ? HEADS_OVER : HEADS_STATUS;
	else
		assert(awsx_headers_set_line(&told->response.headers, bytes, len));
	return len;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	Told	   *told = arg;
	AwsxBuf    *body = &told->response.body;
	size_t		len = size * count;
	size_t		room = CAP - body->len;

	assert(awsx_buf_append(body, bytes, len < room ? len : room));
	told->cut = len > room;
	return told->cut ? 0 : len;
}

/* The port on which this process serves itself. */
static int
listen_once(char *url, size_t size)
{
	static int	listener = -1;
	static struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t	len = sizeof(address);

	if (listener < 0)
	{
		listener = socket(AF_INET, SOCK_STREAM, 0);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert(bind(listener, (struct sockaddr *) &address, len) == 0 && listen(listener, 1) == 0);
		assert(getsockname(listener, (struct sockaddr *) &address, &len) == 0);
	}
	snprintf(url, size, "http://127.0.0.1:%d/", ntohs(address.sin_port));
	return listener;
}

/* Closed by a reset, so that no port waits for stray segments. */
static int
serve(int listener, const char *bytes, size_t len)
{
	struct linger reset = {.l_onoff = 1};
	int			fd = accept(listener, NULL, NULL);

	assert(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
	assert(write(fd, bytes, len) == (ssize_t) len && shutdown(fd, SHUT_WR) == 0);
	return fd;
}

static CURLcode
perform(CURL *easy, int listener, const char *bytes, size_t len)
{
	CURLM	   *multi = curl_multi_init();
	int			running = 1;
	int			left;
	int			fd;
	CURLcode	code;

	assert(multi != NULL && curl_multi_add_handle(multi, easy) == CURLM_OK);
	assert(curl_multi_perform(multi, &running) == CURLM_OK);
	fd = serve(listener, bytes, len);
	while (running > 0)
	{
		assert(curl_multi_perform(multi, &running) == CURLM_OK);
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	code = curl_multi_info_read(multi, &left)->data.result;
	curl_multi_remove_handle(multi, easy);
	curl_multi_cleanup(multi);
	close(fd);
	return code;
}

static CURLcode
ask_libcurl(const char *bytes, size_t len, Told *told)
{
	CURL	   *easy = curl_easy_init();
	char		url[64];
	int			listener = listen_once(url, sizeof(url));
	long		status = 0;
	CURLcode	code;

	assert(easy != NULL);
	memset(told, 0, sizeof(*told));
	awsx_http_response_init(&told->response, CAP);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, told);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, told);
	code = perform(easy, listener, bytes, len);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	told->response.status = (int) status;
	curl_easy_cleanup(easy);
	return code;
}

/* The cap is not libcurl's; what it cut is a success to the reader when it is an error's body. */
static void
compare_to_libcurl(const char *bytes, size_t len, const AwsxHttpResponse *response)
{
	Told		told;
	CURLcode	code = ask_libcurl(bytes, len, &told);

	if (code != CURLE_OK && !told.cut)
		fprintf(stderr, "libcurl: %s\n", curl_easy_strerror(code));
	assert(code == CURLE_OK || (code == CURLE_WRITE_ERROR && told.cut));
	assert_same(response, &told.response);
	awsx_http_response_free(&told.response);
}

void
fuzz_http(const char *bytes, size_t len)
{
	AwsxHttpResponse whole;
	AwsxHttpResponse cut;
	AwsxError	error;
	AwsxError	cut_error;
	AwsxHttpReading reading;
	bool		keep;
	bool		cut_keep;
	size_t		piece;

	if (len < 2)
		return;
	piece = (size_t) (unsigned char) bytes[0] + 1;
	bytes++;
	len--;
	reading = read_pieces(bytes, len, len, &whole, &keep, &error);
	assert(read_pieces(bytes, len, piece, &cut, &cut_keep, &cut_error) == reading);
	assert(error.kind == cut_error.kind && strcmp(error.message, cut_error.message) == 0);
	if (reading == AWSX_READING_COMPLETE)
	{
		assert(keep == cut_keep);
		assert_same(&whole, &cut);
		compare_to_libcurl(bytes, len, &whole);
	}
	awsx_http_response_free(&whole);
	awsx_http_response_free(&cut);
}
