/*
 * steered.h
 *	  What the parts of the steered client share.
 */
#ifndef STEERED_H
#define STEERED_H

#include <jansson.h>

#include "client.h"
#include "error.h"

typedef struct Steered
{
	AwsxClient *client;
	AwsxService s3;
	AwsxService sqs;
	AwsxService redshift;
} Steered;

/* A deed: what it needs is in the request; the answer, or null and *error. */
typedef json_t *(*Deed) (Steered *steered, const json_t *request, AwsxError *error);

typedef struct NamedDeed
{
	const char *name;
	Deed		deed;
} NamedDeed;

extern const NamedDeed s3_deeds[];	/* the last one has no name */
extern const NamedDeed sqs_deeds[];
extern const NamedDeed redshift_deeds[];

/* A member's text, or null; a number, or the default. */
extern const char *text_of(const json_t *object, const char *name);
extern long long number_of(const json_t *object, const char *name, long long otherwise);

/* Any bytes as a JSON string of their hexadecimal form. */
extern json_t *hex_of(const char *bytes, size_t len);

/* Made is whether the request could be made at all. */
extern bool run_request(Steered *steered, const AwsxService *service, bool made, AwsxHttpRequest *request,
						AwsxHttpResponse *answer, AwsxError *error);

#endif							/* STEERED_H */
