/*
 * http_curl.c
 *	  The transport over libcurl.
 *
 * One multi handle; its sockets are watched by an epoll descriptor of our
 * own, which is what the owner waits on, together with whatever else it
 * waits for.  libcurl tells through two callbacks which sockets it wants
 * watched and when it wants to be called; drive passes events and due time
 * on, then reports the exchanges that ended.
 *
 * An exchange is an easy handle and its strings, owned by the transport from
 * start to the report; the call itself is the owner's.  done is called with
 * no libcurl frame below, so it may start and cancel.
 *
 * libcurl's resolver runs in threads of its own.  They inherit the signal
 * mask of the moment they are made, so all signals but those of a crash are
 * blocked around the calls that may make one: a handler of the host process
 * must never run on such a thread.
 */
#include "http.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "ca_bundle.h"
#include "http_curl_exchange.h"
#include "sigmask.h"

#define DEFAULT_CONNECTIONS 16
#define DEFAULT_USER_AGENT "pg_sqs"
#define EVENTS_A_ROUND 32
#define MAX_ROUNDS 16

typedef struct CurlTransport
{
	AwsxTransport base;
	CURLM	   *multi;
	int			epoll_fd;
	int64_t		due_us;			/* when libcurl wants to be called; -1 = never */
	int			watch_errno;	/* the kernel refused to watch a socket */
	AwsxCurlSettings settings;
	AwsxCurlExchange *exchanges;
} CurlTransport;

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;

/*----------
 * What libcurl asks for: sockets and time
 *----------
 */

static int64_t
now_us(void)
{
	struct timespec now = {0, 0};

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * Errors that only say that the kernel and libcurl disagree on whether a
 * socket is watched are no errors: a closed socket leaves the set by itself,
 * and its number may already be another socket's.
 */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	CurlTransport *transport = arg;
	struct epoll_event event = {0};
	int			result;

	(void) easy;
	(void) socket_arg;
	if (what == CURL_POLL_REMOVE)
	{
		(void) epoll_ctl(transport->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.data.fd = fd;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		event.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		event.events |= EPOLLOUT;
	result = epoll_ctl(transport->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	if (result != 0 && errno == ENOENT)
		result = epoll_ctl(transport->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (result != 0 && errno != EEXIST && errno != EBADF && errno != ENOENT)
		transport->watch_errno = errno;
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	CurlTransport *transport = arg;

	(void) multi;
	transport->due_us = timeout_ms < 0 ? -1 : now_us() + (int64_t) timeout_ms * 1000;
	return 0;
}

/*----------
 * The transport's functions
 *----------
 */

/* Take an exchange out of libcurl and the list; signals are masked. */
static void
detach(CurlTransport *transport, AwsxCurlExchange *exchange)
{
	(void) curl_multi_remove_handle(transport->multi, exchange->easy);
	if (exchange->prev != NULL)
		exchange->prev->next = exchange->next;
	else
		transport->exchanges = exchange->next;
	if (exchange->next != NULL)
		exchange->next->prev = exchange->prev;
	exchange->call->handle = NULL;
}

static bool
transport_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	CurlTransport *transport = (CurlTransport *) self;
	AwsxCurlExchange *exchange = awsx_curl_exchange_create(&transport->settings, call, error);
	CURLMcode	result;
	sigset_t	saved;

	if (exchange == NULL)
		return false;
	awsx_sigmask_block(&saved);
	result = curl_multi_add_handle(transport->multi, exchange->easy);
	awsx_sigmask_restore(&saved);
	if (result != CURLM_OK)
	{
		awsx_curl_exchange_free(exchange);
		awsx_http_response_free(&call->response);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "libcurl cannot start a transfer: %s",
							  curl_multi_strerror(result));
	}
	exchange->next = transport->exchanges;
	if (exchange->next != NULL)
		exchange->next->prev = exchange;
	transport->exchanges = exchange;
	call->handle = exchange;
	return true;
}

static void
transport_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	CurlTransport *transport = (CurlTransport *) self;
	AwsxCurlExchange *exchange = call->handle;
	sigset_t	saved;

	if (exchange == NULL)
		return;
	awsx_sigmask_block(&saved);
	detach(transport, exchange);
	awsx_curl_exchange_free(exchange);
	awsx_sigmask_restore(&saved);
	awsx_http_response_free(&call->response);
}

static void
act(CurlTransport *transport, curl_socket_t fd, int bits)
{
	sigset_t	saved;
	int			running;

	awsx_sigmask_block(&saved);
	(void) curl_multi_socket_action(transport->multi, fd, bits, &running);
	awsx_sigmask_restore(&saved);
}

static int
bits_of(uint32_t events)
{
	int			bits = 0;

	if (events & EPOLLIN)
		bits |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		bits |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		bits |= CURL_CSELECT_ERR;
	return bits;
}

/*
 * libcurl does not repeat a timer that it believes set, so when the callback
 * was not called its wish is asked for.
 */
static void
act_on_timer(CurlTransport *transport)
{
	long		timeout_ms = -1;

	transport->due_us = -1;
	act(transport, CURL_SOCKET_TIMEOUT, 0);
	if (transport->due_us < 0 &&
		curl_multi_timeout(transport->multi, &timeout_ms) == CURLM_OK && timeout_ms >= 0)
		transport->due_us = now_us() + (int64_t) (timeout_ms > 0 ? timeout_ms : 1) * 1000;
}

/* Bounded, so that a busy peer cannot keep the owner from its other work. */
static void
act_on_events(CurlTransport *transport)
{
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		struct epoll_event events[EVENTS_A_ROUND];
		int			count = epoll_wait(transport->epoll_fd, events, EVENTS_A_ROUND, 0);
		bool		due = transport->due_us >= 0 && now_us() >= transport->due_us;

		for (int i = 0; i < count; i++)
			act(transport, events[i].data.fd, bits_of(events[i].events));
		if (due)
			act_on_timer(transport);
		if (count <= 0 && !due)
			break;
	}
}

