/*
 * sts.c
 *	  STS on the wire: two ways to assume a role.
 *
 * Rules on names and lengths are those of the API reference of AssumeRole
 * and AssumeRoleWithWebIdentity.  The answer is a document of known form, but
 * an emulator or a proxy may have written it: only the four members where
 * they belong are taken, and whatever else it is, it is refused.
 */
#include "sts.h"

#include <stdlib.h>
#include <string.h>

#include "date.h"
#include "service.h"
#include "text.h"
#include "xml.h"

#define ARN_MIN 20
#define ARN_MAX 2048
#define SECONDS_MIN 900
#define SECONDS_MAX 43200
#define MAX_ANSWER ((size_t) 1 << 16)
#define TIMEOUT_MS 10000

/*----------
 * What is asked for
 *----------
 */

/* Printable ASCII, and so many of it. */
static bool
fits(const char *text, size_t least, size_t most)
{
	size_t		len = strlen(text);

	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return len >= least && len <= most;
}

/* The characters that STS allows in a session name, and most of those in an external id. */
static bool
has_only(const char *text, const char *punctuation)
{
	for (; *text != '\0'; text++)
	{
		if (!awsx_text_is_alnum(*text) && strchr(punctuation, *text) == NULL)
			return false;
	}
	return true;
}

bool
awsx_sts_check_role(const AwsxRole *role, AwsxError *error)
{
	const char *name = role->session_name;
	const char *external_id = role->external_id;

	if (role->role_arn == NULL || strncmp(role->role_arn, "arn:", 4) != 0 ||
		!fits(role->role_arn, ARN_MIN, ARN_MAX))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the role_arn \"%.100s\" is not an ARN like arn:aws:iam::123456789012:role/name",
							  role->role_arn != NULL ? role->role_arn : "");
	if (name != NULL && (!fits(name, 2, 64) || !has_only(name, "_+=,.@-")))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the role_session_name \"%.70s\" must have 2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ -",
							  name);
	if (external_id != NULL && (!fits(external_id, 2, 1224) || !has_only(external_id, "_+=,.@:/-")))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the external_id must have 2 to 1224 characters out of A-Z a-z 0-9 _ + = , . @ : / -");
	if (role->duration_seconds != 0 &&
		(role->duration_seconds < SECONDS_MIN || role->duration_seconds > SECONDS_MAX))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "duration_seconds is %d, but must be from 900 to 43200, and at most what the role allows",
							  role->duration_seconds);
	return true;
}

bool
awsx_sts_locate(AwsxRole *role, const AwsxProfiles *profiles, const AwsxProfileFiles *files,
				AwsxError *error)
{
	static const AwsxProfileFiles nothing;
	AwsxServiceOptions options = {.use_environment = true,.profiles = profiles};
	AwsxServicePlace place;

	if (files == NULL)
		files = &nothing;
	options.fallback_region = files->region;
	options.fips = files->fips;
	options.dual_stack = files->dual_stack;
	if (!awsx_service_find("sts", &options, &place, error))
		return false;
	role->region = place.region != NULL ? place.region : place.fallback_region;
	role->endpoint = place.endpoint;
	role->legacy_endpoint = place.legacy_sts;
	role->fips = place.fips;
	role->dual_stack = place.dual_stack;
	role->located = true;
	return true;
}

/*
 * Without any region the global endpoint, which serves roles of the
 * partition "aws" alone.
 */
bool
awsx_sts_service(AwsxService *service, const AwsxRole *role, AwsxError *error)
{
	AwsxServiceOptions options = {
		.region = role->region,
		.endpoint = role->endpoint,
		.use_environment = !role->located,
		.fips = role->fips,
		.dual_stack = role->dual_stack
	};
	AwsxServicePlace place;

	if (!awsx_service_find("sts", &options, &place, error))
		return false;
	place.legacy_sts |= role->legacy_endpoint;
	if (place.region == NULL && strncmp(role->role_arn, "arn:aws:", 8) != 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "no region is known for STS, and the role is not of the partition \"aws\": set AWS_REGION, or the profile's region");
	if (place.region == NULL)
	{
		place.region = "us-east-1";
		place.legacy_sts = true;
	}
	return awsx_service_fill(service, "sts", AWSX_DIALECT_XML, &place, error);
}

static void
put_field(AwsxBuf *form, const char *name, const char *value)
{
	if (value == NULL)
		return;
	awsx_buf_printf(form, "&%s=", name);
	awsx_buf_uri(form, value, strlen(value), false);
}

