/*
 * redshift.h
 *		The Redshift Data API: statements, how they run, what they return.
 *
 * Not Redshift: a PostgreSQL stands in for it.
 */
#ifndef LAB_REDSHIFT_H
#define LAB_REDSHIFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <jansson.h>
#include <libpq-fe.h>

#include "buf.h"
#include "clock.h"
#include "codec.h"
#include "server.h"

#define REDSHIFT_BATCH_MAX		40
#define REDSHIFT_SQL_MAX		102400	/* bytes of one statement */
#define REDSHIFT_TOKEN_MAX		64
#define REDSHIFT_DB_USER		"IAM:lab"

typedef enum RedshiftStatus
{
	REDSHIFT_SUBMITTED, REDSHIFT_PICKED, REDSHIFT_STARTED, REDSHIFT_FINISHED, REDSHIFT_FAILED, REDSHIFT_ABORTED
} RedshiftStatus;

/* One SQL text. */
typedef struct RedshiftPart
{
	char	   *sql;
	RedshiftStatus status;
	char	   *error;			/* owned, NULL: none */
	PGresult   *result;			/* NULL: it returned no rows */
	int64_t		rows;			/* returned or affected; -1: it has not run */
	int64_t		started_us;		/* real time */
	int64_t		ended_us;
	int64_t		query_id;
} RedshiftPart;

/* What was submitted by one call: one transaction. */
typedef struct RedshiftStatement
{
	LIST_ENTRY(RedshiftStatement) link;	/* those that have not ended */
	char		id[UUID_TEXT];
	bool		is_batch;
	char	   *token;			/* NULL: none */
	char	   *database;
	json_t	   *parameters;		/* NULL: none */
	RedshiftPart *parts;
	size_t		count;
	RedshiftStatus status;
	char	   *error;			/* owned, NULL: none */
	int64_t		created_ms;		/* the lab's time */
	int64_t		updated_ms;
	Timer		timer;			/* the next status */
	struct RedshiftRun *run;	/* NULL: not on PostgreSQL, or not any more */
	int			pid;			/* of the server's process */
} RedshiftStatement;

/* What options and the control call set. */
typedef struct RedshiftSettings
{
	const char *conninfo;		/* NULL: the lab has no Redshift */
	const char *workgroup;
	char	   *database;		/* the one that conninfo names */
	bool		escapes;		/* does a backslash escape in a plain literal? */
	int64_t		submitted_ms;	/* how long a statement has that status, by the lab's clock */
	int64_t		picked_ms;
	int64_t		started_ms;		/* before it commits */
	bool		hold;			/* those that are to commit wait */
	int64_t		fail_times;		/* so many transactions fail, with: */
	int64_t		fail_statement;	/* which statement, from 1; 0: the last */
	char	   *fail_error;
	int64_t		active_max;		/* statements that have not ended */
	int64_t		page_rows;
} RedshiftSettings;

extern RedshiftSettings redshift_settings;

/* redshift_setup.c */

/* Makes the database if there is none, and Redshift's functions in it; on failure writes why to stderr. */
bool		redshift_start(void);

/* redshift_control.c: the control call; as in control.c. */
json_t	   *redshift_control(const char *name, const json_t *in, const char **wrong);

/* redshift_statement.c */

/* The lab's time as answers tell it. */
double		redshift_seconds(int64_t ms);

/* The statement of that token within eight hours, NULL if there is none. */
RedshiftStatement *redshift_by_token(const char *token);

/* Statements that have not ended. */
size_t		redshift_active(void);

/* Makes and submits; sqls is an array of texts, parameters NULL or the call's member. */
RedshiftStatement *redshift_submit(json_t *sqls, bool is_batch, const char *token, const char *database, json_t *parameters);

/* NULL: there is none, or its day is over. */
RedshiftStatement *redshift_find(const char *id, size_t id_len);
void		redshift_set_status(RedshiftStatement *statement, RedshiftStatus status);
const char *redshift_status_name(RedshiftStatus status);

/* As DescribeStatement tells it; part NULL: the whole. */
json_t	   *redshift_describe(const RedshiftStatement *statement, const RedshiftPart *part);

/* By its transaction: it is over.  error (NULL: none) is what DescribeStatement says of the whole. */
void		redshift_ended(RedshiftStatement *statement, RedshiftStatus status, const char *error);

/* False: it has ended already. */
bool		redshift_cancel(RedshiftStatement *statement);

/* Those that were held commit, soon. */
void		redshift_release(void);

/* redshift_run.c: the transaction on PostgreSQL */
void		redshift_run(RedshiftStatement *statement);
void		redshift_run_cancel(struct RedshiftRun *run);
void		redshift_run_release(struct RedshiftRun *run);	/* it may commit now */

/* redshift_plan.c: what is sent for one part */
typedef struct RedshiftStep
{
	char	   *sql;
	Buf			input;			/* for COPY ... FROM STDIN */
	bool		counts;			/* its rows and its result are the part's */
} RedshiftStep;

#define REDSHIFT_STEPS 4

typedef struct RedshiftPlan
{
	RedshiftStep steps[REDSHIFT_STEPS];
	size_t		count;
	const char *values[64];		/* of parameters; owned by the statement's JSON */
	int			n_values;
	char	   *loads;			/* the table that COPY loads, NULL: it is none */
	char	   *error;			/* it cannot run: "ERROR: ..." */
} RedshiftPlan;

void		redshift_plan(RedshiftPlan *plan, const RedshiftStatement *statement, const RedshiftPart *part);
void		redshift_plan_free(RedshiftPlan *plan);

/* redshift_copy.c: reads the objects and plans the load, or fails the statement. */
struct Sql;
void		redshift_plan_copy(RedshiftPlan *plan, struct Sql *sql);

/* redshift_lines.c: adds an object's JSON documents, each as a row of COPY's binary form; NULL, or what is wrong. */
const char *redshift_read_lines(const char *data, size_t len, Buf *out);

/* redshift_error.c: what DescribeStatement says of an error; to be freed. */
char	   *redshift_error_text(const PGresult *result, int64_t query_id);

#define REDSHIFT_SERIALIZABLE \
	"ERROR: 1023\n  Detail: Serializable isolation violation on table - %s, transactions forming the cycle are: %s"

/* Without its "ERROR: ", for the table of that name. */
#define REDSHIFT_LOAD_FAILED "Load into table '%s' failed. Check 'sys_load_error_detail' system table for details."

/* redshift_result.c: GetStatementResult of rows from one on; a new reference. */
json_t	   *redshift_result(const PGresult *result, int64_t from, const char *id);

#endif
