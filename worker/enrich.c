/*
 * enrich.c
 *	  One record in, messages for every output out; or the reason why not.
 *
 * Here: the programs are compiled, a record is read, and each program is run
 * over it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/buf.h"
#include "../aws/digest.h"
#include "enrich_work.h"
#include "json.h"

struct Enricher
{
	int			count;
	Output	   *outputs;
	bool		paths;			/* and nothing else, so that records may be sent as they stand */
	Direct		direct;
};

Verdict
enrich_reject(EnrichResult *result, const char *code, const char *format,...)
{
	va_list		args;

	result->code = code;
	va_start(args, format);
	vsnprintf(result->reason, sizeof(result->reason), format, args);
	va_end(args);
	return REJECT;
}

/* ---- setting up ---- */

static Program *
compile(const char *output, const char *what, const char *text, AwsxError *error)
{
	AwsxError	problem;
	Program    *program;

	awsx_error_clear(&problem);
	program = program_compile(text, &problem);
	if (program == NULL)
		awsx_error_set(error, problem.kind, "%s of output \"%s\": %s", what, output, problem.message);
	return program;
}

static bool
create_output(Output *output, const ConfigOutput *config, AwsxError *error)
{
	output->name = strdup(config->name);
	if (output->name == NULL)
		return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while outputs were set up");
	if (config->program == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "the program of output \"%s\" lies in S3 (%s) and was not read",
							  config->name, config->program_url);
	output->program = compile(config->name, "program", config->program, error);
	if (output->program == NULL)
		return false;
	output->group = compile(config->name, "group expression", config->group, error);
	if (output->group == NULL)
		return false;
	if (config->dedup != NULL)
		output->dedup = compile(config->name, "deduplication expression", config->dedup, error);
	return config->dedup == NULL || output->dedup != NULL;
}

static bool
is_paths(const Output *output)
{
	char	   *const *names;

	return program_path(output->program, &names) >= 0 && program_path(output->group, &names) >= 0 &&
		(output->dedup == NULL || program_path(output->dedup, &names) >= 0);
}

Enricher *
enrich_create(const Config *config, AwsxError *error)
{
	Enricher   *enricher = calloc(1, sizeof(Enricher));

	if (enricher != NULL)
		enricher->outputs = calloc((size_t) config->output_count, sizeof(Output));
	if (enricher == NULL || enricher->outputs == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while outputs were set up");
		enrich_free(enricher);
		return NULL;
	}
	for (int i = 0; i < config->output_count; i++)
	{
		enricher->count++;
		if (!create_output(&enricher->outputs[i], &config->outputs[i], error))
		{
			enrich_free(enricher);
			return NULL;
		}
		enricher->paths = (i == 0 || enricher->paths) && is_paths(&enricher->outputs[i]);
	}
	return enricher;
}

void
enrich_free(Enricher *enricher)
{
	if (enricher == NULL)
		return;
	for (int i = 0; i < enricher->count; i++)
	{
		free(enricher->outputs[i].name);
		program_free(enricher->outputs[i].program);
		program_free(enricher->outputs[i].group);
		program_free(enricher->outputs[i].dedup);
	}
	free(enricher->outputs);
	direct_free(&enricher->direct);
	free(enricher);
}

/* ---- reading the record ---- */

static Verdict
reject_number(Work *work, const char *text)
{
	const Numbers *numbers = &work->numbers;
	JsonProblem here;
	JsonProblem there;

	json_problem_at(&here, "", text, numbers->problem_offset, "");
	json_problem_at(&there, "", text, numbers->other_offset, "");
	if (numbers->problem == NUMBERS_MEMORY)
		return NO_MEMORY;
	if (numbers->problem == NUMBERS_EXTREME)
		return enrich_reject(work->result, "NumberOutOfRange",
					  "the number at line %zu, column %zu (byte %zu) has an exponent beyond 10^9",
					  here.line, here.column, here.byte);
	return enrich_reject(work->result, "AmbiguousNumber",
				  "the numbers at line %zu, column %zu (byte %zu) and line %zu, column %zu (byte %zu) "
				  "differ, but are the same to jq, which computes in double precision: "
				  "write one of them as a string",
				  there.line, there.column, there.byte, here.line, here.column, here.byte);
}

static Verdict
read_record(Work *work, const char *text, size_t len)
{
	JsonObject	object;
	JsonProblem problem;

	if (!json_find_object(text, len, numbers_add, &work->numbers, &object, &problem))
	{
		if (problem.code == NULL)
			return reject_number(work, text);
		return enrich_reject(work->result, problem.code, "%s", problem.reason);
	}
	work->record = text + object.offset;
	work->record_len = object.len;
	work->value = jv_parse_sized(work->record, (int) work->record_len);
	if (jv_get_kind(work->value) == JV_KIND_OBJECT)
		return GO_ON;
	/* the scanner is stricter than jq, but the last word is jq's */
	jv_free(work->value);
	work->value = jv_null();
	return enrich_reject(work->result, "InvalidJson", "jq cannot parse the object");
}

