/*
 * config.h
 *	  What s3_to_sqs is to do, read from the environment and checked once.
 *
 * Either S3_TO_SQS_CONFIG (JSON text, or the path of a JSON file) or the
 * short form for one output: QUEUE_URL, JQ_PROGRAM or JQ_FILE,
 * GROUP_EXPRESSION, DEDUP_EXPRESSION.  Every other setting is a member of the
 * document, or a variable of the short form.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/error.h"
#include "setting.h"

#define CONFIG_MAX_OUTPUTS 32
#define CONFIG_DEFAULT_OBJECT_BYTES CONFIG_MAX_OBJECT_BYTES
#define CONFIG_MAX_OBJECT_BYTES ((size_t) 1 << 46)	/* more than S3 takes: objects are streamed */
#define CONFIG_DEFAULT_RECORD_BYTES ((size_t) 16 << 20)
#define CONFIG_MAX_RECORD_BYTES ((size_t) 1 << 30)

typedef struct ConfigOutput
{
	char	   *name;			/* part of the default deduplication id */
	char	   *queue_url;		/* of a FIFO queue */
	char	   *program;		/* jq text */
	char	   *program_url;	/* s3://bucket/key the text is yet to be read from; null = none */
	char	   *group;			/* jq text, over a document that the program made */
	char	   *dedup;			/* likewise; null = from output name and record */
} ConfigOutput;

/* What to do about an object, or a record, that cannot be worked on. */
typedef enum ConfigPolicy
{
	CONFIG_REJECT,				/* write a reject, go on */
	CONFIG_FAIL,				/* fail the invocation, which is then repeated */
	CONFIG_SKIP					/* log it, go on */
} ConfigPolicy;

typedef struct ConfigPolicies
{
	ConfigPolicy missing;		/* the object, or its version, is not there (any more) */
	ConfigPolicy archived;		/* it would have to be restored first */
	ConfigPolicy denied;		/* S3 says 403 */
	ConfigPolicy throttled;		/* S3 still says 503 after all attempts */
	ConfigPolicy corrupt;		/* gzip is broken, or the object ends in a record */
} ConfigPolicies;

/* The daemon that reads notifications from a queue. */
typedef struct ConfigPoll
{
	int			visibility_seconds; /* of a notification while it is worked on */
	int			wait_seconds;	/* of a long poll */
	int			max_messages;	/* of one poll */
} ConfigPoll;

typedef struct Config
{
	int			output_count;
	ConfigOutput *outputs;
	char	   *reject_bucket;	/* null: no reject location in S3 */
	char	   *reject_prefix;	/* "" or ends as the operator wrote it */
	char	   *reject_queue_url;	/* null: rejects do not go to a queue */
	char	   *receipts_bucket;	/* null: no receipts */
	char	   *receipts_prefix;
	char	   *handover_queue_url; /* a standard queue that triggers this function; null: none */
	size_t		max_object_bytes;
	size_t		max_record_bytes;
	ConfigPolicies policies;
	ConfigPoll	poll;
	SettingMetrics metrics;
	char	   *log_level;		/* null: as AWS_LAMBDA_LOG_LEVEL says */
} Config;

/*
 * Null and *error (AWSX_ERR_CONFIG, naming the variable or member and what
 * is allowed; or AWSX_ERR_MEMORY).
 */
extern Config *config_read(AwsxError *error);
extern void config_free(Config *config);	/* null allowed */

/* Is there a place for rejects? */
extern bool config_has_reject(const Config *config);

/*
 * Is the object one of our own rejects or receipts?  Returns the member's
 * name ("reject", "receipts"), or null.  Working on it would make another,
 * for ever.
 */
extern const char *config_own_location(const Config *config, const char *bucket, const char *key);

#endif							/* CONFIG_H */
