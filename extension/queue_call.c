/*
 * queue_call.c
 *	  Calls of AWS that an SQL function waits for.
 *
 * The wait raises cancel requests right where they are heard: the client is
 * tied to a memory context and cancels its calls when that goes, so nothing
 * of it is left.  What answers are parsed into is malloc'd by the AWS client
 * and is therefore tied to a memory context too.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "queue_call.h"

/* What is to be released with a memory context. */
typedef struct QueueCallObject
{
	MemoryContextCallback callback;
	void	   *object;
	void		(*release) (void *object);
} QueueCallObject;

/* Wait as every backend does, but not beyond the deadline. */
static bool
queue_call_wait(void *arg, int fd, int timeout_ms)
{
	QueueCall  *call = arg;
	long		left;

	CHECK_FOR_INTERRUPTS();
	left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), call->deadline);
	if (left <= 0)
		return false;
	if (timeout_ms < 0 || timeout_ms > left)
		timeout_ms = (int) left;
	(void) connection_wait_backend(NULL, fd, timeout_ms);
	CHECK_FOR_INTERRUPTS();
	return true;
}

void
queue_call_renew(QueueCall *call)
{
	call->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 (int64) call->seconds * 1000);
}

QueueCall *
queue_call_open(const Subscription *subscription, int seconds)
{
	QueueCall  *call = palloc0(sizeof(QueueCall));

	call->seconds = seconds;
	queue_call_renew(call);
	call->connection = connection_open(subscription, queue_call_wait, call);
	return call;
}

void
queue_call_close(QueueCall *call)
{
	connection_close(call->connection);
}

bool
queue_call_run(QueueCall *call, const AwsxService *service, AwsxHttpRequest *request,
			   AwsxHttpResponse *answer, AwsxError *error)
{
	awsx_error_clear(error);
	if (awsx_client_run(call->connection->client, service, request, answer, error))
		return true;
	awsx_http_request_free(request);
	if (error->kind == AWSX_ERR_CANCELLED)
		awsx_error_set(error, AWSX_ERR_TIMEOUT, "no answer within %d s", call->seconds);
	return false;
}

static void
queue_call_release(void *arg)
{
	QueueCallObject *object = arg;

	object->release(object->object);
}

void
queue_call_keep(void *object, void (*release) (void *object))
{
	QueueCallObject *kept = palloc(sizeof(QueueCallObject));

	kept->callback.func = queue_call_release;
	kept->callback.arg = kept;
	kept->object = object;
	kept->release = release;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &kept->callback);
}

static void
queue_call_free_attributes(void *attributes)
{
	awsx_sqs_attributes_free(attributes);
}

AwsxSqsAttributes *
queue_call_attributes(QueueCall *call, const char *queue_url, AwsxError *error)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsAttributes *attributes;

	if (!awsx_sqs_attributes_request(&call->connection->sqs, queue_url, &request, error) ||
		!queue_call_run(call, &call->connection->sqs, &request, &answer, error))
		return NULL;
	attributes = awsx_sqs_attributes_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (attributes != NULL)
		queue_call_keep(attributes, queue_call_free_attributes);
	return attributes;
}

/* In another encoding than UTF-8. */
static bool
queue_call_convert(const char *bytes, Size length, Datum *text)
{
	Oid			conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	Size		room = length * MAX_CONVERSION_GROWTH + 1;
	char	   *converted = MemoryContextAllocHuge(CurrentMemoryContext, room);

	if (!OidIsValid(conversion) ||
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(),
									  (unsigned char *) unconstify(char *, bytes), (int) length,
									  (unsigned char *) converted, (int) room, true) != (int) length)
		return false;
	*text = CStringGetTextDatum(converted);
	return true;
}

bool
queue_call_text(const char *bytes, Size length, Datum *text)
{
	if (length > MaxAllocSize / 8 || memchr(bytes, '\0', length) != NULL ||
		!pg_verify_mbstr(PG_UTF8, bytes, (int) length, true))
		return false;
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
		return queue_call_convert(bytes, length, text);
	*text = PointerGetDatum(cstring_to_text_with_len(bytes, (int) length));
	return true;
}
