/*
 * load_world.h
 *	  A configuration and messages for tests of load and its statements.
 */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include <string.h>

#include "load.h"

static const AwsxRedshiftColumn world_columns[] = {
	{"id", {AWSX_REDSHIFT_VARCHAR, 16, 0, 0}, true, NULL},
	{"version", {AWSX_REDSHIFT_INTEGER, 0, 0, 0}, false, "1"},
	{"amount", {AWSX_REDSHIFT_DECIMAL, 0, 12, 2}, false, NULL},
	{"note", {AWSX_REDSHIFT_VARCHAR, 65535, 0, 0}, false, "none"},
	{"more", {AWSX_REDSHIFT_SUPER, 0, 0, 0}, false, "{\"a\": 1}"},
};

static int	world_key[] = {0};

/* The target has the name "t"; without a key rows are only added. */
static LoadConfig
world_config(int key_count, int version)
{
	LoadConfig	config = {
		.target = {.schema = "public",.name = "t",.column_count = 5,.columns = world_columns},
		.key_count = key_count,
		.key = world_key,
		.version = version,
		.subscription = (char *) "t",
		.iam_role = (char *) "default",
		.retention_days = 30
	};

	config.ledger = awsx_redshift_ledger("public", "sqs_ledger");
	return config;
}

static inline AwsxSqsMessage
world_message(const char *dedup_id, const char *body)
{
	return (AwsxSqsMessage) {
		.message_id = "m-1",.dedup_id = dedup_id,.group_id = "g",.sequence_number = "7",.body = body,.body_len = strlen(body)
	};
}

#endif							/* LOAD_WORLD_H */
