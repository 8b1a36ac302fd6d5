/*
 * sts.c
 *		STS over the Query protocol: forms in, XML out.
 *
 * Every role of the account may be assumed, by whoever has a valid key or a
 * web identity token that is a JWT and has not expired; its signature is not
 * looked at.  The keys are auth's and end by the lab's clock.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "clock.h"
#include "codec.h"
#include "metadata.h"
#include "service.h"
#include "xml.h"

#define VERSION_DATE		"2011-06-15"
#define NAMESPACE			"https://sts.amazonaws.com/doc/" VERSION_DATE "/"
#define DEFAULT_SECONDS		3600
#define SECONDS_MIN			900
#define SECONDS_MAX			43200
#define CHAINED_MAX			3600

static Table sessions;			/* access key -> ARN of the assumed role */

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	Buf			body = {0};
	json_t	   *error = json_pack("{s:s,s:s,s:s}", "Type", status < 500 ? "Sender" : "Receiver", "Code", code, "Message", message);

	router_note_error(x, code);
	buf_adds(&body, "<ErrorResponse xmlns=\"" NAMESPACE "\">");
	xml_add(&body, "Error", error);
	buf_addf(&body, "<RequestId>%s</RequestId></ErrorResponse>\n", x->request_id);
	json_decref(error);
	http_answer(x, status, "text/xml", &body);
}

