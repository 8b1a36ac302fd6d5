/*
 * s3.h
 *		S3: the store, and what the files of the service share.
 */
#ifndef LAB_S3_H
#define LAB_S3_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "auth.h"
#include "buf.h"
#include "codec.h"
#include "server.h"

#define S3_KEY_MAX		1024
#define S3_OWNER		"A3NL1KOZZKEXAMPLE"	/* of every bucket and object */

/* One state of an object. */
typedef struct S3Version
{
	char	   *key;
	char		id[40];			/* "null" when made without versioning */
	Blob	   *blob;			/* NULL: a delete marker */
	struct S3Synthetic *synthetic;	/* the bytes are made when they are read; blob is empty */
	char		etag[MD5_HEX];	/* without quotes */
	int64_t		modified_ms;
	json_t	   *headers;		/* those that come back: Content-Type, x-amz-meta-... */
	json_t	   *checksums;		/* those that come back when asked for */
} S3Version;

typedef struct S3Bucket
{
	struct S3Bucket *next;		/* in order of names */
	char		name[64];
	char		region[32];
	int64_t		created_ms;
	const char *versioning;		/* "Enabled", "Suspended", NULL: never was */
	S3Version **versions;		/* sorted by the bytes of their keys, of a key the newest first */
	size_t		n_versions;
	size_t		cap_versions;
	json_t	   *notification;	/* the configuration as it came, or NULL */
	json_t	   *rules;			/* what it says, see s3_notify.c */
	char	   *eventbridge;	/* ARN of the target of EventBridge's rule, or NULL */
} S3Bucket;

/* One request; lives as long as its exchange. */
typedef struct S3Call
{
	Exchange   *x;
	const struct S3Operation *operation;
	char	   *bucket_name;	/* NULL at the service's root */
	char	   *key;			/* NULL at a bucket */
	char		region[AUTH_REGION_SIZE];	/* that it was signed for */
	S3Bucket   *bucket;
} S3Call;

/* s3.c */

/* Answers with an error of the table; details are more elements, or another Message, or NULL; taken. */
void		s3_error(Exchange *x, const char *code, json_t *details);

/* Answers with an XML document, whose reference is taken; root NULL: without a body. */
void		s3_answer(Exchange *x, int status, const char *root, json_t *tree);

void		s3_add_request_ids(Exchange *x);

/* What is inside that root element of the body; NULL after answering MalformedXML. */
json_t	   *s3_read_xml(S3Call *call, const char *root);

/* s3_store.c: the model, no I/O */
extern S3Bucket *s3_buckets;

S3Bucket   *s3_find_bucket(const char *name);	/* name may be NULL */
S3Bucket   *s3_make_bucket(const char *name, const char *region, int64_t now_ms);
void		s3_drop_bucket(S3Bucket *bucket);

/* Place of the first version whose key is not below text. */
size_t		s3_lower_bound(const S3Bucket *bucket, const char *text);

/* id NULL: the newest. */
S3Version  *s3_find_version(const S3Bucket *bucket, const char *key, const char *id);

/* A delete marker that the caller may make an object; replaces what the bucket's versioning wants replaced. */
S3Version  *s3_add_version(S3Bucket *bucket, const char *key, int64_t now_ms);
void		s3_drop_version(S3Bucket *bucket, S3Version *version);

/* s3_synthetic.c */

/* The control call that makes an object of lines: {"line": TEXT, "repeat": N}. */
void		s3_put_synthetic(Exchange *x, const char *bucket_and_key);
void		s3_drop_synthetic(struct S3Synthetic *synthetic);	/* NULL allowed */

/* Of any version that is no marker. */
size_t		s3_size(const S3Version *version);

/* Answers with bytes of it. */
void		s3_answer_bytes(Exchange *x, int status, const S3Version *version, size_t from, size_t len);

/* s3_body.c */

/*
 * The payload of an upload, decoded and verified against whatever digests came
 * with it; checksums gets the headers to keep.  False after an error answer.
 * *payload must be freed.
 */
bool		s3_read_payload(Exchange *x, Buf *payload, json_t *checksums);

/* s3_notify.c */
typedef enum S3Event
{
	S3_PUT,
	S3_DELETED,
	S3_MARKED
} S3Event;

/* Tells whoever the bucket's configuration names; after a put, before a removal. */
void		s3_notify(S3Call *call, S3Event event, const S3Version *version);

/* The control call that stands for a rule of EventBridge: {"target": ARN}. */
void		s3_set_eventbridge(Exchange *x, const char *bucket_name);

/* The operations */
void		s3_list_buckets(S3Call *call);
void		s3_create_bucket(S3Call *call);
void		s3_head_bucket(S3Call *call);
void		s3_delete_bucket(S3Call *call);
void		s3_get_location(S3Call *call);
void		s3_put_versioning(S3Call *call);
void		s3_get_versioning(S3Call *call);
void		s3_put_notification(S3Call *call);
void		s3_get_notification(S3Call *call);
void		s3_list_objects(S3Call *call);
void		s3_put_object(S3Call *call);
void		s3_get_object(S3Call *call);
void		s3_delete_object(S3Call *call);

#endif
