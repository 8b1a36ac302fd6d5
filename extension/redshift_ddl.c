/*
 * redshift_ddl.c
 *	  sqs.redshift_ddl and sqs.redshift_table: what Redshift and
 *	  sqs_to_redshift need to load the messages of a table of ours.
 *
 * Both describe the relation in the same way, and sqs_to_redshift prints the
 * same DDL for the document as sqs.redshift_ddl does.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "redshift_columns.h"

PG_FUNCTION_INFO_V1(sqs_redshift_ddl);
PG_FUNCTION_INFO_V1(sqs_redshift_table);

typedef enum RedshiftArgument
{
	REDSHIFT_TARGET,
	REDSHIFT_LEDGER
} RedshiftArgument;

typedef struct LedgerName
{
	char		schema[AWSX_REDSHIFT_MAX_NAME + 1];
	char		name[AWSX_REDSHIFT_MAX_NAME + 1];
} LedgerName;

static void
read_ledger(FunctionCallInfo fcinfo, const AwsxRedshiftTable *target, LedgerName *ledger)
{
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(REDSHIFT_LEDGER));
	AwsxError	error;

	if (!awsx_redshift_name_read(pg_server_to_any(given, strlen(given), PG_UTF8), ledger->schema, ledger->name, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the ledger's name cannot be read: %s", pg_any_to_server(error.message, strlen(error.message), PG_UTF8)),
				 errhint("The default is public.sqs_ledger.")));
	if (strcmp(ledger->schema, target->schema) == 0 && strcmp(ledger->name, target->name) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ledger and target are the same table"),
				 errhint("The ledger is a table of its own, which all subscriptions may share.")));
}

/* What was written, as a value of ours; the buffer is freed. */
static Datum
finish(AwsxBuf *buf)
{
	size_t		len = buf->len;
	bool		failed = buf->failed;
	char	   *text = failed ? NULL : pnstrdup(buf->data, len);

	awsx_buf_free(buf);
	if (failed)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while a table was written for Redshift.")));
	return CStringGetTextDatum(pg_any_to_server(text, len, PG_UTF8));
}

/* sqs.redshift_ddl(target regclass, ledger text) */
Datum
sqs_redshift_ddl(PG_FUNCTION_ARGS)
{
	RedshiftTarget target;
	LedgerName	name;
	AwsxRedshiftTable ledger;
	AwsxBuf		sql;

	redshift_describe(PG_GETARG_OID(REDSHIFT_TARGET), &target);
	read_ledger(fcinfo, &target.table, &name);
	ledger = awsx_redshift_ledger(name.schema, name.name);
	awsx_buf_init(&sql, 0);
	awsx_redshift_tables_ddl(&ledger, &target.table, &sql);
	return finish(&sql);
}

/* sqs.redshift_table(target regclass, ledger text) */
Datum
sqs_redshift_table(PG_FUNCTION_ARGS)
{
	RedshiftTarget target;
	LedgerName	name;
	AwsxBuf		ledger;
	AwsxBuf		json;

	redshift_describe(PG_GETARG_OID(REDSHIFT_TARGET), &target);
	read_ledger(fcinfo, &target.table, &name);
	awsx_buf_init(&ledger, 0);
	awsx_buf_init(&json, 0);
	if (!awsx_redshift_name_write(&ledger, name.schema, name.name) ||
		!awsx_redshift_table_document(&target.table, target.key, target.key_count, target.version, ledger.data, &json))
		json.failed = true;
	awsx_buf_free(&ledger);
	return finish(&json);
}
