/*
 * service.c
 *	  Where a service lives: region and endpoint from arguments, environment
 *	  and AWS's naming rules.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* A region's partition is told by its prefix; the longer ones come first. */
static const struct
{
	const char *prefix;
	const char *suffix;
}			partitions[] = {
	{"cn-", "amazonaws.com.cn"},
	{"eusc-", "amazonaws.eu"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"us-isof-", "csp.hci.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
	{"us-iso-", "c2s.ic.gov"},
	{"", "amazonaws.com"}
};

static const char *
suffix_of(const char *region)
{
	size_t		i = 0;

	while (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) != 0)
		i++;					/* the last prefix is empty */
	return partitions[i].suffix;
}

/* The argument when it says something, else null. */
static const char *
not_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool
is_region(const char *region)
{
	size_t		len = strlen(region);

	for (size_t i = 0; i < len; i++)
	{
		if (!(region[i] >= 'a' && region[i] <= 'z') && !awsx_text_is_digit(region[i]) &&
			region[i] != '-')
			return false;
	}
	return len > 0 && len <= 63;
}

static bool
find_region(AwsxService *service, const char *region, bool use_environment, AwsxError *error)
{
	region = not_empty(region);
	if (region == NULL && use_environment)
		region = not_empty(getenv("AWS_REGION"));
	if (region == NULL && use_environment)
		region = not_empty(getenv("AWS_DEFAULT_REGION"));
	if (region == NULL && service->dialect == AWSX_DIALECT_RAW)
		return true;			/* not signed: needs none */
	if (region == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "no AWS region is configured%s",
							  use_environment ? ": set AWS_REGION" : "");
	if (!is_region(region))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the AWS region \"%.70s\" is not one: a region has only a-z, 0-9 "
							  "and \"-\", as in eu-west-1", region);
	(void) snprintf(service->region, sizeof(service->region), "%s", region);
	return true;
}

/* AWS_ENDPOINT_URL_<NAME>, else AWS_ENDPOINT_URL, unless switched off; or null. */
static const char *
endpoint_of_environment(const char *name)
{
	const char *ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
	char		variable[64] = "AWS_ENDPOINT_URL_";
	size_t		len = strlen(variable);
	const char *found;

	if (ignore != NULL && awsx_text_equal(ignore, "true"))
		return NULL;
	for (; *name != '\0' && len + 1 < sizeof(variable); name++)
		variable[len++] = *name == '-' ? '_' : awsx_text_upper(*name);
	variable[len] = '\0';
	found = not_empty(getenv(variable));
	return found != NULL ? found : not_empty(getenv("AWS_ENDPOINT_URL"));
}

static bool
find_endpoint(AwsxService *service, const char *endpoint, bool use_environment, AwsxError *error)
{
	int			len;

	endpoint = not_empty(endpoint);
	if (endpoint == NULL && use_environment)
		endpoint = endpoint_of_environment(service->name);
	service->path_style = endpoint != NULL;
	if (endpoint == NULL && service->region[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG, "no endpoint is configured for \"%s\"",
							  service->name);
	if (endpoint != NULL)
		len = snprintf(service->endpoint, sizeof(service->endpoint), "%s", endpoint);
	else
		len = snprintf(service->endpoint, sizeof(service->endpoint), "https://%s.%s.%s",
					   service->name, service->region, suffix_of(service->region));
	if (len < 0 || (size_t) len >= sizeof(service->endpoint))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the endpoint is longer than %zu bytes",
							  sizeof(service->endpoint) - 1);
	if (len > 0 && service->endpoint[len - 1] == '/')
		service->endpoint[len - 1] = '\0';	/* many write it with a slash */
	return awsx_endpoint_check(service->endpoint, false, error);
}

bool
awsx_service_init(AwsxService *service, const char *name, AwsxDialect dialect,
				  const char *region, const char *endpoint,
				  bool use_environment, AwsxError *error)
{
	memset(service, 0, sizeof(*service));
	service->dialect = dialect;
	if (strlen(name) >= sizeof(service->name))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the service name \"%.40s\" is too long", name);
	(void) snprintf(service->name, sizeof(service->name), "%s", name);
	return find_region(service, region, use_environment, error) &&
		find_endpoint(service, endpoint, use_environment, error);
}
