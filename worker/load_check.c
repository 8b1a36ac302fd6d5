/*
 * load_check.c
 *	  The commands that look after the tables of sqs_to_redshift.
 *
 * Their transactions only read, or are right however often they run; so each
 * run has tokens of its own.
 */
#include "load_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load_compare.h"
#include "load_sql.h"
#include "transaction.h"

#define TABLES 2				/* ledger and target, in this order */

static int
complain(const char *what, const AwsxError *error)
{
	fprintf(stderr, "sqs_to_redshift: %s%s\n", what, error->message);
	return LOAD_CHECK_FAULT;
}

static int
complain_of_memory(void)
{
	fprintf(stderr, "sqs_to_redshift: out of memory\n");
	return LOAD_CHECK_FAULT;
}

/* Writes the text to standard output; status, unless that fails. */
static int
print(const AwsxBuf *text, int status)
{
	if (text->failed)
		return complain_of_memory();
	if ((text->len > 0 && fwrite(text->data, text->len, 1, stdout) != 1) || fflush(stdout) != 0)
	{
		perror("sqs_to_redshift: cannot write to standard output");
		return LOAD_CHECK_FAULT;
	}
	return status;
}

int
load_check_ddl(const LoadConfig *config)
{
	AwsxBuf		sql;
	int			status;

	awsx_buf_init(&sql, 0);
	awsx_redshift_tables_ddl(&config->ledger, &config->target, &sql);
	status = print(&sql, LOAD_CHECK_SAME);
	awsx_buf_free(&sql);
	return status;
}

/*----------
 * Redshift
 *----------
 */

static bool
begin(const LoadCheckWorld *world, Transaction *transaction, AwsxError *error)
{
	*transaction = (Transaction) {
		.client = world->client,.place = &world->config->place,.deadline = world->deadline
	};
	return awsx_redshift_service(&transaction->service, world->services, error);
}

/* Under tokens that nobody else has. */
static bool
run(const Transaction *transaction, const char *const *statements, int count, TransactionResult *result, AwsxError *error)
{
	const AwsxClock *clock = transaction->deadline->clock;
	char		base[100];

	snprintf(base, sizeof(base), "command %ld %lld %lld", (long) getpid(), (long long) clock->wall_ms(clock->arg),
			 (long long) clock->monotonic_ms(clock->arg));
	return transaction_run(transaction, base, statements, count, result, error) == TRANSACTION_DONE;
}

/* Two statements in one transaction, and their rows; null where there are none. */
static bool
ask_both(const Transaction *transaction, const AwsxBuf sql[TABLES], AwsxRedshiftRows *rows[TABLES], AwsxError *error)
{
	const char *statements[TABLES] = {sql[0].data, sql[1].data};
	TransactionResult *result = malloc(sizeof(TransactionResult));
	bool		good;

	if (sql[0].failed || sql[1].failed || result == NULL)
	{
		free(result);
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return false;
	}
	good = run(transaction, statements, TABLES, result, error);
	for (int i = 0; good && i < TABLES; i++)
	{
		rows[i] = transaction_rows(transaction, result->id, i + 1, error);
		good = rows[i] != NULL;
	}
	free(result);
	return good;
}

static void
free_both(AwsxBuf sql[TABLES], AwsxRedshiftRows *rows[TABLES])
{
	for (int i = 0; i < TABLES; i++)
	{
		awsx_buf_free(&sql[i]);
		awsx_redshift_rows_free(rows[i]);
		rows[i] = NULL;
	}
}

/*----------
 * check
 *----------
 */

/* What a transaction that loads does with a table, in the order of the query's columns; null ends them. */
static const char *const ledger_privileges[] = {"SELECT", "INSERT", NULL};
static const char *const insert_privileges[] = {"SELECT", "INSERT", NULL};
static const char *const merge_privileges[] = {"SELECT", "INSERT", "UPDATE", "DELETE", NULL};

static const char *const *
privileges_of(const LoadConfig *config, int table)
{
	if (table == 0)
		return ledger_privileges;
	return config->key_count > 0 ? merge_privileges : insert_privileges;
}

static const AwsxRedshiftTable *
table_of(const LoadConfig *config, int table)
{
	return table == 0 ? &config->ledger : &config->target;
}

static int
compare_columns(const Transaction *transaction, const LoadConfig *config, AwsxBuf *lines, AwsxError *error)
{
	AwsxRedshiftRows *live[TABLES] = {NULL};
	AwsxBuf		sql[TABLES];
	int			counts[TABLES] = {0};
	bool		good;

	for (int i = 0; i < TABLES; i++)
	{
		awsx_buf_init(&sql[i], 0);
		load_compare_query(table_of(config, i), &sql[i]);
	}
	good = ask_both(transaction, sql, live, error);
	for (int i = 0; good && i < TABLES; i++)
	{
		counts[i] = load_compare(table_of(config, i), live[i], lines, error);
		good = counts[i] >= 0;
	}
	free_both(sql, live);
	return good ? counts[0] + counts[1] : -1;
}

