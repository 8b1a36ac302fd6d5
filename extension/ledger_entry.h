/*
 * ledger_entry.h
 *	  Messages on their way into the ledger.  Private to the ledger; everybody
 *	  else includes ledger.h.
 */
#ifndef PG_SQS_LEDGER_ENTRY_H
#define PG_SQS_LEDGER_ENTRY_H

#include "postgres.h"

#include "ledger.h"

typedef struct LedgerEntry
{
	const char *key;
	Size		key_len;
	const unsigned char *hash;
	ApplyMessage *message;
	int			position;		/* among the messages */
	struct LedgerEntry *first;	/* the entry with the same key that comes first */
	bool		taken;			/* of a first entry: the ledger had the key */
	bool		found;			/* ... or took it now */
	bool		conflict;		/* ... with other content */
} LedgerEntry;

/* What the ledger keeps of an entry, after the subscription and before the time, in its order. */
typedef enum LedgerValue
{
	LEDGER_KEY,
	LEDGER_HASH,
	LEDGER_MESSAGE_ID,
	LEDGER_SEQUENCE_NUMBER,
	LEDGER_SOURCE,
	LEDGER_VALUES
} LedgerValue;

/*
 * One entry a message, all of which are identified, in the order of their
 * keys (collation "C") and then of the messages, repetitions linked.  In the
 * current memory context.  Returns how many keys there are.
 */
extern int	ledger_entries_make(ApplyMessage **messages, int count, LedgerEntry **made);

/* In the current memory context. */
extern void ledger_entry_values(const LedgerEntry *entry, Datum values[LEDGER_VALUES]);

/* The first entry of this key, or null. */
extern LedgerEntry *ledger_entries_find(LedgerEntry *entries, int count, const char *key);

/*
 * Enter the first entries of all keys.  False when a key was taken, or when
 * the ledger is not the plain table that it was made as; nothing was
 * entered then.
 */
extern bool ledger_insert(int32 subscription, const LedgerEntry *entries, int count);

#endif							/* PG_SQS_LEDGER_ENTRY_H */
