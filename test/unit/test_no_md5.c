/*
 * test_no_md5.c
 *	  A libcrypto that refuses MD5 and SHA-1, as under FIPS: what needs them is
 *	  not compared, everything else is.
 *
 * The program's own EVP_MD_fetch and EVP_DigestInit_ex stand before libcrypto's.
 */
#define _GNU_SOURCE			/* RTLD_NEXT */

#include "answer.h"
#include "digest.h"
#include "s3.h"
#include "sqs.h"
#include "tap.h"

#include <dlfcn.h>
#include <openssl/evp.h>

EVP_MD *
EVP_MD_fetch(OSSL_LIB_CTX *library, const char *algorithm, const char *properties)
{
	EVP_MD	   *(*fetch) (OSSL_LIB_CTX *, const char *, const char *);

	*(void **) &fetch = dlsym(RTLD_NEXT, "EVP_MD_fetch");
	return strcmp(algorithm, "MD5") == 0 ? NULL : fetch(library, algorithm, properties);
}

int
EVP_DigestInit_ex(EVP_MD_CTX *context, const EVP_MD *type, ENGINE *engine)
{
	(void) engine;
	return EVP_MD_type(type) == NID_sha1 ? 0 : EVP_DigestInit_ex2(context, type, NULL);
}

#define MESSAGE "\"MessageId\":\"1\",\"ReceiptHandle\":\"h\",\"Body\":\"m1\""
#define ATTRIBUTES "\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"x\"}}"
#define WRONG "00000000000000000000000000000000"

static void
test_receive(void)
{
	static const char json[] = "{\"Messages\":[{" MESSAGE ",\"MD5OfBody\":\"" WRONG "\"," ATTRIBUTES ",\"MD5OfMessageAttributes\":\"" WRONG "\"}]}";
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxError	error = {0};
	AwsxSqsMessages *messages = awsx_sqs_receive_answer(&answer, &error);

	ok(messages != NULL && messages->count == 1 && messages->items[0].attribute_count == 1, "a message is received: %s", error.message);
	awsx_sqs_messages_free(messages);
	awsx_http_response_free(&answer);
}

static void
test_send(void)
{
	static const char json[] = "{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"1\",\"MD5OfMessageBody\":\"" WRONG "\",\"MD5OfMessageAttributes\":\"" WRONG "\"}]}";
	AwsxHttpResponse answer = make_answer(json, strlen(json));
	AwsxSqsAttribute attribute = {.name = "a",.type = "String",.value = "x",.value_len = 1};
	AwsxSqsSend send = {.body = "m1",.body_len = 2,.attributes = &attribute,.attribute_count = 1};
	AwsxSqsOutcome outcome;
	AwsxError	error;

	ok(awsx_sqs_send_batch_answer(&answer, &send, 1, &outcome, &error) && outcome.ok, "a message is sent: %s", outcome.message);
	awsx_http_response_free(&answer);
}

static void
is_object(const char *header, const char *value, bool expected)
{
	AwsxHttpResponse answer = make_answer("123456789", 9);
	AwsxS3Object object;
	AwsxError	error;

	awsx_headers_set(&answer.headers, header, value);
	ok(awsx_s3_object_answer(&answer, &object, &error) == expected, "an object with %s is %s", header, expected ? "taken" : "refused");
	awsx_http_response_free(&answer);
}

int
main(void)
{
	char		hex[AWSX_SHA256_HEX_LEN + 1];

	ok(!awsx_md5_hex("", 0, hex), "there is no MD5");
	ok(awsx_sha256_hex("", 0, hex), "but SHA-256");
	test_receive();
	test_send();
	is_object("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", true);
	is_object("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false);
	is_object("x-amz-checksum-crc32", "AAAAAA==", false);
	return tap_done();
}
