/*
 * stop.h
 *	  SIGTERM and SIGINT, as a question that is asked between steps and while
 *	  waiting.  For the programs that are not ended by Lambda.
 */
#ifndef STOP_H
#define STOP_H

#include <stdbool.h>

/* From now on these signals are only noted. */
extern void stop_catch(void);

/* The signal's number, or 0. */
extern int	stop_signal(void);

/* Nap; false as soon as a signal came. */
extern bool stop_nap(int ms);

/* An AwsxWait without an argument: waits for fd until a signal comes. */
extern bool stop_wait(void *arg, int fd, int timeout_ms);

/* What is left to be done is done in spite of the signal: stop_wait waits again. */
extern void stop_overrule(void);

#endif							/* STOP_H */
