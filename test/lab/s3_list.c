/*
 * s3_list.c
 *		Listing: ListObjectsV2, the older ListObjects, ListObjectVersions.
 *
 * A listing starts at a place in the sorted keys and walks.  With a delimiter,
 * keys that share the part up to it are reported once, and the walk jumps over
 * them by a search for the first key behind.  A continuation token is base64
 * of the last key or common prefix reported, with a letter telling which.
 */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#include "codec.h"

#define MAX_KEYS	1000

typedef struct Listing
{
	const S3Bucket *bucket;
	const char *prefix;
	const char *delimiter;
	bool		encode;			/* encoding-type=url */
	long		max;
	long		count;
	size_t		at;
	bool		truncated;
	char	   *last;			/* last key or common prefix, owned */
	bool		last_is_prefix;
	json_t	   *contents;
	json_t	   *prefixes;
} Listing;

/* A key or part of one, as the client wants it. */
static json_t *
name_text(const char *name, bool encode)
{
	Buf			encoded = {0};
	json_t	   *text;

	buf_adds(&encoded, encode ? "" : name);
	if (encode)
		percent_encode(&encoded, name, strlen(name), "/");
	text = json_string(encoded.data);
	buf_free(&encoded);
	return text;
}

static json_t *
describe_version(const char *key, const S3Version *version, bool encode)
{
	char		modified[32];
	json_t	   *element = json_pack("{s:o}", "Key", name_text(key, encode));

	format_iso_ms(modified, version->modified_ms);
	json_object_set_new(element, "LastModified", json_string(modified));
	if (version->delete_marker)
		return element;
	json_object_set_new(element, "ETag", json_sprintf("\"%s\"", version->etag));
	json_object_set_new(element, "Size", json_integer((json_int_t) version->blob->len));
	json_object_set_new(element, "StorageClass", json_string("STANDARD"));
	return element;
}

/* The first place behind all keys that start with prefix. */
static size_t
behind_prefix(const S3Bucket *bucket, const char *prefix, size_t at)
{
	size_t		len = strlen(prefix);
	size_t		step = 1;

	/* gallop, then walk back: a prefix may cover nearly all keys or just one */
	while (at + step < bucket->n_objects && strncmp(bucket->objects[at + step]->key, prefix, len) == 0)
	{
		at += step;
		step *= 2;
	}
	while (at < bucket->n_objects && strncmp(bucket->objects[at]->key, prefix, len) == 0)
		at++;
	return at;
}

/* The end of the part up to and including the delimiter, behind the prefix; NULL if none. */
static const char *
common_end(const Listing *listing, const char *key)
{
	const char *found;

	if (listing->delimiter[0] == '\0')
		return NULL;
	found = strstr(key + strlen(listing->prefix), listing->delimiter);
	return found != NULL ? found + strlen(listing->delimiter) : NULL;
}

static void
report(Listing *listing, const S3Object *object)
{
	const char *end = common_end(listing, object->key);

	free(listing->last);
	listing->last_is_prefix = end != NULL;
	if (end != NULL)
	{
		listing->last = mem_strndup(object->key, (size_t) (end - object->key));
		json_array_append_new(listing->prefixes, json_pack("{s:o}", "Prefix",
														   name_text(listing->last, listing->encode)));
		listing->at = behind_prefix(listing->bucket, listing->last, listing->at);
	}
	else
	{
		listing->last = mem_strdup(object->key);
		json_array_append_new(listing->contents, describe_version(object->key, object->newest, listing->encode));
		listing->at++;
	}
	listing->count++;
}

static void
walk(Listing *listing)
{
	const S3Bucket *bucket = listing->bucket;

	while (listing->at < bucket->n_objects)
	{
		const S3Object *object = bucket->objects[listing->at];

		if (strncmp(object->key, listing->prefix, strlen(listing->prefix)) != 0)
			break;
		if (object->newest->delete_marker)
		{
			listing->at++;
			continue;
		}
		if (listing->count >= listing->max)
		{
			listing->truncated = listing->max > 0;
			break;
		}
		report(listing, object);
	}
}

/* Moves the start behind a key; to the prefix's first key at least. */
static void
start_after(Listing *listing, const char *key)
{
	size_t		at = s3_lower_bound(listing->bucket, key);

	if (at < listing->bucket->n_objects && strcmp(listing->bucket->objects[at]->key, key) == 0)
		at++;
	if (at > listing->at)
		listing->at = at;
}

static bool
continue_from(Listing *listing, const char *token)
{
	Buf			place = {0};
	bool		sound = base64_decode(&place, token, strlen(token)) && place.len > 1 &&
		strlen(place.data) == place.len;

	if (sound && place.data[0] == 'p')
	{
		listing->at = s3_lower_bound(listing->bucket, place.data + 1);
		listing->at = behind_prefix(listing->bucket, place.data + 1, listing->at);
	}
	else if (sound)
		start_after(listing, place.data + 1);
	buf_free(&place);
	return sound;
}

