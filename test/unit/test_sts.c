/*
 * test_sts.c
 *	  STS on the wire: the form that is sent, and answers whole, damaged and
 *	  made up.
 */
#include "tap.h"

#include <stdlib.h>

#include "home.h"
#include "sts.h"

#define ROLE "arn:aws:iam::123456789012:role/path/r"

static AwsxError error;

/*----------
 * What is asked for
 *----------
 */

static void
is_form(const AwsxRole *role, const char *token, const char *expected, const char *name)
{
	AwsxService service;
	AwsxHttpRequest request;

	awsx_error_clear(&error);
	if (!awsx_sts_service(&service, role, &error) ||
		!awsx_sts_request(&request, &service, role, role->session_name, token, &error))
	{
		ok(false, "%s: %s", name, error.message);
		return;
	}
	is_str(request.body, expected, name);
	ok(strcmp(request.method, "POST") == 0 && strcmp(request.path, "/") == 0 && strlen(request.body) == request.body_len,
	   "... posted to the root");
	is_str(awsx_headers_get(&request.headers, "content-type"), "application/x-www-form-urlencoded; charset=utf-8", "... as a form");
	awsx_http_request_free(&request);
}

static void
test_requests(void)
{
	AwsxRole	plain = {.role_arn = ROLE,.session_name = "a=b@c,d.e+f_g-h",.region = "eu-west-1"};
	AwsxRole	full = {.role_arn = ROLE,.session_name = "name",.external_id = "x/y:z",.duration_seconds = 900,.region = "eu-west-1"};

	is_form(&plain, NULL, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpath%2Fr"
			"&RoleSessionName=a%3Db%40c%2Cd.e%2Bf_g-h", "AssumeRole");
	is_form(&full, NULL, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpath%2Fr"
			"&RoleSessionName=name&ExternalId=x%2Fy%3Az&DurationSeconds=900", "AssumeRole with all there is");
	is_form(&full, "eyJh.b+c/d=.e", "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpath%2Fr"
			"&RoleSessionName=name&WebIdentityToken=eyJh.b%2Bc%2Fd%3D.e&DurationSeconds=900",
			"AssumeRoleWithWebIdentity knows no external id");
}

