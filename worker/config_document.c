/*
 * config_document.c
 *	  The configuration as a JSON document.
 *
 * Outputs are read here; every other member is a text or a number that goes
 * to its setter, so that a rule is checked in one place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_rules.h"
#include "document.h"

#define DOCUMENT "S3_TO_SQS_CONFIG"

/* ---- outputs ---- */

static bool
output_name_ok(const Config *config, const ConfigOutput *output, const char *name)
{
	for (const ConfigOutput *other = config->outputs; other < output; other++)
	{
		if (other->name != NULL && strcmp(other->name, name) == 0)
			return false;
	}
	return strlen(name) <= 64;
}

static bool
read_output(Config *config, ConfigOutput *output, json_t *object, const char *where,
			AwsxError *error)
{
	static const char *const allowed[] =
	{"name", "queue_url", "jq", "jq_file", "group", "dedup", NULL};
	char		place[128];
	const char *name,
			   *url,
			   *text,
			   *file,
			   *group,
			   *dedup;

	if (!json_is_object(object))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be an object", where);
	if (!document_members(object, where, allowed, error) ||
		!document_text(object, where, "name", true, &name, error) ||
		!document_text(object, where, "queue_url", true, &url, error) ||
		!document_text(object, where, "jq", false, &text, error) ||
		!document_text(object, where, "jq_file", false, &file, error) ||
		!document_text(object, where, "group", false, &group, error) ||
		!document_text(object, where, "dedup", false, &dedup, error))
		return false;
	if (!output_name_ok(config, output, name))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "%s: \"name\" must be at most 64 bytes long and differ from the "
							  "other outputs' names", where);
	snprintf(place, sizeof(place), "%s: \"queue_url\"", where);
	return setting_copy(&output->name, name, error) &&
		config_set_queue(output, place, url, error) &&
		config_set_program(output, "\"jq\"", text, "\"jq_file\"", file, error) &&
		setting_copy(&output->group, group != NULL ? group : CONFIG_DEFAULT_GROUP, error) &&
		(dedup == NULL || setting_copy(&output->dedup, dedup, error));
}

static bool
read_outputs(Config *config, json_t *array, AwsxError *error)
{
	size_t		count = json_array_size(array);

	if (count < 1 || count > CONFIG_MAX_OUTPUTS)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  DOCUMENT ": \"outputs\" must be an array of 1 to %d outputs",
							  CONFIG_MAX_OUTPUTS);
	config->outputs = calloc(count, sizeof(ConfigOutput));
	if (config->outputs == NULL)
		return setting_no_memory(error);
	config->output_count = (int) count;
	for (int i = 0; i < (int) count; i++)
	{
		char		where[64];

		snprintf(where, sizeof(where), DOCUMENT ": outputs[%d]", i);
		if (!read_output(config, &config->outputs[i], json_array_get(array, (size_t) i),
						 where, error))
			return false;
	}
	return true;
}

/* ---- settings ---- */

/* Call the setter with a string's text or a whole number's digits. */
static bool
set_from_json(Config *config, const ConfigSetting *setting, const char *where, json_t *value,
			  AwsxError *error)
{
	char		digits[32];

	if (json_is_null(value))
		return true;
	if (setting->number)
	{
		document_digits(value, digits);
		return setting->set(config, where, digits, error);
	}
	if (!document_is_text(value))
		return awsx_error_set(error, AWSX_ERR_CONFIG, "%s must be a string that is not empty", where);
	return setting->set(config, where, json_string_value(value), error);
}

/* The setting of that name inside the object (null: the document), or null. */
static const ConfigSetting *
find_setting(const char *object, const char *name)
{
	for (const ConfigSetting *setting = config_settings; setting->set != NULL; setting++)
	{
		bool		same = object == NULL ? setting->object == NULL :
			setting->object != NULL && strcmp(setting->object, object) == 0;

		if (same && setting->name != NULL && strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}

/* The members of "policies" or "poll". */
static bool
read_inner(Config *config, const char *object_name, json_t *object, AwsxError *error)
{
	char		where[128];
	const char *name;
	json_t	   *value;

	if (!json_is_object(object))
		return awsx_error_set(error, AWSX_ERR_CONFIG, DOCUMENT ": \"%s\" must be an object", object_name);
	json_object_foreach(object, name, value)
	{
		const ConfigSetting *setting = find_setting(object_name, name);

		snprintf(where, sizeof(where), DOCUMENT ": \"%s\"", object_name);
		if (setting == NULL)
			return document_unknown(where, name, error);
		snprintf(where, sizeof(where), DOCUMENT ": \"%s\": \"%s\"", object_name, name);
		if (!set_from_json(config, setting, where, value, error))
			return false;
	}
	return true;
}

static bool
read_member(Config *config, const char *name, json_t *value, AwsxError *error)
{
	const ConfigSetting *setting = find_setting(NULL, name);
	char		where[128];

	if (setting != NULL)
	{
		snprintf(where, sizeof(where), DOCUMENT ": \"%s\"", name);
		return set_from_json(config, setting, where, value, error);
	}
	if (strcmp(name, "metrics") == 0)
		return document_metrics(&config->metrics, DOCUMENT ": \"metrics\"", value, error);
	if (strcmp(name, "policies") == 0 || strcmp(name, "poll") == 0)
		return read_inner(config, name, value, error);
	return strcmp(name, "outputs") == 0 || document_unknown(DOCUMENT, name, error);
}

static bool
read_root(Config *config, json_t *root, AwsxError *error)
{
	const char *name;
	json_t	   *value;

	json_object_foreach(root, name, value)
	{
		if (!read_member(config, name, value, error))
			return false;
	}
	return read_outputs(config, json_object_get(root, "outputs"), error);
}

bool
config_read_document(Config *config, const char *text, AwsxError *error)
{
	json_t	   *root = document_open(DOCUMENT, text, strlen(text), error);
	bool		done;

	if (root == NULL)
		return false;
	done = read_root(config, root, error);
	json_decref(root);
	return done;
}
