/*
 * driver.c
 *	  Calls through our client, told line by line, for tests that break what
 *	  is behind; and thousands of them, with a look at what they leave.
 *
 * A call is TIMEOUT_MS ENDPOINT get BUCKET KEY, or TIMEOUT_MS ENDPOINT receive
 * QUEUE_URL.  Lines on stdin, each answered by one on stdout:
 *
 *	one CALL				how it ended: KIND STATUS MILLISECONDS MESSAGE
 *	add CALL				remember it for the storm
 *	storm COUNT AT_ONCE		make the remembered calls in turn; after a tenth, and at
 *							the end, connections are dropped and compared:
 *							"done" MILLISECONDS CPU_MS FDS FDS RSS_KB RSS_KB KIND=N...
 *
 * A call is tried so often as the program's argument says.  Keys are those of
 * the environment, and the authority for https is AWS_CA_BUNDLE's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "providers.h"
#include "s3.h"
#include "sqs.h"

#define CALLS_MAX 64
#define KINDS (AWSX_ERR_INTEGRITY + 1)

/* What a line asks for, and how a call for it ended. */
typedef struct Wish
{
	int			timeout_ms;
	char		endpoint[128];
	char		what[16];
	char		place[256];		/* bucket, or the queue's URL */
	char		key[128];
	AwsxService service;
} Wish;

typedef struct Ending
{
	bool		ended;
	AwsxError	error;
	int			status;
} Ending;

static AwsxClient *client;
static Wish wishes[CALLS_MAX];
static int	wish_count;
static int	under_way;
static long ended_as[KINDS];

static void
give_up(const char *what, const char *detail)
{
	fprintf(stderr, "fault_driver: %s: %s\n", what, detail);
	exit(2);
}

static bool
read_wish(const char *text, Wish *wish)
{
	AwsxServiceOptions options = {.region = "eu-west-1",.endpoint = wish->endpoint};
	AwsxError	error;
	int			fields = sscanf(text, "%d %127s %15s %255s %127s", &wish->timeout_ms, wish->endpoint, wish->what,
								wish->place, wish->key);

	if (fields == 5 && strcmp(wish->what, "get") == 0 && awsx_s3_service(&wish->service, &options, &error))
		return true;
	return fields == 4 && strcmp(wish->what, "receive") == 0 &&
		awsx_sqs_service(&wish->service, wish->place, &options, &error);
}

static bool
make_request(const Wish *wish, AwsxHttpRequest *request, AwsxError *error)
{
	AwsxS3Get	get = {.bucket = wish->place,.key = wish->key,.range_start = -1,.range_end = -1};
	AwsxSqsReceive receive = {.max_messages = 10,.visibility_seconds = 0,.attempt_id = "00000000-0000-4000-8000-000000000000"};
	bool		made = wish->key[0] != '\0' ?
		awsx_s3_get_request(&wish->service, &get, request, error) :
		awsx_sqs_receive_request(&wish->service, wish->place, &receive, request, error);

	request->timeout_ms = wish->timeout_ms;
	request->connect_timeout_ms = wish->timeout_ms;
	return made;
}

/* A success must also be understood. */
static void
judge(const Wish *wish, const AwsxHttpResponse *answer, AwsxError *error)
{
	AwsxS3Object object;

	if (error->kind != AWSX_OK)
		return;
	if (wish->key[0] != '\0')
		(void) awsx_s3_object_answer(answer, &object, error);
	else
		awsx_sqs_messages_free(awsx_sqs_receive_answer(answer, error));
}

/*----------
 * One call
 *----------
 */

static int64_t
now_ms(void)
{
	return awsx_clock_real()->monotonic_ms(NULL);
}

