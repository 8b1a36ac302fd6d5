/*
 * s3_object.c
 *	  GET and HEAD of objects and of ranges of them.
 *
 * What arrives is believed only when all that S3 says of it agrees: the
 * length, the range, the checksum.
 */
#include "s3.h"

#include <stdio.h>
#include <string.h>

#include "s3_region.h"
#include "s3_wire.h"

/* The Range header; *value is empty for the whole object. */
static bool
make_range(const AwsxS3Get *get, char *value, size_t size, AwsxError *error)
{
	*value = '\0';
	if (get->range_start < 0)
		return true;
	if (get->range_end < 0)
		snprintf(value, size, "bytes=%lld-", (long long) get->range_start);
	else if (get->range_end >= get->range_start)
		snprintf(value, size, "bytes=%lld-%lld", (long long) get->range_start, (long long) get->range_end);
	else
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the range of bytes %lld to %lld ends before it begins",
							  (long long) get->range_start, (long long) get->range_end);
	return true;
}

/* The If-Match header; *value is empty for none. */
static bool
make_if_match(const AwsxS3Get *get, char *value, size_t size, AwsxError *error)
{
	*value = '\0';
	if (get->if_match == NULL)
		return true;
	if (*get->if_match == '\0' || strlen(get->if_match) + 3 > size ||
		strpbrk(get->if_match, "\"\r\n") != NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the ETag to match is empty, too long, or has quotes");
	snprintf(value, size, "\"%s\"", get->if_match);
	return true;
}

static bool
read_request(const AwsxService *service, const char *method, const AwsxS3Get *get,
			 AwsxHttpRequest *out, AwsxError *error)
{
	char		range[64];
	char		if_match[140];

	if (!awsx_s3_begin(service, method, get->bucket, get->key, out, error))
		return false;
	if (!make_range(get, range, sizeof(range), error) ||
		!make_if_match(get, if_match, sizeof(if_match), error))
	{
		awsx_http_request_free(out);
		return false;
	}
	if (!awsx_s3_put_version(out, get->version_id, error))
		return false;
	if (!awsx_headers_set(&out->headers, "x-amz-checksum-mode", "ENABLED") ||
		(*range != '\0' && !awsx_headers_set(&out->headers, "Range", range)) ||
		(*if_match != '\0' && !awsx_headers_set(&out->headers, "If-Match", if_match)))
		return awsx_s3_no_memory(out, error);
	out->max_response = get->max_bytes;
	return true;
}

bool
awsx_s3_get_request(const AwsxService *service, const AwsxS3Get *get,
					AwsxHttpRequest *out, AwsxError *error)
{
	return read_request(service, "GET", get, out, error);
}

bool
awsx_s3_head_request(const AwsxService *service, const AwsxS3Get *get,
					 AwsxHttpRequest *out, AwsxError *error)
{
	return read_request(service, "HEAD", get, out, error);
}

/* Copy a header, without the quotes around it; "" when it is absent. */
static bool
copy_header(const AwsxHttpResponse *answer, const char *name, char *out, size_t size, AwsxError *error)
{
	const char *value = awsx_headers_get(&answer->headers, name);
	size_t		len = value == NULL ? 0 : strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"')
	{
		value++;
		len -= 2;
	}
	if (len >= size)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the header %s in the answer of S3 is too long", name);
	if (len > 0)
		memcpy(out, value, len);
	out[len] = '\0';
	return true;
}

/* The number up to a character, or -1; *text moves behind that. */
static int64_t
number_up_to(const char **text, char end)
{
	char		digits[20];
	size_t		len = strcspn(*text, (char[]) {end, '\0'});

	if (len >= sizeof(digits) || (end != '\0' && (*text)[len] != end))
		return -1;
	memcpy(digits, *text, len);
	digits[len] = '\0';
	*text += len + 1;
	return awsx_s3_size(digits);
}

/* "bytes 0-9/100"; the total may be "*". */
bool
awsx_s3_content_range(const AwsxHttpResponse *answer, AwsxS3Range *range, AwsxError *error)
{
	const char *text = awsx_headers_get(&answer->headers, "Content-Range");
	int64_t		end;

	*range = (AwsxS3Range) {-1, -1, -1};
	if (answer->status != 206)
		return true;
	if (text != NULL && strncmp(text, "bytes ", 6) == 0)
	{
		text += 6;
		range->start = number_up_to(&text, '-');
		end = range->start < 0 ? -1 : number_up_to(&text, '/');
		if (end >= range->start && strcmp(text, "*") != 0)
			range->total = awsx_s3_size(text);
		range->size = end - range->start + 1;
		if (range->start >= 0 && end >= range->start && (range->total > end || strcmp(text, "*") == 0))
			return true;
	}
	*range = (AwsxS3Range) {-1, -1, -1};
	return awsx_error_set(error, AWSX_ERR_PROTOCOL,
						  "S3 answered with a part of the object, but its Content-Range does not say which");
}

/*
 * A body that is not here at all belongs to a HEAD or went to a sink; the
 * transport has counted that one.
 */
static bool
read_length(const AwsxHttpResponse *answer, AwsxS3Object *object, AwsxError *error)
{
	const char *length = awsx_headers_get(&answer->headers, "Content-Length");

	if (answer->body.failed)
		return awsx_error_set(error, AWSX_ERR_TRANSPORT, "the object did not arrive whole: it was cut after %zu bytes",
							  answer->body.len);
	object->size = answer->body.len > 0 ? (int64_t) answer->body.len : -1;
	if (length == NULL)
		return true;
	object->size = awsx_s3_size(length);
	if (object->size < 0)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the Content-Length in the answer of S3 is not a number");
	if (answer->body.len > 0 && (int64_t) answer->body.len != object->size)
		return awsx_error_set(error, AWSX_ERR_TRANSPORT,
							  "the object did not arrive whole: %zu of %lld bytes", answer->body.len, (long long) object->size);
	return true;
}

static bool
read_range(const AwsxHttpResponse *answer, AwsxS3Object *object, AwsxError *error)
{
	AwsxS3Range range;

	if (!awsx_s3_content_range(answer, &range, error))
		return false;
	object->range_start = range.start;
	object->total = range.start < 0 ? object->size : range.total;
	if (range.start < 0 || object->size < 0 || object->size == range.size)
		return true;
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "S3 answered with %lld bytes of the object, but its Content-Range has %lld",
						  (long long) object->size, (long long) range.size);
}

