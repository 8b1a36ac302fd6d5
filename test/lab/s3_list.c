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
#include "service.h"

#define MAX_KEYS	1000
#define XML_HEAD	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

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
	Buf			contents;
	Buf			prefixes;
} Listing;

static void
add_name(Buf *out, const char *tag, const char *name, bool encode)
{
	Buf			encoded = {0};

	buf_adds(&encoded, "");
	if (encode)
		percent_encode(&encoded, name, strlen(name), "/");
	xml_add(out, tag, encode ? encoded.data : name);
	buf_free(&encoded);
}

static void
add_version(Buf *out, const S3Version *version)
{
	char		modified[32];

	format_iso_ms(modified, version->modified_ms);
	xml_add(out, "LastModified", modified);
	if (version->delete_marker)
		return;
	buf_addf(out, "<ETag>&quot;%s&quot;</ETag><Size>%zu</Size><StorageClass>STANDARD</StorageClass>",
			 version->etag, version->blob->len);
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
		buf_adds(&listing->prefixes, "<CommonPrefixes>");
		add_name(&listing->prefixes, "Prefix", listing->last, listing->encode);
		buf_adds(&listing->prefixes, "</CommonPrefixes>");
		listing->at = behind_prefix(listing->bucket, listing->last, listing->at);
	}
	else
	{
		listing->last = mem_strdup(object->key);
		buf_adds(&listing->contents, "<Contents>");
		add_name(&listing->contents, "Key", object->key, listing->encode);
		add_version(&listing->contents, object->newest);
		buf_adds(&listing->contents, "</Contents>");
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

static void
add_token(Buf *out, const char *tag, const Listing *listing)
{
	Buf			place = {0};
	Buf			token = {0};

	buf_addf(&place, "%c%s", listing->last_is_prefix ? 'p' : 'k', listing->last);
	base64_encode(&token, place.data, place.len);
	xml_add(out, tag, token.data);
	buf_free(&place);
	buf_free(&token);
}

static void
add_head(Buf *body, const Exchange *x, const Listing *listing, bool v2)
{
	buf_adds(body, XML_HEAD "<ListBucketResult xmlns=\"" S3_XMLNS "\">");
	xml_add(body, "Name", listing->bucket->name);
	add_name(body, "Prefix", listing->prefix, listing->encode);
	if (listing->delimiter[0] != '\0')
		add_name(body, "Delimiter", listing->delimiter, listing->encode);
	xml_add(body, "EncodingType", listing->encode ? "url" : NULL);
	buf_addf(body, "<MaxKeys>%ld</MaxKeys><IsTruncated>%s</IsTruncated>", listing->max,
			 listing->truncated ? "true" : "false");
	if (v2)
	{
		buf_addf(body, "<KeyCount>%ld</KeyCount>", listing->count);
		xml_add(body, "ContinuationToken", http_query(x, "continuation-token"));
		if (http_query(x, "start-after") != NULL)
			add_name(body, "StartAfter", http_query(x, "start-after"), listing->encode);
		if (listing->truncated)
			add_token(body, "NextContinuationToken", listing);
	}
	else
	{
		add_name(body, "Marker", query_or_empty(x, "marker"), listing->encode);
		if (listing->truncated)
			add_name(body, "NextMarker", listing->last, listing->encode);
	}
}

void
s3_list_objects(S3Call *call)
{
	Exchange   *x = call->x;
	bool		v2 = http_query(x, "list-type") != NULL;
	const char *token = v2 ? http_query(x, "continuation-token") : NULL;
	const char *encoding = http_query(x, "encoding-type");
	const char *after = query_or_empty(x, v2 ? "start-after" : "marker");
	Listing		listing = {.bucket = call->bucket, .prefix = query_or_empty(x, "prefix"),
		.delimiter = query_or_empty(x, "delimiter"),
	.encode = encoding != NULL && strcmp(encoding, "url") == 0};
	Buf			body = {0};

	listing.at = s3_lower_bound(call->bucket, listing.prefix);
	if (!read_max_keys(x, &listing.max) || (token != NULL && !continue_from(&listing, token)) ||
		(v2 && strcmp(http_query(x, "list-type"), "2") != 0))
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
	walk(&listing);
	add_head(&body, x, &listing, v2);
	if (listing.contents.len > 0)
		buf_add(&body, listing.contents.data, listing.contents.len);
	if (listing.prefixes.len > 0)
		buf_add(&body, listing.prefixes.data, listing.prefixes.len);
	buf_adds(&body, "</ListBucketResult>");
	buf_free(&listing.contents);
	buf_free(&listing.prefixes);
	free(listing.last);
	s3_answer_xml(x, 200, &body);
}

/* All versions under the prefix in one answer: the lab never truncates this one. */
void
s3_list_versions(S3Call *call)
{
	const S3Bucket *bucket = call->bucket;
	const char *prefix = query_or_empty(call->x, "prefix");
	const char *encoding = http_query(call->x, "encoding-type");
	bool		encode = encoding != NULL && strcmp(encoding, "url") == 0;
	Buf			body = {0};

	buf_adds(&body, XML_HEAD "<ListVersionsResult xmlns=\"" S3_XMLNS "\">");
	xml_add(&body, "Name", bucket->name);
	add_name(&body, "Prefix", prefix, encode);
	xml_add(&body, "EncodingType", encode ? "url" : NULL);
	buf_adds(&body, "<IsTruncated>false</IsTruncated>");
	for (size_t at = s3_lower_bound(bucket, prefix);
		 at < bucket->n_objects && strncmp(bucket->objects[at]->key, prefix, strlen(prefix)) == 0; at++)
	{
		const S3Object *object = bucket->objects[at];

		for (const S3Version *version = object->newest; version != NULL; version = version->older)
		{
			const char *tag = version->delete_marker ? "DeleteMarker" : "Version";

			buf_addf(&body, "<%s>", tag);
			add_name(&body, "Key", object->key, encode);
			xml_add(&body, "VersionId", version->id);
			xml_add(&body, "IsLatest", version == object->newest ? "true" : "false");
			add_version(&body, version);
			buf_addf(&body, "</%s>", tag);
		}
	}
	buf_adds(&body, "</ListVersionsResult>");
	s3_answer_xml(call->x, 200, &body);
}