static void
one(const Wish *wish)
{
	AwsxHttpRequest request;
	AwsxHttpResponse answer;
	AwsxError	error;
	int64_t		started = now_ms();

	awsx_error_clear(&error);
	if (make_request(wish, &request, &error) &&
		awsx_client_run(client, &wish->service, &request, &answer, &error))
	{
		judge(wish, &answer, &error);
		awsx_http_response_free(&answer);
	}
	printf("%s %d %lld %s\n", error.kind == AWSX_OK ? "ok" : awsx_error_kind_name(error.kind),
		   error.http_status, (long long) (now_ms() - started), error.message);
}

/*----------
 * Thousands
 *----------
 */

static void
on_done(AwsxCall *call, const AwsxHttpResponse *answer, const AwsxError *error, void *arg)
{
	AwsxError	verdict = *error;

	(void) call;
	judge(arg, answer, &verdict);
	ended_as[verdict.kind]++;
	under_way--;
}

static void
start_one(Wish *wish)
{
	AwsxHttpRequest request;
	AwsxError	error;

	awsx_error_clear(&error);
	if (!make_request(wish, &request, &error) ||
		awsx_client_start(client, &wish->service, &request, on_done, wish, &error) == NULL)
		give_up("a call cannot be started", error.message);
	under_way++;
}

static void
make_calls(long count, int at_once)
{
	for (long started = 0; started < count || under_way > 0;)
	{
		struct pollfd entry = {.fd = awsx_client_fd(client),.events = POLLIN};

		while (started < count && under_way < at_once)
			start_one(&wishes[started++ % wish_count]);
		poll(&entry, 1, awsx_client_timeout_ms(client));
		awsx_client_drive(client);
	}
	awsx_client_forget_connections(client);
}

static int
count_descriptors(void)
{
	DIR		   *folder = opendir("/proc/self/fd");
	int			count = 0;

	while (folder != NULL && readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static long
resident_kb(void)
{
	FILE	   *file = fopen("/proc/self/statm", "r");
	long		total = 0;
	long		resident = 0;

	if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2)
		give_up("no memory count", "/proc/self/statm");
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void
storm(long count, int at_once)
{
	int64_t		started = now_ms();
	struct rusage used;
	long		kb;
	int			descriptors;

	memset(ended_as, 0, sizeof(ended_as));
	make_calls(count / 10, at_once);
	kb = resident_kb();
	descriptors = count_descriptors();
	make_calls(count - count / 10, at_once);
	getrusage(RUSAGE_SELF, &used);
	printf("done %lld %ld %d %d %ld %ld", (long long) (now_ms() - started),
		   (long) ((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000),
		   descriptors, count_descriptors(), kb, resident_kb());
	for (int kind = 0; kind < KINDS; kind++)
	{
		if (ended_as[kind] > 0)
			printf(" %s=%ld", kind == AWSX_OK ? "ok" : awsx_error_kind_name((AwsxErrorKind) kind), ended_as[kind]);
	}
	printf("\n");
}

int
main(int argc, char **argv)
{
	AwsxClientOptions options = {.max_attempts = argc > 1 ? atoi(argv[1]) : 1};
	AwsxError	error;
	char		line[1024];
	long		count;
	int			at_once;
	Wish		wish;

	options.transport = awsx_transport_curl(NULL, &error);
	if (options.transport == NULL)
		give_up("no transport", error.message);
	options.credentials = awsx_credentials_env(&error);
	client = options.credentials != NULL ? awsx_client_create(&options, &error) : NULL;
	if (client == NULL)
		give_up("no client", error.message);
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		memset(&wish, 0, sizeof(wish));
		if (strncmp(line, "one ", 4) == 0 && read_wish(line + 4, &wish))
			one(&wish);
		else if (strncmp(line, "add ", 4) == 0 && wish_count < CALLS_MAX && read_wish(line + 4, &wish))
		{
			wishes[wish_count++] = wish;
			printf("added %d\n", wish_count);
		}
		else if (wish_count > 0 && sscanf(line, "storm %ld %d", &count, &at_once) == 2)
			storm(count, at_once);
		else
			give_up("not understood", line);
		fflush(stdout);
	}
	awsx_client_free(client);
	return 0;
}
