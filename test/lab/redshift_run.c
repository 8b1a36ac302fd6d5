/*
 * redshift_run.c
 *		A statement's transaction, on a connection of its own.
 *
 *	CONNECTING ─ BEGINNING ─ WORKING ─ HELD ─ COMMITTING
 *	                            └────────┴──► ROLLING_BACK
 *
 * Everything waits in the lab's loop: any number of transactions go on side by
 * side, and wait for each other's locks in PostgreSQL.  REPEATABLE READ is
 * Redshift's snapshot isolation.  The snapshot is taken by the first statement
 * that reads, so that a LOCK before it lets the transaction see what the holder
 * before it wrote; hence nothing of the lab's own may read first.
 */
#include "redshift.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal.h"

typedef enum Stage
{
	CONNECTING, BEGINNING, WORKING, HELD, COMMITTING, ROLLING_BACK
} Stage;

typedef struct RedshiftRun
{
	RedshiftStatement *statement;
	PGconn	   *conn;
	int			fd;				/* watched; -1: none */
	Stage		stage;
	size_t		part;			/* at work */
	RedshiftPlan plan;			/* of that part */
	size_t		step;
	Timer		timer;			/* ends the time before the commit */
	bool		cancelled;
	char	   *error;			/* of the command at work, or of the whole; owned */
} RedshiftRun;

static void next(RedshiftRun *run);

static void
unwatch(RedshiftRun *run)
{
	if (run->fd >= 0)
		server_unwatch(run->fd);
	run->fd = -1;
}

static void
run_free(RedshiftRun *run)
{
	unwatch(run);
	timer_cancel(&run->timer);
	PQfinish(run->conn);
	redshift_plan_free(&run->plan);
	free(run->error);
	free(run);
}

static void
end(RedshiftRun *run, RedshiftStatus status)
{
	RedshiftStatement *statement = run->statement;
	char	   *error = run->error;

	run->error = NULL;
	run_free(run);
	redshift_ended(statement, status, error);
	free(error);
}

static RedshiftPart *
current(RedshiftRun *run)
{
	return &run->statement->parts[run->part];
}

/* The part at work is over; error is taken. */
static void
end_part(RedshiftRun *run, RedshiftStatus status, char *error)
{
	RedshiftPart *part = current(run);

	part->status = status;
	part->ended_us = clock_real_us();
	part->error = error;
	redshift_plan_free(&run->plan);
	if (status != REDSHIFT_FAILED)
		return;
	free(run->error);
	if (run->statement->is_batch)
	{
		Buf			text = {0};

		buf_addf(&text, "Query #%zu failed with %s", run->part + 1, error);
		run->error = text.data;
	}
	else
		run->error = mem_strdup(error);
}

/* What belongs to the command's result; the last one's error counts. */
static void
take_result(RedshiftRun *run, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	RedshiftPart *part = current(run);
	const RedshiftStep *step = &run->plan.steps[run->step];

	if (status == PGRES_COPY_IN)
	{
		PQputCopyData(run->conn, step->input.data, (int) step->input.len);
		PQputCopyEnd(run->conn, NULL);
	}
	else if (status == PGRES_FATAL_ERROR && run->error == NULL)
		run->error = redshift_error_text(result, part->query_id);
	else if (run->stage == WORKING && step->counts && status == PGRES_TUPLES_OK)
	{
		part->rows = PQntuples(result);
		part->result = result;
		return;
	}
	else if (run->stage == WORKING && step->counts && status == PGRES_COMMAND_OK)
		part->rows = strtoll(PQcmdTuples(result), NULL, 10);
	PQclear(result);
}

/* The server rolls back by itself. */
static void
lost(RedshiftRun *run)
{
	char	   *error = mem_strdup("ERROR: the connection to the stand-in was lost");

	if (run->stage == WORKING)
		end_part(run, REDSHIFT_FAILED, error);
	else
	{
		free(run->error);
		run->error = error;
	}
	end(run, REDSHIFT_FAILED);
}

static void watch(RedshiftRun *run, bool for_writing);

