/*
 * s3.c
 *		S3: dispatch, signatures, regions, errors.
 *
 * The bucket is the path's first part or, virtual-hosted, the host name's; the
 * raw path is decoded here, so that "//", "." and ".." stay what they are.
 * One table says what the lab does: by method, by what the path names, and by
 * the parameters of the query; whatever is not in it answers NotImplemented.
 *
 * One port is the endpoint of the cloud's region, and what it would redirect
 * to as well: a request for a bucket elsewhere is sent away as that endpoint
 * does, until it is signed for the bucket's region.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service.h"
#include "xml.h"

typedef struct S3Operation
{
	const char *what;			/* the method, and what the path names */
	const char *subresource;	/* of the query, NULL for none */
	const char *parameters;		/* others that are understood, separated and enclosed by blanks */
	const char *action;
	void		(*run) (S3Call *call);
} S3Operation;

static const S3Operation operations[] = {
	{"GET service", NULL, "", "ListBuckets", s3_list_buckets},
	{"PUT bucket", "versioning", "", "PutBucketVersioning", s3_put_versioning},
	{"GET bucket", "versioning", "", "GetBucketVersioning", s3_get_versioning},
	{"PUT bucket", "notification", "", "PutBucketNotificationConfiguration", s3_put_notification},
	{"GET bucket", "notification", "", "GetBucketNotificationConfiguration", s3_get_notification},
	{"GET bucket", "location", "", "GetBucketLocation", s3_get_location},
	{"GET bucket", "list-type", " prefix delimiter max-keys continuation-token start-after encoding-type fetch-owner ",
	"ListObjectsV2", s3_list_objects},
	{"PUT bucket", NULL, "", "CreateBucket", s3_create_bucket},
	{"HEAD bucket", NULL, "", "HeadBucket", s3_head_bucket},
	{"DELETE bucket", NULL, "", "DeleteBucket", s3_delete_bucket},
	{"PUT key", NULL, "", "PutObject", s3_put_object},
	{"GET key", NULL, " versionId ", "GetObject", s3_get_object},
	{"HEAD key", NULL, " versionId ", "HeadObject", s3_get_object},
	{"DELETE key", NULL, " versionId ", "DeleteObject", s3_delete_object},
};

/* Headers that would change what a request does, and that the lab does not know. */
static const char *const foreign_headers[] = {
	"x-amz-copy-source", "x-amz-write-offset-bytes", "x-amz-server-side-encryption-customer-algorithm",
	"If-Modified-Since", "If-Unmodified-Since",
};