static void
test_roles(void)
{
	static const struct
	{
		const char *name;
		AwsxRole	role;
		bool		fine;
	}			cases[] = {
		{"a role", {.role_arn = ROLE}, true},
		{"no ARN", {.role_arn = NULL}, false},
		{"an ARN too short", {.role_arn = "arn:aws:iam::1:role"}, false},
		{"something else than an ARN", {.role_arn = "https://example.com/a-role"}, false},
		{"an ARN with a line break", {.role_arn = ROLE "\r\nHost: x"}, false},
		{"a session name of two", {.role_arn = ROLE,.session_name = "ab"}, true},
		{"a session name of one", {.role_arn = ROLE,.session_name = "a"}, false},
		{"a session name with a blank", {.role_arn = ROLE,.session_name = "a b"}, false},
		{"a session name with a slash", {.role_arn = ROLE,.session_name = "a/b"}, false},
		{"a session name of 65", {.role_arn = ROLE,.session_name = "12345678901234567890123456789012345678901234567890123456789012345"}, false},
		{"an external id", {.role_arn = ROLE,.external_id = "a:b/c"}, true},
		{"an external id with &", {.role_arn = ROLE,.external_id = "a&b"}, false},
		{"900 seconds", {.role_arn = ROLE,.duration_seconds = 900}, true},
		{"899 seconds", {.role_arn = ROLE,.duration_seconds = 899}, false},
		{"43201 seconds", {.role_arn = ROLE,.duration_seconds = 43201}, false},
		{"seconds below zero", {.role_arn = ROLE,.duration_seconds = -1}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		awsx_error_clear(&error);
		ok(awsx_sts_check_role(&cases[i].role, &error) == cases[i].fine &&
		   error.kind == (cases[i].fine ? AWSX_OK : AWSX_ERR_CONFIG), "%s: %s", cases[i].name, error.message);
	}
}

/*----------
 * Where it is sent
 *----------
 */

static void
is_place(const AwsxRole *role, const char *endpoint, const char *region, const char *name)
{
	AwsxService service = {0};

	awsx_error_clear(&error);
	ok(awsx_sts_service(&service, role, &error) && strcmp(service.endpoint, endpoint) == 0 &&
	   strcmp(service.region, region) == 0, "%s: %s in %s %s", name, service.endpoint, service.region, error.message);
}

static void
test_places(void)
{
	AwsxRole	role = {.role_arn = ROLE};
	AwsxRole	china = {.role_arn = "arn:aws-cn:iam::123456789012:role/r"};
	AwsxService service;

	is_place(&role, "https://sts.amazonaws.com", "us-east-1", "no region");
	awsx_error_clear(&error);
	ok(!awsx_sts_service(&service, &china, &error) && strstr(error.message, "AWS_REGION") != NULL, "no region, in China: %s", error.message);
	china.region = "cn-north-1";
	is_place(&china, "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1", "China");
	setenv("AWS_REGION", "eu-west-1", 1);
	is_place(&role, "https://sts.eu-west-1.amazonaws.com", "eu-west-1", "AWS_REGION");
	role.legacy_endpoint = true;
	is_place(&role, "https://sts.amazonaws.com", "us-east-1", "an old region, by the profile's wish");
	role.legacy_endpoint = false;
	setenv("AWS_STS_REGIONAL_ENDPOINTS", "legacy", 1);
	is_place(&role, "https://sts.amazonaws.com", "us-east-1", "... by the environment's");
	role.region = "eu-south-1";
	is_place(&role, "https://sts.eu-south-1.amazonaws.com", "eu-south-1", "... not where it has no endpoint");
	setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1", 1);
	is_place(&role, "http://127.0.0.1:1", "eu-south-1", "an endpoint of the environment");
	role.endpoint = "https://sts.example";
	is_place(&role, "https://sts.example", "eu-south-1", "an endpoint of its own");
	home_unset_variables();
}

/* What a profile says of STS, and what comes before it. */
static void
test_profile_places(void)
{
	AwsxProfileFiles files = {.region = "eu-west-3"};
	AwsxRole	role = {.role_arn = ROLE};
	AwsxProfiles *profiles;

	home_write(".aws/config", "[default]\nregion = eu-north-1\nsts_regional_endpoints = legacy\nservices = lab\nendpoint_url = https://all.example\n"
			   "[services lab]\nsts =\n  endpoint_url = https://sts.example\n[profile b]\nendpoint_url = https://all.example\n[profile c]\n");
	profiles = awsx_profiles_read(NULL, &error);
	ok(awsx_sts_locate(&role, profiles, &files, &error), "where STS is");
	is_str(role.region, "eu-north-1", "the profile's region");
	is_str(role.endpoint, "https://sts.example", "the endpoint of its services");
	ok(role.legacy_endpoint, "its wish for the old endpoint");
	setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
	setenv("AWS_ENDPOINT_URL", "https://env.example", 1);
	setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional", 1);
	ok(awsx_sts_locate(&role, profiles, NULL, &error), "where STS is with an environment");
	ok(!role.legacy_endpoint, "the environment is before all three");
	is_place(&role, "https://env.example", "eu-west-1", "... and counts");
	home_unset_variables();
	setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
	ok(awsx_sts_locate(&role, profiles, NULL, &error) && role.endpoint == NULL, "configured endpoints can be switched off");
	home_unset_variables();
	awsx_profiles_free(profiles);
	setenv("AWS_PROFILE", "b", 1);
	profiles = awsx_profiles_read(NULL, &error);
	ok(awsx_sts_locate(&role, profiles, &files, &error), "where STS is");
	is_str(role.region, "eu-west-3", "the caller's region where nobody else has one");
	is_str(role.endpoint, "https://all.example", "the endpoint of all services");
	awsx_profiles_free(profiles);
	home_unset_variables();
}

/* The calls that fetch keys go where a profile wants every call to go. */
static void
test_profile_kinds(void)
{
	AwsxProfileFiles files = {.region = "us-west-2",.fips = true};
	AwsxRole	role = {.role_arn = ROLE};
	AwsxProfiles *profiles;

	home_write(".aws/config", "[default]\nregion = us-east-2\nuse_fips_endpoint = true\n[profile off]\nregion = eu-west-1\n"
			   "ignore_configured_endpoint_urls = true\n[profile odd]\nuse_fips_endpoint = yes\n[profile plain]\n");
	profiles = awsx_profiles_read(NULL, &error);
	ok(awsx_sts_locate(&role, profiles, NULL, &error), "a profile with FIPS");
	is_place(&role, "https://sts-fips.us-east-2.amazonaws.com", "us-east-2", "FIPS of the profile");
	awsx_profiles_free(profiles);

	setenv("AWS_PROFILE", "off", 1);
	setenv("AWS_ENDPOINT_URL", "https://env.example", 1);
	profiles = awsx_profiles_read(NULL, &error);
	ok(awsx_sts_locate(&role, profiles, NULL, &error), "a profile that ignores endpoints");
	is_place(&role, "https://sts.eu-west-1.amazonaws.com", "eu-west-1", "... also the environment's");
	awsx_profiles_free(profiles);
	home_unset_variables();

	setenv("AWS_PROFILE", "plain", 1);
	profiles = awsx_profiles_read(NULL, &error);
	ok(awsx_sts_locate(&role, profiles, &files, &error), "a program that wants FIPS");
	is_place(&role, "https://sts-fips.us-west-2.amazonaws.com", "us-west-2", "FIPS and region of the program");
	awsx_profiles_free(profiles);

	setenv("AWS_PROFILE", "odd", 1);
	profiles = awsx_profiles_read(NULL, &error);
	ok(!awsx_sts_locate(&role, profiles, NULL, &error) && strstr(error.message, "use_fips_endpoint") != NULL,
	   "FIPS must not be off because of \"yes\": %s", error.message);
	awsx_profiles_free(profiles);
	home_unset_variables();
}

/*----------
 * What is answered
 *----------
 */

#define ANSWER(credentials) "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <AssumeRoleResult>\n" \
	"    <Credentials>" credentials "</Credentials>\n    <AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>\n  </AssumeRoleResult>\n" \
	"  <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\n</AssumeRoleResponse>\n"
#define KEYS "<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>se/cr+et</SecretAccessKey><SessionToken>to/ken==</SessionToken>"
#define END_AT(date) "<Expiration>" date "</Expiration>"
#define SECRET "se/cr+et"

static bool
answer(const char *xml, size_t len, AwsxCredentials *keys)
{
	char	   *copy = malloc(len > 0 ? len : 1);	/* of its size, for the sanitizers */
	bool		done;

	memcpy(copy, xml, len);
	awsx_error_clear(&error);
	done = awsx_sts_answer(copy, len, keys, &error);
	free(copy);
	return done;
}

static void
test_good_answers(void)
{
	static const struct
	{
		const char *name;
		const char *xml;
		int64_t		expires_ms;
	}			cases[] = {
		{"as AWS writes it", ANSWER(KEYS END_AT("2026-01-02T04:04:05Z")), INT64_C(1767326645000)},
		{"a fraction of a second", ANSWER(KEYS END_AT("2026-01-02T04:04:05.084014Z")), INT64_C(1767326645084)},
		{"an offset from UTC", ANSWER(KEYS END_AT("2026-01-02T04:04:05+00:00")), INT64_C(1767326645000)},
		{"a declaration, a comment, CDATA and an entity",
			"<?xml version=\"1.0\"?><!-- c -->" ANSWER("<AccessKeyId>ASIA<![CDATA[EXAMPLE]]></AccessKeyId><SecretAccessKey>se&#x2F;cr+et</SecretAccessKey>"
				"<SessionToken>to/ken==</SessionToken>" END_AT("2026-01-02T04:04:05Z")), INT64_C(1767326645000)},
		{"members with others between them", ANSWER("<X><Y>z</Y></X>" KEYS "<Other/>" END_AT("2026-01-02T04:04:05Z")), INT64_C(1767326645000)},
		{"a member twice: the first", ANSWER(KEYS END_AT("2026-01-02T04:04:05Z") "<AccessKeyId>other</AccessKeyId>"), INT64_C(1767326645000)},
	};
	AwsxCredentials keys;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool		done = answer(cases[i].xml, strlen(cases[i].xml), &keys);

		ok(done && strcmp(keys.access_key_id, "ASIAEXAMPLE") == 0 && strcmp(keys.secret_access_key, SECRET) == 0 &&
		   strcmp(keys.session_token, "to/ken==") == 0 && keys.expires_ms == cases[i].expires_ms,
		   "%s %s", cases[i].name, error.message);
		awsx_credentials_clear(&keys);
	}
}

