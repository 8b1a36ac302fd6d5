/*
 * imds_region.c
 *	  The region that this instance is in.
 *
 * Asked for by its name first; services that are older or only like EC2's may
 * have it in the instance's identity document alone.
 */
#include "imds.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "client_call.h"
#include "text.h"

#define REGION_PATH "/latest/meta-data/placement/region"
#define DOCUMENT_PATH "/latest/dynamic/instance-identity/document"

typedef struct RegionQuestion
{
	AwsxImdsResult result;
	bool		finished;
	bool		as_document;
	char	   *region;			/* the caller's, of that size */
	size_t		size;
	AwsxError	error;
} RegionQuestion;

static void
take_region(RegionQuestion *question, const char *text, size_t len)
{
	bool		fine = len > 0 && len <= 63 && len < question->size;

	for (size_t i = 0; i < len && fine; i++)
		fine = (text[i] >= 'a' && text[i] <= 'z') || awsx_text_is_digit(text[i]) || text[i] == '-';
	if (fine)
	{
		memcpy(question->region, text, len);
		question->region[len] = '\0';
		return;
	}
	question->result = AWSX_IMDS_FAILED;
	awsx_error_set(&question->error, AWSX_ERR_PROTOCOL, "what the instance's metadata has as a region is none");
}

static void
take_document(RegionQuestion *question, const AwsxHttpResponse *answer)
{
	json_t	   *root = json_loadb(answer->body.data != NULL ? answer->body.data : "", answer->body.len, 0, NULL);
	const char *region = json_string_value(json_object_get(root, "region"));

	take_region(question, region != NULL ? region : "", region != NULL ? strlen(region) : 0);
	json_decref(root);
}

static void
on_region(void *arg, AwsxImdsResult result, const AwsxHttpResponse *answer, const AwsxError *error)
{
	RegionQuestion *question = arg;

	question->finished = true;
	question->result = result;
	question->error = *error;
	if (result != AWSX_IMDS_FOUND)
		return;
	if (question->as_document)
		take_document(question, answer);
	else
		take_region(question, answer->body.data, answer->body.len);
}

/* Get one document to its end. */
static void
ask(AwsxImds *imds, AwsxClient *client, RegionQuestion *question)
{
	question->finished = false;
	awsx_imds_get(imds, client, question->as_document ? DOCUMENT_PATH : REGION_PATH, on_region, question);
	while (!question->finished)
	{
		awsx_client_drive(client);
		if (question->finished ||
			client->wait(client->wait_arg, awsx_client_fd(client), awsx_client_timeout_ms(client)))
			continue;
		awsx_imds_cancel(imds);
		question->result = AWSX_IMDS_FAILED;
		awsx_error_set(&question->error, AWSX_ERR_CANCELLED, "the call was cancelled");
		return;
	}
}

bool
awsx_imds_region(AwsxClient *client, char *region, size_t size, AwsxError *error)
{
	RegionQuestion question = {.region = region,.size = size};
	AwsxImds   *imds = awsx_imds_create(error);

	if (imds == NULL)
		return false;
	ask(imds, client, &question);
	if (question.result == AWSX_IMDS_MISSING)
	{
		question.as_document = true;
		ask(imds, client, &question);
	}
	awsx_imds_free(imds);
	if (question.result != AWSX_IMDS_FOUND && error != NULL)
		*error = question.error;
	return question.result == AWSX_IMDS_FOUND;
}
