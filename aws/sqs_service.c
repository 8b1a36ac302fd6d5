/*
 * sqs_service.c
 *	  From a queue's URL to the service that owns it: is the URL sound, which
 *	  endpoint is called, which region signs.
 *
 * Whoever may name a queue could otherwise name a server of his own, and
 * would be sent requests signed with this host's rights.  So the URL's host
 * is called only when it is one of AWS's own SQS hosts, over https; any
 * other place needs an endpoint, which is a setting of the administrator.
 * With an endpoint the URL's host is never called: the queue is named by the
 * URL inside the request.
 *
 * Hosts: the endpoint rules of AWS's SDKs (partitions.json and the rule set
 * of sqs in botocore), VPC endpoints as the SQS developer guide shows them.
 */
#include "sqs.h"

#include <stdio.h>
#include <string.h>

#include "partitions.h"
#include "sqs_wire.h"
#include "text.h"

typedef struct QueueUrl
{
	bool		https;
	char		host[256];		/* lower case */
	char		port[8];		/* "" = the scheme's */
	char		account[64];
	const char *name;
} QueueUrl;

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/*
 * Does it look like a region ("eu-west-1", "us-gov-west-1", "eusc-de-east-1")?
 * The first word has letters only, so that "s3-us-west-2" is none: that host
 * would be a bucket of anybody's choice.
 */
static bool
is_region(const char *text, size_t len)
{
	int			words = 0;
	size_t		i = 0;

	while (i < len && is_lower(text[i]))
	{
		size_t		start = i;

		while (i < len && is_lower(text[i]))
			i++;
		if (i == len || text[i] != '-' || (words == 0 && (i - start < 2 || i - start > 4)))
			return false;
		words++;
		i++;
	}
	return words >= 2 && words <= 3 && len - i >= 1 && len - i <= 2 &&
		awsx_text_is_digit(text[i]) && awsx_text_is_digit(text[len - 1]);
}

/* Is the rest of the host exactly a suffix of the region's partition? */
static bool
is_suffix_of(const char *rest, const char *region)
{
	const AwsxPartition *partition = awsx_partition_of(region);

	return strcmp(rest, partition->dns_suffix) == 0 || strcmp(rest, partition->dual_stack_suffix) == 0;
}

