/*
 * steered_s3.c
 *	  The deeds at S3.
 */
#include "steered.h"

#include <string.h>

#include "s3.h"

static AwsxS3Get
read_get(const json_t *request)
{
	return (AwsxS3Get) {
		.bucket = text_of(request, "bucket"),
		.key = text_of(request, "key"),
		.version_id = text_of(request, "version"),
		.if_match = text_of(request, "if_match"),
		.range_start = number_of(request, "start", -1),
		.range_end = number_of(request, "end", -1),
		.max_bytes = 1 << 24
	};
}

static json_t *
describe_object(const AwsxHttpResponse *answer, const AwsxS3Object *object)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:i, s:s, s:s, s:s}", "hex", hex_of(answer->body.data, answer->body.len),
					 "size", (json_int_t) object->size, "start", (json_int_t) object->range_start,
					 "total", (json_int_t) object->total, "checksum", (int) object->checksum.kind,
					 "etag", object->etag, "version", object->version_id, "type", object->content_type);
}

static json_t *
do_get(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxS3Get	get = read_get(request);
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	AwsxS3Object object;
	json_t	   *result = NULL;
	bool		head = strcmp(text_of(request, "do"), "head") == 0;
	bool		made = head ? awsx_s3_head_request(&steered->s3, &get, &out, error) :
		awsx_s3_get_request(&steered->s3, &get, &out, error);

	if (!run_request(steered, &steered->s3, made, &out, &answer, error))
		return NULL;
	if (awsx_s3_object_answer(&answer, &object, error) && (head || awsx_s3_range_check(&get, &object, error)))
		result = describe_object(&answer, &object);
	awsx_http_response_free(&answer);
	return result;
}

static json_t *
do_put(Steered *steered, const json_t *request, AwsxError *error)
{
	const json_t *body = json_object_get(request, "body");
	AwsxS3Meta	metadata[8];
	AwsxS3Put	put = {
		.bucket = text_of(request, "bucket"),
		.key = text_of(request, "key"),
		.body = json_string_value(body),
		.body_len = json_string_length(body),
		.content_type = text_of(request, "type"),
		.metadata = metadata,
		.only_new = json_is_true(json_object_get(request, "only_new"))
	};
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	AwsxS3Object object;
	json_t	   *result = NULL;
	const char *name;
	json_t	   *value;

	json_object_foreach(json_object_get(request, "metadata"), name, value)
	{
		if (put.metadata_count < 8)
			metadata[put.metadata_count++] = (AwsxS3Meta) {name, json_string_value(value)};
	}
	if (!run_request(steered, &steered->s3, awsx_s3_put_request(&steered->s3, &put, &out, error), &out, &answer, error))
		return NULL;
	if (awsx_s3_object_answer(&answer, &object, error))
		result = describe_object(&answer, &object);
	awsx_http_response_free(&answer);
	return result;
}

static json_t *
do_delete(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	bool		made = awsx_s3_delete_request(&steered->s3, text_of(request, "bucket"), text_of(request, "key"),
											  text_of(request, "version"), &out, error);

	if (!run_request(steered, &steered->s3, made, &out, &answer, error))
		return NULL;
	awsx_http_response_free(&answer);
	return json_object();
}

static void
append_page(json_t *keys, const AwsxS3Listing *page)
{
	for (int i = 0; i < page->count; i++)
		json_array_append_new(keys, json_pack("[s, I, s]", page->entries[i].key, (json_int_t) page->entries[i].size,
											  page->entries[i].etag));
}

/* All pages. */
static json_t *
do_list(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxS3List	list = {
		.bucket = text_of(request, "bucket"),
		.prefix = text_of(request, "prefix"),
		.start_after = text_of(request, "start_after"),
		.max_keys = (int) number_of(request, "max_keys", 0)
	};
	json_t	   *keys = json_array();
	AwsxS3Listing *page = NULL;
	int			pages = 0;

	do
	{
		AwsxHttpRequest out;
		AwsxHttpResponse answer;
		AwsxS3Listing *last = page;
		bool		made;

		list.continuation = last == NULL ? NULL : last->continuation;
		made = awsx_s3_list_request(&steered->s3, &list, &out, error);
		awsx_s3_listing_free(last);
		page = NULL;
		if (run_request(steered, &steered->s3, made, &out, &answer, error))
		{
			page = awsx_s3_list_answer(&answer, error);
			awsx_http_response_free(&answer);
		}
		if (page == NULL)
		{
			json_decref(keys);
			return NULL;
		}
		append_page(keys, page);
		pages++;
	} while (page->continuation != NULL);
	awsx_s3_listing_free(page);
	return json_pack("{s:o, s:i}", "keys", keys, "pages", pages);
}

const NamedDeed s3_deeds[] = {
	{"get", do_get}, {"head", do_get}, {"put", do_put}, {"delete", do_delete}, {"list", do_list}, {NULL, NULL}
};
