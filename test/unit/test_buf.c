/*
 * test_buf.c
 *	  The growing buffer, its encodings, UTF-8, digests and errors.
 */
#include "tap.h"

#include <stdlib.h>

#include "buf.h"
#include "digest.h"
#include "error.h"
#include "text.h"

static void
test_growth(void)
{
	AwsxBuf		buf;
	bool		all = true;
	size_t		len;
	char	   *taken;

	awsx_buf_init(&buf, 0);
	for (int i = 0; i < 100000; i++)
		all = awsx_buf_putc(&buf, (char) ('a' + i % 26)) && all;
	ok(all && buf.len == 100000, "a hundred thousand bytes one by one");
	ok(buf.data[99999] == 'a' + 99999 % 26 && buf.data[100000] == '\0', "the end is right and terminated");
	awsx_buf_reset(&buf);
	is_str(buf.data, "", "reset leaves an empty string");
	awsx_buf_printf(&buf, "%s-%d", "x", 7);
	taken = awsx_buf_take(&buf, &len);
	is_str(taken, "x-7", "printf and take");
	ok(len == 3 && buf.data == NULL && buf.len == 0, "take leaves nothing behind");
	free(taken);
	taken = awsx_buf_take(&buf, NULL);
	is_str(taken, "", "taking nothing gives an empty string");
	free(taken);
}

static void
test_ceiling(void)
{
	AwsxBuf		buf;

	awsx_buf_init(&buf, 5);
	ok(awsx_buf_append(&buf, "12345", 5), "exactly the ceiling fits");
	ok(!awsx_buf_putc(&buf, '6') && buf.failed, "one more fails");
	ok(!awsx_buf_append(&buf, "", 0), "a failed buffer stays failed");
	is_str(buf.data, "12345", "what was there is kept");
	ok(awsx_buf_take(&buf, NULL) == NULL, "a failed buffer is not taken");
	ok(buf.max == 5 && !buf.failed, "afterwards it is empty with the same ceiling");
	ok(!awsx_buf_printf(&buf, "%d", 123456), "printf obeys the ceiling");
	awsx_buf_reset(&buf);
	ok(!awsx_buf_hex(&buf, (const unsigned char *) "abc", 3), "hex obeys the ceiling");
	awsx_buf_reset(&buf);
	ok(!awsx_buf_uri(&buf, "\xC3\xA9", 2, false), "uri obeys the ceiling");
	awsx_buf_free(&buf);
	ok(!awsx_buf_append(&buf, "x", (size_t) -1), "an absurd length is refused");
	awsx_buf_free(&buf);
}

static void
test_encodings(void)
{
	AwsxBuf		buf;

	awsx_buf_init(&buf, 0);
	awsx_buf_uri(&buf, "a b+c/\xC3\xA9&=%2F.txt~*'()!", 23, true);
	is_str(buf.data, "a%20b%2Bc/%C3%A9%26%3D%252F.txt~%2A%27%28%29%21", "uri keeps slashes");
	awsx_buf_reset(&buf);
	awsx_buf_uri(&buf, "a/b\0c", 5, false);
	is_str(buf.data, "a%2Fb%00c", "uri encodes slashes and NUL");
	awsx_buf_reset(&buf);
	awsx_buf_uri(&buf, "", 0, false);
	is_str(buf.data, "", "uri of nothing");
	awsx_buf_reset(&buf);
	awsx_buf_json_string(&buf, "q\"b\\n\n\t\r\b\f\x01\x7F\0z\xC3\xA9\xF0\x9F\x98\x80", 20);
	is_str(buf.data, "\"q\\\"b\\\\n\\n\\t\\r\\b\\f\\u0001\x7F\\u0000z\xC3\xA9\xF0\x9F\x98\x80\"", "json string");
	awsx_buf_reset(&buf);
	awsx_buf_json_string(&buf, NULL, 0);
	is_str(buf.data, "\"\"", "json string of nothing");
	awsx_buf_reset(&buf);
	awsx_buf_hex(&buf, (const unsigned char *) "\x00\xFFz", 3);
	is_str(buf.data, "00ff7a", "hex");
	awsx_buf_free(&buf);
}

