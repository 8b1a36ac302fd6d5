/*
 * test_http.c
 *	  Headers, endpoints, dates, services and credentials.
 */
#include "tap.h"

#include <ctype.h>
#include <stdlib.h>

#include "date.h"
#include "fetch_now.h"
#include "http.h"
#include "http_check.h"

static void
test_headers(void)
{
	AwsxHeaders headers = {0};
	char		name[16];

	ok(awsx_headers_set(&headers, "Content-Type", "a"), "set");
	ok(awsx_headers_set(&headers, "content-type", "b"), "set again in other case");
	is_int(headers.count, 1, "it was replaced");
	is_str(awsx_headers_get(&headers, "CONTENT-TYPE"), "b", "get in any case");
	ok(awsx_headers_get(&headers, "Content-Typ") == NULL, "a prefix is another name");
	ok(!awsx_headers_set(&headers, "a", "b\r\nc: d"), "CRLF in a value");
	ok(!awsx_headers_set(&headers, "a", "b\nc"), "LF in a value");
	ok(!awsx_headers_set(&headers, "a", "\x7F"), "DEL in a value");
	ok(!awsx_headers_set(&headers, "a: b\r\nc", "d"), "CRLF in a name");
	ok(!awsx_headers_set(&headers, "", "d") && !awsx_headers_set(&headers, "a b", "d"), "no token");
	for (int byte = 1; byte < 256; byte++)
	{
		const char	text[2] = {(char) byte, '\0'};
		bool		in_token = (byte < 128 && isalnum(byte)) || strchr("!#$%&'*+-.^_`|~", byte) != NULL;
		bool		in_value = byte == '\t' || (byte >= 0x20 && byte != 0x7F);

		if (awsx_headers_set(&headers, text, "x") != in_token || awsx_headers_set(&headers, "a", text) != in_value)
			ok(false, "byte %d in a name or a value", byte);
	}
	awsx_headers_free(&headers);
	ok(awsx_headers_set(&headers, "Content-Type", "b"), "every byte in its place");
	ok(awsx_headers_set(&headers, "a", "\tx \xC3\xA9") && awsx_headers_set(&headers, "e", ""), "tab, UTF-8, empty");
	for (int i = 0; i < 50; i++)
	{
		snprintf(name, sizeof(name), "x-%d", i);
		awsx_headers_set(&headers, name, name);
	}
	awsx_headers_remove(&headers, "X-25");
	awsx_headers_remove(&headers, "never-there");
	ok(headers.count == 52 && awsx_headers_get(&headers, "x-25") == NULL, "one of many removed");
	is_str(awsx_headers_get(&headers, "x-49"), "x-49", "the others stay");
	awsx_headers_free(&headers);
	ok(headers.count == 0 && awsx_headers_get(&headers, "a") == NULL, "freed headers are empty");
}