static void
report(CurlTransport *transport, AwsxCurlExchange *exchange, CURLcode code)
{
	AwsxHttpCall *call = exchange->call;
	sigset_t	saved;

	awsx_curl_exchange_finish(exchange, code);
	awsx_sigmask_block(&saved);
	detach(transport, exchange);
	awsx_curl_exchange_free(exchange);
	awsx_sigmask_restore(&saved);
	call->done(call);
}

/*
 * A socket that nobody watches would hang its exchange: end them all, the
 * oldest first, but not those that a report starts (they go to the front).
 */
static void
report_unwatched(CurlTransport *transport)
{
	int			cause = transport->watch_errno;
	int			count = 0;

	transport->watch_errno = 0;
	for (AwsxCurlExchange *each = transport->exchanges; each != NULL; each = each->next)
		count++;
	while (count-- > 0 && transport->exchanges != NULL)
	{
		AwsxCurlExchange *last = transport->exchanges;

		while (last->next != NULL)
			last = last->next;
		(void) snprintf(last->detail, sizeof(last->detail),
						"a socket cannot be watched (errno %d)", cause);
		report(transport, last, CURLE_RECV_ERROR);
	}
}

static void
transport_drive(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;
	CURLMsg    *message;
	int			left;

	act_on_events(transport);
	while ((message = curl_multi_info_read(transport->multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		char	   *exchange = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void) curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
		report(transport, (AwsxCurlExchange *) (void *) exchange, code);
	}
	if (transport->watch_errno != 0)
		report_unwatched(transport);
}

static int
transport_fd(AwsxTransport *self)
{
	return ((CurlTransport *) self)->epoll_fd;
}

/* Rounded up: an owner that wakes too early would wait for nothing. */
static int
transport_timeout_ms(AwsxTransport *self)
{
	const CurlTransport *transport = (CurlTransport *) self;
	int64_t		left_ms;

	if (transport->watch_errno != 0)
		return 0;
	if (transport->due_us < 0)
		return -1;
	left_ms = (transport->due_us - now_us() + 999) / 1000;
	return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int) left_ms;
}