/* The result's reference is taken. */
static void
answer(Exchange *x, json_t *result)
{
	Buf			body = {0};
	char		name[64];

	buf_addf(&body, "<%sResponse xmlns=\"" NAMESPACE "\">", x->action);
	snprintf(name, sizeof(name), "%sResult", x->action);
	xml_add(&body, name, result);
	buf_addf(&body, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>\n", x->request_id, x->action);
	json_decref(result);
	http_answer(x, 200, "text/xml", &body);
}

/* Names come as they are, values encoded. */
static json_t *
read_form(const char *text)
{
	char	   *copy = mem_strdup(text);
	char	   *rest = copy;
	char	   *pair;
	json_t	   *form = json_object();

	while ((pair = strsep(&rest, "&")) != NULL)
	{
		char	   *value = strchr(pair, '=');
		Buf			plain = {0};

		if (value == NULL)
			continue;
		*value++ = '\0';
		for (char *at = value; (at = strchr(at, '+')) != NULL;)
			*at = ' ';
		percent_decode(&plain, value, strlen(value));
		json_object_set_new(form, pair, json_string(plain.data != NULL ? plain.data : ""));
		buf_free(&plain);
	}
	free(copy);
	return form;
}

/* "" when absent. */
static const char *
member(const Exchange *x, const char *name)
{
	const char *value = json_string_value(json_object_get(x->call, name));

	return value != NULL ? value : "";
}

static void
free_form(void *form)
{
	json_decref(form);
}

static void
identify(Exchange *x)
{
	static const char *const actions[] = {"AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"};

	x->call = read_form(x->body.data);
	x->call_free = free_form;
	x->resource_kind = "role";
	snprintf(x->resource, sizeof(x->resource), "%s", member(x, "RoleArn"));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
	{
		if (strcmp(member(x, "Action"), actions[i]) == 0 && strcmp(member(x, "Version"), VERSION_DATE) == 0)
			x->action = actions[i];
	}
	if (x->action == NULL)
		refuse(x, 400, "InvalidAction", "Could not find this operation for version " VERSION_DATE);
}

static bool
authorise(Exchange *x)
{
	return strcmp(x->action, "AssumeRoleWithWebIdentity") == 0 || auth_require(x);
}

/* The ARN of the role session that signed, NULL when none did. */
static const char *
session_of(const Exchange *x)
{
	const char *header = http_header(x, "Authorization");
	const char *key = header != NULL ? strstr(header, "Credential=") : NULL;

	return key != NULL ? table_get(&sessions, key + 11, strcspn(key + 11, "/")) : NULL;
}

static bool
fits(const char *text, size_t least, size_t most, const char *allowed)
{
	size_t		len = strlen(text);

	return len >= least && len <= most && strspn(text, allowed) == len;
}

/* The name of a role of this account, by its ARN; NULL when malformed. */
static const char *
role_name(const char *arn)
{
	char		prefix[64];
	int			len = snprintf(prefix, sizeof(prefix), "arn:aws:iam::%s:role/", cloud.account);

	return strncmp(arn, prefix, (size_t) len) == 0 && fits(arn + len, 1, 512, ALPHANUMERIC "+=,.@_/-") ?
		strrchr(arn, '/') + 1 : NULL;
}

/* Answers with a new session's credentials; extra are further members, whose reference is taken. */
static void
start_session(Exchange *x, json_t *extra)
{
	const char *role = role_name(member(x, "RoleArn"));
	const char *name = member(x, "RoleSessionName");
	const char *duration = member(x, "DurationSeconds");
	long		seconds = duration[0] != '\0' ? strtol(duration, NULL, 10) : DEFAULT_SECONDS;
	const char *wrong = NULL;
	const IssuedKey *key;
	char		expires[32];
	char	   *arn;

	if (!fits(name, 2, 64, ALPHANUMERIC "_+=,.@-"))
		wrong = "Value at 'roleSessionName' must have 2 to 64 characters and satisfy regular expression pattern: [\\w+=,.@-]*";
	else if (role == NULL)
		wrong = "RoleArn is invalid, or of another account than the lab's";
	else if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		wrong = "Value at 'durationSeconds' must be from 900 to 43200";
	else if (seconds > CHAINED_MAX && session_of(x) != NULL)
		wrong = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
	if (wrong != NULL)
	{
		refuse(x, 400, "ValidationError", wrong);
		json_decref(extra);
		return;
	}
	key = metadata_issue(seconds);
	format_time(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", key->expires_ms);
	arn = mem_zalloc(strlen(cloud.account) + strlen(role) + strlen(name) + 64);
	sprintf(arn, "arn:aws:sts::%s:assumed-role/%s/%s", cloud.account, role, name);
	table_put(&sessions, key->access_key, strlen(key->access_key), arn);
	json_object_update_new(extra, json_pack("{s:{s:s,s:s,s:s,s:s},s:{s:s,s:s+}}", "Credentials",
											"AccessKeyId", key->access_key, "SecretAccessKey", key->secret_key,
											"SessionToken", key->session_token, "Expiration", expires,
											"AssumedRoleUser", "Arn", arn, "AssumedRoleId", "AROAEXAMPLE:", name));
	answer(x, extra);
}

/* The claims of a JWT; NULL when it is none. */
static json_t *
read_claims(const char *token)
{
	const char *dot = strchr(token, '.');
	size_t		len = dot != NULL ? strcspn(dot + 1, ".") : 0;
	Buf			coded = {0};
	Buf			text = {0};
	json_t	   *claims = NULL;

	if (len == 0 || dot[1 + len] != '.')
		return NULL;
	buf_add(&coded, dot + 1, len);
	buf_adds(&coded, &"==="[(len + 3) % 4]);
	for (char *at = coded.data; *at != '\0'; at++)
		*at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
	if (base64_decode(&text, coded.data, coded.len))
		claims = json_loadb(text.data, text.len, 0, NULL);
	buf_free(&coded);
	buf_free(&text);
	return claims;
}

static void
assume_role_with_web_identity(Exchange *x)
{
	json_t	   *claims = read_claims(member(x, "WebIdentityToken"));
	const char *subject;
	const char *issuer;
	json_t	   *audience = json_object_get(claims, "aud");
	json_int_t	ends;

	if (json_is_array(audience))
		audience = json_array_get(audience, 0);
	if (json_unpack(claims, "{s:s,s:s,s:I}", "sub", &subject, "iss", &issuer, "exp", &ends) != 0 || !json_is_string(audience))
		refuse(x, 400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
	else if (ends <= clock_now_ms() / 1000)
		refuse(x, 400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time");
	else
		start_session(x, json_pack("{s:s,s:s,s:O}", "SubjectFromWebIdentityToken", subject,
								   "Provider", issuer, "Audience", audience));
	json_decref(claims);
}

static void
get_caller_identity(Exchange *x)
{
	const char *session = session_of(x);

	if (session != NULL)
		answer(x, json_pack("{s:s,s:s+,s:s}", "Arn", session, "UserId", "AROAEXAMPLE:", strrchr(session, '/') + 1,
							"Account", cloud.account));
	else
		answer(x, json_pack("{s:o,s:s,s:s}", "Arn", json_sprintf("arn:aws:iam::%s:user/lab", cloud.account),
							"UserId", "AIDAEXAMPLE", "Account", cloud.account));
}

static void
handle(Exchange *x)
{
	if (strcmp(x->action, "AssumeRole") == 0)
		start_session(x, json_object());
	else if (strcmp(x->action, "GetCallerIdentity") == 0)
		get_caller_identity(x);
	else
		assume_role_with_web_identity(x);
}

const Service sts_service = {"sts", identify, authorise, handle, refuse};
