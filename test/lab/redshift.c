/*
 * redshift.c
 *		The Redshift Data API over AWS JSON 1.1: dispatch, members, errors.
 *
 * What SQL has to say is never an error of a call, only a DescribeStatement
 * tells it.  Messages are AWS's where one was seen.
 */
#include "redshift.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "journal.h"
#include "service.h"

#define CONTENT_TYPE	"application/x-amz-json-1.1"
#define ID_LEN			36

typedef struct Call
{
	Exchange   *x;
	const struct Action *action;	/* NULL: unknown */
	json_t	   *in;
} Call;

typedef struct Action
{
	const char *name;
	void		(*run) (Call *call);
} Action;

static void
answer(Call *call, json_t *body)
{
	http_add_header(call->x, "x-amzn-RequestId", "%s", call->x->request_id);
	http_answer_json(call->x, 200, CONTENT_TYPE, body);
}

/* Errors of the service call their text Message, those of AWS's framework message. */
static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	static const char *const framework[] = {
		"MissingAuthenticationTokenException", "IncompleteSignatureException", "UnrecognizedClientException",
		"ExpiredTokenException", "InvalidSignatureException", "ThrottlingException", "SerializationException",
		"UnknownOperationException",
	};
	const char *member = "Message";

	for (size_t i = 0; i < sizeof(framework) / sizeof(framework[0]); i++)
	{
		if (strcmp(code, framework[i]) == 0)
			member = "message";
	}
	router_note_error(x, code);
	http_add_header(x, "x-amzn-RequestId", "%s", x->request_id);
	http_add_header(x, "x-amzn-ErrorType", "%s", code);
	http_answer_json(x, status, CONTENT_TYPE, json_pack("{s:s,s:s}", "__type", code, member, message));
}

static void __attribute__((format(printf, 3, 4)))
fail(Call *call, const char *code, const char *format,...)
{
	Buf			message = {0};
	va_list		args;

	va_start(args, format);
	buf_addv(&message, format, args);
	va_end(args);
	refuse(call->x, 400, code, message.data);
	buf_free(&message);
}

/* The member if it is a string of so many bytes; "" when absent; NULL after refusing the call. */
static const char *
text_member(Call *call, const char *name, bool required, size_t most)
{
	const json_t *member = json_object_get(call->in, name);

	if (member == NULL || json_is_null(member))
	{
		if (!required)
			return "";
		fail(call, "ValidationException", "1 validation error detected: Value null at '%s' failed to satisfy constraint: "
			 "Member must not be null", name);
	}
	else if (!json_is_string(member))
		fail(call, "SerializationException", "%s must be a string", name);
	else if (json_string_length(member) < 1 || json_string_length(member) > most)
		fail(call, "ValidationException", "1 validation error detected: Value at '%s' failed to satisfy constraint: "
			 "Member must have length between 1 and %zu", name, most);
	else
		return json_string_value(member);
	return NULL;
}

/* The statements; a new reference, NULL after refusing the call. */
static json_t *
read_sqls(Call *call, bool is_batch)
{
	json_t	   *sqls = json_object_get(call->in, "Sqls");
	size_t		i;
	json_t	   *sql;

	if (!is_batch)
	{
		const char *text = text_member(call, "Sql", true, REDSHIFT_SQL_MAX);

		return text != NULL ? json_pack("[s]", text) : NULL;
	}
	if (!json_is_array(sqls) || json_array_size(sqls) < 1 || json_array_size(sqls) > REDSHIFT_BATCH_MAX)
	{
		fail(call, "ValidationException", "1 validation error detected: Value at 'sqls' failed to satisfy constraint: "
			 "Member must have length between 1 and %d", REDSHIFT_BATCH_MAX);
		return NULL;
	}
	json_array_foreach(sqls, i, sql)
	{
		if (json_is_string(sql) && json_string_length(sql) >= 1 && json_string_length(sql) <= REDSHIFT_SQL_MAX)
			continue;
		fail(call, "ValidationException", "1 validation error detected: Value at 'sqls.%zu.member' failed to satisfy "
			 "constraint: Member must have length between 1 and %d", i + 1, REDSHIFT_SQL_MAX);
		return NULL;
	}
	return json_incref(sqls);
}

