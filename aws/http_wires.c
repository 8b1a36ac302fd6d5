/*
 * http_wires.c
 *	  The list of a transport's wires: which is free, which has ended, whose
 *	  time is over.
 *
 * There are about as many as the owner has calls under way, a few dozen at
 * most, so all is found by looking through the list.
 */
#include "http_wires.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "http_curl_multi.h"

bool
awsx_http_wires_open(AwsxHttpWires *wires, AwsxError *error)
{
	wires->first = NULL;
	wires->room = malloc(AWSX_WIRES_ROOM);
	return wires->room != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

void
awsx_http_wires_close(AwsxHttpWires *wires)
{
	free(wires->room);
	wires->room = NULL;
}

void
awsx_http_wires_add(AwsxHttpWires *wires, AwsxHttpWire *wire)
{
	wire->next = wires->first;
	wires->first = wire;
}

void
awsx_http_wires_remove(AwsxHttpWires *wires, AwsxHttpWire *wire)
{
	AwsxHttpWire **link = &wires->first;

	while (*link != wire)
		link = &(*link)->next;
	*link = wire->next;
}

static bool
is_stale(const AwsxHttpWire *wire, int64_t now_us)
{
	return !wire->keep ||
		now_us - wire->idle_us > (int64_t) AWSX_CURL_IDLE_SECONDS * 1000000 ||
		now_us - wire->opened_us > (int64_t) AWSX_CURL_LIFETIME_SECONDS * 1000000;
}

AwsxHttpWire *
awsx_http_wires_idle(const AwsxHttpWires *wires, const char *endpoint)
{
	int64_t		now_us = awsx_curl_now_us();
	AwsxHttpWire *best = NULL;

	for (AwsxHttpWire *wire = wires->first; wire != NULL; wire = wire->next)
	{
		if (wire->state == AWSX_WIRE_IDLE && strcmp(wire->endpoint, endpoint) == 0 &&
			(best == NULL || wire->idle_us > best->idle_us) && !is_stale(wire, now_us))
			best = wire;
	}
	return best;
}

AwsxHttpWire *
awsx_http_wires_stale(const AwsxHttpWires *wires)
{
	int64_t		now_us = awsx_curl_now_us();
	AwsxHttpWire *wire = wires->first;

	while (wire != NULL && (wire->state != AWSX_WIRE_IDLE || !is_stale(wire, now_us)))
		wire = wire->next;
	return wire;
}

AwsxHttpWire *
awsx_http_wires_find(const AwsxHttpWires *wires, AwsxHttpWireState state)
{
	AwsxHttpWire *wire = wires->first;

	while (wire != NULL && wire->state != state)
		wire = wire->next;
	return wire;
}

int
awsx_http_wires_count(const AwsxHttpWires *wires, AwsxHttpWireState state)
{
	int			count = 0;

	for (const AwsxHttpWire *wire = wires->first; wire != NULL; wire = wire->next)
		count += wire->state == state;
	return count;
}

void
awsx_http_wires_act(AwsxHttpWires *wires, uint64_t id, uint32_t events)
{
	AwsxHttpWire *wire = wires->first;

	while (wire != NULL && wire->fd != (int) (uint32_t) id)
		wire = wire->next;
	if (wire != NULL)
		awsx_http_wire_act(wire, events, wires->room, AWSX_WIRES_ROOM);
}

void
awsx_http_wires_expire(AwsxHttpWires *wires)
{
	int64_t		now_us = awsx_curl_now_us();

	for (AwsxHttpWire *wire = wires->first; wire != NULL; wire = wire->next)
		awsx_http_wire_expire(wire, now_us);
}

/* Rounded up: an owner that wakes too early would wait for nothing. */
int
awsx_http_wires_timeout_ms(const AwsxHttpWires *wires)
{
	int64_t		first_us = INT64_MAX;
	int64_t		left_ms;

	for (const AwsxHttpWire *wire = wires->first; wire != NULL; wire = wire->next)
	{
		if (wire->state == AWSX_WIRE_ENDED)
			return 0;
		if (wire->state == AWSX_WIRE_BUSY && wire->deadline_us < first_us)
			first_us = wire->deadline_us;
	}
	if (first_us == INT64_MAX)
		return -1;
	left_ms = (first_us - awsx_curl_now_us() + 999) / 1000;
	return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int) left_ms;
}
