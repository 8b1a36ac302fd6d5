/*
 * progress.c
 *	  How far a long piece of work is, for a person.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

#define BAR_WIDTH 24
#define BAR_EVERY_MS 100
#define LINE_EVERY_MS 10000

void
progress_begin(Progress *progress, const AwsxClock *clock, const char *unit, int64_t total,
			   int64_t already)
{
	*progress = (Progress)
	{
		.clock = clock,
			.unit = unit,
			.total = total,
			.already = already,
			.terminal = isatty(STDERR_FILENO) == 1,
			.began_ms = clock->monotonic_ms(clock->arg)
	};
	progress->shown_ms = progress->began_ms;
}

/* "3 min left", or nothing while too little is known. */
static void
rest(const Progress *progress, int64_t done, int64_t now, char *out, size_t size)
{
	int64_t		own = done - progress->already;
	int64_t		seconds;

	out[0] = '\0';
	if (own < 1 || now - progress->began_ms < 2000 || done >= progress->total)
		return;
	seconds = (int64_t) ((double) (now - progress->began_ms) / (double) own *
						 (double) (progress->total - done) / 1000);
	if (seconds >= 5400)
		snprintf(out, size, ", %lld h left", (long long) ((seconds + 1800) / 3600));
	else if (seconds >= 90)
		snprintf(out, size, ", %lld min left", (long long) ((seconds + 30) / 60));
	else
		snprintf(out, size, ", %lld s left", (long long) seconds);
}

void
progress_show(Progress *progress, int64_t done, const char *details)
{
	int64_t		now = progress->clock->monotonic_ms(progress->clock->arg);
	int64_t		total = progress->total > done ? progress->total : done;
	int			percent = total > 0 ? (int) (done * 100 / total) : 100;
	char		bar[BAR_WIDTH + 1];
	char		left[32];

	if (now - progress->shown_ms < (progress->terminal ? BAR_EVERY_MS : LINE_EVERY_MS))
		return;
	progress->shown_ms = now;
	rest(progress, done, now, left, sizeof(left));
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', (size_t) (percent * BAR_WIDTH / 100));
	bar[BAR_WIDTH] = '\0';
	if (progress->terminal)
		fprintf(stderr, "\r[%s] %3d %%  %lld of %lld %s, %s%s\033[K", bar, percent,
				(long long) done, (long long) total, progress->unit, details, left);
	else
		fprintf(stderr, "%lld of %lld %s (%d %%), %s%s\n", (long long) done, (long long) total,
				progress->unit, percent, details, left);
	fflush(stderr);
}

void
progress_end(Progress *progress)
{
	if (progress->terminal)
		fputs("\r\033[K", stderr);
}
