/*
 * test_memory.c
 *	  Every allocation of aws/ and worker/ fails once: no crash, no leak, and
 *	  never a wrong result taken for a right one.
 */
#define _GNU_SOURCE
#include "sweep.h"
#include "fetch_now.h"

#include "fetch_world.h"
#include "enrich.h"
#include "envelope.h"
#include "exchange.h"
#include "imds.h"
#include "config.h"
#include "reject.h"
#include "runtime.h"
#include "s3.h"
#include "sigv4.h"
#include "sqs.h"

#define URL "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"

/* ---- aws/ ---- */

#define SECRET "theSecretAccessKeyOfTheTest"
#define TOKEN "theSessionTokenOfTheTest0123456789012345678901234567890123456789"

static bool
sign(AwsxError *error)
{
	AwsxCredentialsProvider *provider = awsx_credentials_static("AK", SECRET, TOKEN, error);
	AwsxCredentials keys = {0};
	AwsxHttpRequest request;
	AwsxSigv4	signer = {.credentials = &keys,.region = "eu-west-1",.service = "s3",.request = &request,
	.when_ms = INT64_C(1767323045000)};
	const char *authorization;
	bool		done;

	awsx_http_request_init(&request, "GET");
	request.endpoint = strdup("https://s3.example");
	request.path = strdup("/b/k%20%2B");
	request.query = strdup("versionId=1&a=b");
	done = provider != NULL && fetch_now(provider, &keys, error) && awsx_sigv4_sign(&signer, error);
	authorization = awsx_headers_get(&request.headers, "Authorization");
	if (done)
		done = authorization != NULL && strstr(authorization, "x-amz-security-token") != NULL &&
			strstr(authorization, "Signature=") != NULL;
	awsx_credentials_clear(&keys);
	awsx_http_request_free(&request);
	if (provider != NULL)
		provider->free(provider);
	return done;
}

/* A call with a throttled and an expired attempt before the good one. */
static bool
call(AwsxError *error)
{
	static const Line script[] = {
		{503, NULL, "{\"__type\":\"x#ThrottlingException\"}", 0, false, NULL},
		{403, NULL, "{\"__type\":\"x#ExpiredToken\",\"message\":\"old\"}", 0, false, NULL},
		{200, "X-One: 1", "{}", 0, false, NULL}, {200, NULL, "{}", 0, false, NULL}
	};
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	bool		done;

	open_world(script, AWSX_DIALECT_JSON);
	if (world.client == NULL)
		return !awsx_error_set(error, AWSX_ERR_MEMORY, "no client") && false;
	make_request(&request);
	done = awsx_client_run(world.client, &world.service, &request, &answer, error) && answer.status == 200;
	awsx_http_response_free(&answer);
	close_world();
	return done;
}

static bool
envelope(AwsxError *error)
{
	static const char event[] =
	"{\"Records\":[{\"eventSource\":\"aws:sqs\",\"body\":\"{\\\"Type\\\":\\\"Notification\\\",\\\"Message\\\":"
	"\\\"{\\\\\\\"source\\\\\\\":\\\\\\\"aws.s3\\\\\\\",\\\\\\\"detail-type\\\\\\\":\\\\\\\"Object Created\\\\\\\",\\\\\\\"detail\\\\\\\":"
	"{\\\\\\\"bucket\\\\\\\":{\\\\\\\"name\\\\\\\":\\\\\\\"bkt\\\\\\\"},\\\\\\\"object\\\\\\\":{\\\\\\\"key\\\\\\\":\\\\\\\"k\\\\\\\",\\\\\\\"etag\\\\\\\":\\\\\\\"e\\\\\\\"}}}\\\"}\"},"
	"{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"bkt\"},"
	"\"object\":{\"key\":\"a+b%2B\",\"size\":3,\"versionId\":\"v\",\"sequencer\":\"1\"}}}]}";
	AwsxS3Events *events = awsx_envelope_read(event, sizeof(event) - 1, error);
	bool		done = events != NULL && events->count == 2 && strcmp(events->items[0].etag, "e") == 0 &&
		strcmp(events->items[1].key, "a b+") == 0;

	if (events != NULL && !done)
		ok(false, "envelope: a wrong result");
	awsx_envelope_free(events);
	return done;
}

