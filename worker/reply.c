/*
 * reply.c
 *	  How an invocation fails, in the words that Lambda records.
 */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "reply.h"

const char *
reply_error_type(AwsxErrorKind kind)
{
	static const char *const types[] = {
		[AWSX_OK] = "Function.Unknown",
		[AWSX_ERR_MEMORY] = "Function.OutOfMemory",
		[AWSX_ERR_CONFIG] = "Function.Configuration",
		[AWSX_ERR_CREDENTIALS] = "Function.Credentials",
		[AWSX_ERR_TRANSPORT] = "Function.Network",
		[AWSX_ERR_TIMEOUT] = "Function.Timeout",
		[AWSX_ERR_CANCELLED] = "Function.Deadline",
		[AWSX_ERR_THROTTLED] = "Function.Throttled",
		[AWSX_ERR_SERVICE] = "Function.ServiceFault",
		[AWSX_ERR_DENIED] = "Function.AccessDenied",
		[AWSX_ERR_NOT_FOUND] = "Function.NotFound",
		[AWSX_ERR_REQUEST] = "Function.Refused",
		[AWSX_ERR_PROTOCOL] = "Function.Protocol",
		[AWSX_ERR_INTEGRITY] = "Function.Integrity"
	};

	if ((size_t) kind >= sizeof(types) / sizeof(types[0]) || types[kind] == NULL)
		return types[AWSX_OK];
	return types[kind];
}

/* The environment never gets new keys. */
bool
reply_must_leave(const AwsxError *error)
{
	return strncmp(error->code, "ExpiredToken", 12) == 0;
}

void
reply_fail(RuntimeReply *reply, const char *type, const AwsxError *error)
{
	reply->failed = true;
	snprintf(reply->error_type, sizeof(reply->error_type), "%s", type);
	snprintf(reply->error_message, sizeof(reply->error_message), "%s%.440s",
			 error->kind == AWSX_ERR_CANCELLED ? "the function's timeout came too near: " : "",
			 error->message);
	reply->leave = reply_must_leave(error);
	log_error(LOG_ERROR, "the invocation fails, Lambda will repeat it", error);
}
