/*
 * test_deliver_memory.c
 *	  Every allocation fails once while records are sent: each of them comes
 *	  back once, and none counts as sent that was not.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "deliver.h"
#include "sqs_double.h"

#define RECORDS 4

static DeliverRecord records[RECORDS];
static EnrichMessage messages[RECORDS][2];
static int	settled;
static bool settled_right;

/* Was the message of this body accepted? */
static bool
taken(const char *body)
{
	for (int i = 0; i < double_taken_count; i++)
	{
		if (strncmp(strchr(double_taken[i], ' ') + 1, body, 30) == 0)
			return true;
	}
	return false;
}

static bool
on_settled(void *arg, DeliverRecord *record, AwsxError *error)
{
	(void) arg;
	(void) error;
	settled_right = settled_right && record == &records[settled];
	settled++;
	for (int m = 0; m < record->result.count; m++)
	{
		if (!record->dropped && !record->refused && (!deliver_was_sent(record, m) || !taken(record->result.messages[m].body)))
			settled_right = false;
	}
	return true;
}

static const char *
put_off_once(int call, const char *group, const char *body)
{
	(void) group;
	return call == 1 && strcmp(body, "b1") == 0 ? "~InternalError" : strcmp(body, "b3") == 0 ? "InvalidParameterValue" : NULL;
}

static void
make_records(void)
{
	static char bodies[RECORDS][2][2100];

	memset(records, 0, sizeof(records));
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < RECORDS; i++)
	{
		records[i].result.messages = messages[i];
		records[i].result.count = 2;
		for (int m = 0; m < 2; m++)
		{
			snprintf(bodies[i][m], sizeof(bodies[i][m]), "%c%d", 'a' + m, i);
			messages[i][m].body = bodies[i][m];
			messages[i][m].body_len = strlen(bodies[i][m]);
			snprintf(messages[i][m].group_id, sizeof(messages[i][m].group_id), "g%d", i / 2);
			snprintf(messages[i][m].dedup_id, sizeof(messages[i][m].dedup_id), "d%d%d", i, m);
		}
	}
	/* one for which the queue is asked */
	memset(bodies[1][0], 'x', 2000);
	messages[1][0].body_len = 2000;
	bodies[1][0][2000] = '\0';
}

static bool
deliver_all(AwsxError *error)
{
	static ConfigOutput outputs[] = {{.name = (char *) "one",.queue_url = (char *) DOUBLE_URL}};
	static const Config config = {.output_count = 1,.outputs = outputs};
	static const Deadline deadline = {.clock = &double_clock};
	AwsxService service;
	DeliverOptions options = {.config = &config,.services = &service,.deadline = &deadline,.on_settled = on_settled};
	Deliverer  *deliverer;
	bool		done = false;

	make_records();
	settled = 0;
	settled_right = true;
	options.client = double_client(put_off_once);
	if (options.client == NULL || !awsx_sqs_service(&service, DOUBLE_URL, NULL, error))
	{
		awsx_client_free(options.client);
		return awsx_error_set(error, AWSX_ERR_MEMORY, "no client");
	}
	deliverer = deliver_create(&options, error);
	if (deliverer != NULL)
	{
		int			submitted = 0;

		done = true;
		while (done && submitted < RECORDS)
			done = deliver_submit(deliverer, &records[submitted++], error);
		done = done && deliver_finish(deliverer, error);
		deliver_free(deliverer);
		if (settled != submitted || !settled_right)
			ok(false, "every record comes back once, with its fate");
	}
	awsx_client_free(options.client);
	return done && records[3].refused && !records[0].refused && records[0].sent == 2;
}

int
main(void)
{
#ifdef __SANITIZE_ADDRESS__
	printf("1..0 # SKIP the address sanitizer has an allocator of its own\n");
	return 0;
#endif
	sweep("records", deliver_all);
	return tap_done();
}
