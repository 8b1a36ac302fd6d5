/*
 * http.c
 *		Reading a request's headers and query, writing an answer's.
 *
 * Thin clothes over libmicrohttpd, so that no service includes it.  An answer
 * is a response object of the library; the server sends it when it is due.
 * Headers may be set before the body is known: then the response is born with
 * an empty one, and they are carried over when it gets its body.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "codec.h"
#include "json_text.h"
#include "service.h"

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
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, visit_header, &(HeaderVisit) {arg, visit});
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

static enum MHD_Result
copy_header(void *response, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void) kind;
	MHD_add_response_header(response, name, value);
	return MHD_YES;
}

/* Unless it is too late. */
static void
finish(Exchange *x, int status, struct MHD_Response *response)
{
	struct MHD_Response *headers = x->response;

	if (x->answered)
	{
		MHD_destroy_response(response);
		return;
	}
	if (cloud.skew_ms != 0)
	{
		char		date[64];

		format_time(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", clock_real_ms() + cloud.skew_ms);
		MHD_add_response_header(response, "Date", date);
	}
	if (headers != NULL)
	{
		MHD_get_response_headers(headers, copy_header, response);
		MHD_destroy_response(headers);
	}
	server_finish(x, status, response);
}

void
http_answer(Exchange *x, int status, const char *content_type, Buf *body)
{
	struct MHD_Response *response = body == NULL || body->data == NULL ?
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT) :
		MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);

	if (body != NULL)
		memset(body, 0, sizeof(*body));
	if (content_type != NULL)
		MHD_add_response_header(response, "Content-Type", content_type);
	finish(x, status, response);
}

void
http_answer_json(Exchange *x, int status, const char *content_type, json_t *body)
{
	Buf			text = {0};

	if (body != NULL)
		json_to_text(&text, body);
	json_decref(body);
	http_answer(x, status, content_type, &text);
}

void
http_answer_blob(Exchange *x, int status, Blob *blob, size_t from, size_t len)
{
	finish(x, status, MHD_create_response_from_buffer_with_free_callback_cls(len, blob->data + from, blob_drop,
																			   blob_share(blob)));
}
