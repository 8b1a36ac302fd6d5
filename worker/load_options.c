/*
 * load_options.c
 *	  The command line of sqs_to_redshift: one word says what to do.
 */
#include <stdio.h>
#include <string.h>

#include "load_options.h"

const char load_options_help[] =
"sqs_to_redshift loads the messages of an SQS FIFO queue into a table of Amazon\n"
"Redshift: as an AWS Lambda function (custom runtime), or as a program of its own.\n"
"\n"
"Usage:\n"
"  sqs_to_redshift                   serve invocations (Lambda starts it so)\n"
"  sqs_to_redshift --poll QUEUE_URL  gather messages of the queue and load them by\n"
"                                    COPY, until SIGTERM\n"
"  sqs_to_redshift --explain FILE    print the rows, the rejects and the SQL that\n"
"                                    message bodies would become, one a line of\n"
"                                    FILE; no network is used\n"
"  sqs_to_redshift ddl [CONFIG]      print the CREATE TABLEs of ledger and target\n"
"  sqs_to_redshift check [CONFIG]    compare the live tables with the configuration\n"
"  sqs_to_redshift prune [CONFIG]    forget what the ledger has had for longer than\n"
"                                    its retention_days\n"
"  sqs_to_redshift --help | --version\n"
"\n"
"CONFIG is a file with the configuration; without it SQS_TO_REDSHIFT_CONFIG counts.\n"
"Exit status: 0 done; 1 a fault stopped it, run it again; 2 an option or the\n"
"configuration is wrong; 3 done, but messages were rejected, or tables differ.\n"
"\n"
"Configuration (environment):\n"
"  SQS_TO_REDSHIFT_CONFIG  a JSON document, the path of one, or s3://bucket/key:\n"
"                          {\"table\":\"public.transactions\",\n"
"                           \"columns\":[{\"name\":\"transaction_id\",\"type\":\"varchar(64)\",\n"
"                                       \"not_null\":true},\n"
"                                      {\"name\":\"amount\",\"type\":\"decimal(18,2)\"}],\n"
"                           \"key\":[\"transaction_id\"],\n"
"                           \"workgroup\":\"default\",\"database\":\"dev\",\n"
"                           \"stage\":\"s3://bucket/stage/\",\"reject\":\"s3://bucket/rejects/\"}\n"
"  AWS_LAMBDA_LOG_LEVEL    TRACE, DEBUG, INFO, WARN, ERROR or FATAL\n"
"Every other setting is in worker/README.md.  Region and credentials are found as\n"
"every AWS tool finds them: environment, ~/.aws, container, instance metadata.\n";

typedef struct Word
{
	const char *word;
	LoadAction	action;
	int			min_operands;
	int			max_operands;
} Word;

static const Word words[] = {
	{"--help", LOAD_HELP, 0, 0},
	{"--version", LOAD_VERSION, 0, 0},
	{"--poll", LOAD_POLL, 1, 1},
	{"--explain", LOAD_EXPLAIN, 1, 1},
	{"ddl", LOAD_DDL, 0, 1},
	{"check", LOAD_CHECK, 0, 1},
	{"prune", LOAD_PRUNE, 0, 1},
	{NULL, LOAD_SERVE, 0, 0}
};

static bool
say(char *message, size_t size, const char *format, const char *what)
{
	snprintf(message, size, format, what);
	return false;
}

bool
load_options_read(LoadOptions *options, int argc, char **argv, char *message, size_t size)
{
	const Word *word = words;

	*options = (LoadOptions) {.action = LOAD_SERVE};
	if (argc < 2)
		return true;
	while (word->word != NULL && strcmp(word->word, argv[1]) != 0)
		word++;
	if (word->word == NULL)
		return say(message, size, "\"%.100s\" is unknown; try sqs_to_redshift --help", argv[1]);
	if (argc - 2 < word->min_operands)
		return say(message, size, "%s needs one thing more; try sqs_to_redshift --help", argv[1]);
	if (argc - 2 > word->max_operands)
		return say(message, size, "\"%.100s\" is one thing too many; try sqs_to_redshift --help",
				   argv[2 + word->max_operands]);
	for (int i = 2; i < argc; i++)
	{
		if (*argv[i] == '\0' || *argv[i] == '-')
			return say(message, size, "\"%.100s\" is no name of a file or queue; try sqs_to_redshift --help", argv[i]);
	}
	options->action = word->action;
	options->operand = argc > 2 ? argv[2] : NULL;
	return true;
}
