/*
 * faultproxy.h
 *		The faults of a faultproxy, and who is next.
 */
#ifndef FAULTPROXY_H
#define FAULTPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#define CHUNK	16384			/* at most so many bytes are looked at */

typedef enum Kind
{
	RST, CUT, BLACKHOLE, TRICKLE, LENGTH, STALL, N_KINDS
} Kind;

typedef struct Fault
{
	STAILQ_ENTRY(Fault) link;
	Kind		kind;
	char		match[128];
	bool		whole;			/* strikes connections, not requests */
	long		skip;
	long		times;
	long		after;
	long		ms;
	long		by;
} Fault;

/* By kind, as in the script. */
extern const char *const kind_names[];

/* Says what is wrong and ends the program. */
_Noreturn void stop(const char *what, const char *detail);

/* Adds the fault of a line; a stall is for the caller to start. */
const Fault *script_add(const char *line);

/* The fault for a new connection (NULL), or for the request that begins with these bytes (at most CHUNK); or NULL. */
const Fault *script_choose(const char *data, size_t len);

#endif
