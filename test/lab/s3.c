/*
 * s3.c
 *		S3, path style: dispatch, signatures, errors.
 *
 * The raw path is split at its first slash after the bucket and decoded here,
 * so that "//", "." and ".." stay what they are.  An operation is chosen by
 * method, by whether there is a key, and by the subresource in the query; a
 * subresource the lab does not know is refused, never taken for a plain GET.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "codec.h"
#include "service.h"

#define TOLERANCE_MS	(15 * 60 * 1000)

typedef enum Level
{
	AT_SERVICE,
	AT_BUCKET,
	AT_KEY
} Level;

typedef struct S3Operation
{
	const char *method;
	Level		level;
	const char *subresource;	/* of the query, NULL for none */
	const char *header;			/* that must be present, NULL for none */
	const char *action;
	void		(*run) (S3Call *call);
	bool		without_bucket;	/* which need not exist */
} S3Operation;

static const S3Operation operations[] = {
	{"GET", AT_SERVICE, NULL, NULL, "ListBuckets", s3_list_buckets, true},
	{"PUT", AT_BUCKET, "versioning", NULL, "PutBucketVersioning", s3_put_versioning, false},
	{"GET", AT_BUCKET, "versioning", NULL, "GetBucketVersioning", s3_get_versioning, false},
	{"PUT", AT_BUCKET, "notification", NULL, "PutBucketNotificationConfiguration", s3_put_notification, false},
	{"GET", AT_BUCKET, "notification", NULL, "GetBucketNotificationConfiguration", s3_get_notification, false},
	{"GET", AT_BUCKET, "location", NULL, "GetBucketLocation", s3_get_location, false},
	{"GET", AT_BUCKET, "versions", NULL, "ListObjectVersions", s3_list_versions, false},
	{"GET", AT_BUCKET, "list-type", NULL, "ListObjectsV2", s3_list_objects, false},
	{"GET", AT_BUCKET, NULL, NULL, "ListObjects", s3_list_objects, false},
	{"POST", AT_BUCKET, "delete", NULL, "DeleteObjects", s3_remove_objects, false},
	{"PUT", AT_BUCKET, NULL, NULL, "CreateBucket", s3_create_bucket, true},
	{"HEAD", AT_BUCKET, NULL, NULL, "HeadBucket", s3_head_bucket, false},
	{"DELETE", AT_BUCKET, NULL, NULL, "DeleteBucket", s3_delete_bucket, false},
	{"POST", AT_KEY, "uploads", NULL, "CreateMultipartUpload", s3_create_upload, false},
	{"PUT", AT_KEY, "uploadId", NULL, "UploadPart", s3_upload_part, false},
	{"POST", AT_KEY, "uploadId", NULL, "CompleteMultipartUpload", s3_complete_upload, false},
	{"DELETE", AT_KEY, "uploadId", NULL, "AbortMultipartUpload", s3_abort_upload, false},
	{"PUT", AT_KEY, NULL, "x-amz-copy-source", "CopyObject", s3_copy_object, false},
	{"PUT", AT_KEY, NULL, NULL, "PutObject", s3_put_object, false},
	{"GET", AT_KEY, NULL, NULL, "GetObject", s3_get_object, false},
	{"HEAD", AT_KEY, NULL, NULL, "HeadObject", s3_get_object, false},
	{"DELETE", AT_KEY, NULL, NULL, "DeleteObject", s3_remove_object, false},
};

static const char *const foreign_subresources[] = {
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
	"inventory", "legal-hold", "lifecycle", "location", "logging", "metrics", "notification",
	"object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
	"requestPayment", "restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads",
	"versioning", "versions", "website",
};

typedef struct S3ErrorText
{
	const char *code;
	int			status;
	const char *message;
} S3ErrorText;

