/*
 * s3_list.c
 *	  ListObjectsV2: one page of a bucket's keys.
 *
 * Keys are asked for URL-encoded, because XML cannot carry every byte of a
 * key.  A page that is not whole is an error, never a shorter list.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "s3_wire.h"
#include "xml.h"

#define MAX_KEYS 1000

/* A thousand keys of 1024 bytes, all of them encoded, and what is around them. */
#define PAGE_ROOM ((size_t) 8 << 20)

typedef struct Page
{
	AwsxS3Listing *listing;
	int			allocated;
	AwsxS3Entry *current;		/* being read; null outside of Contents */
	bool		encoded;		/* keys are URL-encoded */
	bool		truncated;		/* there is a next page */
} Page;

bool
awsx_s3_list_request(const AwsxService *service, const AwsxS3List *list,
					 AwsxHttpRequest *out, AwsxError *error)
{
	AwsxBuf		query;
	char		number[16];

	if (!awsx_s3_begin(service, "GET", list->bucket, NULL, out, error))
		return false;
	if (list->max_keys < 0 || list->max_keys > MAX_KEYS)
	{
		awsx_http_request_free(out);
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a page of a bucket has 1 to %d keys, not %d", MAX_KEYS, list->max_keys);
	}
	snprintf(number, sizeof(number), "%d", list->max_keys == 0 ? MAX_KEYS : list->max_keys);
	awsx_buf_init(&query, 0);
	if (list->continuation != NULL)
		awsx_s3_put_query(&query, "continuation-token", list->continuation);
	awsx_s3_put_query(&query, "encoding-type", "url");
	awsx_s3_put_query(&query, "list-type", "2");
	awsx_s3_put_query(&query, "max-keys", number);
	if (list->prefix != NULL && *list->prefix != '\0')
		awsx_s3_put_query(&query, "prefix", list->prefix);
	if (list->start_after != NULL && *list->start_after != '\0')
		awsx_s3_put_query(&query, "start-after", list->start_after);
	out->query = awsx_buf_take(&query, NULL);
	awsx_buf_free(&query);
	if (out->query == NULL)
		return awsx_s3_no_memory(out, error);
	out->max_response = PAGE_ROOM;
	return true;
}

static bool
no_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a page of a bucket");
}

static bool
page_error(AwsxError *error, const char *problem)
{
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "the list in the answer of S3 is not understood: it has %s", problem);
}

/* Begin another entry, to be filled by its members. */
static bool
add_entry(Page *page, AwsxError *error)
{
	AwsxS3Listing *listing = page->listing;

	if (listing->count == page->allocated)
	{
		int			more = page->allocated == 0 ? 64 : page->allocated * 2;
		AwsxS3Entry *entries = realloc(listing->entries, (size_t) more * sizeof(AwsxS3Entry));

		if (entries == NULL)
			return no_memory(error);
		listing->entries = entries;
		page->allocated = more;
	}
	page->current = &listing->entries[listing->count++];
	memset(page->current, 0, sizeof(AwsxS3Entry));
	page->current->size = -1;
	return true;
}

/* Replace a string by a copy. */
static bool
keep(char **out, const char *text, size_t len, AwsxError *error)
{
	free(*out);
	*out = strndup(text, len);
	return *out != NULL || no_memory(error);
}

/* A member of Contents has ended. */
static bool
read_entry_member(const AwsxXml *xml, AwsxS3Entry *entry, AwsxError *error)
{
	const char *text = awsx_xml_text(xml);
	size_t		len = strlen(text);

	if (awsx_xml_is(xml, "Key"))
		return keep(&entry->key, text, len, error);
	if (awsx_xml_is(xml, "LastModified"))
		return keep(&entry->last_modified, text, len, error);
	if (awsx_xml_is(xml, "ETag"))
	{
		bool		quoted = len >= 2 && text[0] == '"' && text[len - 1] == '"';

		return keep(&entry->etag, quoted ? text + 1 : text, quoted ? len - 2 : len, error);
	}
	if (awsx_xml_is(xml, "Size"))
	{
		entry->size = awsx_s3_size(text);
		if (entry->size < 0)
			return page_error(error, "a size that is not a number");
	}
	return true;
}

