/*
 * explain.c
 *	  What would be sent for a file on this machine?  No network, no effect.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "enrich.h"
#include "explain.h"
#include "json.h"

static bool
read_file(const char *path, size_t max, AwsxBuf *text, AwsxError *error)
{
	FILE	   *file = fopen(path, "rb");
	char		piece[65536];
	size_t		n;
	bool		bad;

	if (file == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "cannot open \"%s\": %s", path, strerror(errno));
	awsx_buf_init(text, max);
	awsx_buf_puts(text, "");
	while (!text->failed && (n = fread(piece, 1, sizeof(piece), file)) > 0)
		awsx_buf_append(text, piece, n);
	bad = ferror(file) != 0;
	fclose(file);
	if (!bad && !text->failed)
		return true;
	awsx_buf_free(text);
	if (bad)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "cannot read \"%s\": is it a file?", path);
	return awsx_error_set(error, AWSX_ERR_CONFIG,
						  "\"%s\" has more than the %zu bytes that are allowed (max_object_bytes), "
						  "or memory is short", path, max);
}

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

static int
print_result(const Config *config, const EnrichResult *result)
{
	if (result->code != NULL)
	{
		printf("rejected: %s: %s\n", result->code, result->reason);
		return 1;
	}
	for (int i = 0; i < result->count; i++)
	{
		if (!print_message(config, &result->messages[i]))
			return 2;
	}
	if (result->filtered > 0)
		fprintf(stderr, "filtered out by %d of %d outputs\n", result->filtered, config->output_count);
	return 0;
}

int
explain_file(const Config *config, const char *path)
{
	EnrichSource source = {.bucket = "local-file",.key = path,.record = 1};
	EnrichResult result = {0};
	AwsxError	error;
	AwsxBuf		text = {0};
	Enricher   *enricher;
	int			status = 2;

	awsx_error_clear(&error);
	enricher = enrich_create(config, &error);
	if (enricher != NULL && read_file(path, config->max_object_bytes, &text, &error))
	{
		if (enrich_record(enricher, &source, text.data, text.len, &result, &error))
			status = print_result(config, &result);
		enrich_result_free(&result);
		awsx_buf_free(&text);
	}
	enrich_free(enricher);
	if (error.kind != AWSX_OK)
		fprintf(stderr, "s3_to_sqs: %s\n", error.message);
	return status;
}
