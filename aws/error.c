/*
 * error.c
 *	  Filling an error in place.
 *
 * What is put into a message may come from a server, so it is made one line
 * of well-formed UTF-8 here: control characters become blanks, stray bytes
 * question marks, and a cut never leaves half a character.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static const char *const kind_names[] = {
	[AWSX_OK] = "ok",
	[AWSX_ERR_MEMORY] = "out of memory",
	[AWSX_ERR_CONFIG] = "configuration",
	[AWSX_ERR_CREDENTIALS] = "credentials",
	[AWSX_ERR_TRANSPORT] = "transport",
	[AWSX_ERR_TIMEOUT] = "timeout",
	[AWSX_ERR_CANCELLED] = "cancelled",
	[AWSX_ERR_THROTTLED] = "throttled",
	[AWSX_ERR_SERVICE] = "service",
	[AWSX_ERR_DENIED] = "denied",
	[AWSX_ERR_NOT_FOUND] = "not found",
	[AWSX_ERR_REQUEST] = "request",
	[AWSX_ERR_PROTOCOL] = "protocol",
	[AWSX_ERR_INTEGRITY] = "integrity",
};

void
awsx_error_clear(AwsxError *error)
{
	if (error != NULL)
		memset(error, 0, sizeof(*error));
}

static bool
kind_is_retryable(AwsxErrorKind kind)
{
	switch (kind)
	{
		case AWSX_ERR_TRANSPORT:
		case AWSX_ERR_TIMEOUT:
		case AWSX_ERR_THROTTLED:
		case AWSX_ERR_SERVICE:
		case AWSX_ERR_INTEGRITY:
			return true;
		default:
			return false;
	}
}

static void
copy_clean(char *out, size_t size, const char *text)
{
	size_t		len = strlen(text);
	size_t		used = 0;

	for (size_t i = 0; i < len;)
	{
		size_t		step = awsx_text_utf8_sequence(text + i, len - i);
		unsigned char byte = (unsigned char) text[i];

		if (used + (step == 0 ? 1 : step) >= size)
			break;
		if (step > 1)
			memcpy(out + used, text + i, step);
		else
			out[used] = step == 0 ? '?' : (byte < 0x20 || byte == 0x7F) ? ' ' : (char) byte;
		used += step == 0 ? 1 : step;
		i += step == 0 ? 1 : step;
	}
	out[used] = '\0';
}

/*
 * The text is made before the old one is forgotten: a caller may pass
 * error->message as an argument.
 */
bool
awsx_error_set(AwsxError *error, AwsxErrorKind kind, const char *format,...)
{
	char		text[sizeof(((AwsxError) {0}).message) + 4];
	va_list		args;

	if (error == NULL)
		return false;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);

	awsx_error_clear(error);
	error->kind = kind;
	error->retryable = kind_is_retryable(kind);
	copy_clean(error->message, sizeof(error->message), text);
	return false;
}

void
awsx_error_retell(AwsxError *error, AwsxErrorKind kind, const char *format,...)
{
	char		text[sizeof(((AwsxError) {0}).message) + 4];
	va_list		args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	error->kind = kind;
	copy_clean(error->message, sizeof(error->message), text);
}

const char *
awsx_error_kind_name(AwsxErrorKind kind)
{
	if ((int) kind < 0 || (size_t) kind >= sizeof(kind_names) / sizeof(kind_names[0]))
		return "unknown";
	return kind_names[kind];
}
