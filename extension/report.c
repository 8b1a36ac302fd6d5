/*
 * report.c
 *	  AWS errors as PostgreSQL reports them.
 *
 * The SQLSTATE says who has to act: class 08, 53 and 58 are outages that
 * pass by themselves; 22, 28 and 42 need a person; HV000 is a refusal that
 * has no SQLSTATE of its own.  What AWS wrote comes from outside: bytes that
 * are not valid in the database's encoding are shown as '?', so that
 * reporting an error cannot raise another one.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "report.h"

/* Codes by which AWS says that it does not know who is calling. */
static const char *const report_identity_codes[] = {
	"ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
	"IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
	"InvalidSecurity", "InvalidSignatureException", "MissingAuthenticationToken",
	"MissingAuthenticationTokenException", "RequestExpired", "SignatureDoesNotMatch",
	"TokenRefreshRequired", "UnrecognizedClientException", NULL
};

/* Denied because of the keys (true), or because of a missing permission? */
static bool
report_is_identity(const AwsxError *error)
{
	for (int i = 0; report_identity_codes[i] != NULL; i++)
	{
		if (strcmp(error->code, report_identity_codes[i]) == 0)
			return true;
	}
	return false;
}

int
report_sqlstate(const AwsxError *error)
{
	switch (error->kind)
	{
		case AWSX_OK:
			return ERRCODE_SUCCESSFUL_COMPLETION;
		case AWSX_ERR_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case AWSX_ERR_CONFIG:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case AWSX_ERR_CREDENTIALS:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		case AWSX_ERR_TRANSPORT:
		case AWSX_ERR_TIMEOUT:
			return ERRCODE_CONNECTION_FAILURE;
		case AWSX_ERR_CANCELLED:
			return ERRCODE_QUERY_CANCELED;
		case AWSX_ERR_THROTTLED:
			return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		case AWSX_ERR_SERVICE:
			return ERRCODE_SYSTEM_ERROR;
		case AWSX_ERR_DENIED:
			return report_is_identity(error) ? ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION :
				ERRCODE_INSUFFICIENT_PRIVILEGE;
		case AWSX_ERR_NOT_FOUND:
			return ERRCODE_UNDEFINED_OBJECT;
		case AWSX_ERR_REQUEST:
			return ERRCODE_FDW_ERROR;
		case AWSX_ERR_PROTOCOL:
			return ERRCODE_PROTOCOL_VIOLATION;
		case AWSX_ERR_INTEGRITY:
			return ERRCODE_IO_ERROR;
	}
	return ERRCODE_FDW_ERROR;
}

const char *
report_hint(const AwsxError *error)
{
	switch (error->kind)
	{
		case AWSX_ERR_CONFIG:
			return "Check the queue URL and the options of the foreign server.";
		case AWSX_ERR_CREDENTIALS:
			return "Create a user mapping with access_key_id and secret_access_key for the subscription's owner, or have a superuser set the server option credentials to 'host' or 'environment' and give the PostgreSQL server's host credentials.";
		case AWSX_ERR_TRANSPORT:
			return "Check that this host reaches the endpoint (network, name resolution, TLS certificates).";
		case AWSX_ERR_TIMEOUT:
			return "Check that this host reaches the endpoint; a firewall may drop its packets.";
		case AWSX_ERR_THROTTLED:
			return "AWS asks to slow down; it is tried again by itself. Check the quotas of the queue.";
		case AWSX_ERR_SERVICE:
			return "The fault is on the side of AWS; it passes by itself.";
		case AWSX_ERR_DENIED:
			return report_is_identity(error) ?
				"Check the access key, the session token's age and this host's clock." :
				"Allow sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes on the queue for this identity.";
		case AWSX_ERR_NOT_FOUND:
			return "Check the region, the account and the name in the queue URL.";
		case AWSX_ERR_PROTOCOL:
			return "Check that the endpoint is an SQS service and not a proxy that answers in its place.";
		case AWSX_ERR_INTEGRITY:
			return "The answer was damaged on its way and has been discarded; look for a proxy that changes it if this persists.";
		default:
			return NULL;
	}
}

char *
report_clean(const char *text)
{
	char	   *copy = pstrdup(text);
	bool		valid = GetDatabaseEncoding() == PG_UTF8 &&
		pg_verify_mbstr(PG_UTF8, copy, strlen(copy), true);

	for (char *p = copy; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ' || *p == 0x7f || (!valid && IS_HIGHBIT_SET(*p)))
			*p = '?';
	}
	return copy;
}

/* What AWS said besides its message, or null when it said nothing. */
static char *
report_detail(const AwsxError *error)
{
	StringInfoData detail;

	if (error->http_status == 0)
		return NULL;

	initStringInfo(&detail);
	appendStringInfo(&detail, "The answer was HTTP %d", error->http_status);
	if (error->code[0] != '\0')
		appendStringInfo(&detail, ", %s", report_clean(error->code));
	if (error->request_id[0] != '\0')
		appendStringInfo(&detail, " (request id %s)", report_clean(error->request_id));
	appendStringInfoChar(&detail, '.');
	return detail.data;
}

static void
report_with_hint(int elevel, const char *what, const AwsxError *error, const char *hint)
{
	char	   *detail = report_detail(error);

	ereport(elevel,
			(errcode(report_sqlstate(error)),
			 errmsg("could not %s: %s", what, report_clean(error->message)),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

void
report_aws_error(int elevel, const char *what, const AwsxError *error)
{
	report_with_hint(elevel, what, error, report_hint(error));
}

void
report_aws_denial(int elevel, const char *what, const AwsxError *error, const char *permissions)
{
	const char *hint = report_hint(error);

	if (error->kind == AWSX_ERR_DENIED && !report_is_identity(error))
		hint = psprintf("Allow %s for this identity.", permissions);
	report_with_hint(elevel, what, error, hint);
}
