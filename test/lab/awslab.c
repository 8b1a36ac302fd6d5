/*
 * awslab.c
 *		A cloud for tests: S3, SQS and the Lambda runtime API on one loopback port.
 *
 * The program is one thread and one loop: wait for the HTTP server, a signal,
 * the parent's end or the next timer; run what is due.  All state is in memory
 * and gone with the process.  The first and only line on stdout is "ready
 * http://127.0.0.1:PORT".
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "journal.h"
#include "server.h"
#include "service.h"

static const char help[] =
"awslab stands in for AWS in tests: S3, SQS and the Lambda runtime API.\n"
"\n"
"Usage: awslab [OPTION]...\n"
"\n"
"  --port N            listen on 127.0.0.1:N (default: a free port)\n"
"  --access-key ID     the one access key that exists (default: AKIDEXAMPLE)\n"
"  --secret-key KEY    its secret (default: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY)\n"
"  --account ID        the account (default: 123456789012)\n"
"  --region NAME       the region (default: eu-west-1)\n"
"  --journal FILE      append every request and effect to FILE, as NDJSON\n"
"  --no-auth           do not check signatures\n"
"  --clock virtual     time stands still until it is advanced by a control call\n"
"  --parent PID        exit when that process does\n"
"  --help              show this help, then exit\n"
"  --version           show the version, then exit\n"
"\n"
"Prints \"ready http://127.0.0.1:PORT\" when it listens. SIGTERM ends it.\n";

static _Noreturn void
usage_error(const char *message, const char *value)
{
	fprintf(stderr, "awslab: %s: \"%s\"\nTry \"awslab --help\" for more information.\n", message, value);
	exit(2);
}

static long
number_option(const char *name, const char *value, long most)
{
	char	   *end;
	long		number;

	if (value == NULL)
		return 0;
	errno = 0;
	number = strtol(value, &end, 10);
	if (value[0] == '\0' || *end != '\0' || errno != 0 || number < 0 || number > most)
		usage_error(name, value);
	return number;
}

/* Values of the options, in the order of `known`. */
enum
{
	PORT, ACCESS_KEY, SECRET_KEY, ACCOUNT, REGION, JOURNAL, CLOCK, PARENT, NO_AUTH, HELP, VERSION, N_OPTIONS
};

static const struct option known[] = {
	{"port", required_argument, NULL, PORT},
	{"access-key", required_argument, NULL, ACCESS_KEY},
	{"secret-key", required_argument, NULL, SECRET_KEY},
	{"account", required_argument, NULL, ACCOUNT},
	{"region", required_argument, NULL, REGION},
	{"journal", required_argument, NULL, JOURNAL},
	{"clock", required_argument, NULL, CLOCK},
	{"parent", required_argument, NULL, PARENT},
	{"no-auth", no_argument, NULL, NO_AUTH},
	{"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION},
	{NULL, 0, NULL, 0}
};

static void
read_options(int argc, char **argv, const char **values)
{
	int			option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		if (option == '?')
		{
			fputs("Try \"awslab --help\" for more information.\n", stderr);
			exit(2);
		}
		values[option] = optarg != NULL ? optarg : "";
	}
	if (optind < argc)
		usage_error("unexpected argument", argv[optind]);
	if (values[HELP] != NULL || values[VERSION] != NULL)
	{
		fputs(values[HELP] != NULL ? help : "awslab " PG_SQS_VERSION "\n", stdout);
		exit(0);
	}
	if (strcmp(values[CLOCK], "virtual") != 0 && strcmp(values[CLOCK], "real") != 0)
		usage_error("--clock is \"real\" or \"virtual\", not", values[CLOCK]);
	if (strlen(values[ACCOUNT]) > 20 || strlen(values[REGION]) > 40 || strlen(values[ACCESS_KEY]) > 128)
		usage_error("--account, --region or --access-key is too long", values[ACCOUNT]);
}

static int
catch_signals(void)
{
	sigset_t	set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* A descriptor that becomes readable when the parent ends; -1: there is none to watch. */
static int
watch_parent(pid_t parent)
{
	int			fd = parent > 0 ? (int) syscall(SYS_pidfd_open, parent, 0) : -1;

	if (parent > 0 && fd < 0)
	{
		fprintf(stderr, "awslab: could not watch the parent process %d: %s\n", (int) parent, strerror(errno));
		exit(1);
	}
	return fd;
}

static int
sooner(int left, int right)
{
	if (left < 0 || right < 0)
		return left < 0 ? right : left;
	return left < right ? left : right;
}

static void
serve(pid_t parent)
{
	struct pollfd fds[3] = {
		{.fd = server_fd(), .events = POLLIN},
		{.fd = catch_signals(), .events = POLLIN},
		{.fd = watch_parent(parent), .events = POLLIN},
	};

	for (;;)
	{
		poll(fds, 3, sooner(server_wait_ms(), clock_wait_ms()));
		if (fds[1].revents != 0 || fds[2].revents != 0)
			return;
		clock_run();
		server_run();
	}
}

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	const char *values[N_OPTIONS] = {
		[ACCESS_KEY] = "AKIDEXAMPLE",
		[SECRET_KEY] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		[ACCOUNT] = "123456789012",
		[REGION] = "eu-west-1",
		[CLOCK] = "real"
	};
	int			port;
	pid_t		parent;

	read_options(argc, argv, values);
	port = (int) number_option("invalid value for --port", values[PORT], 65535);
	parent = (pid_t) number_option("invalid value for --parent", values[PARENT], INT32_MAX);
	cloud = (Cloud) {
		.account = values[ACCOUNT],
			.region = values[REGION],
			.access_key = values[ACCESS_KEY],
			.secret_key = values[SECRET_KEY],
			.check_signatures = values[NO_AUTH] == NULL
	};
	raise_limits();
	clock_init(strcmp(values[CLOCK], "virtual") == 0);
	if (values[JOURNAL] != NULL && !journal_open(values[JOURNAL]))
	{
		fprintf(stderr, "awslab: could not open journal \"%s\": %s\n", values[JOURNAL], strerror(errno));
		return 1;
	}
	port = server_start(port, &router_hooks);
	if (port < 0)
		return 1;
	snprintf(cloud.endpoint, sizeof(cloud.endpoint), "http://127.0.0.1:%d", port);
	printf("ready %s\n", cloud.endpoint);
	fflush(stdout);
	serve(parent);
	return 0;
}
