/*
 * redshift_type.h
 *	  One column's type and default for Redshift.
 */
#ifndef PG_SQS_REDSHIFT_TYPE_H
#define PG_SQS_REDSHIFT_TYPE_H

#include "postgres.h"

#include "utils/relcache.h"

#include "redshift_table.h"

/*
 * The type that holds what the column's type holds.  A notice tells what may
 * not fit; raises 0A000 where there is none.
 */
extern AwsxRedshiftType redshift_type_of(Relation relation, int attnum);

/*
 * The text of the column's default where that is a constant: palloc'd, UTF-8,
 * as Redshift reads it.  Null: it has none, or another, of which a notice
 * tells.
 */
extern const char *redshift_default_of(Relation relation, int attnum);

/* Does the column's type, a domain, refuse nulls? */
extern bool redshift_type_not_null(Oid type);

/* For Redshift: UTF-8. */
extern const char *redshift_text(const char *text);

#endif							/* PG_SQS_REDSHIFT_TYPE_H */
