/*
 * test_s3.c
 *	  The URLs of awkward keys, the lists of a bucket, and what GET and HEAD
 *	  say of an object.
 */
#include "answer.h"
#include "s3.h"
#include "tap.h"
#include "xml.h"

#define KEY "a b+c/\xc3\xa9&=%2F.txt"
#define LABEL_63 "123456789-123456789-123456789-123456789-123456789-123456789-123"
#define LIST "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"

static AwsxService service = {
	.dialect = AWSX_DIALECT_XML,
	.name = "s3",
	.region = "eu-west-1",
	.endpoint = "https://s3.eu-west-1.amazonaws.com"
};

static void
is_place(const char *bucket, const char *key, bool path_style, const char *endpoint, const char *path)
{
	AwsxS3Get	get = {.bucket = bucket, .key = key, .range_start = -1, .range_end = -1};
	AwsxHttpRequest request;
	AwsxError	error;

	service.path_style = path_style;
	if (!ok(awsx_s3_get_request(&service, &get, &request, &error), "%s and %s", bucket, key))
		return;
	is_str(request.method, "GET", "method");
	is_str(request.endpoint, endpoint, "endpoint");
	is_str(request.path, path, "path");
	ok(request.query == NULL && request.headers.count == 1 && request.body == NULL, "nothing else");
	is_str(awsx_headers_get(&request.headers, "x-amz-checksum-mode"), "ENABLED", "but the wish for a checksum");
	awsx_http_request_free(&request);
}

static void
test_places(void)
{
	is_place("bkt", KEY, false, "https://bkt.s3.eu-west-1.amazonaws.com", "/a%20b%2Bc/%C3%A9%26%3D%252F.txt");
	is_place("bkt", KEY, true, "https://s3.eu-west-1.amazonaws.com", "/bkt/a%20b%2Bc/%C3%A9%26%3D%252F.txt");
	is_place("bkt", "//x/../k", false, "https://bkt.s3.eu-west-1.amazonaws.com", "///x/../k");
	is_place("bkt", "//x/../k", true, "https://s3.eu-west-1.amazonaws.com", "/bkt///x/../k");
	is_place("bkt", "'quotes'", false, "https://bkt.s3.eu-west-1.amazonaws.com", "/%27quotes%27");
	is_place("bkt", "*()!~-_.\n?#", false, "https://bkt.s3.eu-west-1.amazonaws.com", "/%2A%28%29%21~-_.%0A%3F%23");
	is_place("my.bucket", "k", false, "https://s3.eu-west-1.amazonaws.com", "/my.bucket/k");
	is_place("Old_Bucket", "k", false, "https://s3.eu-west-1.amazonaws.com", "/Old_Bucket/k");
	is_place("bkt-", "k", false, "https://s3.eu-west-1.amazonaws.com", "/bkt-/k");
	is_place("bkt", "soap", false, "https://s3.eu-west-1.amazonaws.com", "/bkt/soap");
	is_place("soap", "soap/", false, "https://soap.s3.eu-west-1.amazonaws.com", "/soap/");
	is_place(LABEL_63, "k", false, "https://" LABEL_63 ".s3.eu-west-1.amazonaws.com", "/k");
	is_place(LABEL_63 "9", "k", false, "https://s3.eu-west-1.amazonaws.com", "/" LABEL_63 "9/k");
}