/* Reads what is there, and goes on when a command is over. */
static void
ready(void *arg)
{
	RedshiftRun *run = arg;
	PGresult   *result;

	if (PQconsumeInput(run->conn) == 0)
	{
		lost(run);
		return;
	}
	watch(run, PQflush(run->conn) == 1);
	while (!PQisBusy(run->conn))
	{
		bool		copies;

		result = PQgetResult(run->conn);
		if (result == NULL)
		{
			next(run);
			return;
		}
		copies = PQresultStatus(result) == PGRES_COPY_IN;
		take_result(run, result);
		if (copies)
			watch(run, PQflush(run->conn) == 1);
	}
}

static void connecting(void *arg);

static void
watch(RedshiftRun *run, bool for_writing)
{
	unwatch(run);
	run->fd = PQsocket(run->conn);
	if (run->fd < 0)
		return;					/* it is lost, which the next read tells */
	if (for_writing)
		server_watch_both(run->fd, run->stage == CONNECTING ? connecting : ready, run);
	else
		server_watch(run->fd, run->stage == CONNECTING ? connecting : ready, run);
}

static void
send_command(RedshiftRun *run, const char *sql)
{
	bool		in_part = run->stage == WORKING;

	free(run->error);
	run->error = NULL;
	if (PQsendQueryParams(run->conn, sql, in_part ? run->plan.n_values : 0, NULL, run->plan.values, NULL, NULL, 0) == 0)
		lost(run);
	else
		watch(run, PQflush(run->conn) == 1);
}

static void
roll_back(RedshiftRun *run)
{
	char	   *error = run->error;

	run->error = NULL;
	run->stage = ROLLING_BACK;
	/* the server does that by itself when it loses the connection, but the locks must be free when the status says so */
	if (PQstatus(run->conn) != CONNECTION_OK)
	{
		run->error = error;
		end(run, run->cancelled ? REDSHIFT_ABORTED : REDSHIFT_FAILED);
		return;
	}
	if (PQsendQueryParams(run->conn, "ROLLBACK", 0, NULL, NULL, NULL, NULL, 0) == 1)
		watch(run, PQflush(run->conn) == 1);
	run->error = error;
}

/* Is this part to fail by the control call's will?  Then its error. */
static char *
scripted_error(RedshiftRun *run)
{
	RedshiftSettings *settings = &redshift_settings;
	size_t		which = (size_t) settings->fail_statement;
	size_t		count = run->statement->count;
	Buf			text = {0};

	if (settings->fail_times <= 0 || run->part + 1 != (which == 0 || which > count ? count : which))
		return NULL;
	settings->fail_times--;
	if (settings->fail_error != NULL)
		return mem_strdup(settings->fail_error);
	buf_addf(&text, REDSHIFT_SERIALIZABLE, "100321", "2014, 2015 (pid:1073954042)");
	return text.data;
}

/* Begins the part at run->part, or what follows when there are no more. */
static void
begin_part(RedshiftRun *run)
{
	RedshiftStatement *statement = run->statement;
	char	   *error;

	if (run->part == statement->count)
	{
		run->stage = HELD;
		timer_set(&run->timer, clock_now_ms() + redshift_settings.started_ms);
		return;
	}
	current(run)->started_us = current(run)->ended_us = clock_real_us();
	current(run)->status = REDSHIFT_STARTED;
	run->step = 0;
	redshift_plan(&run->plan, statement, current(run));
	error = run->plan.error != NULL ? mem_strdup(run->plan.error) : scripted_error(run);
	if (error == NULL)
	{
		send_command(run, run->plan.steps[0].sql);
		return;
	}
	end_part(run, REDSHIFT_FAILED, error);
	roll_back(run);
}

/* COPY names no row; what PostgreSQL said stands in the journal.  The error is taken. */
static char *
load_error(const RedshiftRun *run, char *error)
{
	Buf			text = {0};

	journal_effect("redshift.load_error", "sss", "id", run->statement->id, "table", run->plan.loads, "error", error);
	free(error);
	buf_addf(&text, "ERROR: " REDSHIFT_LOAD_FAILED, run->plan.loads);
	return text.data;
}

