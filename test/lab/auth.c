/*
 * auth.c
 *		Access keys, and the verification of AWS Signature Version 4.
 *
 * Three stages: take the Authorization header apart; build the canonical
 * request from what came over the wire, for S3 with the path exactly as sent
 * and for the other services encoded once more; compare the signature.  Every
 * header named in SignedHeaders counts, in the form it arrived.  Dates are
 * held against the machine's clock, never the lab's: clients have no other.
 */
#define _GNU_SOURCE

#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "codec.h"
#include "service.h"
#include "table.h"

#define QUERY_PAIR_LIMIT		256

typedef enum Verdict
{
	FINE, NO_HEADER, MALFORMED, UNKNOWN_KEY, WRONG_TOKEN, EXPIRED, WRONG_SCOPE, SKEWED, UNSIGNED_HEADER, MISMATCH,
	N_VERDICTS
} Verdict;

/* What a service calls a verdict; one without a code of its own is called a mismatch. */
typedef struct Refusal
{
	const char *code;
	int			status;
} Refusal;

typedef struct Manners
{
	const char *service;
	int			tolerance_minutes;
	Refusal		refusals[N_VERDICTS];
} Manners;

#define QUERY_REFUSALS \
	{[NO_HEADER] = {"MissingAuthenticationToken", 403}, [MALFORMED] = {"IncompleteSignature", 400}, \
	[UNKNOWN_KEY] = {"InvalidClientTokenId", 403}, [WRONG_TOKEN] = {"InvalidClientTokenId", 403}, \
	[EXPIRED] = {"ExpiredToken", 403}, [MISMATCH] = {"SignatureDoesNotMatch", 403}}

#define JSON_REFUSALS(status) \
	{[NO_HEADER] = {"MissingAuthenticationTokenException", (status)}, [MALFORMED] = {"IncompleteSignatureException", 400}, \
	[UNKNOWN_KEY] = {"UnrecognizedClientException", (status)}, [WRONG_TOKEN] = {"UnrecognizedClientException", (status)}, \
	[EXPIRED] = {"ExpiredTokenException", (status)}, [MISMATCH] = {"InvalidSignatureException", (status)}}

static const Manners all_manners[] = {
	{"sqs", 5, QUERY_REFUSALS},
	{"sts", 5, QUERY_REFUSALS},
	{"lambda", 5, JSON_REFUSALS(403)},
	{"redshift-data", 5, JSON_REFUSALS(400)},
	{"s3", 15, {
		[NO_HEADER] = {"AccessDenied", 403}, [MALFORMED] = {"AuthorizationHeaderMalformed", 400},
		[UNKNOWN_KEY] = {"InvalidAccessKeyId", 403}, [WRONG_TOKEN] = {"InvalidToken", 400},
		[EXPIRED] = {"ExpiredToken", 400}, [WRONG_SCOPE] = {"AuthorizationHeaderMalformed", 400},
		[SKEWED] = {"RequestTimeTooSkewed", 403}, [UNSIGNED_HEADER] = {"AccessDenied", 403}, [MISMATCH] = {"SignatureDoesNotMatch", 403}}},
};

/* A request's signature: what its header says, and how it is judged. */
typedef struct Claim
{
	const Exchange *x;
	const Manners *manners;
	const char *payload_hash;
	const char *amz_date;
	char		access_key[129];
	char		date[9];
	char		region[AUTH_REGION_SIZE];
	char		service[65];
	char		terminator[65];
	char		signed_headers[2049];
	char		signature[129];
	const char *secret_key;
	Verdict		verdict;
	char		text[512];		/* as AWS words it */
} Claim;

static Table issued;

/* For "return": the claim does not hold. */
#define REJECT(claim, why, ...) \
	((claim)->verdict = (why), (void) snprintf((claim)->text, sizeof((claim)->text), __VA_ARGS__), false)

