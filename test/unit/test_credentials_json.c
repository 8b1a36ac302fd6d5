/*
 * test_credentials_json.c
 *	  Credentials as JSON: what endpoints and commands write, and what nobody
 *	  should.
 */
#include "tap.h"

#include <stdlib.h>

#include "credentials_json.h"

#define KEYS "\"AccessKeyId\":\"ASIATEST\",\"SecretAccessKey\":\"TOPSECRET/+x\""

static bool
read_text(const char *text, const char *member, AwsxCredentials *out, AwsxError *error)
{
	size_t		len = strlen(text);
	char	   *exact = malloc(len + 1);	/* so that valgrind sees a read beyond */
	bool		done;

	memcpy(exact, text, len);
	awsx_error_clear(error);
	memset(out, 0x55, sizeof(*out));
	done = awsx_credentials_json(exact, len, member, out, error);
	free(exact);
	return done;
}

static void
test_good(void)
{
	AwsxCredentials keys;
	AwsxError	error;

	ok(read_text("{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"LastUpdated\":\"2026-01-02T03:04:05Z\"," KEYS
				 ",\"Token\":\"T\\u002fo=\",\"SessionToken\":\"other\",\"Expiration\":\"2026-01-02T03:04:05Z\"}",
				 "Token", &keys, &error), "as instance metadata answers");
	is_str(keys.access_key_id, "ASIATEST", "the id");
	is_str(keys.secret_access_key, "TOPSECRET/+x", "the secret");
	is_str(keys.session_token, "T/o=", "the token, of the member that was named");
	is_int(keys.expires_ms, 1767323045000, "the end");
	awsx_credentials_clear(&keys);
	ok(read_text("{\"Version\":1," KEYS ",\"SessionToken\":\"T\",\"Expiration\":\"2026-01-02T03:04:05.084014+00:00\",\"More\":{}}\n",
				 "SessionToken", &keys, &error), "as a command prints");
	is_str(keys.session_token, "T", "its token");
	is_int(keys.expires_ms, 1767323045084, "its end");
	awsx_credentials_clear(&keys);
	ok(read_text("{\"Version\":1," KEYS ",\"Expiration\":null}", "SessionToken", &keys, &error), "keys that stay");
	ok(keys.session_token == NULL && keys.expires_ms == 0, "have no token and no end");
	awsx_credentials_clear(&keys);
	ok(read_text("{" KEYS ",\"Token\":\"\",\"Expiration\":\"1970-01-01T00:00:00Z\"}", "Token", &keys, &error) &&
	   keys.expires_ms == 1 && keys.session_token == NULL, "an end at the epoch is an end");
	awsx_credentials_clear(&keys);
}

static void
test_bad(void)
{
	static const struct
	{
		const char *text;
		const char *says;
	}			bad[] = {
		{"", "are empty"},
		{"<html>404</html>", "not a JSON object"},
		{"[{" KEYS "}]", "not a JSON object"},
		{"\"TOPSECRET\"", "not a JSON object"},
		{"{" KEYS, "not a JSON object"},
		{"{" KEYS "} TOPSECRET", "not a JSON object"},
		{"{" KEYS "," KEYS "}", "not a JSON object"},
		{"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume it\"}",
		"\"AssumeRoleUnauthorizedAccess\": EC2 cannot assume it"},
		{"{\"Code\":\"Failed\"," KEYS "}", "came \"Failed\""},
		{"{\"Code\":7," KEYS "}", "\"Code\" of the credentials is not a string"},
		{"{\"AccessKeyId\":\"A\"}", "no \"SecretAccessKey\""},
		{"{\"SecretAccessKey\":\"TOPSECRET\"}", "no \"AccessKeyId\""},
		{"{\"AccessKeyId\":null,\"SecretAccessKey\":\"TOPSECRET\"}", "no \"AccessKeyId\""},
		{"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"TOPSECRET\"}", "access key id is empty"},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"TOPSECRET\\n\"}", "secret access key has a character"},
		{"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"TOPSECRET\\u0000\"}", "not a JSON object"},
		{"{\"AccessKeyId\":[\"TOPSECRET\"],\"SecretAccessKey\":\"TOPSECRET\"}", "\"AccessKeyId\" of the credentials is not a string"},
		{"{" KEYS ",\"Token\":{}}", "\"Token\" of the credentials is not a string"},
		{"{" KEYS ",\"Token\":\"TOP SECRET\"}", "session token has a character"},
		{"{" KEYS ",\"Expiration\":\"tomorrow\"}", "not a date"},
		{"{" KEYS ",\"Expiration\":1767323045}", "\"Expiration\" of the credentials is not a string"},
		{"{\"Version\":2," KEYS "}", "another version than 1"},
		{"{\"Version\":\"1\"," KEYS "}", "another version than 1"}
	};
	AwsxCredentials keys;
	AwsxError	error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		ok(!read_text(bad[i].text, "Token", &keys, &error) && error.kind == AWSX_ERR_CREDENTIALS &&
		   strstr(error.message, bad[i].says) != NULL, "refused: %s", bad[i].says);
		ok(keys.access_key_id == NULL && keys.secret_access_key == NULL && keys.session_token == NULL &&
		   strstr(error.message, "TOPSECRET") == NULL, "nothing is left, and nothing told: %s", error.message);
	}
	ok(!read_text("{" KEYS "}", "SessionToken", &keys, &error) && strstr(error.message, "no \"Version\"") != NULL,
	   "a command must tell its version");
}

static void
test_bounds(void)
{
	static char big[70000];
	char		deep[5000];
	AwsxCredentials keys;
	AwsxError	error;

	memset(big, ' ', sizeof(big) - 1);
	memcpy(big, "{" KEYS "}", strlen("{" KEYS "}"));
	ok(!read_text(big, "Token", &keys, &error) && strstr(error.message, "longer than 65536") != NULL, "a flood is refused");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	ok(!read_text(deep, "Token", &keys, &error), "so is depth");
	ok(!awsx_credentials_json(NULL, 0, "Token", &keys, NULL), "and nothing at all");
}

int
main(void)
{
	test_good();
	test_bad();
	test_bounds();
	return tap_done();
}
