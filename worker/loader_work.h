/*
 * loader_work.h
 *	  The parts of the loader among themselves.
 */
#ifndef LOADER_WORK_H
#define LOADER_WORK_H

#include "load.h"
#include "loader.h"
#include "store.h"

/*
 * So many messages that were refused one after another, with none loaded in
 * between, are no poison any more: something is wrong with the target.
 */
#define LOADER_ALIKE 20

struct Loader
{
	const LoadConfig *config;
	AwsxClient *client;
	const Deadline *deadline;
	bool		(*rest) (const Deadline *deadline, int ms);
	AwsxService redshift;
	Store		store;			/* of stage and rejects */
	char	   *request_id;		/* null = none */
	LoaderStats stats;
	int			alike;			/* messages refused since the last commit */
	bool		outage;			/* of the last load */
};

typedef enum LoaderState
{
	LOADER_WAITS,
	LOADER_LOADED,				/* the ledger has it */
	LOADER_REJECTED				/* the reject location has it */
} LoaderState;

/* One call of loader_load. */
typedef struct Load
{
	Loader	   *loader;
	const LoadConfig *config;
	LoadBatch  *batch;
	bool		always_stage;
	LoaderState *states;		/* one a message */
	int		   *groups;			/* each message's group, by number */
	int		   *blocked;		/* by group: place of the first that stays, behind which nothing is loaded */
	bool	   *held;			/* by group, in a round: what is behind waits for the next */
	LoadRow   **rows;			/* of a round, in order */
	LoadRow    *suspects[LOADER_ALIKE]; /* refused, but perhaps not through their own fault */
	int			suspect_count;
	int			transactions;
	bool		committed;		/* one of them was */
	bool		stopped;		/* nothing more is tried: Redshift, S3 or time */
	AwsxError	last;			/* of the last step */
	AwsxError  *error;			/* why messages stay: a copy of that */
} Load;

/* How a part of the batch, in one transaction, ended. */
typedef enum LoaderPart
{
	LOADER_PART_DONE,			/* committed, and its rows are settled or stay by themselves */
	LOADER_PART_DATA,			/* rolled back because of a row; load->last says how,
								 * and where it is one row, its code and reason */
	LOADER_PART_TOO_LARGE,		/* for SQL, and there is no stage */
	LOADER_PART_STOPPED			/* all else; load->error says why */
} LoaderPart;

/*
 * Number the groups of the messages, from 0; a message without a group is
 * one by itself.  False: out of memory.
 */
extern bool loader_groups(const AwsxSqsMessage *messages, int count, int *groups);

static inline int
loader_place(const Load *load, const LoadRow *row)
{
	return (int) (row - load->batch->rows);
}

/* It stays in the queue, and with it what comes behind in its group. */
extern void loader_block(Load *load, const LoadRow *row);

/* Does the message stay, or one before it in its group? */
static inline bool
loader_is_blocked(const Load *load, int place)
{
	return place >= load->blocked[load->groups[place]];
}

/*
 * Do with a message that can never be loaded as the policy says; its code and
 * reason are set.
 */
extern void loader_reject(Load *load, const LoadRow *row);

extern LoaderPart loader_part(Load *load, LoadRow **rows, int count);

/*
 * Load rows, in order; those of blocked groups are left out.  What Redshift
 * refuses is searched for by halves.  rows may be moved about.
 */
extern void loader_search(Load *load, LoadRow **rows, int count);

/*
 * Write the object for COPY.  *key and *url come in as null and are malloc'd,
 * also on failure: false, and load->last says why.
 */
extern bool loader_stage(Load *load, LoadRow **rows, int count, char **key, char **url);

/* Remove it; a failure is logged. */
extern void loader_unstage(Load *load, const char *key);

/*
 * A digest, in hex, of the parts and of where the load goes: subscription,
 * place, target, salt.  out has 65 bytes.  False: out of memory.
 */
extern bool loader_digest(const Load *load, const char *const *parts, int count, char *out);

#endif							/* LOADER_WORK_H */
