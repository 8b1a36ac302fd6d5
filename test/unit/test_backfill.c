/*
 * test_backfill.c
 *	  What stands around a backfill: the command line, the state file, and
 *	  what a person sees of its progress.
 */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "backfill_state.h"
#include "options.h"
#include "progress.h"
#include "tap.h"

/* ---- the command line ---- */

static Options options;
static char message[256];

static bool
read_line(const char *line)
{
	static char copy[256];		/* the options point into it */
	char	   *argv[16];
	int			argc = 0;

	snprintf(copy, sizeof(copy), "s3_to_sqs %s", line);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	message[0] = '\0';
	optind = 0;
	return options_read(&options, argc, argv, message, sizeof(message));
}

static void
test_options(void)
{
	static const char *const wrong[] = {
		"--explain", "--poll", "--nonsense", "--since", "--since soon s3://abc/", "--since 2026-13-01 s3://abc/",
		"--rate 0 s3://abc/", "--rate -1 s3://abc/", "--rate 1x s3://abc/", "--rate 1", "--resume f", "--since 2026-01-01",
		"--dry-run", "--dry-run --explain f", "--dry-run --poll u", "s3://abc/ s3://def/", "--explain f s3://abc/",
		"--explain f --poll u", "--since 2026-01-02 --until 2026-01-02 s3://abc/", "--help --version", NULL
	};

	ok(read_line("") && options.action == OPTIONS_SERVE, "no word: a Lambda function");
	ok(read_line("--explain f") && options.action == OPTIONS_EXPLAIN && strcmp(options.operand, "f") == 0, "--explain");
	ok(read_line("--poll u") && options.action == OPTIONS_POLL && strcmp(options.operand, "u") == 0, "--poll");
	ok(read_line("--rejects s3://b/p --dry-run") && options.action == OPTIONS_REJECTS && options.backfill.dry_run, "--rejects --dry-run");
	ok(read_line("s3://abc/p --since 2026-01-31 --until 2026-01-31T12:00:00+01:00 --rate 0.5 --resume f") &&
	   options.action == OPTIONS_BACKFILL, "a backfill, options behind its URL");
	is_str(options.backfill.url, "s3://abc/p", "... its URL");
	is_int(options.backfill.since_ms, 1769817600000, "... a day begins in UTC");
	is_int(options.backfill.until_ms, 1769857200000, "... an instant with an offset");
	ok(options.backfill.rate == 0.5, "... a rate below one");
	ok(read_line("--since 2026-01-31T00:00:00 s3://abc") && options.backfill.since_ms == 1769817600000, "an instant without an offset is UTC");
	for (const char *const *line = wrong; *line != NULL; line++)
		ok(!read_line(*line) && message[0] != '\0', "refused: %s", *line);
}

/* ---- the state file ---- */

static void
test_state(void)
{
	BackfillTask task = {"s3://abc/p", 1, 2};
	BackfillTask other = {"s3://abc/q", 1, 2};
	BackfillTask later = {"s3://abc/p", 2, 0};
	BackfillState state;
	BackfillState back;
	AwsxError	error;
	char		path[] = "/tmp/test_backfill.XXXXXX";
	static const char key[] = "p/\xc3\xa9 %41\"\\\x01\xff/z";

	close(mkstemp(path));
	unlink(path);
	awsx_error_clear(&error);
	backfill_state_init(&state);
	backfill_state_init(&back);
	ok(backfill_state_read(&back, &task, path, &error) && back.objects == 0 && back.last_key.len == 0, "no file: from the beginning");
	awsx_buf_puts(&state.last_key, key);
	state.objects = 7;
	state.records = 1LL << 40;
	state.rejected = 3;
	ok(backfill_state_write(&state, &task, path, &error), "written");
	ok(backfill_state_read(&back, &task, path, &error), "read");
	is_str(back.last_key.data, key, "... the key, byte for byte");
	ok(back.objects == 7 && back.records == 1LL << 40 && back.messages == 0 && back.rejected == 3, "... the counts");
	ok(!backfill_state_read(&back, &other, path, &error) && strstr(error.message, "another backfill") != NULL, "not of another prefix");
	ok(!backfill_state_read(&back, &later, path, &error) && strstr(error.message, "another backfill") != NULL, "nor of another span");
	ok(!backfill_state_write(&state, &task, "/nonexistent/x", &error) && strstr(error.message, "/nonexistent/x") != NULL, "a file that cannot be written is named");
	for (int i = 0; i < 4; i++)
	{
		static const char *const texts[] = {
			"", "[]", "{\"version\":2,\"url\":\"s3://abc/p\"}",
			"{\"version\":1,\"url\":\"s3://abc/p\",\"since_ms\":1,\"until_ms\":2,\"last_key\":\"%4\",\"objects\":0,\"records\":0,\"messages\":0,\"filtered\":0,\"rejected\":0}"
		};
		FILE	   *file = fopen(path, "wb");

		fputs(texts[i], file);
		fclose(file);
		ok(!backfill_state_read(&back, &task, path, &error) && strstr(error.message, "is not the state") != NULL, "no state: %s", texts[i]);
	}
	unlink(path);
	backfill_state_free(&state);
	backfill_state_free(&back);
}

/* ---- progress ---- */

static int64_t now_ms;
static char seen[1024];

static int64_t
tell_now(void *arg)
{
	(void) arg;
	return now_ms;
}

static const AwsxClock clock_of_test = {.monotonic_ms = tell_now,.wall_ms = tell_now};

/* What progress_show writes to standard error. */
static const char *
show(Progress *progress, int64_t done)
{
	int			ends[2];
	int			kept = dup(STDERR_FILENO);
	ssize_t		len;

	if (pipe(ends) != 0)
		return "";
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	progress_show(progress, done, "5 rejected");
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	len = read(ends[0], seen, sizeof(seen) - 1);
	close(ends[0]);
	seen[len > 0 ? len : 0] = '\0';
	return seen;
}

static void
test_progress(void)
{
	Progress	progress;

	now_ms = 1000;
	progress_begin(&progress, &clock_of_test, "objects", 200, 0);
	progress.terminal = false;
	is_str(show(&progress, 1), "", "lines: nothing at first");
	now_ms = 11000;
	is_str(show(&progress, 50), "50 of 200 objects (25 %), 5 rejected, 30 s left\n", "... a line after ten seconds");
	now_ms = 11001;
	is_str(show(&progress, 51), "", "... and not another at once");
	now_ms = 1000;
	progress_begin(&progress, &clock_of_test, "objects", 200, 100);
	progress.terminal = true;
	now_ms = 1200;
	is_str(show(&progress, 101), "\r[############............]  50 %  101 of 200 objects, 5 rejected\033[K", "a terminal: a bar");
	now_ms = 5000;
	is_str(show(&progress, 110), "\r[#############...........]  55 %  110 of 200 objects, 5 rejected, 36 s left\033[K",
		   "... what an earlier run did is no measure of speed");
	now_ms = 1000000;
	is_str(show(&progress, 250), "\r[########################] 100 %  250 of 250 objects, 5 rejected\033[K", "... more than there seemed to be");
	progress_begin(&progress, &clock_of_test, "objects", 0, 0);
	progress.terminal = true;
	now_ms += 1000;
	is_str(show(&progress, 0), "\r[########################] 100 %  0 of 0 objects, 5 rejected\033[K", "nothing to do is no division by zero");
}

int
main(void)
{
	test_options();
	test_state();
	test_progress();
	return tap_done();
}
