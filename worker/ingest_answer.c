/*
 * ingest_answer.c
 *	  How an invocation ends: what Lambda, the source and the log are told.
 */
#include <string.h>

#include "ingest_turn.h"
#include "json.h"
#include "log.h"
#include "reply.h"

bool
ingest_has_messages(const Turn *turn)
{
	return turn->events->message_count > 0;
}

void
ingest_note_fault(Turn *turn, const AwsxError *error)
{
	if (turn->fault.kind == AWSX_OK)
		turn->fault = *error;
	else
		log_error(LOG_WARN, "another fault", error);
}

/* Has the message to be given again? */
static bool
message_failed(const Turn *turn, int message)
{
	if (turn->events->messages[message].bad)
		return true;
	for (int i = 0; i < turn->events->count; i++)
	{
		if (turn->events->items[i].message == message && turn->tasks[i].state == TASK_FAILED)
			return true;
	}
	return false;
}

static void
put_failures(const Turn *turn, AwsxBuf *body)
{
	int			count = 0;

	awsx_buf_puts(body, ",\"batchItemFailures\":[");
	for (int i = 0; i < turn->events->message_count; i++)
	{
		if (!message_failed(turn, i))
			continue;
		awsx_buf_puts(body, count++ > 0 ? ",{" : "{");
		json_put_member(body, "itemIdentifier", turn->events->messages[i].id);
		awsx_buf_putc(body, '}');
		if (turn->events->messages[i].bad)
			log_event(LOG_ERROR, "a message holds no event that is understood",
					  LOG_FIELDS(LOG_TEXT("messageId", turn->events->messages[i].id),
								 LOG_TEXT("error", turn->events->messages[i].problem)));
	}
	awsx_buf_putc(body, ']');
	if (turn->fault.kind != AWSX_OK)
		log_error(LOG_ERROR, "messages fail, they will be given again", &turn->fault);
}

void
ingest_answer(const Turn *turn, RuntimeReply *reply)
{
	const ObjectWorld *world = &turn->world;

	awsx_buf_printf(&reply->body,
					"{\"objects\":%lld,\"records\":%lld,\"sent\":%lld,\"filtered\":%lld,"
					"\"rejected\":%lld,\"test_events\":%d,\"ignored\":%lld,\"removed\":%lld,"
					"\"skipped\":%lld,\"handed_over\":%lld",
					(long long) world->objects, (long long) world->records, (long long) turn->stats.sent,
					(long long) world->filtered, (long long) world->rejected, turn->events->test_events,
					(long long) turn->ignored, (long long) turn->removed, (long long) world->skipped,
					(long long) turn->handed_over);
	if (ingest_has_messages(turn))
		put_failures(turn, &reply->body);
	awsx_buf_putc(&reply->body, '}');
	reply->leave = reply_must_leave(&turn->fault);
	log_event(LOG_INFO, "the invocation is done",
			  LOG_FIELDS(LOG_NUMBER("objects", world->objects), LOG_NUMBER("records", world->records),
						 LOG_NUMBER("sent", turn->stats.sent), LOG_NUMBER("filtered", world->filtered),
						 LOG_NUMBER("rejected", world->rejected),
						 LOG_NUMBER("testEvents", turn->events->test_events),
						 LOG_NUMBER("ignored", turn->ignored), LOG_NUMBER("removed", turn->removed),
						 LOG_NUMBER("skipped", world->skipped),
						 LOG_NUMBER("handedOver", turn->handed_over)));
}
