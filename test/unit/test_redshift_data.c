/*
 * test_redshift_data.c
 *	  The Redshift Data API: requests to the byte, answers in the shapes of
 *	  the API reference, and answers that nobody should send.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include <jansson.h>

#include "../../aws/answer.h"
#include "redshift_data.h"

static AwsxError error;
static AwsxService service;
static const AwsxRedshiftPlace serverless = {.workgroup = "default",.database = "dev"};

/*----------
 * Requests
 *----------
 */

/* The body of a request, or what is wrong with it. */
static const char *
body_of(bool made, AwsxHttpRequest *request, const char *action)
{
	static char	kept[4096];
	char		target[64];
	const char *header;

	if (!made)
	{
		ok(request->body == NULL && request->path == NULL, "nothing is left of the request");
		return error.message;
	}
	snprintf(target, sizeof(target), "RedshiftData.%s", action);
	header = awsx_headers_get(&request->headers, "X-Amz-Target");
	is_str(header, target, "the action");
	is_str(awsx_headers_get(&request->headers, "Content-Type"), "application/x-amz-json-1.1", "AWS JSON 1.1");
	is_str(request->path, "/", "the root");
	is_str(request->endpoint, service.endpoint, "the endpoint");
	snprintf(kept, sizeof(kept), "%s", request->body);
	awsx_http_request_free(request);
	return kept;
}

static const char *
submits(const AwsxRedshiftSubmit *submit, const char *action)
{
	AwsxHttpRequest request;

	awsx_error_clear(&error);
	return body_of(awsx_redshift_submit_request(&service, submit, &request, &error), &request, action);
}

static void
test_submit(void)
{
	const char *statements[AWSX_REDSHIFT_BATCH + 1] = {"SELECT 'a\"b\\c'", "LOCK \"t\"\n;\xc3\xa9"};
	AwsxRedshiftPlace cluster = {.workgroup = "",.cluster = "c1",.database = "dev",.db_user = "loader",.secret_arn = "arn:aws:x"};
	AwsxRedshiftSubmit submit = {.place = &serverless,.statements = statements,.count = 1,.token = "t0",.name = "load"};

	is_str(submits(&submit, "ExecuteStatement"),
		   "{\"WorkgroupName\":\"default\",\"Database\":\"dev\",\"ClientToken\":\"t0\",\"StatementName\":\"load\","
		   "\"Sql\":\"SELECT 'a\\\"b\\\\c'\"}", "one statement");
	submit = (AwsxRedshiftSubmit) {.place = &cluster,.statements = statements,.count = 2};
	is_str(submits(&submit, "BatchExecuteStatement"),
		   "{\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\",\"DbUser\":\"loader\",\"SecretArn\":\"arn:aws:x\","
		   "\"Sqls\":[\"SELECT 'a\\\"b\\\\c'\",\"LOCK \\\"t\\\"\\n;\xc3\xa9\"]}", "two, of a cluster");
}

static void
test_submit_refused(void)
{
	const char *statements[AWSX_REDSHIFT_BATCH + 1];
	char	   *big = malloc(AWSX_REDSHIFT_STATEMENT_BYTES + 2);
	AwsxRedshiftPlace place = serverless;
	AwsxRedshiftSubmit submit = {.place = &place,.statements = statements,.count = AWSX_REDSHIFT_BATCH};
	AwsxHttpRequest request;

	memset(big, ' ', AWSX_REDSHIFT_STATEMENT_BYTES + 1);
	big[AWSX_REDSHIFT_STATEMENT_BYTES + 1] = '\0';
	for (int i = 0; i <= AWSX_REDSHIFT_BATCH; i++)
		statements[i] = big + 1;
	ok(awsx_redshift_submit_request(&service, &submit, &request, &error), "40 statements of 100 KB");
	awsx_http_request_free(&request);
	statements[2] = big;
	is_str(submits(&submit, ""), "statement 3 has 102401 bytes; the Redshift Data API takes 1 to 102400", "a byte more");
	is_int(error.kind, AWSX_ERR_REQUEST, "... is this request's fault");
	statements[2] = "";
	ok(strstr(submits(&submit, ""), "statement 3 has 0 bytes") != NULL, "an empty statement");
	statements[2] = "x";
	submit.count = AWSX_REDSHIFT_BATCH + 1;
	ok(strstr(submits(&submit, ""), "1 to 40 statements, not 41") != NULL, "41 statements");
	submit.count = 0;
	ok(strstr(submits(&submit, ""), "not 0") != NULL, "no statement");
	submit.count = 1;
	submit.statements = statements + 2;
	submit.token = "";
	ok(strstr(submits(&submit, ""), "ClientToken") != NULL, "an empty token");
	submit.token = "0123456789012345678901234567890123456789012345678901234567890123";
	ok(awsx_redshift_submit_request(&service, &submit, &request, &error), "a token of 64");
	awsx_http_request_free(&request);
	submit.token = "01234567890123456789012345678901234567890123456789012345678901234";
	ok(strstr(submits(&submit, ""), "ClientToken") != NULL, "a token of 65");
	submit.token = NULL;
	submit.name = big;
	ok(strstr(submits(&submit, ""), "name") != NULL, "a name that is too long");
	submit.name = NULL;
	place.db_user = "u";
	ok(strstr(submits(&submit, ""), "only be named for a cluster") != NULL, "a user of a workgroup");
	place.db_user = NULL;
	place.cluster = "c";
	ok(strstr(submits(&submit, ""), "either a workgroup or a cluster") != NULL, "both");
	place.cluster = place.workgroup = "";
	ok(strstr(submits(&submit, ""), "either a workgroup or a cluster") != NULL, "neither");
	place.workgroup = "w";
	place.database = NULL;
	ok(strstr(submits(&submit, ""), "no database") != NULL, "no database");
	free(big);
}

