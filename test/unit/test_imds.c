/*
 * test_imds.c
 *	  An instance's metadata: the role's keys and the region, on machines that
 *	  have them and on machines that do not.
 */
#include "fetch_world.h"

#include "imds.h"

#define BASE "http://169.254.169.254"
#define PUT_TOKEN "PUT " BASE "/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600\n"
#define GET_ROLE(token) "GET " BASE "/latest/meta-data/iam/security-credentials/ x-aws-ec2-metadata-token=" token "\n"
#define GET_KEYS(token) "GET " BASE "/latest/meta-data/iam/security-credentials/web+role x-aws-ec2-metadata-token=" token "\n"
#define TOKEN(text) {.status = 200, .headers = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600", .body = text}
#define ROLE {.status = 200, .body = "web+role\nanother"}
#define KEYS {.status = 200, .body = "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," \
			  "\"Expiration\":\"2026-01-02T09:04:05Z\"}"}
#define SILENCE {.status = 0, .kind = AWSX_ERR_TIMEOUT}

static AwsxCredentialsProvider *provider;

static void
clear_environment(void)
{
	unsetenv("AWS_EC2_METADATA_DISABLED");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	unsetenv("AWS_METADATA_SERVICE_TIMEOUT");
	unsetenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS");
}

static void
open_imds(const Line *script)
{
	AwsxError	error;

	open_fetch_world(script);
	provider = awsx_credentials_imds(&error);
}

static void
close_imds(void)
{
	provider->free(provider);
	close_world();
}

/* One fetch that finds no keys. */
static void
is_refused(const Line *script, bool absent, const char *says, const char *requests)
{
	FetchEnd	end;

	open_imds(script);
	end = fetch_all(provider);
	if (!ok(end.count == 1 && end.error.kind != AWSX_OK && end.absent == absent &&
			strstr(end.error.message, says) != NULL, "%s: %s", absent ? "absent" : "failed", says))
		printf("# got: %s\n", end.error.message);
	if (requests != NULL)
		is_str(fetch_log, requests, "after these requests");
	close_imds();
}

static void
test_found(void)
{
	static const Line script[] = {TOKEN("tok1"), ROLE, KEYS, ROLE, KEYS, TOKEN("tok2"), ROLE, KEYS};
	FetchEnd	end;

	open_imds(script);
	end = fetch_all(provider);
	ok(end.count == 1 && end.error.kind == AWSX_OK, "keys are found");
	is_str(end.keys.access_key_id, "ASIA1", "the id");
	is_str(end.keys.session_token, "t", "the token");
	is_int(end.keys.expires_ms, 1767344645000, "the end");
	is_str(end.source, "instance metadata", "the source");
	is_str(fetch_log, PUT_TOKEN GET_ROLE("tok1") GET_KEYS("tok1"), "with a token from the first request on");
	is_int(fetch_timeout_ms, 1000, "a second is enough");
	ok(!world.transport->last_signed, "nothing is signed");
	awsx_credentials_clear(&end.keys);
	world.monotonic_ms += 21580000;
	end = fetch_all(provider);
	is_str(fetch_log, GET_ROLE("tok1") GET_KEYS("tok1"), "the token is kept");
	awsx_credentials_clear(&end.keys);
	world.monotonic_ms += 10000;
	end = fetch_all(provider);
	is_str(fetch_log, PUT_TOKEN GET_ROLE("tok2") GET_KEYS("tok2"), "but not to its very end");
	awsx_credentials_clear(&end.keys);
	close_imds();
}

static void
test_refused_token(void)
{
	static const Line once[] = {TOKEN("tok1"), ROLE, {.status = 401}, TOKEN("tok2"), KEYS};
	static const Line twice[] = {TOKEN("tok1"), {.status = 401}, TOKEN("tok2"), {.status = 401}};
	FetchEnd	end;

	open_imds(once);
	end = fetch_all(provider);
	ok(end.error.kind == AWSX_OK, "a token that is refused is replaced");
	is_str(fetch_log, PUT_TOKEN GET_ROLE("tok1") GET_KEYS("tok1") PUT_TOKEN GET_KEYS("tok2"), "where it was");
	awsx_credentials_clear(&end.keys);
	close_imds();
	is_refused(twice, false, "answered 401 to /latest/meta-data/iam", PUT_TOKEN GET_ROLE("tok1") PUT_TOKEN GET_ROLE("tok2"));
}

