/*
 * config_rules.h
 *	  One setter a rule: a text that the operator wrote becomes a checked
 *	  member of the configuration.
 *
 * where is the variable or member that an error names.  False and *error
 * (CONFIG, saying what is allowed, or MEMORY).
 */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "config.h"

#define CONFIG_DEFAULT_PROGRAM "."
#define CONFIG_DEFAULT_GROUP ".transaction_id"

typedef bool (*ConfigSet) (Config *config, const char *where, const char *text, AwsxError *error);

/* What both forms know beside the outputs. */
typedef struct ConfigSetting
{
	const char *object;			/* member that is an object, of which name is a member; null = none */
	const char *name;			/* null: no member of a document */
	const char *variable;		/* of the environment */
	ConfigSet	set;
	bool		number;			/* in a document it is a whole number, else a string */
} ConfigSetting;

/* Ends with a null setter. */
extern const ConfigSetting config_settings[];

extern bool config_set_queue(ConfigOutput *output, const char *where, const char *url,
							 AwsxError *error);

/* A program given as text, as a file or s3:// URL, or not at all. */
extern bool config_set_program(ConfigOutput *output, const char *text_where, const char *text,
							   const char *file_where, const char *file, AwsxError *error);

/* Fill config from the text of a JSON document. */
extern bool config_read_document(Config *config, const char *text, AwsxError *error);

#endif							/* CONFIG_RULES_H */
