/*
 * parsers.c
 *	  Fuzzing of everything that reads bytes from outside, with libFuzzer.
 *
 * FUZZ_TARGET picks the parser.  The input is copied to a block of exactly its
 * size, so that a read beyond it is seen.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "targets.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

typedef void (*Target) (const char *bytes, size_t len);

static const struct
{
	const char *name;
	Target		target;
}			targets[] = {
	{"receive", fuzz_receive}, {"batch", fuzz_batch}, {"attributes", fuzz_attributes}, {"list", fuzz_list}, {"error", fuzz_error},
	{"statement", fuzz_statement}, {"sql", fuzz_sql},
	{"object", fuzz_object}, {"sts", fuzz_sts}, {"ini", fuzz_ini}, {"keys", fuzz_keys}, {"text", fuzz_text}, {"date", fuzz_date},
	{"envelope", fuzz_envelope}, {"handover", fuzz_handover}, {"resend", fuzz_resend}, {"config", fuzz_config},
	{"load_config", fuzz_load_config}, {"messages", fuzz_messages}, {"value", fuzz_value}, {"load", fuzz_load},
	{"invocation", fuzz_invocation}, {"inflate", fuzz_inflate}, {"split", fuzz_split}, {"record", fuzz_record}, {"paths", fuzz_paths},
	{"http", fuzz_http}, {"scan", fuzz_scan}
};

static Target
find_target(void)
{
	const char *wanted = getenv("FUZZ_TARGET");

	for (size_t i = 0; wanted != NULL && i < sizeof(targets) / sizeof(targets[0]); i++)
	{
		if (strcmp(wanted, targets[i].name) == 0)
			return targets[i].target;
	}
	fputs("FUZZ_TARGET must name a target of parsers.c\n", stderr);
	exit(2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static Target target;
	char	   *exact = malloc(len > 0 ? len : 1);

	if (target == NULL)
		target = find_target();
	memcpy(exact, bytes, len);
	target(exact, len);
	free(exact);
	return 0;
}
