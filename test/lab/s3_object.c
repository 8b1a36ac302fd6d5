/*
 * s3_object.c
 *		Objects: put, copy, get, head, delete.
 *
 * Headers that S3 keeps with an object are kept as they came and given back;
 * everything else about an object is in its S3Version.  GetObject and
 * HeadObject are one function: the server leaves the body of a HEAD out.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "codec.h"
#include "journal.h"

static void
keep_header(void *arg, const char *name, const char *value)
{
	static const char *const kept[] = {
		"content-type", "content-encoding", "content-language", "content-disposition", "cache-control",
		"expires", "x-amz-storage-class", "x-amz-website-redirect-location",
	};
	bool		keep = strncasecmp(name, "x-amz-meta-", 11) == 0;
	char		lower[128];
	size_t		len = strlen(name);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]) && !keep; i++)
		keep = strcasecmp(name, kept[i]) == 0;
	if (!keep || len >= sizeof(lower) || !utf8_valid(value))
		return;
	for (size_t i = 0; i <= len; i++)
		lower[i] = (char) (name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
	/* aws-chunked describes the transfer, not the object */
	if (strcmp(lower, "content-encoding") == 0 && strncmp(value, "aws-chunked", 11) == 0)
		value += value[11] == ',' ? 12 : 11;
	if (value[0] != '\0')
		json_object_set_new(arg, lower, json_string(value));
}

json_t *
s3_kept_headers(const Exchange *x)
{
	json_t	   *headers = json_object();

	http_headers(x, headers, keep_header);
	if (json_object_get(headers, "content-type") == NULL)
		json_object_set_new(headers, "content-type", json_string("binary/octet-stream"));
	return headers;
}

static void
add_etag(Exchange *x, const S3Version *version)
{
	http_add_header(x, "ETag", "\"%s\"", version->etag);
}

static void
add_version_id(Exchange *x, const S3Bucket *bucket, const S3Version *version)
{
	if (bucket->versioning != VERSIONING_NEVER)
		http_add_header(x, "x-amz-version-id", "%s", version->id);
}

/* The headers that are kept with a version: the checksum, or all the others. */
static void
add_kept_headers(Exchange *x, const S3Version *version, bool checksum)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(version->headers, name, value)
	{
		if ((strncmp(name, "x-amz-checksum-", 15) == 0) == checksum)
			http_add_header(x, name, "%s", json_string_value(value));
	}
}

void
s3_object_created(S3Call *call, const S3Version *version, const char *event)
{
	journal_effect("s3.put", "ssIss", "bucket", call->bucket->name, "key", call->key,
				   "size", (json_int_t) version->blob->len, "version_id", version->id,
				   "etag", version->etag);
	add_version_id(call->x, call->bucket, version);
	s3_notify(call->x, call->bucket, call->key, version, event);
}

/* Does a list of entity tags name this one, or is it "*"? */
static bool
names_etag(const char *list, const char *etag)
{
	char		quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	return strcmp(list, "*") == 0 || strcmp(list, etag) == 0 || strstr(list, quoted) != NULL;
}

/* If-None-Match: * and If-Match on a PUT. */
static bool
may_write(S3Call *call)
{
	const S3Version *now = s3_find_version(s3_find_object(call->bucket, call->key), NULL);
	const char *none = http_header(call->x, "If-None-Match");
	const char *match = http_header(call->x, "If-Match");

	if (now != NULL && now->delete_marker)
		now = NULL;
	if (none != NULL && now != NULL)
		s3_error(call->x, "PreconditionFailed");
	else if (match != NULL && now == NULL)
		s3_error(call->x, "NoSuchKey");
	else if (match != NULL && !names_etag(match, now->etag))
		s3_error(call->x, "PreconditionFailed");
	return !call->x->answered;
}

void
s3_put_object(S3Call *call)
{
	json_t	   *headers = s3_kept_headers(call->x);
	Buf			payload = {0};
	S3Version  *version;
	char		etag[MD5_HEX];

	if (!may_write(call) || !s3_read_payload(call->x, &payload, headers))
	{
		json_decref(headers);
		return;
	}
	md5_hex(payload.data, payload.len, etag);
	version = s3_put_version(call->bucket, call->key, blob_new(payload.data, payload.len), etag,
							 headers, clock_now_ms());
	buf_free(&payload);
	add_etag(call->x, version);
	add_kept_headers(call->x, version, true);
	s3_object_created(call, version, "ObjectCreated:Put");
	s3_answer_empty(call->x, 200);
}

