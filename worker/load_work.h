/*
 * load_work.h
 *	  The parts of load among themselves: one batch being made.
 */
#ifndef LOAD_WORK_H
#define LOAD_WORK_H

#include "json_members.h"
#include "load.h"
#include "load_value.h"

/* What a column gets when the message does not have it. */
typedef struct LoadDefault
{
	LoadValue	value;
	LoadProblem problem;		/* with a code: there is a default, which the column cannot hold */
} LoadDefault;

/* Texts of a batch live as long as it does; see load_keep. */
typedef struct LoadMemory LoadMemory;

typedef struct LoadMaker
{
	const LoadConfig *config;
	LoadScope	scope;
	LoadMemory *memory;
	LoadDefault *defaults;		/* one a column */
	int		   *by_name;		/* the columns' places in the order of their names */
	JsonValue  *members;		/* one a column: where the message has it */
	bool	   *present;		/* likewise */
	AwsxBuf		scratch;		/* a string without its escapes */
	AwsxBuf		text;			/* a value on its way to its row */
} LoadMaker;

/* Memory that is freed with the batch, for any type; null when there is none. */
extern void *load_keep(LoadMemory *memory, const void *bytes, size_t len);	/* bytes null: zeros */

/* The bytes with a NUL behind them; null when there is no memory. */
extern const char *load_keep_text(LoadMemory *memory, const char *bytes, size_t len);

/* Always false: the row is rejected for that. */
extern bool load_reject_row(LoadRow *row, const char *code, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/*
 * The message's key, content hash and source.  False: rejected, or, with
 * row->code empty, out of memory.  body is its JSON object; null: it is none,
 * and the row is rejected already.
 */
extern bool load_identify(LoadMaker *maker, const JsonValue *body, LoadRow *row);

/* Prepare defaults and names of the columns.  False: out of memory. */
extern bool load_columns(LoadMaker *maker);
extern void load_columns_free(LoadMaker *maker);

/* The row's values; false as above. */
extern bool load_values(LoadMaker *maker, const JsonValue *body, LoadRow *row);

#endif							/* LOAD_WORK_H */
