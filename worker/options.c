/*
 * options.c
 *	  The command line of s3_to_sqs.
 *
 * One word says what to do; the options that refine it are refused where they
 * would have no effect.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../aws/date.h"
#include "options.h"

const char options_help[] =
"s3_to_sqs reads S3 objects and sends one message per record to SQS FIFO queues:\n"
"as an AWS Lambda function (custom runtime), or as a program of its own.\n"
"\n"
"Usage:\n"
"  s3_to_sqs                   serve invocations (Lambda starts it so)\n"
"  s3_to_sqs --poll QUEUE_URL  serve the S3 notifications of a standard queue,\n"
"                              until SIGTERM\n"
"  s3_to_sqs [--dry-run] [--since TIME] [--until TIME] [--rate N] [--resume FILE]\n"
"            s3://BUCKET/PREFIX\n"
"                              send what is already there\n"
"  s3_to_sqs --rejects s3://BUCKET/PREFIX [--dry-run]\n"
"                              send rejected records again\n"
"  s3_to_sqs --explain FILE    print what would be sent for a local file\n"
"  s3_to_sqs --help | --version\n"
"\n"
"  --dry-run      only list what would be read or sent\n"
"  --since TIME   objects last modified at TIME or later, such as 2026-01-31 or\n"
"                 2026-01-31T23:59:00Z (UTC where it does not say)\n"
"  --until TIME   objects last modified before TIME\n"
"  --rate N       at most N objects a second\n"
"  --resume FILE  keep in FILE how far it is, and go on from there\n"
"Exit status: 0 done; 1 a fault stopped it, run it again; 2 an option or the\n"
"configuration is wrong; 3 done, but records were rejected; 130 interrupted.\n"
"\n"
"Configuration (environment), for one output:\n"
"  QUEUE_URL            URL of the FIFO queue (required)\n"
"  JQ_PROGRAM, JQ_FILE  jq program, as text or in a file (default: .)\n"
"  GROUP_EXPRESSION     jq, over the program's result: MessageGroupId\n"
"                       (default: .transaction_id)\n"
"  DEDUP_EXPRESSION     jq, likewise: MessageDeduplicationId\n"
"                       (default: SHA-256 of output name and record)\n"
"  REJECT_URL           s3://bucket/prefix/, or a queue, for records that cannot be sent\n"
"  RECEIPTS_URL         s3://bucket/prefix/ for receipts of what was sent\n"
"or, for any number of outputs:\n"
"  S3_TO_SQS_CONFIG     a JSON document, or the path of one:\n"
"                       {\"outputs\":[{\"name\":\"transactions\",\"queue_url\":\"https://...\",\n"
"                         \"jq\":\".\",\"group\":\".transaction_id\",\"dedup\":null}],\n"
"                        \"reject\":\"s3://bucket/prefix/\",\"receipts\":\"s3://bucket/prefix/\"}\n"
"  AWS_LAMBDA_LOG_LEVEL TRACE, DEBUG, INFO, WARN, ERROR or FATAL\n"
"Every other setting is in worker/README.md.  Region and credentials are found as\n"
"every AWS tool finds them: environment, ~/.aws, container, instance metadata.\n";

static bool
say(char *message, size_t size, const char *format, const char *what)
{
	snprintf(message, size, format, what);
	return false;
}

/* A day or an instant, in UTC where the text does not say. */
static bool
read_time(const char *text, int64_t *ms)
{
	char		whole[64];

	snprintf(whole, sizeof(whole), "%.40s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
	if (awsx_iso_date_ms(whole, ms))
		return true;
	snprintf(whole, sizeof(whole), "%.40sZ", text);
	return awsx_iso_date_ms(whole, ms);
}

static bool
read_rate(const char *text, double *rate)
{
	char	   *end;

	*rate = strtod(text, &end);
	return *end == '\0' && *rate > 0 && *rate <= 100000;
}

static bool
set_action(Options *options, OptionsAction action, const char *operand)
{
	if (options->action != OPTIONS_SERVE)
		return false;
	options->action = action;
	options->operand = operand;
	return true;
}

/* Do the options fit what is to be done? */
static bool
check(const Options *options, char *message, size_t size)
{
	const BackfillOptions *backfill = &options->backfill;
	bool		refined = backfill->since_ms != 0 || backfill->until_ms != 0 || backfill->rate > 0 ||
		backfill->resume_file != NULL;

	if (refined && options->action != OPTIONS_BACKFILL)
		return say(message, size, "%s belong to s3://BUCKET/PREFIX", "--since, --until, --rate and --resume");
	if (backfill->dry_run && options->action != OPTIONS_BACKFILL && options->action != OPTIONS_REJECTS)
		return say(message, size, "%s belongs to s3://BUCKET/PREFIX or --rejects", "--dry-run");
	if (backfill->until_ms != 0 && backfill->since_ms >= backfill->until_ms)
		return say(message, size, "%s must be earlier than --until", "--since");
	return true;
}

static bool
read_one(Options *options, int option, const char *value)
{
	switch (option)
	{
		case 'h':
			return set_action(options, OPTIONS_HELP, NULL);
		case 'v':
			return set_action(options, OPTIONS_VERSION, NULL);
		case 'e':
			return set_action(options, OPTIONS_EXPLAIN, value);
		case 'j':
			return set_action(options, OPTIONS_REJECTS, value);
		case 'p':
			return set_action(options, OPTIONS_POLL, value);
		case 'd':
			options->backfill.dry_run = true;
			return true;
		case 's':
			return read_time(value, &options->backfill.since_ms);
		case 'u':
			return read_time(value, &options->backfill.until_ms);
		case 'r':
			return read_rate(value, &options->backfill.rate);
		case 'f':
			options->backfill.resume_file = value;
			return *value != '\0';
		default:
			return false;
	}
}

bool
options_read(Options *options, int argc, char **argv, char *message, size_t size)
{
	static const struct option known[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{"explain", required_argument, NULL, 'e'},
		{"rejects", required_argument, NULL, 'j'},
		{"poll", required_argument, NULL, 'p'},
		{"dry-run", no_argument, NULL, 'd'},
		{"since", required_argument, NULL, 's'},
		{"until", required_argument, NULL, 'u'},
		{"rate", required_argument, NULL, 'r'},
		{"resume", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0}
	};
	int			option;

	memset(options, 0, sizeof(*options));
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		if (!read_one(options, option, optarg))
			return say(message, size, "option \"%s\" is unknown, repeated, or has no good value; try s3_to_sqs --help",
					   argv[optind - 1]);
	}
	if (optind < argc && !set_action(options, OPTIONS_BACKFILL, argv[optind]))
		return say(message, size, "\"%s\" is one thing too many; try s3_to_sqs --help", argv[optind]);
	if (optind + 1 < argc)
		return say(message, size, "\"%s\" is one thing too many; try s3_to_sqs --help", argv[optind + 1]);
	if (options->action == OPTIONS_BACKFILL)
		options->backfill.url = options->operand;
	return check(options, message, size);
}
