/*
 * transaction.h
 *	  Runs statements as one transaction of Redshift, through the Data API, to
 *	  its end.
 *
 * Submitted under a token, so that a caller who lost the answer, or died,
 * finds the same transaction again.  What Redshift asks to be repeated as a
 * whole (serializable isolation violation 1023, deadlock) is, with jitter, under
 * the token of another attempt, until the deadline.
 */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/redshift_data.h"
#include "deadline.h"

/* deadline_sleep, or what a test has in its place. */
typedef bool (*TransactionRest) (const Deadline *deadline, int ms);

typedef struct Transaction
{
	AwsxClient *client;
	AwsxService service;
	const AwsxRedshiftPlace *place;
	const Deadline *deadline;
	TransactionRest rest;		/* null = deadline_sleep */
} Transaction;

typedef enum TransactionEnd
{
	TRANSACTION_DONE,			/* committed */
	TRANSACTION_DATA,			/* rolled back: SQL blames a value of a row */
	TRANSACTION_REFUSED,		/* rolled back: SQL blames something else: a missing table, a privilege */
	TRANSACTION_FAILED			/* rolled back, never begun, or not known: time was over, AWS cannot be reached */
} TransactionEnd;

typedef struct TransactionResult
{
	char		id[AWSX_REDSHIFT_ID];
	int			attempts;		/* transactions that were submitted, or found, by this call */
	AwsxRedshiftDescription description;	/* of the last attempt */
} TransactionResult;

/*
 * Time that is over while the transaction runs is FAILED; it is left running
 * and whoever comes with the same base finds it again.  One that failed
 * before this call began is not taken for an answer, but run again.
 *
 * base is what tells this transaction from every other (a digest in hex): the
 * token is made of it and the number of the attempt.  *error is filled unless
 * DONE; what SQL said stands in it without the values it may quote.
 */
extern TransactionEnd transaction_run(const Transaction *transaction, const char *base,
									  const char *const *statements, int count,
									  TransactionResult *result, AwsxError *error);

/* The rows of a result: the first column of each, as integers. malloc'd; null and *error, or none. */
extern bool transaction_numbers(const Transaction *transaction, const char *id, int part,
								int64_t **numbers, int *count, AwsxError *error);

/* All rows of a result, of all its pages.  Freed with awsx_redshift_rows_free; next is null. */
extern AwsxRedshiftRows *transaction_rows(const Transaction *transaction, const char *id, int part,
										  AwsxError *error);

#endif							/* TRANSACTION_H */
