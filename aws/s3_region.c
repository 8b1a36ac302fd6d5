/*
 * s3_region.c
 *	  A request to a bucket that is in another region than was thought.
 *
 * S3 answers such a request with an error that names the region.  The
 * endpoint of that region is made by us: the region's name takes the place
 * of the old one, and never leaves its partition.  No host is taken from an
 * answer, since a signed request would go there.  A configured endpoint is
 * kept, and only the signature is made for the other region.
 *
 * What a redirected call found is remembered once it succeeded there, so the
 * bucket's next requests go to the right region at once; another redirect
 * replaces it.  The table is the process's, since a bucket's name is the
 * same for everybody in a partition; it is small, and the oldest entry makes
 * room.
 */
#include "s3_region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partitions.h"
#include "service.h"

#define REMEMBERED 16
#define MAX_PLACE 800			/* an endpoint and a bucket */

typedef struct KnownBucket
{
	char		place[MAX_PLACE];	/* endpoint without the region, and bucket */
	char		region[64];
	bool		proved;			/* a request succeeded there */
} KnownBucket;

static KnownBucket known[REMEMBERED];
static int	next_known;

/* The host's label with the region: ".eu-west-1." in the endpoint; or null. */
static const char *
find_region_label(const char *endpoint, const char *region)
{
	size_t		len = strlen(region);

	for (const char *dot = strchr(endpoint, '.'); dot != NULL && len > 0; dot = strchr(dot + 1, '.'))
	{
		if (strncmp(dot + 1, region, len) == 0 && dot[len + 1] == '.')
			return dot + 1;
	}
	return NULL;
}

/* The endpoint with another region in its label; false when it has none, or is too long. */
static bool
swap_region(const char *endpoint, const char *from, const char *to, char *out, size_t size)
{
	const char *label = find_region_label(endpoint, from);
	int			len;

	if (label == NULL)
		return false;
	len = snprintf(out, size, "%.*s%s%s", (int) (label - endpoint), endpoint, to, label + strlen(from));
	return len > 0 && (size_t) len < size;
}

/* Where the bucket's name is in the request; *len is 0 when it is nowhere. */
static const char *
find_bucket(const AwsxService *service, const AwsxHttpRequest *request, size_t *len)
{
	const char *scheme = strstr(service->endpoint, "://");
	size_t		host_at = scheme == NULL ? 0 : (size_t) (scheme + 3 - service->endpoint);
	size_t		own = strlen(service->endpoint);
	size_t		full = strlen(request->endpoint);

	*len = 0;
	if (strcmp(request->endpoint, service->endpoint) == 0)
	{
		*len = strcspn(request->path + 1, "/");
		return request->path + 1;
	}
	if (full > own + 1 && strncmp(request->endpoint, service->endpoint, host_at) == 0 &&
		strcmp(request->endpoint + full - (own - host_at), service->endpoint + host_at) == 0)
		*len = full - own - 1;
	return request->endpoint + host_at;
}

/* What is remembered under: the same for all regions. False when there is no bucket. */
static bool
place_of(const AwsxService *service, const AwsxHttpRequest *request, char place[MAX_PLACE])
{
	size_t		bucket_len;
	const char *bucket = find_bucket(service, request, &bucket_len);
	char		endpoint[sizeof(service->endpoint)];
	int			len;

	if (service->path_style || !swap_region(service->endpoint, service->region, "", endpoint, sizeof(endpoint)))
		memcpy(endpoint, service->endpoint, sizeof(endpoint));
	len = snprintf(place, MAX_PLACE, "%s/%.*s", endpoint, (int) bucket_len, bucket);
	return bucket_len > 0 && len > 0 && len < MAX_PLACE;
}

static KnownBucket *
find_known(const char *place)
{
	for (int i = 0; i < REMEMBERED; i++)
	{
		if (strcmp(known[i].place, place) == 0)
			return &known[i];
	}
	return NULL;
}

/* Until it is proved, only for that. */
static void
remember(const AwsxService *service, const AwsxHttpRequest *request)
{
	char		place[MAX_PLACE];
	KnownBucket *bucket;

	if (!place_of(service, request, place))
		return;
	bucket = find_known(place);
	if (bucket != NULL && strcmp(bucket->region, service->region) == 0)
		return;
	if (bucket == NULL)
	{
		bucket = &known[next_known];
		next_known = (next_known + 1) % REMEMBERED;
		memcpy(bucket->place, place, sizeof(place));
	}
	(void) snprintf(bucket->region, sizeof(bucket->region), "%s", service->region);
	bucket->proved = false;
}

void
awsx_s3_region_proved(const AwsxService *service, const AwsxHttpRequest *request)
{
	char		place[MAX_PLACE];
	KnownBucket *bucket = place_of(service, request, place) ? find_known(place) : NULL;

	if (bucket != NULL && strcmp(bucket->region, service->region) == 0)
		bucket->proved = true;
}

void
awsx_s3_regions_forget(void)
{
	memset(known, 0, sizeof(known));
	next_known = 0;
}

/* The service in another region of its partition. */
static bool
move_service(const AwsxService *service, const char *region, AwsxService *moved, AwsxError *error)
{
	AwsxServiceOptions options = {.region = region};
	AwsxService there;

	/* a region's name, at least; what it is of comes from an answer */
	if (!awsx_service_init(&there, "s3", AWSX_DIALECT_XML, &options, error))
		return false;
	*moved = *service;
	memcpy(moved->region, there.region, sizeof(moved->region));
	if (service->path_style)
		return true;
	if (awsx_partition_of(region) != awsx_partition_of(service->region))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "S3 says that the bucket is in region %s, which is in another partition than %s: configure that region, with credentials for it",
							  region, service->region);
	if (swap_region(service->endpoint, service->region, region, moved->endpoint, sizeof(moved->endpoint)))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "S3 says that the bucket is in region %s: configure that region", region);
}

/* The endpoint for the moved service, with the bucket in it where it was. */
static char *
move_endpoint(const AwsxService *service, const AwsxHttpRequest *request, const AwsxService *moved)
{
	size_t		host_at = (size_t) (strstr(moved->endpoint, "://") + 3 - moved->endpoint);
	size_t		bucket_len;
	const char *bucket = find_bucket(service, request, &bucket_len);
	AwsxBuf		endpoint;
	char	   *taken;

	if (strcmp(request->endpoint, service->endpoint) == 0)
		return strdup(moved->endpoint);
	awsx_buf_init(&endpoint, 0);
	awsx_buf_printf(&endpoint, "%.*s%.*s.%s", (int) host_at, moved->endpoint, (int) bucket_len, bucket, moved->endpoint + host_at);
	taken = awsx_buf_take(&endpoint, NULL);
	awsx_buf_free(&endpoint);
	return taken;
}

bool
awsx_s3_redirect(AwsxService *service, AwsxHttpRequest *request, const char *region, AwsxError *error)
{
	char		place[MAX_PLACE];
	AwsxService moved;
	char	   *endpoint;

	if (region == NULL)
	{
		const KnownBucket *bucket = place_of(service, request, place) ? find_known(place) : NULL;

		if (bucket == NULL || !bucket->proved || strcmp(bucket->region, service->region) == 0)
			return false;
		region = bucket->region;
	}
	if (!move_service(service, region, &moved, error))
		return false;
	endpoint = move_endpoint(service, request, &moved);
	if (endpoint == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a request to S3");
	free(request->endpoint);
	request->endpoint = endpoint;
	*service = moved;
	remember(service, request);
	return true;
}