static void
test_bad_answers(void)
{
	static const struct
	{
		const char *name;
		const char *xml;
	}			cases[] = {
		{"nothing", ""},
		{"JSON", "{\"Credentials\": {}}"},
		{"HTML", "<html><body>Sign in to this network<br></body></html>"},
		{"an error with status 200", "<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>"},
		{"no credentials", ANSWER("")},
		{"no token", ANSWER("<AccessKeyId>A</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey>" END_AT("2026-01-02T04:04:05Z"))},
		{"an empty token", ANSWER("<AccessKeyId>A</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken/>" END_AT("2026-01-02T04:04:05Z"))},
		{"no end", ANSWER(KEYS)},
		{"an end that is no date", ANSWER(KEYS END_AT("tomorrow"))},
		{"an end before all time", ANSWER(KEYS END_AT("1960-01-02T04:04:05Z"))},
		{"an end without a zone", ANSWER(KEYS END_AT("2026-01-02T04:04:05"))},
		{"keys with a line break", ANSWER("<AccessKeyId>A&#10;B</AccessKeyId><SecretAccessKey>" SECRET "</SecretAccessKey><SessionToken>t</SessionToken>" END_AT("2026-01-02T04:04:05Z"))},
		{"keys one level too high", "<R><Credentials>" KEYS END_AT("2026-01-02T04:04:05Z") "</Credentials></R>"},
		{"keys one level too deep", ANSWER("<X>" KEYS END_AT("2026-01-02T04:04:05Z") "</X>")},
		{"a document type", "<!DOCTYPE a [<!ENTITY b \"c\">]>" ANSWER(KEYS END_AT("2026-01-02T04:04:05Z"))},
		{"two documents", ANSWER(KEYS END_AT("2026-01-02T04:04:05Z")) "<R/>"},
	};
	AwsxCredentials keys;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(!answer(cases[i].xml, strlen(cases[i].xml), &keys) && error.kind == AWSX_ERR_PROTOCOL &&
		   strstr(error.message, SECRET) == NULL && keys.access_key_id == NULL,
		   "refused: %s: %s", cases[i].name, error.message);
}

