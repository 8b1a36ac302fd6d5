/*
 * consumer.c
 *	  One process that empties one queue into the database.
 *
 * A turn of its loop is six verbs: receive (let the network progress, open
 * polls), apply (what is in the inbox, as one transaction), flush (have the
 * log written where nothing else does it in time), delete (what is durable),
 * prune (seldom), wait.  Nothing but apply and prune opens a transaction,
 * nothing but wait sleeps, and there is no transaction, snapshot or lock while
 * it does.
 *
 * Everything is waited for in one kept set: the latch, the death of the
 * postmaster, and the AWS client's descriptor.
 *
 * Memory: one context for the process, one that is emptied each turn, and
 * the AWS client's, which is malloc'd.  When the process ends nothing of it
 * is cleaned up: closing connections could block, and the kernel does it.
 *
 * Ways out: SIGTERM ends the process from within any wait or statement; an
 * order in the slot ends it quietly; either takes a moment to give back what
 * waits to be applied.  A new configuration ends it when what
 * was received has been applied and deleted, or after two seconds; what is
 * left is given back to the queue, and the launcher starts its successor at
 * once.  An error ends it too, and the launcher's back-off decides when it
 * starts again.  Polls that were open when a process ended are asked for
 * their answers by its successor.
 */
#include "postgres.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "consumer.h"
#include "launcher.h"

#define CLOSING_MS 2000
#define SETTLE_MS 1000
#define LEAVING_MS 300			/* of a shutdown, at most, for what it holds */
#define INBOX_CHECK_MS 1000		/* leases of messages that cannot be applied now */
#define LARGE_ALLOCATION (512 * 1024)
#define KEPT_HEAP (8 * 1024 * 1024) /* at the heap's end */
#define QUICK_MS 2				/* a wait this short had something waiting already */

int64
consumer_now(const Consumer *consumer)
{
	return consumer->clock->monotonic_ms(consumer->clock->arg);
}

void
consumer_drive(Consumer *consumer)
{
	awsx_client_drive(consumer->connection->client);
	consumer->heard = consumer_now(consumer);
	connection_report(consumer->connection, consumer->subscription->name);
}

/* Somebody changed something: what failed so far may work now. */
static void
put_nothing_off(Consumer *consumer)
{
	consumer->receive_trouble.until = 0;
	consumer->delete_trouble.until = 0;
	consumer->apply_trouble.until = 0;
	consumer->poll_not_before = 0;
	prune_soon(consumer);
}

/*
 * Leave nothing behind that blocks its group for a visibility timeout: what
 * was applied is deleted, as far as it is durable, and what was not goes back
 * to the queue, to be received by others at once.
 */
static void
settle_held(Consumer *consumer, int64 time_ms)
{
	int64		until = consumer_now(consumer) + time_ms;
	Delivery   *delivery;

	while ((delivery = inbox_take(consumer)) != NULL)
		visibility_give_back(consumer, delivery, 0);
	deletes_flush(consumer);
	for (;;)
	{
		int64		left = until - consumer_now(consumer);

		deletes_send(consumer);
		visibility_send(consumer);
		consumer_drive(consumer);
		if (left <= 0 || (consumer->visibility_calls == 0 && consumer->delete_calls == 0))
			break;
		consumer_sleep(consumer, left);
	}
}

/*
 * The process is about to end, by an order or a signal, and nobody shall wait
 * for it; but a moment is taken for what it holds.
 */
static void
leave(Consumer *consumer)
{
	if (consumer->leaving || consumer->connection == NULL || consumer->events == NULL)
		return;
	consumer->leaving = true;
	HOLD_INTERRUPTS();
	polls_cancel(consumer);
	polls_publish(consumer);
	settle_held(consumer, LEAVING_MS);
	RESUME_INTERRUPTS();
}

/* What the slot says: go on, go at once, or finish and go. */
static void
follow_order(Consumer *consumer)
{
	switch (slot_order(consumer->config_version))
	{
		case SLOT_GO_ON:
			break;
		case SLOT_RETRY:
			put_nothing_off(consumer);
			if (consumer->applier != NULL)
				applier_forgive(consumer->applier);
			break;
		case SLOT_STOP:
			leave(consumer);
			proc_exit(0);
		case SLOT_RECONFIGURE:
			if (consumer->closing)
				break;
			consumer->closing = true;
			consumer->closing_until = consumer_now(consumer) + CLOSING_MS;
			put_nothing_off(consumer);
			break;
	}
}

/* What the server wants of a process that is between two things. */
static void
attend(Consumer *consumer)
{
	if (consumer->leaving)
		return;
	follow_order(consumer);
	QueryCancelPending = false; /* there is nothing to cancel */
	if (ProcDiePending)
		leave(consumer);
	CHECK_FOR_INTERRUPTS();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (catchupInterruptPending)
	{
		MemoryContext old = CurrentMemoryContext;

		ProcessCatchupInterrupt();
		MemoryContextSwitchTo(old);
	}
}