static void
test_bad_utf8(void)
{
	static const struct
	{
		const char *bytes;
		size_t		len;
	}			bad[] = {
		{"\x80", 1}, {"\xC3", 1}, {"\xC0\x80", 2}, {"\xC1\xBF", 2}, {"\xE0\x9F\xBF", 3},
		{"\xED\xA0\x80", 3}, {"\xF0\x8F\xBF\xBF", 4}, {"\xF4\x90\x80\x80", 4},
		{"\xF5\x80\x80\x80", 4}, {"\xE2\x82", 2}, {"\xE2\x82x", 3}, {"\xF0\x9F\x98x", 4}, {"\xFF", 1}
	};
	bool		refused = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		AwsxBuf		buf;

		awsx_buf_init(&buf, 0);
		awsx_buf_puts(&buf, "before");
		if (awsx_buf_json_string(&buf, bad[i].bytes, bad[i].len) || !buf.failed)
			refused = ok(false, "malformed UTF-8 number %zu is refused", i);
		awsx_buf_free(&buf);
	}
	ok(refused, "malformed UTF-8 fails the buffer");
	is_int(awsx_text_utf8_sequence("\xED\x9F\xBF", 3), 3, "the last character before the surrogates");
	is_int(awsx_text_utf8_sequence("\xF4\x8F\xBF\xBF", 4), 4, "the last character of all");
	is_int(awsx_text_utf8_sequence("", 0), 0, "nothing is no character");
}

static void
test_digests(void)
{
	char		sha[AWSX_SHA256_HEX_LEN + 1];
	char		md5[AWSX_MD5_HEX_LEN + 1];
	unsigned char mac[AWSX_SHA256_LEN];
	unsigned char key[131];
	char		hex[2 * AWSX_SHA256_LEN + 1];

	awsx_sha256_hex(NULL, 0, sha);
	is_str(sha, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA-256 of nothing");
	awsx_sha256_hex("abc", 3, sha);
	is_str(sha, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
	awsx_md5_hex("m1", 2, md5);
	is_str(md5, "ae7be26cdaa742ca148068d5ac90eaca", "MD5");
	awsx_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);	/* RFC 4231 */
	awsx_hex(mac, sizeof(mac), hex);
	is_str(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "HMAC-SHA-256");
	memset(key, 0xaa, sizeof(key));
	awsx_hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
	awsx_hex(mac, sizeof(mac), hex);
	is_str(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "a key that is longer than a block");
	awsx_hmac_sha256(NULL, 0, NULL, 0, mac);
	awsx_hex(mac, sizeof(mac), hex);
	is_str(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "HMAC of nothing");
}

static void
test_errors(void)
{
	AwsxError	error;
	char		longest[700];
	size_t		len;

	ok(!awsx_error_set(&error, AWSX_ERR_THROTTLED, "a\nb\x01 %s", "\xC3\xA9\xFF"), "setting returns false");
	is_str(error.message, "a b  \xC3\xA9?", "a message is one line of UTF-8");
	ok(error.retryable && error.http_status == 0 && error.code[0] == '\0', "throttled is retryable");
	awsx_error_set(&error, AWSX_ERR_REQUEST, "outer: %s", error.message);
	is_str(error.message, "outer: a b  \xC3\xA9?", "a message may wrap itself");
	ok(!error.retryable, "a refusal is not");
	for (len = 0; len + 2 < sizeof(longest); len += 2)
		memcpy(longest + len, "\xC3\xA9", 2);
	longest[len] = '\0';
	awsx_error_set(&error, AWSX_ERR_CONFIG, "%s", longest);
	len = strlen(error.message);
	ok(len >= sizeof(error.message) - 3 && len % 2 == 0, "a cut leaves whole characters");
	ok(!awsx_error_set(NULL, AWSX_ERR_CONFIG, "%s", "x"), "no error object is fine");
	is_str(awsx_error_kind_name(AWSX_ERR_INTEGRITY), "integrity", "name of a kind");
	is_str(awsx_error_kind_name((AwsxErrorKind) 99), "unknown", "name of no kind");
}

int
main(void)
{
	test_growth();
	test_ceiling();
	test_encodings();
	test_bad_utf8();
	test_digests();
	test_errors();
	return tap_done();
}
