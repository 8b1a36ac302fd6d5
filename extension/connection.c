/*
 * connection.c
 *	  From a foreign server and a user mapping to an AWS client.
 *
 * Credentials, first found: the user mapping of the subscription's owner,
 * the public mapping, the server's option credentials.  A superuser grants
 * the latter, and hands it on with USAGE on the server.
 *
 * The client lives in malloc'd memory and holds descriptors: an epoll one
 * and the connections.  It is tied to the memory context it is opened in, so
 * that an error frees it, and its descriptors are accounted for with fd.c,
 * which otherwise believes that all of the process's are its own.
 */
#include "postgres.h"

#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "connection.h"
#include "providers.h"
#include "report.h"
#include "s3.h"
#include "sqs.h"

/* Connections next to the open polls: deletes, visibility, attributes. */
#define CONNECTION_EXTRA 4

/* What server and user mapping say. */
typedef struct ConnectionSettings
{
	const char *region;			/* null = from the queue URL */
	const char *endpoint;		/* null = AWS's */
	const char *s3_endpoint;	/* null = AWS's */
	const char *ca_bundle;
	bool		environment;	/* credentials of the server process */
	const char *access_key_id;
	char	   *secret_access_key;	/* wiped by connection_forget */
	char	   *session_token;
	AwsxService sqs;
} ConnectionSettings;

/* A Connection and what closing it needs. */
typedef struct ConnectionHandle
{
	Connection	connection;		/* first: callers see only this */
	int			descriptors;	/* reported to fd.c */
	MemoryContextCallback callback;
} ConnectionHandle;

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
			settings->environment = strcmp(defGetString(option), "environment") == 0;
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

	if (settings->access_key_id != NULL || settings->environment)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("there are no AWS credentials for role \"%s\" on server \"%s\"",
					GetUserNameFromId(owner, false), server->servername),
			 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (access_key_id '...', secret_access_key '...'), or have a superuser ALTER SERVER %s OPTIONS (ADD credentials 'environment').",
					 quote_identifier(GetUserNameFromId(owner, false)), name, name)));
}

/* All that can be known without the network, or an error. */
static void
connection_resolve(const Subscription *subscription, ConnectionSettings *settings)
{
	ForeignServer *server = connection_server(subscription);
	AwsxServiceOptions options;
	AwsxError	error;

	memset(settings, 0, sizeof(*settings));
	connection_check_usage(server, subscription->owner);
	connection_read_server(server, settings);

	options = (AwsxServiceOptions) {.region = settings->region,.endpoint = settings->endpoint};
	awsx_error_clear(&error);
	if (!awsx_sqs_service(&settings->sqs, subscription->queue_url, &options, &error))
		report_aws_error(ERROR, "use the queue", &error);

	connection_read_mapping(server, subscription->owner, settings);
	connection_check_credentials(server, subscription->owner, settings);
}

/* The keys are in the client, or not needed: leave none in our memory. */
static void
connection_forget(ConnectionSettings *settings)
{
	if (settings->secret_access_key != NULL)
		explicit_bzero(settings->secret_access_key, strlen(settings->secret_access_key));
	if (settings->session_token != NULL)
		explicit_bzero(settings->session_token, strlen(settings->session_token));
}

void
connection_check(const Subscription *subscription)
{
	ConnectionSettings settings;

	connection_resolve(subscription, &settings);
	connection_forget(&settings);
}

void
connection_s3(const Subscription *subscription, AwsxService *service)
{
	ConnectionSettings settings;
	AwsxServiceOptions options;
	AwsxError	error;

	connection_resolve(subscription, &settings);
	connection_forget(&settings);
	options = (AwsxServiceOptions) {.region = settings.sqs.region,.endpoint = settings.s3_endpoint};
	awsx_error_clear(&error);
	if (!awsx_s3_service(service, &options, &error))
		report_aws_error(ERROR, "use S3", &error);
}

/* Free the client; allowed again and again. */
static void
connection_release(void *arg)
{
	ConnectionHandle *handle = arg;

	awsx_client_free(handle->connection.client);
	handle->connection.client = NULL;
	for (; handle->descriptors > 0; handle->descriptors--)
		ReleaseExternalFD();
}

/* Report our descriptors to fd.c: epoll's and one a connection. */
static void
connection_acquire(ConnectionHandle *handle, int connections)
{
	while (handle->descriptors < connections + 1)
	{
		if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("could not connect to SQS: too many open files in this process"),
					 errhint("Lower max_polls of the subscription, or raise the limit of open files of the PostgreSQL server.")));
		handle->descriptors++;
	}
}

/* Null and *error when it fails; the transport is freed then. */
static AwsxClient *
connection_client(const ConnectionSettings *settings, int connections, AwsxWait wait,
				  void *wait_arg, AwsxError *error)
{
	AwsxCurlOptions curl = {.ca_bundle = settings->ca_bundle,.max_connections = connections};
	AwsxClientOptions options = {.wait = wait,.wait_arg = wait_arg};

	options.transport = awsx_transport_curl(&curl, error);
	if (options.transport == NULL)
		return NULL;
	options.credentials = settings->access_key_id != NULL ?
		awsx_credentials_static(settings->access_key_id, settings->secret_access_key,
								settings->session_token, error) :
		awsx_credentials_env(error);
	if (options.credentials == NULL)
	{
		options.transport->free(options.transport);
		return NULL;
	}
	return awsx_client_create(&options, error);
}

Connection *
connection_open(const Subscription *subscription, AwsxWait wait, void *wait_arg)
{
	ConnectionHandle *handle = palloc0(sizeof(ConnectionHandle));
	int			connections = subscription->max_polls + CONNECTION_EXTRA;
	ConnectionSettings settings;
	AwsxError	error;

	connection_resolve(subscription, &settings);
	handle->connection.sqs = settings.sqs;
	handle->connection.queue_url = pstrdup(subscription->queue_url);

	handle->callback.func = connection_release;
	handle->callback.arg = handle;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &handle->callback);
	connection_acquire(handle, connections);

	awsx_error_clear(&error);
	handle->connection.client = connection_client(&settings, connections, wait, wait_arg, &error);
	connection_forget(&settings);
	if (handle->connection.client == NULL)
		report_aws_error(ERROR, "make an SQS client", &error);
	return &handle->connection;
}

void
connection_close(Connection *connection)
{
	connection_release(connection);
}

bool
connection_wait_backend(void *arg, int fd, int timeout_ms)
{
	int			events = WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH;
	int			occurred;

	(void) arg;
	if (InterruptPending)
		return false;
	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	occurred = WaitLatchOrSocket(MyLatch, events, fd, timeout_ms, PG_WAIT_EXTENSION);
	if (occurred & WL_LATCH_SET)
		ResetLatch(MyLatch);
	return !InterruptPending;
}