static void
transport_free(AwsxTransport *self)
{
	CurlTransport *transport = (CurlTransport *) self;
	sigset_t	saved;

	while (transport->exchanges != NULL)
		transport_cancel(self, transport->exchanges->call);
	awsx_sigmask_block(&saved);
	if (transport->multi != NULL)
		(void) curl_multi_cleanup(transport->multi);
	awsx_sigmask_restore(&saved);
	if (transport->epoll_fd >= 0)
		(void) close(transport->epoll_fd);
	free(transport->settings.ca_bundle);
	free(transport->settings.user_agent);
	free(transport);
}

/*----------
 * Making a transport
 *----------
 */

static void
init_libcurl(void)
{
	sigset_t	saved;

	awsx_sigmask_block(&saved);
	global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
	awsx_sigmask_restore(&saved);
}

/* 8.9.0 spins on sockets that have nothing to do with a transfer (curl#14280). */
static bool
libcurl_usable(AwsxError *error)
{
	const curl_version_info_data *info;

	(void) pthread_once(&global_once, init_libcurl);
	if (global_result != CURLE_OK)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "libcurl cannot be initialised: %s",
							  curl_easy_strerror(global_result));
	info = curl_version_info(CURLVERSION_NOW);
	if (info->version_num == 0x080900)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "libcurl 8.9.0 cannot be used: install 8.9.1 or another version");
	return true;
}

static const char *
built_in_ca_bundle(void)
{
#if LIBCURL_VERSION_NUM >= 0x074600
	return curl_version_info(CURLVERSION_NOW)->cainfo;
#else
	return NULL;
#endif
}

/* False when memory ends or a named file cannot be read. */
static bool
copy_settings(AwsxCurlSettings *settings, const AwsxCurlOptions *options, AwsxError *error)
{
	const char *user_agent = options->user_agent != NULL ? options->user_agent : DEFAULT_USER_AGENT;
	const char *ca_bundle;

	if (!awsx_ca_bundle_find(options->ca_bundle, built_in_ca_bundle(), &ca_bundle, error))
		return false;
	settings->fresh_connections = options->fresh_connections;
	settings->user_agent = strdup(user_agent);
	if (ca_bundle != NULL)
		settings->ca_bundle = strdup(ca_bundle);
	if (settings->user_agent == NULL || (ca_bundle != NULL && settings->ca_bundle == NULL))
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	return true;
}

static bool
open_handles(CurlTransport *transport, int max_connections, AwsxError *error)
{
	long		kept = max_connections > 0 ? max_connections : DEFAULT_CONNECTIONS;

	transport->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (transport->epoll_fd < 0)
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "no epoll descriptor can be had (errno %d): raise the limit of "
							  "open files", errno);
	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");

	/*
	 * The bound is on kept connections, not on open ones: a call must never
	 * queue behind the long polls of others.
	 */
	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, kept);
	curl_multi_setopt(transport->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(transport->multi, CURLMOPT_SOCKETDATA, transport);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(transport->multi, CURLMOPT_TIMERDATA, transport);
	return true;
}

AwsxTransport *
awsx_transport_curl(const AwsxCurlOptions *options, AwsxError *error)
{
	static const AwsxCurlOptions defaults = {0};
	CurlTransport *transport;

	if (options == NULL)
		options = &defaults;
	if (!libcurl_usable(error))
		return NULL;
	transport = calloc(1, sizeof(*transport));
	if (transport == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	transport->base = (AwsxTransport) {
		transport_start, transport_cancel, transport_drive, transport_fd, transport_timeout_ms, transport_free
	};
	transport->epoll_fd = -1;
	transport->due_us = -1;
	if (!copy_settings(&transport->settings, options, error) ||
		!open_handles(transport, options->max_connections, error))
	{
		transport_free(&transport->base);
		return NULL;
	}
	return &transport->base;
}