static void
test_other_requests(void)
{
	AwsxHttpRequest request;
	bool		made;

	made = awsx_redshift_describe_request(&service, "d9b6c0c9", &request, &error);
	ok(request.max_response > (size_t) 24 << 20, "a description may repeat 40 statements of 100 KB, in escapes");
	is_str(body_of(made, &request, "DescribeStatement"), "{\"Id\":\"d9b6c0c9\"}", "describe");
	made = awsx_redshift_result_request(&service, "d9b6c0c9", 0, NULL, &request, &error);
	is_str(body_of(made, &request, "GetStatementResult"), "{\"Id\":\"d9b6c0c9\"}", "result");
	made = awsx_redshift_result_request(&service, "d9b6c0c9", 40, "a\"b", &request, &error);
	is_str(body_of(made, &request, "GetStatementResult"), "{\"Id\":\"d9b6c0c9:40\",\"NextToken\":\"a\\\"b\"}", "next page of a part's");
	made = awsx_redshift_cancel_request(&service, "d9b6c0c9", &request, &error);
	is_str(body_of(made, &request, "CancelStatement"), "{\"Id\":\"d9b6c0c9\"}", "cancel");
}

/*----------
 * Answers
 *----------
 */

static AwsxHttpResponse
answer_of(const char *body, size_t len)
{
	AwsxHttpResponse answer;

	awsx_http_response_init(&answer, 0);
	answer.status = 200;
	awsx_buf_append(&answer.body, body, len);
	return answer;
}

static const char *
id_in(const char *body)
{
	static char	id[AWSX_REDSHIFT_ID];
	AwsxHttpResponse answer = answer_of(body, strlen(body));
	bool		good;

	awsx_error_clear(&error);
	good = awsx_redshift_submit_answer(&answer, id, &error);
	awsx_http_response_free(&answer);
	if (good == (error.kind != AWSX_OK) || (!good && id[0] != '\0'))
		return "no error";
	return good ? id : "refused";
}

static void
test_submit_answer(void)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "<html>", "{\"Id\":null}", "{\"Id\":7}", "{\"Id\":\"\"}", "{\"Id\":\"a b\"}", "{\"Id\":\"a:1\"}",
		"{\"Id\":\"a\\u0000b\"}", "{\"Id\":\"a\\nb\"}", "{\"Id\":\"\xff\"}", "{\"Id\":\"a\"", "{\"Id\":[\"a\"]}",
		"{\"Id\":\"0123456789012345678901234567890123456789012345678901234567890\"}"
	};

	is_str(id_in("{\"Id\":\"d9b6c0c9-0747-4bf4-b142-e8883122f766\",\"CreatedAt\":1.7673230451E9,\"Database\":\"dev\","
				 "\"WorkgroupName\":\"wg-1\"}"), "d9b6c0c9-0747-4bf4-b142-e8883122f766", "an id");
	is_str(id_in("{\"CreatedAt\":\"2026-01-31T23:59:58Z\",\"Id\":\"a\"}"), "a", "a time as some servers write it");
	is_int((int) strlen(id_in("{\"Id\":\"012345678901234567890123456789012345678901234567890123456789\"}")), 60,
		   "an id that leaves just room for a part's number");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_str(id_in(bad[i]), "refused", "no id");
}

