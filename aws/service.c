/*
 * service.c
 *	  Where a service lives: region and endpoint.
 *
 * Two steps, so that a service with rules of its own can step in between:
 * find asks everybody who may say something, fill makes a service of it.
 */
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "text.h"

/* The argument when it says something, else null. */
static const char *
not_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static const char *
from_environment(const AwsxServiceOptions *options, const char *variable)
{
	return options->use_environment ? not_empty(getenv(variable)) : NULL;
}

static const char *
from_profile(const AwsxServiceOptions *options, const char *key)
{
	bool		named;

	if (options->profiles == NULL)
		return NULL;
	return not_empty(awsx_profiles_get(options->profiles,
									   awsx_profiles_chosen(options->profiles, &named), key));
}

/*
 * A setting from the environment, else the profile; *from is its name there.
 * Null when nobody says anything.
 */
static const char *
get_setting(const AwsxServiceOptions *options, const char *variable, const char *key, const char **from)
{
	const char *value = from_environment(options, variable);

	*from = value != NULL ? variable : key;
	return value != NULL ? value : from_profile(options, key);
}

/* Exactly true or false, in any case: FIPS must not be off because of "yes". */
static bool
get_switch(const AwsxServiceOptions *options, const char *variable, const char *key,
		   bool *on, AwsxError *error)
{
	const char *from;
	const char *value = get_setting(options, variable, key, &from);

	*on = value != NULL && awsx_text_equal(value, "true");
	if (*on || value == NULL || awsx_text_equal(value, "false"))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s is \"%.40s\": set it to true or false", from, value);
}

static bool
get_legacy_sts(const AwsxServiceOptions *options, bool *legacy, AwsxError *error)
{
	const char *from;
	const char *value = get_setting(options, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", &from);

	*legacy = value != NULL && awsx_text_equal(value, "legacy");
	if (*legacy || value == NULL || awsx_text_equal(value, "regional"))
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s is \"%.40s\": set it to regional or legacy", from, value);
}

static const char *
find_region(const AwsxServiceOptions *options)
{
	const char *region = not_empty(options->region);

	if (region == NULL)
		region = from_environment(options, "AWS_REGION");
	if (region == NULL)
		region = from_environment(options, "AWS_DEFAULT_REGION");
	return region != NULL ? region : from_profile(options, "region");
}

/* A service's id as variables have it, REDSHIFT_DATA, or as files do, redshift_data. */
static void
append_id(char *out, size_t size, const char *name, bool upper)
{
	size_t		len = strlen(out);

	for (; *name != '\0' && len + 1 < size; name++)
		out[len++] = *name == '-' ? '_' : upper ? awsx_text_upper(*name) : *name;
	out[len] = '\0';
}

static const char *
find_endpoint(const char *name, const AwsxServiceOptions *options)
{
	char		variable[64] = "AWS_ENDPOINT_URL_";
	char		section[64] = "";
	bool		named;
	const char *endpoint;

	append_id(variable, sizeof(variable), name, true);
	append_id(section, sizeof(section), name, false);
	endpoint = from_environment(options, variable);
	if (endpoint == NULL)
		endpoint = from_environment(options, "AWS_ENDPOINT_URL");
	if (endpoint == NULL && options->profiles != NULL)
		endpoint = not_empty(awsx_profiles_get_service(options->profiles,
													   awsx_profiles_chosen(options->profiles, &named),
													   section, "endpoint_url"));
	return endpoint != NULL ? endpoint : from_profile(options, "endpoint_url");
}

bool
awsx_service_find(const char *name, const AwsxServiceOptions *options,
				  AwsxServicePlace *place, AwsxError *error)
{
	bool		ignored;

	*place = (AwsxServicePlace) {
		.region = find_region(options),
		.fallback_region = not_empty(options->fallback_region),
		.endpoint = not_empty(options->endpoint),
		.allow_plain = options->allow_plain
	};
	if (!get_switch(options, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls",
					&ignored, error) ||
		!get_switch(options, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &place->fips, error) ||
		!get_switch(options, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &place->dual_stack, error) ||
		(strcmp(name, "sts") == 0 && !get_legacy_sts(options, &place->legacy_sts, error)))
		return false;
	if (place->endpoint == NULL && !ignored)
		place->endpoint = find_endpoint(name, options);
	place->fips |= options->fips;
	place->dual_stack |= options->dual_stack;
	return true;
}

