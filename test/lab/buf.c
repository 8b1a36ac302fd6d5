/*
 * buf.c
 *		Memory that is never NULL, and a byte buffer that grows.
 *
 * Buffers double, and always keep a NUL behind their last byte so that text
 * can be handed to C functions; the NUL is not counted.
 */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
or_stop(void *memory)
{
	if (memory == NULL)
	{
		fputs("awslab: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *
mem_zalloc(size_t size)
{
	return or_stop(calloc(1, size > 0 ? size : 1));
}

void *
mem_resize(void *old, size_t size)
{
	return or_stop(realloc(old, size > 0 ? size : 1));
}

char *
mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

char *
mem_strndup(const char *text, size_t len)
{
	char	   *copy = mem_zalloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

void
buf_reserve(Buf *buf, size_t more)
{
	size_t		cap = buf->cap > 0 ? buf->cap : 256;

	if (buf->len + more + 1 <= buf->cap)
		return;
	while (cap < buf->len + more + 1)
		cap *= 2;
	buf->data = mem_resize(buf->data, cap);
	buf->cap = cap;
}

void
buf_add(Buf *buf, const void *data, size_t len)
{
	buf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void
buf_adds(Buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_addv(Buf *buf, const char *format, va_list args)
{
	va_list		again;
	int			need;

	buf_reserve(buf, 80);		/* mostly enough */
	va_copy(again, args);
	need = vsnprintf(buf->data + buf->len, buf->cap - buf->len, format, again);
	va_end(again);
	if (need >= 0 && (size_t) need >= buf->cap - buf->len)
	{
		buf_reserve(buf, (size_t) need);
		vsnprintf(buf->data + buf->len, (size_t) need + 1, format, args);
	}
	if (need >= 0)
		buf->len += (size_t) need;
	else
		buf->data[buf->len] = '\0';
}

void
buf_addf(Buf *buf, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	buf_addv(buf, format, args);
	va_end(args);
}

void
buf_free(Buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

Blob *
blob_new(const void *data, size_t len)
{
	Blob	   *blob = mem_resize(NULL, sizeof(Blob) + len);

	blob->refs = 1;
	blob->len = len;
	if (len > 0)
		memcpy(blob->data, data, len);
	return blob;
}

Blob *
blob_share(Blob *blob)
{
	blob->refs++;
	return blob;
}

/* Takes void * because it also serves as a callback of the HTTP library. */
void
blob_drop(void *blob)
{
	Blob	   *shared = blob;

	if (shared != NULL && --shared->refs == 0)
		free(shared);
}