static bool
send_request(AwsxError *error)
{
	AwsxSqsAttribute attribute = {"n", "Binary", "xyz", 3};
	AwsxSqsSend send = {.body = "{\"a\":1}",.body_len = 7,.group_id = "g",.dedup_id = "d",
	.attributes = &attribute,.attribute_count = 1,.trace_header = "Root=1"};
	AwsxService service;
	AwsxHttpRequest request = {0};
	bool		done = awsx_sqs_service(&service, URL, NULL, error) &&
		awsx_sqs_send_batch_request(&service, URL, &send, 1, &request, error);

	if (done)
		done = strstr(request.body, "eHl6") != NULL;
	awsx_http_request_free(&request);
	return done;
}

static bool
receive_answer(AwsxError *error)
{
	static const char body[] =
	"{\"Messages\":[{\"MessageId\":\"m\",\"ReceiptHandle\":\"h\",\"MD5OfBody\":\"0cc175b9c0f1b6a831c399e269772661\",\"Body\":\"a\","
	"\"MessageAttributes\":{\"n\":{\"DataType\":\"Binary\",\"BinaryValue\":\"eHl6\"}}}]}";
	AwsxHttpResponse answer;
	AwsxSqsMessages *messages;
	bool		done;

	awsx_http_response_init(&answer, 0);
	answer.status = 200;
	answer.body.data = strdup(body);
	answer.body.len = sizeof(body) - 1;
	messages = awsx_sqs_receive_answer(&answer, error);
	done = messages != NULL && messages->count == 1 && messages->items[0].attributes[0].value_len == 3;
	awsx_sqs_messages_free(messages);
	awsx_http_response_free(&answer);
	return done;
}

static bool
list_answer(AwsxError *error)
{
	static const char body[] =
	"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;</NextContinuationToken>"
	"<Contents><Key>a%20b</Key><ETag>&quot;e&quot;</ETag><Size>1</Size></Contents><Contents><Key>c</Key></Contents></ListBucketResult>";
	AwsxHttpResponse answer;
	AwsxS3Listing *listing;
	bool		done;

	awsx_http_response_init(&answer, 0);
	answer.status = 200;
	answer.body.data = strdup(body);
	answer.body.len = sizeof(body) - 1;
	listing = awsx_s3_list_answer(&answer, error);
	done = listing != NULL && listing->count == 2 && strcmp(listing->entries[0].key, "a b") == 0 &&
		strcmp(listing->entries[0].etag, "e") == 0 && strcmp(listing->continuation, "t&") == 0;
	if (listing != NULL && !done)
		ok(false, "list: a wrong result");
	awsx_s3_listing_free(listing);
	awsx_http_response_free(&answer);
	return done;
}

static bool
s3_requests(AwsxError *error)
{
	AwsxS3Get	get = {.bucket = "bkt",.key = "a b",.version_id = "v",.range_start = 0,.range_end = 9,.if_match = "e"};
	AwsxS3Meta	meta = {"a", "b"};
	AwsxS3Put	put = {.bucket = "bkt",.key = "k",.body = "x",.body_len = 1,.metadata = &meta,.metadata_count = 1,.only_new = true};
	AwsxS3List	list = {.bucket = "bkt",.prefix = "p",.start_after = "p/1",.continuation = "token",.max_keys = 10};
	AwsxService service;
	AwsxHttpRequest request = {0};
	bool		done = awsx_s3_service(&service, &(AwsxServiceOptions) {.region = "eu-west-1"}, error) &&
		awsx_s3_get_request(&service, &get, &request, error) && request.query != NULL &&
		awsx_headers_get(&request.headers, "If-Match") != NULL;

	awsx_http_request_free(&request);
	if (!done)
		return false;
	done = awsx_s3_put_request(&service, &put, &request, error) &&
		awsx_headers_get(&request.headers, "x-amz-meta-a") != NULL && awsx_headers_get(&request.headers, "If-None-Match") != NULL &&
		awsx_headers_get(&request.headers, "x-amz-checksum-crc32") != NULL;
	awsx_http_request_free(&request);
	if (!done)
		return false;
	done = awsx_s3_list_request(&service, &list, &request, error) && request.query != NULL;
	awsx_http_request_free(&request);
	if (!done)
		return false;
	done = awsx_s3_delete_request(&service, "bkt", "k", "v", &request, error) && request.query != NULL;
	awsx_http_request_free(&request);
	return done;
}

