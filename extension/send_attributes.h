/*
 * send_attributes.h
 *	  Message attributes of sqs.send, given as JSON.
 */
#ifndef PG_SQS_SEND_ATTRIBUTES_H
#define PG_SQS_SEND_ATTRIBUTES_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "sqs.h"

/*
 * The attributes that {"name": {"type": "String", "value": "..."}} describes,
 * in UTF-8, palloc'd; the value of a binary one is in base64.  A member may
 * also be a string or a number, which stand for their type.  Raises
 * ERRCODE_INVALID_PARAMETER_VALUE for everything else; what SQS takes is not
 * checked.
 */
extern AwsxSqsAttribute *send_attributes_read(Jsonb *json, int *count);

#endif							/* PG_SQS_SEND_ATTRIBUTES_H */
