/*
 * enrich_message.c
 *	  From a result of a jq program to a message: body, ids, attributes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/buf.h"
#include "enrich_work.h"
#include "render.h"

/* ---- ids ---- */

/* The expression's one string or number as bytes. */
static Verdict
run_expression(Work *work, const Output *output, Program *expression, const char *what, jv document,
			   AwsxBuf *bytes)
{
	jv			value;
	jv			second;
	ProgramStep step;
	Verdict		verdict = GO_ON;

	program_start(expression, jv_copy(document));
	step = program_next(expression, &value);
	if (step == PROGRAM_END)
		return enrich_reject(work->result, "MissingId", "the %s of output \"%s\" gives no value",
					  what, output->name);
	if (step == PROGRAM_ERROR)
		verdict = enrich_reject(work->result, "ProgramError", "the %s of output \"%s\" fails: %s",
						 what, output->name, jv_string_value(value));
	else if (jv_get_kind(value) == JV_KIND_STRING)
		awsx_buf_append(bytes, jv_string_value(value),
						(size_t) jv_string_length_bytes(jv_copy(value)));
	else if (jv_get_kind(value) != JV_KIND_NUMBER ||
			 (!numbers_put_value(&work->numbers, jv_number_value(value), bytes) && !bytes->failed))
		verdict = enrich_reject(work->result,
						 jv_get_kind(value) == JV_KIND_NULL ? "MissingId" : "InvalidId",
						 "the %s of output \"%s\" is %s, not a string or a number",
						 what, output->name, jv_kind_name(jv_get_kind(value)));
	jv_free(value);
	if (verdict != GO_ON)
		return verdict;
	if (bytes->failed)
		return NO_MEMORY;
	if (bytes->len == 0)
		return enrich_reject(work->result, "MissingId", "the %s of output \"%s\" is empty",
					  what, output->name);
	if (program_next(expression, &second) == PROGRAM_END)
		return GO_ON;
	jv_free(second);
	return enrich_reject(work->result, "InvalidId", "the %s of output \"%s\" gives more than one value",
				  what, output->name);
}

/* Likewise from a record as it stands; what is no plain string or number goes the long way. */
static Verdict
copy_id(const Document *document, const Program *expression, AwsxBuf *bytes)
{
	char	   *const *names;
	int			count = program_path(expression, &names);
	const DirectNode *node = direct_follow(document->direct, document->node, names, count);

	if (node != NULL && node->kind == DIRECT_STRING && node->len > 2)
		awsx_buf_append(bytes, node->text + 1, node->len - 2);
	else if (node != NULL && node->kind == DIRECT_NUMBER)
		numbers_put_plain(node->text, node->len, bytes);
	else
		return LONG_WAY;
	return bytes->failed ? NO_MEMORY : GO_ON;
}

/* The id to send, and the percent-encoded original when SQS would refuse it. */
static Verdict
make_id(Work *work, const Output *output, Program *expression, const char *what,
		const Document *document, char id[AWSX_ID_MAX + 1], char **original)
{
	AwsxBuf		bytes;
	AwsxBuf		encoded;
	bool		hashed = false;
	Verdict		verdict;

	awsx_buf_init(&bytes, 0);
	verdict = document->direct != NULL ? copy_id(document, expression, &bytes) :
		run_expression(work, output, expression, what, document->value, &bytes);
	if (verdict == GO_ON && !awsx_id_make(bytes.data, bytes.len, id, &hashed))
		verdict = NO_MEMORY;
	if (verdict == GO_ON && hashed)
	{
		awsx_buf_init(&encoded, 0);
		awsx_buf_uri(&encoded, bytes.data, bytes.len, false);
		*original = awsx_buf_take(&encoded, NULL);
		if (*original == NULL)
			verdict = NO_MEMORY;
	}
	awsx_buf_free(&bytes);
	return verdict;
}

/* The n-th result (from 1) without a dedup expression. */
static Verdict
default_dedup(Work *work, const Output *output, int n, char id[AWSX_ID_MAX + 1])
{
	AwsxBuf		bytes;
	bool		done;

	if (n == 1)
		return awsx_id_of_record(output->name, work->record, work->record_len, id) ?
			GO_ON : NO_MEMORY;
	awsx_buf_init(&bytes, 0);
	awsx_buf_append(&bytes, work->record, work->record_len);
	awsx_buf_putc(&bytes, '\0');
	awsx_buf_printf(&bytes, "%d", n);
	done = !bytes.failed && awsx_id_of_record(output->name, bytes.data, bytes.len, id);
	awsx_buf_free(&bytes);
	return done ? GO_ON : NO_MEMORY;
}

/* ---- messages ---- */

static EnrichMessage *
add_message(EnrichResult *result)
{
	if (result->count == result->allocated)
	{
		int			allocated = result->allocated == 0 ? 4 : result->allocated * 2;
		EnrichMessage *grown = realloc(result->messages, (size_t) allocated * sizeof(EnrichMessage));

		if (grown == NULL)
			return NULL;
		result->messages = grown;
		result->allocated = allocated;
	}
	memset(&result->messages[result->count], 0, sizeof(EnrichMessage));
	return &result->messages[result->count++];
}

