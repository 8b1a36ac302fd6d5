/*
 * load_sql_upsert.c
 *	  The statements for a target with a key: which rows stay, which are
 *	  disputed, and the MERGE.
 *
 * What comes out is what would come out had the messages been loaded one
 * after another.  The standing version at a row's turn is the greatest of the
 * target's and of those of its key before it in the batch: disputed and
 * superseded rows may be counted with them, for theirs are never greater.
 * The row that stands is the target's where that has the version, else the
 * first of that version in the batch: it came to stand, since none before it
 * was as new.  A row of the standing version is disputed when its values are
 * others.  The winner of a key is the first row of its newest version, if
 * that is newer than the target's.
 *
 * Keys and versions are never null here, but a version in the target may be:
 * then it is older than all, as it is where the target has no such row.
 */
#include "load_sql_work.h"

static void
put(LoadWriter *writer, const char *words)
{
	awsx_buf_puts(&writer->sql, words);
}

/* s.c1, s.c2 */
static void
put_key(LoadWriter *writer, const char *staged)
{
	for (int i = 0; i < writer->config->key_count; i++)
	{
		put(writer, i > 0 ? ", " : "");
		load_sql_staged(writer, staged, writer->config->key[i]);
	}
}

/* t."name" = s.c1 AND ...; target with its point, or null: the target's own name. */
static void
put_same_key(LoadWriter *writer, const char *target, const char *staged)
{
	const LoadConfig *config = writer->config;

	for (int i = 0; i < config->key_count; i++)
	{
		put(writer, i > 0 ? " AND " : "");
		if (target != NULL)
			put(writer, target);
		else
		{
			awsx_redshift_name(&writer->sql, config->target.name);
			put(writer, ".");
		}
		load_sql_column(writer, config->key[i]);
		put(writer, " = ");
		load_sql_staged(writer, staged, config->key[i]);
	}
}

/* A column of the target as t, or of the stage; what cannot be compared as its text. */
static void
put_operand(LoadWriter *writer, const char *staged, int n, bool as_text)
{
	if (as_text)
		put(writer, "JSON_SERIALIZE_TO_VARBYTE(");
	if (staged != NULL)
		load_sql_staged(writer, staged, n);
	else
	{
		put(writer, "t.");
		load_sql_column(writer, n);
	}
	if (as_text)
		put(writer, ")");
}

/*
 * CASE WHEN all values of r are those of the other row THEN 0 ELSE 1 END.
 * other null: the target's.
 */
static void
put_differs(LoadWriter *writer, const char *other)
{
	const LoadConfig *config = writer->config;

	put(writer, "CASE WHEN 1 = 1");
	for (int i = 0; i < config->target.column_count; i++)
	{
		bool		as_text = config->target.columns[i].type.kind == AWSX_REDSHIFT_SUPER;

		if (i == config->version || load_sql_is_key(config, i))
			continue;
		put(writer, " AND (");
		put_operand(writer, "r.", i, as_text);
		put(writer, " = ");
		put_operand(writer, other, i, as_text);
		put(writer, " OR (");
		put_operand(writer, "r.", i, false);
		put(writer, " IS NULL AND ");
		put_operand(writer, other, i, false);
		put(writer, " IS NULL))");
	}
	put(writer, " THEN 0 ELSE 1 END");
}

/* The stage with what came before each row, as r. */
static void
put_stage_in_order(LoadWriter *writer)
{
	int			version = writer->config->version;

	put(writer, "(SELECT s.n, ");
	load_sql_all_staged(writer, "s.");
	put(writer, ", MAX(");
	load_sql_staged(writer, "s.", version);
	put(writer, ") OVER (PARTITION BY ");
	put_key(writer, "s.");
	put(writer, " ORDER BY s.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier, MAX(");
	load_sql_staged(writer, "s.", version);
	put(writer, ") OVER (PARTITION BY ");
	put_key(writer, "s.");
	put(writer, ") AS newest, MIN(s.n) OVER (PARTITION BY ");
	put_key(writer, "s.");
	load_sql_staged(writer, ", s.", version);
	put(writer, ") AS first_n FROM sqs_stage AS s) AS r");
}

static void
put_disputed(LoadWriter *writer)
{
	int			version = writer->config->version;

	put(writer, "CASE WHEN t.");
	load_sql_column(writer, version);
	load_sql_staged(writer, " = r.", version);
	load_sql_staged(writer, " AND (r.earlier IS NULL OR r.earlier <= r.", version);
	put(writer, ") THEN ");
	put_differs(writer, NULL);
	put(writer, " WHEN (t.");
	load_sql_column(writer, version);
	put(writer, " IS NULL OR t.");
	load_sql_column(writer, version);
	load_sql_staged(writer, " < r.", version);
	load_sql_staged(writer, ") AND r.earlier = r.", version);
	put(writer, " THEN ");
	put_differs(writer, "f.");
	put(writer, " ELSE 0 END AS disputed");
}

