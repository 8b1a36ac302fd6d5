/*
 * http_curl_wires.c
 *	  The list of a transport's wires: which is free, which has ended, whose
 *	  time is over.
 *
 * There are about as many as the owner has calls under way, a few dozen at
 * most, so all is found by looking through the list.
 */
#include "http_curl_wires.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "http_curl_multi.h"

bool
awsx_curl_wires_open(AwsxCurlWires *wires, AwsxError *error)
{
	wires->first = NULL;
	wires->room = malloc(AWSX_WIRES_ROOM);
	return wires->room != NULL || awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

void
awsx_curl_wires_close(AwsxCurlWires *wires)
{
	free(wires->room);
	wires->room = NULL;
}

void
awsx_curl_wires_add(AwsxCurlWires *wires, AwsxCurlWire *wire)
{
	wire->next = wires->first;
	wires->first = wire;
}

void
awsx_curl_wires_remove(AwsxCurlWires *wires, AwsxCurlWire *wire)
{
	AwsxCurlWire **link = &wires->first;

	while (*link != wire)
		link = &(*link)->next;
	*link = wire->next;
}

static bool
is_stale(const AwsxCurlWire *wire, int64_t now_us)
{
	return !wire->keep ||
		now_us - wire->idle_us > (int64_t) AWSX_CURL_IDLE_SECONDS * 1000000 ||
		now_us - wire->opened_us > (int64_t) AWSX_CURL_LIFETIME_SECONDS * 1000000;
}

AwsxCurlWire *
awsx_curl_wires_idle(const AwsxCurlWires *wires, const char *endpoint)
{
	int64_t		now_us = awsx_curl_now_us();
	AwsxCurlWire *best = NULL;

	for (AwsxCurlWire *wire = wires->first; wire != NULL; wire = wire->next)
	{
		if (wire->state == AWSX_WIRE_IDLE && strcmp(wire->endpoint, endpoint) == 0 &&
			(best == NULL || wire->idle_us > best->idle_us) && !is_stale(wire, now_us))
			best = wire;
	}
	return best;
}

AwsxCurlWire *
awsx_curl_wires_stale(const AwsxCurlWires *wires)
{
	int64_t		now_us = awsx_curl_now_us();
	AwsxCurlWire *wire = wires->first;

	while (wire != NULL && (wire->state != AWSX_WIRE_IDLE || !is_stale(wire, now_us)))
		wire = wire->next;
	return wire;
}

AwsxCurlWire *
awsx_curl_wires_find(const AwsxCurlWires *wires, AwsxCurlWireState state)
{
	AwsxCurlWire *wire = wires->first;

	while (wire != NULL && wire->state != state)
		wire = wire->next;
	return wire;
}

int
awsx_curl_wires_count(const AwsxCurlWires *wires, AwsxCurlWireState state)
{
	int			count = 0;

	for (const AwsxCurlWire *wire = wires->first; wire != NULL; wire = wire->next)
		count += wire->state == state;
	return count;
}

void
awsx_curl_wires_act(AwsxCurlWires *wires, uint64_t id, uint32_t events)
{
	AwsxCurlWire *wire = wires->first;

	while (wire != NULL && wire->fd != (int) (uint32_t) id)
		wire = wire->next;
	if (wire != NULL)
		awsx_curl_wire_act(wire, events, wires->room, AWSX_WIRES_ROOM);
}

void
awsx_curl_wires_expire(AwsxCurlWires *wires)
{
	int64_t		now_us = awsx_curl_now_us();

	for (AwsxCurlWire *wire = wires->first; wire != NULL; wire = wire->next)
		awsx_curl_wire_expire(wire, now_us);
}

/* Rounded up: an owner that wakes too early would wait for nothing. */
int
awsx_curl_wires_timeout_ms(const AwsxCurlWires *wires)
{
	int64_t		first_us = INT64_MAX;
	int64_t		left_ms;

	for (const AwsxCurlWire *wire = wires->first; wire != NULL; wire = wire->next)
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
