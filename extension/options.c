/*
 * options.c
 *	  sqs.options_validator: which options servers and user mappings of the
 *	  foreign data wrapper "sqs" take, and who may set them.
 *
 * An option that decides where requests go, whose keys sign them, or which
 * file of the server is read belongs to superusers: otherwise whoever may
 * create a server could have the host's credentials sign for any address.
 * PostgreSQL hands over all options of the object, also those that an ALTER
 * leaves alone; so only a superuser can alter a server that has one of these.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "credentials.h"
#include "http.h"
#include "report.h"

PG_FUNCTION_INFO_V1(sqs_options_validator);

/* All options of the object, in which some have to suit others. */
typedef void (*OptionCheck) (const char *name, const char *value, List *options);

typedef struct OptionRule
{
	Oid			catalog;		/* of the object that takes it */
	const char *name;
	bool		superuser;		/* only a superuser may set it */
	OptionCheck check;			/* null: checked with its siblings */
} OptionRule;

static void option_check_region(const char *name, const char *value, List *options);
static void option_check_endpoint(const char *name, const char *value, List *options);
static void option_check_credentials(const char *name, const char *value, List *options);
static void option_check_path(const char *name, const char *value, List *options);
static void option_check_profile(const char *name, const char *value, List *options);
static void option_check_profile_path(const char *name, const char *value, List *options);
static void option_check_proxy(const char *name, const char *value, List *options);
static void option_check_boolean(const char *name, const char *value, List *options);

static const OptionRule option_rules[] = {
	{ForeignServerRelationId, "region", false, option_check_region},
	{ForeignServerRelationId, "endpoint", true, option_check_endpoint},
	{ForeignServerRelationId, "s3_endpoint", true, option_check_endpoint},
	{ForeignServerRelationId, "credentials", true, option_check_credentials},
	{ForeignServerRelationId, "profile", true, option_check_profile},
	{ForeignServerRelationId, "config_file", true, option_check_profile_path},
	{ForeignServerRelationId, "credentials_file", true, option_check_profile_path},
	{ForeignServerRelationId, "ca_bundle", true, option_check_path},
	{ForeignServerRelationId, "proxy", true, option_check_proxy},
	{ForeignServerRelationId, "allow_http", true, option_check_boolean},
	{ForeignServerRelationId, "use_fips_endpoint", false, option_check_boolean},
	{ForeignServerRelationId, "use_dualstack_endpoint", false, option_check_boolean},
	{UserMappingRelationId, "access_key_id", false, NULL},
	{UserMappingRelationId, "secret_access_key", false, NULL},
	{UserMappingRelationId, "session_token", false, NULL},
};

/* The value of an option, or null. */
static const char *
option_value(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return defGetString(option);
	}
	return NULL;
}

static void
option_check_region(const char *name, const char *value, List *options)
{
	size_t		len = strlen(value);

	if (len < 1 || len > 63 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != len ||
		value[0] == '-' || value[len - 1] == '-')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errhint("Give the region's code, such as 'eu-west-1'.")));
}

static bool
option_is_true(List *options, const char *name)
{
	const char *value = option_value(options, name);
	bool		is_true = false;

	return value != NULL && parse_bool(value, &is_true) && is_true;
}

static void
option_check_endpoint(const char *name, const char *value, List *options)
{
	AwsxError	error;

	awsx_error_clear(&error);
	if (!awsx_endpoint_check(value, option_is_true(options, "allow_http"), &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errdetail("%s", error.message),
				 errhint("Give https://host[:port]; plain http is for loopback addresses only, unless allow_http is set.")));
	if (option_is_true(options, "use_fips_endpoint") ||
		option_is_true(options, "use_dualstack_endpoint"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" excludes use_fips_endpoint and use_dualstack_endpoint", name),
				 errhint("Those choose between AWS's own endpoints: give one or the other.")));
}