/* A command of the part at work is over. */
static void
next_step(RedshiftRun *run)
{
	char	   *error = run->error;

	run->error = NULL;
	if (run->cancelled)
	{
		free(error);
		end_part(run, REDSHIFT_ABORTED, NULL);
		roll_back(run);
	}
	else if (error != NULL)
	{
		end_part(run, REDSHIFT_FAILED, run->plan.loads != NULL ? load_error(run, error) : error);
		roll_back(run);
	}
	else if (++run->step < run->plan.count)
		send_command(run, run->plan.steps[run->step].sql);
	else
	{
		end_part(run, REDSHIFT_FINISHED, NULL);
		run->part++;
		begin_part(run);
	}
}

/* The command under way is over. */
static void
next(RedshiftRun *run)
{
	switch (run->stage)
	{
		case BEGINNING:
			if (run->error != NULL || run->cancelled)
				roll_back(run);
			else
			{
				run->stage = WORKING;
				begin_part(run);
			}
			break;
		case WORKING:
			next_step(run);
			break;
		case COMMITTING:
			end(run, run->error != NULL ? REDSHIFT_FAILED : REDSHIFT_FINISHED);
			break;
		default:
			end(run, run->cancelled ? REDSHIFT_ABORTED : REDSHIFT_FAILED);
	}
}

static void
not_connected(RedshiftRun *run)
{
	const char *message = PQerrorMessage(run->conn);
	const char *fatal = strstr(message, "FATAL:");
	Buf			error = {0};

	if (fatal != NULL)
		message = fatal + strlen("FATAL:  ");
	buf_addf(&error, "%s: %.*s", fatal != NULL ? "FATAL" : "ERROR", (int) strcspn(message, "\n"), message);
	run->error = error.data;
	end(run, REDSHIFT_FAILED);
}

static void
connecting(void *arg)
{
	RedshiftRun *run = arg;
	PostgresPollingStatusType status;

	unwatch(run);				/* the library may take another socket */
	status = PQconnectPoll(run->conn);
	if (status == PGRES_POLLING_OK)
	{
		run->statement->pid = PQbackendPID(run->conn);
		PQsetnonblocking(run->conn, 1);
		run->stage = BEGINNING;
		send_command(run, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	}
	else if (status != PGRES_POLLING_FAILED)
		watch(run, status == PGRES_POLLING_WRITING);
	else
		not_connected(run);
}

static void
commit(Timer *timer)
{
	RedshiftRun *run = (RedshiftRun *) ((char *) timer - offsetof(RedshiftRun, timer));

	if (run->stage != HELD || redshift_settings.hold)
		return;
	run->stage = COMMITTING;
	send_command(run, "COMMIT");
}

void
redshift_run_release(RedshiftRun *run)
{
	if (run->stage == HELD && run->timer.node.index == 0)
		timer_set(&run->timer, clock_now_ms());
}

void
redshift_run_cancel(RedshiftRun *run)
{
	PGcancel   *cancel;
	char		why[256];

	run->cancelled = true;
	if (run->stage == HELD)
	{
		timer_cancel(&run->timer);
		roll_back(run);
	}
	else if (run->stage == WORKING && (cancel = PQgetCancel(run->conn)) != NULL)
	{
		/* waits for the server on loopback to hang up, some milliseconds */
		PQcancel(cancel, why, sizeof(why));
		PQfreeCancel(cancel);
	}
}

void
redshift_run(RedshiftStatement *statement)
{
	RedshiftRun *run = mem_zalloc(sizeof(RedshiftRun));
	Buf			options = {0};
	const char *names[] = {"dbname", "dbname", "options", "application_name", NULL};

	buf_addf(&options, "-c timezone=UTC -c datestyle=ISO -c client_encoding=SQL_ASCII -c escape_string_warning=off "
			 "-c standard_conforming_strings=%s", redshift_settings.escapes ? "off" : "on");
	run->statement = statement;
	statement->run = run;
	run->fd = -1;
	run->timer.fire = commit;
	run->conn = PQconnectStartParams(names, (const char *const[]) {
		redshift_settings.conninfo, statement->database, options.data, "awslab", NULL
	}, 1);
	buf_free(&options);
	if (PQstatus(run->conn) == CONNECTION_BAD)
		not_connected(run);
	else
		watch(run, true);
}
