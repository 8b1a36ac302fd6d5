/*
 * redshift_error.c
 *		PostgreSQL's errors in Redshift's words, where these are known.
 *
 * What a program recognises an error by must be the same here.  An error that
 * Redshift raises on its compute nodes has a block of details; the words of
 * those below were seen in the wild.
 */
#include "redshift.h"

#include <stdlib.h>
#include <string.h>

static void
add_block(Buf *out, const char *error, int code, const char *context, int64_t query_id)
{
	static const char line[] = "-----------------------------------------------";

	buf_addf(out, "ERROR: %s\n  Detail: \n  %s\n  error:  %s\n  code:      %d\n  context:   %s\n  query:     %lld\n"
			 "  location:  lab\n  process:   query0 [pid=0]\n  %s", error, line, error, code, context, (long long) query_id, line);
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Those that a compute node raises; false: it is another. */
static bool
add_known(Buf *out, const char *state, const char *message, const char *column, int64_t query_id)
{
	Buf			context = {0};

	if (strcmp(state, "22001") == 0)
	{
		buf_addf(&context, "V%s", message[0] == 'v' ? message + 1 : message);
		add_block(out, "Value too long for character type", 8001, context.data, query_id);
	}
	else if (begins(message, "numeric field overflow"))
		add_block(out, "Numeric data overflow (result precision)", 1058, "64 bit overflow", query_id);
	else if (strcmp(state, "23502") == 0)
	{
		buf_addf(&context, "Cannot insert a NULL value into column %s", column);
		add_block(out, context.data, 8007, "query execution", query_id);
	}
	else if (begins(message, "invalid input syntax for type json"))
		add_block(out, "JSON parsing error", 8001, "Invalid JSON", query_id);
	else if (begins(message, "MERGE command cannot affect row a second time"))
		add_block(out, "Found multiple matches to update the same tuple.", 8001, "query execution", query_id);
	else
		return false;
	buf_free(&context);
	return true;
}

/* Those without a block, whose words differ; NULL: they are the same. */
static const char *
reworded(const char *state, const char *message)
{
	static char text[512];

	if (strcmp(state, "57014") == 0)
		return "Query cancelled on user's request";
	if (begins(message, "invalid input syntax for type integer") || begins(message, "invalid input syntax for type bigint"))
	{
		const char *value = strchr(message, ':');

		text[0] = '\0';
		strcat(text, "invalid input syntax for integer");
		strncat(text, value != NULL ? value : "", sizeof(text) - strlen(text) - 1);
		return text;
	}
	return NULL;
}

char *
redshift_error_text(const PGresult *result, int64_t query_id)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
	Buf			out = {0};

	if (state == NULL || message == NULL)
		buf_addf(&out, "ERROR: %s", PQresultErrorMessage(result));
	else if (strcmp(state, "40001") == 0)
		buf_addf(&out, REDSHIFT_SERIALIZABLE, "0", "0");
	else if (!add_known(&out, state, message, column != NULL ? column : "", query_id))
	{
		const char *words = reworded(state, message);

		buf_addf(&out, "ERROR: %s", words != NULL ? words : message);
		if (detail != NULL)
			buf_addf(&out, "\n  Detail: %s", detail);
		if (hint != NULL)
			buf_addf(&out, "\n  Hint: %s", hint);
	}
	return out.data;
}
