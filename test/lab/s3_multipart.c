/*
 * s3_multipart.c
 *		Multipart uploads: create, upload part, complete, abort, list.
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
#define XML_HEAD		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

typedef struct Part
{
	Blob	   *blob;			/* NULL when not uploaded */
	char		etag[MD5_HEX];
} Part;

typedef struct Upload
{
	char	   *key;
	json_t	   *headers;
	int64_t		created_ms;
	Part	   *parts;			/* [PARTS_MAX + 1], index = part number */
} Upload;

static void
upload_free(void *arg)
{
	Upload	   *upload = arg;

	for (int i = 1; i <= PARTS_MAX; i++)
		blob_drop(upload->parts[i].blob);
	free(upload->parts);
	free(upload->key);
	json_decref(upload->headers);
	free(upload);
}

void
s3_drop_uploads(S3Bucket *bucket)
{
	table_clear(&bucket->uploads, upload_free);
}

void
s3_create_upload(S3Call *call)
{
	Upload	   *upload = mem_zalloc(sizeof(Upload));
	uint64_t	words[2] = {random_u64(), random_u64()};
	char		id[33];
	Buf			body = {0};

	hex_encode(words, sizeof(words), id);
	upload->key = mem_strdup(call->key);
	upload->headers = s3_kept_headers(call->x);
	upload->created_ms = clock_now_ms();
	upload->parts = mem_zalloc((PARTS_MAX + 1) * sizeof(Part));
	table_put(&call->bucket->uploads, id, strlen(id), upload);
	buf_adds(&body, XML_HEAD "<InitiateMultipartUploadResult xmlns=\"" S3_XMLNS "\">");
	xml_add(&body, "Bucket", call->bucket->name);
	xml_add(&body, "Key", call->key);
	xml_add(&body, "UploadId", id);
	buf_adds(&body, "</InitiateMultipartUploadResult>");
	s3_answer_xml(call->x, 200, &body);
}

/* The upload the query names, for this key; NULL after answering. */
static Upload *
find_upload(S3Call *call)
{
	const char *id = http_query(call->x, "uploadId");
	Upload	   *upload = table_get(&call->bucket->uploads, id, strlen(id));

	if (upload != NULL && strcmp(upload->key, call->key) == 0)
		return upload;
	s3_error(call->x, "NoSuchUpload");
	return NULL;
}

void
s3_upload_part(S3Call *call)
{
	Upload	   *upload = find_upload(call);
	const char *text = http_query(call->x, "partNumber");
	int			number = text != NULL ? atoi(text) : 0;
	json_t	   *checksums = json_object();
	const char *name;
	json_t	   *value;
	Buf			payload = {0};
	char		quoted[64];

	if (upload == NULL)
		;
	else if (number < 1 || number > PARTS_MAX)
		s3_error(call->x, "InvalidArgument");
	else if (s3_read_payload(call->x, &payload, checksums))
	{
		Part	   *part = &upload->parts[number];

		blob_drop(part->blob);
		part->blob = blob_new(payload.data, payload.len);
		md5_hex(payload.data, payload.len, part->etag);
		buf_free(&payload);
		snprintf(quoted, sizeof(quoted), "\"%s\"", part->etag);
		http_add_header(call->x, "ETag", quoted);
		json_object_foreach(checksums, name, value)
			http_add_header(call->x, name, json_string_value(value));
		s3_answer_empty(call->x, 200);
	}
	json_decref(checksums);
}

/* Does a quoted or bare tag name the part? */
static bool
is_part(const Part *part, const char *etag)
{
	size_t		len;

	if (part->blob == NULL || etag == NULL)
		return false;
	etag += etag[0] == '"';
	len = strcspn(etag, "\"");
	return len == strlen(part->etag) && strncmp(etag, part->etag, len) == 0;
}