static bool
check_bytes(const AwsxBuf *body, const AwsxS3Checksum *checksum, AwsxError *error)
{
	AwsxS3Digest digest;
	bool		same;

	if (!awsx_s3_digest_init(&digest, checksum, error))
		return false;
	awsx_s3_digest_update(&digest, body->data, body->len);
	same = awsx_s3_digest_check(&digest, error);
	awsx_s3_digest_free(&digest);
	return same;
}

bool
awsx_s3_object_answer(const AwsxHttpResponse *answer, AwsxS3Object *object, AwsxError *error)
{
	memset(object, 0, sizeof(*object));
	return read_length(answer, object, error) &&
		read_range(answer, object, error) &&
		copy_header(answer, "ETag", object->etag, sizeof(object->etag), error) &&
		copy_header(answer, "x-amz-version-id", object->version_id, sizeof(object->version_id), error) &&
		copy_header(answer, "Content-Type", object->content_type, sizeof(object->content_type), error) &&
		awsx_s3_checksum_read(answer, &object->checksum, error) &&
		(answer->body.len == 0 || check_bytes(&answer->body, &object->checksum, error));
}

/*
 * Only GETs have a body that a checksum can be of: HEAD and PUT have the
 * header, but no bytes.
 */
bool
awsx_s3_accept(const AwsxService *service, const AwsxHttpRequest *request,
			   const AwsxHttpResponse *answer, AwsxError *error)
{
	AwsxS3Object object;
	AwsxS3Checksum checksum;

	awsx_s3_region_proved(service, request);
	if (strcmp(request->method, "GET") != 0 || request->sink != NULL)
		return true;
	return read_length(answer, &object, error) && awsx_s3_checksum_read(answer, &checksum, error) &&
		check_bytes(&answer->body, &checksum, error);
}

bool
awsx_s3_range_check(const AwsxS3Get *get, const AwsxS3Object *object, AwsxError *error)
{
	int64_t		end = get->range_end;

	if (end < 0 || (object->total >= 0 && end >= object->total))
		end = object->total - 1;
	if (get->range_start < 0 ? object->range_start < 0 :
		object->range_start == get->range_start &&
		(end < 0 || object->size == end - get->range_start + 1))
		return true;
	return awsx_error_set(error, AWSX_ERR_PROTOCOL,
						  "S3 answered with other bytes of the object than the ones that were asked for");
}
