/*
 * test_process.c
 *	  Commands that print credentials: good ones, slow ones, and those that
 *	  hang, flood, fail or talk nonsense.  No child outlives its fetch.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "sts_world.h"

#define KEYS "{\"Version\":1,\"AccessKeyId\":\"AKPROCESS\",\"SecretAccessKey\":\"processSecret\"}"
#define END_KEYS "{\"Version\":1,\"AccessKeyId\":\"AKPROCESS\",\"SecretAccessKey\":\"processSecret\"," \
	"\"SessionToken\":\"processToken\",\"Expiration\":\"2026-01-02T04:04:05Z\"}"

static AwsxError error;

static bool
no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* Fetch once with a command; the provider is gone afterwards. */
static bool
run(Got *got, const char *command)
{
	AwsxCredentialsProvider *provider = awsx_credentials_process(command, &error);
	bool		found = got_fetch(got, provider);

	provider->free(provider);
	return found;
}

static void
test_good(void)
{
	Got			got;

	ok(run(&got, "echo '" END_KEYS "'") && strcmp(got.fetch.credentials.access_key_id, "AKPROCESS") == 0 &&
	   strcmp(got.fetch.credentials.secret_access_key, "processSecret") == 0 &&
	   strcmp(got.fetch.credentials.session_token, "processToken") == 0 &&
	   got.fetch.credentials.expires_ms == INT64_C(1767326645000), "what it prints: %s", got.fetch.error.message);
	is_str(got.source, "credential_process", "... and whose it is");
	awsx_credentials_clear(&got.fetch.credentials);

	sts.wall_ms = INT64_C(1767323045000);
	ok(run(&got, "echo '" KEYS "'") && got.fetch.credentials.session_token == NULL &&
	   got.fetch.credentials.expires_ms == sts.wall_ms + 3600000, "without an end it is asked for again within the hour");
	awsx_credentials_clear(&got.fetch.credentials);

	ok(run(&got, "keys='" KEYS "'; printf '%.20s' \"$keys\"; sleep 0.2; printf '%s' \"${keys#????????????????????}\""),
	   "in pieces, slowly: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
	ok(run(&got, "exec 1>&-; sleep 0.2; exit 0") == false && strstr(got.fetch.error.message, "something else than credentials") != NULL,
	   "one that closes its output first is waited for: %s", got.fetch.error.message);
	ok(no_children(), "no child is left");
}

static void
test_failing(void)
{
	static const struct
	{
		const char *name;
		const char *command;
		const char *says;
	}			cases[] = {
		{"an exit status", "echo '" KEYS "'; exit 3", "status 3"},
		{"no such command", "/nowhere/to/be/found processSecret", "cannot find or run"},
		{"a signal", "kill -9 $$", "signal 9"},
		{"garbage", "echo processSecret", "something else than credentials"},
		{"nothing", "true", "something else than credentials"},
		{"cut off", "printf '%.60s' '" KEYS "'", "something else than credentials"},
		{"another version", "echo '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"processSecret\"}'", "something else than credentials"},
		{"keys on standard error", "echo '" KEYS "' >&2", "something else than credentials"},
		{"too much", "yes processSecret", "more than 65535 bytes"},
		{"too much, then an end", "head -c 70000 /dev/zero", "more than 65535 bytes"},
	};
	Got			got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(!run(&got, cases[i].command) && got.done && !got.fetch.absent && got.fetch.error.kind == AWSX_ERR_CREDENTIALS &&
		   !got.fetch.error.retryable && strstr(got.fetch.error.message, cases[i].says) != NULL &&
		   strstr(got.fetch.error.message, "processSecret") == NULL,
		   "%s: %s", cases[i].name, got.fetch.error.message);
	ok(no_children(), "no child is left");
}

/* The number in a file, as soon as it is there. */
static pid_t
read_pid(const char *name)
{
	for (int i = 0; i < 1000; i++)
	{
		FILE	   *file = fopen(home_file(name), "r");
		int			pid = 0;
		bool		whole = file != NULL && fscanf(file, "%d.", &pid) == 1 && pid > 0;

		if (file != NULL)
			fclose(file);
		if (whole)
			return pid;
		poll(NULL, 0, 10);
	}
	return -1;
}

/* Gone, or at least dead: an orphan is buried by whoever adopts it. */
static bool
is_dead(pid_t pid)
{
	for (int i = 0; i < 500; i++)
	{
		char		path[64];
		char		state = 'Z';
		FILE	   *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
		file = fopen(path, "r");
		if (file == NULL)
			return true;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(file);
		if (state == 'Z' || state == 'X')
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static char *
hanging_command(void)
{
	static char command[400];

	home_write("child", NULL);
	home_write("grandchild", NULL);
	snprintf(command, sizeof(command), "sleep 1000 & echo $!. > %s; echo $$. > %s; wait", home_file("grandchild"), home_file("child"));
	return command;
}

static void
test_hanging(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_process(hanging_command(), &error);
	pid_t		child;
	pid_t		grandchild;
	Got			got;

	got_start(&got, provider);
	grandchild = read_pid("grandchild");
	child = read_pid("child");
	got_wait(&got, 200);
	ok(!got.done && child > 0 && grandchild > 0, "a command that hangs is waited for, without waiting");
	sts.skipped_ms += 30000;
	got_wait(&got, 100);
	ok(!got.done, "... for a minute");
	sts.skipped_ms += 30000;
	got_wait(&got, 5000);
	ok(got.done && got.fetch.error.kind == AWSX_ERR_TIMEOUT && got.fetch.error.retryable, "... and killed then: %s", got.fetch.error.message);
	ok(no_children() && is_dead(child) && is_dead(grandchild), "... with what it had started");
	provider->free(provider);
}

static void
test_cancel(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_process(hanging_command(), &error);
	pid_t		grandchild;
	Got			got;

	provider->cancel(provider);
	got_start(&got, provider);
	grandchild = read_pid("grandchild");
	provider->cancel(provider);
	ok(!got.done && no_children() && is_dead(grandchild), "a fetch that is given up takes its processes with it");
	is_int(awsx_client_timeout_ms(sts.client), -1, "... and leaves nothing to wait for");

	(void) hanging_command();
	got_start(&got, provider);
	grandchild = read_pid("grandchild");
	provider->free(provider);
	ok(!got.done && no_children() && is_dead(grandchild), "so does a provider that is freed");
}

/* What the command started may live on, and must not hold the fetch up. */
static void
test_left_behind(void)
{
	char		command[400];
	Got			got;
	pid_t		left;

	snprintf(command, sizeof(command), "sleep 1000 & echo $!. > %s; echo '" KEYS "'", home_file("left"));
	ok(run(&got, command), "a process that is left behind with the pipe is not waited for: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
	left = read_pid("left");
	ok(kill(left, 0) == 0, "... nor killed");
	kill(left, SIGKILL);
}

static void
catch_signal(int number)
{
	(void) number;
}

/*
 * What the host has, the child must not have.  Signals 32 and 33 are the C
 * library's own; some versions leave them ignored in every child.  The mask
 * shows only where sh is bash: dash empties it by itself.
 */
static void
test_inheritance(void)
{
	static const char look[] = "grep -q '^SigBlk:.*[1-9a-f]' /proc/self/status && exit 11; grep -Eq '^SigIgn:.0+(180000000)?$' /proc/self/status || exit 12; "
		"[ -e /proc/$$/fd/57 ] && exit 13; [ \"$(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat)\" -eq $$ ] || exit 14; "
		"[ \"$(readlink /proc/$$/fd/0)\" = /dev/null ] && [ \"$(readlink /proc/$$/fd/2)\" = /dev/null ] || exit 15; "
		"[ \"$FROM_THE_HOST\" = yes ] || exit 16; echo '" KEYS "'";
	sigset_t	all;
	sigset_t	before;
	Got			got;
	bool		found;

	sigfillset(&all);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, catch_signal);
	dup2(1, 57);
	setenv("FROM_THE_HOST", "yes", 1);
	sigprocmask(SIG_SETMASK, &all, &before);
	found = run(&got, look);
	sigprocmask(SIG_SETMASK, &before, NULL);
	ok(found, "a child has no mask, handler or descriptor of ours, and its own group: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
	ok(fcntl(57, F_GETFD) >= 0, "... and we still have them");
	close(57);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);

	signal(SIGCHLD, SIG_IGN);
	found = run(&got, "echo '" KEYS "'");
	signal(SIGCHLD, SIG_DFL);
	ok(found, "a host that buries children unseen does not matter: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
}

/* The standard descriptors may be closed, as in a daemon. */
static void
test_closed_descriptors(void)
{
	int			kept[3];
	Got			got;
	bool		found;

	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 60);
	for (int i = 0; i < 3; i++)
		close(i);
	found = run(&got, "echo '" KEYS "'");
	for (int i = 0; i < 3; i++)
	{
		dup2(kept[i], i);
		close(kept[i]);
	}
	ok(found, "the pipe may get the numbers of standard descriptors: %s", got.fetch.error.message);
	awsx_credentials_clear(&got.fetch.credentials);
}

static int
count_descriptors(void)
{
	int			count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
test_again_and_again(void)
{
	AwsxCredentialsProvider *provider = awsx_credentials_process("echo '" KEYS "'", &error);
	int			before = count_descriptors();
	int			found = 0;
	Got			got;

	for (int i = 0; i < 20; i++)
	{
		found += got_fetch(&got, provider);
		awsx_credentials_clear(&got.fetch.credentials);
	}
	provider->free(provider);
	is_int(found, 20, "a provider may be asked again");
	ok(count_descriptors() == before && no_children(), "... and leaves no descriptor and no child");
}

int
main(void)
{
	home_open();
	sts_open(&error);
	test_good();
	test_failing();
	test_hanging();
	test_cancel();
	test_left_behind();
	test_inheritance();
	test_closed_descriptors();
	test_again_and_again();
	sts_close();
	home_close();
	return tap_done();
}