const IssuedKey *
auth_issue(int64_t lifetime_seconds)
{
	IssuedKey  *key = mem_zalloc(sizeof(IssuedKey));
	uint64_t	random[12];

	for (size_t i = 0; i < 12; i++)
		random[i] = random_u64();
	snprintf(key->access_key, sizeof(key->access_key), "ASIA%016llX", (unsigned long long) random[0]);
	hex_encode(&random[1], 20, key->secret_key);
	hex_encode(&random[4], 64, key->session_token);
	key->expires_ms = clock_now_ms() + lifetime_seconds * 1000;
	table_put(&issued, key->access_key, strlen(key->access_key), key);
	return key;
}

const IssuedKey *
auth_issued(const char *access_key)
{
	return table_get(&issued, access_key, strlen(access_key));
}

/* The value of "name=value" in the comma separated list, "" if there is none. */
static const char *
find_field(const char *list, const char *name)
{
	const char *at = strstr(list, name);

	return at != NULL && (at[-1] == ' ' || at[-1] == ',') ? at + strlen(name) : "";
}

static bool
read_claim(Claim *claim)
{
	static const char algorithm[] = "AWS4-HMAC-SHA256 ";
	const char *header = http_header(claim->x, "Authorization");

	claim->amz_date = http_header(claim->x, "X-Amz-Date");
	if (header == NULL)
		return REJECT(claim, NO_HEADER, "Request is missing Authentication Token");
	if (strncmp(header, algorithm, strlen(algorithm)) != 0 || claim->amz_date == NULL ||
		sscanf(find_field(header, "SignedHeaders="), "%2048[^, ]", claim->signed_headers) != 1 ||
		sscanf(find_field(header, "Signature="), "%128[^, ]", claim->signature) != 1)
		return REJECT(claim, MALFORMED, "Authorization header requires 'Credential', 'SignedHeaders' and "
					  "'Signature' parameters, and the request an 'X-Amz-Date' header.");
	if (sscanf(find_field(header, "Credential="), "%128[^/]/%8[^/]/%64[^/]/%64[^/]/%64[^, ]", claim->access_key,
			   claim->date, claim->region, claim->service, claim->terminator) != 5)
		return REJECT(claim, MALFORMED, "Credential must have exactly 5 slash-delimited elements, "
					  "e.g. keyid/date/region/service/term.");
	return true;
}

/* The permanent key has no token; one that was issued has its own. */
static bool
check_key(Claim *claim)
{
	const char *token = http_header(claim->x, "X-Amz-Security-Token");
	const IssuedKey *key = auth_issued(claim->access_key);
	bool		permanent = strcmp(claim->access_key, cloud.access_key) == 0;

	claim->secret_key = permanent ? cloud.secret_key : key != NULL ? key->secret_key : NULL;
	if (claim->secret_key == NULL || (!permanent && token == NULL))
		return REJECT(claim, UNKNOWN_KEY, "The security token included in the request is invalid.");
	if (strcmp(token != NULL ? token : "", permanent ? "" : key->session_token) != 0)
		return REJECT(claim, WRONG_TOKEN, "The provided token is malformed or otherwise invalid.");
	if (!permanent && key->expires_ms <= clock_now_ms())
		return REJECT(claim, EXPIRED, "The security token included in the request is expired");
	return true;
}

static bool
check_scope(Claim *claim)
{
	if (strcmp(claim->service, claim->manners->service) != 0)
		return REJECT(claim, WRONG_SCOPE, "Credential should be scoped to correct service: '%s'.", claim->manners->service);
	if (strcmp(claim->terminator, "aws4_request") != 0)
		return REJECT(claim, WRONG_SCOPE, "Credential should be scoped with a valid terminator: 'aws4_request'.");
	if (strncmp(claim->date, claim->amz_date, 8) != 0)
		return REJECT(claim, WRONG_SCOPE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
					  "version of date from HTTP.");
	return true;
}

static bool
check_date(Claim *claim)
{
	int64_t		signed_ms = parse_amz_date(claim->amz_date);
	int64_t		now_ms = clock_real_ms() + cloud.skew_ms;
	int			minutes = claim->manners->tolerance_minutes;
	bool		old = signed_ms < now_ms;
	char		now[32];

	if (signed_ms < 0)
		return REJECT(claim, MALFORMED, "Date must be in ISO-8601 'basic format'.");
	if (llabs(signed_ms - now_ms) <= minutes * 60000)
		return true;
	format_time(now, sizeof(now), "%Y%m%dT%H%M%SZ", now_ms);
	return REJECT(claim, SKEWED, "Signature %s: %s is now %s than the server's time %s by more than %d min.",
				  old ? "expired" : "not yet current", claim->amz_date, old ? "earlier" : "later", now, minutes);
}

