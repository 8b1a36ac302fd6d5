/*
 * places.h
 *	  Where the services of this program are.
 */
#ifndef PLACES_H
#define PLACES_H

#include "../aws/service.h"

typedef struct Places
{
	AwsxServiceOptions options; /* what to look for every service with */
	AwsxProfiles *profiles;
	char		region[64];
} Places;

/*
 * Ask the environment and the shared files.  Where neither names a region it
 * is that of the queue's host, and outside Lambda else that of the EC2
 * instance, which the client asks; on a machine that is none that takes about
 * a second.  False, with *error, when the shared files cannot be read.
 */
extern bool places_find(Places *places, AwsxClient *client, const char *queue_url, AwsxError *error);

/* The services that were found stay. Allowed when all is zero. */
extern void places_free(Places *places);

#endif							/* PLACES_H */
