/*
 * s3_object.c
 *		Objects: put, get, head, delete.
 *
 * Headers that S3 keeps with an object are kept as they came and given back;
 * everything else about an object is in its S3Version.  GetObject and
 * HeadObject are one function: the server leaves the body of a HEAD out.
 */
#include "s3.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "journal.h"

static void
keep_header(void *arg, const char *name, const char *value)
{
	static const char kept[] = " content-type content-encoding content-language content-disposition cache-control"
		" expires x-amz-storage-class x-amz-website-redirect-location ";
	char		lower[128];
	size_t		len = (size_t) snprintf(lower, sizeof(lower), " %s ", name);

	for (char *c = lower; *c != '\0'; c++)
		*c = (char) tolower((unsigned char) *c);
	if (len >= sizeof(lower) || !utf8_valid(value) ||
		(strstr(kept, lower) == NULL && strncmp(lower, " x-amz-meta-", 12) != 0))
		return;
	lower[len - 1] = '\0';
	/* aws-chunked describes the transfer, not the object */
	if (strcmp(lower, " content-encoding") == 0 && strncmp(value, "aws-chunked", 11) == 0)
		value += value[11] == ',' ? 12 : 11;
	if (value[0] != '\0')
		json_object_set_new(arg, lower + 1, json_string(value));
}

static json_t *
kept_headers(const Exchange *x)
{
	json_t	   *headers = json_pack("{s:s}", "content-type", "binary/octet-stream");

	http_headers(x, headers, keep_header);
	return headers;
}

static void
add_headers(Exchange *x, const json_t *headers)
{
	const char *name;
	json_t	   *value;

	json_object_foreach((json_t *) headers, name, value)
		http_add_header(x, name, "%s", json_string_value(value));
}

/* What an answer says of a version that was written, read or found to be a marker. */
static void
add_version_headers(const S3Call *call, const S3Version *version)
{
	if (version->blob == NULL)
		http_add_header(call->x, "x-amz-delete-marker", "true");
	else
		http_add_header(call->x, "ETag", "\"%s\"", version->etag);
	if (call->bucket->versioning != NULL)
		http_add_header(call->x, "x-amz-version-id", "%s", version->id);
}

/* Does a list of entity tags name this one, or is it "*"? */
static bool
names_etag(const char *list, const char *etag)
{
	char		quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
	return strcmp(list, "*") == 0 || strcmp(list, etag) == 0 || strstr(list, quoted) != NULL;
}

/* If-Match and If-None-Match, put to what is there; version NULL: nothing is. */
static bool
conditions_hold(S3Call *call, const S3Version *version)
{
	const char *match = http_header(call->x, "If-Match");
	const char *none = http_header(call->x, "If-None-Match");
	bool		reads = strcmp(call->x->method, "PUT") != 0;

	if (match != NULL && version == NULL)
		s3_error(call->x, "NoSuchKey", NULL);
	else if (match != NULL && !names_etag(match, version->etag))
		s3_error(call->x, "PreconditionFailed", NULL);
	else if (none != NULL && version != NULL && names_etag(none, version->etag))
	{
		if (reads)
			add_version_headers(call, version);
		s3_error(call->x, reads ? "NotModified" : "PreconditionFailed", NULL);
	}
	return !call->x->answered;
}

void
s3_put_object(S3Call *call)
{
	S3Version  *version = s3_find_version(call->bucket, call->key, NULL);
	json_t	   *checksums = json_object();
	Buf			payload = {0};

	if (http_header(call->x, "Content-Length") == NULL)
		s3_error(call->x, "MissingContentLength", NULL);
	else if (conditions_hold(call, version != NULL && version->blob != NULL ? version : NULL) &&
			 s3_read_payload(call->x, &payload, checksums))
	{
		version = s3_add_version(call->bucket, call->key, clock_now_ms());
		version->blob = blob_new(payload.data, payload.len);
		version->headers = kept_headers(call->x);
		version->checksums = json_incref(checksums);
		md5_hex(payload.data, payload.len, version->etag);
		journal_effect("s3.put", "ssIss", "bucket", call->bucket->name, "key", call->key,
					   "size", (json_int_t) payload.len, "version_id", version->id, "etag", version->etag);
		s3_notify(call, S3_PUT, version);
		add_version_headers(call, version);
		add_headers(call->x, checksums);
		s3_answer(call->x, 200, NULL, NULL);
	}
	buf_free(&payload);
	json_decref(checksums);
}

