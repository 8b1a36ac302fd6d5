/*
 * failing_memory.h
 *	  An allocator that refuses the n-th request of the code under test.
 *
 * Only requests from the program itself count, which is aws/ and worker/:
 * libraries get what they ask for (libjq ends the process otherwise).  The
 * test's own code asks libc directly, by the macros at the end.
 */
#ifndef FAILING_MEMORY_H
#define FAILING_MEMORY_H

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *old);
extern char __executable_start;
extern char etext;

static long memory_fail_at;		/* 0: never */
static long memory_asked;
static long memory_live;		/* blocks, of everybody */
static const char *memory_secret;	/* looked for in what our code frees; null: nothing */
static long memory_unwiped;		/* blocks that were freed with it */

/*
 * What libc says of its block.  A sanitizer puts a function of that name in
 * front of it, which knows only its own blocks.
 */
#ifdef __SANITIZE_ADDRESS__
static size_t
memory_size(void *block)
{
	static size_t (*of_libc) (void *block);

	if (of_libc == NULL)
	{
		const char *secret = memory_secret;

		memory_secret = NULL;
		of_libc = (size_t (*) (void *)) dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "malloc_usable_size");
		memory_secret = secret;
	}
	return of_libc(block);
}
#else
#define memory_size malloc_usable_size
#endif

static bool
memory_ours(const void *caller)
{
	return (const char *) caller >= &__executable_start && (const char *) caller < &etext;
}

static void
memory_look(void *old, const void *caller)
{
	if (memory_secret != NULL && old != NULL && memory_ours(caller) &&
		memmem(old, memory_size(old), memory_secret, strlen(memory_secret)) != NULL)
		memory_unwiped++;
}

static bool
memory_refuses(const void *caller)
{
	if (!memory_ours(caller))
		return false;
	if (++memory_asked != memory_fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

/* What others have left in a block must not be taken for ours. */
static void *
memory_counted(void *block)
{
	memory_live += block != NULL;
	if (memory_secret != NULL && block != NULL)
		memset(block, 0, memory_size(block));
	return block;
}

void *
malloc(size_t size)
{
	return memory_refuses(__builtin_return_address(0)) ? NULL : memory_counted(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return memory_refuses(__builtin_return_address(0)) ? NULL : memory_counted(__libc_calloc(count, size));
}

void *
realloc(void *old, size_t size)
{
	void	   *grown;

	if (memory_refuses(__builtin_return_address(0)))
		return NULL;
	if (old == NULL)
		return memory_counted(__libc_malloc(size));
	if (memory_secret == NULL)
		return __libc_realloc(old, size);
	/* always moved, as it may be */
	memory_look(old, __builtin_return_address(0));
	grown = __libc_malloc(size);
	if (grown != NULL)
	{
		size_t		old_size = memory_size(old);

		memset(grown, 0, memory_size(grown));
		memcpy(grown, old, old_size < size ? old_size : size);
		memset(old, 0, old_size);
		__libc_free(old);
	}
	return grown;
}

void
free(void *old)
{
	memory_live -= old != NULL;
	memory_look(old, __builtin_return_address(0));
	__libc_free(old);
}

static char *
memory_copy(const char *text, size_t len)
{
	char	   *copy = memory_counted(__libc_malloc(len + 1));

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
strdup(const char *text)
{
	return memory_refuses(__builtin_return_address(0)) ? NULL : memory_copy(text, strlen(text));
}

char *
strndup(const char *text, size_t len)
{
	return memory_refuses(__builtin_return_address(0)) ? NULL : memory_copy(text, strnlen(text, len));
}

#define malloc(size) memory_counted(__libc_malloc(size))
#define calloc(count, size) memory_counted(__libc_calloc(count, size))
#define strdup(text) memory_copy(text, strlen(text))

#endif							/* FAILING_MEMORY_H */