static void
test_get(void)
{
	AwsxS3Get	get = {.bucket = "bkt", .key = "k", .version_id = "v.1_-~/", .if_match = "abc-2", .range_start = 5, .range_end = 9, .max_bytes = 77};
	AwsxHttpRequest request;
	AwsxError	error;

	service.path_style = false;
	ok(awsx_s3_get_request(&service, &get, &request, &error), "a version, a range and an ETag");
	is_str(request.query, "versionId=v.1_-~%2F", "query");
	is_str(awsx_headers_get(&request.headers, "Range"), "bytes=5-9", "range");
	is_str(awsx_headers_get(&request.headers, "If-Match"), "\"abc-2\"", "ETag");
	is_str(awsx_headers_get(&request.headers, "x-amz-checksum-mode"), "ENABLED", "checksum");
	is_int((long long) request.max_response, 77, "cap");
	awsx_http_request_free(&request);
	get = (AwsxS3Get) {.bucket = "bkt", .key = "k", .version_id = "", .range_start = 1099511627776, .range_end = -1};
	ok(awsx_s3_head_request(&service, &get, &request, &error), "HEAD");
	is_str(request.method, "HEAD", "method");
	is_str(awsx_headers_get(&request.headers, "Range"), "bytes=1099511627776-", "an open range");
	ok(request.query == NULL, "no query");
	awsx_http_request_free(&request);
}

static void
is_refused(const AwsxS3Get *get, const char *words)
{
	AwsxHttpRequest request;
	AwsxError	error;

	ok(!awsx_s3_get_request(&service, get, &request, &error) && error.kind == AWSX_ERR_CONFIG &&
	   strstr(error.message, words) != NULL, "refused: %s", words);
	ok(request.path == NULL && request.endpoint == NULL, "and the request is empty");
	awsx_http_request_free(&request);
}

static void
test_refusals(void)
{
	char		key[1026];
	AwsxS3Get	get = {.bucket = "bkt", .key = key, .range_start = -1, .range_end = -1};
	AwsxHttpRequest request;
	AwsxError	error;

	memset(key, 'k', sizeof(key));
	key[1025] = '\0';
	is_refused(&get, "1025 bytes");
	key[1024] = '\0';
	ok(awsx_s3_get_request(&service, &get, &request, &error), "a key of 1024 bytes");
	awsx_http_request_free(&request);
	get.key = "";
	is_refused(&get, "0 bytes");
	get.key = "k";
	get.range_start = 9;
	get.range_end = 5;
	is_refused(&get, "ends before it begins");
	get.range_start = -1;
	get.if_match = "\"abc\"";
	is_refused(&get, "ETag");
	get.if_match = "a\r\nb: c";
	is_refused(&get, "ETag");
	get.if_match = NULL;
	get.bucket = "ab";
	is_refused(&get, "bucket name");
	get.bucket = "../x";
	is_refused(&get, "bucket name");
	get.bucket = "a/b";
	is_refused(&get, "bucket name");
	get.bucket = "evil.example@x";
	is_refused(&get, "bucket name");
}

static void
test_put(void)
{
	AwsxS3Meta	metadata[2] = {{"a", "1"}, {"b-c_d.e", ""}};
	AwsxS3Put	put = {.bucket = "bkt",.key = KEY,.body = "a\0b",.body_len = 3,.content_type = "text/plain"};
	AwsxHttpRequest request;
	AwsxError	error;

	ok(awsx_s3_put_request(&service, &put, &request, &error), "PUT");
	is_str(request.method, "PUT", "method");
	is_str(request.path, "/a%20b%2Bc/%C3%A9%26%3D%252F.txt", "path");
	ok(request.body_len == 3 && memcmp(request.body, "a\0b", 3) == 0, "body");
	is_str(awsx_headers_get(&request.headers, "content-type"), "text/plain", "content type");
	awsx_http_request_free(&request);
	put = (AwsxS3Put) {.bucket = "bkt",.key = "k",.metadata = metadata,.metadata_count = 2,.only_new = true};
	ok(awsx_s3_put_request(&service, &put, &request, &error), "PUT of nothing");
	ok(request.body != NULL && request.body_len == 0, "has an empty body");
	is_str(awsx_headers_get(&request.headers, "content-type"), "application/octet-stream", "and a content type");
	is_str(awsx_headers_get(&request.headers, "x-amz-checksum-crc32"), "AAAAAA==", "and the checksum of nothing");
	is_str(awsx_headers_get(&request.headers, "if-none-match"), "*", "only if it is new");
	is_str(awsx_headers_get(&request.headers, "x-amz-meta-a"), "1", "with metadata");
	is_str(awsx_headers_get(&request.headers, "x-amz-meta-b-c_d.e"), "", "also an empty one");
	awsx_http_request_free(&request);
}

