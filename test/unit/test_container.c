/*
 * test_container.c
 *	  A container's keys: whom the environment may name, and what is shown
 *	  there.
 */
#include "fetch_world.h"

#include <unistd.h>

#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define KEYS {.status = 200, .body = "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"RoleArn\":\"r\"," \
			  "\"Expiration\":\"2026-01-02T09:04:05Z\"}"}

static const Line keys[] = {KEYS, KEYS, KEYS};
static AwsxCredentialsProvider *provider;
static char token_path[64];

static void
clear_environment(void)
{
	unsetenv(RELATIVE);
	unsetenv(FULL);
	unsetenv(TOKEN_FILE);
	unsetenv(TOKEN);
}

static void
open_container(const Line *script)
{
	AwsxError	error;

	open_fetch_world(script);
	provider = awsx_credentials_container(&error);
}

static void
close_container(void)
{
	provider->free(provider);
	close_world();
}

static void
write_token(const char *text, size_t len)
{
	FILE	   *file = fopen(token_path, "w");

	fwrite(text, 1, len, file);
	fclose(file);
}

/* One fetch that finds keys, with that request. */
static void
is_found(const char *request)
{
	FetchEnd	end;

	open_container(keys);
	end = fetch_all(provider);
	if (!ok(end.count == 1 && end.error.kind == AWSX_OK && end.keys.expires_ms == INT64_C(1767344645000) &&
			strcmp(end.source, "container") == 0, "keys are found"))
		printf("# got: %s\n", end.error.message);
	is_str(fetch_log, request, "by this request");
	is_int(fetch_timeout_ms, 2000, "in two seconds");
	awsx_credentials_clear(&end.keys);
	close_container();
}

static FetchEnd
is_refused(const Line *script, const char *says, const char *requests)
{
	FetchEnd	end;

	open_container(script);
	end = fetch_all(provider);
	if (!ok(end.count == 1 && end.error.kind != AWSX_OK && !end.absent && strstr(end.error.message, says) != NULL,
			"failed: %s", says))
		printf("# got: %s\n", end.error.message);
	is_str(fetch_log, requests, "after these requests");
	close_container();
	return end;
}

static void
test_hosts(void)
{
	static const char *const good[] = {"https://keys.example", "http://localhost:1234", "http://127.1.2.3", "http://[::1]:80",
		"http://169.254.170.2", "http://169.254.170.23:80", "http://[fd00:ec2::23]", "https://[2001:db8::1]"};
	static const char *const bad[] = {"http://keys.example", "http://169.254.169.254", "http://169.254.170.2.example", "http://169.254.170.22",
		"http://10.0.0.1", "http://[fd00:ec2::24]", "http://localhost.example", "http://127.0.0.1.example"};
	static const char *const no_uri[] = {"ftp://169.254.170.2/x", "169.254.170.2/x", "http:///x", "http://a@169.254.170.2/x", "https://k.example?x", "https://k.example:x/x",
		"https://k.example/a b", "https://k.example/a\r\nX: y", "https://k.example/a#b"};
	char		uri[128];
	char		request[160];
	FetchEnd	end;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		snprintf(uri, sizeof(uri), "%s/v1/keys?a=b&c=d", good[i]);
		snprintf(request, sizeof(request), "GET %s\n", uri);
		setenv(FULL, uri, 1);
		is_found(request);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		snprintf(uri, sizeof(uri), "%s/v1/keys", bad[i]);
		setenv(FULL, uri, 1);
		is_refused(keys, "AWS_CONTAINER_CREDENTIALS_FULL_URI: keys are not fetched from", "");
	}
	for (size_t i = 0; i < sizeof(no_uri) / sizeof(no_uri[0]); i++)
	{
		setenv(FULL, no_uri[i], 1);
		end = is_refused(keys, "", "");
		ok(end.error.kind == AWSX_ERR_CONFIG, "no URI: %zu", i);
	}
	setenv(FULL, "https://keys.example", 1);
	is_found("GET https://keys.example/\n");
	setenv(RELATIVE, "/v2/credentials/uuid", 1);
	is_found("GET http://169.254.170.2/v2/credentials/uuid\n");
	setenv(RELATIVE, "@evil.example/x", 1);
	is_refused(keys, "does not begin with \"/\"", "");
	clear_environment();
	open_container(keys);
	end = fetch_all(provider);
	ok(end.count == 1 && end.absent && fetch_log[0] == '\0', "where the environment names none, there is none");
	close_container();
}

