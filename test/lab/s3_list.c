/*
 * s3_list.c
 *		ListObjectsV2.
 *
 * A listing walks from a text to the first key that is not below it, reports
 * that, and has the text behind it as its next place.  With a delimiter, keys
 * that share the part up to it are reported once, and the next place is behind
 * all of them.  A continuation token is the next key, percent-encoded.
 */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#define MAX_KEYS	1000

typedef struct Listing
{
	const S3Bucket *bucket;
	const char *prefix;
	const char *delimiter;		/* "": none */
	bool		encode;			/* encoding-type=url */
	bool		owner;			/* fetch-owner=true */
	long		max;
	long		count;
	Buf			place;
	const char *next;			/* key that did not fit, "" at the end */
	json_t	   *contents;
	json_t	   *prefixes;
} Listing;

/* A key or part of one, as the client wants it. */
static json_t *
name_text(const char *name, size_t len, bool encode)
{
	Buf			text = {0};
	json_t	   *value;

	buf_adds(&text, "");
	if (encode)
		percent_encode(&text, name, len, "/");
	else
		buf_add(&text, name, len);
	value = json_stringn(text.data, text.len);
	buf_free(&text);
	return value;
}

static json_t *
optional(const char *name, bool encode)
{
	return name[0] != '\0' ? name_text(name, strlen(name), encode) : NULL;
}

static void
go_to(Listing *listing, const char *text, size_t len, const char *suffix)
{
	listing->place.len = 0;
	buf_add(&listing->place, text, len);
	buf_adds(&listing->place, suffix);
}

static json_t *
describe(const Listing *listing, const S3Version *version)
{
	const char *class = json_string_value(json_object_get(version->headers, "x-amz-storage-class"));
	char		modified[32];

	format_iso_ms(modified, version->modified_ms);
	return json_pack("{s:o,s:s,s:o,s:I,s:s,s:o*}", "Key", optional(version->key, listing->encode),
					 "LastModified", modified, "ETag", json_sprintf("\"%s\"", version->etag),
					 "Size", (json_int_t) s3_size(version), "StorageClass", class != NULL ? class : "STANDARD",
					 "Owner", listing->owner ? json_pack("{s:s}", "ID", S3_OWNER) : NULL);
}

/* Reports one key or common prefix; false when the listing is over. */
static bool
step(Listing *listing)
{
	const S3Bucket *bucket = listing->bucket;
	size_t		at = s3_lower_bound(bucket, listing->place.data);
	const S3Version *version = at < bucket->n_versions ? bucket->versions[at] : NULL;
	size_t		prefix_len = strlen(listing->prefix);
	const char *found = NULL;
	size_t		len;

	if (version == NULL || strncmp(version->key, listing->prefix, prefix_len) != 0)
		return false;
	if (listing->delimiter[0] != '\0')
		found = strstr(version->key + prefix_len, listing->delimiter);
	len = found != NULL ? (size_t) (found - version->key) + strlen(listing->delimiter) : strlen(version->key);
	if (version->blob == NULL)
	{
		go_to(listing, version->key, strlen(version->key), "\x01");
		return true;
	}
	if (listing->count == listing->max)
	{
		listing->next = version->key;
		return false;
	}
	if (found != NULL)
		json_array_append_new(listing->prefixes, json_pack("{s:o}", "Prefix", name_text(version->key, len, listing->encode)));
	else
		json_array_append_new(listing->contents, describe(listing, version));
	go_to(listing, version->key, len, found != NULL ? "\xFF" : "\x01");
	listing->count++;
	return true;
}

static const char *
query_or(const Exchange *x, const char *name, const char *otherwise)
{
	const char *value = http_query(x, name);

	return value != NULL ? value : otherwise;
}

void
s3_list_objects(S3Call *call)
{
	Exchange   *x = call->x;
	const char *token = http_query(x, "continuation-token");
	const char *after = query_or(x, "start-after", "");
	Listing		listing = {.bucket = call->bucket, .next = "", .prefix = query_or(x, "prefix", ""), .delimiter = query_or(x, "delimiter", ""),
		.owner = strcmp(query_or(x, "fetch-owner", ""), "true") == 0,
	.max = strtol(query_or(x, "max-keys", "1000"), NULL, 10), .encode = strcmp(query_or(x, "encoding-type", ""), "url") == 0};

	if (listing.max > MAX_KEYS)
		listing.max = MAX_KEYS;
	go_to(&listing, after, strlen(after), after[0] != '\0' ? "\x01" : "");
	if (token != NULL)
		listing.place.len = 0;
	if (strcmp(http_query(x, "list-type"), "2") != 0 || listing.max < 0 || !utf8_valid(listing.prefix) ||
		!utf8_valid(listing.delimiter) || !utf8_valid(after) ||
		(token != NULL && !percent_decode(&listing.place, token, strlen(token))))
	{
		buf_free(&listing.place);
		s3_error(x, "InvalidArgument", NULL);
		return;
	}
	if (strcmp(listing.place.data, listing.prefix) < 0)
		go_to(&listing, listing.prefix, strlen(listing.prefix), "");
	listing.contents = json_array();
	listing.prefixes = json_array();
	while (step(&listing))
		;
	s3_answer(x, 200, "ListBucketResult",
			  json_pack("{s:s,s:o,s:o*,s:o*,s:s*,s:I,s:I,s:b,s:s*,s:o*,s:o,s:o}", "Name", call->bucket->name,
						"Prefix", name_text(listing.prefix, strlen(listing.prefix), listing.encode),
						"Delimiter", optional(listing.delimiter, listing.encode),
						"StartAfter", optional(after, listing.encode),
						"EncodingType", listing.encode ? "url" : NULL, "MaxKeys", (json_int_t) listing.max,
						"KeyCount", (json_int_t) listing.count, "IsTruncated", listing.max > 0 && listing.next[0] != '\0',
						"ContinuationToken", token,
						"NextContinuationToken", listing.max > 0 ? optional(listing.next, true) : NULL,
						"Contents", listing.contents, "CommonPrefixes", listing.prefixes));
	buf_free(&listing.place);
}
