/*
 * explain.c
 *	  What would be sent for a file on this machine?  No network, no effect.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enrich.h"
#include "explain.h"
#include "inflate.h"
#include "json.h"
#include "split.h"

typedef struct Explain
{
	const Config *config;
	const char *path;
	Enricher   *enricher;
	Inflate    *inflate;
	Split	   *split;
	int64_t		records;
	int64_t		filtered;		/* by every output */
	int64_t		rejected;
} Explain;

static void
put_attributes(const EnrichMessage *message, AwsxBuf *line)
{
	awsx_buf_puts(line, ",\"attributes\":{");
	for (int i = 0; i < message->attribute_count; i++)
		json_put_member(line, message->attributes[i].name, message->attributes[i].value);
	awsx_buf_putc(line, '}');
}

static bool
print_message(const Config *config, const EnrichMessage *message)
{
	AwsxBuf		line;
	bool		done;

	awsx_buf_init(&line, 0);
	awsx_buf_putc(&line, '{');
	json_put_member(&line, "output", config->outputs[message->output].name);
	json_put_member(&line, "queue_url", config->outputs[message->output].queue_url);
	json_put_member(&line, "group_id", message->group_id);
	json_put_member(&line, "dedup_id", message->dedup_id);
	put_attributes(message, &line);
	awsx_buf_puts(&line, ",\"body\":");
	awsx_buf_append(&line, message->body, message->body_len);
	awsx_buf_puts(&line, "}\n");
	done = !line.failed && fwrite(line.data, 1, line.len, stdout) == line.len;
	awsx_buf_free(&line);
	return done;
}

/* One record, to the end: true unless memory or standard output fails. */
static bool
explain_record(Explain *explain, const SplitRecord *record)
{
	EnrichSource source = {.bucket = "local-file",.key = explain->path,.record = record->number};
	EnrichResult result = {0};
	AwsxError	error;
	bool		done = true;

	awsx_error_clear(&error);
	explain->records++;
	if (record->code != NULL)
	{
		printf("rejected: record %lld: %s: %s\n", (long long) record->number, record->code,
			   record->reason);
		explain->rejected++;
		return true;
	}
	done = enrich_record(explain->enricher, &source, record->text, record->len, &result, &error);
	if (done && result.code != NULL)
	{
		printf("rejected: record %lld: %s: %s\n", (long long) record->number, result.code, result.reason);
		explain->rejected++;
	}
	for (int i = 0; done && result.code == NULL && i < result.count; i++)
		done = print_message(explain->config, &result.messages[i]);
	explain->filtered += done && result.code == NULL && result.count == 0;
	enrich_result_free(&result);
	return done;
}

/* All records that are whole so far. */
static bool
explain_records(Explain *explain)
{
	SplitRecord record;
	SplitStep	step;

	while ((step = split_next(explain->split, &record)) == SPLIT_RECORD)
	{
		if (!explain_record(explain, &record))
			return false;
	}
	return step != SPLIT_NO_MEMORY;
}

/* Unpack and split what was pushed; false: no use in going on. */
static bool
explain_bytes(Explain *explain)
{
	const char *bytes;
	size_t		len;

	for (;;)
	{
		switch (inflate_next(explain->inflate, &bytes, &len))
		{
			case INFLATE_BYTES:
				if (!split_push(explain->split, bytes, len) || !explain_records(explain))
					return false;
				break;
			case INFLATE_MORE:
				return true;
			case INFLATE_END:
				split_finish(explain->split);
				return explain_records(explain);
			case INFLATE_CORRUPT:
				printf("rejected: CorruptGzip: %s\n", inflate_problem(explain->inflate));
				explain->rejected++;
				return false;
			case INFLATE_NO_MEMORY:
				return false;
		}
	}
}

/* The whole file, piece by piece, however large it is. */
static bool
explain_pieces(Explain *explain, FILE *file)
{
	char		piece[65536];
	size_t		n;

	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
	{
		inflate_push(explain->inflate, piece, n);
		if (!explain_bytes(explain))
			return explain->rejected > 0;
	}
	if (ferror(file))
		return false;
	inflate_finish(explain->inflate);
	return explain_bytes(explain) || explain->rejected > 0;
}

/* No network: a program in S3 is not read. */
static bool
programs_are_here(const Config *config, AwsxError *error)
{
	for (int i = 0; i < config->output_count; i++)
	{
		if (config->outputs[i].program == NULL)
			return awsx_error_set(error, AWSX_ERR_CONFIG,
								  "the program of output \"%s\" is in S3, and --explain uses no network: "
								  "give a local copy as \"jq_file\"", config->outputs[i].name);
	}
	return true;
}

static bool
set_up(Explain *explain, AwsxError *error)
{
	if (!programs_are_here(explain->config, error))
		return false;
	explain->enricher = enrich_create(explain->config, error);
	if (explain->enricher == NULL)
		return false;
	explain->inflate = inflate_create();
	explain->split = split_create(explain->config->max_record_bytes, NULL);
	return (explain->inflate != NULL && explain->split != NULL) ||
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

int
explain_file(const Config *config, const char *path)
{
	Explain		explain = {.config = config,.path = path};
	AwsxError	error;
	FILE	   *file = fopen(path, "rb");
	bool		done = false;

	awsx_error_clear(&error);
	if (file == NULL)
		awsx_error_set(&error, AWSX_ERR_CONFIG, "cannot open \"%s\": %s", path, strerror(errno));
	else if (set_up(&explain, &error))
	{
		done = explain_pieces(&explain, file);
		if (!done)
			awsx_error_set(&error, AWSX_ERR_CONFIG, "cannot read \"%s\" (is it a file?), or memory is short", path);
	}
	if (file != NULL)
		fclose(file);
	split_free(explain.split);
	inflate_free(explain.inflate);
	enrich_free(explain.enricher);
	if (explain.filtered > 0)
		fprintf(stderr, "%lld of %lld records are filtered out by every output\n",
				(long long) explain.filtered, (long long) explain.records);
	if (error.kind != AWSX_OK)
		fprintf(stderr, "s3_to_sqs: %s\n", error.message);
	return !done ? 2 : explain.rejected > 0;
}