/* An object with a digest of libcrypto's. */
static bool
s3_object(AwsxError *error)
{
	AwsxHttpResponse answer = {.status = 200};
	AwsxS3Object object;
	bool		done;

	awsx_buf_init(&answer.body, 0);
	if (!awsx_buf_puts(&answer.body, "abc") ||
		!awsx_headers_set(&answer.headers, "x-amz-checksum-sha256", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="))
		done = awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	else
		done = awsx_s3_object_answer(&answer, &object, error) && object.checksum.kind == AWSX_S3_SHA256;
	awsx_http_response_free(&answer);
	return done;
}

/* Over libcurl, to a server: header lines, headers and body of the answer. */
static bool
exchange(AwsxError *error)
{
	AwsxCurlOptions options = {.user_agent = "test/1"};
	AwsxTransport *transport = awsx_transport_curl(&options, error);
	Exchange	x;
	bool		done;

	if (transport == NULL)
		return false;
	begin(transport, &x, "GET", "/hello");
	awsx_headers_set(&x.request.headers, "X-Amz-Security-Token", TOKEN);
	x.request.timeout_ms = 3000;
	done = transport->start(transport, &x.call, error);
	if (done)
	{
		finish(&x);
		*error = x.call.error;
		done = x.call.error.kind == AWSX_OK && x.call.response.status == 200 && x.call.response.body.len == 5;
		if (done && awsx_headers_get(&x.call.response.headers, "Empty") == NULL)
			done = ok(false, "exchange: a header is lost");
	}
	end(&x);
	transport->free(transport);
	return done;
}

/* ---- worker/ ---- */

static bool
enrich(AwsxError *error)
{
	static const char record[] = "{\"transaction_id\":\"a b\",\"d\":1.50,\"l\":[1,2,{\"x\":null}]}";
	ConfigOutput outputs[2] = {
		{.name = (char *) "one",.queue_url = (char *) URL,.program = (char *) ".",.group = (char *) ".transaction_id",.dedup = (char *) ".d"},
		{.name = (char *) "two",.queue_url = (char *) URL,.program = (char *) ".l[0:2][] as $n | {n: $n}",.group = (char *) ".n"}
	};
	Config		config = {.output_count = 2,.outputs = outputs};
	EnrichSource source = {.bucket = "b",.key = "k k",.version_id = "v",.record = 1};
	EnrichResult result = {0};
	Enricher   *enricher = enrich_create(&config, error);
	bool		done;

	if (enricher == NULL)
		return false;
	done = enrich_record(enricher, &source, record, sizeof(record) - 1, &result, error);
	if (done && (result.code != NULL || result.count != 3 || strcmp(result.messages[0].dedup_id, "1.5") != 0))
		done = ok(false, "enrich: a wrong result (%s)", result.code != NULL ? result.code : "no code");
	enrich_result_free(&result);
	enrich_free(enricher);
	return done;
}

static bool
reject(AwsxError *error)
{
	Reject		about = {.code = "C",.reason = "r",.bucket = "b",.key = "k\xFF",.version_id = "v",.record = 1,
	.request_id = "i",.body = "\xFF",.body_len = 1};
	AwsxBuf		key;
	AwsxBuf		document;
	bool		done;

	awsx_buf_init(&key, 0);
	awsx_buf_init(&document, 0);
	done = reject_key(&about, "p/", &key) && reject_document(&about, &document);
	if (!done)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
	if (done && strstr(document.data, "key_percent_encoded\":\"k%FF") == NULL)
		done = ok(false, "reject: a wrong result");
	awsx_buf_free(&key);
	awsx_buf_free(&document);
	return done;
}

static bool
configure(AwsxError *error)
{
	Config	   *config = config_read(error);
	bool		done = config != NULL && config->output_count == 2 && config->reject_bucket != NULL &&
		config->outputs[1].dedup != NULL;

	config_free(config);
	return done;
}

static bool
create_runtime(AwsxError *error)
{
	RuntimeOptions options = {.api = "127.0.0.1:1/x",.transport = awsx_transport_curl(NULL, error)};
	Runtime    *runtime = options.transport != NULL ? runtime_create(&options, error) : NULL;

	runtime_free(runtime);
	return runtime != NULL;
}

/* Keys from a provider that makes calls; takes the provider over. */
static bool
fetch_keys(AwsxCredentialsProvider *provider, AwsxError *error)
{
	FetchEnd	end = {0};
	bool		done = false;

	if (world.client == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	if (world.client != NULL && provider != NULL)
	{
		end = fetch_all(provider);
		*error = end.error;
		done = end.error.kind == AWSX_OK && strcmp(end.keys.secret_access_key, SECRET) == 0;
		if (end.count != 1 || (!done && end.error.kind == AWSX_OK))
			ok(false, "a fetch of keys ends once, and right");
		awsx_credentials_clear(&end.keys);
	}
	if (provider != NULL)
		provider->free(provider);
	close_world();
	return done;
}

#define KEYS_BODY "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"" SECRET "\",\"Token\":\"" TOKEN "\"," \
	"\"Expiration\":\"2026-01-02T09:04:05Z\"}"

static bool
instance_keys(AwsxError *error)
{
	static const Line script[] = {
		{.status = 200, .body = "instance-token"}, {.status = 200, .body = "role"}, {.status = 401},
		{.status = 200, .body = "instance-token2"}, {.status = 200, .body = KEYS_BODY}
	};

	open_fetch_world(script);
	return fetch_keys(awsx_credentials_imds(error), error);
}

static bool
container_keys(AwsxError *error)
{
	static const Line script[] = {{.status = 500}, {.status = 200, .body = KEYS_BODY}};

	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:80/k?a=b", 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token", 1);
	open_fetch_world(script);
	return fetch_keys(awsx_credentials_container(error), error);
}

static bool
instance_region(AwsxError *error)
{
	static const Line script[] = {{.status = 200, .body = "tok"}, {.status = 404}, {.status = 200, .body = "{\"region\":\"eu-west-1\"}"}};
	char		region[64] = "";
	bool		done;

	open_fetch_world(script);
	if (world.client == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	done = awsx_imds_region(world.client, region, sizeof(region), error);
	close_world();
	return done && strcmp(region, "eu-west-1") == 0;
}

int
main(void)
{
#ifdef __SANITIZE_ADDRESS__
	printf("1..0 # SKIP the address sanitizer has an allocator of its own\n");
	return 0;
#endif
	unsetenv("AWS_CA_BUNDLE");
	unsetenv("SSL_CERT_FILE");
	setenv("S3_TO_SQS_CONFIG", "{\"outputs\":[{\"name\":\"a\",\"queue_url\":\"" URL "\"},{\"name\":\"b\",\"queue_url\":\"" URL
		   "\",\"jq\":\".x\",\"group\":\".g\",\"dedup\":\".d\"}],\"reject\":\"s3://bkt/p/\"}", 1);
	start_server();
	sweep("signature", sign);
	sweep("call", call);
	sweep("envelope", envelope);
	sweep("send request", send_request);
	sweep("receive answer", receive_answer);
	sweep("list answer", list_answer);
	sweep("S3 requests", s3_requests);
	sweep("an S3 object", s3_object);
	sweep("exchange", exchange);
	sweep("keys of an instance", instance_keys);
	sweep("keys of a container", container_keys);
	sweep("region of an instance", instance_region);
	leaves_no_secret("keys of an instance, secret key", SECRET, instance_keys);
	leaves_no_secret("keys of an instance, token", "instance-token", instance_keys);
	leaves_no_secret("keys of a container, session token", TOKEN, container_keys);
	leaves_no_secret("keys of a container, its token", "container-token", container_keys);
	leaves_no_secret("signature, secret key", SECRET, sign);
	leaves_no_secret("signature, session token", TOKEN, sign);
	leaves_no_secret("exchange, session token", TOKEN, exchange);
	sweep("enrichment", enrich);
	sweep("reject", reject);
	sweep("configuration", configure);
	sweep("runtime", create_runtime);
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	return tap_done();
}
