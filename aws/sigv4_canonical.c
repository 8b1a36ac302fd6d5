/*
 * sigv4_canonical.c
 *	  The canonical request of Signature Version 4: path, query and headers
 *	  in the one form that both sides compute.
 *
 * The server decodes and encodes again what it gets, so each part of path
 * and query is brought to that form here, and a byte that the form cannot
 * carry is refused instead of being signed wrongly.
 *
 * Rule: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#include "sigv4_canonical.h"

#include <stdlib.h>
#include <string.h>

#include "http_check.h"
#include "text.h"

#define MAX_PARAMETERS 128
#define MAX_SIGNED 64			/* headers, "host" among them */

/* A piece of the request's text. */
typedef struct Slice
{
	const char *at;
	size_t		len;
} Slice;

typedef struct Parameter
{
	AwsxBuf		name;			/* canonical */
	AwsxBuf		value;
} Parameter;

static bool
out_of_memory(AwsxError *error)
{
	return awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory");
}

/*
 * Append a percent-encoded piece in its one form: escapes of plain
 * characters are undone, the others get upper-case digits.  False when a byte
 * should have been encoded.
 */
static bool
append_canonical(AwsxBuf *out, Slice piece, bool keep_slash)
{
	for (size_t i = 0; i < piece.len; i++)
	{
		char		byte = piece.at[i];

		if (byte == '%' && piece.len - i > 2 &&
			awsx_text_hex_value(piece.at[i + 1]) >= 0 && awsx_text_hex_value(piece.at[i + 2]) >= 0)
		{
			byte = (char) (awsx_text_hex_value(piece.at[i + 1]) << 4 |
						   awsx_text_hex_value(piece.at[i + 2]));
			awsx_buf_uri(out, &byte, 1, false);
			i += 2;
		}
		else if (awsx_text_is_alnum(byte) || (byte != '\0' && strchr("-._~", byte) != NULL) ||
				 (byte == '/' && keep_slash))
			awsx_buf_putc(out, byte);
		else
			return false;
	}
	awsx_buf_append(out, "", 0);	/* a terminated string even when empty */
	return true;
}

/*
 * Append a path without "." and ".." segments and doubled slashes, encoded
 * once more: what every service but S3 computes from the path it receives.
 */
static void
append_normal_path(AwsxBuf *out, const char *path)
{
	AwsxBuf		plain;
	const char *at = path;

	awsx_buf_init(&plain, 0);
	awsx_buf_puts(&plain, "/");
	while (*at != '\0')
	{
		size_t		len = strcspn(at, "/");

		if (len == 2 && strncmp(at, "..", 2) == 0 && plain.data != NULL)
		{
			/* plain always ends in a slash here: drop it and one segment */
			while (plain.len > 1 && plain.data[--plain.len - 1] != '/')
				;
		}
		else if (len > 0 && !(len == 1 && *at == '.'))
		{
			awsx_buf_append(&plain, at, len);
			awsx_buf_putc(&plain, '/');
		}
		at += len + (at[len] == '/' ? 1 : 0);
	}
	/* the last slash is the request's only if it ended in one */
	if (plain.len > 1 && path[strlen(path) - 1] != '/')
		plain.len--;
	if (plain.failed)
		out->failed = true;
	else
		awsx_buf_uri(out, plain.data, plain.len, true);
	awsx_buf_free(&plain);
}

static bool
append_path(const AwsxSigv4 *signer, AwsxBuf *out, AwsxError *error)
{
	const char *path = signer->request->path;

	if (path[0] == '/' && path[1] == '\0')
		awsx_buf_putc(out, '/');	/* all but S3's, hence without a buffer */
	else if (!awsx_sigv4_is_s3(signer))
		append_normal_path(out, path);
	else if (!append_canonical(out, (Slice) {path, strlen(path)}, true))
		return awsx_error_set(error, AWSX_ERR_CONFIG,
							  "the request's path is not percent-encoded");
	return true;
}