/* "STATUS error|rows|result[;part status|rows|result]...", or what is wrong. */
static const char *
described(const char *body)
{
	static const char *const words[] = {"running", "finished", "failed", "aborted"};
	static char	text[4096];
	AwsxHttpResponse answer = answer_of(body, strlen(body));
	AwsxRedshiftDescription description;
	int			len;

	awsx_error_clear(&error);
	if (!awsx_redshift_describe_answer(&answer, &description, &error))
	{
		awsx_http_response_free(&answer);
		return error.kind == AWSX_ERR_PROTOCOL ? "refused" : "no error";
	}
	awsx_http_response_free(&answer);
	len = snprintf(text, sizeof(text), "%s %s|%lld|%d", words[description.status], description.error,
				   (long long) description.rows, description.has_result);
	for (int i = 0; i < description.part_count; i++)
		len += snprintf(text + len, sizeof(text) - (size_t) len, ";%s|%lld|%d", words[description.parts[i].status],
						(long long) description.parts[i].rows, description.parts[i].has_result);
	return text;
}

static void
test_describe(void)
{
	char		parts[41 * 24 + 64] = "{\"Status\":\"STARTED\",\"SubStatements\":[{\"Status\":\"STARTED\"}";

	is_str(described("{\"Id\":\"d9\",\"Status\":\"SUBMITTED\",\"Duration\":-1,\"ResultRows\":-1,\"HasResultSet\":false}"), "running |-1|0", "submitted");
	is_str(described("{\"Status\":\"PICKED\"}"), "running |-1|0", "picked");
	is_str(described("{\"Status\":\"STARTED\",\"ResultRows\":null,\"SubStatements\":null,\"Error\":null}"), "running |-1|0", "started");
	is_str(described("{\"Status\":\"SOMETHING_NEW\"}"), "running |-1|0", "a status that is not known is no end");
	is_str(described("{\"Status\":\"finished\"}"), "running |-1|0", "... nor is one in lower case");
	is_str(described("{\"CreatedAt\":1.7673230451E9,\"Duration\":67000000,\"HasResultSet\":true,\"Id\":\"d9\",\"QueryString\":\"select 1\","
					 "\"RedshiftPid\":1073766651,\"RedshiftQueryId\":0,\"ResultRows\":1,\"ResultSize\":11,\"Status\":\"FINISHED\","
					 "\"UpdatedAt\":1767323046.123}"), "finished |1|1", "finished, with a result");
	is_str(described("{\"Status\":\"FAILED\",\"Error\":\"ERROR: Value too long for character type\\n  Detail: \\u001b[1m\"}"),
		   "failed ERROR: Value too long for character type   Detail:  [1m|-1|0", "failed, with an error in one line");
	is_str(described("{\"Status\":\"ABORTED\",\"Error\":\"a\\u0000b\"}"), "aborted |-1|0", "aborted, with an error that is no text");
	is_str(described("{\"Status\":\"FINISHED\",\"ResultRows\":3,\"SubStatements\":["
					 "{\"Id\":\"d9:2\",\"Status\":\"FINISHED\",\"ResultRows\":5,\"HasResultSet\":false},"
					 "{\"Id\":\"d9:1\",\"Status\":\"FINISHED\",\"ResultRows\":-1,\"HasResultSet\":true},"
					 "{\"Id\":\"d9:3\",\"Status\":\"FINISHED\"}]}"),
		   "finished |3|0;finished|-1|1;finished|5|0;finished|-1|0", "parts stand where their ids say");
	is_str(described("{\"Status\":\"FAILED\",\"SubStatements\":[{\"Status\":\"FINISHED\"},"
					 "{\"Status\":\"FAILED\",\"Error\":\"first\"},{\"Status\":\"ABORTED\",\"Error\":\"second\"}]}"),
		   "failed first|-1|0;finished|-1|0;failed|-1|0;aborted|-1|0", "an error that only a part tells");
	for (int i = 1; i < AWSX_REDSHIFT_BATCH; i++)
		strcat(parts, ",{\"Status\":\"STARTED\"}");
	strcat(parts, "]}");
	ok(strncmp(described(parts), "running ", 8) == 0, "40 parts");
	strcpy(parts + strlen(parts) - 2, ",{\"Status\":\"STARTED\"}]}");
	is_str(described(parts), "refused", "41 parts");
}