/* HAS_TABLE_PRIVILEGE takes the name as a text. */
static void
put_privileges_query(AwsxBuf *sql, const AwsxRedshiftTable *table, const char *const *privileges)
{
	AwsxBuf		name;

	awsx_buf_init(&name, 0);
	if (!awsx_redshift_table_name(&name, table))
		sql->failed = true;
	for (int i = 0; !name.failed && privileges[i] != NULL; i++)
	{
		awsx_buf_puts(sql, i == 0 ? "SELECT HAS_TABLE_PRIVILEGE(" : ", HAS_TABLE_PRIVILEGE(");
		awsx_redshift_literal(sql, name.data, name.len);
		awsx_buf_printf(sql, ", '%s')", privileges[i]);
	}
	awsx_buf_free(&name);
}

static int
put_missing_privileges(const AwsxRedshiftTable *table, const char *const *privileges, const AwsxRedshiftRows *rows, AwsxBuf *lines)
{
	int			count = 0;

	for (int i = 0; privileges[i] != NULL; i++)
	{
		const char *value = rows->row_count == 1 && i < rows->column_count ? rows->values[i] : NULL;

		if (value != NULL && *value == 't')
			continue;
		awsx_redshift_name_write(lines, table->schema, table->name);
		awsx_buf_printf(lines, ": the loading user has no %s privilege\n", privileges[i]);
		count++;
	}
	return count;
}

static int
compare_privileges(const Transaction *transaction, const LoadConfig *config, AwsxBuf *lines, AwsxError *error)
{
	AwsxRedshiftRows *rows[TABLES] = {NULL};
	AwsxBuf		sql[TABLES];
	int			count = 0;
	bool		good;

	for (int i = 0; i < TABLES; i++)
	{
		awsx_buf_init(&sql[i], 0);
		put_privileges_query(&sql[i], table_of(config, i), privileges_of(config, i));
	}
	good = ask_both(transaction, sql, rows, error);
	for (int i = 0; good && i < TABLES; i++)
		count += put_missing_privileges(table_of(config, i), privileges_of(config, i), rows[i], lines);
	free_both(sql, rows);
	return good ? count : -1;
}

/* Privileges are asked for where nothing else is wrong: of a table that is missing they are an error. */
static int
compare_all(const Transaction *transaction, const LoadConfig *config, AwsxBuf *lines, AwsxError *error)
{
	int			count = compare_columns(transaction, config, lines, error);

	return count == 0 ? compare_privileges(transaction, config, lines, error) : count;
}

int
load_check_tables(const LoadCheckWorld *world)
{
	Transaction	transaction;
	AwsxError	error = {0};
	AwsxBuf		lines;
	int			count;
	int			status;

	if (!begin(world, &transaction, &error))
		return complain("", &error);
	awsx_buf_init(&lines, 0);
	count = compare_all(&transaction, world->config, &lines, &error);
	if (count == 0)
		awsx_buf_puts(&lines, "ledger and target are as the configuration says\n");
	status = count < 0 ? complain("the tables cannot be compared: ", &error) :
		print(&lines, count > 0 ? LOAD_CHECK_DIFFERS : LOAD_CHECK_SAME);
	awsx_buf_free(&lines);
	return status;
}

/*----------
 * prune
 *----------
 */

int
load_check_prune(const LoadCheckWorld *world)
{
	char	   *sql = load_sql_prune(world->config);
	TransactionResult *result = malloc(sizeof(TransactionResult));
	Transaction	transaction;
	AwsxError	error = {0};
	AwsxBuf		line;
	int			status;

	awsx_buf_init(&line, 0);
	if (sql == NULL || result == NULL)
		status = complain_of_memory();
	else if (!begin(world, &transaction, &error) ||
			 !run(&transaction, (const char *const[]) {sql}, 1, result, &error))
		status = complain("the ledger cannot be pruned: ", &error);
	else
	{
		awsx_buf_printf(&line, "%lld messages of more than %d days ago were removed from ",
						(long long) (result->description.rows > 0 ? result->description.rows : 0), world->config->retention_days);
		awsx_redshift_name_write(&line, world->config->ledger.schema, world->config->ledger.name);
		awsx_buf_putc(&line, '\n');
		status = print(&line, LOAD_CHECK_SAME);
	}
	awsx_buf_free(&line);
	free(result);
	free(sql);
	return status;
}