static void
is_put_refused(const char *type, const char *name, const char *value, const char *words)
{
	AwsxS3Meta	metadata = {name, value};
	AwsxS3Put	put = {.bucket = "bkt",.key = "k",.content_type = type,.metadata = &metadata,.metadata_count = 1};
	AwsxHttpRequest request;
	AwsxError	error;

	ok(!awsx_s3_put_request(&service, &put, &request, &error) && error.kind == AWSX_ERR_CONFIG &&
	   strstr(error.message, words) != NULL && request.path == NULL, "PUT refused: %s", words);
}

static void
test_put_refusals(void)
{
	char		value[2049];

	memset(value, 'v', sizeof(value));
	value[2048] = '\0';
	is_put_refused("a\r\nb: c", "n", "v", "content type");
	is_put_refused("", "n", "v", "content type");
	is_put_refused(NULL, "", "v", "metadata 1");
	is_put_refused(NULL, "a:b", "v", "metadata 1");
	is_put_refused(NULL, "n", "a\nb", "metadata 1");
	is_put_refused(NULL, "n", " v", "metadata 1");
	is_put_refused(NULL, "n", "=?utf-8?", "metadata 1");
	is_put_refused(NULL, "n", "\xc3\xa9", "metadata 1");
	is_put_refused(NULL, "n", value, "2049 bytes");
}

static void
test_delete(void)
{
	AwsxHttpRequest request;
	AwsxError	error;

	ok(awsx_s3_delete_request(&service, "bkt", KEY, NULL, &request, &error), "DELETE");
	is_str(request.method, "DELETE", "method");
	is_str(request.path, "/a%20b%2Bc/%C3%A9%26%3D%252F.txt", "path");
	ok(request.query == NULL && request.body == NULL && request.headers.count == 0, "nothing else");
	awsx_http_request_free(&request);
	ok(awsx_s3_delete_request(&service, "bkt", "k", "a+b", &request, &error), "DELETE of a version");
	is_str(request.query, "versionId=a%2Bb", "version");
	awsx_http_request_free(&request);
	ok(!awsx_s3_delete_request(&service, "bkt", "", NULL, &request, &error), "DELETE of the bucket itself cannot be asked for");
}

static void
test_list_request(void)
{
	AwsxS3List	list = {.bucket = "bkt",.prefix = "a b+/",.continuation = "1+x="};
	AwsxHttpRequest request;
	AwsxError	error;

	service.path_style = true;
	ok(awsx_s3_list_request(&service, &list, &request, &error), "LIST");
	is_str(request.path, "/bkt", "path");
	is_str(request.query, "continuation-token=1%2Bx%3D&encoding-type=url&list-type=2&max-keys=1000&prefix=a%20b%2B%2F", "query");
	awsx_http_request_free(&request);
	service.path_style = false;
	list = (AwsxS3List) {.bucket = "bkt",.start_after = "a&b",.max_keys = 7};
	ok(awsx_s3_list_request(&service, &list, &request, &error), "LIST of all");
	is_str(request.endpoint, "https://bkt.s3.eu-west-1.amazonaws.com", "endpoint");
	is_str(request.path, "/", "path");
	is_str(request.query, "encoding-type=url&list-type=2&max-keys=7&start-after=a%26b", "query");
	awsx_http_request_free(&request);
	list.max_keys = 1001;
	ok(!awsx_s3_list_request(&service, &list, &request, &error), "1001 keys are refused");
}

static AwsxS3Listing *
list(const char *xml, size_t len, AwsxError *error)
{
	AwsxHttpResponse answer = make_answer(xml, len);
	AwsxS3Listing *listing = awsx_s3_list_answer(&answer, error);

	awsx_http_response_free(&answer);
	return listing;
}

