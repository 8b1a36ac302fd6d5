/*
 * credentials.c
 *	  Copying keys with a check, wiping them, and how a fetch ends.
 */
#include "credentials.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than anything AWS hands out; a bound against a wrong file. */
#define MAX_KEY 1024
#define MAX_TOKEN 16384

static void
wipe_free(char *text)
{
	if (text == NULL)
		return;
	explicit_bzero(text, strlen(text));
	free(text);
}

void
awsx_credentials_clear(AwsxCredentials *credentials)
{
	wipe_free(credentials->access_key_id);
	wipe_free(credentials->secret_access_key);
	wipe_free(credentials->session_token);
	memset(credentials, 0, sizeof(*credentials));
}

static bool
check_part(const char *what, const char *text, size_t max, AwsxError *error)
{
	size_t		len = text == NULL ? 0 : strlen(text);

	if (len == 0)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "the %s is empty", what);
	if (len > max)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "the %s is longer than %zu characters", what, max);
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
								  "the %s has a character that no key has at position %zu "
								  "(a line break or blank from copying?)", what, i + 1);
	}
	return true;
}

bool
awsx_credentials_set(AwsxCredentials *out, const char *access_key_id,
					 const char *secret_access_key, const char *session_token,
					 AwsxError *error)
{
	bool		temporary = session_token != NULL && session_token[0] != '\0';

	memset(out, 0, sizeof(*out));
	if (!check_part("access key id", access_key_id, MAX_KEY, error) ||
		!check_part("secret access key", secret_access_key, MAX_KEY, error) ||
		(temporary && !check_part("session token", session_token, MAX_TOKEN, error)))
		return false;

	out->access_key_id = strdup(access_key_id);
	out->secret_access_key = strdup(secret_access_key);
	if (temporary)
		out->session_token = strdup(session_token);
	if (out->access_key_id == NULL || out->secret_access_key == NULL ||
		(temporary && out->session_token == NULL))
	{
		awsx_credentials_clear(out);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	}
	return true;
}

void
awsx_fetch_found(AwsxCredentialsFetch *fetch, const char *source, AwsxCredentials *credentials)
{
	fetch->credentials = *credentials;
	memset(credentials, 0, sizeof(*credentials));
	fetch->source = source;
	fetch->absent = false;
	awsx_error_clear(&fetch->error);
	fetch->done(fetch);
}

void
awsx_fetch_absent(AwsxCredentialsFetch *fetch, const char *format,...)
{
	char		message[600];
	va_list		args;

	va_start(args, format);
	(void) vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	awsx_error_clear(&fetch->error);
	awsx_error_set(&fetch->error, AWSX_ERR_CREDENTIALS, "%s", message);
	fetch->absent = true;
	fetch->done(fetch);
}

void
awsx_fetch_failed(AwsxCredentialsFetch *fetch, const AwsxError *error)
{
	fetch->error = *error;
	fetch->absent = false;
	fetch->done(fetch);
}