static void
test_nobody(void)
{
	static const Line silence[] = {SILENCE, SILENCE};
	static const Line refused[] = {{.status = 0, .kind = AWSX_ERR_TRANSPORT}};
	static const Line off[] = {{.status = 403}};
	static const Line old[] = {{.status = 404}};
	static const Line odd[] = {{.status = 405}};
	static const Line no_role[] = {TOKEN("tok1"), {.status = 404, .body = "<html>"}};

	is_refused(silence, true, "hop limit of 2", PUT_TOKEN);
	is_refused(refused, true, "no answer from " BASE ": failed by the test (is this an EC2 instance?", PUT_TOKEN);
	setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2", 1);
	is_refused(silence, true, "hop limit of 2", PUT_TOKEN PUT_TOKEN);
	unsetenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS");
	is_refused(off, true, "status 403", PUT_TOKEN);
	is_refused(old, true, "status 404", PUT_TOKEN);
	is_refused(odd, true, "not of version 2", PUT_TOKEN);
	is_refused(no_role, true, "has no role", PUT_TOKEN GET_ROLE("tok1"));
	setenv("AWS_EC2_METADATA_DISABLED", "True", 1);
	is_refused(silence, true, "AWS_EC2_METADATA_DISABLED is true", "");
	clear_environment();
}

static void
test_failed(void)
{
	static const Line bad_request[] = {{.status = 400}};
	static const Line broken[] = {{.status = 500}};
	static const Line busy[] = {{.status = 503}, TOKEN("tok1"), {.status = 429}, SILENCE};
	static const Line empty[] = {{.status = 200}};
	static const Line forged[] = {TOKEN("tok1\r\nX: y")};
	static const Line redirect[] = {{.status = 302, .headers = "Location: http://evil.example/"}};
	static const Line no_name[] = {TOKEN("tok1"), {.status = 200, .body = ""}};
	static const Line bad_name[] = {TOKEN("tok1"), {.status = 200, .body = "../../user-data"}};
	static const Line long_name[] = {TOKEN("tok1"),
		{.status = 200, .body = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}};
	static const Line no_keys[] = {TOKEN("tok1"), ROLE, {.status = 200, .body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no trust\"}"}};
	static const Line html[] = {TOKEN("tok1"), ROLE, {.status = 200, .body = "<html>"}};
	FetchEnd	end;

	is_refused(bad_request, false, "answered 400 to /latest/api/token", PUT_TOKEN);
	is_refused(broken, false, "answered 500", PUT_TOKEN);
	is_refused(empty, false, "as a token is none", PUT_TOKEN);
	is_refused(forged, false, "as a token is none", PUT_TOKEN);
	is_refused(redirect, false, "answered 302", PUT_TOKEN);
	is_refused(no_name, false, "name of its role is none", PUT_TOKEN GET_ROLE("tok1"));
	is_refused(bad_name, false, "name of its role is none", PUT_TOKEN GET_ROLE("tok1"));
	is_refused(long_name, false, "name of its role is none", NULL);
	is_refused(no_keys, false, "the instance's metadata: instead of credentials came \"AssumeRoleUnauthorizedAccess\": no trust", NULL);
	is_refused(html, false, "not a JSON object", NULL);
	setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2", 1);
	open_imds(busy);
	end = fetch_all(provider);
	ok(!end.absent && end.error.kind == AWSX_ERR_TIMEOUT && end.error.retryable, "each request has its attempts; then it may pass later");
	is_str(fetch_log, PUT_TOKEN PUT_TOKEN GET_ROLE("tok1") GET_ROLE("tok1"), "which were these");
	close_imds();
	clear_environment();
}

/* Once there was an instance's metadata, silence is an outage. */
static void
test_outage(void)
{
	static const Line script[] = {TOKEN("tok1"), ROLE, KEYS, {.status = 401}, SILENCE, TOKEN("tok2"), ROLE, KEYS};
	FetchEnd	end;

	open_imds(script);
	end = fetch_all(provider);
	awsx_credentials_clear(&end.keys);
	end = fetch_all(provider);
	ok(!end.absent && end.error.kind == AWSX_ERR_TIMEOUT && end.error.retryable, "silence after an answer is an outage");
	is_str(fetch_log, GET_ROLE("tok1") PUT_TOKEN, "also where a token is missing");
	end = fetch_all(provider);
	ok(end.error.kind == AWSX_OK, "that passes");
	awsx_credentials_clear(&end.keys);
	close_imds();
}

