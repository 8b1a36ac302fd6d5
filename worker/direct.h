/*
 * direct.h
 *	  A record whose parts can be sent as they stand, without jq.
 *
 * Where programs and expressions are mere paths, jq's values are built only to
 * be written down again.  Here a record is read once, into its text without
 * white space and the places of its values.  Only a record that jq would write
 * down byte by byte alike is taken; what is wrong or only unusual (escapes,
 * names that come twice, numbers of more than 15 digits) is left to the long way.
 * For programs that do need jq its values are made of these places, which is
 * faster than jq's own parser.
 */
#ifndef DIRECT_H
#define DIRECT_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>

#include "json.h"

#define DIRECT_NODES 256
#define DIRECT_NUMBERS 32
#define DIRECT_DEPTH 32

typedef enum DirectKind
{
	DIRECT_STRING,
	DIRECT_NUMBER,
	DIRECT_OBJECT,
	DIRECT_OTHER				/* true, false, null, an array */
} DirectKind;

/* A value; its place in the compact text. */
typedef struct DirectNode
{
	DirectKind	kind;
	const char *name;			/* of the member, in the compact text; null: none */
	size_t		name_len;
	const char *text;
	size_t		len;
	int			next;			/* the first node behind it and all that is in it */
} DirectNode;

/* To be zeroed before its first use; holds one record at a time. */
typedef struct Direct
{
	char	   *compact;
	size_t		allocated;
	int			count;
	DirectNode	nodes[DIRECT_NODES];	/* the first is the record */
	int			number_count;
	int			numbers[DIRECT_NUMBERS];
} Direct;

extern void direct_free(Direct *direct);

/*
 * Read the record.  False: the long way must be gone.  *object tells where in
 * the text the object is, as json_find_object does.
 */
extern bool direct_read(Direct *direct, const char *text, size_t len, JsonObject *object);

/* The value that a path leads to from a node; null where jq would say null or complain. */
extern const DirectNode *direct_follow(const Direct *direct, const DirectNode *from,
									   char *const *names, int count);

/* The record as jq reads it; the caller frees it. */
extern jv	direct_value(const Direct *direct);

#endif							/* DIRECT_H */
