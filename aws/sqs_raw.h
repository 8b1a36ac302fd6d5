/*
 * sqs_raw.h
 *	  The answer to ReceiveMessage as it was read, before it is judged.  Not
 *	  for users of the service.
 */
#ifndef AWSX_SQS_RAW_H
#define AWSX_SQS_RAW_H

#include "json_scan.h"
#include "sqs.h"

/* The strings of a message that are read, of it and of what SQS itself says of it. */
typedef enum AwsxRawMember
{
	AWSX_RAW_MESSAGE_ID,
	AWSX_RAW_RECEIPT_HANDLE,
	AWSX_RAW_BODY,
	AWSX_RAW_MD5_OF_BODY,
	AWSX_RAW_MD5_OF_ATTRIBUTES,
	AWSX_RAW_GROUP_ID,
	AWSX_RAW_DEDUP_ID,
	AWSX_RAW_SEQUENCE_NUMBER,
	AWSX_RAW_SENT_TIMESTAMP,
	AWSX_RAW_RECEIVE_COUNT,
	AWSX_RAW_STRINGS
} AwsxRawMember;

/* An attribute, in the order of the document; its name is always there. */
typedef struct AwsxRawAttribute
{
	AwsxJsonString name;
	AwsxJsonString type;
	AwsxJsonString text;
	AwsxJsonString binary;
} AwsxRawAttribute;

typedef struct AwsxRawMessage
{
	AwsxJsonString strings[AWSX_RAW_STRINGS];
	bool		attributes_seen;
	bool		system_seen;
	int			first_attribute;
	int			attribute_count;
} AwsxRawMessage;

typedef struct AwsxRawMessages
{
	AwsxRawMessage items[AWSX_SQS_BATCH];
	int			count;
	AwsxRawAttribute *attributes;	/* of all messages; malloc'd, the caller's to free */
	int			attribute_count;
	int			attributes_allocated;
} AwsxRawMessages;

/*
 * Read a document.  *raw must be zeroed; its strings stand in bytes, which are
 * changed, and bytes[len] must be NUL.  False, and *error (PROTOCOL, MEMORY),
 * when it cannot be an answer.  *error must be clear before, and may not be
 * null.
 */
extern bool awsx_raw_messages_read(AwsxRawMessages *raw, char *bytes, size_t len, AwsxError *error);

/* "message <index + 1> of the answer of SQS <what>"; returns false. */
extern bool awsx_raw_message_error(AwsxError *error, size_t index, const char *what);
extern bool awsx_raw_out_of_memory(AwsxError *error);

#endif							/* AWSX_SQS_RAW_H */
