/*
 * load_compare.h
 *	  A live table beside its description: what differs.  Pure.
 */
#ifndef LOAD_COMPARE_H
#define LOAD_COMPARE_H

#include <stdbool.h>

#include "../aws/buf.h"
#include "../aws/error.h"
#include "../aws/redshift_data.h"
#include "../aws/redshift_table.h"

/*
 * Append the query for the live table's columns, by the documented view
 * SVV_COLUMNS.
 */
extern bool load_compare_query(const AwsxRedshiftTable *table, AwsxBuf *sql);

/*
 * Append a line for whatever differs between the description and the rows
 * that the query gave (none: there is no such table); returns how many.  -1
 * and *error (PROTOCOL): the rows are none of that query.
 */
extern int	load_compare(const AwsxRedshiftTable *table, const AwsxRedshiftRows *live, AwsxBuf *lines,
						 AwsxError *error);

#endif							/* LOAD_COMPARE_H */