static void
test_damaged_answers(void)
{
	static const char whole[] = ANSWER(KEYS END_AT("2026-01-02T04:04:05Z"));
	size_t		needed = strlen(whole) - 1; /* without the line break at the end */
	AwsxCredentials keys;
	int			wrong = 0;

	for (size_t len = 0; len < needed; len++)
		wrong += answer(whole, len, &keys) || error.kind != AWSX_ERR_PROTOCOL || keys.access_key_id != NULL;
	is_int(wrong, 0, "every answer that is cut off is refused");
	for (size_t i = 0; i < needed; i++)
	{
		char		damaged[sizeof(whole)];

		memcpy(damaged, whole, sizeof(whole));
		damaged[i] = '\0';
		if (answer(damaged, needed, &keys))
			wrong += strlen(keys.access_key_id) != 11 || strcmp(keys.secret_access_key, SECRET) != 0 || strlen(keys.session_token) != 8;
		awsx_credentials_clear(&keys);
	}
	is_int(wrong, 0, "a zero byte never shortens a key");
}

int
main(void)
{
	home_open();
	test_requests();
	test_roles();
	test_places();
	test_profile_places();
	test_profile_kinds();
	test_good_answers();
	test_bad_answers();
	test_damaged_answers();
	home_close();
	return tap_done();
}