static void
add_attribute(EnrichMessage *message, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	message->attributes[message->attribute_count++] =
		(AwsxSqsAttribute) {name, "String", value, strlen(value)};
}

static void
add_attributes(Work *work, EnrichMessage *message)
{
	add_attribute(message, "source_bucket", work->source->bucket);
	add_attribute(message, "source_key", work->result->key_encoded);
	add_attribute(message, "source_version_id", work->source->version_id);
	add_attribute(message, "source_sequencer", work->source->sequencer);
	add_attribute(message, "source_record", work->result->record_text);
	add_attribute(message, "source_sha256", work->result->sha256);
	add_attribute(message, "original_group_id", message->original_group_id);
	add_attribute(message, "original_dedup_id", message->original_dedup_id);
}

static RenderResult
write_body(const Work *work, const Document *document, AwsxBuf *body)
{
	if (document->direct == NULL)
		return render_json(document->value, &work->numbers, body);
	return awsx_buf_append(body, document->node->text, document->node->len) ? RENDER_OK : RENDER_MEMORY;
}

static Verdict
render_body(Work *work, const Output *output, const Document *document, EnrichMessage *message)
{
	AwsxBuf		body;
	RenderResult rendered;

	awsx_buf_init(&body, 0);
	rendered = write_body(work, document, &body);
	if (rendered == RENDER_OK)
	{
		message->body = awsx_buf_take(&body, &message->body_len);
		if (message->body == NULL)
			return NO_MEMORY;
		work->result->bytes += message->body_len;
		if (work->result->bytes <= ENRICH_MAX_BYTES)
			return GO_ON;
		return enrich_reject(work->result, "TooManyResults",
							 "the messages of one record are more than %zu bytes together", ENRICH_MAX_BYTES);
	}
	awsx_buf_free(&body);
	if (rendered == RENDER_NOT_FINITE)
		return enrich_reject(work->result, "NotFinite",
					  "the program of output \"%s\" made a NaN or an infinity, which JSON cannot hold",
					  output->name);
	if (rendered == RENDER_TOO_DEEP)
		return enrich_reject(work->result, "TooDeep",
					  "the program of output \"%s\" made more than %d levels of nesting",
					  output->name, RENDER_MAX_DEPTH);
	return NO_MEMORY;
}

/* Would SQS silently drop this message as a duplicate of a sibling? */
static bool
has_twin(const EnrichResult *result, const EnrichMessage *message)
{
	for (const EnrichMessage *other = result->messages; other < message; other++)
	{
		if (other->output == message->output && strcmp(other->dedup_id, message->dedup_id) == 0)
			return true;
	}
	return false;
}

static Verdict
check_message(Work *work, const Output *output, const EnrichMessage *message)
{
	AwsxSqsSend send = enrich_send(message, NULL);
	AwsxError	problem;

	if (has_twin(work->result, message))
		return enrich_reject(work->result, "DuplicateId",
					  "two results of the program of output \"%s\" have the same deduplication id: "
					  "SQS would drop one", output->name);
	awsx_error_clear(&problem);
	if (awsx_sqs_send_check(&send, &problem))
		return GO_ON;
	if (problem.kind == AWSX_ERR_MEMORY)
		return NO_MEMORY;
	return enrich_reject(work->result, "MessageRefused", "output \"%s\": SQS would not take the message: %s",
				  output->name, problem.message);
}

/* The n-th result (from 1) of an output's program becomes a message. */
Verdict
enrich_make_message(Work *work, const Output *output, int index, int n, const Document *document)
{
	EnrichMessage *message = add_message(work->result);
	Verdict		verdict;

	if (message == NULL)
		return NO_MEMORY;
	message->output = index;
	verdict = render_body(work, output, document, message);
	if (verdict == GO_ON)
		verdict = make_id(work, output, output->group, "group expression", document,
						  message->group_id, &message->original_group_id);
	if (verdict == GO_ON && output->dedup == NULL)
		verdict = default_dedup(work, output, n, message->dedup_id);
	else if (verdict == GO_ON)
		verdict = make_id(work, output, output->dedup, "deduplication expression", document,
						  message->dedup_id, &message->original_dedup_id);
	if (verdict != GO_ON)
		return verdict;
	add_attributes(work, message);
	return check_message(work, output, message);
}

AwsxSqsSend
enrich_send(const EnrichMessage *message, const char *trace_header)
{
	return (AwsxSqsSend)
	{
		.body = message->body,
			.body_len = message->body_len,
			.group_id = message->group_id,
			.dedup_id = message->dedup_id,
			.attributes = message->attributes,
			.attribute_count = message->attribute_count,
			.trace_header = trace_header
	};
}
