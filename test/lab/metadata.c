/*
 * metadata.c
 *		Where a machine finds credentials: EC2's metadata service, version 2, and
 *		the endpoint of containers.
 *
 * Both hand out the same role's key, and the same one until five minutes before
 * it ends.  All times are the lab's.  Version 1, without a token, is refused.
 */
#include "metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "service.h"

#define KEY_SECONDS			(6 * 3600)
#define RENEW_MS			(5 * 60 * 1000)
#define TTL_HEADER			"X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
#define TTL_MAX				21600
#define CONTAINER_PATH		"/v2/credentials/"

/* What the control call sets. */
static struct
{
	int			lifetime_seconds;	/* 0: as asked for */
	char		role[65];			/* "": the machine has none */
	char		container_token[257];	/* "": none is asked for */
}			settings = {.role = "lab-role"};

static const IssuedKey *machine_key;
static Table tokens;			/* token -> when it ends, an int64_t of its own */

const char *
metadata_configure(const json_t *wanted)
{
	int			seconds = settings.lifetime_seconds;
	const char *role = NULL;
	const char *token = NULL;

	if (json_unpack((json_t *) wanted, "{s?i,s?s,s?s!}", "lifetime_seconds", &seconds, "role", &role,
					"container_token", &token) != 0 ||
		(role != NULL && (strlen(role) > 64 || strspn(role, ALPHANUMERIC "+=,.@_-") != strlen(role))) ||
		(token != NULL && strlen(token) > 256))
		return "members are lifetime_seconds (an integer), role (a role's name, or \"\") and container_token (a text)";
	settings.lifetime_seconds = seconds;
	if (role != NULL)
		strcpy(settings.role, role);
	if (token != NULL)
		strcpy(settings.container_token, token);
	machine_key = NULL;
	return NULL;
}

json_t *
metadata_describe(void)
{
	return json_pack("{s:i,s:s,s:s}", "lifetime_seconds", settings.lifetime_seconds, "role", settings.role,
					 "container_token", settings.container_token);
}

const IssuedKey *
metadata_issue(int64_t seconds)
{
	return auth_issue(settings.lifetime_seconds != 0 ? settings.lifetime_seconds : seconds);
}

static bool
is_for_container(const Exchange *x)
{
	return strncmp(x->path, CONTAINER_PATH, strlen(CONTAINER_PATH)) == 0;
}

/* 200: credentials may come with a code other than Success. */
static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	Buf			page = {0};

	router_note_error(x, code);
	buf_addf(&page, "<html><head><title>%d - %s</title></head><body>%s</body></html>\n", status, code, message);
	if (is_for_container(x))
		http_answer_json(x, status, "application/json", json_pack("{s:s,s:s}", "code", code, "message", message));
	else if (status == 200)
		http_answer_json(x, status, "text/plain", json_pack("{s:s,s:s}", "Code", code, "Message", message));
	else
		http_answer(x, status, "text/html", &page);
	buf_free(&page);
}

static void
answer_text(Exchange *x, const char *text)
{
	Buf			body = {0};

	buf_adds(&body, text);
	http_answer(x, 200, "text/plain", &body);
}

static void
give_token(Exchange *x)
{
	const char *header = http_header(x, TTL_HEADER);
	char	   *end = "";
	long		seconds = header != NULL ? strtol(header, &end, 10) : 0;
	char		token[UUID_TEXT];
	int64_t    *ends;

	if (http_header(x, "X-Forwarded-For") != NULL)
		refuse(x, 403, "Forbidden", "A token is not for those behind a proxy.");
	else if (*end != '\0' || seconds < 1 || seconds > TTL_MAX)
		refuse(x, 400, "Bad Request", TTL_HEADER " must be from 1 to 21600.");
	else
	{
		random_uuid(token);
		ends = mem_zalloc(sizeof(int64_t));
		*ends = clock_now_ms() + seconds * 1000;
		table_put(&tokens, token, strlen(token), ends);
		http_add_header(x, TTL_HEADER, "%ld", seconds);
		answer_text(x, token);
	}
}

