/*
 * http_curl_multi.c
 *	  libcurl's multi handle behind one epoll descriptor.
 *
 * libcurl tells through two callbacks which sockets it wants watched and when
 * it wants to be called; events and due time are passed on from here.  The
 * handle may go and come again, since that is how all kept connections are
 * dropped; the descriptor stays, because owners have it in their own sets.
 */
#include "http_curl_multi.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "sigmask.h"

#define DEFAULT_CONNECTIONS 16
#define EVENTS_A_ROUND 32
#define MAX_ROUNDS 16

/*----------
 * What libcurl asks for: sockets and time
 *----------
 */

int64_t
awsx_curl_now_us(void)
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
	AwsxCurlMulti *multi = arg;
	struct epoll_event event = {0};
	int			result;

	(void) easy;
	(void) socket_arg;
	if (what == CURL_POLL_REMOVE)
	{
		(void) epoll_ctl(multi->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	event.data.u64 = (uint32_t) fd;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		event.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		event.events |= EPOLLOUT;
	result = epoll_ctl(multi->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	if (result != 0 && errno == ENOENT)
		result = epoll_ctl(multi->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	if (result != 0 && errno != EEXIST && errno != EBADF && errno != ENOENT)
		multi->watch_errno = errno;
	return 0;
}

static int
on_timer(CURLM *handle, long timeout_ms, void *arg)
{
	AwsxCurlMulti *multi = arg;

	(void) handle;
	multi->due_us = timeout_ms < 0 ? -1 : awsx_curl_now_us() + (int64_t) timeout_ms * 1000;
	return 0;
}

/*----------
 * Coming and going
 *----------
 */

bool
awsx_curl_multi_open(AwsxCurlMulti *multi, int max_connections, AwsxError *error)
{
	*multi = (AwsxCurlMulti) {
		.kept = max_connections > 0 ? max_connections : DEFAULT_CONNECTIONS,
		.due_us = -1
	};
	multi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (multi->epoll_fd >= 0)
		return true;
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "no epoll descriptor can be had (errno %d): raise the limit of "
						  "open files", errno);
}

/*
 * The bound is on kept connections, not on open ones: a call must never
 * queue behind the long polls of others.
 */
static bool
set_up(AwsxCurlMulti *multi, CURLM *handle)
{
#if LIBCURL_VERSION_NUM >= 0x081400
	/* since 8.20 threads that resolve names belong to this handle: its end shall not wait for them either */
	curl_multi_setopt(handle, CURLMOPT_QUICK_EXIT, 1L);
#endif
	return curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS, multi->kept) == CURLM_OK &&
		curl_multi_setopt(handle, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) == CURLM_OK &&
		curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
		curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi) == CURLM_OK &&
		curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
		curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi) == CURLM_OK;
}

bool
awsx_curl_multi_ready(AwsxCurlMulti *multi, AwsxError *error)
{
	CURLM	   *handle;

	if (multi->handle != NULL)
		return true;
	handle = curl_multi_init();
	if (handle == NULL || !set_up(multi, handle))
	{
		(void) curl_multi_cleanup(handle);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	}
	multi->handle = handle;
	return true;
}

void
awsx_curl_multi_drop(AwsxCurlMulti *multi)
{
	sigset_t	saved;

	if (multi->handle == NULL)
		return;
	awsx_sigmask_block(&saved);
	(void) curl_multi_cleanup(multi->handle);
	awsx_sigmask_restore(&saved);
	multi->handle = NULL;
	multi->due_us = -1;
}

void
awsx_curl_multi_close(AwsxCurlMulti *multi)
{
	awsx_curl_multi_drop(multi);
	if (multi->epoll_fd >= 0)
		(void) close(multi->epoll_fd);
	multi->epoll_fd = -1;
}

/*----------
 * Events
 *----------
 */

static void
act(AwsxCurlMulti *multi, curl_socket_t fd, int bits)
{
	int			running;

	(void) curl_multi_socket_action(multi->handle, fd, bits, &running);
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
act_on_timer(AwsxCurlMulti *multi)
{
	long		timeout_ms = -1;

	multi->due_us = -1;
	act(multi, CURL_SOCKET_TIMEOUT, 0);
	if (multi->due_us < 0 &&
		curl_multi_timeout(multi->handle, &timeout_ms) == CURLM_OK && timeout_ms >= 0)
		multi->due_us = awsx_curl_now_us() + (int64_t) (timeout_ms > 0 ? timeout_ms : 1) * 1000;
}

/* One round; false when there was nothing that calls for another. */
static bool
act_once(AwsxCurlMulti *multi)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int			count = epoll_wait(multi->epoll_fd, events, EVENTS_A_ROUND, 0);
	bool		due = multi->due_us >= 0 && awsx_curl_now_us() >= multi->due_us;
	int			others = 0;
	sigset_t	saved;

	for (int i = 0; i < count; i++)
	{
		if (events[i].data.u64 <= UINT32_MAX)
			continue;
		others++;
		multi->on_other(multi->other_arg, events[i].data.u64, events[i].events);
	}
	if ((others >= count && !due) || multi->handle == NULL)
		return count == EVENTS_A_ROUND;
	awsx_sigmask_block(&saved);
	for (int i = 0; i < count; i++)
	{
		if (events[i].data.u64 <= UINT32_MAX)
			act(multi, (curl_socket_t) events[i].data.u64, bits_of(events[i].events));
	}
	if (due)
		act_on_timer(multi);
	awsx_sigmask_restore(&saved);
	return true;
}

/* Bounded, so that a busy peer cannot keep the owner from its other work. */
void
awsx_curl_multi_act(AwsxCurlMulti *multi)
{
	for (int round = 0; round < MAX_ROUNDS && multi->handle != NULL; round++)
	{
		if (!act_once(multi))
			break;
	}
}

/* Rounded up: an owner that wakes too early would wait for nothing. */
int
awsx_curl_multi_timeout_ms(const AwsxCurlMulti *multi)
{
	int64_t		left_ms;

	if (multi->watch_errno != 0)
		return 0;
	if (multi->due_us < 0)
		return -1;
	left_ms = (multi->due_us - awsx_curl_now_us() + 999) / 1000;
	return left_ms <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int) left_ms;
}