static const char page[] =
LIST "<Name>bkt</Name><Prefix/><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
"<Contents><Key>a+b%2Bc/%C3%A9%26%3D%252F.txt</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;d41d8&quot;</ETag>"
"<Size>5000000000</Size><Owner><ID>x</ID><Key>not this</Key></Owner><StorageClass>STANDARD</StorageClass></Contents>\n"
"<!-- <Contents> --><Contents><Key>plain</Key><Size>0</Size><ETag/></Contents>"
"<CommonPrefixes><Key>nor this</Key></CommonPrefixes>"
"<NextContinuationToken>1&amp;&lt;&#x2b;&#233;</NextContinuationToken></ListBucketResult>\n";

static void
test_list(void)
{
	AwsxError	error;
	AwsxS3Listing *listing = list(page, sizeof(page) - 1, &error);
	int			read = 0;

	if (!ok(listing != NULL, "a page: %s", listing == NULL ? error.message : "read"))
		return;
	is_int(listing->count, 2, "two keys");
	is_str(listing->entries[0].key, KEY, "the key is decoded");
	is_int(listing->entries[0].size, 5000000000LL, "size");
	is_str(listing->entries[0].etag, "d41d8", "ETag");
	is_str(listing->entries[0].last_modified, "2026-01-02T03:04:05.000Z", "last modified");
	is_str(listing->entries[1].key, "plain", "a plain key");
	is_str(listing->entries[1].etag, "", "no ETag");
	is_str(listing->continuation, "1&<+\xc3\xa9", "entities are decoded");
	awsx_s3_listing_free(listing);

	for (size_t len = 0; len < sizeof(page) - 2; len++)
	{
		listing = list(page, len, &error);
		read += listing != NULL;
		awsx_s3_listing_free(listing);
	}
	is_int(read, 0, "no part of it is taken for a page");
}

static void
is_list(const char *xml, const char *key, const char *words)
{
	AwsxError	error;
	AwsxS3Listing *listing;

	awsx_error_clear(&error);
	listing = list(xml, strlen(xml), &error);
	if (key != NULL)
		ok(listing != NULL && listing->count == 1 && strcmp(listing->entries[0].key, key) == 0 && listing->continuation == NULL, "list: %s", xml);
	else
		ok(listing == NULL && error.kind == AWSX_ERR_PROTOCOL && strstr(error.message, words) != NULL, "refused: %s", xml);
	awsx_s3_listing_free(listing);
}

#define ONE(key) "<ListBucketResult><Contents><Key>" key "</Key></Contents></ListBucketResult>"

static void
test_xml(void)
{
	is_list(ONE("a+%41"), "a+%41", NULL);
	is_list(ONE("a&amp;amp;b"), "a&amp;b", NULL);
	is_list(ONE("<![CDATA[<x>&amp;]]>"), "<x>&amp;", NULL);
	is_list(ONE("&#x1F600;"), "\xf0\x9f\x98\x80", NULL);
	is_list("<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>x</NextContinuationToken><Contents a='>/'><Key >k</Key ></Contents></ListBucketResult>", "k", NULL);
	is_list(ONE("a&b"), NULL, "an unknown entity");
	is_list(ONE("&nbsp;"), NULL, "an unknown entity");
	is_list(ONE("&#0;"), NULL, "does not exist");
	is_list(ONE("&#xD800;"), NULL, "does not exist");
	is_list(ONE("&#x110000;"), NULL, "does not exist");
	is_list(ONE("&#99999999999;"), NULL, "malformed character reference");
	is_list(ONE("&#;"), NULL, "malformed character reference");
	is_list(ONE("&#1a;"), NULL, "malformed character reference");
	is_list(ONE(""), NULL, "without a key");
	is_list("<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%4</Key></Contents></ListBucketResult>", NULL, "not URL-encoded");
	is_list("<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00b</Key></Contents></ListBucketResult>", NULL, "not URL-encoded");
	is_list("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>", NULL, "without a key");
	is_list("<ListBucketResult><Contents><Key>k</Key><Size>-1</Size></Contents></ListBucketResult>", NULL, "a size");
	is_list("<ListBucketResult><Contents><Key>k</Key><Size>9999999999999999999</Size></Contents></ListBucketResult>", NULL, "a size");
	is_list("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", NULL, "no token");
	is_list("<Error><Code>SlowDown</Code></Error>", NULL, "another root element");
	is_list("<ListBucketResult></Wrong>", NULL, "does not match");
	is_list("<ListBucketResult/><ListBucketResult/>", NULL, "second root");
	is_list("<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult/>", NULL, "declaration");
	is_list("text<ListBucketResult/>", NULL, "outside of the root");
	is_list("{}", NULL, "outside of the root");
	is_list("", NULL, "end of the document");
	is_list("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", NULL, "another root");
	is_list("<ListBucketResult><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", NULL, "inside each other");
}