static void
check_signed(void *arg, const char *name, const char *value)
{
	Claim	   *claim = arg;
	char		list[sizeof(claim->signed_headers) + 2];
	char		item[256];

	(void) value;
	snprintf(list, sizeof(list), ";%s;", claim->signed_headers);
	snprintf(item, sizeof(item), ";%s;", name);
	if (claim->verdict == FINE && (strcasecmp(name, "host") == 0 || strncasecmp(name, "x-amz-", 6) == 0) &&
		strcasestr(list, item) == NULL)
		(void) REJECT(claim, UNSIGNED_HEADER, "There were headers present in the request which were not signed: %.128s", name);
}

typedef struct HeaderJob
{
	const char *name;
	Buf		   *out;
	bool		found;
} HeaderJob;

/* Trimmed, runs of blanks become one; several headers of a name are joined. */
static void
canonical_header(void *arg, const char *name, const char *value)
{
	HeaderJob  *job = arg;
	const char *separator = job->found ? "," : "";

	if (strcasecmp(name, job->name) != 0)
		return;
	job->found = true;
	buf_adds(job->out, separator);
	for (separator = ""; *(value += strspn(value, " \t")) != '\0'; separator = " ")
	{
		size_t		word = strcspn(value, " \t");

		buf_adds(job->out, separator);
		buf_add(job->out, value, word);
		value += word;
	}
}

static void
canonical_headers(const Claim *claim, Buf *out)
{
	const char *list = claim->signed_headers;

	while (*list != '\0')
	{
		size_t		len = strcspn(list, ";");
		char	   *name = mem_strndup(list, len);
		HeaderJob	job = {.name = name, .out = out};

		buf_addf(out, "%s:", name);
		http_headers(claim->x, &job, canonical_header);
		buf_adds(out, "\n");
		free(name);
		list += len + (list[len] == ';');
	}
}

