/*
 * setup.c
 *	  From a slot number to a consumer that can loop.
 *
 * The order matters.  Reading the configuration, the foreign server and the
 * user mapping, and remembering what the queue said about itself, need a
 * superuser's rights; so all of it comes before the process becomes the
 * subscription's owner, for good.
 *
 * What only a person can mend (the owner is a superuser, the server is gone)
 * goes into the slot and, once, into the log; the process exits, and the
 * launcher tries again when the configuration changes, else rarely.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "consumer.h"
#include "scanner.h"
#include "session.h"
#include "slots.h"

static _Noreturn void
exit_quietly(ConsumerEnd end)
{
	slot_set_end(end);
	proc_exit(0);
}

static _Noreturn void
refuse(ConsumerState state, const char *name, int sqlerrcode, const char *message,
	   const char *hint)
{
	if (slot_report(state, sqlerrcode, message, hint))
		ereport(LOG,
				(errcode(sqlerrcode),
				 errmsg("pg_sqs subscription \"%s\" cannot run: %s", name, message),
				 hint && hint[0] ? errhint("%s", hint) : 0));
	exit_quietly(CONSUMER_END_REFUSED);
}

/* Would the same attempt fail again until somebody changes something? */
static bool
needs_person(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		default:
			return ERRCODE_TO_CATEGORY(sqlerrcode) !=
				ERRCODE_TO_CATEGORY(ERRCODE_LOCK_NOT_AVAILABLE);
	}
}

/* In the handler of an error: end the process, saying why. */
static _Noreturn void
fail_setup(const Consumer *consumer)
{
	const char *name = consumer->subscription ? consumer->subscription->name : slot_mine->name;
	ErrorData  *error;

	MemoryContextSwitchTo(consumer->memory);
	error = CopyErrorData();
	if (!needs_person(error->sqlerrcode))
	{
		slot_note_error(error->sqlerrcode, error->message, error->hint);
		PG_RE_THROW();
	}
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(consumer->memory);
	refuse(CONSUMER_ERROR, name, error->sqlerrcode, error->message, error->hint);
}

/* A hook of the AWS client: wait, as ever, for everything. */
static bool
wait_for_network(void *arg, int fd, int timeout_ms)
{
	Consumer   *consumer = arg;

	(void) fd;
	consumer_sleep(consumer, timeout_ms);
	return !consumer->closing;
}

static void
begin(Consumer *consumer)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(consumer->memory);
}

static void
commit(Consumer *consumer)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(consumer->memory);
}

/* In a transaction: what to consume, from where. */
static void
read_configuration(Consumer *consumer, int32 id)
{
	Subscription *subscription = subscription_load(id);

	if (subscription == NULL || !subscription->enabled)
		exit_quietly(CONSUMER_END_REFUSED);
	consumer->subscription = subscription;
	if (subscription->fenced)
		refuse(CONSUMER_FENCED, subscription->name, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			   subscription->fence_reason ? subscription->fence_reason : "it is fenced",
			   "If this server shall consume the queue, run sqs.enable() for the subscription.");
	/* A scan that saw an older one, such as without the scope, finds nothing changed. */
	slot_set_config_hash(scanner_config_hash(subscription));
	consumer->connection = connection_open(subscription, wait_for_network, consumer);
}

static void
name_session(const Consumer *consumer)
{
	char		title[SLOT_TITLE_LEN];

	slot_title(title, consumer->subscription->name, consumer->number);
	SetConfigOption("application_name", title, PGC_USERSET, PGC_S_SESSION);
}

static void
make_event_set(Consumer *consumer)
{
	consumer->events = compat_create_wait_event_set(3);
	AddWaitEventToSet(consumer->events, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(consumer->events, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(consumer->events, WL_SOCKET_READABLE,
					  awsx_client_fd(consumer->connection->client), NULL, NULL);
}

/* Ask the queue once; false and *error when it does not tell. */
static bool
ask_scope(Consumer *consumer, DedupScope *scope, AwsxError *error)
{
	Connection *connection = consumer->connection;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxSqsAttributes *attributes;
	const char *value;

	if (!awsx_sqs_attributes_request(&connection->sqs, connection->queue_url, &request, error) ||
		!awsx_client_run(connection->client, &connection->sqs, &request, &answer, error))
		return false;
	attributes = awsx_sqs_attributes_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (attributes == NULL)
		return false;
	value = awsx_sqs_attribute(attributes, "DeduplicationScope");
	*scope = value != NULL && strcmp(value, "messageGroup") == 0 ? DEDUP_SCOPE_GROUP
		: DEDUP_SCOPE_QUEUE;
	awsx_sqs_attributes_free(attributes);
	return true;
}

static void
remember_scope(Consumer *consumer, DedupScope scope)
{
	begin(consumer);
	subscription_set_scope(consumer->subscription->id, scope);
	consumer->subscription->dedup_scope = scope;
	slot_set_config_hash(scanner_config_hash(consumer->subscription));
	commit(consumer);
}

/* The dedup scope decides what a duplicate is: without it nothing can be applied. */
static void
learn_scope(Consumer *consumer)
{
	DedupScope	scope = DEDUP_SCOPE_QUEUE;
	AwsxError	error;

	while (consumer->subscription->dedup_scope == DEDUP_SCOPE_UNKNOWN && !consumer->closing)
	{
		bool		known;

		pgstat_report_activity(STATE_IDLE, "asking the queue for its attributes");
		awsx_error_clear(&error);
		known = !consumer->subscription->fifo || ask_scope(consumer, &scope, &error);
		if (known)
		{
			remember_scope(consumer, scope);
			trouble_clear(&consumer->receive_trouble);
			break;
		}
		if (consumer->closing)
			break;
		trouble_from_aws(consumer, &consumer->receive_trouble, "read the queue's attributes",
						 &error);
		consumer_publish_state(consumer);
		while (!consumer->closing && consumer->receive_trouble.until > consumer_now(consumer))
			consumer_sleep(consumer, consumer->receive_trouble.until - consumer_now(consumer));
	}
	if (consumer->closing)
		exit_quietly(CONSUMER_END_RECONFIGURE);
}

/* A message under which the server went down too often stops its subscription. */
static void
start_guard(Consumer *consumer)
{
	ApplyRefusal refusal;

	if (!applier_guard(consumer->applier, consumer->subscription, consumer->number, &refusal))
		refuse(CONSUMER_ERROR, consumer->subscription->name, refusal.sqlerrcode, refusal.error,
			   refusal.hint);
}

void
consumer_setup(Consumer *consumer, const SlotTask *task)
{
	consumer->number = task->consumer;
	consumer->config_version = task->version;
	BackgroundWorkerInitializeConnectionByOid(task->database, InvalidOid, 0);
	session_pin_worker();

	PG_TRY();
	{
		begin(consumer);
		read_configuration(consumer, task->subscription);
		commit(consumer);

		name_session(consumer);
		make_event_set(consumer);
		polls_inherit(consumer);
		learn_scope(consumer);

		begin(consumer);
		session_act_as(consumer->subscription->owner);
		commit(consumer);
		consumer->applier = applier_create(consumer->subscription);
		start_guard(consumer);
	}
	PG_CATCH();
	{
		fail_setup(consumer);
	}
	PG_END_TRY();
}
