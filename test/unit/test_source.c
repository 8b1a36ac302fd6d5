/*
 * test_source.c
 *	  The reading of an object in ranges, of an S3 in memory that does wrong: a
 *	  wrong checksum, a body that is short, other bytes than were asked for, an
 *	  object that is replaced in the middle.
 *
 * The clock goes on by a millisecond whenever it is read and the descriptor is
 * always readable, so that a back-off takes no time.
 */
#include "tap.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client.h"
#include "providers.h"
#include "source.h"

#define PART ((size_t) SOURCE_PART_BYTES)
#define LONG_OBJECT (2 * PART + 1000)	/* three ranges */

/* What is wrong with the answer to one request, counted from 1 over GETs; HEAD has fields of its own. */
typedef struct Wrong
{
	int			at;				/* the GET from which on; 0 = none */
	int			times;			/* 0 = for ever */
	bool		lost;			/* no answer */
	bool		replaced;		/* before it, by another object as long */
	bool		gone;			/* before it */
	size_t		short_by;		/* bytes less than its headers say */
	size_t		honest_short_by;	/* bytes less, and its headers say so */
	size_t		late_by;		/* begins so many bytes behind what was asked for */
	bool		flipped;		/* a bit of its first byte */
	bool		whole;			/* the range is not looked at */
	bool		empty;			/* 206 without a byte */
	bool		ignores_etag;	/* If-Match is not looked at */
	int			status;			/* instead of an answer; 0 = as it should be */
	const char *no_checksum;	/* HEAD: null = the right one; else the header's value, "" = no header */
} Wrong;

static struct
{
	AwsxTransport table;
	int			fd;
	AwsxHttpCall *pending[8];
	int			pending_count;
	char	   *object;
	size_t		len;
	bool		exists;
	char		etag[16];
	Wrong		wrong;
	int			gets;
	int			heads;
	int			cancels;
	char		ranges[256];	/* as they were asked for, each with a space behind it */
	int64_t		now_ms;
}			s3;

/* ---- the object ---- */

static void
make_object(size_t len, unsigned seed)
{
	s3.object = realloc(s3.object, len + 1);
	s3.len = len;
	for (size_t i = 0; i < len; i++)
		s3.object[i] = (char) ((i * 2654435761u + seed) >> 13);
	snprintf(s3.etag, sizeof(s3.etag), "etag%u", seed);
	s3.exists = true;
}

/* ---- the transport ---- */

static bool
s3_start(AwsxTransport *self, AwsxHttpCall *call, AwsxError *error)
{
	(void) self;
	(void) error;
	awsx_http_response_init(&call->response, call->request->max_response);
	if (s3.pending_count == 8)
		abort();
	s3.pending[s3.pending_count++] = call;
	return true;
}

static void
s3_cancel(AwsxTransport *self, AwsxHttpCall *call)
{
	(void) self;
	for (int i = 0; i < s3.pending_count; i++)
	{
		if (s3.pending[i] == call)
		{
			s3.pending[i] = s3.pending[--s3.pending_count];
			s3.cancels++;
		}
	}
}

static void
set_number(AwsxHttpCall *call, const char *name, const char *format, size_t a, size_t b, size_t c)
{
	char		text[100];

	snprintf(text, sizeof(text), format, a, b, c);
	awsx_headers_set(&call->response.headers, name, text);
}

static void
answer_status(AwsxHttpCall *call, int status, const char *code)
{
	char		text[100];

	call->response.status = status;
	snprintf(text, sizeof(text), "<Error><Code>%s</Code><Message>no</Message></Error>", code);
	if (strcmp(call->request->method, "HEAD") != 0)
		awsx_buf_puts(&call->response.body, text);
}

static bool
other_etag(const AwsxHttpCall *call)
{
	const char *wanted = awsx_headers_get(&call->request->headers, "If-Match");
	char		quoted[20];

	snprintf(quoted, sizeof(quoted), "\"%s\"", s3.etag);
	return wanted != NULL && strcmp(wanted, quoted) != 0;
}