/* Move *at behind the prefix when it is there. */
static bool
skip(const char **at, const char *prefix)
{
	size_t		len = strlen(prefix);

	if (strncmp(*at, prefix, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Take "<region>." from *at. */
static bool
skip_region(const char **at, char *region, size_t size)
{
	size_t		len = strcspn(*at, ".");

	if ((*at)[len] != '.' || len >= size || !is_region(*at, len))
		return false;
	memcpy(region, *at, len);
	region[len] = '\0';
	*at += len + 1;
	return true;
}

/* Take "vpce-<id>." from *at. */
static bool
skip_vpc_endpoint(const char **at)
{
	size_t		len = strcspn(*at, ".");

	if (strncmp(*at, "vpce-", 5) != 0 || (*at)[len] != '.')
		return false;
	*at += len + 1;
	return true;
}

/*
 * Is it one of AWS's SQS hosts?  Fills the region it names, and whether it is
 * a VPC endpoint, which no rule but the URL can tell.
 */
static bool
is_sqs_host(const char *host, char *region, size_t size, bool *vpc_endpoint)
{
	const char *at = host;

	*vpc_endpoint = skip_vpc_endpoint(&at);
	if (strcmp(host, "queue.amazonaws.com") == 0)
	{
		snprintf(region, size, "us-east-1");
		return true;
	}
	if (skip(&at, "sqs.") || skip(&at, "sqs-fips."))
		return skip_region(&at, region, size) && (!*vpc_endpoint || skip(&at, "vpce.")) &&
			is_suffix_of(at, region);
	return !*vpc_endpoint && skip_region(&at, region, size) && skip(&at, "queue.") && is_suffix_of(at, region);
}

static bool
url_error(AwsxError *error, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "the queue URL %s; it should look like https://sqs.eu-west-1.amazonaws.com/123456789012/name.fifo",
						  problem);
}

/* Take the host and port from *at, up to the path. */
static bool
parse_host(const char **at, QueueUrl *url, AwsxError *error)
{
	size_t		authority = strcspn(*at, "/?#");
	size_t		len;
	size_t		port_len = 0;

	if (memchr(*at, '@', authority) != NULL)
		return url_error(error, "contains a user name or password, which it must not");
	len = strcspn(*at, ":/?#");
	if (len == 0)
		return url_error(error, "has no host");
	if (len >= sizeof(url->host))
		return url_error(error, "has a host that is too long");
	for (size_t i = 0; i < len; i++)
	{
		char		c = awsx_text_lower((*at)[i]);

		if (!awsx_text_is_alnum(c) && c != '-' && c != '.' && c != '_')
			return url_error(error, "has a character in its host that no host has");
		url->host[i] = c;
	}
	url->host[len] = '\0';
	if ((*at)[len] == ':')
	{
		port_len = authority - len - 1;
		if (port_len == 0 || port_len > 5 || strspn(*at + len + 1, "0123456789") != port_len)
			return url_error(error, "has a port that is not a number");
		memcpy(url->port, *at + len + 1, port_len);
	}
	url->port[port_len] = '\0';
	*at += authority;
	return true;
}

/* The path: "/account/name", nothing after it. */
static bool
parse_path(const char *at, QueueUrl *url, AwsxError *error)
{
	const char *account = at + 1;
	size_t		account_len;

	if (*at != '/')
		return url_error(error, "has no path");
	account_len = strcspn(account, "/?#");
	if (account[account_len] != '/' || account_len == 0)
		return url_error(error, "lacks the account or the queue's name in its path");
	if (account_len >= sizeof(url->account))
		return url_error(error, "has an account that is too long");
	for (size_t i = 0; i < account_len; i++)
	{
		if (!awsx_text_is_alnum(account[i]) && account[i] != '-' && account[i] != '_')
			return url_error(error, "has an account with an odd character");
	}
	memcpy(url->account, account, account_len);
	url->account[account_len] = '\0';
	url->name = account + account_len + 1;
	if (strpbrk(url->name, "?#") != NULL)
		return url_error(error, "has a query or fragment after the queue's name");
	if (!awsx_sqs_name_valid(url->name, strlen(url->name)))
		return url_error(error, "does not end in a queue's name (1 to 80 letters, digits, \"-\" and \"_\", with \".fifo\" for a FIFO queue)");
	return true;
}

static bool
parse_url(const char *text, QueueUrl *url, AwsxError *error)
{
	const char *at = text;

	if (text == NULL || *text == '\0')
		return url_error(error, "is empty");
	url->https = skip(&at, "https://");
	if (!url->https && !skip(&at, "http://"))
		return url_error(error, "does not begin with https://");
	return parse_host(&at, url, error) && parse_path(at, url, error);
}

/* May requests go to the URL's own host? */
static bool
check_own_host(const QueueUrl *url, bool sqs_host, AwsxError *error)
{
	if (!sqs_host)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the queue URL's host \"%.200s\" is not one of AWS's SQS hosts; for another service set an endpoint",
							  url->host);
	if (!url->https)
		return url_error(error, "begins with http://, but requests to AWS go over https only");
	if (url->port[0] != '\0' && strcmp(url->port, "443") != 0)
		return url_error(error, "names a port other than 443, which AWS does not have");
	if (strlen(url->account) != 12 || strspn(url->account, "0123456789") != 12)
		return url_error(error, "has an account that is not 12 digits");
	return true;
}

/*
 * Without a configured endpoint: the URL's own host, or where FIPS or dual
 * stack is wanted the endpoint of that kind in its region.
 */
static bool
use_own_host(const QueueUrl *url, bool sqs_host, bool vpc_endpoint, AwsxServicePlace *place,
			 char *endpoint, size_t size, AwsxError *error)
{
	if (!check_own_host(url, sqs_host, error))
		return false;
	if (vpc_endpoint && (place->fips || place->dual_stack))
		return url_error(error, "names a VPC endpoint, which cannot be combined with FIPS or dual stack");
	if (!place->fips && !place->dual_stack)
	{
		snprintf(endpoint, size, "https://%s", url->host);
		place->endpoint = endpoint;
	}
	return true;
}

bool
awsx_sqs_service(AwsxService *service, const char *queue_url, const AwsxServiceOptions *options,
				 AwsxError *error)
{
	static const AwsxServiceOptions nothing;
	AwsxServicePlace place;
	QueueUrl	url = {0};
	char		host_region[64] = "";
	char		own_endpoint[512];
	bool		vpc_endpoint;
	bool		sqs_host;
	bool		own;

	if (options == NULL)
		options = &nothing;
	if (!parse_url(queue_url, &url, error) || !awsx_service_find("sqs", options, &place, error))
		return false;
	sqs_host = is_sqs_host(url.host, host_region, sizeof(host_region), &vpc_endpoint);
	own = place.endpoint == NULL;
	if (own && !use_own_host(&url, sqs_host, vpc_endpoint, &place, own_endpoint, sizeof(own_endpoint), error))
		return false;
	if (sqs_host && (place.region == NULL || (own && (options->region == NULL || *options->region == '\0'))))
		place.region = host_region;
	return awsx_service_fill(service, "sqs", AWSX_DIALECT_JSON, &place, error);
}

bool
awsx_sqs_region(const char *queue_url, char *region, size_t size)
{
	QueueUrl	url = {0};
	bool		vpc_endpoint;

	return parse_url(queue_url, &url, NULL) && is_sqs_host(url.host, region, size, &vpc_endpoint);
}

bool
awsx_sqs_is_fifo(const char *queue_url)
{
	size_t		len = queue_url == NULL ? 0 : strlen(queue_url);

	return len > 5 && strcmp(queue_url + len - 5, ".fifo") == 0;
}
