/*
 * credentials_default.c
 *	  The chain of a host: where a machine or a container keeps its keys.
 *
 * A profile that the program was told to use is a choice among identities;
 * then what the environment holds is another one, and is not asked.
 */
#include "providers.h"

#include <stddef.h>

#define MAX_PROVIDERS 5

/* Append one; false when it could not be made. */
static bool
add(AwsxCredentialsProvider **providers, int *count, AwsxCredentialsProvider *provider)
{
	if (provider == NULL)
		return false;
	providers[(*count)++] = provider;
	return true;
}

AwsxCredentialsProvider *
awsx_credentials_default(const AwsxProfileFiles *files, AwsxError *error)
{
	AwsxCredentialsProvider *providers[MAX_PROVIDERS];
	int			count = 0;
	bool		chosen = files != NULL && files->profile != NULL && files->profile[0] != '\0';

	if ((chosen || (add(providers, &count, awsx_credentials_env(error)) &&
					add(providers, &count, awsx_credentials_web_identity_env(files, error)))) &&
		add(providers, &count, awsx_credentials_profile(files, error)) &&
		add(providers, &count, awsx_credentials_container(error)) &&
		add(providers, &count, awsx_credentials_imds(error)))
		return awsx_credentials_chain(providers, count, error);
	while (count > 0)
	{
		count--;
		providers[count]->free(providers[count]);
	}
	return NULL;
}