/* "/bucket/key?versionId=...", percent-encoded, the first slash optional. */
static const S3Version *
find_source(const char *source)
{
	size_t		path_len = strcspn(source, "?");
	const char *version_id = strstr(source + path_len, "versionId=");
	Buf			path = {0};
	char	   *slash;
	const S3Bucket *bucket;
	const S3Version *version = NULL;

	if (source[0] == '/')
	{
		source++;
		path_len--;
	}
	if (percent_decode(&path, source, path_len) && path.len > 0 &&
		(slash = strchr(path.data, '/')) != NULL)
	{
		*slash = '\0';
		bucket = s3_find_bucket(path.data);
		if (bucket != NULL)
			version = s3_find_version(s3_find_object(bucket, slash + 1),
									  version_id != NULL ? version_id + 10 : NULL);
	}
	buf_free(&path);
	return version;
}

void
s3_copy_object(S3Call *call)
{
	Exchange   *x = call->x;
	const S3Version *source = find_source(http_header(x, "x-amz-copy-source"));
	const char *directive = http_header(x, "x-amz-metadata-directive");
	bool		replace = directive != NULL && strcmp(directive, "REPLACE") == 0;
	char		etag[MD5_HEX];
	char		modified[32];
	S3Version  *version;

	if (source == NULL || source->delete_marker)
	{
		s3_error(x, "NoSuchKey");
		return;
	}
	md5_hex(source->blob->data, source->blob->len, etag);
	version = s3_put_version(call->bucket, call->key, blob_share(source->blob), etag,
							 replace ? s3_kept_headers(x) : json_incref(source->headers), clock_now_ms());
	s3_object_created(call, version, "ObjectCreated:Copy");
	format_iso_ms(modified, version->modified_ms);
	s3_answer_xml(x, 200, "CopyObjectResult", json_pack("{s:s,s:o}", "LastModified", modified,
														"ETag", json_sprintf("\"%s\"", version->etag)));
}

/* The version a GET, HEAD or DELETE names; NULL after answering. */
static S3Version *
find_readable(S3Call *call)
{
	const char *id = http_query(call->x, "versionId");
	S3Object   *object = s3_find_object(call->bucket, call->key);
	S3Version  *version = s3_find_version(object, id);

	if (version == NULL)
		s3_error(call->x, id != NULL ? "NoSuchVersion" : "NoSuchKey");
	else if (version->delete_marker)
	{
		http_add_header(call->x, "x-amz-delete-marker", "true");
		add_version_id(call->x, call->bucket, version);
		s3_error(call->x, id != NULL ? "MethodNotAllowed" : "NoSuchKey");
	}
	else
		return version;
	return NULL;
}

/* True when the conditions allow an answer with the object. */
static bool
may_read(Exchange *x, const S3Version *version)
{
	const char *match = http_header(x, "If-Match");
	const char *none = http_header(x, "If-None-Match");

	if (match != NULL && !names_etag(match, version->etag))
		s3_error(x, "PreconditionFailed");
	else if (none != NULL && names_etag(none, version->etag))
	{
		add_etag(x, version);
		s3_error(x, "NotModified");
	}
	return !x->answered;
}

typedef struct Range
{
	size_t		from;
	size_t		len;
	bool		partial;
} Range;

/* One range of the forms a-b, a- and -n; anything else is ignored, as RFC 9110 has it. */
static bool
read_range(Exchange *x, size_t size, Range *range)
{
	const char *header = http_header(x, "Range");
	size_t		first = 0;
	size_t		last = size - 1;
	char		dash = 0;
	char		more;
	size_t		n;

	*range = (Range) {0, size, false};
	if (header == NULL || strspn(header, "bytes=-0123456789") != strlen(header))
		return true;
	if (sscanf(header, "bytes=-%zu%c", &n, &more) == 1)
		first = n == 0 ? size : n < size ? size - n : 0;
	else if (sscanf(header, "bytes=%zu-%zu%c", &first, &n, &more) == 2 && n >= first)
		last = n < size ? n : size - 1;
	else if (sscanf(header, "bytes=%zu%c%c", &first, &dash, &more) != 2 || dash != '-')
		return true;
	if (first >= size)
		s3_error(x, "InvalidRange");
	else
		*range = (Range) {first, last - first + 1, true};
	return !x->answered;
}

