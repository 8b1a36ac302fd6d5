/*
 * buf.h
 *		Memory that is never NULL, and a byte buffer that grows.
 *
 * A test tool that is out of memory has nothing better to do than to say so
 * and stop; hence none of these functions reports failure.
 */
#ifndef LAB_BUF_H
#define LAB_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Zero-initialise it; data is NUL-terminated as soon as something was added. */
typedef struct Buf
{
	char	   *data;
	size_t		len;
	size_t		cap;
} Buf;

void	   *mem_zalloc(size_t size);
void	   *mem_resize(void *old, size_t size);
char	   *mem_strdup(const char *text);
char	   *mem_strndup(const char *text, size_t len);

/* Room for so many bytes more, and a NUL. */
void		buf_reserve(Buf *buf, size_t more);
void		buf_add(Buf *buf, const void *data, size_t len);
void		buf_adds(Buf *buf, const char *text);
void		buf_addf(Buf *buf, const char *format,...) __attribute__((format(printf, 2, 3)));
void		buf_addv(Buf *buf, const char *format, va_list args);
void		buf_free(Buf *buf);

/* A body shared by its owner and the answers still being sent. */
typedef struct Blob
{
	size_t		refs;
	size_t		len;
	char		data[];
} Blob;

Blob	   *blob_new(const void *data, size_t len);
Blob	   *blob_share(Blob *blob);
void		blob_drop(void *blob);

#endif
