/*
 * store.h
 *	  Objects in S3: read one whole, write a small one.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../aws/client.h"
#include "../aws/s3.h"
#include "deadline.h"

typedef struct Store
{
	AwsxClient *client;
	AwsxService service;
	const Deadline *deadline;
	size_t		max_bytes;		/* of an object that is read */
} Store;

typedef enum StoreResult
{
	STORE_READ,
	STORE_MISSING,				/* this very object can never be read */
	STORE_TOO_LARGE,
	STORE_FAILED				/* an infrastructure fault */
} StoreResult;

typedef struct StoreObject
{
	AwsxHttpResponse answer;	/* its body is the object; empty unless STORE_READ */
	AwsxS3Object about;
} StoreObject;

extern void store_object_init(StoreObject *object);
extern void store_object_free(StoreObject *object);

/*
 * Read an object (version_id may be ""; known_size -1 = not known).  The
 * error is filled unless STORE_READ; the object may be freed in any case.
 */
extern StoreResult store_read(const Store *store, const char *bucket, const char *key,
							  const char *version_id, int64_t known_size,
							  StoreObject *object, AwsxError *error);

/* Write a JSON document. */
extern bool store_write(const Store *store, const char *bucket, const char *key,
						const char *document, size_t len, AwsxError *error);

#endif							/* STORE_H */