/* A null or "" cannot be bound. */
static bool
check_parameters(Call *call)
{
	json_t	   *parameters = json_object_get(call->in, "Parameters");
	size_t		i;
	json_t	   *parameter;

	if (parameters != NULL && json_array_size(parameters) < 1)
	{
		fail(call, "ValidationException", "1 validation error detected: Value at 'parameters' failed to satisfy "
			 "constraint: Member must have length greater than or equal to 1");
		return false;
	}
	json_array_foreach(parameters, i, parameter)
	{
		const char *name = json_string_value(json_object_get(parameter, "name"));
		const json_t *value = json_object_get(parameter, "value");

		if (name != NULL && name[0] != '\0' && strspn(name, ALPHANUMERIC "_") == strlen(name) && json_string_length(value) >= 1)
			continue;
		fail(call, "ValidationException", "1 validation error detected: Value at 'parameters.%zu.member.%s' failed to "
			 "satisfy constraint: Member must %s", i + 1, json_string_length(value) < 1 ? "value" : "name",
			 value == NULL || json_is_null(value) ? "not be null" : json_string_length(value) < 1 ?
			 "have length greater than or equal to 1" : "satisfy regular expression pattern: [0-9a-zA-Z_]+");
		return false;
	}
	return true;
}

/* The one workgroup, and what the lab does not have. */
static bool
check_place(Call *call)
{
	static const char *const absent[] = {"SessionId", "SessionKeepAliveSeconds", NULL};
	const char *workgroup = text_member(call, "WorkgroupName", false, 128);
	const char *cluster = workgroup != NULL ? text_member(call, "ClusterIdentifier", false, 63) : NULL;
	const char *format = json_string_value(json_object_get(call->in, "ResultFormat"));
	const char *mode = json_string_value(json_object_get(call->in, "ExecutionMode"));

	if (cluster == NULL)
		return false;
	for (size_t i = 0; absent[i] != NULL; i++)
	{
		if (json_object_get(call->in, absent[i]) != NULL)
		{
			fail(call, "ValidationException", "The lab has no sessions: %s", absent[i]);
			return false;
		}
	}
	if ((format != NULL && strcmp(format, "JSON") != 0) || (mode != NULL && strcmp(mode, "TRANSACTION") != 0))
		fail(call, "ValidationException", "The lab has only the ResultFormat JSON and the ExecutionMode TRANSACTION");
	else if (workgroup[0] == '\0' && cluster[0] == '\0')
		fail(call, "ValidationException", "Either ClusterIdentifier, WorkgroupName or SessionId must be provided.");
	else if (redshift_settings.conninfo == NULL || cluster[0] != '\0' || strcmp(workgroup, redshift_settings.workgroup) != 0)
		fail(call, "ValidationException", "Redshift endpoint doesn't exist in this region.");
	else
		return true;
	return false;
}

static void
answer_submitted(Call *call, const RedshiftStatement *statement)
{
	answer(call, json_pack("{s:s,s:f,s:s,s:s,s:s}", "Id", statement->id, "CreatedAt", redshift_seconds(statement->created_ms),
						   "Database", statement->database, "DbUser", REDSHIFT_DB_USER,
						   "WorkgroupName", redshift_settings.workgroup));
}

static void
submit(Call *call, bool is_batch)
{
	json_t	   *sqls = read_sqls(call, is_batch);
	const char *token = sqls != NULL ? text_member(call, "ClientToken", false, REDSHIFT_TOKEN_MAX) : NULL;
	const char *database = token != NULL ? text_member(call, "Database", true, 127) : NULL;
	RedshiftStatement *known;

	if (database != NULL && check_place(call) && check_parameters(call))
	{
		known = token[0] != '\0' ? redshift_by_token(token) : NULL;
		if (known != NULL)
		{
			journal_effect("redshift.repeated", "ss", "id", known->id, "token", token);
			answer_submitted(call, known);
		}
		else if ((int64_t) redshift_active() >= redshift_settings.active_max)
			fail(call, "ActiveStatementsExceededException",
				 "Active statements exceeded the allowed quota (%lld).", (long long) redshift_settings.active_max);
		else
			answer_submitted(call, redshift_submit(sqls, is_batch, token[0] != '\0' ? token : NULL, database,
												   json_object_get(call->in, "Parameters")));
	}
	json_decref(sqls);
}

static void
execute_statement(Call *call)
{
	submit(call, false);
}

static void
batch_execute_statement(Call *call)
{
	submit(call, true);
}

/* lower-case letters and digits in the places of a UUID, and ":N" */
static bool
is_id(const char *id)
{
	size_t		len = strlen(id);

	if (len < ID_LEN || (id[ID_LEN] != '\0' && (id[ID_LEN] != ':' || strspn(id + ID_LEN + 1, "0123456789") != len - ID_LEN - 1)))
		return false;
	for (size_t i = 0; i < ID_LEN; i++)
	{
		bool		dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? id[i] != '-' : strchr("abcdefghijklmnopqrstuvwxyz0123456789", id[i]) == NULL)
			return false;
	}
	return true;
}

