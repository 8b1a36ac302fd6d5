/*
 * load_hand.c
 *	  The messages that the daemon has in hand, and their errands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/retry.h"
#include "load_hand.h"
#include "log.h"

#define MOST_TRIES 5
#define BACKOFF_BASE_MS 100
#define BACKOFF_CAP_MS 2000
#define LOOK_EVERY_MS 250
#define TELL_EVERY_MS 5000

static int64_t
now_ms(const LoadHand *hand)
{
	return hand->clock->monotonic_ms(hand->clock->arg);
}

/* ---- parcels ---- */

/* Free a parcel that nothing speaks of any more. */
static void
release(LoadHand *hand, LoadParcel *parcel)
{
	if (parcel->held != 0 || parcel->errands > 0)
		return;
	if (parcel->prev != NULL)
		parcel->prev->next = parcel->next;
	else
		hand->first = parcel->next;
	if (parcel->next != NULL)
		parcel->next->prev = parcel->prev;
	else
		hand->last = parcel->prev;
	awsx_sqs_messages_free(parcel->messages);
	free(parcel);
}

LoadParcel *
load_hand_take(LoadHand *hand, AwsxSqsMessages *messages)
{
	LoadParcel *parcel = messages->count > 0 ? calloc(1, sizeof(*parcel)) : NULL;

	if (parcel == NULL)
	{
		awsx_sqs_messages_free(messages);
		return NULL;
	}
	parcel->messages = messages;
	parcel->held = (1u << messages->count) - 1;
	parcel->leased_ms = now_ms(hand);
	parcel->prev = hand->last;
	if (hand->last != NULL)
		hand->last->next = parcel;
	else
		hand->first = parcel;
	hand->last = parcel;
	return parcel;
}

/* ---- errands ---- */

/* One of its errands is over. */
static void
forget(LoadErrands *errands, LoadParcel *parcel)
{
	parcel->errands--;
	release(errands->hand, parcel);
}

static void
note_failure(LoadErrands *errands, const char *why)
{
	errands->failed++;
	snprintf(errands->why, sizeof(errands->why), "%.299s", why);
}

static void
give_up(LoadErrands *errands, LoadErrand *errand, const char *why)
{
	note_failure(errands, why);
	forget(errands, errand->parcel);
}

static bool
make_room(LoadErrands *errands)
{
	size_t		wanted = errands->allocated == 0 ? 256 : errands->allocated * 2;
	LoadErrand *items;

	if (errands->head > 0 && errands->head * 2 >= errands->count)
	{
		errands->count -= errands->head;
		memmove(errands->items, errands->items + errands->head, errands->count * sizeof(*errands->items));
		errands->head = 0;
	}
	if (errands->count < errands->allocated)
		return true;
	items = realloc(errands->items, wanted * sizeof(*items));
	if (items == NULL)
		return false;
	errands->items = items;
	errands->allocated = wanted;
	return true;
}

static bool
enqueue(LoadErrands *errands, LoadErrand errand)
{
	if (!make_room(errands))
		return false;
	errands->items[errands->count++] = errand;
	return true;
}

/* The parcel stays, also where there is no memory for the errand. */
static void
add(LoadErrands *errands, LoadParcel *parcel, int place, int seconds, bool renews)
{
	if (enqueue(errands, (LoadErrand) {parcel, place, seconds, renews, 0}))
		parcel->errands++;
	else
		note_failure(errands, "out of memory");
}

/* One entry, or the call that it was in, has failed. */
static void
try_again(LoadErrands *errands, LoadErrand errand, bool hopeless, const char *why)
{
	LoadHand   *hand = errands->hand;

	if (hopeless || ++errand.tries >= MOST_TRIES)
	{
		give_up(errands, &errand, why);
		return;
	}
	errands->not_before_ms = now_ms(hand) +
		awsx_backoff_ms(hand->clock, errand.tries, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
	if (!enqueue(errands, errand))
		give_up(errands, &errand, why);
}

static void
end_entry(LoadErrands *errands, LoadErrand errand, const AwsxSqsOutcome *outcome)
{
	char		why[300];

	if (!outcome->ok)
	{
		snprintf(why, sizeof(why), "%.90s: %.200s", outcome->code, outcome->message);
		try_again(errands, errand, outcome->sender_fault, why);
		return;
	}
	errands->done++;
	forget(errands, errand.parcel);
}

static void
on_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	LoadErrandCall *slot = arg;
	LoadErrands *errands = slot->errands;
	LoadErrandCall ended = *slot;
	AwsxSqsOutcome outcomes[AWSX_SQS_BATCH];
	AwsxError	own = *error;

	(void) call;
	slot->call = NULL;
	errands->under_way--;
	if (own.kind == AWSX_OK && awsx_sqs_batch_answer(answer, ended.count, outcomes, &own))
	{
		for (int i = 0; i < ended.count; i++)
			end_entry(errands, ended.items[i], &outcomes[i]);
		return;
	}
	for (int i = 0; i < ended.count; i++)
		try_again(errands, ended.items[i], own.kind == AWSX_ERR_CONFIG, own.message);
}

static bool
make_request(const LoadErrands *errands, const LoadErrandCall *slot, AwsxHttpRequest *request,
			 AwsxError *error)
{
	const LoadHand *hand = errands->hand;
	const char *handles[AWSX_SQS_BATCH];
	int			seconds[AWSX_SQS_BATCH];

	for (int i = 0; i < slot->count; i++)
	{
		const LoadErrand *errand = &slot->items[i];

		handles[i] = errand->parcel->messages->items[errand->place].receipt_handle;
		seconds[i] = errand->seconds;
	}
	if (errands->deletes)
		return awsx_sqs_delete_batch_request(hand->service, hand->queue_url, handles, slot->count,
											 request, error);
	return awsx_sqs_visibility_batch_request(hand->service, hand->queue_url, handles, seconds,
											 slot->count, request, error);
}

