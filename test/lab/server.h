/*
 * server.h
 *		HTTP/1.1 on one loopback port, one thread, any number of parked requests.
 */
#ifndef LAB_SERVER_H
#define LAB_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "clock.h"

struct MHD_Connection;
struct MHD_Response;
struct Fault;

/*
 * One request and its answer.  The server owns it; a service may keep the
 * pointer only while the exchange is parked, until it answers or `gone` is
 * called.
 */
typedef struct Exchange
{
	/* the request, as sent */
	const char *method;
	char	   *path;			/* raw, undecoded, without the query */
	char	   *query;			/* raw, "" when there is none */
	Buf			body;
	int			peer_port;
	char		request_id[37];
	int64_t		started_ms;		/* real time */

	/* what the service made of it, for faults, journal and statistics */
	const struct Service *service;
	const char *action;			/* NULL until known */
	const char *resource_kind;
	char		resource[256];
	char	   *key;			/* owned, may be NULL */
	char		error[64];
	void	   *call;			/* the service's own, freed by call_free */
	void		(*call_free) (void *call);

	/* what a fault script wants of this request, see faults.h */
	const struct Fault *fault;
	bool		drop_answer;	/* close the connection in place of answering */
	int64_t		late_ms;		/* keep the answer so long */

	/* parked: waiting for something; gone is told when the client hung up */
	void		(*gone) (struct Exchange *x);
	void	   *waiter;

	/* the server's own */
	Timer		timer;
	void		(*then) (struct Exchange *x);
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	int			status;
	bool		complete;
	bool		too_large;
	bool		parked;
	bool		answered;
	bool		journalled;
} Exchange;

/* Returns the port; on failure writes why to stderr and returns -1. */
int			server_start(int port);

/* The descriptor to wait on, and for how long at most (-1: no limit). */
int			server_fd(void);
int			server_wait_ms(void);

/* Does whatever is ready. */
void		server_run(void);

/* Calls ready from server_run when fd is readable, until it is unwatched: ready must do that, or read. */
void		server_watch(int fd, void (*ready) (void *arg), void *arg);

/* The same, also when it can be written to. */
void		server_watch_both(int fd, void (*ready) (void *arg), void *arg);
void		server_unwatch(int fd);

/* Resets every connection without a request under way, except one: what happens to sockets of a frozen process. */
void		server_drop_idle(int except_peer_port);

/* For http.c: the answer to an exchange without one is ready; the response is taken over. */
void		server_finish(Exchange *x, int status, struct MHD_Response *response);

/* NULL when absent; name in any case. */
const char *http_header(const Exchange *x, const char *name);

/* Calls visit for each header, in the order received. */
void		http_headers(const Exchange *x, void *arg,
						 void (*visit) (void *arg, const char *name, const char *value));

/* The value of a query parameter, decoded, "" if it has none, NULL when absent. */
const char *http_query(const Exchange *x, const char *name);

/* Before answering; may be called for several headers. */
void		http_add_header(Exchange *x, const char *name, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Answers; the body's bytes are taken over, body may be NULL. */
void		http_answer(Exchange *x, int status, const char *content_type, Buf *body);

/* Answers with JSON, whose reference is taken. */
void		http_answer_json(Exchange *x, int status, const char *content_type, json_t *body);

/* Answers with part of a blob, which is shared, not copied. */
void		http_answer_blob(Exchange *x, int status, Blob *blob, size_t from, size_t len);

/* Instead of answering now; gone may be NULL. */
void		http_park(Exchange *x, void (*gone) (Exchange *x), void *waiter);

/* Goes on with `then` after so long on the lab's clock, unless the client hangs up. */
void		http_delay(Exchange *x, int64_t ms, void (*then) (Exchange *x));

/* Closes the connection without an answer. */
void		http_cut(Exchange *x);

#endif
