/*
 * redshift_data.c
 *	  Requests to the Amazon Redshift Data API: AWS JSON 1.1, one POST to the
 *	  endpoint's root with the action in a header.
 *
 * Written by hand, so that SQL reaches Redshift byte for byte.
 */
#include "redshift_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

/*
 * A description repeats the text of all statements, in which a byte may have
 * become an escape of six.
 */
#define MAX_DESCRIPTION ((size_t) AWSX_REDSHIFT_BATCH * AWSX_REDSHIFT_STATEMENT_BYTES * 6 + ((size_t) 1 << 20))
#define MAX_PAGE ((size_t) 32 << 20)

#define MAX_STATEMENT_NAME 500	/* characters, StatementName in the API reference */

bool
awsx_redshift_service(AwsxService *service, const AwsxServiceOptions *options, AwsxError *error)
{
	return awsx_service_init(service, "redshift-data", AWSX_DIALECT_JSON, options, error);
}

/* A string member, after a comma unless it is the first; none for null. */
static void
put_text(AwsxBuf *json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	awsx_buf_printf(json, "%s\"%s\":", json->len > 1 ? "," : "", name);
	awsx_buf_json_string(json, value, strlen(value));
}

static void
begin(AwsxBuf *json, AwsxHttpRequest *out)
{
	awsx_http_request_init(out, "POST");
	awsx_buf_init(json, 0);
	awsx_buf_putc(json, '{');
}

/* Close the object and move it into *out; *json is empty afterwards. */
static bool
finish(AwsxBuf *json, const AwsxService *service, const char *action, AwsxHttpRequest *out, AwsxError *error)
{
	char		target[64];

	snprintf(target, sizeof(target), "RedshiftData.%s", action);
	awsx_buf_putc(json, '}');
	out->endpoint = strdup(service->endpoint);
	out->path = strdup("/");
	out->body = awsx_buf_take(json, &out->body_len);
	if (out->endpoint != NULL && out->path != NULL && out->body != NULL &&
		awsx_headers_set(&out->headers, "Content-Type", "application/x-amz-json-1.1") &&
		awsx_headers_set(&out->headers, "X-Amz-Target", target))
		return true;
	awsx_buf_free(json);
	awsx_http_request_free(out);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for the %s request to the Redshift Data API", action);
}

static bool
is_empty(const char *text)
{
	return text == NULL || *text == '\0';
}

static bool
check_place(const AwsxRedshiftPlace *place, AwsxError *error)
{
	if (is_empty(place->workgroup) == is_empty(place->cluster))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "Redshift is either a workgroup or a cluster: name one of them");
	if (is_empty(place->database))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "no database of Redshift is named");
	if (!is_empty(place->workgroup) && !is_empty(place->db_user))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a database user can only be named for a cluster of Redshift, not for a workgroup");
	return true;
}

static bool
check_submit(const AwsxRedshiftSubmit *submit, AwsxError *error)
{
	if (submit->count < 1 || submit->count > AWSX_REDSHIFT_BATCH)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a transaction through the Redshift Data API takes 1 to %d statements, not %d",
							  AWSX_REDSHIFT_BATCH, submit->count);
	for (int i = 0; i < submit->count; i++)
	{
		size_t		len = strlen(submit->statements[i]);

		if (len < 1 || len > AWSX_REDSHIFT_STATEMENT_BYTES)
			return awsx_error_set(error, AWSX_ERR_REQUEST,
								  "statement %d has %zu bytes; the Redshift Data API takes 1 to %d", i + 1, len, AWSX_REDSHIFT_STATEMENT_BYTES);
	}
	if (submit->token != NULL && (*submit->token == '\0' || strlen(submit->token) > AWSX_REDSHIFT_TOKEN))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a ClientToken has 1 to %d characters", AWSX_REDSHIFT_TOKEN);
	if (submit->name != NULL && strlen(submit->name) > MAX_STATEMENT_NAME)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a statement's name has at most %d characters", MAX_STATEMENT_NAME);
	return check_place(submit->place, error);
}

/* What is empty is as if it were not given. */
static const char *
given(const char *text)
{
	return is_empty(text) ? NULL : text;
}

static void
put_statements(AwsxBuf *json, const AwsxRedshiftSubmit *submit)
{
	if (submit->count == 1)
	{
		put_text(json, "Sql", submit->statements[0]);
		return;
	}
	awsx_buf_puts(json, ",\"Sqls\":[");
	for (int i = 0; i < submit->count; i++)
	{
		if (i > 0)
			awsx_buf_putc(json, ',');
		awsx_buf_json_string(json, submit->statements[i], strlen(submit->statements[i]));
	}
	awsx_buf_putc(json, ']');
}

bool
awsx_redshift_submit_request(const AwsxService *service, const AwsxRedshiftSubmit *submit, AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	begin(&json, out);
	if (!check_submit(submit, error))
	{
		awsx_buf_free(&json);
		return false;
	}
	put_text(&json, "WorkgroupName", given(submit->place->workgroup));
	put_text(&json, "ClusterIdentifier", given(submit->place->cluster));
	put_text(&json, "Database", submit->place->database);
	put_text(&json, "DbUser", given(submit->place->db_user));
	put_text(&json, "SecretArn", given(submit->place->secret_arn));
	put_text(&json, "ClientToken", submit->token);
	put_text(&json, "StatementName", given(submit->name));
	put_statements(&json, submit);
	return finish(&json, service, submit->count == 1 ? "ExecuteStatement" : "BatchExecuteStatement", out, error);
}

bool
awsx_redshift_describe_request(const AwsxService *service, const char *id, AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	begin(&json, out);
	put_text(&json, "Id", id);
	out->max_response = MAX_DESCRIPTION;
	return finish(&json, service, "DescribeStatement", out, error);
}

bool
awsx_redshift_result_request(const AwsxService *service, const char *id, int part, const char *next, AwsxHttpRequest *out, AwsxError *error)
{
	char		part_id[AWSX_REDSHIFT_ID + 16];
	AwsxBuf		json;

	begin(&json, out);
	snprintf(part_id, sizeof(part_id), part > 0 ? "%.*s:%d" : "%.*s", AWSX_REDSHIFT_ID, id, part);
	put_text(&json, "Id", part_id);
	put_text(&json, "NextToken", next);
	out->max_response = MAX_PAGE;
	return finish(&json, service, "GetStatementResult", out, error);
}

bool
awsx_redshift_cancel_request(const AwsxService *service, const char *id, AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		json;

	begin(&json, out);
	put_text(&json, "Id", id);
	return finish(&json, service, "CancelStatement", out, error);
}