static bool
set_region(AwsxService *service, const char *region, AwsxError *error)
{
	size_t		len = region == NULL ? 0 : strlen(region);
	bool		fine = len <= 63;

	if (len == 0 && service->dialect == AWSX_DIALECT_RAW)
		return true;			/* not signed: needs none */
	if (len == 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "no AWS region is configured: set the region, or AWS_REGION where the environment counts");
	for (size_t i = 0; i < len && fine; i++)
		fine = (region[i] >= 'a' && region[i] <= 'z') || awsx_text_is_digit(region[i]) || region[i] == '-';
	if (!fine)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the AWS region \"%.70s\" is not one: a region has only a-z, 0-9 "
							  "and \"-\", as in eu-west-1", region);
	(void) snprintf(service->region, sizeof(service->region), "%s", region);
	return true;
}

/* The endpoint that somebody configured. */
static bool
set_endpoint(AwsxService *service, const AwsxServicePlace *place, AwsxError *error)
{
	size_t		len = strlen(place->endpoint);
	char		standard[sizeof(service->endpoint)];

	if (place->fips || place->dual_stack)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s and the endpoint %.200s are both configured, but a configured endpoint is used as it is: keep one of them",
							  place->fips ? "FIPS" : "dual stack", place->endpoint);
	if (len > 0 && place->endpoint[len - 1] == '/')
		len--;					/* many write it with a slash */
	if (len >= sizeof(service->endpoint))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the endpoint is longer than %zu bytes",
							  sizeof(service->endpoint) - 1);
	memcpy(service->endpoint, place->endpoint, len);
	service->endpoint[len] = '\0';

	/* AWS's own endpoint in full is not another server: buckets have hosts there. */
	service->path_style = service->region[0] == '\0' ||
		!awsx_endpoint_of(service->name, service->region, false, false, standard, sizeof(standard), NULL) ||
		strcmp(service->endpoint, standard) != 0;
	return true;
}

/* The region's own endpoint, or the one that old regions share. */
static bool
set_own_endpoint(AwsxService *service, const AwsxServicePlace *place, AwsxError *error)
{
	if (service->region[0] == '\0')
		return awsx_error_set(error, AWSX_ERR_CONFIG, "no endpoint is configured for \"%s\"", service->name);
	if (place->legacy_sts && !place->fips && !place->dual_stack && awsx_endpoint_sts_is_global(service->region))
	{
		(void) snprintf(service->endpoint, sizeof(service->endpoint), "https://sts.amazonaws.com");
		(void) snprintf(service->region, sizeof(service->region), "us-east-1");
		return true;
	}
	return awsx_endpoint_of(service->name, service->region, place->fips, place->dual_stack,
							service->endpoint, sizeof(service->endpoint), error);
}

bool
awsx_service_fill(AwsxService *service, const char *name, AwsxDialect dialect,
				  const AwsxServicePlace *place, AwsxError *error)
{
	memset(service, 0, sizeof(*service));
	service->dialect = dialect;
	service->allow_plain = place->allow_plain;
	if (strlen(name) >= sizeof(service->name))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the service name \"%.40s\" is too long", name);
	(void) snprintf(service->name, sizeof(service->name), "%s", name);
	return set_region(service, place->region != NULL ? place->region : place->fallback_region, error) &&
		(place->endpoint != NULL ? set_endpoint(service, place, error) : set_own_endpoint(service, place, error)) &&
		awsx_endpoint_check(service->endpoint, place->allow_plain, error);
}

bool
awsx_service_init(AwsxService *service, const char *name, AwsxDialect dialect,
				  const AwsxServiceOptions *options, AwsxError *error)
{
	static const AwsxServiceOptions nothing;
	AwsxServicePlace place;

	return awsx_service_find(name, options != NULL ? options : &nothing, &place, error) &&
		awsx_service_fill(service, name, dialect, &place, error);
}