/* The statement that the call names; *part is NULL unless it names one of a batch, or it is the only one. */
static RedshiftStatement *
find_statement(Call *call, RedshiftPart **part)
{
	const char *id = text_member(call, "Id", true, 64);
	RedshiftStatement *statement;
	long		number;

	*part = NULL;
	if (id == NULL)
		return NULL;
	if (!is_id(id))
	{
		fail(call, "ValidationException", "id must satisfy regex pattern: ^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?$");
		return NULL;
	}
	statement = redshift_find(id, ID_LEN);
	number = id[ID_LEN] == ':' ? strtol(id + ID_LEN + 1, NULL, 10) : 0;
	if (statement == NULL || (id[ID_LEN] == ':' && (!statement->is_batch || number < 1 || number > (long) statement->count)))
	{
		fail(call, "ResourceNotFoundException", "Query does not exist.");
		return NULL;
	}
	if (number > 0)
		*part = &statement->parts[number - 1];
	else if (!statement->is_batch)
		*part = &statement->parts[0];
	return statement;
}

static void
describe_statement(Call *call)
{
	RedshiftPart *part;
	RedshiftStatement *statement = find_statement(call, &part);

	if (statement != NULL)
		answer(call, redshift_describe(statement, part));
}

/* Where the page begins that a token of this id names; -1: it is none. */
static int64_t
page_start(const char *token, const char *id)
{
	Buf			plain = {0};
	int64_t		start = token[0] == '\0' ? 0 : -1;
	size_t		len = strlen(id);

	if (start < 0 && base64_decode(&plain, token, strlen(token)) && strncmp(plain.data, id, len) == 0 && plain.data[len] == '/')
		start = strtoll(plain.data + len + 1, NULL, 10);
	buf_free(&plain);
	return start;
}

static void
get_statement_result(Call *call)
{
	RedshiftPart *part;
	RedshiftStatement *statement = find_statement(call, &part);
	const char *token = statement != NULL ? text_member(call, "NextToken", false, 1024) : NULL;
	const char *id = json_string_value(json_object_get(call->in, "Id"));
	int64_t		start;

	if (token == NULL)
		return;
	start = page_start(token, id);
	if (part == NULL)
		fail(call, "ValidationException", "BatchExecuteStatement result can only be retrieved with sub-statement id.");
	else if (statement->status != REDSHIFT_FINISHED || part->result == NULL)
		fail(call, "ResourceNotFoundException", "Query does not have result. Please check query status with DescribeStatement.");
	else if (start < 0 || start > PQntuples(part->result))
		fail(call, "ValidationException", "NextToken is invalid.");
	else
		answer(call, redshift_result(part->result, start, id));
}

static void
cancel_statement(Call *call)
{
	RedshiftPart *part;
	RedshiftStatement *statement = find_statement(call, &part);

	if (statement == NULL)
		return;
	if (redshift_cancel(statement))
		answer(call, json_pack("{s:b}", "Status", 1));
	else
		fail(call, "ValidationException", "Could not cancel a query that is already in %s state with ID: %s",
			 redshift_status_name(statement->status), statement->id);
}

static const Action actions[] = {
	{"ExecuteStatement", execute_statement},
	{"BatchExecuteStatement", batch_execute_statement},
	{"DescribeStatement", describe_statement},
	{"GetStatementResult", get_statement_result},
	{"CancelStatement", cancel_statement},
};

static void
call_free(void *arg)
{
	Call	   *call = arg;

	json_decref(call->in);
	free(call);
}

static void
identify(Exchange *x)
{
	Call	   *call = mem_zalloc(sizeof(Call));
	const char *name = http_header(x, "X-Amz-Target") + strlen("RedshiftData.");
	const char *id;

	call->x = x;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
	{
		if (strcmp(actions[i].name, name) == 0)
			call->action = &actions[i];
	}
	x->action = call->action != NULL ? call->action->name : NULL;
	x->call = call;
	x->call_free = call_free;
	call->in = json_loadb(x->body.data, x->body.len, 0, NULL);
	id = json_string_value(json_object_get(call->in, "Id"));
	x->resource_kind = id != NULL ? "statement" : "workgroup";
	if (id == NULL)
		id = json_string_value(json_object_get(call->in, "WorkgroupName"));
	snprintf(x->resource, sizeof(x->resource), "%s", id != NULL ? id : "");
}

static void
handle(Exchange *x)
{
	Call	   *call = x->call;

	if (call->action == NULL)
		fail(call, "UnknownOperationException", "The lab knows no such action.");
	else if (!json_is_object(call->in))
		fail(call, "SerializationException", "A JSON object of UTF-8 without NUL is expected.");
	else
		call->action->run(call);
}

const Service redshift_service = {"redshift-data", identify, auth_require, handle, refuse};
