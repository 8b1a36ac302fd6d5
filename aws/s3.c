/*
 * s3.c
 *	  GET, HEAD and PUT of objects, and how buckets and keys become URLs.
 *
 * A key is any bytes.  It is percent-encoded once, '/' kept, and the path
 * that is sent is the path that is signed, so "//", "." and ".." in a key
 * survive.  The bucket goes into the host name where that is possible, and
 * into the path with a configured endpoint (an emulator's name has no
 * subdomains) or when the name does not fit into one label of the host
 * (TLS certificates cover one).
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3_wire.h"
#include "text.h"

#define MAX_KEY 1024			/* bytes, the object key limit of S3 */
#define MAX_BUCKET 255			/* the oldest buckets; 63 today */

bool
awsx_s3_service(AwsxService *service, const char *region, const char *endpoint,
				bool use_environment, AwsxError *error)
{
	AwsxService standard;

	if (!awsx_service_init(service, "s3", AWSX_DIALECT_XML, region, endpoint, use_environment, error) ||
		!awsx_service_init(&standard, "s3", AWSX_DIALECT_XML, service->region, NULL, false, error))
		return false;

	/* configured is what differs from the region's own endpoint */
	service->path_style = strcmp(service->endpoint, standard.endpoint) != 0;
	return true;
}

static bool
check_bucket(const char *bucket, AwsxError *error)
{
	size_t		len = strlen(bucket);
	bool		fine = len >= 3 && len <= MAX_BUCKET && awsx_text_is_alnum(bucket[0]);

	for (size_t i = 0; i < len && fine; i++)
		fine = awsx_text_is_alnum(bucket[i]) || bucket[i] == '-' || bucket[i] == '.' || bucket[i] == '_';
	if (fine)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the bucket name is not 3 to %d letters, digits, \"-\", \".\" and \"_\" that begin with a letter or digit",
						  MAX_BUCKET);
}

