/*
 * http.c
 *		Reading a request's headers and query, writing an answer's.
 *
 * Thin clothes over libmicrohttpd, so that no service includes it.  An answer
 * is a response object of the library; the server sends it when it is due.
 */
#include "server.h"

#include <stdarg.h>
#include <stdio.h>
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
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
									  &value, NULL) != MHD_YES)
		return NULL;
	return value != NULL ? value : "";
}

void
http_add_header(Exchange *x, const char *name, const char *format,...)
{
	Buf			value = {0};
	va_list		args;

	va_start(args, format);
	buf_addv(&value, format, args);
	va_end(args);
	if (x->response == NULL)
		x->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(x->response, name, value.data);
	buf_free(&value);
}

void
http_answer(Exchange *x, int status, const char *content_type, Buf *body)
{
	bool		empty = body == NULL || body->data == NULL;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(empty ? 0 : body->len, empty ? NULL : body->data,
										empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);

	if (body != NULL)
		memset(body, 0, sizeof(*body));
	if (content_type != NULL)
		MHD_add_response_header(response, "Content-Type", content_type);
	server_finish(x, status, response);
}

void
http_answer_json(Exchange *x, int status, const char *content_type, json_t *body)
{
	Buf			text = {.data = json_dumps(body, JSON_COMPACT)};

	text.len = text.data != NULL ? strlen(text.data) : 0;
	json_decref(body);
	http_answer(x, status, content_type, &text);
}

void
http_answer_blob(Exchange *x, int status, Blob *blob, size_t from, size_t len)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback_cls(len, blob->data + from, blob_drop, blob_share(blob));

	server_finish(x, status, response);
}
