/*
 * s3_synthetic.c
 *		Objects of many like lines, whose bytes are made when they are read.
 *
 * All lines are of one length, so the bytes of any range follow from where it
 * begins, and an object of any size costs one line of memory.
 */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "journal.h"

#define READ_MAX ((size_t) 64 << 20)

typedef struct S3Synthetic
{
	char	   *line;			/* with its '\n' */
	size_t		len;
	size_t		number_at;		/* where the line's number stands */
	int			digits;			/* 0: nowhere */
	uint64_t	repeat;
} S3Synthetic;

void
s3_drop_synthetic(S3Synthetic *synthetic)
{
	if (synthetic == NULL)
		return;
	free(synthetic->line);
	free(synthetic);
}

size_t
s3_size(const S3Version *version)
{
	const S3Synthetic *synthetic = version->synthetic;

	return synthetic != NULL ? synthetic->len * synthetic->repeat : version->blob->len;
}

static Blob *
render(const S3Synthetic *synthetic, size_t from, size_t len)
{
	Blob	   *blob = mem_resize(NULL, sizeof(Blob) + len);
	char	   *line = mem_strdup(synthetic->line);

	blob->refs = 1;
	blob->len = len;
	for (size_t done = 0; done < len;)
	{
		uint64_t	number = (from + done) / synthetic->len;
		size_t		at = (from + done) % synthetic->len;
		size_t		n = synthetic->len - at < len - done ? synthetic->len - at : len - done;
		char		digits[24];

		/* without a place there are no digits to copy */
		snprintf(digits, sizeof(digits), "%0*" PRIu64, synthetic->digits, number + 1);
		memcpy(line + synthetic->number_at, digits, (size_t) synthetic->digits);
		memcpy(blob->data + done, line + at, n);
		done += n;
	}
	free(line);
	return blob;
}

void
s3_answer_bytes(Exchange *x, int status, const S3Version *version, size_t from, size_t len)
{
	/* of the answer to a HEAD only the length is looked at */
	bool		made = version->synthetic != NULL && strcmp(x->method, "HEAD") != 0;
	Blob	   *blob;

	if (made && len > READ_MAX)
	{
		s3_error(x, "InternalError", NULL);
		return;
	}
	blob = made ? render(version->synthetic, from, len) : blob_share(version->blob);
	http_answer_blob(x, status, blob, made || version->synthetic != NULL ? 0 : from, len);
	blob_drop(blob);
}

/* The line with its number's place; NULL and *wrong. */
static S3Synthetic *
read_line(const json_t *in, const char **wrong)
{
	const char *line;
	size_t		len;
	json_int_t	repeat;
	S3Synthetic *synthetic;

	*wrong = "a line of 1 to 1000000 bytes, without '\\n', and a number of times from 1 to 10^12 are expected";
	if (json_unpack_ex((json_t *) in, NULL, JSON_STRICT, "{s:s%,s:I}", "line", &line, &len, "repeat", &repeat) != 0 ||
		len < 1 || len > 1000000 || strlen(line) != len || strchr(line, '\n') != NULL ||
		repeat < 1 || repeat > 1000000000000)
		return NULL;
	synthetic = mem_zalloc(sizeof(S3Synthetic));
	synthetic->line = mem_resize(mem_strdup(line), len + 2);
	memcpy(synthetic->line + len, "\n", 2);
	synthetic->len = len + 1;
	synthetic->number_at = strcspn(line, "#");
	synthetic->digits = (int) strspn(line + synthetic->number_at, "#");
	if (synthetic->digits > 18)
		synthetic->digits = 18;
	synthetic->repeat = (uint64_t) repeat;
	return synthetic;
}

static void
put(Exchange *x, S3Bucket *bucket, const char *key, S3Synthetic *synthetic)
{
	S3Call		call = {.x = x,.bucket = bucket};
	S3Version  *version = s3_add_version(bucket, key, clock_now_ms());

	version->synthetic = synthetic;
	version->blob = blob_new("", 0);
	version->headers = json_pack("{s:s}", "content-type", "application/x-ndjson");
	version->checksums = json_object();
	md5_hex(synthetic->line, synthetic->len, version->etag);
	journal_effect("s3.put", "ssIss", "bucket", bucket->name, "key", key,
				   "size", (json_int_t) s3_size(version), "version_id", version->id, "etag", version->etag);
	s3_notify(&call, S3_PUT, version);
	http_answer_json(x, 200, "application/json",
					 json_pack("{s:s,s:s,s:I}", "bucket", bucket->name, "key", key, "size", (json_int_t) s3_size(version)));
}

void
s3_put_synthetic(Exchange *x, const char *bucket_and_key)
{
	size_t		len = strcspn(bucket_and_key, "/");
	char	   *name = mem_strndup(bucket_and_key, len);
	json_t	   *in = json_loadb(x->body.data, x->body.len, 0, NULL);
	const char *wrong = "an existing bucket and a key are expected in the path";
	Buf			key = {0};
	S3Bucket   *bucket = s3_find_bucket(name);
	S3Synthetic *synthetic = NULL;

	if (bucket != NULL && bucket_and_key[len] == '/' && bucket_and_key[len + 1] != '\0' &&
		percent_decode(&key, bucket_and_key + len + 1, strlen(bucket_and_key + len + 1)))
		synthetic = read_line(in, &wrong);
	if (synthetic != NULL)
		put(x, bucket, key.data, synthetic);
	else
		http_answer_json(x, 400, "application/json", json_pack("{s:s,s:s}", "error", "bad_request", "message", wrong));
	json_decref(in);
	free(name);
	buf_free(&key);
}
