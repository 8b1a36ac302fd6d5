/*
 * load_sql_work.h
 *	  The parts of load_sql among themselves: a transaction being written.
 */
#ifndef LOAD_SQL_WORK_H
#define LOAD_SQL_WORK_H

#include "load_sql.h"

typedef struct LoadWriter
{
	const LoadConfig *config;
	AwsxBuf		sql;			/* the statement being written */
	LoadStatements *out;
} LoadWriter;

/*
 * End the statement; its place, from 1, or 0 when it could not be written.
 * What fails once fails to the end: writer->sql.failed.
 */
extern int	load_sql_end(LoadWriter *writer);

/* Append "name", of the target's column n. */
extern void load_sql_column(LoadWriter *writer, int n);

/* Append prefix and the stage's name of column n: s.c1. */
extern void load_sql_staged(LoadWriter *writer, const char *prefix, int n);

/* Append all of the stage's or of the target's columns, with commas. */
extern void load_sql_all_staged(LoadWriter *writer, const char *prefix);
extern void load_sql_all_columns(LoadWriter *writer);

/*
 * How much of a text that says where a message came from the ledger's column
 * takes; 0: nothing, NULL.  A key is never too long.
 */
extern size_t load_sql_kept(const LoadConfig *config, int column, const char *text);

extern bool load_sql_is_key(const LoadConfig *config, int n);

/* The statements between the stage and the ledger, and between the ledger and the target's end. */
extern void load_sql_judge(LoadWriter *writer);
extern void load_sql_merge(LoadWriter *writer);

#endif							/* LOAD_SQL_WORK_H */