static json_t *
time_text(int64_t epoch_ms)
{
	char		text[32];

	format_time(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", epoch_ms);
	return json_string(text);
}

static void
give_credentials(Exchange *x)
{
	json_t	   *out;

	if (machine_key == NULL || machine_key->expires_ms - RENEW_MS <= clock_now_ms())
		machine_key = metadata_issue(KEY_SECONDS);
	out = json_pack("{s:s,s:s,s:s,s:o}", "AccessKeyId", machine_key->access_key, "SecretAccessKey", machine_key->secret_key,
					"Token", machine_key->session_token, "Expiration", time_text(machine_key->expires_ms));
	if (is_for_container(x))
		json_object_set_new(out, "RoleArn", json_sprintf("arn:aws:iam::%s:role/%s", cloud.account, settings.role));
	else
		json_object_update_new(out, json_pack("{s:s,s:s,s:o}", "Code", "Success", "Type", "AWS-HMAC",
											  "LastUpdated", time_text(clock_now_ms())));
	http_answer_json(x, 200, is_for_container(x) ? "application/json" : "text/plain", out);
}

static void
give_role(Exchange *x)
{
	const char *role = strrchr(x->path, '/') + 1;

	if (settings.role[0] == '\0' || (role[0] != '\0' && strcmp(role, settings.role) != 0))
		refuse(x, 404, "Not Found", "There is no such role.");
	else if (role[0] == '\0')
		answer_text(x, settings.role);
	else
		give_credentials(x);
}

static void
give_region(Exchange *x)
{
	bool		zone = strcmp(x->action, "zone") == 0;
	char		text[64];

	snprintf(text, sizeof(text), "%s%s", cloud.region, zone ? "a" : "");
	answer_text(x, text);
}

static void
give_document(Exchange *x)
{
	http_answer_json(x, 200, "text/plain", json_pack("{s:s,s:s}", "accountId", cloud.account, "region", cloud.region));
}

typedef struct Action
{
	const char *method;
	const char *path;			/* in "/", more follows */
	const char *name;
	void		(*give) (Exchange *x);
} Action;

static const Action actions[] = {
	{"PUT", "/latest/api/token", "token", give_token},
	{"GET", "/latest/meta-data/iam/security-credentials/", "credentials", give_role},
	{"GET", "/latest/meta-data/placement/region", "region", give_region},
	{"GET", "/latest/meta-data/placement/availability-zone", "zone", give_region},
	{"GET", "/latest/dynamic/instance-identity/document", "document", give_document},
	{"GET", CONTAINER_PATH, "container_credentials", give_credentials},
};

static void
identify(Exchange *x)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]) && x->action == NULL; i++)
	{
		size_t		len = strlen(actions[i].path);

		if (strcmp(x->method, actions[i].method) == 0 && strncmp(x->path, actions[i].path, len) == 0 &&
			(actions[i].path[len - 1] == '/' || x->path[len] == '\0'))
		{
			x->action = actions[i].name;
			x->call = (void *) &actions[i];
		}
	}
	if (x->action == NULL)
		refuse(x, 404, "Not Found", "");
	else if (actions[1].name == x->action && x->path[strlen(actions[1].path)] == '\0')
		x->action = "role";
}

static bool
authorise(Exchange *x)
{
	const char *token = http_header(x, is_for_container(x) ? "Authorization" : "X-Aws-Ec2-Metadata-Token");
	const int64_t *ends = token != NULL ? table_get(&tokens, token, strlen(token)) : NULL;
	bool		allowed = ends != NULL && *ends > clock_now_ms();

	if (is_for_container(x))
		allowed = settings.container_token[0] == '\0' || (token != NULL && strcmp(token, settings.container_token) == 0);
	if (!allowed && x->call != &actions[0])
		refuse(x, 401, "Unauthorized", "The token is missing, wrong or has ended.");
	return x->call == &actions[0] || allowed;
}

static void
handle(Exchange *x)
{
	const Action *action = x->call;

	action->give(x);
}

const Service metadata_service = {"metadata", identify, authorise, handle, refuse};
