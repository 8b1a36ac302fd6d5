/*
 * sqs_arn.c
 *	  From a queue's ARN to its URL.
 *
 * An event source mapping names its queue by ARN only, while every call of
 * SQS wants the URL.  GetQueueUrl would say it, too, but needs a permission
 * and a call.
 */
#include <stdio.h>
#include <string.h>

#include "partitions.h"
#include "sqs.h"
#include "text.h"

#define MAX_REGION 32
#define ACCOUNT_DIGITS 12
#define MAX_NAME 80

static bool
is_of(const char *text, size_t len, const char *more)
{
	for (size_t i = 0; i < len; i++)
	{
		if (!awsx_text_is_alnum(text[i]) && (text[i] == '\0' || strchr(more, text[i]) == NULL))
			return false;
	}
	return len > 0;
}

bool
awsx_sqs_arn_url(const char *arn, char *url, size_t size)
{
	char		region[MAX_REGION + 1];
	const char *service = strncmp(arn, "arn:aws", 7) == 0 ? strchr(arn + 4, ':') : NULL;
	const char *account;
	const char *name;
	size_t		region_len;
	int			len;

	if (service == NULL || strncmp(service, ":sqs:", 5) != 0)
		return false;
	region_len = strcspn(service + 5, ":");
	account = service + 5 + region_len + 1;
	if (region_len > MAX_REGION || !is_of(service + 5, region_len, "-") || account[-1] != ':' ||
		strspn(account, "0123456789") != ACCOUNT_DIGITS || account[ACCOUNT_DIGITS] != ':')
		return false;
	name = account + ACCOUNT_DIGITS + 1;
	if (strlen(name) > MAX_NAME || !is_of(name, strlen(name), "-_."))
		return false;
	snprintf(region, sizeof(region), "%.*s", (int) region_len, service + 5);
	len = snprintf(url, size, "https://sqs.%s.%s/%.12s/%s", region, awsx_partition_of(region)->dns_suffix, account, name);
	return len > 0 && (size_t) len < size;
}
