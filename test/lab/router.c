/*
 * router.c
 *		From a request to its service: identify, authorise, misbehave, handle.
 *
 * One port serves all.  The service is chosen by the target header or the
 * path, in this order: X-Amz-Target AmazonSQS.*, /_lab/, the runtime API,
 * Invoke, and everything else is a bucket.  A fault fires after the signature
 * was checked, so that scripts count only requests that would have worked, and
 * before the service applies anything, unless it says otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "journal.h"
#include "service.h"

Cloud		cloud;

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const Service *
choose_service(const Exchange *x)
{
	const char *target = http_header(x, "X-Amz-Target");

	if (target != NULL && starts_with(target, "AmazonSQS.") && strcmp(x->method, "POST") == 0)
		return &sqs_service;
	if (starts_with(x->path, "/_lab/"))
		return &control_service;
	if (starts_with(x->path, "/runtime/") || starts_with(x->path, "/2018-06-01/runtime/") ||
		starts_with(x->path, "/2015-03-31/functions/"))
		return &lambda_service;
	return &s3_service;
}

void
router_note_error(Exchange *x, const char *code)
{
	snprintf(x->error, sizeof(x->error), "%s", code);
}

static void
route(Exchange *x)
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

static void
refuse(Exchange *x, int status, const char *code, const char *message)
{
	x->service = choose_service(x);
	x->service->refuse(x, status, code, message);
}

static void
done(Exchange *x)
{
	if (x->drop_answer && x->error[0] == '\0')
		router_note_error(x, x->status == 0 ? "connection closed" : "answer dropped");
	journal_request(x);
}

const ServerHooks router_hooks = {.request = route, .refuse = refuse, .done = done};
