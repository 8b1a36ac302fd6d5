/*
 * redshift_answer.c
 *	  Answers of the Amazon Redshift Data API.
 *
 * Read by jansson, which is only right because the only number with a fraction
 * that we use is a time.  A member that is not what it should be is an error,
 * but for times, which every server writes in its own way; one that is not
 * known is not looked at.
 */
#include "redshift_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_member.h"
#include "text.h"

/* The answer's object; null and *error otherwise. */
static json_t *
parse(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_error_t problem = {0};
	json_t	   *root = NULL;

	if (answer->body.failed || answer->body.len == 0)
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of the Redshift Data API is %s",
					   answer->body.failed ? "cut short" : "empty");
		return NULL;
	}
	root = json_loadb(answer->body.data, answer->body.len, JSON_ALLOW_NUL, &problem);

	/* jansson's own text would quote the answer */
	if (root == NULL && json_error_code(&problem) == json_error_out_of_memory)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for the answer of the Redshift Data API");
	else if (root == NULL)
		awsx_error_set(error, AWSX_ERR_PROTOCOL,
					   "the answer of the Redshift Data API is not JSON (byte %d of %zu); check the endpoint",
					   problem.position, answer->body.len);
	else if (!json_is_object(root))
	{
		awsx_error_set(error, AWSX_ERR_PROTOCOL, "the answer of the Redshift Data API is not a JSON object");
		json_decref(root);
		root = NULL;
	}
	return root;
}

static bool
wrong_member(AwsxError *error, const char *name, const char *what)
{
	return awsx_error_set(error, AWSX_ERR_PROTOCOL, "\"%s\" in the answer of the Redshift Data API is not %s", name, what);
}

