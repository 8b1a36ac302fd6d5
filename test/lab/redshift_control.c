/*
 * redshift_control.c
 *		The tests' hand on the Data API.
 */
#include "redshift.h"

#include <stdlib.h>

static const char wrong_members[] =
"the members are submitted_ms, picked_ms, started_ms (0 to 86400000), hold (a boolean), "
"fail ({\"times\", \"statement\", \"error\"}), active_max (0 to 10000), page_rows (1 to 100000) and "
"backslash_escapes (a boolean)";

static bool
is_between(int64_t value, int64_t least, int64_t most)
{
	return value >= least && value <= most;
}

static bool
read_fail(const json_t *fail, RedshiftSettings *wanted)
{
	const char *error = NULL;

	if (fail == NULL)
		return true;
	wanted->fail_times = 1;
	wanted->fail_statement = 0;
	if (json_unpack_ex((json_t *) fail, NULL, JSON_STRICT, "{s?I,s?I,s?s}", "times", &wanted->fail_times,
					   "statement", &wanted->fail_statement, "error", &error) != 0 ||
		!is_between(wanted->fail_times, 0, 1000000) || !is_between(wanted->fail_statement, 0, REDSHIFT_BATCH_MAX))
		return false;
	free(wanted->fail_error);
	wanted->fail_error = error != NULL ? mem_strdup(error) : NULL;
	return true;
}

static bool
configure(const json_t *in)
{
	RedshiftSettings wanted = redshift_settings;
	const json_t *fail = NULL;
	int			hold = wanted.hold;
	int			escapes = wanted.escapes;

	if (json_unpack_ex((json_t *) in, NULL, JSON_STRICT, "{s?I,s?I,s?I,s?b,s?o,s?I,s?I,s?b}", "submitted_ms", &wanted.submitted_ms,
					   "picked_ms", &wanted.picked_ms, "started_ms", &wanted.started_ms, "hold", &hold, "fail", &fail,
					   "active_max", &wanted.active_max, "page_rows", &wanted.page_rows, "backslash_escapes", &escapes) != 0 ||
		!is_between(wanted.submitted_ms, 0, 86400000) || !is_between(wanted.picked_ms, 0, 86400000) ||
		!is_between(wanted.started_ms, 0, 86400000) || !is_between(wanted.active_max, 0, 10000) ||
		!is_between(wanted.page_rows, 1, 100000) || !read_fail(fail, &wanted))
		return false;
	wanted.hold = hold;
	wanted.escapes = escapes;
	redshift_settings = wanted;
	if (!hold)
		redshift_release();
	return true;
}

json_t *
redshift_control(const char *name, const json_t *in, const char **wrong)
{
	const RedshiftSettings *settings = &redshift_settings;

	(void) name;
	*wrong = settings->conninfo == NULL ? "there is no Redshift: the lab was started without --redshift" :
		in != NULL && !configure(in) ? wrong_members : NULL;
	if (*wrong != NULL)
		return NULL;
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:b,s:{s:I,s:I,s:s?},s:I,s:I,s:b,s:I}", "workgroup", settings->workgroup,
					 "database", settings->database, "submitted_ms", (json_int_t) settings->submitted_ms,
					 "picked_ms", (json_int_t) settings->picked_ms, "started_ms", (json_int_t) settings->started_ms,
					 "hold", settings->hold, "fail", "times", (json_int_t) settings->fail_times,
					 "statement", (json_int_t) settings->fail_statement, "error", settings->fail_error,
					 "active_max", (json_int_t) settings->active_max, "page_rows", (json_int_t) settings->page_rows,
					 "backslash_escapes", settings->escapes, "active", (json_int_t) redshift_active());
}
