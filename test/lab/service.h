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

	/* auth_require, or a function that calls it where it applies; NULL: all is unsigned. */
	bool		(*authorise) (Exchange *x);

	/* Does the work: answers, parks or cuts. */
	void		(*handle) (Exchange *x);

	/*
	 * Answers with an error in the service's own shape.  The code is the short
	 * one, e.g. "ExpiredToken"; a service with several names for an error finds
	 * the others itself, and takes codes that it does not know as they are.
	 */
	void		(*refuse) (Exchange *x, int status, const char *code, const char *message);
} Service;

extern const Service sqs_service;
extern const Service s3_service;
extern const Service lambda_service;
extern const Service event_source_service;
extern const Service sts_service;
extern const Service redshift_service;
extern const Service metadata_service;
extern const Service control_service;

/* What all services know of the make-believe cloud; set by main. */
typedef struct Cloud
{
	const char *account;
	const char *region;
	const char *access_key;
	const char *secret_key;
	bool		check_signatures;
	bool		allow_run;		/* may fault scripts start programs? */
	int64_t		skew_ms;		/* how wrong the services' clocks go, for signatures and Date headers */
	char		endpoint[64];	/* http://127.0.0.1:PORT */
} Cloud;

extern Cloud cloud;

/* What the server calls: a whole request is here, to be answered, parked or refused. */
void		router_request(Exchange *x);
void		router_refuse(Exchange *x, int status, const char *code, const char *message);

/* Just before its answer leaves, or when it was cut off. */
void		router_done(Exchange *x);

/* Sets the exchange's error for the journal, cut to fit. */
void		router_note_error(Exchange *x, const char *code);

#endif
