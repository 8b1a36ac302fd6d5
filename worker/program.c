/*
 * program.c
 *	  A jq program, compiled once and run over many values.
 *
 * What a program must not reach is shadowed by definitions put in front of
 * it, on its own first line so that jq's line numbers stay true.
 */
#include <jq.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define PATH_MAX_NAMES 8

struct Program
{
	jq_state   *jq;				/* null: a path */
	int			name_count;
	char	   *names[PATH_MAX_NAMES];
	jv			input;			/* of a path, until program_next */
	bool		pending;		/* input is to be looked at */
};

/*
 * error(null) ends a run without a word in jq 1.6, as if the record had been
 * filtered out; the wrapper gives it a message.
 */
static const char prelude[] =
"{} as $ENV | def env: {}; def stderr: .; def debug: .; def debug(f): .; "
"def input_filename: null; def pg_sqs_raise(m): error(m); "
"def error(m): m as $m | pg_sqs_raise(if $m == null then \"error(null)\" else $m end); "
"def error: error(.); ";

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name_char(char c)
{
	return is_name_start(c) || (c >= '0' && c <= '9');
}

/*
 * Is the text ".", ".name" or ".name.name..."?  Fills the names.  *memory
 * tells a failed allocation.
 */
static bool
read_path(Program *program, const char *text, bool *memory)
{
	const char *p = text + strspn(text, " \t\r\n");
	const char *end = text + strlen(text);

	*memory = false;
	while (end > p && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	if (end - p == 1 && *p == '.')
		return true;
	while (p < end)
	{
		const char *name = p + 1;

		if (*p != '.' || name == end || !is_name_start(*name) ||
			program->name_count == PATH_MAX_NAMES)
			return false;
		for (p = name; p < end && is_name_char(*p); p++)
			;
		program->names[program->name_count] = strndup(name, (size_t) (p - name));
		if (program->names[program->name_count++] == NULL)
		{
			*memory = true;
			return false;
		}
	}
	return program->name_count > 0;
}

static void
forget_path(Program *program)
{
	while (program->name_count > 0)
		free(program->names[--program->name_count]);
}

/*
 * Keep the first line of jq's first message; the lines after it show the
 * source with the prelude in it.
 */
static void
keep_message(void *arg, jv message)
{
	AwsxBuf    *words = arg;
	jv			text = jv_get_kind(message) == JV_KIND_STRING ? message : jv_dump_string(message, 0);
	const char *line = jv_string_value(text);
	size_t		len;

	if (strncmp(line, "jq: error: ", 11) == 0)
		line += 11;
	len = strcspn(line, "\n");
	if (words->len == 0)
		awsx_buf_append(words, line, len < words->max ? len : words->max);
	jv_free(text);
}

/* jq reports a failure in its own machinery here; its words may hold data. */
static void
drop_message(void *arg, jv message)
{
	(void) arg;
	jv_free(message);
}

/* There is no further input. */
static jv
no_input(jq_state *jq, void *arg)
{
	(void) jq;
	(void) arg;
	return jv_invalid();
}

static bool
compile(Program *program, const char *text, AwsxError *error)
{
	AwsxBuf		source;
	AwsxBuf		words;
	bool		compiled = false;

	awsx_buf_init(&source, 0);
	awsx_buf_init(&words, 400);
	awsx_buf_puts(&source, prelude);
	awsx_buf_puts(&source, text);
	program->jq = source.failed ? NULL : jq_init();
	if (program->jq == NULL)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a jq program was compiled");
	else
	{
		/* jq 1.6 aborts on an import when these are not set */
		jq_set_attr(program->jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
		jq_set_attr(program->jq, jv_string("JQ_ORIGIN"), jv_string("/nonexistent"));
		jq_set_attr(program->jq, jv_string("PROGRAM_ORIGIN"), jv_string("/nonexistent"));
		/* jq 1.6 leaves these two as malloc gave them */
		jq_set_input_cb(program->jq, no_input, NULL);
		jq_set_debug_cb(program->jq, drop_message, NULL);
		jq_set_error_cb(program->jq, keep_message, &words);
		compiled = jq_compile(program->jq, source.data) != 0;
		if (!compiled)
			awsx_error_set(error, AWSX_ERR_CONFIG, "jq does not accept the program: %s",
						   words.len > 0 ? words.data : "no reason given");
		jq_set_error_cb(program->jq, drop_message, NULL);
	}
	awsx_buf_free(&source);
	awsx_buf_free(&words);
	return compiled;
}

Program *
program_compile(const char *text, AwsxError *error)
{
	Program    *program = calloc(1, sizeof(Program));
	bool		memory;

	if (program == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a jq program was compiled");
		return NULL;
	}
	program->input = jv_null();
	if (text[strspn(text, " \t\r\n")] == '\0')
	{
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "the jq program is empty; write . to send records as they are");
		program_free(program);
		return NULL;
	}
	if (read_path(program, text, &memory))
		return program;
	forget_path(program);
	if (memory)
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while a jq program was compiled");
	else if (compile(program, text, error))
		return program;
	program_free(program);
	return NULL;
}

void
program_free(Program *program)
{
	if (program == NULL)
		return;
	forget_path(program);
	jv_free(program->input);
	if (program->jq != NULL)
		jq_teardown(&program->jq);
	free(program);
}

int
program_path(const Program *program, char *const **names)
{
	*names = program->names;
	return program->jq == NULL ? program->name_count : -1;
}

void
program_start(Program *program, jv value)
{
	if (program->jq != NULL)
	{
		jq_start(program->jq, value, 0);
		return;
	}
	jv_free(program->input);
	program->input = value;
	program->pending = true;
}

/* Follow the path; null is left where a member is missing, as jq does. */
static ProgramStep
follow_path(Program *program, jv *value)
{
	jv			at = program->input;

	program->input = jv_null();
	if (!program->pending)
		return PROGRAM_END;
	program->pending = false;
	for (int i = 0; i < program->name_count; i++)
	{
		jv			member;

		if (jv_get_kind(at) == JV_KIND_NULL)
			continue;
		if (jv_get_kind(at) != JV_KIND_OBJECT)
		{
			*value = jv_string_fmt("Cannot index %s with \"%s\"",
								   jv_kind_name(jv_get_kind(at)), program->names[i]);
			jv_free(at);
			return PROGRAM_ERROR;
		}
		member = jv_object_get(at, jv_string(program->names[i]));
		if (!jv_is_valid(member))
		{
			jv_free(member);
			member = jv_null();
		}
		at = member;
	}
	*value = at;
	return PROGRAM_VALUE;
}

ProgramStep
program_next(Program *program, jv *value)
{
	jv			result;

	if (program->jq == NULL)
		return follow_path(program, value);
	result = jq_next(program->jq);
	if (jv_is_valid(result))
	{
		*value = result;
		return PROGRAM_VALUE;
	}
	if (jq_halted(program->jq))
	{
		jv_free(result);
		*value = jv_string("the program called halt");
		return PROGRAM_ERROR;
	}
	if (!jv_invalid_has_msg(jv_copy(result)))
	{
		jv_free(result);
		return PROGRAM_END;
	}
	result = jv_invalid_get_msg(result);
	*value = jv_get_kind(result) == JV_KIND_STRING ? result : jv_dump_string(result, 0);
	return PROGRAM_ERROR;
}
