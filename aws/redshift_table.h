/*
 * redshift_table.h
 *	  A table of Amazon Redshift, as its target and its ledger are described:
 *	  columns with types, what makes it, what it is called in SQL.
 *
 * Both ends make one table of this: sqs_to_redshift from its configuration,
 * the PostgreSQL extension from its catalogue; so that what they print of it
 * agrees.  Types are those of
 * https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
 */
#ifndef AWSX_REDSHIFT_TABLE_H
#define AWSX_REDSHIFT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

#define AWSX_REDSHIFT_MAX_COLUMNS 1600
#define AWSX_REDSHIFT_MAX_NAME 127	/* bytes */
#define AWSX_REDSHIFT_MAX_VARCHAR 65535 /* bytes */
#define AWSX_REDSHIFT_MAX_CHAR 4096
#define AWSX_REDSHIFT_MAX_PRECISION 38
#define AWSX_REDSHIFT_MAX_SCALE 37

typedef enum AwsxRedshiftKind
{
	AWSX_REDSHIFT_SMALLINT,
	AWSX_REDSHIFT_INTEGER,
	AWSX_REDSHIFT_BIGINT,
	AWSX_REDSHIFT_DECIMAL,
	AWSX_REDSHIFT_REAL,
	AWSX_REDSHIFT_DOUBLE,
	AWSX_REDSHIFT_BOOLEAN,
	AWSX_REDSHIFT_CHAR,
	AWSX_REDSHIFT_VARCHAR,
	AWSX_REDSHIFT_DATE,
	AWSX_REDSHIFT_TIMESTAMP,
	AWSX_REDSHIFT_TIMESTAMPTZ,
	AWSX_REDSHIFT_SUPER
} AwsxRedshiftKind;

typedef struct AwsxRedshiftType
{
	AwsxRedshiftKind kind;
	int			length;			/* bytes of CHAR and VARCHAR */
	int			precision;		/* of DECIMAL */
	int			scale;			/* of DECIMAL */
} AwsxRedshiftType;

extern const char awsx_redshift_now[];

/* Strings of these are owned by whoever made the table. */
typedef struct AwsxRedshiftColumn
{
	const char *name;			/* UTF-8, 1 to 127 bytes; compared as it is spelled */
	AwsxRedshiftType type;
	bool		not_null;
	const char *default_value;	/* a value's text, not SQL; null = no default;
								 * awsx_redshift_now (the pointer) = GETDATE() */
} AwsxRedshiftColumn;

typedef struct AwsxRedshiftTable
{
	const char *schema;			/* "public" */
	const char *name;
	int			column_count;
	const AwsxRedshiftColumn *columns;
	const char *distkey;		/* a column's name; null = DISTSTYLE AUTO */
	int			sortkey_count;
	const char *const *sortkeys;	/* columns' names */
} AwsxRedshiftTable;

/*
 * Read a type in any spelling that Redshift documents: "int", "int4",
 * "numeric(12,2)", "varchar(max)", "character varying(20)", "timestamp with
 * time zone", ...; defaults as Redshift's (varchar 256, char 1, decimal 18,0).
 * False and *error (CONFIG): what is wrong and what is allowed.
 */
extern bool awsx_redshift_type_read(const char *text, AwsxRedshiftType *type, AwsxError *error);

/* Length, precision and scale as Redshift allows them? Else *error (CONFIG); text stands for the type there. */
extern bool awsx_redshift_type_check(const AwsxRedshiftType *type, const char *text, AwsxError *error);

/* Append its one spelling in our DDL: "VARCHAR(64)", "DECIMAL(18,2)", "TIMESTAMPTZ". */
extern bool awsx_redshift_type_write(const AwsxRedshiftType *type, AwsxBuf *sql);

/* Can this be a name? Else *error (CONFIG); what: "table", "column", for the error. */
extern bool awsx_redshift_name_check(const char *name, const char *what, AwsxError *error);

/* Append a name, always in double quotes; with one that cannot be one the buffer fails. */
extern bool awsx_redshift_name(AwsxBuf *sql, const char *name);

/* Append "schema"."name". */
extern bool awsx_redshift_table_name(AwsxBuf *sql, const AwsxRedshiftTable *table);

/*
 * Append the text as an SQL expression that means it whether or not
 * backslashes escape: 'it''s' or REPLACE('C:~temp', '~', CHR(92)).  Text is
 * UTF-8 without NUL, which nothing in Redshift can hold: with others the
 * buffer fails.
 */
extern bool awsx_redshift_literal(AwsxBuf *sql, const char *text, size_t len);

/*
 * Append a value's text as it stands in VALUES or after DEFAULT for a column
 * of the type: exact numbers and truth values plain, JSON_PARSE(...) for
 * SUPER, else a literal.
 */
extern bool awsx_redshift_value(AwsxBuf *sql, const AwsxRedshiftType *type, const char *text, size_t len);

/*
 * Split "schema.name" or "name" (then schema is public); parts may be in
 * double quotes.  The outputs have AWSX_REDSHIFT_MAX_NAME + 1 bytes.  Names
 * without quotes are folded to lower case, as Redshift does.
 */
extern bool awsx_redshift_name_read(const char *text, char *schema, char *name, AwsxError *error);

/* Append a name that awsx_redshift_name_read reads as these two. */
extern bool awsx_redshift_name_write(AwsxBuf *out, const char *schema, const char *name);

/*
 * Names, types, defaults and keys fit together? False and *error (CONFIG).
 * Of defaults it is not looked at whether a date, a time or JSON is one.
 */
extern bool awsx_redshift_table_check(const AwsxRedshiftTable *table, AwsxError *error);

/* Append CREATE TABLE IF NOT EXISTS ...; with a newline behind the semicolon. */
extern bool awsx_redshift_table_ddl(const AwsxRedshiftTable *table, AwsxBuf *sql);

/* The ledger's, an empty line, the target's: what both ends print. */
extern bool awsx_redshift_tables_ddl(const AwsxRedshiftTable *ledger, const AwsxRedshiftTable *target, AwsxBuf *sql);

/*
 * The ledger of that name: one row a message that was loaded, of every
 * subscription.  Columns: subscription, dedup_key, content_hash, message_id,
 * sequence_number, source, applied_at.  The table points into constants and
 * the two names.
 */
extern AwsxRedshiftTable awsx_redshift_ledger(const char *schema, const char *name);

/* Its columns, for those who write statements about it. */
enum
{
	AWSX_REDSHIFT_LEDGER_SUBSCRIPTION,
	AWSX_REDSHIFT_LEDGER_DEDUP_KEY,
	AWSX_REDSHIFT_LEDGER_CONTENT_HASH,
	AWSX_REDSHIFT_LEDGER_MESSAGE_ID,
	AWSX_REDSHIFT_LEDGER_SEQUENCE_NUMBER,
	AWSX_REDSHIFT_LEDGER_SOURCE,
	AWSX_REDSHIFT_LEDGER_APPLIED_AT,
	AWSX_REDSHIFT_LEDGER_COLUMNS
};

/*
 * Append the configuration document of sqs_to_redshift that describes the
 * table: {"table": ..., "columns": [...], "key": [...], "version": ...,
 * "distkey": ..., "sortkey": [...], "ledger": "..."}, indented, with a newline
 * at the end.  key_count may be 0, version null.  "distkey": null says that
 * there is none although there is a key.
 */
extern bool awsx_redshift_table_document(const AwsxRedshiftTable *table, const char *const *key, int key_count,
										 const char *version, const char *ledger, AwsxBuf *json);

#endif							/* AWSX_REDSHIFT_TABLE_H */
