/*
 * deliver_queue.c
 *	  The messages that wait, by output and group.
 *
 * Only the first message of a group that has none under way can be picked;
 * that is all there is to order.
 */
#include <stdlib.h>
#include <string.h>

#include "deliver_work.h"

/* FNV-1a */
static uint32_t
hash_of(int output, const char *id)
{
	uint32_t	hash = 2166136261u + (uint32_t) output;

	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char) *id) * 16777619u;
	return hash;
}

/* ---- a line's lists ---- */

static DeliverLine *
line_of(Deliverer *deliverer, const DeliverGroup *group)
{
	return &deliverer->lines[group->output];
}

static DeliverGroups *
list_of(DeliverLine *line, DeliverPlace place)
{
	return place == DELIVER_READY ? &line->ready : &line->resting;
}

static void
leave_place(DeliverLine *line, DeliverGroup *group)
{
	DeliverGroups *list;

	if (group->place == DELIVER_NOWHERE)
		return;
	list = list_of(line, group->place);
	if (group->prev != NULL)
		group->prev->next = group->next;
	else
		list->first = group->next;
	if (group->next != NULL)
		group->next->prev = group->prev;
	else
		list->last = group->prev;
	list->count--;
	group->place = DELIVER_NOWHERE;
}

static void
enter_place(DeliverLine *line, DeliverGroup *group, DeliverPlace place)
{
	DeliverGroups *list = list_of(line, place);

	leave_place(line, group);
	group->place = place;
	group->next = NULL;
	group->prev = list->last;
	if (list->last != NULL)
		list->last->next = group;
	else
		list->first = group;
	list->last = group;
	list->count++;
}

/* ---- groups ---- */

static DeliverGroup *
find_group(Deliverer *deliverer, int output, const char *id)
{
	uint32_t	hash = hash_of(output, id);
	DeliverGroup **bucket = &deliverer->buckets[hash % DELIVER_BUCKETS];
	DeliverGroup *group = *bucket;
	size_t		size = strlen(id) + 1;

	while (group != NULL && (group->hash != hash || group->output != output || strcmp(group->id, id) != 0))
		group = group->chain;
	if (group != NULL)
		return group;
	group = calloc(1, sizeof(DeliverGroup) + size);
	if (group == NULL)
		return NULL;
	memcpy(group->id, id, size);
	group->hash = hash;
	group->output = output;
	group->chain = *bucket;
	*bucket = group;
	return group;
}

static void
forget_group(Deliverer *deliverer, DeliverGroup *group)
{
	DeliverGroup **link = &deliverer->buckets[group->hash % DELIVER_BUCKETS];

	while (*link != group)
		link = &(*link)->chain;
	*link = group->chain;
	leave_place(line_of(deliverer, group), group);
	free(group);
}

/* After something about the group changed: it is ready, busy, resting or nothing any more. */
static void
place_group(Deliverer *deliverer, DeliverGroup *group)
{
	DeliverLine *line = line_of(deliverer, group);

	if (group->under_way)
		leave_place(line, group);
	else if (group->first == NULL)
		forget_group(deliverer, group);
	else if (group->place == DELIVER_NOWHERE)
		enter_place(line, group, group->failures > 0 ? DELIVER_RESTING : DELIVER_READY);
}

/* ---- messages ---- */

bool
deliver_queue_add(Deliverer *deliverer, DeliverMessage *message)
{
	DeliverGroup *group = find_group(deliverer, message->message->output, message->message->group_id);

	if (group == NULL)
		return false;
	message->group = group;
	message->next = NULL;
	message->prev = group->last;
	if (group->last != NULL)
		group->last->next = message;
	else
		group->first = message;
	group->last = message;
	line_of(deliverer, group)->waiting++;
	place_group(deliverer, group);
	return true;
}

static void
unlink_message(Deliverer *deliverer, DeliverMessage *message)
{
	DeliverGroup *group = message->group;

	if (message->prev != NULL)
		message->prev->next = message->next;
	else
		group->first = message->next;
	if (message->next != NULL)
		message->next->prev = message->prev;
	else
		group->last = message->prev;
	line_of(deliverer, group)->waiting--;
}

void
deliver_queue_remove(Deliverer *deliverer, DeliverMessage *message)
{
	unlink_message(deliverer, message);
	place_group(deliverer, message->group);
	message->group = NULL;
}

void
deliver_queue_take(Deliverer *deliverer, DeliverMessage *message)
{
	unlink_message(deliverer, message);
	message->state = DELIVER_UNDER_WAY;
	message->group->under_way = true;
	place_group(deliverer, message->group);
}

void
deliver_queue_done(Deliverer *deliverer, DeliverMessage *message)
{
	message->group->under_way = false;
	message->group->failures = 0;
	place_group(deliverer, message->group);
	message->group = NULL;
}

void
deliver_queue_put_off(Deliverer *deliverer, DeliverMessage *message, int64_t not_before_ms)
{
	DeliverGroup *group = message->group;

	message->state = DELIVER_WAITING;
	message->prev = NULL;
	message->next = group->first;
	if (group->first != NULL)
		group->first->prev = message;
	else
		group->last = message;
	group->first = message;
	line_of(deliverer, group)->waiting++;
	group->under_way = false;
	group->failures++;
	group->not_before_ms = not_before_ms;
	place_group(deliverer, group);
}

void
deliver_queue_wake(DeliverLine *line, int64_t now_ms)
{
	DeliverGroup *next;

	for (DeliverGroup *group = line->resting.first; group != NULL; group = next)
	{
		next = group->next;
		if (group->not_before_ms <= now_ms)
			enter_place(line, group, DELIVER_READY);
	}
}

int64_t
deliver_queue_due_ms(const DeliverLine *line, int64_t looked_ms)
{
	int64_t		due = -1;

	if (line->ready.count > 0 && line->not_before_ms > looked_ms)
		due = line->not_before_ms;
	for (const DeliverGroup *group = line->resting.first; group != NULL; group = group->next)
	{
		int64_t		at = group->not_before_ms > line->not_before_ms ? group->not_before_ms : line->not_before_ms;

		if (due < 0 || at < due)
			due = at;
	}
	return due;
}

void
deliver_queue_clear(Deliverer *deliverer)
{
	for (int i = 0; i < DELIVER_BUCKETS; i++)
	{
		DeliverGroup *next;

		for (DeliverGroup *group = deliverer->buckets[i]; group != NULL; group = next)
		{
			next = group->chain;
			free(group);
		}
		deliverer->buckets[i] = NULL;
	}
	for (int i = 0; i < deliverer->options.config->output_count; i++)
	{
		DeliverLine *line = &deliverer->lines[i];

		*line = (DeliverLine) {.max_message = line->max_message};
	}
}
