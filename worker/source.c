/*
 * source.c
 *	  The bytes of one object in S3.
 *
 * One call is under way at most.  Its answer is copied into "fetched" when it
 * is there, becomes "current" when the caller asks for more, and then the
 * next range is asked for.  Nobody drives the client while the caller works;
 * whoever waits next for anything drives this call along.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/s3_checksum.h"
#include "source.h"

struct Source
{
	SourceOptions options;
	AwsxS3Object about;
	bool		described;		/* about is filled */
	bool		whole;			/* a GET without a range */
	int64_t		next;			/* first byte of the next range */
	int64_t		given;
	AwsxS3Digest digest;
	bool		summed;			/* the digest is begun */

	AwsxCall   *call;			/* under way; null: none */
	AwsxS3Get	get;			/* what it asks for */
	bool		answered;		/* fetched or error are filled */
	bool		empty;			/* behind the last byte */
	AwsxS3Object range;			/* of fetched */
	AwsxBuf		fetched;
	AwsxError	error;
	AwsxBuf		current;
};

Source *
source_create(const SourceOptions *options, AwsxError *error)
{
	Source	   *source = calloc(1, sizeof(Source));

	if (source == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an object was read");
		return NULL;
	}
	source->options = *options;
	source->next = options->start;
	source->about.total = -1;
	source->whole = options->start == 0 && options->size >= 0 && options->size <= SOURCE_PART_BYTES;
	awsx_buf_init(&source->fetched, 0);
	awsx_buf_init(&source->current, 0);
	return source;
}

void
source_free(Source *source)
{
	if (source == NULL)
		return;
	if (source->call != NULL)
		awsx_call_cancel(source->call);
	if (source->summed)
		awsx_s3_digest_free(&source->digest);
	awsx_buf_free(&source->fetched);
	awsx_buf_free(&source->current);
	free(source);
}

const AwsxS3Object *
source_about(const Source *source)
{
	return &source->about;
}

int64_t
source_bytes(const Source *source)
{
	return source->given;
}

/* ---- one range ---- */

/* Nothing is at or behind the range's first byte. */
static bool
is_behind_end(const AwsxError *error)
{
	return error->http_status == 416 || strcmp(error->code, "InvalidRange") == 0;
}

/* Not every store that speaks S3 heeds If-Match. */
static bool
is_same_state(Source *source)
{
	if (!source->described || strcmp(source->range.etag, source->about.etag) == 0)
		return true;
	awsx_error_set(&source->error, AWSX_ERR_REQUEST, "the object was replaced while it was read");
	snprintf(source->error.code, sizeof(source->error.code), "PreconditionFailed");
	return false;
}

static void
on_answer(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	Source	   *source = arg;

	(void) call;
	source->call = NULL;
	source->answered = true;
	source->error = *error;
	source->empty = error->kind != AWSX_OK && is_behind_end(error);
	if (error->kind != AWSX_OK ||
		!awsx_s3_object_answer(answer, &source->range, &source->error) ||
		!awsx_s3_range_check(&source->get, &source->range, &source->error) ||
		!is_same_state(source))
		return;
	awsx_buf_reset(&source->fetched);
	if (answer->body.len > 0 && !awsx_buf_append(&source->fetched, answer->body.data, answer->body.len))
		awsx_error_set(&source->error, AWSX_ERR_MEMORY, "out of memory while an object was read");
}

static void
describe_get(Source *source)
{
	const SourceOptions *options = &source->options;
	const char *etag = source->described ? source->about.etag : options->etag;

	source->get = (AwsxS3Get) {
		.bucket = options->bucket,
		.key = options->key,
		.version_id = options->version_id,
		.if_match = *etag != '\0' ? etag : NULL,
		.range_start = source->whole ? -1 : source->next,
		.range_end = source->whole ? -1 : source->next + SOURCE_PART_BYTES - 1,
		.max_bytes = (size_t) SOURCE_PART_BYTES
	};
}