static bool
read_max_keys(const Exchange *x, long *max)
{
	const char *text = http_query(x, "max-keys");
	char	   *end;

	*max = MAX_KEYS;
	if (text == NULL)
		return true;
	*max = strtol(text, &end, 10);
	if (text[0] == '\0' || *end != '\0' || *max < 0)
		return false;
	if (*max > MAX_KEYS)
		*max = MAX_KEYS;
	return true;
}

static const char *
query_or_empty(const Exchange *x, const char *name)
{
	const char *value = http_query(x, name);

	return value != NULL ? value : "";
}

static json_t *
token_text(const Listing *listing)
{
	Buf			place = {0};
	Buf			token = {0};
	json_t	   *text;

	buf_addf(&place, "%c%s", listing->last_is_prefix ? 'p' : 'k', listing->last);
	base64_encode(&token, place.data, place.len);
	text = json_string(token.data);
	buf_free(&place);
	buf_free(&token);
	return text;
}

static json_t *
describe_listing(const Exchange *x, Listing *listing, bool v2)
{
	json_t	   *result = json_pack("{s:s,s:o,s:s*,s:I,s:b}", "Name", listing->bucket->name,
								   "Prefix", name_text(listing->prefix, listing->encode),
								   "EncodingType", listing->encode ? "url" : NULL,
								   "MaxKeys", (json_int_t) listing->max, "IsTruncated", listing->truncated);

	if (listing->delimiter[0] != '\0')
		json_object_set_new(result, "Delimiter", name_text(listing->delimiter, listing->encode));
	if (v2)
	{
		json_object_set_new(result, "KeyCount", json_integer(listing->count));
		if (http_query(x, "continuation-token") != NULL)
			json_object_set_new(result, "ContinuationToken", json_string(http_query(x, "continuation-token")));
		if (http_query(x, "start-after") != NULL)
			json_object_set_new(result, "StartAfter", name_text(http_query(x, "start-after"), listing->encode));
		if (listing->truncated)
			json_object_set_new(result, "NextContinuationToken", token_text(listing));
	}
	else
	{
		json_object_set_new(result, "Marker", name_text(query_or_empty(x, "marker"), listing->encode));
		if (listing->truncated)
			json_object_set_new(result, "NextMarker", name_text(listing->last, listing->encode));
	}
	json_object_set_new(result, "Contents", listing->contents);
	json_object_set_new(result, "CommonPrefixes", listing->prefixes);
	return result;
}

static bool
wants_encoding(const Exchange *x)
{
	return strcmp(query_or_empty(x, "encoding-type"), "url") == 0;
}

void
s3_list_objects(S3Call *call)
{
	Exchange   *x = call->x;
	bool		v2 = http_query(x, "list-type") != NULL;
	const char *token = v2 ? http_query(x, "continuation-token") : NULL;
	const char *after = query_or_empty(x, v2 ? "start-after" : "marker");
	Listing		listing = {.bucket = call->bucket, .prefix = query_or_empty(x, "prefix"),
	.delimiter = query_or_empty(x, "delimiter"), .encode = wants_encoding(x)};

	listing.at = s3_lower_bound(call->bucket, listing.prefix);
	if (!read_max_keys(x, &listing.max) || (token != NULL && !continue_from(&listing, token)) ||
		(v2 && strcmp(http_query(x, "list-type"), "2") != 0) ||
		!utf8_valid(listing.prefix) || !utf8_valid(listing.delimiter))
	{
		s3_error(x, "InvalidArgument");
		return;
	}
	if (token == NULL && after[0] != '\0')
	{
		start_after(&listing, after);
		/* a marker may be a common prefix reported before */
		if (!v2 && common_end(&listing, after) != NULL && *common_end(&listing, after) == '\0')
			listing.at = behind_prefix(call->bucket, after, listing.at);
	}
	listing.contents = json_array();
	listing.prefixes = json_array();
	walk(&listing);
	s3_answer_xml(x, 200, "ListBucketResult", describe_listing(x, &listing, v2));
	free(listing.last);
}

/* All versions under the prefix in one answer: the lab never truncates this one. */
void
s3_list_versions(S3Call *call)
{
	const S3Bucket *bucket = call->bucket;
	const char *prefix = query_or_empty(call->x, "prefix");
	bool		encode = wants_encoding(call->x);
	json_t	   *versions = json_array();
	json_t	   *markers = json_array();

	for (size_t at = s3_lower_bound(bucket, prefix);
		 at < bucket->n_objects && strncmp(bucket->objects[at]->key, prefix, strlen(prefix)) == 0; at++)
	{
		const S3Object *object = bucket->objects[at];

		for (const S3Version *version = object->newest; version != NULL; version = version->older)
		{
			json_t	   *element = describe_version(object->key, version, encode);

			json_object_set_new(element, "VersionId", json_string(version->id));
			json_object_set_new(element, "IsLatest", json_boolean(version == object->newest));
			json_array_append_new(version->delete_marker ? markers : versions, element);
		}
	}
	s3_answer_xml(call->x, 200, "ListVersionsResult",
				  json_pack("{s:s,s:o,s:s*,s:b,s:o,s:o}", "Name", bucket->name, "Prefix", name_text(prefix, encode),
							"EncodingType", encode ? "url" : NULL, "IsTruncated", false,
							"Version", versions, "DeleteMarker", markers));
}
