/*
 * document.c
 *	  A configuration that is a JSON document: opened, and its members taken
 *	  out by name and type.
 */
#include <stdio.h>
#include <string.h>

#include "document.h"

json_t *
document_open(const char *where, const char *text, size_t len, AwsxError *error)
{
	json_error_t problem;
	json_t	   *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);

	if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
		setting_no_memory(error);
	else if (root == NULL)
		awsx_error_set(error, AWSX_ERR_CONFIG, "%s is not valid JSON: %s at line %d, column %d",
					   where, problem.text, problem.line, problem.column);
	else if (!json_is_object(root))
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be a JSON object", where);
		json_decref(root);
		root = NULL;
	}
	return root;
}

bool
document_unknown(const char *where, const char *name, AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_CONFIG, "%s: unknown member \"%.100s\"", where, name);
}

bool
document_members(json_t *object, const char *where, const char *const *allowed, AwsxError *error)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(object, name, value)
	{
		const char *const *known = allowed;

		while (*known != NULL && strcmp(*known, name) != 0)
			known++;
		if (*known == NULL)
			return document_unknown(where, name, error);
	}
	return true;
}

bool
document_is_text(const json_t *value)
{
	return json_is_string(value) && json_string_length(value) > 0 &&
		strlen(json_string_value(value)) == json_string_length(value);
}

bool
document_text(json_t *object, const char *where, const char *name, bool required, const char **text,
			  AwsxError *error)
{
	json_t	   *value = json_object_get(object, name);

	*text = NULL;
	if (value == NULL || json_is_null(value))
	{
		if (!required)
			return true;
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s: member \"%s\" is missing", where, name);
	}
	if (!document_is_text(value))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: member \"%s\" must be a string that is not empty", where, name);
	*text = json_string_value(value);
	return true;
}

bool
document_flag(json_t *object, const char *where, const char *name, bool *flag, AwsxError *error)
{
	json_t	   *value = json_object_get(object, name);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_boolean(value))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s: member \"%s\" must be true or false", where, name);
	*flag = json_is_true(value);
	return true;
}

void
document_digits(const json_t *value, char digits[32])
{
	*digits = '\0';
	if (json_is_integer(value))
		snprintf(digits, 32, "%lld", (long long) json_integer_value(value));
}

static bool
read_dimensions(SettingMetrics *metrics, const char *where, json_t *object, AwsxError *error)
{
	const char *name;
	json_t	   *value;

	if (!json_is_object(object))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be an object of strings", where);
	json_object_foreach(object, name, value)
	{
		if (!setting_dimension(metrics, where, name, document_is_text(value) ? json_string_value(value) : "", error))
			return false;
	}
	return true;
}

bool
document_metrics(SettingMetrics *metrics, const char *where, json_t *value, AwsxError *error)
{
	static const char *const allowed[] = {"namespace", "dimensions", NULL};
	char		place[128];
	const char *name_space;
	json_t	   *dimensions;

	if (json_is_false(value))
	{
		metrics->off = true;
		return true;
	}
	if (!json_is_object(value))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be an object, or false", where);
	if (!document_members(value, where, allowed, error) ||
		!document_text(value, where, "namespace", false, &name_space, error))
		return false;
	snprintf(place, sizeof(place), "%s: \"namespace\"", where);
	if (name_space != NULL && !setting_namespace(metrics, place, name_space, error))
		return false;
	snprintf(place, sizeof(place), "%s: \"dimensions\"", where);
	dimensions = json_object_get(value, "dimensions");
	return dimensions == NULL || json_is_null(dimensions) ||
		read_dimensions(metrics, place, dimensions, error);
}