static void
test_endpoints(void)
{
	static const char *const good[] = {
		"https://sqs.eu-west-1.amazonaws.com", "https://x:8443", "http://localhost:9324",
		"http://LocalHost", "http://127.0.0.1:1", "http://127.9.9.9:65535", "http://[::1]:4566",
		"https://[fd00::1]", "https://under_score.example"
	};
	static const char *const bad[] = {
		"", "sqs.amazonaws.com", "ftp://x", "HTTPS://x", "https://", "https://:80", "https://x/",
		"https://x/path", "https://x?q", "https://x#f", "https://u@x", "https://u:p@x", "https://x:",
		"https://x:0", "https://x:01", "https://x:65536", "https://x:999999", "https://x:8a", "https://x:-1",
		"https://a b", "https://a\r\nb", "https://a..b", "https://.a", "https://-a", "https://[::1",
		"https://[::g]", "https://[]", "https://[::1]x", "https://\xC3\xA9", "https://x\\y", "https://x:1:2"
	};
	static const char *const plain[] = {
		"http://example.com", "http://127.0.0.1.example.com", "http://169.254.169.254", "http://localhost.example",
		"http://[::2]", "http://0x7f.1", "http://127.1", "http://2130706433", "http://localhostx", "http://128.0.0.1"
	};
	AwsxError	error;
	char		longest[400] = "https://";

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(awsx_endpoint_check(good[i], false, &error), "endpoint %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!awsx_endpoint_check(bad[i], true, &error) && error.kind == AWSX_ERR_CONFIG, "no endpoint: number %zu", i);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
	{
		ok(!awsx_endpoint_check(plain[i], false, &error), "plain http refused: %s", plain[i]);
		ok(awsx_endpoint_check(plain[i], true, NULL), "and taken where allowed");
	}
	memset(longest + 8, 'a', 300);
	ok(!awsx_endpoint_check(longest, true, &error), "a host of 300 characters");
	ok(!awsx_endpoint_check(NULL, true, &error), "no endpoint at all");
}

static void
test_proxies(void)
{
	static const char *const good[] = {"http://proxy:3128", "https://proxy.example.org:443", "http://10.0.0.1:1",
	"http://[fd00::1]:3128", "http://us%65r:p%40ss-._~@proxy:3128"};
	static const char *const bad[] = {"", "proxy:3128", "socks5://proxy:1080", "http://proxy", "http://proxy:", "http://proxy:0",
		"http://proxy:65536", "http://proxy:3128/", "http://proxy:3128?x", "http://@proxy:1", "http://user@proxy:1", "http://user:@proxy:1",
		"http://:secret@proxy:1", "http://user:sec:ret@proxy:1", "http://user:sec ret@proxy:1", "http://user:sec%@proxy:1",
		"http://user:sec%0gret@proxy:1", "http://user:secret%00@proxy:1", "http://user:sec/ret@proxy:1", "http://user:secret@proxy:1@other:1",
	"http://user:secret\r\n@proxy:1", "http://-proxy:1", "http://[::1:1"};
	static const char *const direct[] = {"http://127.0.0.1:1", "http://localhost", "https://[::1]", "http://169.254.169.254",
	"http://169.254.170.2", "http://[fe80::1]", "http://[fd00:ec2::254]", "http://[fd00:ec2::23]:80"};
	static const char *const through[] = {"https://sqs.eu-west-1.amazonaws.com", "http://169.253.1.1", "https://169.254.169.254.example.org",
	"https://[fd00:ec3::254]", "https://localhost.example.org"};
	AwsxError	error;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(awsx_proxy_check(good[i], NULL), "proxy %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!awsx_proxy_check(bad[i], &error) && error.kind == AWSX_ERR_CONFIG && strstr(error.message, "ret") == NULL,
		   "no proxy, and not repeated: number %zu", i);
	for (size_t i = 0; i < sizeof(direct) / sizeof(direct[0]); i++)
		ok(awsx_proxy_passed_by(direct[i]), "no proxy for %s", direct[i]);
	for (size_t i = 0; i < sizeof(through) / sizeof(through[0]); i++)
		ok(!awsx_proxy_passed_by(through[i]), "but for %s", through[i]);
}

static void
test_request_check(void)
{
	static const char *const bad_paths[] = {"", "x", "/a b", "/a?b", "/a#b", "/a\r\nb", "/\xC3\xA9"};
	AwsxHttpRequest request;
	AwsxError	error;

	awsx_http_request_init(&request, "PROPFINDX");
	request.endpoint = strdup("https://x");
	request.path = strdup("/a//%20b");
	ok(!awsx_http_request_check(&request, false, &error), "a method too long is refused");
	strcpy(request.method, "PATCH");
	ok(!awsx_http_request_check(&request, false, &error), "an unknown method is refused");
	strcpy(request.method, "GET");
	ok(awsx_http_request_check(&request, false, &error), "a good request");
	request.query = strdup("a=b c");
	ok(!awsx_http_request_check(&request, false, &error), "a blank in the query");
	free(request.query);
	request.query = NULL;
	for (size_t i = 0; i < sizeof(bad_paths) / sizeof(bad_paths[0]); i++)
	{
		free(request.path);
		request.path = strdup(bad_paths[i]);
		ok(!awsx_http_request_check(&request, false, &error), "bad path number %zu", i);
	}
	free(request.path);
	request.path = NULL;
	ok(!awsx_http_request_check(&request, false, &error), "no path");
	awsx_http_request_free(&request);
	awsx_http_request_free(&request);
	ok(!awsx_http_request_check(&request, false, &error), "a freed request is refused");
}

static void
test_dates(void)
{
	static const char *const bad[] = {
		"", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nox 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 19x4 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1969 08:49:37 GMT"
	};
	int64_t		ms = 0;

	ok(awsx_http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT", &ms) && ms == INT64_C(784111777000), "a date");
	ok(awsx_http_date_ms("Tue, 29 Feb 2028 23:59:59 GMT", &ms) && ms == INT64_C(1835481599000), "a leap day");
	ok(awsx_http_date_ms("Thu, 01 Jan 1970 00:00:00 GMT", &ms) && ms == 0, "the epoch");
	ok(!awsx_http_date_ms(NULL, &ms), "no date");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!awsx_http_date_ms(bad[i], &ms), "no date: \"%s\"", bad[i]);
}

static void
test_iso_dates(void)
{
	static const struct
	{
		const char *text;
		int64_t		ms;
	}			good[] = {
		{"1994-11-06T08:49:37Z", INT64_C(784111777000)}, {"1994-11-06T08:49:37.5Z", INT64_C(784111777500)},
		{"1994-11-06T08:49:37.084014Z", INT64_C(784111777084)}, {"1994-11-06T08:49:37.1234567890123Z", INT64_C(784111777123)},
		{"1994-11-06T08:49:37+00:00", INT64_C(784111777000)}, {"1994-11-06T08:49:37.001-00:00", INT64_C(784111777001)},
		{"1994-11-06T10:19:37+01:30", INT64_C(784111777000)}, {"1994-11-05T22:49:37-1000", INT64_C(784111777000)},
		{"2028-02-29T23:59:59Z", INT64_C(1835481599000)}, {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
		{"9999-12-31T23:59:60Z", INT64_C(253402300800000)}, {"1970-01-01T00:00:00Z", 0}
	};
	static const char *const bad[] = {
		"", "1994-11-06", "1994-11-06T08:49:37", "1994-11-06 08:49:37Z", "1994-11-06T08:49Z", "1994-11-31T08:49:37Z",
		"2026-02-29T08:49:37Z", "2100-02-29T08:49:37Z", "1994-13-06T08:49:37Z", "1994-11-06T24:49:37Z",
		"1994-11-06T08:49:37.Z", "1994-11-06T08:49:37z", "1994-11-06T08:49:37Z ", "1994-11-06T08:49:37+1:00",
		"1994-11-06T08:49:37+01", "1994-11-06T08:49:37+01:", "1994-11-06T08:49:37+01:0", "1994-11-06T08:49:37+01:000",
		"1994-11-06T08:49:37+24:00", "1994-11-06T08:49:37+0160", "1994-11-06T08:49:3xZ", "1969-12-31T23:59:59Z", "-994-11-06T08:49:37Z"
	};
	int64_t		ms;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (ok(awsx_iso_date_ms(good[i].text, &ms), "an ISO date: \"%s\"", good[i].text))
			is_int(ms, good[i].ms, "and its time");
	ok(!awsx_iso_date_ms(NULL, &ms), "no ISO date");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!awsx_iso_date_ms(bad[i], &ms), "no ISO date: \"%s\"", bad[i]);
}

static void
clear_environment(void)
{
	static const char *const names[] = {
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static void
test_credentials(void)
{
	AwsxCredentials keys;
	AwsxError	error;
	AwsxCredentialsProvider *links[2];
	AwsxCredentialsProvider *chain;

	ok(awsx_credentials_set(&keys, "AK", "s/+=", "", &error) && keys.session_token == NULL, "an empty token is none");
	awsx_credentials_clear(&keys);
	ok(keys.secret_access_key == NULL, "cleared");
	ok(!awsx_credentials_set(&keys, "AK\n", "s", NULL, &error) && error.kind == AWSX_ERR_CREDENTIALS, "a line break in the id");
	ok(!awsx_credentials_set(&keys, "AK", "s s", NULL, &error), "a blank in the secret");
	ok(!awsx_credentials_set(&keys, "AK", "s", "t\r\nX: y", &error), "CRLF in the token");
	ok(!awsx_credentials_set(&keys, NULL, "s", NULL, &error) && !awsx_credentials_set(&keys, "a", "", NULL, &error), "missing parts");
	ok(strstr(error.message, "s s") == NULL, "no error shows a key");
	ok(awsx_credentials_static("A", "\xC3\xA9", NULL, &error) == NULL, "static keys are checked");

	links[0] = awsx_credentials_env(&error);
	links[1] = awsx_credentials_env(&error);
	chain = awsx_credentials_chain(links, 2, &error);
	ok(!fetch_now(chain, &keys, &error) && strstr(error.message, "environment: AWS_ACCESS_KEY_ID is not set; environment:") != NULL,
	   "a chain that finds nothing says where it looked");
	setenv("AWS_ACCESS_KEY_ID", "AKENV", 1);
	ok(!fetch_now(chain, &keys, &error) && strstr(error.message, "AWS_SECRET_ACCESS_KEY is not") != NULL, "half of the keys");
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_SESSION_TOKEN", "token", 1);
	ok(fetch_now(chain, &keys, &error) && strcmp(keys.session_token, "token") == 0, "all of them");
	awsx_credentials_clear(&keys);
	chain->free(chain);
	chain = awsx_credentials_chain(NULL, 0, &error);
	ok(!fetch_now(chain, &keys, &error), "an empty chain finds nothing");
	chain->free(chain);
	clear_environment();
}

int
main(void)
{
	test_headers();
	test_endpoints();
	test_proxies();
	test_request_check();
	test_dates();
	test_iso_dates();
	test_credentials();
	return tap_done();
}
