/*
 * program.h
 *	  A jq program, compiled once and run over many values.
 *
 * A program comes from the operator, the values from anybody.  A program
 * sees no environment ($ENV and env are empty), no files (import and include
 * find nothing), no further input, and cannot write to the log (stderr and
 * debug pass their input on).  A path such as ".", ".a" or ".a.b" needs no
 * compiler and is followed directly, with jq's meaning; compiling one program
 * costs some 20 ms of a cold start with jq 1.6.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <jv.h>

#include "../aws/buf.h"
#include "../aws/error.h"

typedef struct Program Program;

typedef enum ProgramStep
{
	PROGRAM_VALUE,
	PROGRAM_END,
	PROGRAM_ERROR
} ProgramStep;

/* Null and *error (CONFIG with jq's words, or MEMORY). */
extern Program *program_compile(const char *text, AwsxError *error);
extern void program_free(Program *program); /* null allowed */

/* The names of a path, borrowed, and how many (0 for "."); -1: the program is none. */
extern int	program_path(const Program *program, char *const **names);

/* Begin a run over the value, which is consumed; an unfinished run is dropped. */
extern void program_start(Program *program, jv value);

/*
 * The next result.  PROGRAM_VALUE: the caller frees *value.  PROGRAM_ERROR:
 * the run is over, and *value is a string that the caller frees; it may
 * contain data of the record, so it must not reach a log.
 */
extern ProgramStep program_next(Program *program, jv *value);

#endif							/* PROGRAM_H */