/* The version that a GET or HEAD names, if it can be read; NULL after answering. */
static S3Version *
find_readable(S3Call *call)
{
	const char *id = http_query(call->x, "versionId");
	S3Version  *version = s3_find_version(call->bucket, call->key, id);
	const char *class = version != NULL ? json_string_value(json_object_get(version->headers, "x-amz-storage-class")) : NULL;
	bool		archived = class != NULL && (strcmp(class, "GLACIER") == 0 || strcmp(class, "DEEP_ARCHIVE") == 0);

	if (version == NULL)
		s3_error(call->x, id != NULL ? "NoSuchVersion" : "NoSuchKey", NULL);
	else if (version->blob == NULL)
	{
		add_version_headers(call, version);
		if (id != NULL)
			http_add_header(call->x, "Allow", "DELETE");
		s3_error(call->x, id != NULL ? "MethodNotAllowed" : "NoSuchKey", NULL);
	}
	else if (archived && strcmp(call->x->method, "GET") == 0)
		s3_error(call->x, "InvalidObjectState", json_pack("{s:s}", "StorageClass", class));
	return call->x->answered ? NULL : version;
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
	const char *text = header != NULL && strncmp(header, "bytes=", 6) == 0 ? header + 6 : "";
	const char *dash = text + strspn(text, "0123456789");
	unsigned long long first = strtoull(text, NULL, 10);
	unsigned long long last = size - 1;

	*range = (Range) {0, size, false};
	if (*dash != '-' || dash[1 + strspn(dash + 1, "0123456789")] != '\0' || dash[text == dash] == '\0')
		return true;
	if (dash == text)
	{
		unsigned long long n = strtoull(dash + 1, NULL, 10);

		first = n == 0 ? size : n < size ? size - n : 0;
	}
	else if (dash[1] != '\0')
	{
		last = strtoull(dash + 1, NULL, 10);
		if (last < first)
			return true;
	}
	if (first >= size)
		s3_error(x, "InvalidRange", json_pack("{s:s,s:I}", "RangeRequested", header, "ActualObjectSize", (json_int_t) size));
	else
		*range = (Range) {(size_t) first, (size_t) ((last < size ? last : size - 1) - first + 1), true};
	return !x->answered;
}

void
s3_get_object(S3Call *call)
{
	Exchange   *x = call->x;
	const S3Version *version = find_readable(call);
	const char *mode = http_header(x, "x-amz-checksum-mode");
	char		modified[40];
	Range		range;

	if (version == NULL || !conditions_hold(call, version) || !read_range(x, s3_size(version), &range))
		return;
	add_version_headers(call, version);
	add_headers(x, version->headers);
	if (mode != NULL && strcasecmp(mode, "ENABLED") == 0 && !range.partial)
		add_headers(x, version->checksums);
	format_time(modified, sizeof(modified), "%a, %d %b %Y %H:%M:%S GMT", version->modified_ms);
	http_add_header(x, "Last-Modified", "%s", modified);
	http_add_header(x, "Accept-Ranges", "bytes");
	if (range.partial)
		http_add_header(x, "Content-Range", "bytes %zu-%zu/%zu", range.from, range.from + range.len - 1, s3_size(version));
	s3_add_request_ids(x);
	s3_answer_bytes(x, range.partial ? 206 : 200, version, range.from, range.len);
}

/* Of a version, or of the newest; where there are versions, the latter puts a marker before it. */
void
s3_delete_object(S3Call *call)
{
	const char *id = http_query(call->x, "versionId");
	S3Version  *version = s3_find_version(call->bucket, call->key, id);
	bool		marks = id == NULL && call->bucket->versioning != NULL;
	bool		is_marker;

	if (marks)
	{
		version = s3_add_version(call->bucket, call->key, clock_now_ms());
		id = version->id;
	}
	is_marker = version != NULL && version->blob == NULL;
	journal_effect("s3.delete", "sssb", "bucket", call->bucket->name, "key", call->key,
				   "version_id", id != NULL ? id : "", "marker", is_marker);
	if (is_marker)
		http_add_header(call->x, "x-amz-delete-marker", "true");
	if (id != NULL)
		http_add_header(call->x, "x-amz-version-id", "%s", id);
	if (version != NULL)
		s3_notify(call, marks ? S3_MARKED : S3_DELETED, version);
	if (version != NULL && !marks)
		s3_drop_version(call->bucket, version);
	s3_answer(call->x, 204, NULL, NULL);
}
