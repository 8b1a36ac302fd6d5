/*
 * test_sigv4.c
 *	  Every stage of the signature against the vectors in
 *	  $VECTORS/sigv4/<case>/, which botocore made.
 */
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>

#include "digest.h"
#include "sigv4.h"
#include "sigv4_key.h"

#define KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

typedef struct Vector
{
	AwsxCredentials credentials;
	AwsxHttpRequest request;
	AwsxSigv4	signer;
	char		region[32];
	char		service[32];
} Vector;

static char *
read_text(const char *name, const char *file)
{
	const char *vectors = getenv("VECTORS");
	char		path[1024];
	AwsxBuf		text;
	FILE	   *in;
	int			c;

	snprintf(path, sizeof(path), "%s/sigv4/%s/%s", vectors ? vectors : "test/vectors", name, file);
	in = fopen(path, "rb");
	if (in == NULL)
		return NULL;
	awsx_buf_init(&text, 0);
	while ((c = getc(in)) != EOF)
		awsx_buf_putc(&text, (char) c);
	fclose(in);
	return awsx_buf_take(&text, NULL);
}

/* Unlike awsx_headers_set this adds a name again, as a vector may want. */
static void
add_header(AwsxHeaders *headers, char *text)
{
	char	   *colon = strchr(text, ':');
	AwsxHeader *items = realloc(headers->items, (size_t) (headers->count + 1) * sizeof(*items));

	*colon = '\0';				/* name and value in one block, as http.h says */
	items[headers->count].name = malloc(strlen(colon + 1) + (size_t) (colon - text) + 2);
	items[headers->count].value = items[headers->count].name + (colon - text) + 1;
	strcpy(items[headers->count].name, text);
	strcpy(items[headers->count++].value, colon + 1);
	headers->items = items;
	headers->allocated = headers->count;
}

static void
read_hex(AwsxHttpRequest *request, const char *hex)
{
	request->body_len = strlen(hex) / 2;
	request->body = malloc(request->body_len + 1);
	for (size_t i = 0; i < request->body_len; i++)
	{
		unsigned int byte;

		sscanf(hex + 2 * i, "%2x", &byte);
		request->body[i] = (char) byte;
	}
}

static void
set_field(Vector *vector, const char *key, char *value)
{
	AwsxHttpRequest *request = &vector->request;

	if (strcmp(key, "method") == 0)
		snprintf(request->method, sizeof(request->method), "%s", value);
	else if (strcmp(key, "endpoint") == 0)
		request->endpoint = strdup(value);
	else if (strcmp(key, "path") == 0)
		request->path = strdup(value);
	else if (strcmp(key, "query") == 0)
		request->query = strdup(value);
	else if (strcmp(key, "region") == 0)
		snprintf(vector->region, sizeof(vector->region), "%s", value);
	else if (strcmp(key, "service") == 0)
		snprintf(vector->service, sizeof(vector->service), "%s", value);
	else if (strcmp(key, "when_ms") == 0)
		vector->signer.when_ms = strtoll(value, NULL, 10);
	else if (strcmp(key, "id") == 0)
		vector->credentials.access_key_id = strdup(value);
	else if (strcmp(key, "secret") == 0)
		vector->credentials.secret_access_key = strdup(value);
	else if (strcmp(key, "token") == 0)
		vector->credentials.session_token = strdup(value);
	else if (strcmp(key, "header") == 0)
		add_header(&request->headers, value);
	else if (strcmp(key, "body") == 0)
		read_hex(request, value);
}

static void
init_vector(Vector *vector)
{
	memset(vector, 0, sizeof(*vector));
	vector->signer.credentials = &vector->credentials;
	vector->signer.request = &vector->request;
	vector->signer.region = vector->region;
	vector->signer.service = vector->service;
}

static void
free_vector(Vector *vector)
{
	awsx_http_request_free(&vector->request);
	awsx_credentials_clear(&vector->credentials);
}

static bool
read_vector(Vector *vector, const char *name)
{
	char	   *text = read_text(name, "request");
	char	   *next = text;
	char	   *line;

	init_vector(vector);
	while (next != NULL && (line = strsep(&next, "\n")) != NULL)
	{
		char	   *value = strchr(line, ' ');

		if (value == NULL)
			continue;
		*value = '\0';
		set_field(vector, line, value + 1);
	}
	free(text);
	return text != NULL;
}