static void
test_environment(void)
{
	static const char *const plain[] = {"http://example.com", "http://169.254.169.254.example.com", "http://169.254.169.25", "ftp://169.254.169.254",
		"http://169.254.169.254/latest", "http://x@169.254.169.254", "http://[fd00:ec2::23]"};
	static const Line script[] = {SILENCE};

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
	{
		setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", plain[i], 1);
		is_refused(script, false, i < 3 || i == 6 ? "AWS_EC2_METADATA_SERVICE_ENDPOINT: keys are not fetched from" : "endpoint", "");
	}
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[FD00:ec2::254]:80/", 1);
	is_refused(script, true, "FD00", "PUT http://[FD00:ec2::254]:80/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600\n");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338", 1);
	is_refused(script, true, "127.0.0.1", "PUT http://127.0.0.1:1338/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600\n");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6", 1);
	is_refused(script, true, "fd00", "PUT http://[fd00:ec2::254]/latest/api/token x-aws-ec2-metadata-token-ttl-seconds=21600\n");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "both", 1);
	is_refused(script, false, "set it to IPv4 or IPv6", "");
	clear_environment();
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "5", 1);
	is_refused(script, true, "no answer", PUT_TOKEN);
	is_int(fetch_timeout_ms, 5000, "five seconds, as asked for");
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "99999999999999999999", 1);
	is_refused(script, false, "set it to a number from 1 to 60", "");
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "0", 1);
	is_refused(script, false, "set it to a number from 1 to 60", "");
	setenv("AWS_METADATA_SERVICE_TIMEOUT", "1", 1);
	setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1.5", 1);
	is_refused(script, false, "AWS_METADATA_SERVICE_NUM_ATTEMPTS is \"1.5\": set it to a number from 1 to 10", "");
	clear_environment();
}

static void
test_cancel(void)
{
	static const Line script[] = {TOKEN("tok1"), TOKEN("tok1"), ROLE, {.status = 200}};

	open_imds(script);
	cancel_after(provider, 0, "the token");
	cancel_after(provider, 1, "the role");
	world.transport->script = script + 2;	/* the token is there */
	cancel_after(provider, 1, "the keys");
	close_imds();
	open_imds(script);
	provider->start(provider, &(AwsxCredentialsFetch) {.client = world.client, .done = on_fetch_done});
	close_imds();
	ok(true, "freed in mid-fetch");
}

static bool
find_region(const Line *script, char *region, AwsxError *error)
{
	bool		found;

	open_fetch_world(script);
	awsx_error_clear(error);
	found = awsx_imds_region(world.client, region, 64, error);
	close_world();
	return found;
}

static void
test_region(void)
{
	static const Line named[] = {TOKEN("tok1"), {.status = 200, .body = "eu-west-1"}};
	static const Line document[] = {TOKEN("tok1"), {.status = 404}, {.status = 200, .body = "{\"region\":\"eu-west-2\"}"}};
	static const Line neither[] = {TOKEN("tok1"), {.status = 404}, {.status = 404}};
	static const Line wrong[] = {TOKEN("tok1"), {.status = 200, .body = "eu.evil.example"}};
	static const Line html[] = {TOKEN("tok1"), {.status = 404}, {.status = 200, .body = "<html>"}};
	static const Line silence[] = {SILENCE};
	char		region[64] = "";
	AwsxError	error;

	ok(find_region(named, region, &error), "a region");
	is_str(region, "eu-west-1", "by its name");
	is_str(fetch_log, PUT_TOKEN "GET " BASE "/latest/meta-data/placement/region x-aws-ec2-metadata-token=tok1\n", "with a token");
	ok(find_region(document, region, &error), "a region");
	is_str(region, "eu-west-2", "in the instance's document");
	ok(!find_region(neither, region, &error) && strstr(error.message, "has no /latest/dynamic") != NULL, "or nowhere");
	ok(!find_region(wrong, region, &error) && error.kind == AWSX_ERR_PROTOCOL, "not any text");
	ok(!find_region(html, region, &error) && error.kind == AWSX_ERR_PROTOCOL, "nor any document");
	ok(!find_region(silence, region, &error) && strstr(error.message, "EC2 instance?") != NULL, "no instance, no region");
	open_fetch_world(named);
	world.transport->silent = true;
	stop_waiting = true;
	ok(!awsx_imds_region(world.client, region, sizeof(region), &error) && error.kind == AWSX_ERR_CANCELLED, "the wait can be ended");
	is_int(world.transport->cancelled, 1, "which ends the call");
	close_world();
}

int
main(void)
{
	clear_environment();
	test_found();
	test_refused_token();
	test_nobody();
	test_failed();
	test_outage();
	test_environment();
	test_cancel();
	test_region();
	return tap_done();
}