static void
option_check_credentials(const char *name, const char *value, List *options)
{
	if (strcmp(value, "environment") != 0 && strcmp(value, "host") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errhint("The valid values are 'environment': AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the server process, and 'host': whatever the server's host offers, in the order of AWS's SDKs.")));
}

static void
option_check_path(const char *name, const char *value, List *options)
{
	if (!is_absolute_path(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errhint("Give the absolute path of a file on the server's host.")));
}

/* Of no use without the host's chain: somebody would believe that it counts. */
static void
option_check_profile(const char *name, const char *value, List *options)
{
	const char *credentials = option_value(options, "credentials");

	if (credentials == NULL || strcmp(credentials, "host") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" needs credentials 'host'", name),
				 errhint("Only the host's chain of credentials reads AWS's shared files.")));
	if (*value == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must not be empty", name),
				 errhint("Drop the option to have the default.")));
}

static void
option_check_profile_path(const char *name, const char *value, List *options)
{
	option_check_profile(name, value, options);
	option_check_path(name, value, options);
}

/* The value may hold a password: not repeated. */
static void
option_check_proxy(const char *name, const char *value, List *options)
{
	AwsxError	error;

	awsx_error_clear(&error);
	if (!awsx_proxy_check(value, &error))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\"", name),
				 errdetail("%s", error.message),
				 errhint("Give http://[user:password@]host:port.")));
}

static void
option_check_boolean(const char *name, const char *value, List *options)
{
	bool		ignored;

	if (!parse_bool(value, &ignored))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name, value),
				 errhint("Give 'true' or 'false'.")));
}

/* The rule of an option, or an error that lists the valid ones. */
static const OptionRule *
option_rule(Oid catalog, const char *name)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < lengthof(option_rules); i++)
	{
		const OptionRule *rule = &option_rules[i];

		if (rule->catalog != catalog)
			continue;
		if (strcmp(rule->name, name) == 0)
			return rule;
		appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "", rule->name);
	}

	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 valid.len > 0 ? errhint("Valid options in this context are: %s.", valid.data) :
			 errhint("There are no valid options in this context.")));
	return NULL;				/* not reached */
}

static void
option_check_superuser(const OptionRule *rule)
{
	if (!rule->superuser || superuser())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set option \"%s\"", rule->name),
			 errdetail("It decides where requests go or what of the server's host they use."),
			 errhint("Ask a superuser to create or alter the server, and to grant USAGE on it.")));
}

/* Keys come in pairs, and have only characters that a signature can carry. */
static void
option_check_keys(const char *id, const char *secret, const char *token)
{
	AwsxCredentials parsed = {0};
	AwsxError	error;

	if (id == NULL && secret == NULL && token == NULL)
		return;
	if (id == NULL || secret == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
				 errmsg("option \"%s\" is missing",
						id == NULL ? "access_key_id" : "secret_access_key"),
				 errhint("Give access_key_id and secret_access_key together, and session_token with temporary keys.")));

	awsx_error_clear(&error);
	if (!awsx_credentials_set(&parsed, id, secret, token, &error))
		ereport(ERROR,
				(errcode(report_sqlstate(&error) == ERRCODE_OUT_OF_MEMORY ?
						 ERRCODE_OUT_OF_MEMORY : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid AWS credentials: %s", error.message),
				 errhint("Keys are printable ASCII characters without spaces or line breaks.")));
	awsx_credentials_clear(&parsed);
}

Datum
sqs_options_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	const char *id = NULL;
	const char *secret = NULL;
	const char *token = NULL;
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		const OptionRule *rule = option_rule(catalog, option->defname);
		const char *value = defGetString(option);

		option_check_superuser(rule);
		if (rule->check != NULL)
			rule->check(rule->name, value, options);
		else if (strcmp(rule->name, "access_key_id") == 0)
			id = value;
		else if (strcmp(rule->name, "secret_access_key") == 0)
			secret = value;
		else
			token = value;
	}
	option_check_keys(id, secret, token);

	PG_RETURN_VOID();
}
