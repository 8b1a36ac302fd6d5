/*
 * http_curl_wires.h
 *	  All wires of a transport; inside the transport only.
 */
#ifndef AWSX_HTTP_CURL_WIRES_H
#define AWSX_HTTP_CURL_WIRES_H

#include "http_curl_wire.h"

#define AWSX_WIRES_ROOM ((size_t) 64 * 1024)

typedef struct AwsxCurlWires
{
	AwsxCurlWire *first;
	char	   *room;			/* AWSX_WIRES_ROOM bytes, for what is read */
} AwsxCurlWires;

extern bool awsx_curl_wires_open(AwsxCurlWires *wires, AwsxError *error);

/* All are free by then. */
extern void awsx_curl_wires_close(AwsxCurlWires *wires);

extern void awsx_curl_wires_add(AwsxCurlWires *wires, AwsxCurlWire *wire);
extern void awsx_curl_wires_remove(AwsxCurlWires *wires, AwsxCurlWire *wire);

/* The idle wire to the endpoint that was used last, young enough to be used; or null. */
extern AwsxCurlWire *awsx_curl_wires_idle(const AwsxCurlWires *wires, const char *endpoint);

/* An idle wire that lost its connection or is too old; or null. */
extern AwsxCurlWire *awsx_curl_wires_stale(const AwsxCurlWires *wires);

/* A wire in that state; or null. */
extern AwsxCurlWire *awsx_curl_wires_find(const AwsxCurlWires *wires, AwsxCurlWireState state);
extern int	awsx_curl_wires_count(const AwsxCurlWires *wires, AwsxCurlWireState state);

/* An event of the socket that the id names. */
extern void awsx_curl_wires_act(AwsxCurlWires *wires, uint64_t id, uint32_t events);

/* End the calls whose time is over. */
extern void awsx_curl_wires_expire(AwsxCurlWires *wires);

/* Milliseconds until there is something to do; -1 = no limit. */
extern int	awsx_curl_wires_timeout_ms(const AwsxCurlWires *wires);

#endif							/* AWSX_HTTP_CURL_WIRES_H */
