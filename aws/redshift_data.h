/*
 * redshift_data.h
 *	  The Amazon Redshift Data API in AWS JSON 1.1: a function that makes each
 *	  request and one that reads its answer.  No I/O here; client.h carries
 *	  both.
 *
 * https://docs.aws.amazon.com/redshift-data/latest/APIReference/
 *
 * A statement is submitted, gets an id, and is asked after until it has ended.
 * What SQL has to say against it comes in the description's text, never as an
 * error of HTTP.
 */
#ifndef AWSX_REDSHIFT_DATA_H
#define AWSX_REDSHIFT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "error.h"
#include "http.h"
#include "service.h"

#define AWSX_REDSHIFT_BATCH 40	/* statements of one transaction */
#define AWSX_REDSHIFT_STATEMENT_BYTES 102400	/* of one statement's text */
#define AWSX_REDSHIFT_TOKEN 64	/* characters of a ClientToken */
#define AWSX_REDSHIFT_ID 64		/* bytes of a statement's id, with room for ":N" */

/* awsx_service_init for redshift-data; options may be null. */
extern bool awsx_redshift_service(AwsxService *service, const AwsxServiceOptions *options,
								  AwsxError *error);

/* Where statements run, and as whom.  Borrowed. */
typedef struct AwsxRedshiftPlace
{
	const char *workgroup;		/* serverless; null: a cluster */
	const char *cluster;
	const char *database;
	const char *db_user;		/* of a cluster; null = as IAM says */
	const char *secret_arn;		/* null = none */
} AwsxRedshiftPlace;

typedef struct AwsxRedshiftSubmit
{
	const AwsxRedshiftPlace *place;
	const char *const *statements;	/* 1..AWSX_REDSHIFT_BATCH; more than one are one transaction */
	int			count;
	const char *token;			/* ClientToken; null = none */
	const char *name;			/* StatementName, seen in the console; null = none */
} AwsxRedshiftSubmit;

/* ExecuteStatement for one, BatchExecuteStatement for more. */
extern bool awsx_redshift_submit_request(const AwsxService *service, const AwsxRedshiftSubmit *submit,
										 AwsxHttpRequest *out, AwsxError *error);

/* The statement's id.  False and *error (PROTOCOL): the answer has none. */
extern bool awsx_redshift_submit_answer(const AwsxHttpResponse *answer, char id[AWSX_REDSHIFT_ID],
										AwsxError *error);

typedef enum AwsxRedshiftStatus
{
	AWSX_REDSHIFT_RUNNING,		/* SUBMITTED, PICKED, STARTED */
	AWSX_REDSHIFT_FINISHED,
	AWSX_REDSHIFT_FAILED,
	AWSX_REDSHIFT_ABORTED
} AwsxRedshiftStatus;

/* One statement of a batch. */
typedef struct AwsxRedshiftPart
{
	AwsxRedshiftStatus status;
	int64_t		rows;			/* returned or touched; -1 = not said */
	bool		has_result;
} AwsxRedshiftPart;

typedef struct AwsxRedshiftDescription
{
	AwsxRedshiftStatus status;
	char		error[1024];	/* what SQL says; "" = nothing; may hold data */
	int64_t		created_ms;		/* Unix epoch; 0 = not said */
	int64_t		rows;
	bool		has_result;
	int			part_count;
	AwsxRedshiftPart parts[AWSX_REDSHIFT_BATCH];
} AwsxRedshiftDescription;

extern bool awsx_redshift_describe_request(const AwsxService *service, const char *id,
										   AwsxHttpRequest *out, AwsxError *error);
extern bool awsx_redshift_describe_answer(const AwsxHttpResponse *answer,
										  AwsxRedshiftDescription *description, AwsxError *error);

/* A page of a result; all values as text. */
typedef struct AwsxRedshiftRows
{
	int			row_count;
	int			column_count;
	char	  **values;			/* row by row; null = NULL */
	char	   *next;			/* token of the next page; null = the last */
} AwsxRedshiftRows;

/* part: which statement of a batch, from 1; 0 = it is no batch.  next may be null. */
extern bool awsx_redshift_result_request(const AwsxService *service, const char *id, int part,
										 const char *next, AwsxHttpRequest *out, AwsxError *error);
extern AwsxRedshiftRows *awsx_redshift_result_answer(const AwsxHttpResponse *answer, AwsxError *error);
extern void awsx_redshift_rows_free(AwsxRedshiftRows *rows);	/* null allowed */

extern bool awsx_redshift_cancel_request(const AwsxService *service, const char *id,
										 AwsxHttpRequest *out, AwsxError *error);

#endif							/* AWSX_REDSHIFT_DATA_H */
