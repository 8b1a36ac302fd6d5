/*
 * redshift_plan.c
 *		What is sent to PostgreSQL for one statement.
 *
 * Mostly one command.  :name becomes $1 where the call has such a parameter;
 * PostgreSQL then finds its type, as Redshift does.
 */
#include "redshift.h"

#include <stdlib.h>
#include <string.h>

#include "redshift_sql.h"

#define VALUES_MAX ((int) (sizeof(((RedshiftPlan *) NULL)->values) / sizeof(char *)))

/* The parameter's number from 1, 0: there is none of that name; *value is its text. */
static size_t
find_parameter(const json_t *parameters, const SqlToken *token, const char **value)
{
	size_t		i;
	json_t	   *parameter;

	json_array_foreach(parameters, i, parameter)
	{
		const char *name = json_string_value(json_object_get(parameter, "name"));

		*value = json_string_value(json_object_get(parameter, "value"));
		if (name != NULL && strlen(name) == token->len - 1 && strncmp(name, token->at + 1, token->len - 1) == 0)
			return i + 1;
	}
	return 0;
}

static void
number_parameters(RedshiftPlan *plan, Sql *sql, const json_t *parameters)
{
	size_t		numbers[VALUES_MAX];

	for (size_t i = 0; i < sql->count; i++)
	{
		const char *value;
		size_t		place;
		int			number = 0;

		if (sql->tokens[i].kind != SQL_PARAMETER || (place = find_parameter(parameters, &sql->tokens[i], &value)) == 0)
			continue;
		while (number < plan->n_values && numbers[number] != place)
			number++;
		if (number == VALUES_MAX)
		{
			sql_fail(sql, "the lab takes no more than %d parameters", VALUES_MAX);
			return;
		}
		numbers[number] = place;
		plan->values[number] = value;
		if (number == plan->n_values)
			plan->n_values++;
		sql_replace(sql, i, "$%d", number + 1);
	}
}

void
redshift_plan(RedshiftPlan *plan, const RedshiftStatement *statement, const RedshiftPart *part)
{
	Sql			sql;
	Buf			text = {0};

	memset(plan, 0, sizeof(*plan));
	sql_read(&sql, part->sql, redshift_settings.escapes);
	number_parameters(plan, &sql, statement->parameters);
	sql_translate(&sql, statement->is_batch);
	if (sql.error == NULL && sql_is(&sql, 0, "copy"))
		redshift_plan_copy(plan, &sql);
	else
	{
		sql_write(&sql, 0, sql.count, &text);
		plan->steps[plan->count++] = (RedshiftStep) {.sql = text.data,.counts = true};
	}
	if (sql.error != NULL)
		plan->error = mem_strdup(sql.error);
	sql_free(&sql);
}

void
redshift_plan_free(RedshiftPlan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
	{
		free(plan->steps[i].sql);
		buf_free(&plan->steps[i].input);
	}
	free(plan->loads);
	free(plan->error);
	memset(plan, 0, sizeof(*plan));
}
