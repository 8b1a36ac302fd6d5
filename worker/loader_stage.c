/*
 * loader_stage.c
 *	  The object that COPY reads, and the digests that names and tokens are
 *	  made of.
 *
 * An object's name follows from its content and from where it is loaded, so
 * that a retry writes the same one again, and two that load other things
 * never share one.  It is removed when the transaction has ended, however;
 * what is left by a killed process, or for a transaction that outlives its
 * caller, is overwritten and removed by a retry, or is for the bucket's
 * lifecycle rule.
 */
#include <string.h>

#include "../aws/digest.h"
#include "load_sql.h"
#include "loader_work.h"
#include "log.h"

static void
put_part(AwsxBuf *buf, const char *part)
{
	if (part != NULL)
		awsx_buf_puts(buf, part);
	awsx_buf_append(buf, "", 1);
}

bool
loader_digest(const Load *load, const char *const *parts, int count, char *out)
{
	const LoadConfig *config = load->config;
	const AwsxRedshiftPlace *place = &config->place;
	AwsxBuf		buf;
	bool		done;

	awsx_buf_init(&buf, 0);
	put_part(&buf, config->subscription);
	put_part(&buf, place->workgroup);
	put_part(&buf, place->cluster);
	put_part(&buf, place->database);
	put_part(&buf, config->target.schema);
	put_part(&buf, config->target.name);
	put_part(&buf, config->token_salt);
	for (int i = 0; i < count; i++)
		put_part(&buf, parts[i]);
	done = !buf.failed && awsx_sha256_hex(buf.data, buf.len, out);
	awsx_buf_free(&buf);
	return done;
}

static bool
make_name(const Load *load, const AwsxBuf *document, char **key, char **url)
{
	char		content[AWSX_SHA256_HEX_LEN + 1];
	char		name[AWSX_SHA256_HEX_LEN + 1];
	const char *const parts[] = {content};
	AwsxBuf		buf;

	if (!awsx_sha256_hex(document->data, document->len, content) || !loader_digest(load, parts, 1, name))
		return false;
	awsx_buf_init(&buf, 0);
	awsx_buf_printf(&buf, "%s%s.json", load->config->stage_prefix, name);
	*key = awsx_buf_take(&buf, NULL);
	awsx_buf_printf(&buf, "s3://%s/%s%s.json", load->config->stage_bucket, load->config->stage_prefix, name);
	*url = awsx_buf_take(&buf, NULL);
	awsx_buf_free(&buf);
	return *key != NULL && *url != NULL;
}

bool
loader_stage(Load *load, LoadRow **rows, int count, char **key, char **url)
{
	AwsxBuf		document;
	bool		done = false;

	awsx_buf_init(&document, 0);
	if (!load_stage(load->config, (const LoadRow *const *) rows, count, &document) ||
		!make_name(load, &document, key, url))
		awsx_error_set(&load->last, AWSX_ERR_MEMORY, "out of memory for the stage object of %d messages", count);
	else
		done = store_write(&load->loader->store, load->config->stage_bucket, *key, document.data,
						   document.len, &load->last);
	if (done)
		load->loader->stats.staged_bytes += (int64_t) document.len;
	awsx_buf_free(&document);
	return done;
}

void
loader_unstage(Load *load, const char *key)
{
	const Store *store = &load->loader->store;
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;

	awsx_error_clear(&error);
	if (awsx_s3_delete_request(&store->service, load->config->stage_bucket, key, NULL, &request, &error))
	{
		request.timeout_ms = deadline_left_ms(store->deadline);
		if (request.timeout_ms <= 0)
		{
			awsx_http_request_free(&request);
			awsx_error_set(&error, AWSX_ERR_CANCELLED, "the time is over");
		}
		else if (awsx_client_run(store->client, &store->service, &request, &answer, &error))
		{
			awsx_http_response_free(&answer);
			return;
		}
	}
	log_error(LOG_WARN, "a stage object could not be removed; it is left for the bucket's lifecycle rule",
			  &error);
}