static void
test_token(void)
{
	static char flood[20000];

	setenv(FULL, "http://127.0.0.1:8080/k", 1);
	setenv(TOKEN, "Bearer one", 1);
	is_found("GET http://127.0.0.1:8080/k Authorization=Bearer one\n");
	setenv(TOKEN, "one\r\nX: y", 1);
	is_refused(keys, "header Authorization has a line break", "");
	setenv(TOKEN_FILE, token_path, 1);
	write_token("two", 3);
	is_found("GET http://127.0.0.1:8080/k Authorization=two\n");
	write_token("three\n", 6);
	is_refused(keys, "header Authorization has a line break", "");
	write_token("a\0b", 3);
	is_refused(keys, "is not text", "");
	write_token("", 0);
	is_refused(keys, "is empty", "");
	memset(flood, 'x', sizeof(flood));
	write_token(flood, sizeof(flood));
	is_refused(keys, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file", "");
	unlink(token_path);
	is_refused(keys, "No such file", "");
	setenv(TOKEN_FILE, "/", 1);
	is_refused(keys, "Is a directory", "");
	clear_environment();
}

/* One provider over the life of a container: the token changes under it. */
static void
test_rotation(void)
{
	FetchEnd	end;

	setenv(FULL, "http://127.0.0.1:8080/k", 1);
	setenv(TOKEN_FILE, token_path, 1);
	open_container(keys);
	write_token("first", 5);
	end = fetch_all(provider);
	awsx_credentials_clear(&end.keys);
	is_str(fetch_log, "GET http://127.0.0.1:8080/k Authorization=first\n", "a token");
	write_token("second", 6);
	end = fetch_all(provider);
	awsx_credentials_clear(&end.keys);
	is_str(fetch_log, "GET http://127.0.0.1:8080/k Authorization=second\n", "and the one that replaced it");
	close_container();
	unlink(token_path);
	clear_environment();
}

static void
test_answers(void)
{
	static const Line passing[] = {{.status = 500}, {.status = 0, .kind = AWSX_ERR_TIMEOUT}, KEYS};
	static const Line lasting[] = {{.status = 500}, {.status = 503}, {.status = 500, .body = "{\"message\":\"oops\"}"}};
	static const Line unknown[] = {{.status = 404, .body = "{\"code\":\"InvalidToken\",\"message\":\"no such id\"}"}};
	static const Line html[] = {{.status = 200, .body = "<html>"}};
	static const Line empty[] = {{.status = 200}};
	FetchEnd	end;

	setenv(RELATIVE, "/k", 1);
	open_container(passing);
	end = fetch_all(provider);
	ok(end.error.kind == AWSX_OK && world.transport->attempts == 3, "three attempts");
	awsx_credentials_clear(&end.keys);
	close_container();
	end = is_refused(lasting, "the credentials endpoint http://169.254.170.2: ", "GET http://169.254.170.2/k\nGET http://169.254.170.2/k\nGET http://169.254.170.2/k\n");
	ok(end.error.retryable && end.error.kind == AWSX_ERR_SERVICE, "and no more; it may pass later");
	end = is_refused(unknown, "no such id", "GET http://169.254.170.2/k\n");
	is_str(end.error.code, "InvalidToken", "what it says is told");
	is_refused(html, "the credentials endpoint http://169.254.170.2: the credentials are not a JSON object", "GET http://169.254.170.2/k\n");
	is_refused(empty, "the credentials are empty", "GET http://169.254.170.2/k\n");
	clear_environment();
}

static void
test_cancel(void)
{
	static const Line failing[] = {{.status = 500}, {.status = 500}, {.status = 500}};
	FetchEnd	end = {0};
	AwsxCredentialsFetch fetch = {.done = on_fetch_done, .arg = &end};

	setenv(RELATIVE, "/k", 1);
	open_container(failing);
	cancel_after(provider, 0, "the call");
	fetch.client = world.client;
	provider->start(provider, &fetch);
	awsx_client_drive(world.client);
	provider->cancel(provider);
	drive_all();
	ok(end.count == 0 && world.transport->attempts == 2, "given up between two attempts");
	provider->start(provider, &fetch);
	close_container();
	ok(end.count == 0, "freed in mid-fetch");
	clear_environment();
}

int
main(void)
{
	clear_environment();
	snprintf(token_path, sizeof(token_path), "/tmp/test_container.%d", (int) getpid());
	test_hosts();
	test_token();
	test_rotation();
	test_answers();
	test_cancel();
	return tap_done();
}
