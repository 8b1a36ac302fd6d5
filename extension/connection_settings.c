/*
 * connection_settings.c
 *	  What a foreign server and a user mapping say of a connection, and
 *	  whether the subscription's owner may use them.
 *
 * The options themselves were checked when they were set; here they are
 * held against the subscription.
 */
#include "postgres.h"

#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/syscache.h"

#include "connection_settings.h"
#include "report.h"
#include "sqs.h"

/* The server, if it is one of ours and the owner may use it. */
static ForeignServer *
connection_server(const Subscription *subscription)
{
	ForeignServer *server = GetForeignServerByName(subscription->server, true);

	if (server == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", subscription->server),
				 errhint("Create it with CREATE SERVER %s FOREIGN DATA WRAPPER sqs OPTIONS (region '...').",
						 quote_identifier(subscription->server))));
	if (strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "sqs") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" does not belong to the foreign data wrapper \"sqs\"",
						server->servername),
				 errhint("Name a server that was created with FOREIGN DATA WRAPPER sqs.")));
	return server;
}

/* Is there a user mapping for the role (InvalidOid: for PUBLIC)? */
static bool
connection_has_mapping(Oid role, Oid server)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								 ObjectIdGetDatum(server));
}

/*
 * As with foreign tables: a user mapping of one's own is the right to use the
 * server; what is shared (a public mapping, the host's credentials) needs
 * USAGE.
 */
static void
connection_check_usage(const ForeignServer *server, Oid owner)
{
	char	   *name = GetUserNameFromId(owner, true);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the subscription's owner does not exist any more (role oid %u)", owner),
				 errhint("Give it another one with sqs.alter_subscription(..., owner => ...).")));
	if (!connection_has_mapping(owner, server->serverid) &&
		!DatumGetBool(DirectFunctionCall3(has_server_privilege_id_id,
										  ObjectIdGetDatum(owner),
										  ObjectIdGetDatum(server->serverid),
										  CStringGetTextDatum("USAGE"))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" may not use server \"%s\"", name, server->servername),
				 errhint("GRANT USAGE ON FOREIGN SERVER %s TO %s.",
						 quote_identifier(server->servername), quote_identifier(name))));
}

/* What the validator took for one of parse_bool's words. */
static bool
connection_true(DefElem *option)
{
	bool		value = false;

	return parse_bool(defGetString(option), &value) && value;
}

static void
connection_read_server(const ForeignServer *server, ConnectionSettings *settings)
{
	ListCell   *cell;

	foreach(cell, server->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "region") == 0)
			settings->region = defGetString(option);
		else if (strcmp(option->defname, "endpoint") == 0)
			settings->endpoint = defGetString(option);
		else if (strcmp(option->defname, "s3_endpoint") == 0)
			settings->s3_endpoint = defGetString(option);
		else if (strcmp(option->defname, "ca_bundle") == 0)
			settings->ca_bundle = defGetString(option);
		else if (strcmp(option->defname, "credentials") == 0)
		{
			settings->environment = strcmp(defGetString(option), "environment") == 0;
			settings->host = strcmp(defGetString(option), "host") == 0;
		}
		else if (strcmp(option->defname, "proxy") == 0)
			settings->proxy = defGetString(option);
		else if (strcmp(option->defname, "allow_http") == 0)
			settings->allow_http = connection_true(option);
		else if (strcmp(option->defname, "use_fips_endpoint") == 0)
			settings->fips = connection_true(option);
		else if (strcmp(option->defname, "use_dualstack_endpoint") == 0)
			settings->dual_stack = connection_true(option);
		else if (strcmp(option->defname, "profile") == 0)
			settings->files.profile = defGetString(option);
		else if (strcmp(option->defname, "config_file") == 0)
			settings->files.config = defGetString(option);
		else if (strcmp(option->defname, "credentials_file") == 0)
			settings->files.credentials = defGetString(option);
	}
}

static void
connection_read_mapping(const ForeignServer *server, Oid owner, ConnectionSettings *settings)
{
	ListCell   *cell;

	if (!connection_has_mapping(owner, server->serverid) &&
		!connection_has_mapping(InvalidOid, server->serverid))
		return;

	foreach(cell, GetUserMapping(owner, server->serverid)->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "access_key_id") == 0)
			settings->access_key_id = defGetString(option);
		else if (strcmp(option->defname, "secret_access_key") == 0)
			settings->secret_access_key = defGetString(option);
		else if (strcmp(option->defname, "session_token") == 0)
			settings->session_token = defGetString(option);
	}
}

static void
connection_check_credentials(const ForeignServer *server, Oid owner,
							 const ConnectionSettings *settings)
{
	const char *name = quote_identifier(server->servername);

	if (settings->access_key_id != NULL || settings->environment || settings->host)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("there are no AWS credentials for role \"%s\" on server \"%s\"",
					GetUserNameFromId(owner, false), server->servername),
			 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (access_key_id '...', secret_access_key '...'), or have a superuser ALTER SERVER %s OPTIONS (ADD credentials 'host').",
					 quote_identifier(GetUserNameFromId(owner, false)), name, name)));
}

void
connection_settings_read(const Subscription *subscription, ConnectionSettings *settings)
{
	ForeignServer *server = connection_server(subscription);
	AwsxServiceOptions options;
	AwsxError	error;

	memset(settings, 0, sizeof(*settings));
	connection_check_usage(server, subscription->owner);
	connection_read_server(server, settings);

	options = connection_settings_options(settings, settings->region, settings->endpoint);
	awsx_error_clear(&error);
	if (!awsx_sqs_service(&settings->sqs, subscription->queue_url, &options, &error))
		report_aws_error(ERROR, "use the queue", &error);

	connection_read_mapping(server, subscription->owner, settings);
	connection_check_credentials(server, subscription->owner, settings);
}

AwsxServiceOptions
connection_settings_options(const ConnectionSettings *settings, const char *region,
							const char *endpoint)
{
	return (AwsxServiceOptions) {
		.region = region,
		.endpoint = endpoint,
		.fips = settings->fips,
		.dual_stack = settings->dual_stack,
		.allow_plain = settings->allow_http
	};
}

void
connection_settings_forget(ConnectionSettings *settings)
{
	if (settings->secret_access_key != NULL)
		explicit_bzero(settings->secret_access_key, strlen(settings->secret_access_key));
	if (settings->session_token != NULL)
		explicit_bzero(settings->session_token, strlen(settings->session_token));
}