/* False: it was not well-formed. */
static bool
encode_again(Buf *out, const char *text, size_t len)
{
	Buf			decoded = {0};
	bool		well_formed = percent_decode(&decoded, text, len);

	percent_encode(out, decoded.data, decoded.len, "");
	buf_free(&decoded);
	return well_formed;
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
	char	   *pairs[QUERY_PAIR_LIMIT];
	size_t		n = 0;
	bool		well_formed = true;

	while (*query != '\0' && n < QUERY_PAIR_LIMIT)
	{
		size_t		len = strcspn(query, "&");
		size_t		name_len = strcspn(query, "&=");
		size_t		value_at = name_len < len ? name_len + 1 : len;
		Buf			pair = {0};

		if (len > 0)
		{
			well_formed &= encode_again(&pair, query, name_len);
			/* below '=' and '&', so that shorter names sort first */
			buf_adds(&pair, "\x01");
			well_formed &= encode_again(&pair, query + value_at, len - value_at);
			pairs[n++] = pair.data;
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
canonical_request(const Claim *claim, Buf *out)
{
	const Exchange *x = claim->x;
	bool		whole;

	buf_addf(out, "%s\n", x->method);
	if (strcmp(claim->service, "s3") == 0)
		buf_adds(out, x->path);
	else
		percent_encode(out, x->path, strlen(x->path), "/");
	buf_adds(out, "\n");
	whole = canonical_query(out, x->query);
	buf_adds(out, "\n");
	canonical_headers(claim, out);
	buf_addf(out, "\n%s\n%s", claim->signed_headers, claim->payload_hash);
	return whole;
}

/* The last key derived is kept: most clients use one. */
static const unsigned char *
signing_key(const Claim *claim)
{
	static char known[512];
	static unsigned char key[SHA256_LEN];
	char		wanted[512];
	Buf			secret = {0};

	snprintf(wanted, sizeof(wanted), "%s/%s/%s/%s", claim->access_key, claim->date, claim->region, claim->service);
	if (strcmp(known, wanted) == 0)
		return key;
	buf_addf(&secret, "AWS4%s", claim->secret_key);
	hmac_sha256(secret.data, secret.len, claim->date, strlen(claim->date), key);
	hmac_sha256(key, sizeof(key), claim->region, strlen(claim->region), key);
	hmac_sha256(key, sizeof(key), claim->service, strlen(claim->service), key);
	hmac_sha256(key, sizeof(key), "aws4_request", 12, key);
	buf_free(&secret);
	memcpy(known, wanted, sizeof(known));
	return key;
}

static bool
check_signature(Claim *claim)
{
	Buf			canonical = {0};
	Buf			to_sign = {0};
	char		hash[SHA256_HEX];
	char		expected[SHA256_HEX];
	unsigned char mac[SHA256_LEN];
	bool		whole = canonical_request(claim, &canonical);

	sha256_hex(canonical.data, canonical.len, hash);
	buf_addf(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", claim->amz_date,
			 claim->date, claim->region, claim->service, hash);
	hmac_sha256(signing_key(claim), SHA256_LEN, to_sign.data, to_sign.len, mac);
	hex_encode(mac, sizeof(mac), expected);
	buf_free(&to_sign);
	buf_free(&canonical);
	if (whole && strcmp(expected, claim->signature) == 0)
		return true;
	return REJECT(claim, MISMATCH, "The request signature we calculated does not match the signature you provided. "
				  "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");
}

static Verdict
verify(Claim *claim)
{
	if (read_claim(claim) && check_key(claim) && check_scope(claim) && check_date(claim))
	{
		http_headers(claim->x, claim, check_signed);
		if (claim->verdict == FINE)
			check_signature(claim);
	}
	return claim->verdict;
}

/* The body must be what S3's clients say and sign of it, unless they say nothing. */
static void
check_s3_body(Exchange *x, const char *claimed, const char *hash)
{
	if (strcmp(claimed, "UNSIGNED-PAYLOAD") != 0 && strncmp(claimed, "STREAMING-", 10) != 0 && strcmp(claimed, hash) != 0)
		x->service->refuse(x, 400, "XAmzContentSHA256Mismatch",
						   "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

static void
refuse(Exchange *x, const Claim *claim)
{
	const Refusal *refusal = &claim->manners->refusals[claim->verdict];

	if (refusal->code == NULL)
		refusal = &claim->manners->refusals[MISMATCH];
	x->service->refuse(x, refusal->status, refusal->code, claim->text);
}

static const Manners *
manners_of(const char *service)
{
	const Manners *manners = all_manners;

	while (strcmp(manners->service, service) != 0)
		manners++;
	return manners;
}

bool
auth_require_region(Exchange *x, char region[AUTH_REGION_SIZE])
{
	const char *claimed = http_header(x, "x-amz-content-sha256");
	bool		is_s3 = strcmp(x->service->name, "s3") == 0;
	char		hash[SHA256_HEX];
	Claim		claim = {.x = x, .manners = manners_of(x->service->name), .payload_hash = hash};

	sha256_hex(x->body.data, x->body.len, hash);
	if (is_s3)
		claim.payload_hash = claimed != NULL ? claimed : "";
	if (is_s3 && claimed == NULL && http_header(x, "Authorization") != NULL)
		x->service->refuse(x, 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
	else if (verify(&claim) != FINE)
		refuse(x, &claim);
	else if (is_s3)
		check_s3_body(x, claimed, hash);
	strcpy(region, claim.region);
	return !x->answered;
}

bool
auth_require(Exchange *x)
{
	Claim		claim = {.manners = manners_of(x->service->name), .verdict = WRONG_SCOPE};

	if (!auth_require_region(x, claim.region))
		return false;
	if (strcmp(claim.region, cloud.region) == 0)
		return true;
	snprintf(claim.text, sizeof(claim.text), "Credential should be scoped to a valid region, not '%s'. The region is '%s'.",
			 claim.region, cloud.region);
	refuse(x, &claim);
	return false;
}