static const struct
{
	const char *code;
	int			status;
	const char *message;
}			errors[] = {
	{"AccessDenied", 403, "Access Denied"},
	{"AuthorizationHeaderMalformed", 400, "The authorization header is malformed."},
	{"BadDigest", 400, "The digest or checksum you specified did not match what we received."},
	{"BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it."},
	{"BucketNotEmpty", 409, "The bucket you tried to delete is not empty."},
	{"IllegalLocationConstraintException", 400, "The location constraint is incompatible for the region specific endpoint this request was sent to."},
	{"IncompleteBody", 400, "The request body terminated unexpectedly"},
	{"InvalidArgument", 400, "Invalid Argument"},
	{"InvalidBucketName", 400, "The specified bucket is not valid."},
	{"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
	{"InvalidObjectState", 403, "The operation is not valid for the object's storage class"},
	{"InvalidRange", 416, "The requested range is not satisfiable"},
	{"InvalidRequest", 400, "A header of the request is missing or has no valid value."},
	{"InvalidURI", 400, "Couldn't parse the specified URI."},
	{"KeyTooLongError", 400, "Your key is too long"},
	{"MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema."},
	{"MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema"},
	{"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
	{"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
	{"NoSuchBucket", 404, "The specified bucket does not exist"},
	{"NoSuchKey", 404, "The specified key does not exist."},
	{"NoSuchVersion", 404, "The specified version does not exist."},
	{"NotImplemented", 501, "A header or query you provided implies functionality that is not implemented."},
	{"NotModified", 304, "Not Modified"},
	{"PermanentRedirect", 301, "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."},
	{"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
};

void
s3_add_request_ids(Exchange *x)
{
	http_add_header(x, "x-amz-request-id", "%.8s%.4s", x->request_id, x->request_id + 9);
	http_add_header(x, "x-amz-id-2", "%s", x->request_id);
	http_add_header(x, "Server", "AmazonS3");
}

/* Only answers that say no error carry the namespace. */
void
s3_answer(Exchange *x, int status, const char *root, json_t *tree)
{
	Buf			body = {0};
	Buf			inside = {0};

	s3_add_request_ids(x);
	if (root != NULL)
	{
		xml_add(&inside, root, tree);
		buf_addf(&body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s%s%s", root,
				 status < 300 ? " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"" : "", inside.data + strlen(root) + 1);
		buf_free(&inside);
	}
	json_decref(tree);
	http_answer(x, status, root != NULL ? "application/xml" : NULL, &body);
}

static void
answer_error(Exchange *x, int status, const char *code, const char *message, json_t *details)
{
	json_t	   *tree = json_pack("{s:s,s:s,s:s*,s:s*}", "Code", code, "Message", message, "Key", x->key,
								 "BucketName", x->resource[0] != '\0' ? x->resource : NULL);

	router_note_error(x, code);
	json_object_update(tree, details);
	json_object_set_new(tree, "RequestId", json_sprintf("%.8s%.4s", x->request_id, x->request_id + 9));
	json_object_set_new(tree, "HostId", json_string(x->request_id));
	json_decref(details);
	s3_answer(x, status, strcmp(x->method, "HEAD") == 0 || status == 304 ? NULL : "Error", tree);
}

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	answer_error(x, status, code, message, NULL);
}

void
s3_error(Exchange *x, const char *code, json_t *details)
{
	size_t		i = 0;

	while (strcmp(errors[i].code, code) != 0)
		i++;
	answer_error(x, errors[i].status, code, errors[i].message, details);
}

json_t *
s3_read_xml(S3Call *call, const char *root)
{
	json_t	   *inside = xml_parse(call->x->body.data, call->x->body.len, root);

	if (inside == NULL)
		s3_error(call->x, "MalformedXML", NULL);
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

/* "bucket.s3[-fips][.region].amazonaws.com" or "bucket.localhost:39041"; length of the bucket's name, 0 for another host. */
static size_t
bucket_in_host(const char *host)
{
	size_t		len = strcspn(host, ":");
	const char *aws = strstr(host, ".s3");

	if (aws != NULL && (aws[3] == '.' || aws[3] == '-'))
		return (size_t) (aws - host);
	return len > 10 && strncasecmp(host + len - 10, ".localhost", 10) == 0 ? len - 10 : 0;
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
	const char *host = http_header(x, "Host") != NULL ? http_header(x, "Host") : "";
	const char *rest = x->path + (x->path[0] == '/');
	Buf			bucket = {0};
	Buf			key = {0};
	bool		sound = x->path[0] == '/';

	buf_add(&bucket, host, bucket_in_host(host));
	if (bucket.len == 0)
	{
		sound &= percent_decode(&bucket, rest, strcspn(rest, "/"));
		rest += strcspn(rest, "/");
		rest += *rest == '/';
	}
	sound &= percent_decode(&key, rest, strlen(rest));
	call->bucket_name = bucket.len > 0 ? bucket.data : NULL;
	call->key = key.data;
	if (bucket.len == 0)
		buf_free(&bucket);
	if (!sound || !is_text(&bucket) || !is_text(&key) || (call->bucket_name == NULL && key.len > 0))
		s3_error(x, "InvalidURI", NULL);
	else if (key.len > S3_KEY_MAX)
		s3_error(x, "KeyTooLongError", NULL);
	return !x->answered;
}

/* Are the query's parameters among those the operation knows?  x-id is the SDKs' remark. */
static bool
knows_query(const S3Operation *operation, const char *query)
{
	char		name[64];

	for (; *query != '\0'; query += strcspn(query, "&"), query += *query == '&')
	{
		size_t		len = strcspn(query, "&=");

		snprintf(name, sizeof(name), " %.*s ", (int) (len < 40 ? len : 40), query);
		if (len > 0 && strstr(operation->parameters, name) == NULL && strcmp(name, " x-id ") != 0 &&
			(operation->subresource == NULL || strlen(operation->subresource) != len ||
			 strncmp(operation->subresource, query, len) != 0))
			return false;
	}
	return true;
}

static const S3Operation *
find_operation(const S3Call *call)
{
	char		what[32];

	snprintf(what, sizeof(what), "%.20s %s", call->x->method,
			 call->key != NULL ? "key" : call->bucket_name != NULL ? "bucket" : "service");
	for (size_t i = 0; i < sizeof(foreign_headers) / sizeof(foreign_headers[0]); i++)
	{
		if (http_header(call->x, foreign_headers[i]) != NULL)
			return NULL;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
	{
		const S3Operation *operation = &operations[i];

		if (strcmp(operation->what, what) == 0 && knows_query(operation, call->x->query) &&
			(operation->subresource == NULL || http_query(call->x, operation->subresource) != NULL))
			return operation;
	}
	return NULL;
}

static void
identify(Exchange *x)
{
	S3Call	   *call = mem_zalloc(sizeof(S3Call));

	x->resource_kind = "bucket";
	x->call = call;
	x->call_free = call_free;
	call->x = x;
	snprintf(call->region, sizeof(call->region), "%s", cloud.region);
	if (!split_path(call))
		return;
	if (call->bucket_name != NULL && strlen(call->bucket_name) < sizeof(x->resource))
		strcpy(x->resource, call->bucket_name);
	if (call->key != NULL)
		x->key = mem_strdup(call->key);
	call->operation = find_operation(call);
	if (call->operation != NULL)
		x->action = call->operation->action;
	else
		s3_error(x, "NotImplemented", json_pack("{s:s}", "Message", "The lab does not do this: its method, a parameter of its "
												"query or a header is not among those that test/lab/README.md names."));
}

/*
 * What was signed for the cloud's region is at the right endpoint, but the
 * bucket may be elsewhere; what was signed for another is not meant for this
 * endpoint.  A bucket is made in the region that its request is signed for.
 */
static bool
check_region(S3Call *call)
{
	Exchange   *x = call->x;
	const S3Bucket *bucket = s3_find_bucket(call->bucket_name);
	const char *right = bucket != NULL ? bucket->region : cloud.region;

	if (strcmp(call->region, right) == 0 || call->operation->run == s3_create_bucket)
		return true;
	http_add_header(x, "x-amz-bucket-region", "%s", right);
	if (strcmp(call->region, cloud.region) == 0)
		s3_error(x, "PermanentRedirect", json_pack("{s:s,s:s}", "Endpoint", strstr(cloud.endpoint, "://") + 3,
												   "Bucket", call->bucket_name));
	else
		s3_error(x, "AuthorizationHeaderMalformed", json_pack("{s:o,s:s}", "Message", json_sprintf(
																						   "The authorization header is malformed; the region '%s' is wrong; expecting '%s'",
																						   call->region, right), "Region", right));
	return false;
}

static bool
authorise(Exchange *x)
{
	S3Call	   *call = x->call;

	return auth_require_region(x, call->region) && check_region(call);
}

static void
handle(Exchange *x)
{
	S3Call	   *call = x->call;
	const char *owner = http_header(x, "x-amz-expected-bucket-owner");

	call->bucket = s3_find_bucket(call->bucket_name);
	if (call->bucket == NULL && call->operation->run != s3_create_bucket && call->operation->run != s3_list_buckets)
		s3_error(x, "NoSuchBucket", NULL);
	else if (owner != NULL && strcmp(owner, cloud.account) != 0)
		s3_error(x, "AccessDenied", NULL);
	else
		call->operation->run(call);
}

const Service s3_service = {"s3", identify, authorise, handle, refuse};
