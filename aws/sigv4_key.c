/*
 * sigv4_key.c
 *	  The key that signs for one day, region and service.
 *
 * Deriving it takes four HMACs, more than all digests of a request together,
 * and gives the same for a whole day.  So a signer may have a place where it
 * is kept, beside what it was derived from: anything else there means to
 * derive anew.  What is kept says no more than the secret key does, which its
 * owner holds in memory for just as long, and is good for one day, region and
 * service only.  It is wiped before another takes its place, and by its owner
 * when the secret ends.
 */
#include "sigv4_key.h"

#include <stdio.h>
#include <string.h>

#define LAST_MS INT64_C(253402300799999)	/* the end of year 9999 */

static void
put_digits(char *out, int value, int count)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		out[i] = (char) ('0' + value % 10);
}

/*
 * The day of the calendar, by the days since 1970-01-01: in years that begin
 * in March, so that leap days come last, and eras of 400 years.
 */
static void
put_day(char *out, int64_t days)
{
	int64_t		from_era = days + 719468;	/* 0000-03-01 */
	int64_t		era = from_era / 146097;
	int			day = (int) (from_era % 146097);
	int			year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int			of_year = day - (365 * year + year / 4 - year / 100);
	int			month = (5 * of_year + 2) / 153;	/* 0 = March */

	put_digits(out, (int) (era * 400) + year + (month >= 10), 4);
	put_digits(out + 4, month < 10 ? month + 3 : month - 9, 2);
	put_digits(out + 6, of_year - (153 * month + 2) / 5 + 1, 2);
}

bool
awsx_sigv4_date(int64_t when_ms, char out[AWSX_SIGV4_DATE_LEN + 1])
{
	int64_t		seconds = when_ms / 1000;
	int			of_day = (int) (seconds % 86400);

	if (when_ms < 0 || when_ms > LAST_MS)
		return false;
	put_day(out, seconds / 86400);
	out[8] = 'T';
	put_digits(out + 9, of_day / 3600, 2);
	put_digits(out + 11, of_day / 60 % 60, 2);
	put_digits(out + 13, of_day % 60, 2);
	out[15] = 'Z';
	out[16] = '\0';
	return true;
}

void
awsx_sigv4_key_wipe(AwsxSigv4Key *kept)
{
	explicit_bzero(kept, sizeof(*kept));
}

static bool
fits(const AwsxSigv4Key *kept, const AwsxSigv4 *signer, const char *date)
{
	return kept->filled && memcmp(kept->day, date, AWSX_SIGV4_DAY_LEN) == 0 &&
		strcmp(kept->service, signer->service) == 0 && strcmp(kept->region, signer->region) == 0 &&
		strcmp(kept->secret, signer->credentials->secret_access_key) == 0;
}

/* What is too long for its place is not kept. */
static void
keep(AwsxSigv4Key *kept, const AwsxSigv4 *signer, const char *date,
	 const unsigned char key[AWSX_SHA256_LEN])
{
	const char *secret = signer->credentials->secret_access_key;

	awsx_sigv4_key_wipe(kept);
	if (strlen(secret) >= sizeof(kept->secret) || strlen(signer->region) >= sizeof(kept->region) ||
		strlen(signer->service) >= sizeof(kept->service))
		return;
	(void) snprintf(kept->secret, sizeof(kept->secret), "%s", secret);
	(void) snprintf(kept->region, sizeof(kept->region), "%s", signer->region);
	(void) snprintf(kept->service, sizeof(kept->service), "%s", signer->service);
	memcpy(kept->day, date, AWSX_SIGV4_DAY_LEN);
	memcpy(kept->key, key, AWSX_SHA256_LEN);
	kept->filled = true;
}

static bool
derive(const AwsxSigv4 *signer, const char *date, unsigned char key[AWSX_SHA256_LEN])
{
	AwsxBuf		secret;
	bool		derived = false;

	awsx_buf_init(&secret, 0);
	if (awsx_buf_reserve(&secret, 4 + strlen(signer->credentials->secret_access_key)) &&
		awsx_buf_puts(&secret, "AWS4") &&
		awsx_buf_puts(&secret, signer->credentials->secret_access_key))
		derived = awsx_hmac_sha256(secret.data, secret.len, date, AWSX_SIGV4_DAY_LEN, key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, signer->region, strlen(signer->region), key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, signer->service, strlen(signer->service), key) &&
			awsx_hmac_sha256(key, AWSX_SHA256_LEN, "aws4_request", 12, key);
	if (secret.data != NULL)
		explicit_bzero(secret.data, secret.allocated);
	awsx_buf_free(&secret);
	return derived;
}

bool
awsx_sigv4_key(const AwsxSigv4 *signer, const char *date, unsigned char key[AWSX_SHA256_LEN])
{
	AwsxSigv4Key *kept = signer->kept;

	if (kept != NULL && fits(kept, signer, date))
	{
		memcpy(key, kept->key, AWSX_SHA256_LEN);
		return true;
	}
	if (!derive(signer, date, key))
		return false;
	if (kept != NULL)
		keep(kept, signer, date, key);
	return true;
}
