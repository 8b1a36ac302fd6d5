/*
 * ini.h
 *	  The format of AWS's shared files; inside aws/ only.
 *
 *		[profile example]
 *		region = eu-west-1			# a comment
 *		s3 =
 *		  addressing_style = path
 *
 * A file becomes a list of its settings in their order; where one is given
 * twice the later one counts, also across two sections of one name.
 */
#ifndef AWSX_INI_H
#define AWSX_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

#define AWSX_INI_MAX_SETTINGS 20000

/* All strings are parts of the text. */
typedef struct AwsxIniSetting
{
	const char *section;		/* "profile example": blanks made one, quotes taken off */
	const char *block;			/* "s3", or null outside of one */
	const char *key;			/* in lower case; null: only says that there is this section */
	char	   *value;			/* never null but where key is */
} AwsxIniSetting;

typedef struct AwsxIni
{
	char	   *text;
	size_t		len;
	AwsxIniSetting *settings;
	int			count;
	int			allocated;
} AwsxIni;

/*
 * Parse len bytes and the NUL after them; takes text over, which it changes,
 * also on failure.  False and *error (CONFIG with file and line, MEMORY),
 * *ini is empty then.  No error repeats what stands in the file.
 */
extern bool awsx_ini_parse(AwsxIni *ini, char *text, size_t len, const char *file,
						   AwsxError *error);
extern void awsx_ini_free(AwsxIni *ini);	/* wipes; allowed when empty */

/*
 * Sections are looked up as "name" or, where kind is not null, "kind name".
 * A setting in no block has a null block; null when it is not there.
 */
extern bool awsx_ini_has(const AwsxIni *ini, const char *kind, const char *name);
extern const char *awsx_ini_get(const AwsxIni *ini, const char *kind, const char *name,
								const char *block, const char *key);

#endif							/* AWSX_INI_H */
