/*
 * error.h
 *	  What went wrong, as a value.
 *
 * An AwsxError is filled in place by the function that failed; there are no
 * globals and nothing to free.  The kind says what a caller can do about it,
 * the code is AWS's own word where AWS spoke, the message is one sentence
 * without a newline, a secret or a payload.
 */
#ifndef AWSX_ERROR_H
#define AWSX_ERROR_H

#include <stdbool.h>

typedef enum AwsxErrorKind
{
	AWSX_OK = 0,
	AWSX_ERR_MEMORY,			/* an allocation failed */
	AWSX_ERR_CONFIG,			/* an argument or setting is wrong; nothing was sent */
	AWSX_ERR_CREDENTIALS,		/* no provider gave credentials */
	AWSX_ERR_TRANSPORT,			/* no (whole) answer: connect, TLS, reset */
	AWSX_ERR_TIMEOUT,			/* no answer in time */
	AWSX_ERR_CANCELLED,			/* the caller asked to stop */
	AWSX_ERR_THROTTLED,			/* AWS asks to slow down */
	AWSX_ERR_SERVICE,			/* 5xx: the service's fault */
	AWSX_ERR_DENIED,			/* signature, token or permission refused */
	AWSX_ERR_NOT_FOUND,			/* queue, bucket, object or version is missing */
	AWSX_ERR_REQUEST,			/* any other refusal of this very request */
	AWSX_ERR_PROTOCOL,			/* the answer cannot be understood */
	AWSX_ERR_INTEGRITY			/* a digest of the answer does not match */
} AwsxErrorKind;

typedef struct AwsxError
{
	AwsxErrorKind kind;
	int			http_status;	/* 0 when there was no answer */
	int			retry_after_ms; /* what the answer asked for, or 0 */
	bool		retryable;		/* the same request may succeed later */
	char		code[96];		/* AWS's code without namespace, or "" */
	char		request_id[80]; /* AWS's request id, or "" */
	char		region[64];		/* where the bucket is, when it is elsewhere; or "" */
	char		message[600];
} AwsxError;

/* Forget what is in the error. */
extern void awsx_error_clear(AwsxError *error);

/*
 * Fill the error; returns false, so that a function can end with
 * "return awsx_error_set(...)".  A null error is allowed.
 */
extern bool awsx_error_set(AwsxError *error, AwsxErrorKind kind, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/*
 * Say it in other words: kind and message are replaced, all else stays.  An
 * argument may be error->message.
 */
extern void awsx_error_retell(AwsxError *error, AwsxErrorKind kind, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* A lower-case word for the kind, for logs: "throttled", "timeout", ... */
extern const char *awsx_error_kind_name(AwsxErrorKind kind);

#endif							/* AWSX_ERROR_H */
