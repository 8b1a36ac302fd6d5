/*
 * redshift_setup.c
 *		The database that stands in for Redshift is made ready, before the lab
 *		listens.
 *
 * Its encoding is SQL_ASCII: there a varchar(n) has n bytes, as in Redshift,
 * and texts are compared by their bytes.
 */
#include "redshift.h"

#include <stdio.h>
#include <string.h>

RedshiftSettings redshift_settings = {
	.workgroup = "default",
	.escapes = true,
	.active_max = 500,
	.page_rows = 1000,
};

/* The file itself, with a NUL behind it. */
extern const char redshift_shims[];
__asm__(".pushsection .rodata\n"
		".global redshift_shims\n"
		"redshift_shims: .incbin \"redshift_shims.sql\"\n"
		".byte 0\n"
		".popsection\n");

static bool
failed(PGconn *conn, const char *what, const char *why)
{
	fprintf(stderr, "awslab: --redshift: could not %s: %s", what, why);
	PQfinish(conn);
	return false;
}

static PGconn *
connect_to(const char *database)
{
	const char *names[] = {"dbname", database != NULL ? "dbname" : NULL, NULL};
	const char *values[] = {redshift_settings.conninfo, database, NULL};

	return PQconnectdbParams(names, values, 1);
}

/* The database that conninfo names, "dev" if it names none. */
static char *
database_name(void)
{
	PQconninfoOption *options = PQconninfoParse(redshift_settings.conninfo, NULL);
	char	   *name = NULL;

	for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
	{
		if (strcmp(option->keyword, "dbname") == 0 && option->val != NULL)
			name = mem_strdup(option->val);
	}
	PQconninfoFree(options);
	return name != NULL ? name : mem_strdup("dev");
}

static bool
make_database(const char *name)
{
	PGconn	   *conn = connect_to("postgres");
	char	   *quoted;
	Buf			sql = {0};
	PGresult   *result;
	bool		made;

	if (PQstatus(conn) != CONNECTION_OK)
		return failed(conn, "connect", PQerrorMessage(conn));
	quoted = PQescapeIdentifier(conn, name, strlen(name));
	buf_addf(&sql, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", quoted);
	result = PQexec(conn, sql.data);
	made = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	PQfreemem(quoted);
	buf_free(&sql);
	if (!made)
		return failed(conn, "create the database", PQerrorMessage(conn));
	PQfinish(conn);
	return true;
}

bool
redshift_start(void)
{
	PGconn	   *conn;
	PGresult   *result;

	redshift_settings.database = database_name();
	conn = connect_to(redshift_settings.database);
	if (PQstatus(conn) != CONNECTION_OK && strstr(PQerrorMessage(conn), "does not exist") != NULL)
	{
		PQfinish(conn);
		if (!make_database(redshift_settings.database))
			return false;
		conn = connect_to(redshift_settings.database);
	}
	if (PQstatus(conn) != CONNECTION_OK)
		return failed(conn, "connect", PQerrorMessage(conn));
	if (strcmp(PQparameterStatus(conn, "server_encoding"), "SQL_ASCII") != 0)
		return failed(conn, "use the database", "its encoding must be SQL_ASCII\n");
	result = PQexec(conn, redshift_shims);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
	{
		PQclear(result);
		return failed(conn, "prepare the database", PQerrorMessage(conn));
	}
	PQclear(result);
	PQfinish(conn);
	return true;
}
