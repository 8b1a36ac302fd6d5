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

#define PARENT_CHECK_MS		500

typedef struct Options
{
	int			port;
	pid_t		parent;
	const char *journal;
	bool		stands_still;
} Options;

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

	errno = 0;
	number = strtol(value, &end, 10);
	if (value[0] == '\0' || *end != '\0' || errno != 0 || number < 0 || number > most)
	{
		char		message[64];

		snprintf(message, sizeof(message), "invalid value for --%s", name);
		usage_error(message, value);
	}
	return number;
}

static void
apply_option(int option, Options *options)
{
	switch (option)
	{
		case 'p':
			options->port = (int) number_option("port", optarg, 65535);
			break;
		case 'k':
			cloud.access_key = optarg;
			break;
		case 's':
			cloud.secret_key = optarg;
			break;
		case 'a':
			cloud.account = optarg;
			break;
		case 'r':
			cloud.region = optarg;
			break;
		case 'j':
			options->journal = optarg;
			break;
		case 'n':
			cloud.check_signatures = false;
			break;
		case 'c':
			if (strcmp(optarg, "virtual") != 0 && strcmp(optarg, "real") != 0)
				usage_error("--clock is \"real\" or \"virtual\", not", optarg);
			options->stands_still = strcmp(optarg, "virtual") == 0;
			break;
		case 'P':
			options->parent = (pid_t) number_option("parent", optarg, INT32_MAX);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		case 'V':
			puts("awslab " PG_SQS_VERSION);
			exit(0);
		default:
			fputs("Try \"awslab --help\" for more information.\n", stderr);
			exit(2);
	}
}

static void
read_options(int argc, char **argv, Options *options)
{
	static const struct option known[] = {
		{"port", required_argument, NULL, 'p'},
		{"access-key", required_argument, NULL, 'k'},
		{"secret-key", required_argument, NULL, 's'},
		{"account", required_argument, NULL, 'a'},
		{"region", required_argument, NULL, 'r'},
		{"journal", required_argument, NULL, 'j'},
		{"no-auth", no_argument, NULL, 'n'},
		{"clock", required_argument, NULL, 'c'},
		{"parent", required_argument, NULL, 'P'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		apply_option(option, options);
	if (optind < argc)
		usage_error("unexpected argument", argv[optind]);
	if (strlen(cloud.account) > 20 || strlen(cloud.region) > 40 || strlen(cloud.access_key) > 128)
		usage_error("--account, --region or --access-key is too long", cloud.account);
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

/* A descriptor that becomes readable when the parent ends; -1: ask every now and then. */
static int
watch_parent(pid_t parent)
{
	return parent > 0 ? (int) syscall(SYS_pidfd_open, parent, 0) : -1;
}

static bool
parent_is_gone(pid_t parent)
{
	return parent > 0 && kill(parent, 0) != 0 && errno == ESRCH;
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
		int			wait = sooner(server_wait_ms(), clock_wait_ms());

		if (parent > 0 && fds[2].fd < 0)
		{
			if (parent_is_gone(parent))
				return;
			wait = sooner(wait, PARENT_CHECK_MS);
		}
		poll(fds, 3, wait);
		if (fds[1].revents != 0 || (fds[2].fd >= 0 && fds[2].revents != 0))
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
	Options		options = {0};
	int			port;

	cloud = (Cloud) {
		.account = "123456789012",
			.region = "eu-west-1",
			.access_key = "AKIDEXAMPLE",
			.secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
			.check_signatures = true
	};
	read_options(argc, argv, &options);
	raise_limits();
	clock_init(options.stands_still);
	if (options.journal != NULL && !journal_open(options.journal))
	{
		fprintf(stderr, "awslab: could not open journal \"%s\": %s\n", options.journal, strerror(errno));
		return 1;
	}
	port = server_start(options.port, &router_hooks);
	if (port < 0)
		return 1;
	snprintf(cloud.endpoint, sizeof(cloud.endpoint), "http://127.0.0.1:%d", port);
	printf("ready %s\n", cloud.endpoint);
	fflush(stdout);
	serve(options.parent);
	return 0;
}