static void
test_describe_refused(void)
{
	static const char *const bad[] = {
		"", "{}", "[]", "{\"Status\":null}", "{\"Status\":1}", "{\"Status\":\"FINISHED\",\"ResultRows\":\"5\"}",
		"{\"Status\":\"FINISHED\",\"ResultRows\":1.5}", "{\"Status\":\"FINISHED\",\"ResultRows\":99999999999999999999}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":{}}", "{\"Status\":\"FINISHED\",\"SubStatements\":\"x\"}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[1]}", "{\"Status\":\"FINISHED\",\"SubStatements\":[{}]}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[{\"Id\":\"a:2\",\"Status\":\"FINISHED\"}]}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[{\"Id\":\"a:0\",\"Status\":\"FINISHED\"}]}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[{\"Id\":\"a:x\",\"Status\":\"FINISHED\"}]}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[{\"Id\":\"a:99999999999999999999\",\"Status\":\"FINISHED\"}]}",
		"{\"Status\":\"FINISHED\",\"SubStatements\":[{\"Id\":\"a:1\",\"Status\":\"FINISHED\"},{\"Id\":\"a:1\",\"Status\":\"FINISHED\"}]}"
	};
	char		body[8192];
	char		euros[3001] = "";
	AwsxHttpResponse answer;
	AwsxRedshiftDescription description;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_str(described(bad[i]), "refused", "no description");
	for (int i = 0; i < 1000; i++)
		memcpy(euros + 3 * i, "\xe2\x82\xac", 3);
	euros[3000] = '\0';
	snprintf(body, sizeof(body), "{\"Status\":\"FAILED\",\"Error\":\"%s\"}", euros);
	answer = answer_of(body, strlen(body));
	ok(awsx_redshift_describe_answer(&answer, &description, &error), "a long error");
	is_int((int) strlen(description.error), 1023, "... is cut between two characters");
	answer.body.failed = true;
	ok(!awsx_redshift_describe_answer(&answer, &description, &error) && error.kind == AWSX_ERR_PROTOCOL, "an answer that was cut");
	awsx_http_response_free(&answer);
}

static int64_t
created(const char *time)
{
	char		body[200];
	AwsxHttpResponse answer;
	AwsxRedshiftDescription description;

	snprintf(body, sizeof(body), "{\"Status\":\"FAILED\",\"CreatedAt\":%s}", time);
	answer = answer_of(body, strlen(body));
	ok(awsx_redshift_describe_answer(&answer, &description, &error), "a description of %s", time);
	awsx_http_response_free(&answer);
	return description.created_ms;
}

static void
test_times(void)
{
	is_int(created("1.7673230455E9"), 1767323045500, "... is a time");
	is_int(created("1767323045"), 1767323045000, "... is one, too");
	is_int(created("\"2026-01-02T03:04:05Z\""), 0, "... is not said");
	is_int(created("-5"), 0, "... is not said");
	is_int(created("1e300"), 0, "... is not said");
	is_int(created("null"), 0, "... is not said");
}

/* "a,b;c,NULL>next", or what is wrong. */
static const char *
rows_in(const char *body)
{
	static char	text[4096];
	AwsxHttpResponse answer = answer_of(body, strlen(body));
	AwsxRedshiftRows *rows;
	size_t		len = 0;

	awsx_error_clear(&error);
	rows = awsx_redshift_result_answer(&answer, &error);
	awsx_http_response_free(&answer);
	if (rows == NULL)
		return error.kind == AWSX_ERR_PROTOCOL ? "refused" : "no error";
	text[0] = '\0';
	for (int i = 0; i < rows->row_count * rows->column_count; i++)
		len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s", i == 0 ? "" : i % rows->column_count ? "," : ";",
								 rows->values[i] ? rows->values[i] : "NULL");
	if (rows->next != NULL)
		snprintf(text + len, sizeof(text) - len, ">%s", rows->next);
	awsx_redshift_rows_free(rows);
	return text;
}

static void
test_rows(void)
{
	static const char *const bad[] = {
		"", "{}", "[]", "{\"Records\":null}", "{\"Records\":{}}", "{\"Records\":[1]}", "{\"Records\":[[1]]}", "{\"Records\":[[{}]]}",
		"{\"Records\":[[{\"longValue\":1}],[]]}", "{\"Records\":[[],[{\"longValue\":1}]]}", "{\"Records\":[[{\"longValue\":\"1\"}]]}",
		"{\"Records\":[[{\"stringValue\":1}]]}", "{\"Records\":[[{\"stringValue\":\"a\\u0000b\"}]]}", "{\"Records\":[[{\"isNull\":false}]]}",
		"{\"Records\":[[{\"arrayValue\":[]}]]}", "{\"Records\":[[{\"longValue\":9223372036854775808}]]}", "{\"Records\":[[{\"doubleValue\":1e999}]]}"
	};

	is_str(rows_in("{\"ColumnMetadata\":[{\"name\":\"n\",\"typeName\":\"int8\"}],\"Records\":[[{\"longValue\":-5},{\"isNull\":true}],"
				   "[{\"stringValue\":\"\"},{\"stringValue\":\"x\"}]],\"TotalNumRows\":2,\"NextToken\":\"t==\"}"),
		   "-5,NULL;,x>t==", "a page");
	is_str(rows_in("{\"Records\":[[{\"doubleValue\":0.5},{\"booleanValue\":true},{\"booleanValue\":false},{\"blobValue\":\"AQI=\"}]]}"),
		   "0.5,true,false,AQI=", "a field of each kind");
	is_str(rows_in("{\"Records\":[[{\"isNull\":false,\"longValue\":9223372036854775807}]],\"NextToken\":\"\"}"), "9223372036854775807", "the largest integer");
	is_str(rows_in("{\"Records\":[]}"), "", "no rows");
	is_str(rows_in("{\"Records\":[[],[],[]]}"), "", "rows of nothing");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_str(rows_in(bad[i]), "refused", "no rows");
}

