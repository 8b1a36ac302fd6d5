/*
 * redshift_statement.c
 *		Statements of the Data API: their ids, tokens and statuses.
 *
 *	SUBMITTED ─ PICKED ─ STARTED ─┬─ FINISHED
 *	    └──────────┴─────────┴────┼─ FAILED
 *	                              └─ ABORTED, by a cancel
 *
 * A statement belongs to nobody: it goes on when its caller is gone.  At
 * STARTED it gets a connection to PostgreSQL, if one of the few is free, and
 * is redshift_run.c's until it ends.  Ids are known for a day, tokens for eight
 * hours, both of the lab's clock.
 */
#include "redshift.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "service.h"
#include "table.h"

#define KEPT_MS			(24 * 3600 * INT64_C(1000))
#define TOKEN_KEPT_MS	(8 * 3600 * INT64_C(1000))
#define RUNNING_MAX		40		/* connections */

static LIST_HEAD(, RedshiftStatement) active = LIST_HEAD_INITIALIZER(active);
static size_t n_active;
static size_t n_running;
static Table by_id;
static Table by_token;
static int64_t next_query_id = 1000;

static const char *const status_names[] = {"SUBMITTED", "PICKED", "STARTED", "FINISHED", "FAILED", "ABORTED"};

const char *
redshift_status_name(RedshiftStatus status)
{
	return status_names[status];
}

RedshiftStatement *
redshift_by_token(const char *token)
{
	RedshiftStatement *statement = table_get(&by_token, token, strlen(token));

	return statement != NULL && statement->created_ms + TOKEN_KEPT_MS > clock_now_ms() ? statement : NULL;
}

RedshiftStatement *
redshift_find(const char *id, size_t id_len)
{
	RedshiftStatement *statement = table_get(&by_id, id, id_len);

	return statement != NULL && statement->created_ms + KEPT_MS > clock_now_ms() ? statement : NULL;
}

size_t
redshift_active(void)
{
	return n_active;
}

void
redshift_set_status(RedshiftStatement *statement, RedshiftStatus status)
{
	statement->status = status;
	statement->updated_ms = clock_now_ms();
	if (!statement->is_batch)
		statement->parts[0].status = status;
}

/* The next status, as soon as it is due. */
static void
step(Timer *timer)
{
	RedshiftStatement *statement = (RedshiftStatement *) ((char *) timer - offsetof(RedshiftStatement, timer));

	if (statement->status == REDSHIFT_SUBMITTED)
	{
		redshift_set_status(statement, REDSHIFT_PICKED);
		timer_set(timer, clock_now_ms() + redshift_settings.picked_ms);
	}
	else if (n_running < RUNNING_MAX)
	{
		n_running++;
		redshift_set_status(statement, REDSHIFT_STARTED);
		redshift_run(statement);
	}
}

RedshiftStatement *
redshift_submit(json_t *sqls, bool is_batch, const char *token, const char *database, json_t *parameters)
{
	RedshiftStatement *statement = mem_zalloc(sizeof(RedshiftStatement));
	size_t		i;
	json_t	   *sql;

	random_uuid(statement->id);
	statement->is_batch = is_batch;
	statement->database = mem_strdup(database);
	statement->parameters = json_incref(parameters);
	statement->count = json_array_size(sqls);
	statement->parts = mem_zalloc(statement->count * sizeof(RedshiftPart));
	json_array_foreach(sqls, i, sql)
		statement->parts[i] = (RedshiftPart) {.sql = mem_strdup(json_string_value(sql)),.rows = -1,.query_id = next_query_id++};
	statement->created_ms = statement->updated_ms = clock_now_ms();
	table_put(&by_id, statement->id, strlen(statement->id), statement);
	if (token != NULL)
	{
		statement->token = mem_strdup(token);
		table_put(&by_token, token, strlen(token), statement);
	}
	LIST_INSERT_HEAD(&active, statement, link);
	n_active++;
	journal_effect("redshift.submitted", "ssI", "id", statement->id, "token", token,
				   "statements", (json_int_t) statement->count);
	statement->timer.fire = step;
	timer_set(&statement->timer, clock_now_ms() + redshift_settings.submitted_ms);
	return statement;
}

static void
journal_end(const RedshiftStatement *statement)
{
	for (size_t i = 0; i < statement->count; i++)
	{
		const RedshiftPart *part = &statement->parts[i];
		char		digest[SHA256_HEX];
		char		start[2001];

		if (part->started_us == 0)
			continue;
		sha256_hex(part->sql, strlen(part->sql), digest);
		snprintf(start, sizeof(start), "%s", part->sql);
		journal_effect("redshift.statement", "sIssIIsss", "id", statement->id, "number", (json_int_t) i + 1, "sql", start,
					   "sha256", digest, "bytes", (json_int_t) strlen(part->sql), "rows", (json_int_t) part->rows,
					   "status", status_names[part->status], "error", part->error, "token", statement->token);
	}
	journal_effect("redshift.transaction", "ssIss", "id", statement->id, "token", statement->token,
				   "statements", (json_int_t) statement->count, "status", status_names[statement->status],
				   "error", statement->error);
}

/* To those that wait for a connection. */
static void
give_room(void)
{
	RedshiftStatement *statement;

	LIST_FOREACH(statement, &active, link)
	{
		if (statement->status == REDSHIFT_PICKED && statement->timer.node.index == 0)
			timer_set(&statement->timer, clock_now_ms());
	}
}

