/*
 * redrive.c
 *	  The queue attribute RedrivePolicy.
 *
 * Apart from the code that shows it, since the headers of the JSON library
 * and those of PostgreSQL both declare a json_object.
 */
#include "redrive.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool
redrive_read(const char *json, RedrivePolicy *policy)
{
	json_t	   *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	const char *target = json_string_value(json_object_get(root, "deadLetterTargetArn"));
	json_t	   *count = json_object_get(root, "maxReceiveCount");
	long long	number;

	/* the count is a number, or a number in a string */
	number = json_is_string(count) ? strtoll(json_string_value(count), NULL, 10) :
		json_integer_value(count);

	memset(policy, 0, sizeof(*policy));
	if (target != NULL && strlen(target) < sizeof(policy->target_arn))
	{
		memcpy(policy->target_arn, target, strlen(target));
		if (number > 0 && number <= INT_MAX)
			policy->max_receive_count = (int) number;
	}
	json_decref(root);
	return policy->target_arn[0] != '\0';
}
