/*
 * sql_version.c
 *	  Do the library and the extension's SQL objects belong together?
 *
 * A package can be upgraded before ALTER EXTENSION was run, and ALTER
 * EXTENSION can be run before the server, which keeps what it preloaded, was
 * restarted.  The library reads tables by their columns, so it works with the
 * objects of its own major and minor version only; a third number stands for
 * corrections that both sides can do without.  Workers say so once and leave,
 * functions raise an error.
 *
 * A C function whose SQL signature changes gets another name: nothing here
 * can protect it from a call with the arguments of an older version.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "sql_version.h"

typedef struct Version
{
	long		major;
	long		minor;
} Version;

/* "1.0.2" and "1.0" are 1 and 0; what is no number counts as 0. */
static Version
parse(const char *text)
{
	Version		version = {0, 0};
	char	   *end;

	version.major = strtol(text, &end, 10);
	if (*end == '.')
		version.minor = strtol(end + 1, NULL, 10);
	return version;
}

/* extversion of pg_sqs, or null. */
static char *
installed_version(void)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("pg_sqs"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(relation), &isnull);

		if (!isnull)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return version;
}

bool
sql_version_differs(char **problem, char **hint)
{
	char	   *text = installed_version();
	Version		library = parse(PG_SQS_VERSION);
	Version		installed;

	if (text == NULL)
		return false;
	installed = parse(text);
	if (installed.major == library.major && installed.minor == library.minor)
		return false;
	*problem = psprintf("the SQL objects of pg_sqs are of version %s, its library is of version %s",
						text, PG_SQS_VERSION);
	if (installed.major < library.major ||
		(installed.major == library.major && installed.minor < library.minor))
		*hint = pstrdup("Run ALTER EXTENSION pg_sqs UPDATE in this database.");
	else
		*hint = pstrdup("Restart the server, so that it loads the library that was installed with them.");
	return true;
}

void
sql_version_check(void)
{
	char	   *problem;
	char	   *hint;

	if (sql_version_differs(&problem, &hint))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s", problem),
				 errhint("%s", hint)));
}
