/*
 * sqs_wire.h
 *	  What the files of the SQS service share: writing the JSON of a request
 *	  and reading the JSON of an answer.  Not for users of the service.
 */
#ifndef AWSX_SQS_WIRE_H
#define AWSX_SQS_WIRE_H

#include <jansson.h>

#include "sqs.h"

/*
 * Start a request: *out becomes an empty POST (so that a caller may always
 * free it) and *json holds "{" and one string member.  Errors show up in
 * awsx_sqs_finish.
 */
extern void awsx_sqs_begin(AwsxBuf *json, AwsxHttpRequest *out, const char *name, const char *value);

/* Append a string member, after a comma where one is due. */
extern void awsx_sqs_put_text(AwsxBuf *json, const char *name, const char *value, size_t len);
extern void awsx_sqs_put_int(AwsxBuf *json, const char *name, int value);

/* Close the object and move it into *out; *json is empty afterwards, also on failure. */
extern bool awsx_sqs_finish(AwsxBuf *json, const AwsxService *service, const char *action,
							AwsxHttpRequest *out, AwsxError *error);

/* Give the request up: frees *json, leaves *out empty, returns false. */
extern bool awsx_sqs_abandon(AwsxBuf *json, AwsxHttpRequest *out);

/*
 * Is this UTF-8 of characters that SQS takes (XML 1.0's)?  When not, *at is
 * the offset of the first bad byte.
 */
extern bool awsx_sqs_text_valid(const char *bytes, size_t len, size_t *at);

/*
 * Do the attributes have this MD5?  Where MD5 is forbidden (FIPS) nothing
 * can be compared and they do; where memory ends they do not.
 */
extern bool awsx_sqs_attributes_match(const AwsxSqsAttribute *attributes, int count, const char *md5);

/* 1..10 entries in a batch call, or an error. */
extern bool awsx_sqs_count_check(int count, AwsxError *error);

/* 1..80 letters, digits, '-', '_', and ".fifo" at the end if any; len counts. */
extern bool awsx_sqs_name_valid(const char *name, size_t len);

/* The answer's object; an empty body is {}.  Null and *error otherwise. */
extern json_t *awsx_sqs_parse(const AwsxHttpResponse *answer, AwsxError *error);

/*
 * A member that must be an array (or object) where it is present.  *out is
 * null when it is absent or JSON null.
 */
extern bool awsx_sqs_member(const json_t *object, const char *name, json_type type,
							json_t **out, AwsxError *error);

/*
 * Copy AWS's words into a fixed field: control characters become spaces, a
 * text that is too long is cut between two characters.
 */
extern void awsx_sqs_copy(char *out, size_t size, const char *text);

#endif							/* AWSX_SQS_WIRE_H */
