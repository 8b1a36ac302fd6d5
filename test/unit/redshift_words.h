/*
 * redshift_words.h
 *	  What tests of Redshift's SQL share: a text that was appended, and one that
 *	  can be shown.
 */
#ifndef REDSHIFT_WORDS_H
#define REDSHIFT_WORDS_H

#include "tap.h"

#include "buf.h"
#include "error.h"

static AwsxError error;

/* The text that a function appends, or null when the buffer failed; freed by the next call. */
static inline const char *
made(AwsxBuf *buf)
{
	static AwsxBuf kept;

	awsx_buf_free(&kept);
	kept = *buf;
	return kept.failed ? NULL : kept.data;
}

/* For the name of a test, on one line. */
static inline const char *
shown(const char *text)
{
	static char	line[200];

	snprintf(line, sizeof(line), "%s", text);
	for (char *c = line; *c != '\0'; c++)
	{
		if ((unsigned char) *c < 0x20 || *c == 0x7f || *c == '#' || *c == '\\')
			*c = '.';
	}
	return line;
}

#endif							/* REDSHIFT_WORDS_H */