static void
answer_head(AwsxHttpCall *call)
{
	const char *checksum = s3.wrong.no_checksum;
	char		right[9];

	s3.heads++;
	if (other_etag(call))
	{
		answer_status(call, 412, "");
		return;
	}
	call->response.status = 200;
	set_number(call, "Content-Length", "%zu", s3.len, 0, 0);
	set_number(call, "ETag", "\"etag\"", 0, 0, 0);
	if (checksum == NULL && awsx_s3_crc32_text(s3.object, s3.len, right))
		checksum = right;
	if (checksum != NULL && *checksum != '\0')
		awsx_headers_set(&call->response.headers, "x-amz-checksum-crc32", checksum);
}

/* The bytes from..to, with what is wrong with them. */
static void
answer_bytes(AwsxHttpCall *call, const Wrong *wrong, bool ranged, size_t from, size_t to)
{
	size_t		len = to - from;
	char		etag[20];

	call->response.status = ranged ? 206 : 200;
	if (ranged)
		set_number(call, "Content-Range", "bytes %zu-%zu/%zu", from, to - 1, s3.len);
	set_number(call, "Content-Length", "%zu", len, 0, 0);
	snprintf(etag, sizeof(etag), "\"%s\"", s3.etag);
	awsx_headers_set(&call->response.headers, "ETag", etag);
	if (!awsx_buf_append(&call->response.body, s3.object + from, len - wrong->short_by))
		awsx_error_set(&call->error, AWSX_ERR_PROTOCOL, "the answer is larger than allowed");
	else if (wrong->flipped)
		call->response.body.data[0] ^= 1;
}

static void
answer_get(AwsxHttpCall *call, const Wrong *wrong)
{
	const char *range = awsx_headers_get(&call->request->headers, "Range");
	size_t		from = 0;
	size_t		to = s3.len;

	if (range != NULL)
	{
		size_t		end;

		if (sscanf(range, "bytes=%zu-%zu", &from, &end) != 2)
			abort();
		if (end < to)
			to = end + 1;
	}
	if (wrong->replaced)
		make_object(s3.len, 77);
	if (wrong->gone)
		s3.exists = false;
	if (wrong->status != 0)
		answer_status(call, wrong->status, "InternalError");
	else if (!s3.exists)
		answer_status(call, 404, "NoSuchKey");
	else if (other_etag(call) && !wrong->ignores_etag)
		answer_status(call, 412, "PreconditionFailed");
	else if (wrong->whole)
		answer_bytes(call, wrong, false, 0, s3.len);
	else if (from >= s3.len && range != NULL)
		answer_status(call, 416, "InvalidRange");
	else if (wrong->empty)
		call->response.status = 206;
	else
		answer_bytes(call, wrong, range != NULL, from + wrong->late_by, to - wrong->honest_short_by);
}

static void
s3_answer(AwsxHttpCall *call)
{
	static const Wrong right;
	const Wrong *wrong = &right;
	const char *range = awsx_headers_get(&call->request->headers, "Range");

	awsx_error_clear(&call->error);
	if (strcmp(call->request->method, "HEAD") == 0)
		answer_head(call);
	else
	{
		s3.gets++;
		snprintf(s3.ranges + strlen(s3.ranges), sizeof(s3.ranges) - strlen(s3.ranges), "%s ", range != NULL ? range + 6 : "all");
		if (s3.wrong.at > 0 && s3.gets >= s3.wrong.at &&
			(s3.wrong.times == 0 || s3.gets < s3.wrong.at + s3.wrong.times))
			wrong = &s3.wrong;
		if (wrong->lost)
			awsx_error_set(&call->error, AWSX_ERR_TRANSPORT, "lost by the test");
		else
			answer_get(call, wrong);
	}
	call->error.retryable = call->error.kind == AWSX_ERR_TRANSPORT;
	call->done(call);
}

