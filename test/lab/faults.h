/*
 * faults.h
 *		Scripted misbehaviour of the services.
 */
#ifndef LAB_FAULTS_H
#define LAB_FAULTS_H

#include <stdbool.h>

#include <jansson.h>

#include "server.h"

/* Adds a fault from its JSON form (README.md names the members); NULL, or why it makes no sense. */
const char *faults_add(const json_t *script);
void		faults_clear(void);

/* The faults still in force, with how often each fired; a new reference. */
json_t	   *faults_list(void);

/*
 * Lets the first matching fault fire.  True when that has answered the
 * request or will: the service must not handle it now.
 */
bool		faults_apply(Exchange *x);

/*
 * What the script wants of a request that is handled as usual otherwise: that
 * SQS delivers a message it receives once more, answers success but applies
 * nothing, or takes every handle for expired.
 */
typedef enum FaultEffect
{
	FAULT_EFFECT_NONE,
	FAULT_EFFECT_DUPLICATE,
	FAULT_EFFECT_IGNORE,
	FAULT_EFFECT_EXPIRED
} FaultEffect;

FaultEffect faults_effect(const Exchange *x);

/* Lets the requests go on whose commands have ended; to be called after SIGCHLD. */
void		faults_reap(void);

/* For batch actions: is entry `index` to be reported in Failed, not applied? */
bool		faults_fail_entry(const Exchange *x, size_t index, const char **code,
							  const char **message);

#endif
