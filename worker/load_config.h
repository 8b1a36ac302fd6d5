/*
 * load_config.h
 *	  What sqs_to_redshift is to do: one JSON document, checked once.
 *
 * SQS_TO_REDSHIFT_CONFIG holds it as text, or names a file or an object
 * (s3://bucket/key) with it.  "sqs_to_redshift ddl FILE" reads the same
 * document, of which it needs the table alone.
 */
#ifndef LOAD_CONFIG_H
#define LOAD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/client.h"
#include "../aws/error.h"
#include "../aws/redshift_data.h"
#include "../aws/redshift_table.h"
#include "../aws/service.h"
#include "setting.h"

/* What a message is known by within its queue. */
typedef enum LoadScope
{
	LOAD_SCOPE_ASK,				/* as the queue's DeduplicationScope says */
	LOAD_SCOPE_QUEUE,
	LOAD_SCOPE_GROUP
} LoadScope;

/* Of the daemon. */
typedef struct LoadPoll
{
	int			max_messages;	/* of one transaction */
	size_t		max_bytes;		/* of their bodies */
	int			max_age_seconds;	/* the first of them waits so long for others */
	int			visibility_seconds;
	int			receives;		/* long polls under way at a time */
} LoadPoll;

typedef struct LoadConfig
{
	AwsxRedshiftTable target;
	AwsxRedshiftTable ledger;
	int			key_count;		/* 0: rows are only added */
	int		   *key;			/* columns' places in target.columns */
	int			version;		/* likewise; -1 = none: what comes last stays */
	char	   *subscription;	/* in the ledger; the target's name by default */
	char	   *dedup_key;		/* message attribute, or "$.a.b" of the body; null = the deduplication id */
	LoadScope	dedup_scope;
	AwsxRedshiftPlace place;
	char	   *stage_bucket;	/* null: batches too large for SQL cannot be loaded */
	char	   *stage_prefix;
	char	   *iam_role;		/* of COPY: "default" or an ARN */
	char	   *reject_bucket;	/* null: no reject location */
	char	   *reject_prefix;
	bool		fail_rejects;	/* leave them in the queue, for its dead-letter queue */
	int			retention_days; /* of the ledger, for prune */
	char	   *token_salt;		/* part of every ClientToken; "" by default */
	LoadPoll	poll;
	SettingMetrics metrics;
	char	   *log_level;		/* null: as AWS_LAMBDA_LOG_LEVEL says */
	void	   *memory;			/* what the table's strings lie in */
} LoadConfig;

#define LOAD_CONFIG_VARIABLE "SQS_TO_REDSHIFT_CONFIG"

/*
 * Read a document.  where names it in errors.  Null and *error (CONFIG:
 * which member, what is allowed; MEMORY).
 */
extern LoadConfig *load_config_read(const char *where, const char *json, size_t len, AwsxError *error);

/* The document in a file. */
extern LoadConfig *load_config_file(const char *path, AwsxError *error);

/*
 * The document that SQS_TO_REDSHIFT_CONFIG holds or names.  An object is
 * fetched through the client, with S3 found by options.
 */
extern LoadConfig *load_config_environment(AwsxClient *client, const AwsxServiceOptions *options,
										   AwsxError *error);
extern void load_config_free(LoadConfig *config);	/* null allowed */

#endif							/* LOAD_CONFIG_H */
