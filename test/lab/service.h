/*
 * service.h
 *		What the router asks of each service, and who they are.
 */
#ifndef LAB_SERVICE_H
#define LAB_SERVICE_H

#include <stdbool.h>

#include "server.h"

typedef struct Service
{
	const char *name;			/* as in the journal and in fault scripts */

	/* Sets action and resource for faults and journal; may already answer. */
	void		(*identify) (Exchange *x);

	/* Checks the signature; answers and returns false when it does not hold.  May be NULL. */
	bool		(*authorise) (Exchange *x);

	/* Does the work: answers, parks or cuts. */
	void		(*handle) (Exchange *x);

	/* Answers with an error in the service's own shape. */
	void		(*refuse) (Exchange *x, int status, const char *code, const char *message);
} Service;

extern const Service sqs_service;
extern const Service s3_service;
extern const Service lambda_service;
extern const Service control_service;

/* What all services know of the make-believe cloud; set once by main. */
typedef struct Cloud
{
	const char *account;
	const char *region;
	const char *access_key;
	const char *secret_key;
	bool		check_signatures;
	char		endpoint[64];	/* http://127.0.0.1:PORT */
} Cloud;

extern Cloud cloud;

/* The hooks that tie the server to the services. */
extern const ServerHooks router_hooks;

/* Sets the exchange's error for the journal, cut to fit. */
void		router_note_error(Exchange *x, const char *code);

#endif