static void
s3_drive(AwsxTransport *self)
{
	int			count = s3.pending_count;
	AwsxHttpCall *calls[8];

	(void) self;
	memcpy(calls, s3.pending, sizeof(calls));
	s3.pending_count = 0;
	for (int i = 0; i < count; i++)
		s3_answer(calls[i]);
}

static int
s3_fd(AwsxTransport *self)
{
	(void) self;
	return s3.fd;
}

static int
s3_timeout(AwsxTransport *self)
{
	(void) self;
	return s3.pending_count > 0 ? 0 : -1;
}

static void
s3_free(AwsxTransport *self)
{
	(void) self;
}

/* ---- the world ---- */

static int64_t
tick(void *arg)
{
	(void) arg;
	return ++s3.now_ms;
}

static double
jitter(void *arg)
{
	(void) arg;
	return 0.5;
}

static const AwsxClock clock_that_ticks = {tick, tick, jitter, NULL};
static Deadline deadline = {.clock = &clock_that_ticks};
static AwsxClient *client;
static AwsxService service;

static void
open_s3(void)
{
	AwsxClientOptions options = {.transport = &s3.table,.clock = &clock_that_ticks,.wait = deadline_wait,.wait_arg = &deadline};
	AwsxError	error;

	s3.table = (AwsxTransport) {.start = s3_start,.cancel = s3_cancel,.drive = s3_drive,.fd = s3_fd,.timeout_ms = s3_timeout,.free = s3_free};
	s3.fd = eventfd(1, EFD_CLOEXEC);
	s3.now_ms = INT64_C(1767323045000);
	options.credentials = awsx_credentials_static("AKTEST", "secretKeyOfTheSource", NULL, &error);
	client = awsx_client_create(&options, &error);
	awsx_s3_service(&service, &(AwsxServiceOptions) {.region = "eu-west-1",.endpoint = "https://s3.example"}, &error);
}

/* How the reading of an object ended. */
typedef struct Outcome
{
	SourceStep	step;
	AwsxError	error;
	SourceFailure failure;
	int64_t		bytes;
	bool		same;			/* what came is the object's, from the start on, as it was at first */
	int64_t		total;
} Outcome;

static Outcome
read_object(const Wrong *wrong, size_t len, int64_t told_size, int64_t start)
{
	SourceOptions options = {.client = client,.service = &service,.deadline = &deadline,.bucket = "bucket",.key = "k",.version_id = "",.etag = "",.size = told_size,.start = start};
	Outcome		out = {.same = true};
	char	   *before;
	Source	   *source;
	const char *bytes;
	size_t		got;

	make_object(len, 5);
	before = malloc(len + 1);
	memcpy(before, s3.object, len);
	s3.wrong = *wrong;
	s3.gets = s3.heads = s3.cancels = 0;
	s3.ranges[0] = '\0';
	source = source_create(&options, &out.error);
	while ((out.step = source_next(source, &bytes, &got, &out.error)) == SOURCE_BYTES)
	{
		size_t		at = (size_t) (start + out.bytes);

		out.same = out.same && at + got <= len && memcmp(bytes, before + at, got) == 0;
		out.bytes += (int64_t) got;
	}
	out.failure = source_failure(&out.error);
	is_int(source_bytes(source), out.bytes, "what was given out is counted");
	out.total = source_about(source)->total;
	source_free(source);
	is_int(s3.pending_count, 0, "nothing is left under way");
	free(before);
	return out;
}

static void
is_read(const Outcome *out, int64_t bytes, const char *name)
{
	ok(out->step == SOURCE_END && out->error.kind == AWSX_OK && out->same && out->bytes == bytes,
	   "%s: read, %lld bytes %s", name, (long long) out->bytes, out->error.message);
}