static void
add_object_headers(Exchange *x, const S3Version *version, const Range *range)
{
	const char *mode = http_header(x, "x-amz-checksum-mode");
	char		modified[40];

	add_kept_headers(x, version, false);
	if (mode != NULL && strcasecmp(mode, "ENABLED") == 0 && !range->partial)
		add_kept_headers(x, version, true);
	format_time(modified, sizeof(modified), "%a, %d %b %Y %H:%M:%S GMT", version->modified_ms);
	http_add_header(x, "Last-Modified", "%s", modified);
	http_add_header(x, "Accept-Ranges", "bytes");
	add_etag(x, version);
	if (range->partial)
		http_add_header(x, "Content-Range", "bytes %zu-%zu/%zu", range->from, range->from + range->len - 1,
						version->blob->len);
	http_add_header(x, "x-amz-request-id", "%s", x->request_id);
}

void
s3_get_object(S3Call *call)
{
	S3Version  *version = find_readable(call);
	Range		range;

	if (version == NULL || !may_read(call->x, version) ||
		!read_range(call->x, version->blob->len, &range))
		return;
	add_object_headers(call->x, version, &range);
	add_version_id(call->x, call->bucket, version);
	http_answer_blob(call->x, range.partial ? 206 : 200, version->blob, range.from, range.len);
}

/* The delete itself; *marker_id gets the version id to report, or "". */
static void
remove_one(S3Call *call, const char *key, const char *version_id, char marker_id[40], bool *is_marker)
{
	S3Bucket   *bucket = call->bucket;
	S3Version  *marker = NULL;

	*is_marker = false;
	marker_id[0] = '\0';
	if (version_id != NULL)
	{
		snprintf(marker_id, 40, "%.39s", version_id);
		s3_delete_version(bucket, key, version_id, is_marker);
	}
	else if ((marker = s3_delete_object(bucket, key, clock_now_ms())) != NULL)
	{
		*is_marker = true;
		snprintf(marker_id, 40, "%s", marker->id);
	}
	journal_effect("s3.delete", "sssb", "bucket", bucket->name, "key", key,
				   "version_id", marker_id, "marker", *is_marker);
	s3_notify(call->x, bucket, key, marker,
			  marker != NULL ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete");
}

void
s3_remove_object(S3Call *call)
{
	char		id[40];
	bool		is_marker;

	remove_one(call, call->key, http_query(call->x, "versionId"), id, &is_marker);
	if (is_marker)
		http_add_header(call->x, "x-amz-delete-marker", "true");
	if (id[0] != '\0')
		http_add_header(call->x, "x-amz-version-id", "%s", id);
	s3_answer_empty(call->x, 204);
}

void
s3_remove_objects(S3Call *call)
{
	json_t	   *root = s3_read_xml(call, "Delete");
	const char *quiet = xml_text(root, "Quiet");
	json_t	   *deleted = json_array();
	size_t		i;
	json_t	   *item;

	json_array_foreach(json_object_get(root, "Object"), i, item)
	{
		const char *key = xml_text(item, "Key");
		char		id[40];
		bool		is_marker;

		if (key == NULL)
			continue;
		remove_one(call, key, xml_text(item, "VersionId"), id, &is_marker);
		json_array_append_new(deleted, json_pack("{s:s,s:o*,s:s*}", "Key", key,
												 "DeleteMarker", is_marker ? json_true() : NULL,
												 is_marker ? "DeleteMarkerVersionId" : "VersionId",
												 id[0] != '\0' ? id : NULL));
	}
	if (quiet != NULL && strcmp(quiet, "true") == 0)
		json_array_clear(deleted);
	if (root != NULL)
		s3_answer_xml(call->x, 200, "DeleteResult", json_pack("{s:O}", "Deleted", deleted));
	json_decref(deleted);
	json_decref(root);
}