bool
awsx_sts_request(AwsxHttpRequest *out, const AwsxService *service, const AwsxRole *role,
				 const char *session_name, const char *token, AwsxError *error)
{
	AwsxBuf		form;

	awsx_http_request_init(out, "POST");
	awsx_buf_init(&form, 0);
	if (token != NULL)
		awsx_buf_reserve(&form, 3 * strlen(token) + 4 * ARN_MAX);	/* a copy left behind could not be wiped */
	awsx_buf_printf(&form, "Action=AssumeRole%s&Version=2011-06-15", token != NULL ? "WithWebIdentity" : "");
	put_field(&form, "RoleArn", role->role_arn);
	put_field(&form, "RoleSessionName", session_name);
	put_field(&form, "ExternalId", token == NULL ? role->external_id : NULL);
	put_field(&form, "WebIdentityToken", token);
	if (role->duration_seconds != 0)
		awsx_buf_printf(&form, "&DurationSeconds=%d", role->duration_seconds);
	out->endpoint = strdup(service->endpoint);
	out->path = strdup("/");
	out->timeout_ms = TIMEOUT_MS;
	out->max_response = MAX_ANSWER;
	out->body = awsx_buf_take(&form, &out->body_len);
	if (out->endpoint != NULL && out->path != NULL && out->body != NULL &&
		awsx_headers_set(&out->headers, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"))
		return true;
	awsx_buf_free(&form);
	awsx_http_request_free(out);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

/*----------
 * What is answered
 *----------
 */

/* The members of Credentials, in this order. */
static const char *const member_names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"};

#define MEMBERS 4

static void
wipe_members(char **members)
{
	for (int i = 0; i < MEMBERS; i++)
	{
		if (members[i] != NULL)
			explicit_bzero(members[i], strlen(members[i]));
		free(members[i]);
		members[i] = NULL;
	}
}

/* An element in Credentials of the result of the response has ended. */
static bool
keep_member(const AwsxXml *xml, char **members)
{
	if (xml->depth != 3 || xml->open[2].len != 11 || memcmp(xml->open[2].bytes, "Credentials", 11) != 0)
		return true;
	for (int i = 0; i < MEMBERS; i++)
	{
		if (!awsx_xml_is(xml, member_names[i]) || members[i] != NULL)
			continue;
		members[i] = strdup(awsx_xml_text(xml));
		return members[i] != NULL;
	}
	return true;
}

static bool
read_members(AwsxXml *xml, char **members, AwsxError *error)
{
	AwsxXmlEvent event;

	while ((event = awsx_xml_next(xml)) == AWSX_XML_START || event == AWSX_XML_END)
	{
		if (event == AWSX_XML_END && !keep_member(xml, members))
			return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	}
	if (event == AWSX_XML_DONE)
		return true;
	if (xml->text.failed)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return awsx_error_set(error, AWSX_ERR_PROTOCOL,
						  "the answer of STS is not what it should be: %s; does a proxy or another program answer at this endpoint?",
						  xml->problem);
}

static bool
make_credentials(char **members, AwsxCredentials *out, AwsxError *error)
{
	AwsxError	reason;
	int64_t		expires_ms;

	awsx_error_clear(&reason);
	for (int i = 0; i < MEMBERS; i++)
	{
		if (members[i] == NULL || members[i][0] == '\0')
			return awsx_error_set(error, AWSX_ERR_PROTOCOL,
								  "the answer of STS has no %s; does a proxy or another program answer at this endpoint?",
								  member_names[i]);
	}
	if (!awsx_iso_date_ms(members[3], &expires_ms) || expires_ms <= 0)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the Expiration in the answer of STS is not a date");
	if (!awsx_credentials_set(out, members[0], members[1], members[2], &reason))
		return awsx_error_set(error, reason.kind == AWSX_ERR_MEMORY ? AWSX_ERR_MEMORY : AWSX_ERR_PROTOCOL,
							  "in the answer of STS: %s", reason.message);
	out->expires_ms = expires_ms;
	return true;
}

bool
awsx_sts_answer(const char *text, size_t len, AwsxCredentials *out, AwsxError *error)
{
	char	   *members[MEMBERS] = {NULL};
	AwsxXml		xml;
	bool		done;

	memset(out, 0, sizeof(*out));
	awsx_xml_init(&xml, text, len);
	/* Room for all, lest a copy be left behind when it grows. */
	done = awsx_buf_reserve(&xml.text, len) || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	done = done && read_members(&xml, members, error) && make_credentials(members, out, error);
	if (xml.text.data != NULL)
		explicit_bzero(xml.text.data, xml.text.allocated);
	awsx_xml_free(&xml);
	wipe_members(members);
	return done;
}
