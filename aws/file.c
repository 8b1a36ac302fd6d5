/*
 * file.c
 *	  A small file, read whole.
 *
 * These files hold keys and tokens, so their bytes are in one block of
 * memory, which is wiped, and never in stdio's.  The path is the
 * configuration's: a named pipe or a terminal there must not stop the
 * process, hence O_NONBLOCK.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes read, at most size; -1 and errno. */
static ssize_t
read_all(int fd, char *text, size_t size)
{
	size_t		used = 0;

	while (used < size)
	{
		ssize_t		got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t) got;
	}
	return (ssize_t) used;
}

/* Not there, or in a directory that is closed to us. */
static bool
is_missing(const char *path, int why)
{
	struct stat status;

	if (why == EACCES)
		return stat(path, &status) != 0;
	return why == ENOENT || why == ENOTDIR;
}

static char *
read_open(int fd, const char *path, size_t max, size_t *len, AwsxError *error)
{
	char	   *text = malloc(max + 1);
	ssize_t		got;

	if (text == NULL)
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
		return NULL;
	}
	got = read_all(fd, text, max + 1);
	if (got >= 0 && (size_t) got <= max)
	{
		text[got] = '\0';
		*len = (size_t) got;
		return text;
	}
	if (got < 0)
		awsx_error_set(error, AWSX_ERR_CONFIG, "cannot read file \"%s\": %s", path, strerror(errno));
	else
		awsx_error_set(error, AWSX_ERR_CONFIG,
					   "file \"%s\" has more than %zu bytes: is it the right one?", path, max);
	awsx_file_free(text, max + 1);
	return NULL;
}

char *
awsx_file_read(const char *path, size_t max, size_t *len, bool *missing, AwsxError *error)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int			why = errno;
	char	   *text;

	if (missing != NULL)
		*missing = fd < 0 && is_missing(path, why);
	if (fd < 0)
	{
		awsx_error_set(error, AWSX_ERR_CONFIG, "cannot open file \"%s\": %s", path, strerror(why));
		return NULL;
	}
	text = read_open(fd, path, max, len, error);
	(void) close(fd);
	return text;
}

void
awsx_file_free(char *text, size_t len)
{
	if (text == NULL)
		return;
	explicit_bzero(text, len);
	free(text);
}