static const S3ErrorText errors[] = {
	{"AccessDenied", 403, "Access Denied"},
	{"AuthorizationHeaderMalformed", 400, "The authorization header is malformed."},
	{"BadDigest", 400, "The digest or checksum you specified did not match what we received."},
	{"BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it."},
	{"BucketNotEmpty", 409, "The bucket you tried to delete is not empty."},
	{"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
	{"IllegalLocationConstraintException", 400, "The location constraint is incompatible for the region specific endpoint this request was sent to."},
	{"IncompleteBody", 400, "The request body terminated unexpectedly"},
	{"InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."},
	{"InvalidArgument", 400, "Invalid Argument"},
	{"InvalidBucketName", 400, "The specified bucket is not valid."},
	{"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
	{"InvalidPart", 400, "One or more of the specified parts could not be found."},
	{"InvalidPartOrder", 400, "The list of parts was not in ascending order."},
	{"InvalidRange", 416, "The requested range is not satisfiable"},
	{"InvalidRequest", 400, "Invalid Request"},
	{"InvalidURI", 400, "Couldn't parse the specified URI."},
	{"KeyTooLongError", 400, "Your key is too long"},
	{"MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema"},
	{"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
	{"NoSuchBucket", 404, "The specified bucket does not exist"},
	{"NoSuchKey", 404, "The specified key does not exist."},
	{"NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."},
	{"NoSuchVersion", 404, "The specified version does not exist."},
	{"NotImplemented", 501, "A header or query you provided implies functionality that is not implemented."},
	{"NotModified", 304, "Not Modified"},
	{"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
	{"RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."},
	{"SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided."},
	{"XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed."},
};

static void
add_request_ids(Exchange *x)
{
	http_add_header(x, "x-amz-request-id", "%.8s%.4s", x->request_id, x->request_id + 9);
	http_add_header(x, "x-amz-id-2", "%s", x->request_id);
	http_add_header(x, "Server", "AmazonS3");
}

void
s3_answer_empty(Exchange *x, int status)
{
	add_request_ids(x);
	http_answer(x, status, NULL, NULL);
}

/* Only answers that say no error carry the namespace. */
void
s3_answer_xml(Exchange *x, int status, const char *root, json_t *tree)
{
	Buf			body = {0};
	Buf			inside = {0};

	xml_add(&inside, root, tree);
	json_decref(tree);
	buf_addf(&body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s%s", root,
			 status < 300 ? " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"" : "");
	buf_adds(&body, inside.data + strlen(root) + 1);
	buf_free(&inside);
	add_request_ids(x);
	http_answer(x, status, "application/xml", &body);
}

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	bool		region = strcmp(code, "AuthorizationHeaderMalformed") == 0;

	router_note_error(x, code);
	if (strcmp(x->method, "HEAD") == 0 || status == 304)
		s3_answer_empty(x, status);
	else
		s3_answer_xml(x, status, "Error",
					  json_pack("{s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:s,s:s}", "Code", code, "Message", message,
								"Key", x->key, "BucketName", x->resource[0] != '\0' ? x->resource : NULL,
								"Region", region ? cloud.region : NULL,
								"Resource", utf8_valid(x->path) ? x->path : NULL,
								"RequestId", x->request_id, "HostId", x->request_id));
}

void
s3_error_text(Exchange *x, const char *code, const char *message)
{
	size_t		i = 0;

	while (strcmp(errors[i].code, code) != 0)
		i++;
	refuse(x, errors[i].status, code, message != NULL ? message : errors[i].message);
}

void
s3_error(Exchange *x, const char *code)
{
	s3_error_text(x, code, NULL);
}

json_t *
s3_read_xml(S3Call *call, const char *root)
{
	json_t	   *inside = xml_parse(call->x->body.data, call->x->body.len, root);

	if (inside == NULL)
		s3_error(call->x, "MalformedXML");
	return inside;
}

static void
call_free(void *arg)
{
	S3Call	   *call = arg;

	free(call->bucket_name);
	free(call->key);
	free(call);
}

static bool
is_text(const Buf *part)
{
	return part->len == 0 || (strlen(part->data) == part->len && utf8_valid(part->data));
}

/* False after an answer. */
static bool
split_path(S3Call *call)
{
	Exchange   *x = call->x;
	const char *path = x->path + (x->path[0] == '/');
	size_t		bucket_len = strcspn(path, "/");
	Buf			bucket = {0};
	Buf			key = {0};
	bool		sound = x->path[0] == '/' && percent_decode(&bucket, path, bucket_len) &&
		(path[bucket_len] == '\0' || percent_decode(&key, path + bucket_len + 1, strlen(path + bucket_len + 1)));

	call->bucket_name = bucket.data;
	call->key = key.data;
	if (!sound || !is_text(&bucket) || !is_text(&key) || (bucket.len == 0 && key.len > 0))
		s3_error(x, "InvalidURI");
	else if (key.len > S3_KEY_MAX)
		s3_error(x, "KeyTooLongError");
	return !x->answered;
}

static const S3Operation *
find_operation(const S3Call *call)
{
	Level		level = call->key != NULL ? AT_KEY : call->bucket_name != NULL ? AT_BUCKET : AT_SERVICE;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
	{
		const S3Operation *operation = &operations[i];

		if (operation->level == level && strcmp(operation->method, call->x->method) == 0 &&
			(operation->subresource == NULL || http_query(call->x, operation->subresource) != NULL) &&
			(operation->header == NULL || http_header(call->x, operation->header) != NULL))
			return operation;
	}
	return NULL;
}

static bool
has_foreign_subresource(const Exchange *x)
{
	for (size_t i = 0; i < sizeof(foreign_subresources) / sizeof(foreign_subresources[0]); i++)
	{
		if (http_query(x, foreign_subresources[i]) != NULL)
			return true;
	}
	return false;
}

static void
identify(Exchange *x)
{
	S3Call	   *call = mem_zalloc(sizeof(S3Call));

	x->resource_kind = "bucket";
	x->call = call;
	x->call_free = call_free;
	call->x = x;
	if (!split_path(call))
		return;
	if (call->bucket_name != NULL)
		snprintf(x->resource, sizeof(x->resource), "%.64s", call->bucket_name);
	if (!utf8_valid(x->resource))
		x->resource[0] = '\0';
	if (call->key != NULL)
		x->key = mem_strdup(call->key);
	call->operation = find_operation(call);
	if (call->operation == NULL)
		s3_error(x, "MethodNotAllowed");
	else if (call->operation->subresource == NULL && has_foreign_subresource(x))
		s3_error(x, "NotImplemented");
	else
		x->action = call->operation->action;
}

static void
refuse_signature(Exchange *x, const AuthReport *report)
{
	static const char *const codes[] = {
		[AUTH_MISSING] = "AccessDenied",
		[AUTH_MALFORMED] = "AuthorizationHeaderMalformed",
		[AUTH_UNKNOWN_KEY] = "InvalidAccessKeyId",
		[AUTH_WRONG_REGION] = "AuthorizationHeaderMalformed",
		[AUTH_WRONG_SCOPE] = "AuthorizationHeaderMalformed",
		[AUTH_SKEWED] = "RequestTimeTooSkewed",
		[AUTH_UNSIGNED_HEADER] = "AccessDenied",
		[AUTH_MISMATCH] = "SignatureDoesNotMatch",
	};
	char		text[600];

	snprintf(text, sizeof(text), "%s%s",
			 report->verdict == AUTH_UNSIGNED_HEADER ?
			 "There were headers present in the request which were not signed: " : "",
			 report->verdict == AUTH_MISSING ? "Access Denied" : report->text);
	if (report->verdict == AUTH_WRONG_REGION)
		http_add_header(x, "x-amz-bucket-region", "%s", cloud.region);
	s3_error_text(x, codes[report->verdict], text);
}

static bool
authorise(Exchange *x)
{
	const char *claimed = http_header(x, "x-amz-content-sha256");
	AuthReport	report;
	char		hash[SHA256_HEX];

	if (claimed == NULL && http_header(x, "Authorization") != NULL)
	{
		s3_error_text(x, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
		return false;
	}
	auth_verify(x, "s3", claimed != NULL ? claimed : "", TOLERANCE_MS, &report);
	if (report.verdict != AUTH_OK)
	{
		refuse_signature(x, &report);
		return false;
	}
	if (claimed == NULL || strcmp(claimed, "UNSIGNED-PAYLOAD") == 0 || strncmp(claimed, "STREAMING-", 10) == 0)
		return true;
	sha256_hex(x->body.data, x->body.len, hash);
	if (strcmp(hash, claimed) != 0)
		s3_error(x, "XAmzContentSHA256Mismatch");
	return !x->answered;
}

static void
handle(Exchange *x)
{
	S3Call	   *call = x->call;

	if (call->bucket_name != NULL)
		call->bucket = s3_find_bucket(call->bucket_name);
	if (call->bucket == NULL && !call->operation->without_bucket)
		s3_error(x, "NoSuchBucket");
	else
		call->operation->run(call);
}

const Service s3_service = {"s3", identify, authorise, handle, refuse};
