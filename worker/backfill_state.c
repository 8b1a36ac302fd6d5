/*
 * backfill_state.c
 *	  How far a backfill is, kept in a file so that a later run can go on.
 *
 * The key is written percent-encoded, for a key need not be UTF-8 to the last
 * byte that JSON allows.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../aws/text.h"
#include "backfill_state.h"
#include "json.h"

#define KEY_MAX_BYTES 1024

void
backfill_state_init(BackfillState *state)
{
	memset(state, 0, sizeof(*state));
	awsx_buf_init(&state->last_key, 0);
	awsx_buf_puts(&state->last_key, "");
}

void
backfill_state_free(BackfillState *state)
{
	awsx_buf_free(&state->last_key);
}

/* ---- reading ---- */

static bool
decode_key(const char *text, AwsxBuf *key)
{
	awsx_buf_reset(key);
	awsx_buf_puts(key, "");
	for (; *text != '\0'; text++)
	{
		int			high = *text == '%' ? awsx_text_hex_value(text[1]) : -1;
		int			low = high >= 0 ? awsx_text_hex_value(text[2]) : -1;

		if (*text == '%' && low < 0)
			return false;
		awsx_buf_putc(key, *text == '%' ? (char) (high * 16 + low) : *text);
		text += *text == '%' ? 2 : 0;
	}
	return !key->failed && key->len <= KEY_MAX_BYTES;
}

static bool
same_number(const json_t *root, const char *name, int64_t value)
{
	const json_t *member = json_object_get(root, name);

	return json_is_integer(member) && json_integer_value(member) == value;
}

static bool
read_count(const json_t *root, const char *name, int64_t *value)
{
	const json_t *member = json_object_get(root, name);

	*value = json_integer_value(member);
	return json_is_integer(member) && *value >= 0;
}

static bool
fill(BackfillState *state, const BackfillTask *task, const json_t *root, const char *path,
	 AwsxError *error)
{
	const char *url = json_string_value(json_object_get(root, "url"));
	const char *key = json_string_value(json_object_get(root, "last_key"));

	if (!same_number(root, "version", 1) || url == NULL || key == NULL ||
		!decode_key(key, &state->last_key) ||
		!read_count(root, "objects", &state->objects) ||
		!read_count(root, "records", &state->records) ||
		!read_count(root, "messages", &state->messages) ||
		!read_count(root, "filtered", &state->filtered) ||
		!read_count(root, "rejected", &state->rejected))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "\"%s\" is not the state of a backfill: name another file, or remove it", path);
	if (strcmp(url, task->url) != 0 || !same_number(root, "since_ms", task->since_ms) ||
		!same_number(root, "until_ms", task->until_ms))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "\"%s\" is the state of another backfill (of %.300s, or with another "
							  "--since or --until): name another file, or remove it", path, url);
	return true;
}

bool
backfill_state_read(BackfillState *state, const BackfillTask *task, const char *path,
					AwsxError *error)
{
	FILE	   *file = fopen(path, "rb");
	json_error_t problem;
	json_t	   *root;
	bool		done;

	if (file == NULL && errno == ENOENT)
		return true;
	if (file == NULL)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "cannot open \"%s\": %s", path, strerror(errno));
	root = json_loadf(file, 0, &problem);
	fclose(file);
	done = fill(state, task, root, path, error);
	json_decref(root);
	return done;
}

/* ---- writing ---- */

static bool
make_text(const BackfillState *state, const BackfillTask *task, AwsxBuf *text)
{
	AwsxBuf		key;

	awsx_buf_init(&key, 0);
	awsx_buf_puts(&key, "");
	awsx_buf_uri(&key, state->last_key.data, state->last_key.len, true);
	awsx_buf_puts(text, "{\"version\":1,");
	awsx_buf_puts(text, "\"url\":");
	json_put_string(text, task->url, strlen(task->url));
	awsx_buf_printf(text, ",\"since_ms\":%lld,\"until_ms\":%lld", (long long) task->since_ms,
					(long long) task->until_ms);
	json_put_member(text, "last_key", key.failed ? "" : key.data);
	awsx_buf_printf(text, ",\"objects\":%lld,\"records\":%lld,\"messages\":%lld,\"filtered\":%lld,\"rejected\":%lld}\n",
					(long long) state->objects, (long long) state->records,
					(long long) state->messages, (long long) state->filtered,
					(long long) state->rejected);
	text->failed |= key.failed;
	awsx_buf_free(&key);
	return !text->failed;
}

static bool
write_file(const char *path, const AwsxBuf *text)
{
	FILE	   *file = fopen(path, "wb");
	bool		done;

	if (file == NULL)
		return false;
	done = fwrite(text->data, 1, text->len, file) == text->len && fflush(file) == 0;
	return fclose(file) == 0 && done;
}

bool
backfill_state_write(const BackfillState *state, const BackfillTask *task, const char *path,
					 AwsxError *error)
{
	AwsxBuf		text;
	AwsxBuf		draft;
	bool		done;

	awsx_buf_init(&text, 0);
	awsx_buf_init(&draft, 0);
	awsx_buf_printf(&draft, "%s.new", path);
	done = make_text(state, task, &text) && !draft.failed;
	if (!done)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while the state was written");
	else if (!write_file(draft.data, &text) || rename(draft.data, path) != 0)
		done = awsx_error_set(error, AWSX_ERR_CONFIG, "cannot write \"%s\": %s", path, strerror(errno));
	awsx_buf_free(&text);
	awsx_buf_free(&draft);
	return done;
}
