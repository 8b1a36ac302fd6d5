/*
 * router.c
 *		From a request to its service: identify, authorise, misbehave, handle.
 *
 * One port serves all.  The service is chosen by X-Amz-Target, a form posted to
 * "/" (STS), or the path; what is nobody's is a bucket.  A fault fires after the signature
 * was checked, so that scripts count only requests that would have worked, and
 * before the service applies anything, unless it says otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "journal.h"
#include "service.h"

Cloud		cloud = {
	.account = "123456789012",
	.region = "eu-west-1",
	.access_key = "AKIDEXAMPLE",
	.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

typedef struct Route
{
	const char *prefix;			/* of the path */
	const Service *service;
} Route;

static const Route routes[] = {
	{"/_lab/", &control_service},
	{"/runtime/", &lambda_service},
	{"/2018-06-01/runtime/", &lambda_service},
	{"/2015-03-31/functions/", &lambda_service},
	{"/2015-03-31/event-source-mappings", &event_source_service},
	{"/latest/", &metadata_service},
	{"/v2/credentials/", &metadata_service},
	{"/", &s3_service},
};

static const Service *
choose_service(const Exchange *x)
{
	const char *target = http_header(x, "X-Amz-Target");
	const char *type = http_header(x, "Content-Type");
	const Route *route = routes;

	if (target != NULL && starts_with(target, "AmazonSQS.") && strcmp(x->method, "POST") == 0)
		return &sqs_service;
	if (target != NULL && starts_with(target, "RedshiftData.") && strcmp(x->method, "POST") == 0)
		return &redshift_service;
	if (strcmp(x->path, "/") == 0 && strcmp(x->method, "POST") == 0 && type != NULL &&
		starts_with(type, "application/x-www-form-urlencoded"))
		return &sts_service;
	while (!starts_with(x->path, route->prefix) && route->prefix[1] != '\0')
		route++;
	return route->service;
}

void
router_note_error(Exchange *x, const char *code)
{
	snprintf(x->error, sizeof(x->error), "%s", code);
}

void
router_request(Exchange *x)
{
	x->service = choose_service(x);
	x->resource_kind = "resource";
	x->service->identify(x);
	if (x->answered)
		return;
	if (cloud.check_signatures && x->service->authorise != NULL && !x->service->authorise(x))
		return;
	if (faults_apply(x))
		return;
	x->service->handle(x);
}

void
router_refuse(Exchange *x, int status, const char *code, const char *message)
{
	x->service = choose_service(x);
	x->service->refuse(x, status, code, message);
}

void
router_done(Exchange *x)
{
	if (x->drop_answer && x->error[0] == '\0')
		router_note_error(x, x->status == 0 ? "connection closed" : "answer dropped");
	journal_request(x);
}