static void
put_wins(LoadWriter *writer)
{
	int			version = writer->config->version;

	load_sql_staged(writer, "CASE WHEN r.n = r.first_n AND r.newest = r.", version);
	put(writer, " AND (t.");
	load_sql_column(writer, version);
	put(writer, " IS NULL OR t.");
	load_sql_column(writer, version);
	load_sql_staged(writer, " < r.", version);
	put(writer, ") THEN 1 ELSE 0 END AS wins");
}

void
load_sql_judge(LoadWriter *writer)
{
	put(writer, "CREATE TEMP TABLE sqs_judged AS SELECT r.n, ");
	put_disputed(writer);
	put(writer, ", ");
	put_wins(writer);
	put(writer, " FROM ");
	put_stage_in_order(writer);
	put(writer, " JOIN sqs_stage AS f ON f.n = r.first_n LEFT JOIN ");
	awsx_redshift_table_name(&writer->sql, &writer->config->target);
	put(writer, " AS t ON ");
	put_same_key(writer, "t.", "r.");
	load_sql_end(writer);

	put(writer, "SELECT j.n FROM sqs_judged AS j WHERE j.disputed = 1 ORDER BY j.n");
	writer->out->disputes = load_sql_end(writer);
}

/* ---- the target ---- */

/* Are there columns beside the key? */
static bool
has_more_than_key(const LoadConfig *config)
{
	return config->target.column_count > config->key_count;
}

/* The rows that stay, one a key. */
static void
write_newest(LoadWriter *writer)
{
	put(writer, "CREATE TEMP TABLE sqs_newest AS SELECT ");
	if (writer->config->version >= 0)
	{
		load_sql_all_staged(writer, "s.");
		put(writer, " FROM sqs_stage AS s WHERE s.n IN (SELECT j.n FROM sqs_judged AS j WHERE j.wins = 1)");
		load_sql_end(writer);
		return;
	}
	load_sql_all_staged(writer, "r.");
	put(writer, " FROM (SELECT s.n, ");
	load_sql_all_staged(writer, "s.");
	put(writer, ", MAX(s.n) OVER (PARTITION BY ");
	put_key(writer, "s.");
	put(writer, ") AS last_n FROM sqs_stage AS s) AS r WHERE r.n = r.last_n");
	load_sql_end(writer);
}

static void
put_assignments(LoadWriter *writer)
{
	const LoadConfig *config = writer->config;
	const char *separator = "";

	for (int i = 0; i < config->target.column_count; i++)
	{
		if (load_sql_is_key(config, i))
			continue;
		put(writer, separator);
		load_sql_column(writer, i);
		load_sql_staged(writer, " = s.", i);
		separator = ", ";
	}
}

static void
write_merge(LoadWriter *writer)
{
	put(writer, "MERGE INTO ");
	awsx_redshift_table_name(&writer->sql, &writer->config->target);
	put(writer, " USING sqs_newest AS s ON ");
	put_same_key(writer, NULL, "s.");
	put(writer, " WHEN MATCHED THEN UPDATE SET ");
	put_assignments(writer);
	put(writer, " WHEN NOT MATCHED THEN INSERT (");
	load_sql_all_columns(writer);
	put(writer, ") VALUES (");
	load_sql_all_staged(writer, "s.");
	put(writer, ")");
	writer->out->target = load_sql_end(writer);
}

/* A row that is all key is there, or it is not. */
static void
write_missing(LoadWriter *writer)
{
	put(writer, "INSERT INTO ");
	awsx_redshift_table_name(&writer->sql, &writer->config->target);
	put(writer, " (");
	load_sql_all_columns(writer);
	put(writer, ") SELECT ");
	load_sql_all_staged(writer, "s.");
	put(writer, " FROM sqs_newest AS s WHERE NOT EXISTS (SELECT 1 FROM ");
	awsx_redshift_table_name(&writer->sql, &writer->config->target);
	put(writer, " AS t WHERE ");
	put_same_key(writer, "t.", "s.");
	put(writer, ")");
	writer->out->target = load_sql_end(writer);
}

void
load_sql_merge(LoadWriter *writer)
{
	write_newest(writer);
	if (has_more_than_key(writer->config))
		write_merge(writer);
	else
		write_missing(writer);
}