static int
compare_bufs(const AwsxBuf *a, const AwsxBuf *b)
{
	size_t		len = a->len < b->len ? a->len : b->len;
	int			order = len > 0 ? memcmp(a->data, b->data, len) : 0;

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int
compare_parameters(const void *a, const void *b)
{
	const Parameter *left = a;
	const Parameter *right = b;
	int			order = compare_bufs(&left->name, &right->name);

	return order != 0 ? order : compare_bufs(&left->value, &right->value);
}

/* Read "name=value" or "name"; false when it is not percent-encoded. */
static bool
read_parameter(Parameter *parameter, Slice pair)
{
	const char *equals = memchr(pair.at, '=', pair.len);
	Slice		name = {pair.at, equals != NULL ? (size_t) (equals - pair.at) : pair.len};
	Slice		value = {"", 0};

	if (equals != NULL)
		value = (Slice) {equals + 1, pair.len - name.len - 1};
	return append_canonical(&parameter->name, name, false) &&
		append_canonical(&parameter->value, value, false);
}

/* Fills parameters[MAX_PARAMETERS]; -1 and *error when the query is wrong. */
static int
read_query(const char *query, Parameter *parameters, AwsxError *error)
{
	int			count = 0;

	while (*query != '\0')
	{
		size_t		len = strcspn(query, "&");

		if (len > 0 && count == MAX_PARAMETERS)
		{
			awsx_error_set(error, AWSX_ERR_CONFIG, "the request's query has more than %d parts",
						   MAX_PARAMETERS);
			return -1;
		}
		if (len > 0 && !read_parameter(&parameters[count++], (Slice) {query, len}))
		{
			awsx_error_set(error, AWSX_ERR_CONFIG, "the request's query is not percent-encoded");
			return -1;
		}
		query += len + (query[len] == '&' ? 1 : 0);
	}
	return count;
}

static bool
append_query(const AwsxSigv4 *signer, AwsxBuf *out, AwsxError *error)
{
	const char *query = signer->request->query;
	Parameter  *parameters;
	int			count;

	if (query == NULL || query[0] == '\0')
		return true;
	parameters = calloc(MAX_PARAMETERS, sizeof(*parameters));
	if (parameters == NULL)
		return out_of_memory(error);
	count = read_query(query, parameters, error);
	if (count > 1)
		qsort(parameters, (size_t) count, sizeof(*parameters), compare_parameters);
	for (int i = 0; i < count; i++)
	{
		if (parameters[i].name.failed || parameters[i].value.failed)
			out->failed = true;
		awsx_buf_printf(out, "%s%s=%s", i > 0 ? "&" : "",
						parameters[i].name.data ? parameters[i].name.data : "",
						parameters[i].value.data ? parameters[i].value.data : "");
	}
	for (int i = 0; i < MAX_PARAMETERS; i++)
	{
		awsx_buf_free(&parameters[i].name);
		awsx_buf_free(&parameters[i].value);
	}
	free(parameters);
	return count >= 0;
}

/*
 * Headers that a proxy or the HTTP library may change or add (botocore's
 * list), and the one that is being made.
 */
static bool
is_signed(const char *name)
{
	static const struct
	{
		const char *name;
		size_t		len;
	}			unsigned_names[] = {
#define UNSIGNED(name) {name, sizeof(name) - 1}
		UNSIGNED("authorization"), UNSIGNED("connection"), UNSIGNED("content-length"),
		UNSIGNED("expect"), UNSIGNED("keep-alive"), UNSIGNED("proxy-authenticate"),
		UNSIGNED("proxy-authorization"), UNSIGNED("proxy-connection"), UNSIGNED("te"),
		UNSIGNED("trailer"), UNSIGNED("transfer-encoding"), UNSIGNED("upgrade"),
		UNSIGNED("user-agent"), UNSIGNED("x-amzn-trace-id")
#undef UNSIGNED
	};
	size_t		len = strlen(name);

	for (size_t i = 0; i < sizeof(unsigned_names) / sizeof(unsigned_names[0]); i++)
	{
		if (len == unsigned_names[i].len && awsx_text_equal(name, unsigned_names[i].name))
			return false;
	}
	return true;
}

static int
compare_names(const char *a, const char *b)
{
	while (*a != '\0' && awsx_text_lower(*a) == awsx_text_lower(*b))
	{
		a++;
		b++;
	}
	return (unsigned char) awsx_text_lower(*a) - (unsigned char) awsx_text_lower(*b);
}

/* The names of the signed headers in their order, each once; returns how many. */
static int
sort_names(const AwsxHeaders *headers, const char *names[MAX_SIGNED])
{
	int			count = 0;

	for (int i = -1; i < headers->count && count < MAX_SIGNED; i++)
	{
		const char *name = i < 0 ? "host" : headers->items[i].name;
		int			order = 1;
		int			at = count;

		while (at > 0 && (order = compare_names(name, names[at - 1])) < 0)
			at--;
		if (order == 0 || !is_signed(name))
			continue;
		memmove(names + at + 1, names + at, (size_t) (count - at) * sizeof(*names));
		names[at] = name;
		count++;
	}
	return count;
}

static void
append_lower(AwsxBuf *out, const char *text)
{
	size_t		len = strlen(text);

	if (!awsx_buf_reserve(out, len))
		return;
	for (size_t i = 0; i < len; i++)
		out->data[out->len++] = awsx_text_lower(text[i]);
	out->data[out->len] = '\0';
}

/* Trimmed, and each run of blanks is one. */
static void
append_value(AwsxBuf *out, const char *value)
{
	value += strspn(value, " \t");
	while (*value != '\0')
	{
		size_t		len = strcspn(value, " \t");

		awsx_buf_append(out, value, len);
		value += len;
		len = strspn(value, " \t");
		if (len > 0 && value[len] != '\0')
			awsx_buf_putc(out, ' ');
		value += len;
	}
}

/* All values of a name in their order, with commas between. */
static void
append_values(AwsxBuf *out, const AwsxHttpRequest *request, const char *name)
{
	int			seen = 0;

	for (int i = 0; i < request->headers.count; i++)
	{
		if (!awsx_text_equal(request->headers.items[i].name, name))
			continue;
		if (seen++ > 0)
			awsx_buf_putc(out, ',');
		append_value(out, request->headers.items[i].value);
	}
	if (seen == 0)				/* only "host" is signed without being there */
		awsx_http_host(request->endpoint, out);
}

static void
append_headers(AwsxBuf *out, const AwsxHttpRequest *request)
{
	const char *names[MAX_SIGNED];
	int			count = sort_names(&request->headers, names);

	for (int i = 0; i < count; i++)
	{
		append_lower(out, names[i]);
		awsx_buf_putc(out, ':');
		append_values(out, request, names[i]);
		awsx_buf_putc(out, '\n');
	}
}

void
awsx_sigv4_signed_names(AwsxBuf *out, const AwsxHttpRequest *request)
{
	const char *names[MAX_SIGNED];
	int			count = sort_names(&request->headers, names);

	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			awsx_buf_putc(out, ';');
		append_lower(out, names[i]);
	}
}

bool
awsx_sigv4_canonical_request(const AwsxSigv4 *signer, AwsxBuf *out, AwsxError *error)
{
	char		scratch[AWSX_SHA256_HEX_LEN + 1];
	const char *hash = awsx_sigv4_payload_hash(signer, scratch, error);

	if (hash == NULL || !awsx_http_request_check(signer->request, true, error))
		return false;
	if (signer->request->headers.count >= MAX_SIGNED)
		return awsx_error_set(error, AWSX_ERR_CONFIG, "a request with %d headers cannot be signed: %d are possible",
							  signer->request->headers.count, MAX_SIGNED - 1);
	awsx_buf_puts(out, signer->request->method);
	awsx_buf_putc(out, '\n');
	if (!append_path(signer, out, error))
		return false;
	awsx_buf_putc(out, '\n');
	if (!append_query(signer, out, error))
		return false;
	awsx_buf_putc(out, '\n');
	append_headers(out, signer->request);
	awsx_buf_putc(out, '\n');
	awsx_sigv4_signed_names(out, signer->request);
	awsx_buf_putc(out, '\n');
	awsx_buf_puts(out, hash);
	return out->failed ? out_of_memory(error) : true;
}