/* Puts the parts together; answers and returns false when the list is wrong. */
static bool
assemble(S3Call *call, const Upload *upload, const XmlNode *root, Buf *whole, char etag[48])
{
	Buf			digests = {0};
	int			last = 0;
	int			n = 0;

	for (const XmlNode *item = xml_child(root, "Part"); item != NULL; item = xml_again(item))
	{
		const char *text = xml_text(item, "PartNumber");
		int			number = text != NULL ? atoi(text) : 0;
		unsigned char digest[MD5_LEN];

		if (number < 1 || number > PARTS_MAX || !is_part(&upload->parts[number], xml_text(item, "ETag")))
			s3_error(call->x, "InvalidPart");
		else if (number <= last)
			s3_error(call->x, "InvalidPartOrder");
		else if (xml_again(item) != NULL && upload->parts[number].blob->len < PART_MIN)
			s3_error(call->x, "EntityTooSmall");
		if (call->x->answered)
			break;
		buf_add(whole, upload->parts[number].blob->data, upload->parts[number].blob->len);
		md5_bytes(upload->parts[number].blob->data, upload->parts[number].blob->len, digest);
		buf_add(&digests, digest, sizeof(digest));
		last = number;
		n++;
	}
	if (n == 0 && !call->x->answered)
		s3_error(call->x, "MalformedXML");
	md5_hex(digests.data, digests.len, etag);
	snprintf(etag + strlen(etag), 12, "-%d", n);
	buf_free(&digests);
	return !call->x->answered;
}

static void
answer_completed(S3Call *call, const S3Version *version)
{
	Buf			body = {0};

	buf_adds(&body, XML_HEAD "<CompleteMultipartUploadResult xmlns=\"" S3_XMLNS "\">");
	buf_addf(&body, "<Location>%s", cloud.endpoint);
	xml_escape(&body, call->x->path);
	buf_adds(&body, "</Location>");
	xml_add(&body, "Bucket", call->bucket->name);
	xml_add(&body, "Key", call->key);
	buf_addf(&body, "<ETag>&quot;%s&quot;</ETag></CompleteMultipartUploadResult>", version->etag);
	s3_answer_xml(call->x, 200, &body);
}

void
s3_complete_upload(S3Call *call)
{
	const char *id = http_query(call->x, "uploadId");
	Upload	   *upload = find_upload(call);
	XmlNode    *root = upload != NULL ? s3_read_xml(call, "CompleteMultipartUpload") : NULL;
	S3Version  *version;
	Buf			whole = {0};
	char		etag[48];

	if (root != NULL && assemble(call, upload, root, &whole, etag))
	{
		version = s3_put_version(call->bucket, call->key, blob_new(whole.data, whole.len), etag,
								 json_incref(upload->headers), clock_now_ms());
		table_remove(&call->bucket->uploads, id, strlen(id));
		upload_free(upload);
		s3_object_created(call, version, "ObjectCreated:CompleteMultipartUpload");
		answer_completed(call, version);
	}
	buf_free(&whole);
	xml_free(root);
}

void
s3_abort_upload(S3Call *call)
{
	const char *id = http_query(call->x, "uploadId");
	Upload	   *upload = find_upload(call);

	if (upload == NULL)
		return;
	table_remove(&call->bucket->uploads, id, strlen(id));
	upload_free(upload);
	s3_answer_empty(call->x, 204);
}

void
s3_list_uploads(S3Call *call)
{
	Buf			body = {0};
	TableWalk	walk = {0};
	TableEntry *entry;

	buf_adds(&body, XML_HEAD "<ListMultipartUploadsResult xmlns=\"" S3_XMLNS "\">");
	xml_add(&body, "Bucket", call->bucket->name);
	buf_adds(&body, "<IsTruncated>false</IsTruncated>");
	while ((entry = table_next(&call->bucket->uploads, &walk)) != NULL)
	{
		const Upload *upload = entry->value;
		char		created[32];

		format_iso_ms(created, upload->created_ms);
		buf_adds(&body, "<Upload>");
		xml_add(&body, "Key", upload->key);
		xml_add(&body, "UploadId", entry->key);
		xml_add(&body, "Initiated", created);
		buf_adds(&body, "</Upload>");
	}
	buf_adds(&body, "</ListMultipartUploadsResult>");
	s3_answer_xml(call->x, 200, &body);
}
