/*
 * s3_write.c
 *	  PUT and DELETE of objects.
 *
 * A PUT carries the CRC-32 of its body.  Against accidents on the way the
 * signed x-amz-content-sha256 would do; but a bucket with Object Lock takes
 * no object without a checksum, and one that is kept with the object can be
 * compared by whoever reads it.  CRC-32 is what every S3 knows, also those
 * that are not Amazon's.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3_wire.h"
#include "text.h"

#define MAX_METADATA 2048		/* bytes of names and values, the limit of S3 */

static bool
copy_body(const AwsxS3Put *put, AwsxHttpRequest *out)
{
	out->body = malloc(put->body_len + 1);	/* an empty body is a body too */
	if (out->body == NULL)
		return false;
	if (put->body_len > 0)
		memcpy(out->body, put->body, put->body_len);
	out->body[put->body_len] = '\0';
	out->body_len = put->body_len;
	return true;
}

static bool
is_meta_name(const char *name)
{
	size_t		len = strlen(name);

	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_alnum(name[i]) && strchr("-_.", name[i]) == NULL)
			return false;
	}
	return len > 0 && len <= 128;
}

/* Blanks at the ends would be lost on the way, and S3 decodes "=?" in metadata. */
static bool
is_plain(const char *value)
{
	size_t		len = strlen(value);

	for (size_t i = 0; i < len; i++)
	{
		if (value[i] < ' ' || value[i] > '~')
			return false;
	}
	return len == 0 || (value[0] != ' ' && value[len - 1] != ' ' && strstr(value, "=?") == NULL);
}

static bool
check_metadata(const AwsxS3Put *put, AwsxError *error)
{
	size_t		total = 0;

	for (int i = 0; i < put->metadata_count; i++)
	{
		const AwsxS3Meta *meta = &put->metadata[i];

		if (!is_meta_name(meta->name) || !is_plain(meta->value))
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "metadata %d of the object has a name of other characters than letters, digits, \"-\", \"_\" and \".\", or a value that is not printable ASCII",
								  i + 1);
		total += strlen(meta->name) + strlen(meta->value);
	}
	if (total > MAX_METADATA)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the object's metadata are %zu bytes, but S3 takes %d", total, MAX_METADATA);
	return true;
}

/* False when memory ends. */
static bool
set_metadata(const AwsxS3Put *put, AwsxHttpRequest *out)
{
	for (int i = 0; i < put->metadata_count; i++)
	{
		char		name[160];

		(void) snprintf(name, sizeof(name), "x-amz-meta-%s", put->metadata[i].name);
		if (!awsx_headers_set(&out->headers, name, put->metadata[i].value))
			return false;
	}
	return true;
}

static bool
set_checksum(AwsxHttpRequest *out)
{
	char		crc[9];

	return awsx_s3_crc32_text(out->body, out->body_len, crc) &&
		awsx_headers_set(&out->headers, "x-amz-sdk-checksum-algorithm", "CRC32") &&
		awsx_headers_set(&out->headers, "x-amz-checksum-crc32", crc);
}

bool
awsx_s3_put_request(const AwsxService *service, const AwsxS3Put *put,
					AwsxHttpRequest *out, AwsxError *error)
{
	const char *type = put->content_type != NULL ? put->content_type : "application/octet-stream";

	if (!awsx_s3_begin(service, "PUT", put->bucket, put->key, out, error))
		return false;
	if (*type == '\0' || !is_plain(type))
	{
		awsx_http_request_free(out);
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the object's content type is empty or not printable ASCII");
	}
	if (!check_metadata(put, error))
	{
		awsx_http_request_free(out);
		return false;
	}
	if (!copy_body(put, out) || !awsx_headers_set(&out->headers, "Content-Type", type) ||
		(put->only_new && !awsx_headers_set(&out->headers, "If-None-Match", "*")) ||
		!set_metadata(put, out) || !set_checksum(out))
		return awsx_s3_no_memory(out, error);
	return true;
}

bool
awsx_s3_delete_request(const AwsxService *service, const char *bucket, const char *key,
					   const char *version_id, AwsxHttpRequest *out, AwsxError *error)
{
	return awsx_s3_begin(service, "DELETE", bucket, key, out, error) &&
		awsx_s3_put_version(out, version_id, error);
}
