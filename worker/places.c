/*
 * places.c
 *	  Where the services of this program are.
 *
 * A region that nobody configured is only a fallback: it never stands
 * against what a queue's own URL says of that queue.
 */
#include "places.h"

#include <stdlib.h>
#include <string.h>

#include "../aws/imds.h"
#include "../aws/sqs.h"

bool
places_find(Places *places, AwsxClient *client, const char *queue_url, AwsxError *error)
{
	static const AwsxProfileFiles standard;
	AwsxServicePlace found;

	memset(places, 0, sizeof(*places));
	places->profiles = awsx_profiles_read(&standard, error);
	if (places->profiles == NULL)
		return false;
	places->options = (AwsxServiceOptions) {.use_environment = true,.profiles = places->profiles};
	if (!awsx_service_find("s3", &places->options, &found, error))
	{
		places_free(places);
		return false;
	}

	/* In Lambda AWS_REGION is always there, and an instance's metadata never. */
	if (found.region == NULL &&
		(awsx_sqs_region(queue_url, places->region, sizeof(places->region)) ||
		 (getenv("AWS_LAMBDA_RUNTIME_API") == NULL &&
		  awsx_imds_region(client, places->region, sizeof(places->region), NULL))))
		places->options.fallback_region = places->region;
	return true;
}

void
places_free(Places *places)
{
	awsx_profiles_free(places->profiles);
	places->profiles = NULL;
}