static void
is_object(const char *length, const char *etag, const char *body, bool expected, long long size, const char *name)
{
	AwsxHttpResponse answer = make_answer(body, strlen(body));
	AwsxS3Object object;
	AwsxError	error;
	bool		done;

	awsx_error_clear(&error);
	if (length != NULL)
		awsx_headers_set(&answer.headers, "content-length", length);
	if (etag != NULL)
		awsx_headers_set(&answer.headers, "etag", etag);
	awsx_headers_set(&answer.headers, "X-Amz-Version-Id", "v1");
	awsx_headers_set(&answer.headers, "content-type", "text/plain");
	done = awsx_s3_object_answer(&answer, &object, &error);
	ok(done == expected && (!done || object.size == size), "object: %s", name);
	if (done)
	{
		is_str(object.version_id, "v1", "version");
		is_str(object.content_type, "text/plain", "content type");
		is_str(object.etag, etag == NULL ? "" : "abc-2", "ETag");
	}
	awsx_http_response_free(&answer);
}

static void
test_object(void)
{
	char		etag[200];

	memset(etag, 'e', sizeof(etag));
	etag[199] = '\0';
	is_object("5", "\"abc-2\"", "12345", true, 5, "whole");
	is_object("6", "\"abc-2\"", "12345", false, 0, "short");
	is_object("4", "\"abc-2\"", "12345", false, 0, "long");
	is_object("5000000000", "abc-2", "", true, 5000000000LL, "HEAD");
	is_object(NULL, NULL, "12345", true, 5, "without length");
	is_object(NULL, NULL, "", true, -1, "of unknown length");
	is_object("x", NULL, "12345", false, 0, "length is no number");
	is_object("5", etag, "12345", false, 0, "too long an ETag");
}

static void
test_service(void)
{
	AwsxService made;
	AwsxError	error;

	ok(awsx_s3_service(&made, &(AwsxServiceOptions) {.region = "eu-west-1"}, &error) && !made.path_style, "AWS's own endpoint: bucket in the host");
	is_str(made.endpoint, "https://s3.eu-west-1.amazonaws.com", "endpoint");
	ok(awsx_s3_service(&made, &(AwsxServiceOptions) {.region = "eu-west-1", .endpoint = "http://127.0.0.1:4100"}, &error) && made.path_style, "another: bucket in the path");
	setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:4100", 1);
	ok(awsx_s3_service(&made, &(AwsxServiceOptions) {.region = "eu-west-1", .use_environment = true}, &error) && made.path_style, "the environment's too");
	ok(awsx_s3_service(&made, &(AwsxServiceOptions) {.region = "eu-west-1"}, &error) && !made.path_style, "which does not always count");
	unsetenv("AWS_ENDPOINT_URL_S3");
}

int
main(void)
{
	test_places();
	test_get();
	test_refusals();
	test_put();
	test_put_refusals();
	test_delete();
	test_list_request();
	test_list();
	test_xml();
	test_object();
	test_service();
	return tap_done();
}