/* A record that direct_read took. */
static Verdict
read_plainly(Work *work, const Direct *direct)
{
	numbers_init(&work->numbers, direct->compact);
	for (int i = 0; i < direct->number_count; i++)
	{
		const DirectNode *number = &direct->nodes[direct->numbers[i]];

		if (!numbers_add(&work->numbers, (size_t) (number->text - direct->compact), number->len))
			return NO_MEMORY;	/* no two of these numbers meet */
	}
	work->value = direct_value(direct);
	return GO_ON;
}

static Verdict
describe_source(Work *work)
{
	EnrichResult *result = work->result;
	AwsxBuf		encoded;

	awsx_buf_init(&encoded, 0);
	awsx_buf_uri(&encoded, work->source->key, strlen(work->source->key), true);
	result->key_encoded = awsx_buf_take(&encoded, NULL);
	snprintf(result->record_text, sizeof(result->record_text), "%d", work->source->record);
	if (result->key_encoded == NULL ||
		!awsx_sha256_hex(work->record, work->record_len, result->sha256))
		return NO_MEMORY;
	return GO_ON;
}

static Verdict
run_output(Work *work, const Output *output, int index)
{
	int			n = 0;
	jv			value;

	program_start(output->program, jv_copy(work->value));
	for (;;)
	{
		ProgramStep step = program_next(output->program, &value);
		Verdict		verdict;

		if (step == PROGRAM_END)
			break;
		if (step == PROGRAM_ERROR)
			verdict = enrich_reject(work->result, "ProgramError", "the program of output \"%s\" fails: %s",
							 output->name, jv_string_value(value));
		else if (++n > ENRICH_MAX_RESULTS)
			verdict = enrich_reject(work->result, "TooManyResults",
							 "the program of output \"%s\" made more than %d results of one record",
							 output->name, ENRICH_MAX_RESULTS);
		else
			verdict = enrich_make_message(work, output, index, n, &(Document) {.value = value});
		jv_free(value);
		if (verdict != GO_ON)
			return verdict;
	}
	work->result->filtered += n == 0;
	return GO_ON;
}

static Verdict
run_outputs(Enricher *enricher, Work *work, const char *text, size_t len, bool plain)
{
	Verdict		verdict = plain ? read_plainly(work, &enricher->direct) : read_record(work, text, len);

	if (verdict == GO_ON)
		verdict = describe_source(work);
	for (int i = 0; i < enricher->count && verdict == GO_ON; i++)
		verdict = run_output(work, &enricher->outputs[i], i);
	return verdict;
}

/* Send the record as it stands, where that is what jq would make of it. */
static Verdict
go_directly(Enricher *enricher, Work *work)
{
	const Direct *direct = &enricher->direct;
	Verdict		verdict = describe_source(work);

	for (int i = 0; i < enricher->count && verdict == GO_ON; i++)
	{
		char	   *const *names;
		int			count = program_path(enricher->outputs[i].program, &names);
		Document	document = {.direct = direct,.node = direct_follow(direct, direct->nodes, names, count)};

		verdict = document.node == NULL ? LONG_WAY :
			enrich_make_message(work, &enricher->outputs[i], i, 1, &document);
	}
	return verdict;
}

void
enrich_message_free(EnrichMessage *message)
{
	free(message->body);
	free(message->original_group_id);
	free(message->original_dedup_id);
}

static void
free_messages(EnrichResult *result)
{
	for (int i = 0; i < result->count; i++)
		enrich_message_free(&result->messages[i]);
	free(result->messages);
	result->messages = NULL;
	result->count = 0;
	result->allocated = 0;
}

bool
enrich_record(Enricher *enricher, const EnrichSource *source, const char *text, size_t len,
			  EnrichResult *result, AwsxError *error)
{
	Work		work = {.source = source, .value = jv_null(), .result = result};
	Verdict		verdict = LONG_WAY;
	JsonObject	object;
	bool		plain;

	memset(result, 0, sizeof(*result));
	numbers_init(&work.numbers, text);
	plain = direct_read(&enricher->direct, text, len, &object);
	if (plain)
	{
		work.record = text + object.offset;
		work.record_len = object.len;
	}
	if (plain && enricher->paths)
		verdict = go_directly(enricher, &work);
	if (verdict == LONG_WAY)
	{
		enrich_result_free(result);
		verdict = run_outputs(enricher, &work, text, len, plain);
	}
	numbers_free(&work.numbers);
	jv_free(work.value);
	if (verdict == GO_ON)
		return true;
	free_messages(result);
	if (verdict == REJECT)
		return true;
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a record was enriched");
}

void
enrich_result_free(EnrichResult *result)
{
	free_messages(result);
	free(result->key_encoded);
	memset(result, 0, sizeof(*result));
}
