/*
 * answer_code.c
 *	  What AWS's error codes mean, as one table.
 *
 * A service may say the same in two names (the JSON protocol's and the old
 * query protocol's), and emulators mix them; both are looked up in one
 * spelling, without prefix and without "Exception".  What is not in the
 * table is judged by its HTTP status.
 *
 * Sources: the error lists of SQS, S3, STS and the Redshift Data API, and
 * the AWS SDKs' lists of throttling and clock errors.
 */
#include "answer_code.h"

#include <stddef.h>
#include <string.h>

#define THROTTLED AWSX_ERR_THROTTLED, true, 0, false, false
#define SERVICE AWSX_ERR_SERVICE, true, 0, false, false
#define DAMAGED AWSX_ERR_INTEGRITY, true, 0, false, false
#define DENIED AWSX_ERR_DENIED, false, 0, false, false
#define EXPIRED AWSX_ERR_DENIED, false, 0, true, false
#define SKEWED AWSX_ERR_DENIED, false, 0, false, true
#define NOT_FOUND AWSX_ERR_NOT_FOUND, false, 0, false, false
#define REQUEST AWSX_ERR_REQUEST, false, 0, false, false
#define IN_A_MINUTE AWSX_ERR_REQUEST, false, 60000, false, false

static const AwsxCodeMeaning meanings[] = {
	{"ActiveSessionsExceeded", THROTTLED},
	{"ActiveStatementsExceeded", THROTTLED},
	{"ActiveWaitingRequestsExceeded", THROTTLED},
	{"BandwidthLimitExceeded", THROTTLED},
	{"EC2Throttled", THROTTLED},
	{"KmsThrottled", THROTTLED},
	{"LimitExceeded", THROTTLED},
	{"OverLimit", THROTTLED},
	{"PriorRequestNotComplete", THROTTLED},
	{"ProvisionedThroughputExceeded", THROTTLED},
	{"RequestLimitExceeded", THROTTLED},
	{"RequestThrottled", THROTTLED},
	{"ServiceUnavailable", THROTTLED},
	{"SlowDown", THROTTLED},
	{"Throttled", THROTTLED},
	{"Throttling", THROTTLED},
	{"TooManyRequests", THROTTLED},
	{"TransactionInProgress", THROTTLED},

	{"BatchExecuteStatement", SERVICE},
	{"ConditionalRequestConflict", SERVICE},
	{"DatabaseConnection", SERVICE},
	{"ExecuteStatement", SERVICE},
	{"IDPCommunicationError", SERVICE},
	{"IncompleteBody", SERVICE},
	{"InternalError", SERVICE},
	{"InternalFailure", SERVICE},
	{"InternalServer", SERVICE},
	{"InternalServerError", SERVICE},
	{"OperationAborted", SERVICE},
	{"RequestTimeout", SERVICE},
	{"TemporaryRedirect", SERVICE},

	{"BadDigest", DAMAGED},
	{"XAmzContentSHA256Mismatch", DAMAGED},

	{"ExpiredToken", EXPIRED},
	{"InvalidClientTokenId", EXPIRED},
	{"TokenRefreshRequired", EXPIRED},
	{"UnrecognizedClient", EXPIRED},

	{"AuthFailure", SKEWED},
	{"InvalidSignature", SKEWED},
	{"RequestExpired", AWSX_ERR_DENIED, false, 0, true, true},
	{"RequestInTheFuture", SKEWED},
	{"RequestTimeTooSkewed", SKEWED},
	{"SignatureDoesNotMatch", SKEWED},

	{"AccessDenied", DENIED},
	{"AllAccessDisabled", DENIED},
	{"IDPRejectedClaim", DENIED},
	{"IncompleteSignature", DENIED},
	{"InvalidAccessKeyId", DENIED},
	{"InvalidIdentityToken", DENIED},
	{"InvalidSecurity", DENIED},
	{"InvalidToken", DENIED},
	{"KmsAccessDenied", DENIED},
	{"KmsDisabled", DENIED},
	{"KmsInvalidKeyUsage", DENIED},
	{"KmsInvalidState", DENIED},
	{"KmsNotFound", DENIED},
	{"KmsOptInRequired", DENIED},
	{"MissingAuthenticationToken", DENIED},
	{"NotAuthorized", DENIED},
	{"OptInRequired", DENIED},
	{"RegionDisabled", DENIED},

	{"NoSuchBucket", NOT_FOUND},
	{"NoSuchKey", NOT_FOUND},
	{"NoSuchVersion", NOT_FOUND},
	{"NonExistentQueue", NOT_FOUND},
	{"QueueDoesNotExist", NOT_FOUND},
	{"ResourceNotFound", NOT_FOUND},

	{"InvalidObjectState", REQUEST},
	{"PurgeQueueInProgress", IN_A_MINUTE},
	{"QueueDeletedRecently", IN_A_MINUTE},
	{"ReceiptHandleIsInvalid", REQUEST},
};

static bool
same_code(const char *code, const char *known)
{
	size_t		len = strlen(known);

	return strncmp(code, known, len) == 0 &&
		(code[len] == '\0' || strcmp(code + len, "Exception") == 0);
}

const AwsxCodeMeaning *
awsx_answer_code(const char *code)
{
	const char *dot = strrchr(code, '.');

	if (dot != NULL)
		code = dot + 1;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
	{
		if (same_code(code, meanings[i].code))
			return &meanings[i];
	}
	return NULL;
}
