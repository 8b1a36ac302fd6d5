/*
 * s3.c
 *	  How buckets and keys become URLs.
 *
 * A key is any bytes.  It is percent-encoded once, '/' kept, and the path
 * that is sent is the path that is signed, so "//", "." and ".." in a key
 * survive.  The bucket goes into the host name where that is possible, and
 * into the path with a configured endpoint (an emulator's name has no
 * subdomains), when the name does not fit into one label of the host (TLS
 * certificates cover one), or when the key is "soap", which S3 takes for
 * something else in the path of such a host.
 */
#include "s3.h"

#include <string.h>

#include "s3_region.h"
#include "s3_wire.h"
#include "text.h"

#define MAX_KEY 1024			/* bytes, the object key limit of S3 */
#define MAX_BUCKET 255			/* the oldest buckets; 63 today */

bool
awsx_s3_service(AwsxService *service, const AwsxServiceOptions *options, AwsxError *error)
{
	if (!awsx_service_init(service, "s3", AWSX_DIALECT_XML, options, error))
		return false;
	service->redirect = awsx_s3_redirect;
	service->accept = awsx_s3_accept;
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
	return len <= 63 && bucket[len - 1] != '-';
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
	bool		in_path = service->path_style || host == NULL || !fits_in_host(bucket) ||
		(key != NULL && strcmp(key, "soap") == 0);
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

bool
awsx_s3_put_version(AwsxHttpRequest *out, const char *version_id, AwsxError *error)
{
	AwsxBuf		query;

	if (version_id == NULL || *version_id == '\0')
		return true;
	awsx_buf_init(&query, 0);
	awsx_s3_put_query(&query, "versionId", version_id);
	out->query = awsx_buf_take(&query, NULL);
	awsx_buf_free(&query);
	return out->query != NULL || awsx_s3_no_memory(out, error);
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