static bool
start_range(Source *source, AwsxError *error)
{
	const SourceOptions *options = &source->options;
	AwsxHttpRequest request;

	awsx_error_clear(error);
	describe_get(source);
	source->answered = false;
	if (!awsx_s3_get_request(options->service, &source->get, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(options->deadline);
	if (request.timeout_ms <= 0)
	{
		awsx_http_request_free(&request);
		return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	source->call = awsx_client_start(options->client, options->service, &request, on_answer, source, error);
	return source->call != NULL;
}

/* Wait for the answer of the range that is under way. */
static bool
await_range(Source *source, AwsxError *error)
{
	AwsxClient *client = source->options.client;
	Deadline	deadline = *source->options.deadline;

	for (;;)
	{
		awsx_client_drive(client);
		if (source->answered)
			break;
		if (!deadline_wait(&deadline, awsx_client_fd(client), awsx_client_timeout_ms(client)))
			return awsx_error_set(error, AWSX_ERR_CANCELLED, "the invocation's time is over");
	}
	*error = source->error;
	return error->kind == AWSX_OK;
}

/* ---- the object ---- */

/* Of a larger object HEAD tells the checksum; a range's answer does not. */
static bool
begin_sum(Source *source, AwsxError *error)
{
	const SourceOptions *options = &source->options;
	AwsxS3Get	get = source->get;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxS3Object head;
	bool		done;

	get.range_start = -1;
	get.range_end = -1;
	get.if_match = *source->about.etag != '\0' ? source->about.etag : NULL;
	if (!awsx_s3_head_request(options->service, &get, &request, error))
		return false;
	request.timeout_ms = deadline_left_ms(options->deadline);
	if (!awsx_client_run(options->client, options->service, &request, &answer, error))
		return false;
	done = awsx_s3_object_answer(&answer, &head, error) &&
		awsx_s3_digest_init(&source->digest, &head.checksum, error);
	source->summed = done;
	awsx_http_response_free(&answer);
	return done;
}

/* The first answer is here. */
static bool
learn(Source *source, AwsxError *error)
{
	source->about = source->range;
	source->described = true;
	if (source->about.total < 0)
		source->about.total = source->about.size;
	if (source->options.start > 0 || source->about.total <= (int64_t) source->fetched.len)
		return true;
	return begin_sum(source, error);
}

/* More than the event said: read it in ranges after all. */
static bool
read_as_ranges(Source *source, const AwsxError *error)
{
	if (!source->whole || source->described || error->kind != AWSX_ERR_PROTOCOL)
		return false;
	source->whole = false;
	return true;
}

static bool
fetch(Source *source, AwsxError *error)
{
	if (source->call == NULL && !source->answered && !start_range(source, error))
		return false;
	if (await_range(source, error))
		return source->described || learn(source, error);
	if (source->empty)
	{
		awsx_error_clear(error);
		return true;
	}
	source->answered = false;
	return read_as_ranges(source, error) && start_range(source, error) && fetch(source, error);
}

static bool
at_end(const Source *source)
{
	return source->described && (source->whole || source->next >= source->about.total);
}

/* What the last range left under way or fetched, made current. */
static bool
turn_over(Source *source, AwsxError *error)
{
	AwsxBuf		emptied = source->current;

	if (source->fetched.len == 0)
		return awsx_error_set(error, AWSX_ERR_PROTOCOL, "S3 answered a range of the object without any bytes");
	source->current = source->fetched;
	source->fetched = emptied;
	source->answered = false;
	source->next += (int64_t) source->current.len;
	source->given += (int64_t) source->current.len;
	if (source->summed)
		awsx_s3_digest_update(&source->digest, source->current.data, source->current.len);
	/* the next range; if it cannot be started, the next call says why */
	if (!at_end(source))
	{
		AwsxError	later;

		(void) start_range(source, &later);
	}
	return true;
}

static SourceStep
end(Source *source, AwsxError *error)
{
	if (source->summed && source->next == source->about.total)
	{
		source->summed = false;
		if (!awsx_s3_digest_check(&source->digest, error))
		{
			awsx_s3_digest_free(&source->digest);
			return SOURCE_FAILED;
		}
		awsx_s3_digest_free(&source->digest);
	}
	return SOURCE_END;
}

SourceStep
source_next(Source *source, const char **bytes, size_t *len, AwsxError *error)
{
	awsx_error_clear(error);
	if (at_end(source) || source->empty)
		return end(source, error);
	if (!fetch(source, error))
		return SOURCE_FAILED;
	if (source->empty || source->about.total == 0)
		return end(source, error);
	if (!turn_over(source, error))
		return SOURCE_FAILED;
	*bytes = source->current.data;
	*len = source->current.len;
	return SOURCE_BYTES;
}

/* ---- what a failure means ---- */

SourceFailure
source_failure(const AwsxError *error)
{
	static const char *const missing[] =
	{"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "KeyTooLongError", "PreconditionFailed", NULL};

	for (const char *const *code = missing; *code != NULL; code++)
	{
		if (strcmp(error->code, *code) == 0)
			return SOURCE_MISSING;
	}
	if (strcmp(error->code, "InvalidObjectState") == 0)
		return SOURCE_ARCHIVED;
	/* HEAD has no body, hence no code: of an object whose GET just worked */
	if (error->http_status == 412)
		return SOURCE_MISSING;
	if (strcmp(error->code, "AccessDenied") == 0)
		return SOURCE_DENIED;
	return error->kind == AWSX_ERR_THROTTLED ? SOURCE_THROTTLED : SOURCE_FAULT;
}