static void
is_file(const AwsxBuf *got, const char *name, const char *file)
{
	char	   *expected = read_text(name, file);
	char		label[400];

	snprintf(label, sizeof(label), "%s: %s", name, file);
	is_str(got->data, expected, label);
	free(expected);
}

static void
check_case(const char *name)
{
	static AwsxSigv4Key kept;
	Vector		vector;
	AwsxError	error;
	AwsxBuf		canonical;
	AwsxBuf		to_sign;
	AwsxBuf		authorization;
	char	   *expected = read_text(name, "authorization");

	awsx_buf_init(&canonical, 0);
	awsx_buf_init(&to_sign, 0);
	awsx_buf_init(&authorization, 0);
	awsx_error_clear(&error);
	ok(read_vector(&vector, name), "%s: read", name);
	if (!ok(awsx_sigv4_sign(&vector.signer, &error), "%s: signed", name))
		printf("# %s\n", error.message);
	is_str(awsx_headers_get(&vector.request.headers, "authorization"), expected, "its Authorization header");

	/* the stages by themselves, over the headers that signing set */
	awsx_sigv4_canonical_request(&vector.signer, &canonical, &error);
	is_file(&canonical, name, "canonical");
	awsx_sigv4_string_to_sign(&vector.signer, &canonical, &to_sign, &error);
	is_file(&to_sign, name, "string-to-sign");
	awsx_sigv4_authorization(&vector.signer, &to_sign, &authorization, &error);
	is_file(&authorization, name, "authorization");

	/* signing again changes nothing */
	awsx_sigv4_sign(&vector.signer, &error);
	is_str(awsx_headers_get(&vector.request.headers, "authorization"), expected, "signed twice");

	/* nor does a key that is kept, whatever case left it there */
	vector.signer.kept = &kept;
	for (int i = 0; i < 2; i++)
	{
		awsx_sigv4_sign(&vector.signer, &error);
		is_str(awsx_headers_get(&vector.request.headers, "authorization"), expected, "signed with a kept key");
	}

	awsx_buf_free(&canonical);
	awsx_buf_free(&to_sign);
	awsx_buf_free(&authorization);
	free_vector(&vector);
	free(expected);
}

