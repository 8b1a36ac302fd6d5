/*
 * auth.c
 *		Verification of AWS Signature Version 4.
 *
 * Three stages: take the Authorization header apart; build the canonical
 * request from what came over the wire, for S3 with the path exactly as sent
 * and for the other services encoded once more; compare the signature.  Every
 * header named in SignedHeaders counts, in the form it arrived.  Dates are
 * held against the machine's clock, never the lab's: clients have no other.
 */
#include "auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "codec.h"
#include "service.h"

#define SIGNED_HEADER_LIMIT		64

/* What the Authorization header says. */
typedef struct Claim
{
	char		access_key[129];
	char		date[9];
	char		region[65];
	char		service[65];
	char		terminator[65];
	char		signed_headers[2049];
	char		signature[129];
	const char *amz_date;
} Claim;

static void
fail(AuthReport *report, AuthVerdict verdict, const char *format,...)
{
	va_list		args;

	report->verdict = verdict;
	va_start(args, format);
	vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
}

/* The value of "name=value" in the comma separated list, "" if there is none. */
static const char *
find_field(const char *list, const char *name)
{
	const char *at = strstr(list, name);

	return at != NULL && (at[-1] == ' ' || at[-1] == ',') ? at + strlen(name) : "";
}

static bool
read_claim(const Exchange *x, Claim *claim, AuthReport *report)
{
	static const char algorithm[] = "AWS4-HMAC-SHA256 ";
	const char *header = http_header(x, "Authorization");

	claim->amz_date = http_header(x, "X-Amz-Date");
	if (header == NULL)
		fail(report, AUTH_MISSING, "Request is missing Authentication Token");
	else if (strncmp(header, algorithm, strlen(algorithm)) != 0 || claim->amz_date == NULL ||
			 sscanf(find_field(header, "SignedHeaders="), "%2048[^, ]", claim->signed_headers) != 1 ||
			 sscanf(find_field(header, "Signature="), "%128[^, ]", claim->signature) != 1)
		fail(report, AUTH_MALFORMED, "Authorization header requires 'Credential', 'SignedHeaders' and "
			 "'Signature' parameters, and the request an 'X-Amz-Date' header.");
	else if (sscanf(find_field(header, "Credential="), "%128[^/]/%8[^/]/%64[^/]/%64[^/]/%64[^, ]",
					claim->access_key, claim->date, claim->region, claim->service, claim->terminator) != 5)
		fail(report, AUTH_MALFORMED, "Credential must have exactly 5 slash-delimited elements, "
			 "e.g. keyid/date/region/service/term.");
	return report->verdict == AUTH_OK;
}

static bool
check_scope(const Claim *claim, const char *service, AuthReport *report)
{
	if (strcmp(claim->access_key, cloud.access_key) != 0)
		fail(report, AUTH_UNKNOWN_KEY, "The security token included in the request is invalid.");
	else if (strcmp(claim->region, cloud.region) != 0)
		fail(report, AUTH_WRONG_REGION, "Credential should be scoped to a valid region, not '%s'. The region is '%s'.",
			 claim->region, cloud.region);
	else if (strcmp(claim->service, service) != 0)
		fail(report, AUTH_WRONG_SCOPE, "Credential should be scoped to correct service: '%s'.", service);
	else if (strcmp(claim->terminator, "aws4_request") != 0)
		fail(report, AUTH_WRONG_SCOPE, "Credential should be scoped with a valid terminator: 'aws4_request'.");
	else if (strncmp(claim->date, claim->amz_date, 8) != 0)
		fail(report, AUTH_WRONG_SCOPE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
			 "version of date from HTTP.");
	return report->verdict == AUTH_OK;
}

static bool
check_date(const Claim *claim, int64_t tolerance_ms, AuthReport *report)
{
	int64_t		signed_ms = parse_amz_date(claim->amz_date);
	int64_t		now_ms = clock_real_ms();
	char		now[32];

	if (signed_ms < 0)
		fail(report, AUTH_MALFORMED, "Date must be in ISO-8601 'basic format'.");
	else if (signed_ms < now_ms - tolerance_ms || signed_ms > now_ms + tolerance_ms)
	{
		format_time(now, sizeof(now), "%Y%m%dT%H%M%SZ", now_ms);
		fail(report, AUTH_SKEWED, "Signature %s: %s is now %s than the server's time %s by more than %d min.",
			 signed_ms < now_ms ? "expired" : "not yet current", claim->amz_date,
			 signed_ms < now_ms ? "earlier" : "later", now, (int) (tolerance_ms / 60000));
	}
	return report->verdict == AUTH_OK;
}

typedef struct HeaderJob
{
	const char *name;			/* canonical_header: the one looked for */
	const char *list;			/* check_signed: SignedHeaders */
	Buf		   *out;
	bool		found;
	AuthReport *report;
} HeaderJob;

/* Trimmed, runs of blanks become one; several headers of a name are joined. */
static void
canonical_header(void *arg, const char *name, const char *value)
{
	HeaderJob  *job = arg;
	bool		blank = false;

	if (strcasecmp(name, job->name) != 0)
		return;
	if (job->found)
		buf_adds(job->out, ",");
	job->found = true;
	value += strspn(value, " \t");
	for (; *value != '\0'; value++)
	{
		if (*value == ' ' || *value == '\t')
		{
			blank = true;
			continue;
		}
		if (blank)
			buf_adds(job->out, " ");
		blank = false;
		buf_add(job->out, value, 1);
	}
}

static bool
is_signed(const char *list, const char *name)
{
	size_t		len = strlen(name);

	while (*list != '\0')
	{
		size_t		item = strcspn(list, ";");

		if (item == len && strncasecmp(list, name, len) == 0)
			return true;
		list += item + (list[item] == ';');
	}
	return false;
}