static void
is_failed(const Outcome *out, AwsxErrorKind kind, SourceFailure failure, int64_t most, const char *name)
{
	ok(out->step == SOURCE_FAILED && out->same && out->bytes <= most, "%s: fails after %lld right bytes", name, (long long) out->bytes);
	ok(out->error.kind == kind, "... as it should: %s", out->error.message);
	is_int(out->failure, failure, "... which means for the object");
}

/* ---- the tests ---- */

static const Wrong nothing;

static void
test_whole(void)
{
	Outcome		out = read_object(&nothing, 1000, 1000, 0);

	is_read(&out, 1000, "a small object");
	is_str(s3.ranges, "all ", "... by one GET");
	is_int(s3.heads, 0, "... and no HEAD");
	out = read_object(&nothing, 0, 0, 0);
	is_read(&out, 0, "an empty object");
	out = read_object(&nothing, 0, -1, 0);
	is_read(&out, 0, "an empty object of unknown size");
	out = read_object(&nothing, 1000, -1, 0);
	is_read(&out, 1000, "an object of unknown size");
	out = read_object(&nothing, LONG_OBJECT, 1000, 0);
	is_read(&out, LONG_OBJECT, "an object that is larger than the event said");
}

static void
test_ranges(void)
{
	Outcome		out = read_object(&nothing, LONG_OBJECT, LONG_OBJECT, 0);

	is_read(&out, LONG_OBJECT, "a large object");
	is_str(s3.ranges, "0-2097151 2097152-4194303 4194304-6291455 ", "... in ranges");
	is_int(s3.heads, 1, "... with one HEAD, for its checksum");
	is_int(out.total, LONG_OBJECT, "... of a known size");
	out = read_object(&nothing, 2 * PART, (int64_t) (2 * PART), 0);
	is_read(&out, 2 * PART, "an object of two whole ranges");
	is_int(s3.gets, 2, "... by two GETs");
	out = read_object(&nothing, LONG_OBJECT, LONG_OBJECT, PART + 1);
	is_read(&out, PART + 999, "the rest of an object");
	is_int(s3.heads, 0, "... which has no checksum of its own");
	out = read_object(&nothing, LONG_OBJECT, LONG_OBJECT, LONG_OBJECT);
	is_read(&out, 0, "what is behind an object's end");
}

/* A range that fails is asked for again by itself. */
static void
test_again(void)
{
	Outcome		out = read_object(&(Wrong) {.at = 2,.times = 2,.lost = true}, LONG_OBJECT, LONG_OBJECT, 0);

	is_read(&out, LONG_OBJECT, "a lost range");
	is_str(s3.ranges, "0-2097151 2097152-4194303 2097152-4194303 2097152-4194303 4194304-6291455 ", "... is asked for again, alone");
	out = read_object(&(Wrong) {.at = 3,.times = 1,.status = 500}, LONG_OBJECT, LONG_OBJECT, 0);
	is_read(&out, LONG_OBJECT, "an internal error");
	out = read_object(&(Wrong) {.at = 2,.times = 1,.short_by = 1}, LONG_OBJECT, LONG_OBJECT, 0);
	is_read(&out, LONG_OBJECT, "a range that came short once");
	is_int(s3.gets, 4, "... was asked for again");
}

static void
test_checksum(void)
{
	Outcome		out = read_object(&(Wrong) {.at = 2,.times = 1,.flipped = true}, LONG_OBJECT, LONG_OBJECT, 0);

	ok(out.step == SOURCE_FAILED && out.bytes == LONG_OBJECT && !out.same, "a bit that was changed on the way shows at the end");
	ok(out.error.kind == AWSX_ERR_INTEGRITY && out.error.retryable, "... as a fault that reading again may mend: %s", out.error.message);
	is_int(out.failure, SOURCE_FAULT, "... of the infrastructure");
	out = read_object(&(Wrong) {.no_checksum = "AAAAAA=="}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_INTEGRITY, SOURCE_FAULT, LONG_OBJECT, "a wrong checksum");
	out = read_object(&(Wrong) {.no_checksum = "AAAAAA"}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_PROTOCOL, SOURCE_FAULT, 0, "a checksum that is none");
	out = read_object(&(Wrong) {.no_checksum = ""}, LONG_OBJECT, LONG_OBJECT, 0);
	is_read(&out, LONG_OBJECT, "an object without a checksum");
	out = read_object(&(Wrong) {.no_checksum = "AAAAAA==-3"}, LONG_OBJECT, LONG_OBJECT, 0);
	is_read(&out, LONG_OBJECT, "a checksum of checksums, which is none of the bytes");
}

