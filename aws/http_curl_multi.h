/*
 * http_curl_multi.h
 *	  libcurl's multi handle behind one epoll descriptor; inside the
 *	  transport only.
 */
#ifndef AWSX_HTTP_CURL_MULTI_H
#define AWSX_HTTP_CURL_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"

/* An event of a socket that is not libcurl's, whose u64 is above 32 bits. */
typedef void (*AwsxCurlOther) (void *arg, uint64_t id, uint32_t events);

typedef struct AwsxCurlMulti
{
	CURLM	   *handle;			/* null until it is needed, and after its connections were dropped */
	int			epoll_fd;		/* the same for its whole life; -1 = none */
	long		kept;			/* bound of the kept connections */
	int64_t		due_us;			/* when libcurl wants to be called; -1 = never */
	int			watch_errno;	/* the kernel refused to watch a socket */
	AwsxCurlOther on_other;
	void	   *other_arg;
} AwsxCurlMulti;

/* Microseconds of a clock that never goes back. */
extern int64_t awsx_curl_now_us(void);

/* The epoll descriptor; on_other is the caller's to set.  False and *error when none can be had. */
extern bool awsx_curl_multi_open(AwsxCurlMulti *multi, int max_connections, AwsxError *error);

/* Make the handle unless it is there.  False and *error when memory ends. */
extern bool awsx_curl_multi_ready(AwsxCurlMulti *multi, AwsxError *error);

/* Close all its connections; no transfer may be in it. */
extern void awsx_curl_multi_drop(AwsxCurlMulti *multi);

/* Pass on what the kernel and the clock say, without waiting. */
extern void awsx_curl_multi_act(AwsxCurlMulti *multi);

/* Milliseconds until it wants to be called; -1 = no limit. */
extern int	awsx_curl_multi_timeout_ms(const AwsxCurlMulti *multi);

extern void awsx_curl_multi_close(AwsxCurlMulti *multi);

#endif							/* AWSX_HTTP_CURL_MULTI_H */
