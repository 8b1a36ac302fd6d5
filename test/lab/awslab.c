/*
 * awslab.c
 *		A cloud for tests: S3, SQS, Lambda, STS and the Redshift Data API on one
 *		loopback port.
 *
 * The program is one thread and one loop: wait for the HTTP server, a signal,
 * the parent's end or the next timer; run what is due.  All state is in memory
 * and gone with the process.  The first and only line on stdout is "ready
 * http://127.0.0.1:PORT".
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "faults.h"
#include "journal.h"
#include "redshift.h"
#include "server.h"
#include "service.h"

static const char help[] =
"awslab stands in for AWS in tests: S3, SQS, Lambda, STS and the Redshift Data API.\n"
"\n"
"Usage: awslab [OPTION]...\n"
"\n"
"  --port N            listen on 127.0.0.1:N (default: a free port)\n"
"  --access-key ID     the permanent access key (default: AKIDEXAMPLE)\n"
"  --secret-key KEY    its secret (default: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY)\n"
"  --account ID        the account (default: 123456789012)\n"
"  --region NAME       the region (default: eu-west-1)\n"
"  --journal FILE      append every request and effect to FILE, as NDJSON\n"
"  --no-auth           do not check signatures\n"
"  --clock virtual     time stands still until it is advanced by a control call\n"
"  --allow-run         let fault scripts run commands\n"
"  --redshift CONNINFO the PostgreSQL that stands in for Redshift; its database, dev\n"
"                      when none is named, is made if it is not there\n"
"  --workgroup NAME    its workgroup (default: default)\n"
"  --parent PID        exit when that process does\n"
"  --help              show this help, then exit\n"
"  --version           show the version, then exit\n"
"\n"
"Prints \"ready http://127.0.0.1:PORT\" when it listens. SIGTERM ends it.\n";

static const char *port_text = "0";
static const char *parent_text = "0";
static const char *journal;
static const char *clock_kind = "real";
static bool no_auth;
static bool show_help;
static bool show_version;

typedef struct Option
{
	const char *name;
	const char **text;			/* takes a value, or */
	bool	   *flag;
} Option;

static const Option options[] = {
	{"--port", &port_text, NULL},
	{"--access-key", &cloud.access_key, NULL},
	{"--secret-key", &cloud.secret_key, NULL},
	{"--account", &cloud.account, NULL},
	{"--region", &cloud.region, NULL},
	{"--journal", &journal, NULL},
	{"--clock", &clock_kind, NULL},
	{"--parent", &parent_text, NULL},
	{"--redshift", &redshift_settings.conninfo, NULL},
	{"--workgroup", &redshift_settings.workgroup, NULL},
	{"--no-auth", NULL, &no_auth},
	{"--allow-run", NULL, &cloud.allow_run},
	{"--help", NULL, &show_help},
	{"--version", NULL, &show_version},
};

#define N_OPTIONS	(sizeof(options) / sizeof(options[0]))

static _Noreturn void
usage_error(const char *message, const char *value)
{
	fprintf(stderr, "awslab: %s: \"%s\"\nTry \"awslab --help\" for more information.\n", message, value);
	exit(2);
}

static int
number_of(const char *name, const char *value, long most)
{
	char	   *end;
	long		number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (value[0] == '\0' || *end != '\0' || errno != 0 || number < 0 || number > most)
		usage_error(name, value);
	return (int) number;
}

/* "--name value" or "--name=value". */
static void
read_options(char **argv)
{
	for (char **word = argv + 1; *word != NULL; word++)
	{
		const Option *option = options;
		size_t		len = strcspn(*word, "=");

		while (option < options + N_OPTIONS && (strncmp(option->name, *word, len) != 0 || option->name[len] != '\0'))
			option++;
		if (option == options + N_OPTIONS)
			usage_error("unknown option", *word);
		if (option->flag != NULL)
			*option->flag = true;
		else if ((*word)[len] == '=')
			*option->text = *word + len + 1;
		else if (word[1] != NULL)
			*option->text = *++word;
		else
			usage_error("a value is missing", *word);
	}
	if (show_help || show_version)
	{
		fputs(show_help ? help : "awslab " PG_SQS_VERSION "\n", stdout);
		exit(0);
	}
	if (strcmp(clock_kind, "virtual") != 0 && strcmp(clock_kind, "real") != 0)
		usage_error("--clock is \"real\" or \"virtual\", not", clock_kind);
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
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* A command of a fault script has ended, or this program is to; true in that case. */
static bool
read_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGCHLD)
		return true;
	faults_reap();
	return false;
}

/* A descriptor that becomes readable when the parent ends; -1: there is none to watch. */
static int
watch_parent(int parent)
{
	int			fd = parent > 0 ? (int) syscall(SYS_pidfd_open, parent, 0) : -1;

	if (parent > 0 && fd < 0)
	{
		fprintf(stderr, "awslab: could not watch the parent process %d: %s\n", parent, strerror(errno));
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
serve(int parent)
{
	struct pollfd fds[3] = {
		{.fd = server_fd(), .events = POLLIN},
		{.fd = catch_signals(), .events = POLLIN},
		{.fd = watch_parent(parent), .events = POLLIN},
	};

	for (;;)
	{
		poll(fds, 3, sooner(server_wait_ms(), clock_wait_ms()));
		if (fds[2].revents != 0 || (fds[1].revents != 0 && read_signal(fds[1].fd)))
			return;
		clock_run();
		server_run();
	}
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	int			port;
	int			parent;

	(void) argc;
	read_options(argv);
	cloud.check_signatures = !no_auth;
	port = number_of("invalid value for --port", port_text, 65535);
	parent = number_of("invalid value for --parent", parent_text, INT32_MAX);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	clock_init(strcmp(clock_kind, "virtual") == 0);
	if (journal != NULL && !journal_open(journal))
	{
		fprintf(stderr, "awslab: could not open journal \"%s\": %s\n", journal, strerror(errno));
		return 1;
	}
	if (redshift_settings.conninfo != NULL && !redshift_start())
		return 1;
	port = server_start(port);
	if (port < 0)
		return 1;
	snprintf(cloud.endpoint, sizeof(cloud.endpoint), "http://127.0.0.1:%d", port);
	printf("ready %s\n", cloud.endpoint);
	fflush(stdout);
	serve(parent);
	return 0;
}
