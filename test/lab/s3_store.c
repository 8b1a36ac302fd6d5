/*
 * s3_store.c
 *		Buckets, objects and their versions, in memory.
 *
 * A bucket is one sorted array of versions, so that finding and listing are a
 * binary search and a walk.  Keys hold no NUL and are UTF-8: nothing sorts
 * between a key and the key with "\x01" behind it, and everything that begins
 * with a text sorts below the text with "\xFF" behind it.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

S3Bucket   *s3_buckets;

S3Bucket *
s3_find_bucket(const char *name)
{
	S3Bucket   *bucket = name != NULL ? s3_buckets : NULL;

	while (bucket != NULL && strcmp(bucket->name, name) != 0)
		bucket = bucket->next;
	return bucket;
}

S3Bucket *
s3_make_bucket(const char *name, const char *region, int64_t now_ms)
{
	S3Bucket   *bucket = mem_zalloc(sizeof(S3Bucket));
	S3Bucket  **place = &s3_buckets;

	snprintf(bucket->name, sizeof(bucket->name), "%s", name);
	snprintf(bucket->region, sizeof(bucket->region), "%s", region);
	bucket->created_ms = now_ms;
	while (*place != NULL && strcmp((*place)->name, name) < 0)
		place = &(*place)->next;
	bucket->next = *place;
	*place = bucket;
	return bucket;
}

void
s3_drop_bucket(S3Bucket *bucket)
{
	S3Bucket  **place = &s3_buckets;

	while (*place != bucket)
		place = &(*place)->next;
	*place = bucket->next;
	json_decref(bucket->notification);
	json_decref(bucket->rules);
	free(bucket->eventbridge);
	free(bucket->versions);
	free(bucket);
}

size_t
s3_lower_bound(const S3Bucket *bucket, const char *text)
{
	size_t		low = 0;
	size_t		high = bucket->n_versions;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (strcmp(bucket->versions[middle]->key, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

S3Version *
s3_find_version(const S3Bucket *bucket, const char *key, const char *id)
{
	for (size_t at = s3_lower_bound(bucket, key); at < bucket->n_versions; at++)
	{
		S3Version  *version = bucket->versions[at];

		if (strcmp(version->key, key) != 0)
			break;
		if (id == NULL || strcmp(version->id, id) == 0)
			return version;
	}
	return NULL;
}

S3Version *
s3_add_version(S3Bucket *bucket, const char *key, int64_t now_ms)
{
	S3Version  *version = mem_zalloc(sizeof(S3Version));
	S3Version  *replaced = s3_find_version(bucket, key, "null");
	uint64_t	random[2] = {random_u64(), random_u64()};
	S3Version **place;

	version->key = mem_strdup(key);
	version->modified_ms = now_ms;
	if (bucket->versioning != NULL && strcmp(bucket->versioning, "Enabled") == 0)
		hex_encode(random, sizeof(random), version->id);
	else
	{
		strcpy(version->id, "null");
		if (replaced != NULL)
			s3_drop_version(bucket, replaced);
	}
	if (bucket->n_versions == bucket->cap_versions)
	{
		bucket->cap_versions = bucket->cap_versions * 2 + 64;
		bucket->versions = mem_resize(bucket->versions, bucket->cap_versions * sizeof(S3Version *));
	}
	place = &bucket->versions[s3_lower_bound(bucket, key)];
	memmove(place + 1, place, (size_t) (&bucket->versions[bucket->n_versions] - place) * sizeof(S3Version *));
	*place = version;
	bucket->n_versions++;
	return version;
}

void
s3_drop_version(S3Bucket *bucket, S3Version *version)
{
	S3Version **place = &bucket->versions[s3_lower_bound(bucket, version->key)];

	while (*place != version)
		place++;
	bucket->n_versions--;
	memmove(place, place + 1, (size_t) (&bucket->versions[bucket->n_versions] - place) * sizeof(S3Version *));
	blob_drop(version->blob);
	s3_drop_synthetic(version->synthetic);
	json_decref(version->headers);
	json_decref(version->checksums);
	free(version->key);
	free(version);
}
