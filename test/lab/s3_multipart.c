/*
 * s3_multipart.c
 *		Multipart uploads: create, upload part, complete, abort.
 *
 * An upload keeps its parts in an array by number.  Its object's ETag is the
 * MD5 of the parts' MD5s with "-" and their number.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "service.h"

#define PARTS_MAX		10000
#define PART_MIN		(5 * 1024 * 1024)

typedef struct S3Upload
{
	struct S3Upload *next;
	char		id[UUID_TEXT];
	char	   *key;
	json_t	   *headers;
	Blob	   *parts[PARTS_MAX + 1];	/* by number; NULL: not uploaded */
} S3Upload;

/* Takes it off its bucket's list and frees it. */
static void
drop_upload(S3Bucket *bucket, S3Upload *upload)
{
	S3Upload  **place = &bucket->uploads;

	while (*place != upload)
		place = &(*place)->next;
	*place = upload->next;
	for (int i = 1; i <= PARTS_MAX; i++)
		blob_drop(upload->parts[i]);
	free(upload->key);
	json_decref(upload->headers);
	free(upload);
}

void
s3_drop_uploads(S3Bucket *bucket)
{
	while (bucket->uploads != NULL)
		drop_upload(bucket, bucket->uploads);
}

void
s3_create_upload(S3Call *call)
{
	S3Upload   *upload = mem_zalloc(sizeof(S3Upload));

	random_uuid(upload->id);
	upload->key = mem_strdup(call->key);
	upload->headers = s3_kept_headers(call->x);
	upload->next = call->bucket->uploads;
	call->bucket->uploads = upload;
	s3_answer_xml(call->x, 200, "InitiateMultipartUploadResult",
				  json_pack("{s:s,s:s,s:s}", "Bucket", call->bucket->name, "Key", call->key,
							"UploadId", upload->id));
}

/* The upload the query names, for this key; NULL after answering. */
static S3Upload *
find_upload(S3Call *call)
{
	const char *id = http_query(call->x, "uploadId");
	S3Upload   *upload = call->bucket->uploads;

	while (upload != NULL && (strcmp(upload->id, id) != 0 || strcmp(upload->key, call->key) != 0))
		upload = upload->next;
	if (upload == NULL)
		s3_error(call->x, "NoSuchUpload");
	return upload;
}

void
s3_upload_part(S3Call *call)
{
	S3Upload   *upload = find_upload(call);
	const char *text = http_query(call->x, "partNumber");
	int			number = text != NULL ? atoi(text) : 0;
	json_t	   *checksums = json_object();
	const char *name;
	json_t	   *value;
	Buf			payload = {0};
	char		etag[MD5_HEX];

	if (upload != NULL && (number < 1 || number > PARTS_MAX))
		s3_error(call->x, "InvalidArgument");
	else if (upload != NULL && s3_read_payload(call->x, &payload, checksums))
	{
		blob_drop(upload->parts[number]);
		upload->parts[number] = blob_new(payload.data, payload.len);
		md5_hex(payload.data, payload.len, etag);
		buf_free(&payload);
		http_add_header(call->x, "ETag", "\"%s\"", etag);
		json_object_foreach(checksums, name, value)
			http_add_header(call->x, name, "%s", json_string_value(value));
		s3_answer_empty(call->x, 200);
	}
	json_decref(checksums);
}

/* Adds one part of the list; an error code when it may not come now. */
static const char *
add_part(const S3Upload *upload, const json_t *item, int *last, bool is_last, Buf *whole, Buf *digests)
{
	const char *text = xml_text(item, "PartNumber");
	const char *etag = xml_text(item, "ETag");
	int			number = text != NULL ? atoi(text) : 0;
	const Blob *part = number >= 1 && number <= PARTS_MAX ? upload->parts[number] : NULL;
	unsigned char digest[MD5_LEN];
	char		hex[MD5_HEX];

	if (part == NULL || etag == NULL)
		return "InvalidPart";
	md5_bytes(part->data, part->len, digest);
	hex_encode(digest, sizeof(digest), hex);
	etag += etag[0] == '"';
	if (strncmp(etag, hex, strlen(hex)) != 0 || strspn(etag + strlen(hex), "\"") != strlen(etag + strlen(hex)))
		return "InvalidPart";
	if (number <= *last)
		return "InvalidPartOrder";
	if (!is_last && part->len < PART_MIN)
		return "EntityTooSmall";
	buf_add(whole, part->data, part->len);
	buf_add(digests, digest, sizeof(digest));
	*last = number;
	return NULL;
}

/* Puts the parts together; an error code when the list is wrong. */
static const char *
assemble(const S3Upload *upload, const json_t *list, Buf *whole, char etag[48])
{
	Buf			digests = {0};
	const char *wrong = json_array_size(list) == 0 ? "MalformedXML" : NULL;
	int			last = 0;
	size_t		i;
	json_t	   *item;

	json_array_foreach(list, i, item)
	{
		if (wrong == NULL)
			wrong = add_part(upload, item, &last, i + 1 == json_array_size(list), whole, &digests);
	}
	md5_hex(digests.data, digests.len, etag);
	snprintf(etag + strlen(etag), 12, "-%zu", json_array_size(list));
	buf_free(&digests);
	return wrong;
}

void
s3_complete_upload(S3Call *call)
{
	S3Upload   *upload = find_upload(call);
	json_t	   *root = upload != NULL ? s3_read_xml(call, "CompleteMultipartUpload") : NULL;
	const char *wrong;
	S3Version  *version;
	Buf			whole = {0};
	char		etag[48];

	if (root == NULL)
		return;
	wrong = assemble(upload, json_object_get(root, "Part"), &whole, etag);
	if (wrong != NULL)
		s3_error(call->x, wrong);
	else
	{
		version = s3_put_version(call->bucket, call->key, blob_new(whole.data, whole.len), etag,
								 json_incref(upload->headers), clock_now_ms());
		drop_upload(call->bucket, upload);
		s3_object_created(call, version, "ObjectCreated:CompleteMultipartUpload");
		s3_answer_xml(call->x, 200, "CompleteMultipartUploadResult",
					  json_pack("{s:o,s:s,s:s,s:o}", "Location", json_sprintf("%s%s", cloud.endpoint, call->x->path),
								"Bucket", call->bucket->name, "Key", call->key,
								"ETag", json_sprintf("\"%s\"", etag)));
	}
	buf_free(&whole);
	json_decref(root);
}

void
s3_abort_upload(S3Call *call)
{
	S3Upload   *upload = find_upload(call);

	if (upload == NULL)
		return;
	drop_upload(call->bucket, upload);
	s3_answer_empty(call->x, 204);
}