/* Can the bucket be one label of a host name? */
static bool
fits_in_host(const char *bucket)
{
	size_t		len = strlen(bucket);

	for (size_t i = 0; i < len; i++)
	{
		char		c = bucket[i];

		if (!awsx_text_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-')
			return false;
	}
	return len <= 63 && bucket[len - 1] != '-' && strcmp(bucket, "soap") != 0;
}

bool
awsx_s3_no_memory(AwsxHttpRequest *out, AwsxError *error)
{
	awsx_http_request_free(out);
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a request to S3");
}

/* Endpoint and path, the bucket being in one of them. */
static bool
set_place(const AwsxService *service, const char *bucket, const char *key, AwsxHttpRequest *out)
{
	const char *host = strstr(service->endpoint, "://");
	bool		in_path = service->path_style || host == NULL || !fits_in_host(bucket);
	AwsxBuf		endpoint;
	AwsxBuf		path;

	awsx_buf_init(&endpoint, 0);
	awsx_buf_init(&path, 0);
	if (in_path)
	{
		awsx_buf_puts(&endpoint, service->endpoint);
		awsx_buf_printf(&path, "/%s", bucket);
	}
	else
		awsx_buf_printf(&endpoint, "%.*s://%s.%s", (int) (host - service->endpoint),
						service->endpoint, bucket, host + 3);
	if (!in_path || key != NULL)
		awsx_buf_putc(&path, '/');
	if (key != NULL)
		awsx_buf_uri(&path, key, strlen(key), true);
	out->endpoint = awsx_buf_take(&endpoint, NULL);
	out->path = awsx_buf_take(&path, NULL);
	awsx_buf_free(&endpoint);
	awsx_buf_free(&path);
	return out->endpoint != NULL && out->path != NULL;
}

bool
awsx_s3_begin(const AwsxService *service, const char *method, const char *bucket,
			  const char *key, AwsxHttpRequest *out, AwsxError *error)
{
	awsx_http_request_init(out, method);
	if (!check_bucket(bucket, error))
		return false;
	if (key != NULL && (*key == '\0' || strlen(key) > MAX_KEY))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the object key is %zu bytes, but S3 takes 1 to %d", strlen(key), MAX_KEY);
	return set_place(service, bucket, key, out) || awsx_s3_no_memory(out, error);
}

void
awsx_s3_put_query(AwsxBuf *query, const char *name, const char *value)
{
	if (query->len > 0)
		awsx_buf_putc(query, '&');
	awsx_buf_printf(query, "%s=", name);
	awsx_buf_uri(query, value, strlen(value), false);
}

int64_t
awsx_s3_size(const char *text)
{
	int64_t		size = 0;

	if (*text == '\0' || strlen(text) > 18)
		return -1;
	for (; *text != '\0'; text++)
	{
		if (!awsx_text_is_digit(*text))
			return -1;
		size = size * 10 + (*text - '0');
	}
	return size;
}

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
	AwsxBuf		query;

	if (!awsx_s3_begin(service, method, get->bucket, get->key, out, error))
		return false;
	if (!make_range(get, range, sizeof(range), error) ||
		!make_if_match(get, if_match, sizeof(if_match), error))
	{
		awsx_http_request_free(out);
		return false;
	}
	awsx_buf_init(&query, 0);
	if (get->version_id != NULL && *get->version_id != '\0')
	{
		awsx_s3_put_query(&query, "versionId", get->version_id);
		out->query = awsx_buf_take(&query, NULL);
		awsx_buf_free(&query);
		if (out->query == NULL)
			return awsx_s3_no_memory(out, error);
	}
	if ((*range != '\0' && !awsx_headers_set(&out->headers, "Range", range)) ||
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

/*
 * A body that is not here at all belongs to a HEAD or went to a sink; the
 * transport has counted that one.
 */
static bool
check_length(const AwsxHttpResponse *answer, int64_t *size, AwsxError *error)
{
	const char *length = awsx_headers_get(&answer->headers, "Content-Length");

	if (answer->body.failed)
		return awsx_error_set(error, AWSX_ERR_TRANSPORT, "the object did not arrive whole: it was cut after %zu bytes",
							  answer->body.len);
	*size = answer->body.len > 0 ? (int64_t) answer->body.len : -1;
	if (length == NULL)
		return true;
	*size = awsx_s3_size(length);
	if (*size < 0)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the Content-Length in the answer of S3 is not a number");
	if (answer->body.len > 0 && (int64_t) answer->body.len != *size)
		return awsx_error_set(error, AWSX_ERR_TRANSPORT,
							  "the object did not arrive whole: %zu of %lld bytes", answer->body.len, (long long) *size);
	return true;
}

bool
awsx_s3_object_answer(const AwsxHttpResponse *answer, AwsxS3Object *object, AwsxError *error)
{
	memset(object, 0, sizeof(*object));
	return check_length(answer, &object->size, error) &&
		copy_header(answer, "ETag", object->etag, sizeof(object->etag), error) &&
		copy_header(answer, "x-amz-version-id", object->version_id, sizeof(object->version_id), error) &&
		copy_header(answer, "Content-Type", object->content_type, sizeof(object->content_type), error);
}

bool
awsx_s3_put_request(const AwsxService *service, const char *bucket, const char *key,
					const char *body, size_t body_len, const char *content_type,
					AwsxHttpRequest *out, AwsxError *error)
{
	if (!awsx_s3_begin(service, "PUT", bucket, key, out, error))
		return false;
	out->body = malloc(body_len + 1);	/* an empty body is a body too */
	if (out->body == NULL)
		return awsx_s3_no_memory(out, error);
	if (body_len > 0)
		memcpy(out->body, body, body_len);
	out->body[body_len] = '\0';
	out->body_len = body_len;
	if (content_type == NULL)
		content_type = "application/octet-stream";
	if (awsx_headers_set(&out->headers, "Content-Type", content_type))
		return true;
	awsx_http_request_free(out);
	return awsx_error_set(error, AWSX_ERR_CONFIG, "the content type has a line break, or memory is short");
}
