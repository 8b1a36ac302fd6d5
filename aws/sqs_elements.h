/*
 * sqs_elements.h
 *	  The elements of a batch call's answer, read in one pass.  Not for users
 *	  of the service.
 */
#ifndef AWSX_SQS_ELEMENTS_H
#define AWSX_SQS_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#define AWSX_SQS_ELEMENTS 32	/* more than SQS has to say of ten entries */

/* Strings are null where the element has none of that name. */
typedef struct AwsxSqsElement
{
	bool		failed;			/* of the list Failed, not of Successful */
	bool		sender_fault;
	const char *id;
	const char *message_id;
	const char *sequence_number;
	const char *md5_of_body;
	const char *md5_of_attributes;
	const char *code;
	const char *message;
} AwsxSqsElement;

/*
 * Read an answer that has nothing but what SQS usually says: the two lists, of
 * objects of strings (ASCII, without escapes) and SenderFault.  Returns how
 * many elements there are, in their order; -1 for any other text, right or
 * wrong, which is then left to a whole parser.
 *
 * The strings are terminated in the text itself, which is changed even when the
 * result is -1.
 */
extern int	awsx_sqs_elements_read(char *text, size_t len, AwsxSqsElement elements[AWSX_SQS_ELEMENTS]);

#endif							/* AWSX_SQS_ELEMENTS_H */
