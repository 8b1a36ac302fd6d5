/*
 * s3.h
 *		S3, path style: the store, and what the files of the service share.
 */
#ifndef LAB_S3_H
#define LAB_S3_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "server.h"
#include "xml.h"

#define S3_KEY_MAX		1024

typedef enum S3Versioning
{
	VERSIONING_NEVER,
	VERSIONING_ENABLED,
	VERSIONING_SUSPENDED
} S3Versioning;

/* One state of an object; the newest comes first. */
typedef struct S3Version
{
	struct S3Version *older;
	char		id[40];			/* "null" when made without versioning */
	bool		delete_marker;
	Blob	   *blob;			/* NULL for a delete marker */
	char		etag[48];		/* without quotes */
	int64_t		modified_ms;
	json_t	   *headers;		/* those that are kept: Content-Type, x-amz-meta-..., checksum */
} S3Version;

typedef struct S3Object
{
	char	   *key;
	S3Version  *newest;
} S3Object;

typedef struct S3Bucket
{
	struct S3Bucket *next;		/* in order of names */
	char		name[64];
	int64_t		created_ms;
	S3Versioning versioning;
	S3Object  **objects;		/* sorted by the bytes of their keys */
	size_t		n_objects;
	size_t		cap_objects;
	json_t	   *notification;	/* the configuration as it came, or NULL */
	struct S3Upload *uploads;	/* multipart */
} S3Bucket;

/* One request; lives as long as its exchange. */
typedef struct S3Call
{
	Exchange   *x;
	const struct S3Operation *operation;
	char	   *bucket_name;	/* NULL at the service's root */
	char	   *key;			/* NULL at a bucket */
	S3Bucket   *bucket;
} S3Call;

/* s3.c */
void		s3_error(Exchange *x, const char *code);
void		s3_error_text(Exchange *x, const char *code, const char *message);
void		s3_answer_empty(Exchange *x, int status);

/* Answers with an XML document; the tree's reference is taken. */
void		s3_answer_xml(Exchange *x, int status, const char *root, json_t *tree);

/* What is inside that root element of the body; NULL after answering MalformedXML. */
json_t	   *s3_read_xml(S3Call *call, const char *root);

/* s3_store.c: the model, no I/O */
extern S3Bucket *s3_buckets;
S3Bucket   *s3_find_bucket(const char *name);
S3Bucket   *s3_make_bucket(const char *name, int64_t now_ms);
void		s3_drop_bucket(S3Bucket *bucket);
S3Object   *s3_find_object(const S3Bucket *bucket, const char *key);

/* Index of the first object whose key is not below key. */
size_t		s3_lower_bound(const S3Bucket *bucket, const char *key);

/* id NULL: the newest. */
S3Version  *s3_find_version(const S3Object *object, const char *id);

/* Adds or replaces, as the bucket's versioning wants; the references are taken. */
S3Version  *s3_put_version(S3Bucket *bucket, const char *key, Blob *blob, const char *etag,
						   json_t *headers, int64_t now_ms);

/* DELETE without a version: the marker that was made, or NULL. */
S3Version  *s3_delete_object(S3Bucket *bucket, const char *key, int64_t now_ms);

/* DELETE of a version; *was_marker tells what it was. */
void		s3_delete_version(S3Bucket *bucket, const char *key, const char *id, bool *was_marker);

/* s3_object.c */
void		s3_put_object(S3Call *call);
void		s3_copy_object(S3Call *call);
void		s3_get_object(S3Call *call);
void		s3_remove_object(S3Call *call);
void		s3_remove_objects(S3Call *call);

/* Headers of the request that are stored with an object. */
json_t	   *s3_kept_headers(const Exchange *x);

/* Journals, notifies and sets the answer's headers after an object was created. */
void		s3_object_created(S3Call *call, const S3Version *version, const char *event);

/* s3_bucket.c */
void		s3_list_buckets(S3Call *call);
void		s3_create_bucket(S3Call *call);
void		s3_head_bucket(S3Call *call);
void		s3_delete_bucket(S3Call *call);
void		s3_get_location(S3Call *call);
void		s3_put_versioning(S3Call *call);
void		s3_get_versioning(S3Call *call);

/* s3_list.c */
void		s3_list_objects(S3Call *call);
void		s3_list_versions(S3Call *call);

/* s3_body.c */

/*
 * The payload of an upload, decoded and verified against whatever digests came
 * with it.  headers gets the checksum.  False: answered with an error.
 * *payload must be freed.
 */
bool		s3_read_payload(Exchange *x, Buf *payload, json_t *headers);

/* s3_multipart.c */
void		s3_create_upload(S3Call *call);
void		s3_upload_part(S3Call *call);
void		s3_complete_upload(S3Call *call);
void		s3_abort_upload(S3Call *call);
void		s3_drop_uploads(S3Bucket *bucket);

/* s3_notify.c */
void		s3_put_notification(S3Call *call);
void		s3_get_notification(S3Call *call);

/* event is "ObjectCreated:Put" and the like; version may be NULL after a delete. */
void		s3_notify(const Exchange *x, S3Bucket *bucket, const char *key,
					  const S3Version *version, const char *event);

#endif
