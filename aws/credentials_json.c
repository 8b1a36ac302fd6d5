/*
 * credentials_json.c
 *	  Credentials as JSON, checked member by member.
 *
 * What is read here may come from whoever sits at a metadata address or from
 * a command that went wrong, so every member has a type, a form and a bound,
 * and an error says which one is wrong without repeating the text: it may be
 * the secret.  jansson's copies of the strings are wiped before it frees
 * them.
 */
#include "credentials_json.h"

#include <jansson.h>
#include <string.h>

#include "date.h"

/* More than any of these documents has; the longest part is a session token. */
#define MAX_DOCUMENT 65536

/* Overwrite a tree's strings in place: a flat object, or not credentials at all. */
static void
wipe_strings(json_t *root)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(root, name, value)
	{
		if (json_is_string(value))
			explicit_bzero((char *) json_string_value(value), json_string_length(value));
	}
}

/* A member that is a string; *value is null when it is missing or null. */
static bool
get_text(const json_t *root, const char *name, const char **value, AwsxError *error)
{
	const json_t *member = json_object_get(root, name);

	*value = json_string_value(member);
	if (member == NULL || json_is_null(member) || *value != NULL)
		return true;
	return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "the \"%s\" of the credentials is not a string", name);
}

/* Instance metadata answers 200 also when it has nothing to give, and says so in Code. */
static bool
check_code(const json_t *root, AwsxError *error)
{
	const char *code;
	const char *message;

	if (!get_text(root, "Code", &code, error) || !get_text(root, "Message", &message, error))
		return false;
	if (code == NULL || strcmp(code, "Success") == 0)
		return true;
	return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "instead of credentials came \"%.80s\"%s%.200s",
						  code, message != NULL ? ": " : "", message != NULL ? message : "");
}

static bool
check_version(const json_t *root, bool required, AwsxError *error)
{
	const json_t *version = json_object_get(root, "Version");

	if ((version == NULL && !required) || (json_is_integer(version) && json_integer_value(version) == 1))
		return true;
	return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
						  version == NULL ? "the credentials have no \"Version\": it must be 1" :
						  "the credentials are of another version than 1");
}

static bool
read_keys(const json_t *root, const char *token_member, AwsxCredentials *out, AwsxError *error)
{
	const char *id;
	const char *secret;
	const char *token;
	const char *expiration;
	int64_t		expires_ms = 0;

	if (!get_text(root, "AccessKeyId", &id, error) || !get_text(root, "SecretAccessKey", &secret, error) ||
		!get_text(root, token_member, &token, error) || !get_text(root, "Expiration", &expiration, error))
		return false;
	if (id == NULL || secret == NULL)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, "the credentials have no \"%s\"",
							  id == NULL ? "AccessKeyId" : "SecretAccessKey");
	if (expiration != NULL && !awsx_iso_date_ms(expiration, &expires_ms))
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "the \"Expiration\" of the credentials is not a date as in 2026-01-02T03:04:05Z");
	if (!awsx_credentials_set(out, id, secret, token, error))
		return false;
	if (expiration != NULL)
		out->expires_ms = expires_ms > 0 ? expires_ms : 1;	/* 0 would be never */
	return true;
}

bool
awsx_credentials_json(const char *text, size_t len, const char *token_member,
					  AwsxCredentials *out, AwsxError *error)
{
	json_error_t problem = {0};
	json_t	   *root;
	bool		done;

	memset(out, 0, sizeof(*out));
	if (len > MAX_DOCUMENT)
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS,
							  "the credentials are longer than %d bytes", MAX_DOCUMENT);
	root = json_loadb(text != NULL ? text : "", len, JSON_REJECT_DUPLICATES, &problem);
	if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	if (!json_is_object(root))
	{
		json_decref(root);
		return awsx_error_set(error, AWSX_ERR_CREDENTIALS, len == 0 ? "the credentials are empty" :
							  "the credentials are not a JSON object");
	}
	done = check_code(root, error) &&
		check_version(root, strcmp(token_member, "SessionToken") == 0, error) &&
		read_keys(root, token_member, out, error);
	wipe_strings(root);
	json_decref(root);
	return done;
}
