/*
 * transaction_blame.h
 *	  What SQL's words blame for the end of a transaction.  Pure.
 */
#ifndef TRANSACTION_BLAME_H
#define TRANSACTION_BLAME_H

#include <stddef.h>

typedef enum TransactionBlame
{
	TRANSACTION_BLAME_NOBODY,	/* a fault that may pass, or words that are not known */
	TRANSACTION_BLAME_OTHERS,	/* concurrent transactions: run it again */
	TRANSACTION_BLAME_DATA,		/* a value of a row */
	TRANSACTION_BLAME_SETUP		/* a missing table, a privilege, the statement itself */
} TransactionBlame;

/*
 * The text without values: from the first that it quotes on, all is "...", and
 * what Redshift adds as context is left out.  The names of tables and columns
 * stay.
 */
extern void transaction_words(const char *text, char *out, size_t size);

/* Only words that Redshift said itself count, none of a quoted value. */
extern TransactionBlame transaction_blame(const char *text);

#endif							/* TRANSACTION_BLAME_H */
