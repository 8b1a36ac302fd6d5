/*
 * test_inflate.c
 *	  Packed and plain bytes: every kind, in pieces of every size, cut at
 *	  every byte, and with every byte wrong once.
 */
#include <stdlib.h>
#include <zlib.h>

#include "buf.h"
#include "inflate.h"
#include "tap.h"

static const char text[] = "{\"transaction_id\": \"T-1\", \"amount\": 19.99}\n{\"transaction_id\": \"T-2\"}\n";

/* window bits: 31 gzip, 15 zlib, -15 raw deflate */
static void
pack(AwsxBuf *out, const char *bytes, size_t len, int window_bits)
{
	z_stream	stream = {0};
	char	   *piece = malloc(len + 1000);

	deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
	stream.next_in = (Bytef *) bytes;
	stream.avail_in = (uInt) len;
	stream.next_out = (Bytef *) piece;
	stream.avail_out = (uInt) (len + 1000);
	deflate(&stream, Z_FINISH);
	awsx_buf_append(out, piece, stream.total_out);
	deflateEnd(&stream);
	free(piece);
}

/* Unpack in pieces; the last step, with what came out. */
static InflateStep
unpack(const char *bytes, size_t len, size_t piece, AwsxBuf *out, char *problem)
{
	Inflate    *inflate = inflate_create();
	InflateStep step;
	const char *got;
	char	   *copy = NULL;
	size_t		got_len;
	size_t		at = 0;

	awsx_buf_reset(out);
	while ((step = inflate_next(inflate, &got, &got_len)) <= INFLATE_MORE)
	{
		if (step == INFLATE_BYTES)
			awsx_buf_append(out, got, got_len);
		else if (at == len)
			inflate_finish(inflate);
		else
		{
			size_t		n = piece < len - at ? piece : len - at;

			free(copy);
			copy = malloc(n);
			memcpy(copy, bytes + at, n);
			inflate_push(inflate, copy, n);
			at += n;
		}
	}
	free(copy);
	if (problem != NULL)
		snprintf(problem, 160, "%s", inflate_problem(inflate));
	inflate_free(inflate);
	return step;
}

static bool
holds(const AwsxBuf *buf, const char *bytes, size_t len)
{
	return buf->len == len && (len == 0 || memcmp(buf->data, bytes, len) == 0);
}

/* The bytes give the expected ones, whatever the pieces. */
static void
test_good(const char *name, const AwsxBuf *bytes, const char *expected, size_t len)
{
	AwsxBuf		out;
	size_t		wrong = 0;

	awsx_buf_init(&out, 0);
	for (size_t piece = 1; piece <= bytes->len + 1; piece++)
	{
		if (unpack(bytes->data, bytes->len, piece, &out, NULL) != INFLATE_END || !holds(&out, expected, len))
			wrong++;
	}
	is_int((long long) wrong, 0, name);
	awsx_buf_free(&out);
}

static void
test_kinds(void)
{
	AwsxBuf		bytes;

	awsx_buf_init(&bytes, 0);
	test_good("no bytes", &bytes, "", 0);
	awsx_buf_puts(&bytes, text);
	test_good("plain", &bytes, text, strlen(text));
	awsx_buf_reset(&bytes);
	awsx_buf_putc(&bytes, '\x1f');
	test_good("one byte that could begin gzip", &bytes, "\x1f", 1);
	awsx_buf_reset(&bytes);
	awsx_buf_puts(&bytes, "x9");
	test_good("two bytes that could nearly begin zlib", &bytes, "x9", 2);
	awsx_buf_reset(&bytes);
	pack(&bytes, text, strlen(text), 31);
	test_good("gzip", &bytes, text, strlen(text));
	for (int i = 0; i < 512; i++)
		awsx_buf_putc(&bytes, '\0');
	test_good("gzip, padded with zeros", &bytes, text, strlen(text));
	awsx_buf_reset(&bytes);
	pack(&bytes, text, 50, 31);
	pack(&bytes, "", 0, 31);
	pack(&bytes, text + 50, strlen(text) - 50, 31);
	test_good("gzip of three members, one of them empty", &bytes, text, strlen(text));
	awsx_buf_reset(&bytes);
	pack(&bytes, text, strlen(text), 15);
	test_good("zlib", &bytes, text, strlen(text));
	awsx_buf_free(&bytes);
}

static void
test_cut(void)
{
	AwsxBuf		bytes;
	AwsxBuf		out;
	char		problem[160];
	int			wrong = 0;

	awsx_buf_init(&bytes, 0);
	awsx_buf_init(&out, 0);
	pack(&bytes, text, strlen(text), 31);
	for (size_t len = 2; len < bytes.len; len++)
		wrong += unpack(bytes.data, len, 7, &out, problem) != INFLATE_CORRUPT;
	is_int(wrong, 0, "gzip that is cut anywhere is corrupt");
	ok(strstr(problem, "end too early") != NULL, "and it says so: %s", problem);
	/* behind the header, whose bytes tell little, each byte counts */
	wrong = 0;
	for (size_t at = 10; at < bytes.len; at++)
	{
		bytes.data[at] ^= 0x10;
		wrong += unpack(bytes.data, bytes.len, bytes.len, &out, NULL) != INFLATE_CORRUPT &&
			!holds(&out, text, strlen(text));
		bytes.data[at] ^= 0x10;
	}
	is_int(wrong, 0, "gzip with any one byte wrong is corrupt, unless the byte says nothing");
	awsx_buf_puts(&bytes, "{}");
	is_int(unpack(bytes.data, bytes.len, 1, &out, problem), INFLATE_CORRUPT, "other bytes behind gzip are corrupt");
	ok(strstr(problem, "something else follows") != NULL, "and it says so: %s", problem);
	bytes.len -= 1;
	is_int(unpack(bytes.data, bytes.len, 1, &out, problem), INFLATE_CORRUPT, "one byte behind gzip, too");
	awsx_buf_free(&bytes);
	awsx_buf_free(&out);
}

/* 256 MB of zeros out of 256 KB: pieces come out one by one. */
static void
test_bomb(void)
{
	Inflate    *inflate = inflate_create();
	AwsxBuf		bytes;
	char	   *zeros = calloc(1, (size_t) 16 << 20);
	const char *got;
	size_t		len;
	size_t		largest = 0;
	long long	total = 0;

	awsx_buf_init(&bytes, 0);
	pack(&bytes, zeros, (size_t) 16 << 20, 31);
	for (int i = 0; i < 16; i++)
	{
		inflate_push(inflate, bytes.data, bytes.len);
		while (inflate_next(inflate, &got, &len) == INFLATE_BYTES)
		{
			total += (long long) len;
			largest = len > largest ? len : largest;
		}
	}
	ok(total == 16LL << 24, "256 MB come out of %zu KB", bytes.len * 16 / 1024);
	ok(largest <= 65536, "in pieces of %zu bytes", largest);
	ok(inflate_is_packed(inflate), "and it knows that they were packed");
	inflate_free(inflate);
	awsx_buf_free(&bytes);
	free(zeros);
}

int
main(void)
{
	test_kinds();
	test_cut();
	test_bomb();
	return tap_done();
}
