/*
 * failure.c
 *	  What an error while applying messages means.
 *
 * Here is what an SQLSTATE alone can tell.  The proposal is put to the test
 * by whoever applies: a message that fails alone while others pass is the
 * culprit, whatever its code; when all fail it is the world.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/elog.h"

#include "failure.h"
#include "record.h"

FailureClass
failure_class(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case MAKE_SQLSTATE('0', '8', '0', '0', '0'):	/* connection, of a foreign target */
		case MAKE_SQLSTATE('2', '5', '0', '0', '0'):	/* read-only server */
		case MAKE_SQLSTATE('4', '0', '0', '0', '0'):	/* deadlock, serialization */
		case MAKE_SQLSTATE('5', '3', '0', '0', '0'):	/* memory, disk, connections */
		case MAKE_SQLSTATE('5', '5', '0', '0', '0'):	/* lock not available */
		case MAKE_SQLSTATE('5', '7', '0', '0', '0'):	/* cancel, shutdown */
		case MAKE_SQLSTATE('5', '8', '0', '0', '0'):	/* I/O */
		case MAKE_SQLSTATE('X', 'X', '0', '0', '0'):	/* internal */
			return FAILURE_OUTAGE;
		case MAKE_SQLSTATE('0', 'A', '0', '0', '0'):	/* not supported */
		case MAKE_SQLSTATE('2', '8', '0', '0', '0'):	/* owner */
		case MAKE_SQLSTATE('3', 'F', '0', '0', '0'):	/* schema */
		case MAKE_SQLSTATE('4', '2', '0', '0', '0'):	/* missing object, privilege, syntax */
			return FAILURE_DEFINITION;
		default:
			return FAILURE_DATA;
	}
}

/* Behind a printf directive whose % is at at[0]. */
static const char *
skip_directive(const char *at)
{
	at++;
	at += strspn(at, "0123456789.*$-+# 'hlzqjt");
	return *at != '\0' ? at + 1 : at;
}

/* The template with "..." for every value; empty when it is nothing else. */
static void
append_template(StringInfo out, const char *template)
{
	bool		has_words = false;

	for (const char *at = template; *at != '\0';)
	{
		if (at[0] == '%' && at[1] == '%')
		{
			appendStringInfoChar(out, '%');
			at += 2;
		}
		else if (at[0] == '%')
		{
			appendStringInfoString(out, "...");
			at = skip_directive(at);
		}
		else
		{
			has_words |= (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
			appendStringInfoChar(out, *at++);
		}
	}
	if (!has_words)
		resetStringInfo(out);
}

/*
 * With these SQLSTATEs PostgreSQL speaks of relations, columns, roles and
 * resources only.  Not with 42P01, 42704 or 42601: types such as regclass
 * and tsquery raise them about a value.
 */
static bool
speaks_in_names(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
			return true;
		default:
			return sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
				sqlerrcode == ERRCODE_UNDEFINED_COLUMN ||
				sqlerrcode == ERRCODE_GENERATED_ALWAYS;
	}
}

/* May the primary message be shown as it is?  See the rule in the header. */
static bool
message_has_names_only(const ErrorData *edata, const char *column)
{
	if (edata->message == NULL || edata->message_id == NULL)
		return false;
	if (edata->domain != NULL && strcmp(edata->domain, FAILURE_DOMAIN) == 0)
		return true;
	return column == NULL && speaks_in_names(edata->sqlerrcode) &&
		strncmp(edata->message_id, "%s", 2) != 0 &&
		(edata->context == NULL || strchr(edata->context, '\n') == NULL);
}

static void
append_text(StringInfo out, const ErrorData *edata, const char *column)
{
	if (message_has_names_only(edata, column))
		appendStringInfoString(out, edata->message);
	else if (edata->message_id != NULL)
		append_template(out, edata->message_id);
	if (out->len == 0)
		appendStringInfo(out, "a trigger, function or extension raised an error of its own with SQLSTATE %s",
						 unpack_sql_state(edata->sqlerrcode));
}

/* One "what name" of the list in parentheses. */
static void
append_name(StringInfo out, int start, const char *what, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return;
	appendStringInfo(out, "%s%s \"%s\"", out->len == start ? " (" : ", ", what, name);
}

static void
append_names(StringInfo out, const ErrorData *edata, const char *column)
{
	int			start = out->len;

	if (column == record_whole_body)
		appendStringInfoString(out, " (in the message body");
	else
		append_name(out, start, "column", column != NULL ? column : edata->column_name);
	append_name(out, start, "table", edata->table_name);
	append_name(out, start, "type", edata->datatype_name);
	append_name(out, start, "constraint", edata->constraint_name);
	if (out->len > start)
		appendStringInfoChar(out, ')');
}

/* Copy as one line, cut at a whole character. */
static void
copy_line(char *to, Size size, const char *from)
{
	int			len = pg_mbcliplen(from, strlen(from), size - 1);

	for (int i = 0; i < len; i++)
		to[i] = (unsigned char) from[i] < ' ' ? ' ' : from[i];
	to[len] = '\0';
}

static uint32
hash_name(uint32 hash, const char *name)
{
	if (name == NULL)
		return hash_combine(hash, 0);
	return hash_combine(hash, hash_bytes((const unsigned char *) name, strlen(name)));
}

/* Two messages that fail of one cause fail at one place, with one SQLSTATE. */
static uint32
signature(const ErrorData *edata, const char *column)
{
	uint32		hash = hash_bytes_uint32((uint32) edata->sqlerrcode);

	hash = hash_name(hash, edata->schema_name);
	hash = hash_name(hash, edata->table_name);
	hash = hash_name(hash, edata->constraint_name);
	hash = hash_name(hash, column != NULL ? column : edata->column_name);
	return Max(hash, 1);
}

/* What a person can do about a wrong definition. */
static const char *
definition_hint(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_INSUFFICIENT_PRIVILEGE:
			return "Grant the subscription's owner what the route needs (USAGE on the schema, INSERT on the target), then run sqs.enable.";
		case ERRCODE_UNDEFINED_TABLE:
			return "A relation is missing: restore it, or name another target with sqs.alter_subscription(..., target => ...).";
		default:
			return "Correct the target or the owner of the subscription, then run sqs.enable.";
	}
}

void
failure_describe(Failure *failure, const ErrorData *edata, const char *column)
{
	StringInfoData text;

	failure->sqlerrcode = edata->sqlerrcode;
	failure->class = failure_class(edata->sqlerrcode);
	failure->signature = signature(edata, column);
	initStringInfo(&text);
	append_text(&text, edata, column);
	append_names(&text, edata, column);
	copy_line(failure->error, sizeof(failure->error), text.data);
	pfree(text.data);

	failure->hint[0] = '\0';
	if (edata->hint != NULL && message_has_names_only(edata, column))
		copy_line(failure->hint, sizeof(failure->hint), edata->hint);
	else if (failure->class == FAILURE_DEFINITION)
		copy_line(failure->hint, sizeof(failure->hint), definition_hint(edata->sqlerrcode));
}