static void
test_short(void)
{
	Outcome		out = read_object(&(Wrong) {.at = 2,.short_by = 1}, LONG_OBJECT, LONG_OBJECT, 0);

	is_failed(&out, AWSX_ERR_TRANSPORT, SOURCE_FAULT, PART, "a range that always comes short");
	out = read_object(&(Wrong) {.at = 2,.honest_short_by = 1}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_PROTOCOL, SOURCE_FAULT, PART, "a shorter range than was asked for");
	out = read_object(&(Wrong) {.at = 2,.late_by = 1}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_PROTOCOL, SOURCE_FAULT, PART, "a range that begins later");
	out = read_object(&(Wrong) {.at = 2,.empty = true}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_PROTOCOL, SOURCE_FAULT, PART, "a range that is empty");
	out = read_object(&(Wrong) {.at = 1,.empty = true}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_PROTOCOL, SOURCE_FAULT, 0, "... and be it the first one");
	out = read_object(&(Wrong) {.at = 2,.whole = true}, LONG_OBJECT, LONG_OBJECT, 0);
	ok(out.step == SOURCE_FAILED && out.same && out.bytes == (int64_t) PART, "all of the object instead of a range: %s", out.error.message);
	out = read_object(&(Wrong) {.at = 1,.short_by = 1}, 1000, 1000, 0);
	is_failed(&out, AWSX_ERR_TRANSPORT, SOURCE_FAULT, 0, "a small object that comes short");
}

/* All ranges are of one state of the object. */
static void
test_replaced(void)
{
	Outcome		out = read_object(&(Wrong) {.at = 2,.times = 1,.replaced = true}, LONG_OBJECT, LONG_OBJECT, 0);

	is_failed(&out, AWSX_ERR_REQUEST, SOURCE_MISSING, PART, "an object that is replaced in the middle");
	is_int(out.error.http_status, 412, "... as S3 itself says");
	out = read_object(&(Wrong) {.at = 2,.replaced = true,.ignores_etag = true}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_REQUEST, SOURCE_MISSING, PART, "... where the condition is not heeded");
	out = read_object(&(Wrong) {.at = 3,.gone = true}, LONG_OBJECT, LONG_OBJECT, 0);
	is_failed(&out, AWSX_ERR_NOT_FOUND, SOURCE_MISSING, 2 * PART, "an object that is deleted in the middle");
}

/* The last bytes are not asked for when nobody wants them. */
static void
test_left(void)
{
	SourceOptions options = {.client = client,.service = &service,.deadline = &deadline,.bucket = "bucket",.key = "k",.version_id = "",.etag = "",.size = LONG_OBJECT};
	AwsxError	error;
	Source	   *source = source_create(&options, &error);
	const char *bytes;
	size_t		len;

	make_object(LONG_OBJECT, 5);
	s3.wrong = nothing;
	s3.cancels = 0;
	is_int(source_next(source, &bytes, &len, &error), SOURCE_BYTES, "the first range");
	is_int(s3.pending_count, 1, "... while the next one is on its way");
	source_free(source);
	is_int(s3.cancels, 1, "... which ends with the source");
	is_int(s3.pending_count, 0, "... at once");
}

int
main(void)
{
	open_s3();
	test_whole();
	test_ranges();
	test_again();
	test_checksum();
	test_short();
	test_replaced();
	test_left();
	awsx_client_free(client);
	close(s3.fd);
	free(s3.object);
	return tap_done();
}
