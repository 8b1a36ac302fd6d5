/*
 * http_wires.h
 *	  All wires of a transport; inside the transport only.
 */
#ifndef AWSX_HTTP_WIRES_H
#define AWSX_HTTP_WIRES_H

#include "http_wire.h"

#define AWSX_WIRES_ROOM ((size_t) 64 * 1024)

typedef struct AwsxHttpWires
{
	AwsxHttpWire *first;
	char	   *room;			/* AWSX_WIRES_ROOM bytes, for what is read */
} AwsxHttpWires;

extern bool awsx_http_wires_open(AwsxHttpWires *wires, AwsxError *error);

/* All are free by then. */
extern void awsx_http_wires_close(AwsxHttpWires *wires);

extern void awsx_http_wires_add(AwsxHttpWires *wires, AwsxHttpWire *wire);
extern void awsx_http_wires_remove(AwsxHttpWires *wires, AwsxHttpWire *wire);

/* The idle wire to the endpoint that was used last, young enough to be used; or null. */
extern AwsxHttpWire *awsx_http_wires_idle(const AwsxHttpWires *wires, const char *endpoint);

/* An idle wire that lost its connection or is too old; or null. */
extern AwsxHttpWire *awsx_http_wires_stale(const AwsxHttpWires *wires);

/* A wire in that state; or null. */
extern AwsxHttpWire *awsx_http_wires_find(const AwsxHttpWires *wires, AwsxHttpWireState state);
extern int	awsx_http_wires_count(const AwsxHttpWires *wires, AwsxHttpWireState state);

/* An event of the socket that the id names. */
extern void awsx_http_wires_act(AwsxHttpWires *wires, uint64_t id, uint32_t events);

/* End the calls whose time is over. */
extern void awsx_http_wires_expire(AwsxHttpWires *wires);

/* Milliseconds until there is something to do; -1 = no limit. */
extern int	awsx_http_wires_timeout_ms(const AwsxHttpWires *wires);

#endif							/* AWSX_HTTP_WIRES_H */
