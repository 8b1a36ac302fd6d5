/*
 * loader.h
 *	  Loads one batch of messages, however it came, and says of each whether
 *	  its queue may forget it.
 *
 * load makes rows, load_sql statements, transaction runs them; where Redshift
 * blames the data, the batch is searched for the culprit by halves.  Rejects
 * are written before the transaction where they are known before, so that a
 * message is never both loaded and rejected.  In a message group all that
 * comes behind a message that stays in the queue stays, too.
 */
#ifndef LOADER_H
#define LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/http.h"
#include "../aws/sqs.h"
#include "deadline.h"
#include "load_config.h"

typedef struct Loader Loader;

typedef struct LoaderStats
{
	int64_t		loaded;			/* rows that the target got */
	int64_t		duplicates;
	int64_t		superseded;
	int64_t		rejected;
	int64_t		left;			/* messages that stay in the queue */
	int64_t		transactions;
	int64_t		staged_bytes;	/* written to S3 */
} LoaderStats;

/* All borrowed; deadline may change between batches. */
typedef struct LoaderOptions
{
	const LoadConfig *config;
	AwsxClient *client;
	const AwsxServiceOptions *services; /* what services are looked for with */
	const Deadline *deadline;
	const char *request_id;		/* for rejects; may be null */

	/* Waits between two looks at a transaction, as deadline_sleep does, which null means. */
	bool		(*rest) (const Deadline *deadline, int ms);
} LoaderOptions;

extern Loader *loader_create(const LoaderOptions *options, AwsxError *error);
extern void loader_free(Loader *loader);	/* null allowed */
extern void loader_set_request_id(Loader *loader, const char *request_id);	/* copied */

/*
 * done[i]: the message is settled and may be deleted.  always_stage: through
 * S3 and COPY, however small.  scope: never LOAD_SCOPE_ASK.  False: *error
 * says why messages stay (the last reason); done is filled in any case.
 */
extern bool loader_load(Loader *loader, LoadScope scope, const AwsxSqsMessage *messages, int count,
						bool always_stage, bool *done, AwsxError *error);

/*
 * Did the last load end because of Redshift, S3 or time, and not because of
 * its messages?  Who can keep the messages that stay should then do so, and
 * try again: their queue would count it against them.
 */
extern bool loader_met_outage(const Loader *loader);

/* Since the last call. */
extern LoaderStats loader_take_stats(Loader *loader);

#endif							/* LOADER_H */