/* A member of the root has ended. */
static bool
read_page_member(const AwsxXml *xml, Page *page, AwsxError *error)
{
	const char *text = awsx_xml_text(xml);

	if (awsx_xml_is(xml, "EncodingType"))
		page->encoded = strcmp(text, "url") == 0;
	else if (awsx_xml_is(xml, "IsTruncated"))
		page->truncated = strcmp(text, "true") == 0;
	else if (awsx_xml_is(xml, "NextContinuationToken"))
		return keep(&page->listing->continuation, text, strlen(text), error);
	return true;
}

/* Depth 1 is inside the root, depth 2 inside one of its members. */
static bool
read_event(const AwsxXml *xml, AwsxXmlEvent event, Page *page, AwsxError *error)
{
	if (event == AWSX_XML_START && xml->depth == 1 && !awsx_xml_is(xml, "ListBucketResult"))
		return page_error(error, "another root element than ListBucketResult");
	if (event == AWSX_XML_START && xml->depth == 2)
	{
		page->current = NULL;
		return !awsx_xml_is(xml, "Contents") || add_entry(page, error);
	}
	if (event == AWSX_XML_END && xml->depth == 2 && page->current != NULL)
		return read_entry_member(xml, page->current, error);
	if (event == AWSX_XML_END && xml->depth == 1)
		return read_page_member(xml, page, error);
	return true;
}

static bool
read_page(AwsxXml *xml, Page *page, AwsxError *error)
{
	for (;;)
	{
		AwsxXmlEvent event = awsx_xml_next(xml);

		if (event == AWSX_XML_DONE)
			return true;
		if (event == AWSX_XML_BAD)
			return page_error(error, xml->problem);
		if (!read_event(xml, event, page, error))
			return false;
	}
}

/* Decode the keys, and see that nothing is missing. */
static bool
finish_page(Page *page, AwsxError *error)
{
	AwsxS3Listing *listing = page->listing;

	for (int i = 0; i < listing->count; i++)
	{
		AwsxS3Entry *entry = &listing->entries[i];

		if (entry->key == NULL || *entry->key == '\0')
			return page_error(error, "an entry without a key");
		if (page->encoded)
		{
			char	   *key = awsx_form_decode(entry->key, strlen(entry->key));

			if (key == NULL)
				return page_error(error, "a key that is not URL-encoded");
			free(entry->key);
			entry->key = key;
		}
		if ((entry->etag == NULL && !keep(&entry->etag, "", 0, error)) ||
			(entry->last_modified == NULL && !keep(&entry->last_modified, "", 0, error)))
			return false;
	}
	if (page->truncated && (listing->continuation == NULL || *listing->continuation == '\0'))
		return page_error(error, "a next page, but no token for it");
	if (!page->truncated)
	{
		free(listing->continuation);
		listing->continuation = NULL;
	}
	return true;
}

AwsxS3Listing *
awsx_s3_list_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	Page		page = {.listing = calloc(1, sizeof(AwsxS3Listing))};
	AwsxXml		xml;
	bool		done;

	if (page.listing == NULL)
	{
		no_memory(error);
		return NULL;
	}
	awsx_xml_init(&xml, answer->body.len > 0 ? answer->body.data : "", answer->body.len);
	done = read_page(&xml, &page, error) && finish_page(&page, error);
	awsx_xml_free(&xml);
	if (done)
		return page.listing;
	awsx_s3_listing_free(page.listing);
	return NULL;
}

void
awsx_s3_listing_free(AwsxS3Listing *listing)
{
	if (listing == NULL)
		return;
	for (int i = 0; i < listing->count; i++)
	{
		free(listing->entries[i].key);
		free(listing->entries[i].etag);
		free(listing->entries[i].last_modified);
	}
	free(listing->entries);
	free(listing->continuation);
	free(listing);
}