void
redshift_ended(RedshiftStatement *statement, RedshiftStatus status, const char *error)
{
	if (statement->status == REDSHIFT_STARTED)
		n_running--;
	timer_cancel(&statement->timer);
	statement->run = NULL;
	for (size_t i = 0; i < statement->count; i++)
	{
		if (statement->parts[i].status < REDSHIFT_FINISHED)
			statement->parts[i].status = statement->is_batch ? REDSHIFT_ABORTED : status;
	}
	redshift_set_status(statement, status);
	if (error != NULL)
		statement->error = mem_strdup(error);
	if (error != NULL && !statement->is_batch && statement->parts[0].error == NULL)
		statement->parts[0].error = mem_strdup(error);
	LIST_REMOVE(statement, link);
	n_active--;
	journal_end(statement);
	give_room();
}

bool
redshift_cancel(RedshiftStatement *statement)
{
	if (statement->status >= REDSHIFT_FINISHED)
		return false;
	if (statement->run != NULL)
		redshift_run_cancel(statement->run);
	else
		redshift_ended(statement, REDSHIFT_ABORTED, NULL);
	return true;
}

void
redshift_release(void)
{
	const RedshiftStatement *statement;

	LIST_FOREACH(statement, &active, link)
	{
		if (statement->run != NULL)
			redshift_run_release(statement->run);
	}
}

static int64_t
result_size(const RedshiftPart *part)
{
	int64_t		size = 0;

	for (int row = 0; part->result != NULL && row < PQntuples(part->result); row++)
	{
		for (int column = 0; column < PQnfields(part->result); column++)
			size += PQgetlength(part->result, row, column);
	}
	return size;
}

/*
 * A moment of the lab's time in seconds, as far ago by the clock that answers
 * are dated with, which the lab's clock does not move.
 */
double
redshift_seconds(int64_t ms)
{
	return (double) (ms - clock_now_ms() + clock_real_ms() + cloud.skew_ms) / 1000;
}

/* What the whole and its parts have in common. */
static json_t *
describe_part(const RedshiftStatement *statement, const RedshiftPart *part, const char *id)
{
	/* what has run alone is over when it is committed */
	RedshiftStatus status = statement->is_batch ? part->status : statement->status;
	bool		over = status >= REDSHIFT_FINISHED;
	double		updated = redshift_seconds(statement->updated_ms);

	return json_pack("{s:s,s:s,s:s*,s:I,s:f,s:f,s:b,s:s,s:I,s:I,s:I}", "Id", id, "Status", status_names[status],
					 "Error", part->error, "Duration", (json_int_t) (part->ended_us - part->started_us) * 1000,
					 "CreatedAt", redshift_seconds(statement->created_ms), "UpdatedAt", updated,
					 "HasResultSet", part->result != NULL, "QueryString", part->sql,
					 "ResultRows", (json_int_t) (over ? part->rows : -1), "ResultSize", (json_int_t) (over ? result_size(part) : -1),
					 "RedshiftQueryId", (json_int_t) (part->started_us != 0 ? part->query_id : -1));
}

/* Of a batch the parts tell what the whole does not. */
static void
describe_batch(const RedshiftStatement *statement, json_t *out)
{
	json_t	   *parts = json_array();
	int64_t		duration = 0;
	bool		has_result = false;

	for (size_t i = 0; i < statement->count; i++)
	{
		const RedshiftPart *part = &statement->parts[i];
		char		id[UUID_TEXT + 12];

		snprintf(id, sizeof(id), "%s:%d", statement->id, (int) i + 1);
		json_array_append_new(parts, describe_part(statement, part, id));
		duration += (part->ended_us - part->started_us) * 1000;
		has_result |= part->result != NULL;
	}
	json_object_update_new(out, json_pack("{s:s,s:s,s:I,s:f,s:f,s:b,s:I,s:I,s:I,s:o}", "Id", statement->id, "Status",
										  status_names[statement->status], "Duration", (json_int_t) duration,
										  "CreatedAt", redshift_seconds(statement->created_ms), "UpdatedAt",
										  redshift_seconds(statement->updated_ms), "HasResultSet", has_result,
										  "ResultRows", (json_int_t) -1, "ResultSize", (json_int_t) -1,
										  "RedshiftQueryId", (json_int_t) -1, "SubStatements", parts));
}

json_t *
redshift_describe(const RedshiftStatement *statement, const RedshiftPart *part)
{
	json_t	   *out = json_pack("{s:s,s:s,s:s,s:s,s:i,s:O*}", "Database", statement->database,
								"WorkgroupName", redshift_settings.workgroup, "DbUser", REDSHIFT_DB_USER, "ResultFormat", "JSON",
								"RedshiftPid", statement->pid, "QueryParameters", statement->parameters);

	if (part != NULL)
	{
		char		id[UUID_TEXT + 12];

		snprintf(id, sizeof(id), statement->is_batch ? "%s:%d" : "%s", statement->id, (int) (part - statement->parts) + 1);
		json_object_update_new(out, describe_part(statement, part, id));
	}
	else
	{
		describe_batch(statement, out);
		if (statement->error != NULL)
			json_object_set_new(out, "Error", json_string(statement->error));
	}
	return out;
}