/* The next ten that are not idle. */
static void
take_errands(LoadErrands *errands, LoadErrandCall *slot)
{
	while (slot->count < AWSX_SQS_BATCH && errands->head < errands->count)
	{
		LoadErrand	errand = errands->items[errands->head++];

		if (!errand.renews || (errand.parcel->held >> errand.place & 1) != 0)
			slot->items[slot->count++] = errand;
		else
			forget(errands, errand.parcel);
	}
}

static void
start_call(LoadErrands *errands, LoadErrandCall *slot)
{
	AwsxHttpRequest request;
	AwsxError	error;

	slot->errands = errands;
	slot->count = 0;
	take_errands(errands, slot);
	if (slot->count == 0)
		return;
	awsx_error_clear(&error);
	if (make_request(errands, slot, &request, &error))
		slot->call = awsx_client_start(errands->hand->client, errands->hand->service, &request, on_done,
									   slot, &error);
	if (slot->call != NULL)
	{
		errands->under_way++;
		return;
	}
	for (int i = 0; i < slot->count; i++)
		try_again(errands, slot->items[i], false, error.message);
}

static void
work(LoadErrands *errands)
{
	int64_t		now = now_ms(errands->hand);

	for (int i = 0; i < LOAD_HAND_CALLS && errands->head < errands->count; i++)
	{
		if (now < errands->not_before_ms)
			return;
		if (errands->calls[i].call == NULL)
			start_call(errands, &errands->calls[i]);
	}
}

static void
tell(LoadErrands *errands, const char *what)
{
	if (errands->failed == 0)
		return;
	log_event(LOG_WARN, what, LOG_FIELDS(LOG_NUMBER("messages", errands->failed), LOG_TEXT("error", errands->why)));
	errands->failed = 0;
}

static void
errands_init(LoadErrands *errands, LoadHand *hand, bool deletes)
{
	errands->hand = hand;
	errands->deletes = deletes;
}

static void
errands_free(LoadErrands *errands)
{
	for (int i = 0; i < LOAD_HAND_CALLS; i++)
	{
		if (errands->calls[i].call != NULL)
			awsx_call_cancel(errands->calls[i].call);
	}
	free(errands->items);
}

/* ---- the hand ---- */

void
load_hand_init(LoadHand *hand, AwsxClient *client, const AwsxService *service,
			   const char *queue_url, int visibility_seconds)
{
	memset(hand, 0, sizeof(*hand));
	hand->client = client;
	hand->service = service;
	hand->queue_url = queue_url;
	hand->clock = awsx_client_clock(client);
	hand->visibility_seconds = visibility_seconds;
	errands_init(&hand->deletes, hand, true);
	errands_init(&hand->leases, hand, false);
}

void
load_hand_free(LoadHand *hand)
{
	errands_free(&hand->deletes);
	errands_free(&hand->leases);
	for (LoadParcel *next, *parcel = hand->first; parcel != NULL; parcel = next)
	{
		next = parcel->next;
		awsx_sqs_messages_free(parcel->messages);
		free(parcel);
	}
}

void
load_hand_delete(LoadHand *hand, LoadParcel *parcel, int place)
{
	parcel->held &= ~(1u << place);
	add(&hand->deletes, parcel, place, 0, false);
	release(hand, parcel);
}

void
load_hand_return(LoadHand *hand, LoadParcel *parcel, int place, int seconds)
{
	parcel->held &= ~(1u << place);
	add(&hand->leases, parcel, place, seconds, false);
	release(hand, parcel);
}

void
load_hand_return_all(LoadHand *hand)
{
	LoadParcel *next;

	for (LoadParcel *parcel = hand->first; parcel != NULL; parcel = next)
	{
		unsigned	held = parcel->held;

		next = parcel->next;
		parcel->held = 0;
		for (int i = 0; held >> i != 0; i++)
		{
			if ((held >> i & 1) != 0)
				add(&hand->leases, parcel, i, 0, false);
		}
		release(hand, parcel);
	}
}

static void
keep_leases(LoadHand *hand)
{
	int64_t		now = now_ms(hand);
	LoadParcel *next;

	for (LoadParcel *parcel = hand->first; parcel != NULL; parcel = next)
	{
		unsigned	held = parcel->held;

		next = parcel->next;
		if (held == 0 || now - parcel->leased_ms < (int64_t) hand->visibility_seconds * 1000 / 3)
			continue;
		parcel->leased_ms = now;
		for (int i = 0; held >> i != 0; i++)
		{
			if ((held >> i & 1) != 0)
				add(&hand->leases, parcel, i, hand->visibility_seconds, true);
		}
	}
}

void
load_hand_work(LoadHand *hand, bool leases)
{
	int64_t		now = now_ms(hand);

	if (leases && now - hand->looked_ms >= LOOK_EVERY_MS)
	{
		hand->looked_ms = now;
		keep_leases(hand);
	}
	work(&hand->deletes);
	work(&hand->leases);
	if (now - hand->told_ms < TELL_EVERY_MS)
		return;
	hand->told_ms = now;
	tell(&hand->deletes, "messages that are done could not be deleted; they come again, without effect");
	tell(&hand->leases, "the visibility of messages could not be changed; they may be given to another process, too");
}

static bool
is_idle(const LoadErrands *errands)
{
	return errands->under_way == 0 && errands->head == errands->count;
}

bool
load_hand_is_idle(const LoadHand *hand)
{
	return is_idle(&hand->deletes) && is_idle(&hand->leases);
}
