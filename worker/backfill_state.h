/*
 * backfill_state.h
 *	  How far a backfill is, kept in a file so that a later run can go on.
 */
#ifndef BACKFILL_STATE_H
#define BACKFILL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "../aws/buf.h"
#include "../aws/error.h"

typedef struct BackfillState
{
	AwsxBuf		last_key;		/* all keys up to it are done; raw bytes */
	int64_t		objects;
	int64_t		records;
	int64_t		messages;
	int64_t		filtered;
	int64_t		rejected;
} BackfillState;

/* What a run is about: a file of another run must not be taken for it. */
typedef struct BackfillTask
{
	const char *url;
	int64_t		since_ms;
	int64_t		until_ms;
} BackfillTask;

extern void backfill_state_init(BackfillState *state);
extern void backfill_state_free(BackfillState *state);

/*
 * A file that is not there leaves the state as it is.  False and *error
 * (CONFIG): it cannot be read, is none, or is of another task.
 */
extern bool backfill_state_read(BackfillState *state, const BackfillTask *task, const char *path,
								AwsxError *error);

/* Replaces the file as a whole, so that there is always a good one. */
extern bool backfill_state_write(const BackfillState *state, const BackfillTask *task,
								 const char *path, AwsxError *error);

#endif							/* BACKFILL_STATE_H */
