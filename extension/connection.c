/*
 * connection.c
 *	  From a foreign server and a user mapping to an AWS client.
 *
 * Credentials, first found: the user mapping of the subscription's owner,
 * the public mapping, the server's option credentials.  A superuser grants
 * the latter, and hands it on with USAGE on the server.  Those of the host
 * may come from the network and change while the client lives; what it
 * notices of that is kept until somebody can log it.
 *
 * The client lives in malloc'd memory and holds descriptors: an epoll one
 * and the connections.  It is tied to the memory context it is opened in, so
 * that an error frees it, and its descriptors are accounted for with fd.c,
 * which otherwise believes that all of the process's are its own.  A process
 * that exits frees no contexts; then a list of what is open does, because a
 * client may have a credential_process under way, which would live on.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "connection.h"
#include "connection_settings.h"
#include "providers.h"
#include "report.h"
#include "s3.h"
#include "sqs.h"

/* Connections next to the open polls: deletes, visibility, attributes, credentials. */
#define CONNECTION_EXTRA 6

/* What the client noticed and nobody has told yet; beyond that the oldest are lost. */
#define CONNECTION_NOTICES 4

typedef struct ConnectionNotice
{
	AwsxNotice	notice;
	char		message[512];
} ConnectionNotice;

/* A Connection and what closing it needs. */
typedef struct ConnectionHandle
{
	Connection	connection;		/* first: callers see only this */
	int			descriptors;	/* reported to fd.c */
	int			notice_count;
	ConnectionNotice notices[CONNECTION_NOTICES];
	bool		has_keys;		/* the first keys are no news */
	MemoryContextCallback callback;
	dlist_node	node;			/* in connections_open, while there is a client */
} ConnectionHandle;

static dlist_head connections_open = DLIST_STATIC_INIT(connections_open);

void
connection_check(const Subscription *subscription)
{
	ConnectionSettings settings;

	connection_settings_read(subscription, &settings);
	connection_settings_forget(&settings);
}

void
connection_s3(const Subscription *subscription, AwsxService *service)
{
	ConnectionSettings settings;
	AwsxServiceOptions options;
	AwsxError	error;

	connection_settings_read(subscription, &settings);
	connection_settings_forget(&settings);
	options = connection_settings_options(&settings, settings.sqs.region, settings.s3_endpoint);
	awsx_error_clear(&error);
	if (!awsx_s3_service(service, &options, &error))
		report_aws_error(ERROR, "use S3", &error);
}

/* Free the client; allowed again and again. */
static void
connection_release(void *arg)
{
	ConnectionHandle *handle = arg;

	if (handle->connection.client != NULL)
		dlist_delete(&handle->node);
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

/*----------
 * What the client notices
 *----------
 */

/* Only noted here: raising would jump over the client. */
static void
connection_on_notice(void *arg, AwsxNotice notice, const char *message)
{
	ConnectionHandle *handle = arg;
	ConnectionNotice *entry;

	if (handle->notice_count == CONNECTION_NOTICES)
		memmove(&handle->notices[0], &handle->notices[1],
				--handle->notice_count * sizeof(handle->notices[0]));
	entry = &handle->notices[handle->notice_count++];
	entry->notice = notice;
	strlcpy(entry->message, message, sizeof(entry->message));
}

void
connection_report(Connection *connection, const char *subscription)
{
	ConnectionHandle *handle = (ConnectionHandle *) connection;

	for (int i = 0; i < handle->notice_count; i++)
	{
		const ConnectionNotice *entry = &handle->notices[i];
		bool		is_news = entry->notice != AWSX_NOTICE_CREDENTIALS || handle->has_keys;

		char	   *message = report_clean(entry->message);

		ereport(is_news ? LOG : DEBUG1,
				(errmsg("subscription \"%s\": %s", subscription, message)));
		pfree(message);
		handle->has_keys = handle->has_keys || entry->notice == AWSX_NOTICE_CREDENTIALS;
	}
	handle->notice_count = 0;
}

/*----------
 * The client
 *----------
 */

/* The first that is there: keys of a mapping, then what the server grants. */
static AwsxCredentialsProvider *
connection_provider(const ConnectionSettings *settings, AwsxError *error)
{
	if (settings->access_key_id != NULL)
		return awsx_credentials_static(settings->access_key_id, settings->secret_access_key,
									   settings->session_token, error);
	if (settings->host)
	{
		AwsxProfileFiles files = settings->files;

		files.region = settings->sqs.region;
		files.fips = settings->fips;
		files.dual_stack = settings->dual_stack;
		return awsx_credentials_default(&files, error);
	}
	return awsx_credentials_env(error);
}

/* Null and *error when it fails; the transport is freed then. */
static AwsxClient *
connection_client(const ConnectionSettings *settings, int connections, ConnectionHandle *handle,
				  AwsxWait wait, void *wait_arg, AwsxError *error)
{
	AwsxCurlOptions curl = {
		.ca_bundle = settings->ca_bundle,
		.max_connections = connections,
		.proxy = settings->proxy
	};
	AwsxClientOptions options = {
		.wait = wait,
		.wait_arg = wait_arg,
		.on_notice = connection_on_notice,
		.notice_arg = handle
	};

	options.transport = awsx_transport_curl(&curl, error);
	if (options.transport == NULL)
		return NULL;
	options.credentials = connection_provider(settings, error);
	if (options.credentials == NULL)
	{
		options.transport->free(options.transport);
		return NULL;
	}
	return awsx_client_create(&options, error);
}

/* An on_proc_exit callback. */
static void
connection_release_all(int code, Datum arg)
{
	while (!dlist_is_empty(&connections_open))
		connection_release(dlist_head_element(ConnectionHandle, node, &connections_open));
}

/* Once a process: such callbacks cannot be taken back one by one. */
static void
connection_watch_exit(void)
{
	static bool watched = false;

	if (!watched)
		on_proc_exit(connection_release_all, (Datum) 0);
	watched = true;
}

Connection *
connection_open(const Subscription *subscription, AwsxWait wait, void *wait_arg)
{
	ConnectionHandle *handle = palloc0(sizeof(ConnectionHandle));
	int			connections = subscription->max_polls + CONNECTION_EXTRA;
	ConnectionSettings settings;
	AwsxError	error;

	connection_watch_exit();
	connection_settings_read(subscription, &settings);
	handle->connection.sqs = settings.sqs;
	handle->connection.queue_url = pstrdup(subscription->queue_url);

	handle->callback.func = connection_release;
	handle->callback.arg = handle;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &handle->callback);
	connection_acquire(handle, connections);

	awsx_error_clear(&error);
	handle->connection.client = connection_client(&settings, connections, handle, wait, wait_arg, &error);
	connection_settings_forget(&settings);
	if (handle->connection.client == NULL)
		report_aws_error(ERROR, "make an SQS client", &error);
	dlist_push_head(&connections_open, &handle->node);
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
