/*
 * faultproxy_script.c
 *		The faults of a faultproxy, and who is next.
 *
 * A list in the order given.  The first fault that has times left and fits a
 * request decides about it, also when it only skips it.
 */
#define _GNU_SOURCE

#include "faultproxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[] = {"rst", "cut", "blackhole", "trickle", "length", "stall"};

static STAILQ_HEAD(, Fault) faults = STAILQ_HEAD_INITIALIZER(faults);

const Fault *
script_add(const char *line)
{
	char		copy[512];
	char	   *rest;
	Fault	   *fault = calloc(1, sizeof(Fault));
	char	   *word;

	if (fault == NULL)
		abort();
	snprintf(copy, sizeof(copy), "%s", line);
	word = strtok_r(copy, " \n", &rest);
	while (word != NULL && fault->kind < N_KINDS && strcmp(word, kind_names[fault->kind]) != 0)
		fault->kind++;
	if (word == NULL || fault->kind == N_KINDS)
		stop("a fault is rst, cut, blackhole, trickle, length or stall, not", line);
	fault->times = 1;
	fault->ms = fault->kind == STALL ? 1000 : 1;
	fault->by = 10;
	while ((word = strtok_r(NULL, " \n", &rest)) != NULL)
	{
		if (strcmp(word, "connection") == 0 && fault->kind != LENGTH)
			fault->whole = true;
		else if (sscanf(word, "match=%127s", fault->match) != 1 && sscanf(word, "skip=%ld", &fault->skip) != 1 &&
			sscanf(word, "times=%ld", &fault->times) != 1 && sscanf(word, "after=%ld", &fault->after) != 1 &&
			sscanf(word, "ms=%ld", &fault->ms) != 1 && sscanf(word, "by=%ld", &fault->by) != 1)
			stop("an unknown word in a fault", word);
	}
	STAILQ_INSERT_TAIL(&faults, fault, link);
	return fault;
}

const Fault *
script_choose(const char *data, size_t len)
{
	Fault	   *fault;

	STAILQ_FOREACH(fault, &faults, link)
	{
		if (fault->kind == STALL || fault->times == 0 || fault->whole != (data == NULL) ||
			(data != NULL && memmem(data, len, fault->match, strlen(fault->match)) == NULL))
			continue;
		if (fault->skip-- > 0)
			return NULL;
		fault->skip = 0;
		fault->times--;
		return fault;
	}
	return NULL;
}
