/*
 * http.c
 *		Reading a request's headers and query, writing an answer's.
 *
 * Thin clothes over libmicrohttpd, so that no service includes it.  An answer
 * is a response object of the library; the server sends it when it is due.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

const char *
http_header(const Exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

typedef struct HeaderVisit
{
	void	   *arg;
	void		(*visit) (void *arg, const char *name, const char *value);
} HeaderVisit;

static enum MHD_Result
visit_header(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	const HeaderVisit *visit = arg;

	(void) kind;
	visit->visit(visit->arg, name, value != NULL ? value : "");
	return MHD_YES;
}

void
http_headers(const Exchange *x, void *arg,
			 void (*visit) (void *arg, const char *name, const char *value))
{
	HeaderVisit context = {arg, visit};

	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, visit_header, &context);
}

const char *
http_query(const Exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_pairs; i++)
	{
		if (strcmp(x->pairs[i].name, name) == 0)
			return x->pairs[i].value;
	}
	return NULL;
}

void
http_add_header(Exchange *x, const char *name, const char *value)
{
	if (x->response == NULL)
		x->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(x->response, name, value);
}

void
http_answer(Exchange *x, int status, const char *content_type, Buf *body)
{
	struct MHD_Response *response;

	if (body != NULL && body->len > 0)
		response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
	else
	{
		response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
		if (body != NULL)
			free(body->data);
	}
	if (body != NULL)
		memset(body, 0, sizeof(*body));
	if (content_type != NULL)
		MHD_add_response_header(response, "Content-Type", content_type);
	server_finish(x, status, response);
}

typedef struct BlobPart
{
	Blob	   *blob;
	size_t		from;
	size_t		len;
} BlobPart;

static ssize_t
read_part(void *arg, uint64_t at, char *out, size_t max)
{
	const BlobPart *part = arg;
	size_t		left = at < part->len ? part->len - (size_t) at : 0;
	size_t		n = left < max ? left : max;

	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(out, part->blob->data + part->from + at, n);
	return (ssize_t) n;
}

static void
free_part(void *arg)
{
	BlobPart   *part = arg;

	blob_drop(part->blob);
	free(part);
}

void
http_answer_blob(Exchange *x, int status, Blob *blob, size_t from, size_t len)
{
	BlobPart   *part = mem_zalloc(sizeof(BlobPart));

	*part = (BlobPart) {blob_share(blob), from, len};
	server_finish(x, status, MHD_create_response_from_callback(len, 32 * 1024, read_part, part, free_part));
}
