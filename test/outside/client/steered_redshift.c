/*
 * steered_redshift.c
 *	  The deeds at the Redshift Data API.
 */
#include "steered.h"

#include "redshift_data.h"

static json_t *
do_execute(Steered *steered, const json_t *request, AwsxError *error)
{
	const json_t *list = json_object_get(request, "sqls");
	const char *sqls[AWSX_REDSHIFT_BATCH];
	AwsxRedshiftPlace place = {
		.workgroup = text_of(request, "workgroup"),
		.cluster = text_of(request, "cluster"),
		.database = text_of(request, "database"),
		.db_user = text_of(request, "user")
	};
	AwsxRedshiftSubmit submit = {.place = &place,.statements = sqls,.token = text_of(request, "token"),.name = text_of(request, "name")};
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	char		id[AWSX_REDSHIFT_ID];
	bool		made;
	bool		read;

	for (; submit.count < (int) json_array_size(list) && submit.count < AWSX_REDSHIFT_BATCH; submit.count++)
		sqls[submit.count] = json_string_value(json_array_get(list, (size_t) submit.count));
	made = awsx_redshift_submit_request(&steered->redshift, &submit, &out, error);
	if (!run_request(steered, &steered->redshift, made, &out, &answer, error))
		return NULL;
	read = awsx_redshift_submit_answer(&answer, id, error);
	awsx_http_response_free(&answer);
	return read ? json_pack("{s:s}", "id", id) : NULL;
}

static json_t *
do_describe(Steered *steered, const json_t *request, AwsxError *error)
{
	static const char *const words[] = {"running", "finished", "failed", "aborted"};
	AwsxRedshiftDescription description;
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	json_t	   *parts;
	bool		made = awsx_redshift_describe_request(&steered->redshift, text_of(request, "id"), &out, error);
	bool		read;

	if (!run_request(steered, &steered->redshift, made, &out, &answer, error))
		return NULL;
	read = awsx_redshift_describe_answer(&answer, &description, error);
	awsx_http_response_free(&answer);
	if (!read)
		return NULL;
	parts = json_array();
	for (int i = 0; i < description.part_count; i++)
		json_array_append_new(parts, json_integer(description.parts[i].rows));
	return json_pack("{s:s, s:s, s:I, s:o}", "status", words[description.status], "problem", description.error,
					 "rows", (json_int_t) description.rows, "parts", parts);
}

/* One page. */
static json_t *
do_rows(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxRedshiftRows *rows;
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	json_t	   *list;
	json_t	   *made_of;
	bool		made = awsx_redshift_result_request(&steered->redshift, text_of(request, "id"), (int) number_of(request, "part", 0),
													text_of(request, "next"), &out, error);

	if (!run_request(steered, &steered->redshift, made, &out, &answer, error))
		return NULL;
	rows = awsx_redshift_result_answer(&answer, error);
	awsx_http_response_free(&answer);
	if (rows == NULL)
		return NULL;
	list = json_array();
	for (int r = 0; r < rows->row_count; r++)
	{
		json_t	   *row = json_array();

		for (int c = 0; c < rows->column_count; c++)
		{
			const char *value = rows->values[r * rows->column_count + c];

			json_array_append_new(row, value != NULL ? json_string(value) : json_null());
		}
		json_array_append_new(list, row);
	}
	made_of = json_pack("{s:o, s:s?}", "records", list, "next", rows->next);
	awsx_redshift_rows_free(rows);
	return made_of;
}

static json_t *
do_cancel(Steered *steered, const json_t *request, AwsxError *error)
{
	AwsxHttpRequest out;
	AwsxHttpResponse answer;
	bool		made = awsx_redshift_cancel_request(&steered->redshift, text_of(request, "id"), &out, error);

	if (!run_request(steered, &steered->redshift, made, &out, &answer, error))
		return NULL;
	awsx_http_response_free(&answer);
	return json_pack("{}");
}

const NamedDeed redshift_deeds[] = {
	{"execute", do_execute},
	{"describe", do_describe},
	{"rows", do_rows},
	{"cancel", do_cancel},
	{NULL, NULL}
};