/*----------
 * Errors
 *----------
 */

static AwsxErrorKind
classified(int status, const char *code)
{
	char		body[200];
	AwsxHttpResponse answer;

	snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"Message\":\"no\",\"StatementId\":\"x\"}", code);
	answer = answer_of(body, strlen(body));
	answer.status = status;
	awsx_answer_classify(AWSX_DIALECT_JSON, &answer, &error);
	awsx_http_response_free(&answer);
	return error.kind;
}

static void
test_errors(void)
{
	static const struct
	{
		int			status;
		const char *code;
		AwsxErrorKind kind;
		bool		retryable;
	}			codes[] = {
		{400, "ActiveStatementsExceededException", AWSX_ERR_THROTTLED, true},
		{400, "ActiveSessionsExceededException", AWSX_ERR_THROTTLED, true},
		{400, "ActiveWaitingRequestsExceededException", AWSX_ERR_THROTTLED, true},
		{400, "ThrottlingException", AWSX_ERR_THROTTLED, true},
		{500, "ExecuteStatementException", AWSX_ERR_SERVICE, true},
		{500, "BatchExecuteStatementException", AWSX_ERR_SERVICE, true},
		{500, "InternalServerException", AWSX_ERR_SERVICE, true},
		{500, "DatabaseConnectionException", AWSX_ERR_SERVICE, true},
		{400, "com.amazonaws.redshiftdataapi#ResourceNotFoundException", AWSX_ERR_NOT_FOUND, false},
		{400, "ValidationException", AWSX_ERR_REQUEST, false},
		{400, "QueryTimeoutException", AWSX_ERR_REQUEST, false},
		{400, "AccessDeniedException", AWSX_ERR_DENIED, false},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		is_int(classified(codes[i].status, codes[i].code), codes[i].kind, codes[i].code);
		is_int(error.retryable, codes[i].retryable, "... and whether it is asked again");
	}
}

/*----------
 * Memory
 *----------
 */

static bool
asks_all(AwsxError *out)
{
	static const char *const statements[] = {"SELECT 1", "SELECT 2"};
	AwsxRedshiftSubmit submit = {.place = &serverless,.statements = statements,.count = 2,.token = "t"};
	AwsxHttpRequest request;

	if (!awsx_redshift_submit_request(&service, &submit, &request, out))
		return false;
	awsx_http_request_free(&request);
	if (!awsx_redshift_result_request(&service, "d9", 1, "n", &request, out))
		return false;
	awsx_http_request_free(&request);
	return true;
}

static bool
reads_rows(AwsxError *out)
{
	static const char body[] = "{\"Records\":[[{\"longValue\":1}]],\"NextToken\":\"t\"}";
	AwsxHttpResponse answer = {.status = 200,.body = {.data = (char *) body,.len = sizeof(body) - 1}};
	AwsxRedshiftRows *rows = awsx_redshift_result_answer(&answer, out);
	bool		good = rows != NULL && strcmp(rows->next, "t") == 0;

	awsx_redshift_rows_free(rows);
	return good;
}

int
main(void)
{
	AwsxServiceOptions options = {.region = "eu-west-1"};

	ok(awsx_redshift_service(&service, &options, &error), "the service");
	is_str(service.endpoint, "https://redshift-data.eu-west-1.amazonaws.com", "... lives there");
	is_str(service.name, "redshift-data", "... and is signed for so");
	test_submit();
	test_submit_refused();
	test_other_requests();
	test_submit_answer();
	test_describe();
	test_describe_refused();
	test_times();
	test_rows();
	test_errors();
	sweep("requests", asks_all);
	sweep("a result", reads_rows);
	return tap_done();
}