static void
check_signed(void *arg, const char *name, const char *value)
{
	HeaderJob  *job = arg;

	(void) value;
	if (job->report->verdict != AUTH_OK ||
		(strcasecmp(name, "host") != 0 && strncasecmp(name, "x-amz-", 6) != 0))
		return;
	if (is_signed(job->list, name))
		return;
	fail(job->report, AUTH_UNSIGNED_HEADER, "%.128s", name);
}

static int
compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* Each pair is encoded anew from its decoded form, then the pairs are sorted. */
static bool
canonical_query(Buf *out, const char *query)
{
	char	   *pairs[256];
	size_t		n = 0;
	bool		well_formed = true;

	while (*query != '\0' && n < 256)
	{
		size_t		len = strcspn(query, "&");
		size_t		name_len = strcspn(query, "&=");
		Buf			decoded = {0};
		Buf			pair = {0};

		if (len > 0)
		{
			well_formed &= percent_decode(&decoded, query, name_len);
			percent_encode(&pair, decoded.data, decoded.len, "");
			/* below '=' and '&', so that shorter names sort first */
			buf_adds(&pair, "\x01");
			decoded.len = 0;
			if (name_len < len)
				well_formed &= percent_decode(&decoded, query + name_len + 1, len - name_len - 1);
			percent_encode(&pair, decoded.data, decoded.len, "");
			pairs[n++] = pair.data;
			buf_free(&decoded);
		}
		query += query[len] == '&' ? len + 1 : len;
	}
	qsort(pairs, n, sizeof(char *), compare_texts);
	for (size_t i = 0; i < n; i++)
	{
		*strchr(pairs[i], '\x01') = '=';
		buf_addf(out, "%s%s", i > 0 ? "&" : "", pairs[i]);
		free(pairs[i]);
	}
	return well_formed;
}

static bool
canonical_headers(const Exchange *x, const char *list, Buf *out)
{
	size_t		n = 0;

	while (*list != '\0')
	{
		size_t		len = strcspn(list, ";");
		char	   *name = mem_strndup(list, len);
		HeaderJob	job = {.name = name, .out = out};

		buf_addf(out, "%s:", name);
		http_headers(x, &job, canonical_header);
		buf_adds(out, "\n");
		free(name);
		if (!job.found || ++n > SIGNED_HEADER_LIMIT)
			return false;
		list += len + (list[len] == ';');
	}
	return true;
}

static bool
canonical_request(const Exchange *x, const Claim *claim, const char *service,
				  const char *payload_hash, Buf *out)
{
	bool		whole;

	buf_addf(out, "%s\n", x->method);
	if (strcmp(service, "s3") == 0)
		buf_adds(out, x->path);
	else
		percent_encode(out, x->path, strlen(x->path), "/");
	buf_adds(out, "\n");
	whole = canonical_query(out, x->query);
	buf_adds(out, "\n");
	whole &= canonical_headers(x, claim->signed_headers, out);
	buf_addf(out, "\n%s\n%s", claim->signed_headers, payload_hash);
	return whole;
}

/* The key of a day, region and service is derived once. */
static const unsigned char *
signing_key(const Claim *claim)
{
	static char known[256];
	static unsigned char key[SHA256_LEN];
	char		wanted[256];
	Buf			secret = {0};

	snprintf(wanted, sizeof(wanted), "%s/%s/%s", claim->date, claim->region, claim->service);
	if (strcmp(known, wanted) == 0)
		return key;
	buf_addf(&secret, "AWS4%s", cloud.secret_key);
	hmac_sha256(secret.data, secret.len, claim->date, strlen(claim->date), key);
	hmac_sha256(key, sizeof(key), claim->region, strlen(claim->region), key);
	hmac_sha256(key, sizeof(key), claim->service, strlen(claim->service), key);
	hmac_sha256(key, sizeof(key), "aws4_request", 12, key);
	buf_free(&secret);
	memcpy(known, wanted, sizeof(known));
	return key;
}

static void
check_signature(const Exchange *x, const Claim *claim, const char *service,
				const char *payload_hash, AuthReport *report)
{
	Buf			canonical = {0};
	Buf			to_sign = {0};
	char		hash[SHA256_HEX];
	char		expected[SHA256_HEX];
	unsigned char mac[SHA256_LEN];
	bool		whole = canonical_request(x, claim, service, payload_hash, &canonical);

	sha256_hex(canonical.data, canonical.len, hash);
	buf_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", claim->amz_date,
			 claim->date, claim->region, claim->service, hash);
	hmac_sha256(signing_key(claim), SHA256_LEN, to_sign.data, to_sign.len, mac);
	hex_encode(mac, sizeof(mac), expected);
	buf_free(&to_sign);
	buf_free(&canonical);
	if (!whole || strcmp(expected, claim->signature) != 0)
		fail(report, AUTH_MISMATCH, "The request signature we calculated does not match the signature "
			 "you provided. Check your AWS Secret Access Key and signing method. Consult the service "
			 "documentation for details.");
}

void
auth_verify(const Exchange *x, const char *service, const char *payload_hash,
			int64_t tolerance_ms, AuthReport *report)
{
	Claim		claim = {0};
	HeaderJob	job = {.report = report};

	memset(report, 0, sizeof(*report));
	if (read_claim(x, &claim, report) && check_scope(&claim, service, report) &&
		check_date(&claim, tolerance_ms, report))
	{
		job.list = claim.signed_headers;
		http_headers(x, &job, check_signed);
		if (report->verdict == AUTH_OK)
			check_signature(x, &claim, service, payload_hash, report);
	}
}