/* Copy as one line; a text that is too long is cut between two characters. */
static void
copy_line(char *out, size_t size, const char *text)
{
	size_t		len = strlen(text);

	if (len >= size)
	{
		len = size - 1;
		while (len > 0 && ((unsigned char) text[len] & 0xC0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char) text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i];
	out[len] = '\0';
}

/*----------
 * Submit
 *----------
 */

/* Letters, digits and '-', with room behind it for ":N". */
static bool
id_valid(const char *id)
{
	size_t		len = 0;

	while (awsx_text_is_alnum(id[len]) || id[len] == '-')
		len++;
	return len > 0 && id[len] == '\0' && len + sizeof(":40") <= AWSX_REDSHIFT_ID;
}

bool
awsx_redshift_submit_answer(const AwsxHttpResponse *answer, char id[AWSX_REDSHIFT_ID], AwsxError *error)
{
	json_t	   *root = parse(answer, error);
	const char *text = awsx_json_member_text(root, "Id");
	bool		good = text != NULL && id_valid(text);

	id[0] = '\0';
	if (good)
		memcpy(id, text, strlen(text) + 1);
	else if (root != NULL)
		wrong_member(error, "Id", "a statement's id");
	json_decref(root);
	return good;
}

/*----------
 * Describe
 *----------
 */

/* A status that is not known is no end. */
static AwsxRedshiftStatus
status_of(const char *word)
{
	if (strcmp(word, "FINISHED") == 0)
		return AWSX_REDSHIFT_FINISHED;
	if (strcmp(word, "FAILED") == 0)
		return AWSX_REDSHIFT_FAILED;
	if (strcmp(word, "ABORTED") == 0)
		return AWSX_REDSHIFT_ABORTED;
	return AWSX_REDSHIFT_RUNNING;
}

/* What a statement and a part of a batch have in common. */
static bool
read_state(const json_t *object, AwsxRedshiftPart *state, AwsxError *error)
{
	const char *status = awsx_json_member_text(object, "Status");
	const json_t *rows = json_object_get(object, "ResultRows");

	if (status == NULL)
		return wrong_member(error, "Status", "a status");
	if (rows != NULL && !json_is_null(rows) && !json_is_integer(rows))
		return wrong_member(error, "ResultRows", "an integer");
	state->status = status_of(status);
	state->rows = json_is_integer(rows) && json_integer_value(rows) >= 0 ? json_integer_value(rows) : -1;
	state->has_result = json_is_true(json_object_get(object, "HasResultSet"));
	return true;
}

/* Which part of the batch is it? As its id says ("...:N"), else as it stands; -1 when it cannot be. */
static int
place_of(const json_t *part, int standing, int count)
{
	const char *id = awsx_json_member_text(part, "Id");
	const char *colon = id != NULL ? strrchr(id, ':') : NULL;
	int			n = 0;

	if (colon == NULL)
		return standing;
	for (colon++; awsx_text_is_digit(*colon) && n <= count; colon++)
		n = n * 10 + (*colon - '0');
	return *colon == '\0' && n >= 1 && n <= count ? n - 1 : -1;
}

static bool
read_parts(const json_t *parts, AwsxRedshiftDescription *description, AwsxError *error)
{
	bool		seen[AWSX_REDSHIFT_BATCH] = {false};
	size_t		count = json_array_size(parts);

	if (parts == NULL || json_is_null(parts))
		return true;
	if (!json_is_array(parts) || count > AWSX_REDSHIFT_BATCH)
		return wrong_member(error, "SubStatements", "an array of at most 40 objects");
	for (size_t i = 0; i < count; i++)
	{
		const json_t *part = json_array_get(parts, i);
		int			place = place_of(part, (int) i, (int) count);
		const char *problem = awsx_json_member_text(part, "Error");

		if (!json_is_object(part) || place < 0 || seen[place])
			return wrong_member(error, "SubStatements", "a list of statements, each of them once");
		seen[place] = true;
		if (!read_state(part, &description->parts[place], error))
			return false;
		if (problem != NULL && description->error[0] == '\0')
			copy_line(description->error, sizeof(description->error), problem);
	}
	description->part_count = (int) count;
	return true;
}

/* Seconds since 1970 as a number, up to the year 9999; else 0. */
static int64_t
time_of(const json_t *object, const char *name)
{
	double		seconds = json_number_value(json_object_get(object, name));

	return seconds > 0 && seconds < 253402300800.0 ? (int64_t) (seconds * 1000) : 0;
}

bool
awsx_redshift_describe_answer(const AwsxHttpResponse *answer, AwsxRedshiftDescription *description, AwsxError *error)
{
	json_t	   *root = parse(answer, error);
	AwsxRedshiftPart state = {0};
	const char *problem = awsx_json_member_text(root, "Error");
	bool		good;

	memset(description, 0, sizeof(*description));
	if (problem != NULL)
		copy_line(description->error, sizeof(description->error), problem);
	good = root != NULL && read_state(root, &state, error) &&
		read_parts(json_object_get(root, "SubStatements"), description, error);
	description->created_ms = time_of(root, "CreatedAt");
	description->status = state.status;
	description->rows = state.rows;
	description->has_result = state.has_result;
	json_decref(root);
	return good;
}

/*----------
 * Result
 *----------
 */

/* The text of a field, perhaps in scratch; *null when there is none.  Null: it is none that is known. */
static const char *
field_text(const json_t *field, char scratch[64], bool *null)
{
	const char *name;
	json_t	   *value = json_object_get(field, "isNull");

	*null = json_is_true(value);
	if (*null)
		return "";
	name = "stringValue";
	if (json_object_get(field, name) == NULL)
		name = "blobValue";
	if (json_object_get(field, name) != NULL)
		return awsx_json_member_text(field, name);
	value = json_object_get(field, "longValue");
	if (value == NULL)
		value = json_object_get(field, "doubleValue");
	if (json_is_integer(value))
		snprintf(scratch, 64, "%" PRId64, (int64_t) json_integer_value(value));
	else if (json_is_real(value))
		snprintf(scratch, 64, "%.17g", json_real_value(value));
	else if (json_is_boolean(value = json_object_get(field, "booleanValue")))
		snprintf(scratch, 64, "%s", json_is_true(value) ? "true" : "false");
	else
		return NULL;
	return scratch;
}

/* The bytes that all texts need, and how many columns there are. */
static bool
measure(const json_t *records, size_t *columns, size_t *bytes, AwsxError *error)
{
	size_t		rows = json_array_size(records);

	*columns = rows > 0 ? json_array_size(json_array_get(records, 0)) : 0;
	*bytes = 0;
	if (!json_is_array(records))
		return wrong_member(error, "Records", "an array");
	for (size_t r = 0; r < rows; r++)
	{
		const json_t *row = json_array_get(records, r);

		if (!json_is_array(row) || json_array_size(row) != *columns)
			return wrong_member(error, "Records", "an array of rows of one length");
		for (size_t c = 0; c < *columns; c++)
		{
			char		scratch[64];
			bool		null;
			const char *text = field_text(json_array_get(row, c), scratch, &null);

			if (text == NULL)
				return wrong_member(error, "Records", "made of fields that are known");
			*bytes += strlen(text) + 1;
		}
	}
	return true;
}

static void
copy_rows(const json_t *records, AwsxRedshiftRows *rows, char *at)
{
	for (int r = 0; r < rows->row_count; r++)
	{
		const json_t *row = json_array_get(records, (size_t) r);

		for (int c = 0; c < rows->column_count; c++)
		{
			char		scratch[64];
			bool		null;
			const char *text = field_text(json_array_get(row, (size_t) c), scratch, &null);
			size_t		size = strlen(text) + 1;

			memcpy(at, text, size);
			rows->values[(size_t) r * (size_t) rows->column_count + (size_t) c] = null ? NULL : at;
			at += size;
		}
	}
}

/* One allocation: the struct, the pointers, the texts, the token of the next page. */
static AwsxRedshiftRows *
make_rows(const json_t *records, const char *next, AwsxError *error)
{
	size_t		count = json_array_size(records);
	size_t		next_size = next != NULL ? strlen(next) + 1 : 0;
	size_t		columns;
	size_t		bytes;
	AwsxRedshiftRows *rows;
	char	   *at;

	if (!measure(records, &columns, &bytes, error))
		return NULL;
	rows = malloc(sizeof(AwsxRedshiftRows) + count * columns * sizeof(char *) + bytes + next_size);
	if (rows == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a result of Redshift");
		return NULL;
	}
	rows->row_count = (int) count;
	rows->column_count = (int) columns;
	rows->values = (char **) (rows + 1);
	at = (char *) (rows->values + count * columns);
	rows->next = NULL;
	if (next != NULL)
		rows->next = memcpy(at + bytes, next, next_size);
	copy_rows(records, rows, at);
	return rows;
}

AwsxRedshiftRows *
awsx_redshift_result_answer(const AwsxHttpResponse *answer, AwsxError *error)
{
	json_t	   *root = parse(answer, error);
	const char *next = awsx_json_member_text(root, "NextToken");
	AwsxRedshiftRows *rows = NULL;

	if (root != NULL)
		rows = make_rows(json_object_get(root, "Records"), next != NULL && *next != '\0' ? next : NULL, error);
	json_decref(root);
	return rows;
}

void
awsx_redshift_rows_free(AwsxRedshiftRows *rows)
{
	free(rows);
}
