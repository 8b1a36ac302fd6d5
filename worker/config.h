/*
 * config.h
 *	  What s3_to_sqs is to do, read from the environment and checked once.
 *
 * Either S3_TO_SQS_CONFIG (JSON text, or the path of a JSON file) or the
 * short form for one output: QUEUE_URL, JQ_PROGRAM or JQ_FILE,
 * GROUP_EXPRESSION, DEDUP_EXPRESSION, REJECT_URL, MAX_OBJECT_BYTES.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "../aws/error.h"

#define CONFIG_MAX_OUTPUTS 32
#define CONFIG_DEFAULT_OBJECT_BYTES ((size_t) 16 << 20)
#define CONFIG_MAX_OBJECT_BYTES ((size_t) 1 << 30)

typedef struct ConfigOutput
{
	char	   *name;			/* part of the default deduplication id */
	char	   *queue_url;		/* of a FIFO queue */
	char	   *program;		/* jq text */
	char	   *group;			/* jq text, over a document that the program made */
	char	   *dedup;			/* likewise; null = from output name and record */
} ConfigOutput;

typedef struct Config
{
	int			output_count;
	ConfigOutput *outputs;
	char	   *reject_bucket;	/* null: no reject location */
	char	   *reject_prefix;	/* "" or ends as the operator wrote it */
	size_t		max_object_bytes;
} Config;

/*
 * Null and *error (AWSX_ERR_CONFIG, naming the variable or member and what
 * is allowed; or AWSX_ERR_MEMORY).
 */
extern Config *config_read(AwsxError *error);
extern void config_free(Config *config);	/* null allowed */

#endif							/* CONFIG_H */
