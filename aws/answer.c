/*
 * answer.c
 *	  From an HTTP answer to an AwsxError.
 *
 * An error's code is looked for where each protocol puts it, then wherever
 * else it may be: an XML document answers a JSON request when a gateway in
 * front of the service speaks, and a proxy may answer in HTML or with
 * nothing.  Everything in an answer is somebody else's text: it is bounded,
 * cleaned, and cut before it can repeat a signed request (whose canonical
 * form contains the session token).
 */
#include "answer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "answer_code.h"
#include "text.h"
#include "xml.h"

#define MAX_WORD 100			/* longer words in a message are abbreviated */
#define MAX_RETRY_AFTER_MS 30000

/* What an answer says of its error; empty strings where it is silent. */
typedef struct Said
{
	char		code[96];
	char		query_code[96]; /* the old query protocol's */
	char		message[1024];
	char		request_id[80];
	char		region[64];		/* where a bucket really is */
} Said;

/* Copy a name: graphic ASCII only, else nothing. */
static void
copy_name(char *out, size_t size, const char *text, size_t len)
{
	out[0] = '\0';
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++)
	{
		if (text[i] <= ' ' || text[i] > '~')
			return;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

/* "com.amazonaws.sqs#QueueDoesNotExist:http://..." has its name inside. */
static void
copy_type(char *out, size_t size, const char *type)
{
	size_t		len = strcspn(type, ":");
	size_t		start = len;

	while (start > 0 && type[start - 1] != '#')
		start--;
	copy_name(out, size, type + start, len - start);
}

static void
copy_cut(char *out, size_t size, const char *text)
{
	size_t		len = strnlen(text, size - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}

/* "CODE;Sender": exactly one semicolon, something before it. */
static void
read_query_error(const AwsxHttpResponse *answer, Said *said)
{
	const char *value = awsx_headers_get(&answer->headers, "x-amzn-query-error");
	const char *semicolon = value != NULL ? strchr(value, ';') : NULL;

	if (semicolon != NULL && semicolon > value && strchr(semicolon + 1, ';') == NULL)
		copy_name(said->query_code, sizeof(said->query_code), value, (size_t) (semicolon - value));
}

static void
read_headers(const AwsxHttpResponse *answer, Said *said)
{
	static const char *const id_names[] = {"x-amzn-RequestId", "x-amz-request-id", "x-amz-id-1"};
	const char *type = awsx_headers_get(&answer->headers, "x-amzn-ErrorType");
	const char *region = awsx_headers_get(&answer->headers, "x-amz-bucket-region");

	for (size_t i = 0; i < sizeof(id_names) / sizeof(id_names[0]) && said->request_id[0] == '\0'; i++)
	{
		const char *id = awsx_headers_get(&answer->headers, id_names[i]);

		if (id != NULL)
			copy_name(said->request_id, sizeof(said->request_id), id, strlen(id));
	}
	if (type != NULL)
		copy_type(said->code, sizeof(said->code), type);
	if (region != NULL)
		copy_name(said->region, sizeof(said->region), region, strlen(region));
	read_query_error(answer, said);
}

static void
read_json(const AwsxHttpResponse *answer, Said *said)
{
	static const char *const type_names[] = {"__type", "code", "Code"};
	static const char *const message_names[] = {"message", "Message", "errorMessage"};
	json_t	   *root = json_loadb(answer->body.data, answer->body.len, 0, NULL);

	for (size_t i = 0; i < 3; i++)
	{
		const char *type = json_string_value(json_object_get(root, type_names[i]));
		const char *message = json_string_value(json_object_get(root, message_names[i]));

		if (type != NULL && said->code[0] == '\0')
			copy_type(said->code, sizeof(said->code), type);
		if (message != NULL && said->message[0] == '\0')
			copy_cut(said->message, sizeof(said->message), message);
	}
	json_decref(root);
}

/* Take the name unless one was found already. */
static void
offer_name(char *out, size_t size, const char *text)
{
	if (out[0] == '\0')
		copy_name(out, size, text, strlen(text));
}

/* What an element that has just ended says, by the element it was in. */
static void
read_element(const AwsxXml *xml, Said *said)
{
	const AwsxXmlName *parent = &xml->open[xml->depth - 1];
	const char *text = awsx_xml_text(xml);

	if (awsx_xml_is(xml, "RequestId") || awsx_xml_is(xml, "RequestID"))
		offer_name(said->request_id, sizeof(said->request_id), text);
	if (parent->len != 5 || memcmp(parent->bytes, "Error", 5) != 0)
		return;
	if (awsx_xml_is(xml, "Code"))
		offer_name(said->code, sizeof(said->code), text);
	else if (awsx_xml_is(xml, "Region"))
		offer_name(said->region, sizeof(said->region), text);
	else if (awsx_xml_is(xml, "Message") && said->message[0] == '\0')
		copy_cut(said->message, sizeof(said->message), text);
}

/*
 * <Error> alone (S3), in <ErrorResponse> (STS), or in <Errors> of a
 * <Response> (EC2) or an <ErrorResponse>: what is in it is read whatever
 * surrounds it.  A document that breaks off has said what came before.
 * False only when memory ended.
 */
static bool
read_xml(const AwsxHttpResponse *answer, Said *said)
{
	AwsxXml		xml;
	AwsxXmlEvent event;
	bool		memory_ended;

	awsx_xml_init(&xml, answer->body.data, answer->body.len);
	do
	{
		event = awsx_xml_next(&xml);
		if (event == AWSX_XML_END && xml.depth > 0)
			read_element(&xml, said);
	} while (event == AWSX_XML_START || event == AWSX_XML_END);
	memory_ended = xml.text.failed;
	awsx_xml_free(&xml);
	return !memory_ended;
}

/* The first byte that is no blank, or NUL. */
static char
first_byte(const AwsxHttpResponse *answer)
{
	for (size_t i = 0; i < answer->body.len; i++)
	{
		if (strchr(" \t\r\n", answer->body.data[i]) == NULL)
			return answer->body.data[i];
	}
	return '\0';
}

/* Shorten words that are handles, tokens or signatures: nobody reads them. */
static void
abbreviate_words(char *text)
{
	char	   *out = text;

	while (*text != '\0')
	{
		size_t		word = strcspn(text, " ");
		size_t		blanks = strspn(text + word, " ");
		size_t		kept = word > MAX_WORD ? 20 : word;

		memmove(out, text, kept);
		out += kept;
		if (kept < word)
		{
			memcpy(out, "...", 3);
			out += 3;
		}
		memmove(out, text + word, blanks);
		out += blanks;
		text += word + blanks;
	}
	*out = '\0';
}

/*
 * A refused signature is explained with the whole canonical request after a
 * line break, or with the Authorization header: neither belongs in a log.
 */
static void
cut_secrets(char *message)
{
	static const char *const before[] = {
		"\n", "\r", "Authorization header:", "Authorization=", "x-amz-security-token",
		"X-Amz-Security-Token", "The Canonical String"
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
	{
		char	   *found = strstr(message, before[i]);

		if (found != NULL)
			*found = '\0';
	}
	abbreviate_words(message);
}

/* Kind and retryable of an answer whose code says nothing. */
static AwsxErrorKind
kind_of_status(AwsxDialect dialect, int status, bool *retryable)
{
	*retryable = status == 408 || status == 429 || status == 500 || status == 502 ||
		status == 503 || status == 504 || status == 509;
	if (status == 429 || status == 509 || (status == 503 && dialect == AWSX_DIALECT_XML))
		return AWSX_ERR_THROTTLED;	/* S3's SlowDown answers a HEAD without a body */
	if (status == 408 || (status >= 500 && status <= 599))
		return AWSX_ERR_SERVICE;
	if (status == 401 || status == 403)
		return AWSX_ERR_DENIED;
	if (status == 404 || status == 410)
		return AWSX_ERR_NOT_FOUND;
	if (status >= 300 && status <= 499)
		return AWSX_ERR_REQUEST;
	return AWSX_ERR_PROTOCOL;
}

/* A small decimal number; 0 for anything else. */
static int64_t
small_number(const char *text)
{
	int64_t		number = 0;

	for (; text != NULL && awsx_text_is_digit(*text); text++)
	{
		number = number * 10 + (*text - '0');
		if (number > MAX_RETRY_AFTER_MS)
			return MAX_RETRY_AFTER_MS;
	}
	return text != NULL && *text == '\0' ? number : 0;
}

/* AWS's own header counts milliseconds, HTTP's counts seconds. */
static int
asked_delay_ms(const AwsxHttpResponse *answer)
{
	int64_t		ms = small_number(awsx_headers_get(&answer->headers, "x-amz-retry-after"));

	if (ms == 0)
		ms = small_number(awsx_headers_get(&answer->headers, "Retry-After")) * 1000;
	return (int) (ms < MAX_RETRY_AFTER_MS ? ms : MAX_RETRY_AFTER_MS);
}

/*
 * Does the answer say that the bucket is in another region?  S3 names the
 * bucket's region in other answers too.
 */
static bool
is_elsewhere(const AwsxHttpResponse *answer, const Said *said)
{
	if (said->region[0] == '\0')
		return false;
	return answer->status / 100 == 3 ||
		(answer->status == 400 &&
		 (said->code[0] == '\0' || strcmp(said->code, "AuthorizationHeaderMalformed") == 0 ||
		  strncmp(said->code, "IllegalLocationConstraint", 25) == 0));
}

static void
set_message(AwsxError *error, AwsxErrorKind kind, const AwsxHttpResponse *answer, const Said *said)
{
	char		first = first_byte(answer);

	if (is_elsewhere(answer, said))
		awsx_error_set(error, kind, "the bucket is in region %s: configure that region (%s)",
					   said->region, said->code[0] != '\0' ? said->code : "redirect");
	else if (said->message[0] != '\0')
		awsx_error_set(error, kind, "%s", said->message);
	else if (said->code[0] != '\0' || said->query_code[0] != '\0')
		awsx_error_set(error, kind, "the service answered %s",
					   said->code[0] != '\0' ? said->code : said->query_code);
	else
		awsx_error_set(error, kind, "HTTP status %d with %s", answer->status,
					   first == '\0' ? "an empty body" :
					   first == '<' ? "an HTML or XML page that is no error of AWS" :
					   "a body that is no error of AWS");
}

static bool
read_body(const AwsxHttpResponse *answer, Said *said)
{
	char		first = first_byte(answer);
	bool		read = true;

	if (first == '{')
		read_json(answer, said);
	else if (first == '<')
		read = read_xml(answer, said);
	cut_secrets(said->message);
	return read;
}

void
awsx_answer_classify(AwsxDialect dialect, const AwsxHttpResponse *answer, AwsxError *error)
{
	Said		said = {0};
	const AwsxCodeMeaning *meaning;
	AwsxErrorKind kind;
	bool		retryable;

	awsx_error_clear(error);
	error->http_status = answer->status;
	if (dialect == AWSX_DIALECT_RAW || (answer->status >= 200 && answer->status <= 299))
		return;

	read_headers(answer, &said);
	if (!read_body(answer, &said))
	{
		awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory while an error answer was read");
		error->http_status = answer->status;
		return;
	}
	kind = kind_of_status(dialect, answer->status, &retryable);
	meaning = awsx_answer_code(said.code);
	if (meaning == NULL)
		meaning = awsx_answer_code(said.query_code);
	if (meaning != NULL)
	{
		kind = meaning->kind;
		retryable = meaning->retryable;
	}
	set_message(error, kind, answer, &said);
	error->http_status = answer->status;
	error->retryable = retryable;
	error->retry_after_ms = asked_delay_ms(answer);
	if (meaning != NULL && meaning->retry_after_ms > error->retry_after_ms)
		error->retry_after_ms = meaning->retry_after_ms;
	copy_cut(error->code, sizeof(error->code), said.code[0] != '\0' ? said.code : said.query_code);
	copy_cut(error->request_id, sizeof(error->request_id), said.request_id);
	if (is_elsewhere(answer, &said))
		copy_cut(error->region, sizeof(error->region), said.region);
}

bool
awsx_answer_is_expired_token(const AwsxError *error)
{
	const AwsxCodeMeaning *meaning = awsx_answer_code(error->code);

	return meaning != NULL && meaning->expired_token;
}

bool
awsx_answer_is_clock_skew(const AwsxError *error)
{
	const AwsxCodeMeaning *meaning = awsx_answer_code(error->code);

	return meaning != NULL && meaning->clock_skew;
}