void
consumer_sleep(Consumer *consumer, int64 timeout_ms)
{
	static uint32 wait_event = 0;
	WaitEvent	event;
	int64		before = consumer_now(consumer);
	int64		after;

	Assert(!IsTransactionState());
	Assert(!HaveRegisteredOrActiveSnapshot());
	(void) WaitEventSetWait(consumer->events, timeout_ms < 0 ? -1 : Min(timeout_ms, INT_MAX),
							&event, 1, compat_wait_event(&wait_event, "PgSqsConsumerMain"));
	after = consumer_now(consumer);
	if (after - before > QUICK_MS)
		consumer->heard = after;
	ResetLatch(MyLatch);
	attend(consumer);
}

/* ---- the verbs ---- */

static void
receive(Consumer *consumer)
{
	consumer_drive(consumer);
	inbox_drop_expired(consumer);
	if (consumer->closing)
		polls_cancel(consumer);
	else
		polls_open(consumer);
	visibility_extend(consumer);
	consumer_drive(consumer);
	polls_publish(consumer);
}

static void
apply(Consumer *consumer)
{
	if (!batch_ready(consumer))
		return;
	/* a first batch that has to wait for a lock is not still starting */
	consumer_publish_state(consumer);
	batch_run(consumer);
}

static void
flush(Consumer *consumer)
{
	deletes_flush(consumer);
}

static void
delete(Consumer *consumer)
{
	deletes_send(consumer);
	visibility_send(consumer);
	visibility_extend(consumer);
	consumer_drive(consumer);
}

/* Is a consumer that shall end ready to do so? */
static bool
finished(const Consumer *consumer)
{
	int64		now = consumer_now(consumer);

	if (!consumer->closing)
		return false;
	return now >= consumer->closing_until ||
		((consumer->inbox_count == 0 || consumer->apply_trouble.until > now) &&
		 consumer->delete_count == 0 && consumer->visibility_calls == 0);
}

/* Milliseconds until there is something to do without being woken; -1 = none. */
static int64
idle_time(Consumer *consumer)
{
	int64		now = consumer_now(consumer);
	int64		next = Min(prune_next(consumer), Min(polls_next(consumer), deletes_next(consumer)));
	int			network = awsx_client_timeout_ms(consumer->connection->client);

	if (batch_ready(consumer) || finished(consumer))
		return 0;
	if (network >= 0)
		next = Min(next, now + network);
	if (consumer->inbox_count > 0)
		next = Min(next, Min(now + INBOX_CHECK_MS, batch_next(consumer)));
	if (consumer->closing)
		next = Min(next, consumer->closing_until);
	return next == PG_INT64_MAX ? -1 : Max(0, next - now);
}

static void
wait(Consumer *consumer)
{
	consumer_publish_state(consumer);
	pgstat_report_activity(STATE_IDLE, consumer->apply_trouble.failures > 0 ?
						   "waiting after an outage" : "waiting for messages");
	consumer_sleep(consumer, idle_time(consumer));
}

/*
 * Large answers shall return their memory when they are freed, and not stay
 * behind smaller ones that are not.  What the answers of a busy queue come and
 * go in is kept, lest each of them asks the kernel for it again.
 */
static void
keep_heap_small(void)
{
#ifdef M_MMAP_THRESHOLD
	(void) mallopt(M_MMAP_THRESHOLD, LARGE_ALLOCATION);
	(void) mallopt(M_TRIM_THRESHOLD, KEPT_HEAP);
	(void) mallopt(M_TOP_PAD, LARGE_ALLOCATION);
#endif
}

static Consumer *
make_consumer(void)
{
	MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "pg_sqs consumer",
												 ALLOCSET_DEFAULT_SIZES);
	Consumer   *consumer = MemoryContextAllocZero(memory, sizeof(Consumer));

	consumer->memory = memory;
	consumer->turn = AllocSetContextCreate(TopMemoryContext, "pg_sqs consumer turn",
										   ALLOCSET_DEFAULT_SIZES);
	consumer->clock = awsx_clock_real();
	inbox_init(consumer);
	polls_init(consumer);
	prune_init(consumer);
	dlist_init(&consumer->deletes);
	dlist_init(&consumer->visibility);
	return consumer;
}

void
sqs_consumer_main(Datum arg)
{
	Consumer   *consumer;
	uint64		generation;
	SlotTask	task;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	memcpy(&generation, MyBgworkerEntry->bgw_extra, sizeof(generation));
	if (sqs_shared == NULL ||
		!slot_attach(DatumGetInt32(arg), generation, &task))
		proc_exit(0);

	keep_heap_small();
	consumer = make_consumer();
	consumer_setup(consumer, &task);

	while (!finished(consumer))
	{
		MemoryContextReset(consumer->turn);
		MemoryContextSwitchTo(consumer->turn);
		receive(consumer);
		apply(consumer);
		flush(consumer);
		delete(consumer);
		prune_run(consumer);
		wait(consumer);
	}
	settle_held(consumer, SETTLE_MS);
	slot_set_end(CONSUMER_END_RECONFIGURE);
	proc_exit(0);
}