static int
is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
check_all_cases(void)
{
	const char *vectors = getenv("VECTORS");
	char		path[1024];
	struct dirent **entries;
	int			count;

	snprintf(path, sizeof(path), "%s/sigv4", vectors ? vectors : "test/vectors");
	count = scandir(path, &entries, is_case, alphasort);
	ok(count >= 83, "the vectors are there (set VECTORS to their folder)");
	for (int i = 0; i < count; i++)
	{
		check_case(entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* A vector of the reference tables: canonical digest and signature. */
static void
check_known(const char *name, const char *canonical_hash, const char *signature)
{
	Vector		vector;
	AwsxBuf		canonical;
	AwsxError	error;
	char		hash[AWSX_SHA256_HEX_LEN + 1];
	const char *authorization;

	read_vector(&vector, name);
	awsx_sigv4_sign(&vector.signer, &error);
	awsx_buf_init(&canonical, 0);
	awsx_sigv4_canonical_request(&vector.signer, &canonical, &error);
	awsx_sha256_hex(canonical.data, canonical.len, hash);
	is_str(hash, canonical_hash, "known digest of the canonical request");
	authorization = awsx_headers_get(&vector.request.headers, "Authorization");
	is_str(authorization ? strstr(authorization, "Signature=") + 10 : NULL, signature, "known signature");
	awsx_buf_free(&canonical);
	free_vector(&vector);
}

static void
check_known_vectors(void)
{
	check_known("sqs-receive", "bcf395842000e7fb2392584ca976513e6acde19997b6f26240431999cf47b5d5",
				"9611c6ecd6cb765183f6108690fcd766e45642d304530fb94eda72fb47ae4d3d");
	check_known("sqs-receive-token", "1587983d043ee5e3c4748c7d728c99fa7bea63c21c33d671847c56e69feae9e3",
				"ad5f7f597703bce1202d7c596a1f42e610260b23d36233a33dd89e6b9bf9eb74");
	check_known("s3-awkward-key", "08f01f7249763d90b8cab9ec5958af22cef58df564551968d7d3b78a366d8945",
				"2b37f7c38fb39d4f4784878f5d7cdd12f2e4066b8a3b21e1d7a6bb18e19ac977");
	check_known("s3-list", "962ba96706f5057c76df13ebd242f7119ebdff5bc0af2e49ea3bfa4c9a72ea73",
				"b0fd221ef952ec1c1bc1251ef8a68faab12fe58ef06a2f055823eeb23dc3b0f8");
}

static void
make_vector(Vector *vector, const char *service, const char *path, const char *query)
{
	init_vector(vector);
	awsx_http_request_init(&vector->request, "GET");
	vector->request.endpoint = strdup("https://x.example");
	vector->request.path = strdup(path);
	vector->request.query = query ? strdup(query) : NULL;
	vector->credentials.access_key_id = strdup(KEY);
	vector->credentials.secret_access_key = strdup(SECRET);
	strcpy(vector->region, "eu-west-1");
	strcpy(vector->service, service);
}

/* What the server would read differently is refused. */
static void
check_refused(const char *service, const char *path, const char *query)
{
	Vector		vector;
	AwsxError	error;

	make_vector(&vector, service, path, query);
	ok(!awsx_sigv4_sign(&vector.signer, &error) && error.kind == AWSX_ERR_CONFIG,
	   "refused: %s %s?%s", service, path, query ? query : "");
	ok(awsx_headers_get(&vector.request.headers, "Authorization") == NULL, "and not signed");
	free_vector(&vector);
}

static void
check_malformed(void)
{
	AwsxBuf		many;

	check_refused("s3", "/a+b", NULL);
	check_refused("s3", "/a%2", NULL);
	check_refused("s3", "/%zz", NULL);
	check_refused("s3", "a", NULL);
	check_refused("sqs", "/a b", NULL);
	check_refused("sqs", "/\xC3\xA9", NULL);
	check_refused("sqs", "/", "a+b=c");
	check_refused("sqs", "/", "a=b=c");
	check_refused("sqs", "/", "a=%");
	check_refused("sqs", "/", "a=b/c");
	check_refused("sqs", "/", "a=b c");
	awsx_buf_init(&many, 0);
	for (int i = 0; i < 200; i++)
		awsx_buf_puts(&many, "a=b&");
	check_refused("sqs", "/", many.data);
	awsx_buf_free(&many);
}

static void
check_normal_form(void)
{
	Vector		vector;
	AwsxBuf		canonical;
	AwsxError	error;

	make_vector(&vector, "s3", "/%c3%a9%41%2f", "b=%2f&&a&");
	awsx_buf_init(&canonical, 0);
	ok(awsx_sigv4_sign(&vector.signer, &error), "other spellings of the same are signed");
	awsx_sigv4_canonical_request(&vector.signer, &canonical, &error);
	ok(strncmp(canonical.data, "GET\n/%C3%A9A%2F\na=&b=%2F\n", 25) == 0, "in their one form");
	is_str(vector.request.path, "/%c3%a9%41%2f", "and sent as they are");
	awsx_buf_free(&canonical);
	free_vector(&vector);
}

/* As many headers as can be signed, and one more. */
static void
check_count_of_headers(int count, bool expected)
{
	Vector		vector;
	AwsxError	error;
	char		name[16];

	make_vector(&vector, "sqs", "/", NULL);
	while (vector.request.headers.count < count)
	{
		snprintf(name, sizeof(name), "x-%d", vector.request.headers.count);
		awsx_headers_set(&vector.request.headers, name, "1");
	}
	awsx_error_clear(&error);
	ok(awsx_sigv4_sign(&vector.signer, &error) == expected, "%d headers: %s", count, error.message);
	free_vector(&vector);
}

static void
check_state_of_headers(void)
{
	Vector		vector;
	AwsxError	error;

	make_vector(&vector, "s3", "/", NULL);
	vector.credentials.session_token = strdup("first");
	awsx_sigv4_sign(&vector.signer, &error);
	is_str(awsx_headers_get(&vector.request.headers, "X-Amz-Security-Token"), "first", "a token is set");
	free(vector.credentials.session_token);
	vector.credentials.session_token = NULL;
	vector.signer.payload_hash = "UNSIGNED-PAYLOAD";
	awsx_sigv4_sign(&vector.signer, &error);
	ok(awsx_headers_get(&vector.request.headers, "X-Amz-Security-Token") == NULL, "an old token goes");
	is_str(awsx_headers_get(&vector.request.headers, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD", "a given hash is sent");
	vector.credentials.session_token = strdup("a\r\nEvil: 1");
	ok(!awsx_sigv4_sign(&vector.signer, &error), "a token with a line break is refused");
	free(vector.credentials.session_token);
	vector.credentials.session_token = NULL;
	vector.signer.when_ms = -1;
	ok(!awsx_sigv4_sign(&vector.signer, &error), "a time before 1970 is refused");
	vector.signer.when_ms = INT64_MAX;
	ok(!awsx_sigv4_sign(&vector.signer, &error), "a time after 9999 too");
	free_vector(&vector);
}

/* Is the key derived anew (by what *kept holds of another) after one thing has changed? */
static void
check_key_follows(AwsxSigv4 *signer, AwsxSigv4Key *kept, const char *date, const char *what)
{
	AwsxSigv4	without = *signer;
	unsigned char key[AWSX_SHA256_LEN];
	unsigned char expected[AWSX_SHA256_LEN];

	without.kept = NULL;
	signer->kept = kept;
	ok(awsx_sigv4_key(&without, date, expected) && awsx_sigv4_key(signer, date, key) &&
	   memcmp(key, expected, sizeof(key)) == 0, "the key follows %s", what);
	ok(kept->filled && memcmp(kept->key, expected, sizeof(key)) == 0, "and is kept");
	memset(kept->key, 'k', sizeof(kept->key));
	ok(awsx_sigv4_key(signer, date, key) && memcmp(key, kept->key, sizeof(key)) == 0, "and used");
}

static void
check_kept_key(void)
{
	AwsxCredentials keys = {.access_key_id = KEY,.secret_access_key = SECRET};
	AwsxSigv4	signer = {.credentials = &keys,.region = "eu-west-1",.service = "sqs"};
	AwsxSigv4Key kept = {0};
	AwsxSigv4Key empty = {0};
	char		long_secret[200];

	check_key_follows(&signer, &kept, "20260131T235959Z", "the signer");
	check_key_follows(&signer, &kept, "20260201T000000Z", "the day");
	signer.region = "eu-west-2";
	check_key_follows(&signer, &kept, "20260201T000000Z", "the region");
	signer.service = "s3";
	check_key_follows(&signer, &kept, "20260201T000000Z", "the service");
	keys.secret_access_key = (char[]) {"another"};
	check_key_follows(&signer, &kept, "20260201T000000Z", "the secret");

	memset(long_secret, 'x', sizeof(long_secret));
	long_secret[sizeof(long_secret) - 1] = '\0';
	keys.secret_access_key = long_secret;
	ok(awsx_sigv4_key(&signer, "20260201T000000Z", (unsigned char[AWSX_SHA256_LEN]) {0}) &&
	   memcmp(&kept, &empty, sizeof(kept)) == 0, "a secret that is too long is not kept, and what was is wiped");
}

/* Against the C library, for a moment of every day that can be signed. */
static void
check_dates(void)
{
	int			wrong = 0;

	for (int64_t day = 0; day < 2932897; day++)
	{
		time_t		seconds = (time_t) (day * 86400 + day % 86400);
		struct tm	parts;
		char		expected[32];
		char		date[AWSX_SIGV4_DATE_LEN + 1];

		gmtime_r(&seconds, &parts);
		strftime(expected, sizeof(expected), "%Y%m%dT%H%M%SZ", &parts);
		wrong += !awsx_sigv4_date(seconds * (int64_t) 1000 + 999, date) || strcmp(date, expected) != 0;
	}
	ok(wrong == 0, "%d dates are not the C library's", wrong);
}

int
main(void)
{
	check_kept_key();
	check_dates();
	check_all_cases();
	check_known_vectors();
	check_malformed();
	check_normal_form();
	check_count_of_headers(62, true);	/* and X-Amz-Date, and the host */
	check_count_of_headers(63, false);
	check_state_of_headers();
	return tap_done();
}
