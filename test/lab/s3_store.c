/*
 * s3_store.c
 *		Buckets, objects and their versions, in memory.
 *
 * A bucket keeps its objects in an array sorted by key, which makes listing a
 * binary search and a walk.  An object is a list of versions, newest first.
 * Without versioning, or when it is suspended, there is at most one version
 * named "null", and writing replaces it.  An object without versions is gone.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

S3Bucket   *s3_buckets;

S3Bucket *
s3_find_bucket(const char *name)
{
	S3Bucket   *bucket = s3_buckets;

	while (bucket != NULL && strcmp(bucket->name, name) != 0)
		bucket = bucket->next;
	return bucket;
}

S3Bucket *
s3_make_bucket(const char *name, int64_t now_ms)
{
	S3Bucket   *bucket = mem_zalloc(sizeof(S3Bucket));
	S3Bucket  **place = &s3_buckets;

	snprintf(bucket->name, sizeof(bucket->name), "%s", name);
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
	s3_drop_uploads(bucket);
	json_decref(bucket->notification);
	free(bucket->objects);
	free(bucket);
}

size_t
s3_lower_bound(const S3Bucket *bucket, const char *key)
{
	size_t		low = 0;
	size_t		high = bucket->n_objects;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (strcmp(bucket->objects[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

S3Object *
s3_find_object(const S3Bucket *bucket, const char *key)
{
	size_t		at = s3_lower_bound(bucket, key);

	if (at == bucket->n_objects || strcmp(bucket->objects[at]->key, key) != 0)
		return NULL;
	return bucket->objects[at];
}

static S3Object *
find_or_add(S3Bucket *bucket, const char *key)
{
	S3Object   *object = s3_find_object(bucket, key);
	size_t		at = s3_lower_bound(bucket, key);

	if (object != NULL)
		return object;
	if (bucket->n_objects == bucket->cap_objects)
	{
		bucket->cap_objects = bucket->cap_objects > 0 ? bucket->cap_objects * 2 : 64;
		bucket->objects = mem_resize(bucket->objects, bucket->cap_objects * sizeof(S3Object *));
	}
	memmove(&bucket->objects[at + 1], &bucket->objects[at],
			(bucket->n_objects - at) * sizeof(S3Object *));
	bucket->n_objects++;
	object = bucket->objects[at] = mem_zalloc(sizeof(S3Object));
	object->key = mem_strdup(key);
	return object;
}

static void
remove_if_empty(S3Bucket *bucket, S3Object *object)
{
	size_t		at = s3_lower_bound(bucket, object->key);

	if (object->newest != NULL)
		return;
	bucket->n_objects--;
	memmove(&bucket->objects[at], &bucket->objects[at + 1],
			(bucket->n_objects - at) * sizeof(S3Object *));
	free(object->key);
	free(object);
}

S3Version *
s3_find_version(const S3Object *object, const char *id)
{
	S3Version  *version = object != NULL ? object->newest : NULL;

	while (version != NULL && id != NULL && strcmp(version->id, id) != 0)
		version = version->older;
	return version;
}

static bool
unlink_version(S3Object *object, const char *id, bool *was_marker)
{
	for (S3Version **at = &object->newest; *at != NULL; at = &(*at)->older)
	{
		S3Version  *version = *at;

		if (strcmp(version->id, id) != 0)
			continue;
		*at = version->older;
		*was_marker = version->delete_marker;
		blob_drop(version->blob);
		json_decref(version->headers);
		free(version);
		return true;
	}
	return false;
}

/* A new newest version; its id replaces a former "null" where versioning is off. */
static S3Version *
push_version(S3Bucket *bucket, const char *key, int64_t now_ms)
{
	S3Object   *object = find_or_add(bucket, key);
	S3Version  *version = mem_zalloc(sizeof(S3Version));
	bool		ignored;

	if (bucket->versioning == VERSIONING_ENABLED)
	{
		uint64_t	words[2] = {random_u64(), random_u64()};

		hex_encode(words, sizeof(words), version->id);
	}
	else
	{
		strcpy(version->id, "null");
		unlink_version(object, "null", &ignored);
	}
	version->modified_ms = now_ms;
	version->older = object->newest;
	object->newest = version;
	return version;
}

S3Version *
s3_put_version(S3Bucket *bucket, const char *key, Blob *blob, const char *etag, json_t *headers,
			   int64_t now_ms)
{
	S3Version  *version = push_version(bucket, key, now_ms);

	version->blob = blob;
	version->headers = headers;
	snprintf(version->etag, sizeof(version->etag), "%s", etag);
	return version;
}

S3Version *
s3_delete_object(S3Bucket *bucket, const char *key, int64_t now_ms)
{
	S3Version  *marker;
	bool		ignored;

	if (bucket->versioning == VERSIONING_NEVER)
	{
		s3_delete_version(bucket, key, "null", &ignored);
		return NULL;
	}
	marker = push_version(bucket, key, now_ms);
	marker->delete_marker = true;
	return marker;
}

void
s3_delete_version(S3Bucket *bucket, const char *key, const char *id, bool *was_marker)
{
	S3Object   *object = s3_find_object(bucket, key);

	*was_marker = false;
	if (object != NULL && unlink_version(object, id, was_marker))
		remove_if_empty(bucket, object);
}
