/*
 * words.c
 *	  Fuzzing of names, dates, encodings, and of what stands in SQL.
 */
#include "targets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "credentials.h"
#include "date.h"
#include "envelope.h"
#include "http_check.h"
#include "identity.h"
#include "redshift_table.h"
#include "sqs.h"
#include "s3.h"
#include "text.h"

/* 1 January of the years 0 and 10000. */
#define FIRST_MS INT64_C(-62167219200000)
#define AFTER_LAST_MS INT64_C(253402300800000)

void
fuzz_date(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	int64_t		ms;

	if (awsx_http_date_ms(text, &ms))
		assert(ms >= FIRST_MS && ms < AFTER_LAST_MS && ms % 1000 == 0);
	if (awsx_iso_date_ms(text, &ms))
		assert(ms >= FIRST_MS - 86400000 && ms < AFTER_LAST_MS + 86400000);
	free(text);
}

void
fuzz_text(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	unsigned char *decoded = malloc(AWSX_BASE64_ROOM(len) + 1);
	size_t		decoded_len;
	AwsxCredentials keys;
	AwsxService service;
	AwsxError	error = {0};

	if (awsx_sqs_service(&service, text, NULL, &error))
		assert(strncmp(service.endpoint, "https://", 8) == 0 && strstr(service.endpoint, "aws") != NULL);
	if (awsx_endpoint_check(text, false, &error))
		assert(strncmp(text, "https://", 8) == 0 || strstr(text, "localhost") || strstr(text, "127.") ||
			   strcasestr(text, "localhost") || strchr(text, '['));
	if (awsx_credentials_set(&keys, text, text, text, &error))
		awsx_credentials_clear(&keys);
	if (awsx_proxy_check(text, &error))
		assert(strncmp(text, "http", 4) == 0 && strpbrk(strstr(text, "//") + 2, " \r\n/?#") == NULL);
	free(awsx_form_decode(bytes, len));
	if (awsx_base64_decode(bytes, len, decoded, &decoded_len))
	{
		AwsxBuf		again;

		awsx_buf_init(&again, 0);
		awsx_base64_encode(&again, decoded, decoded_len);
		assert(again.len == len && (len == 0 || memcmp(again.data, bytes, len) == 0));
		awsx_buf_free(&again);
	}
	free(decoded);
	free(text);
}

/* Nothing ends a statement or a literal that we did not end, and no backslash is left. */
static void
check_expression(const char *sql)
{
	bool		quoted = false;

	for (; *sql != '\0'; sql++)
	{
		assert(*sql != '\\' && (quoted || strchr(";-/\"", *sql) == NULL));
		quoted ^= *sql == '\'';
	}
	assert(!quoted);
}

static void
check_type(const char *text)
{
	AwsxRedshiftType type;
	AwsxRedshiftType again;
	AwsxError	error = {0};
	AwsxBuf		sql;

	if (!awsx_redshift_type_read(text, &type, &error))
	{
		assert(error.kind == AWSX_ERR_CONFIG);
		return;
	}
	awsx_buf_init(&sql, 0);
	assert(awsx_redshift_type_write(&type, &sql) && awsx_redshift_type_read(sql.data, &again, &error));
	assert(memcmp(&type, &again, sizeof(type)) == 0);
	awsx_buf_free(&sql);
}

static void
check_name(const char *text)
{
	char		names[4][AWSX_REDSHIFT_MAX_NAME + 1];
	AwsxError	error = {0};
	AwsxBuf		written;

	if (!awsx_redshift_name_read(text, names[0], names[1], &error))
		return;
	awsx_buf_init(&written, 0);
	assert(awsx_redshift_name_write(&written, names[0], names[1]));
	assert(awsx_redshift_name_read(written.data, names[2], names[3], &error));
	assert(strcmp(names[0], names[2]) == 0 && strcmp(names[1], names[3]) == 0);
	awsx_buf_free(&written);
}

void
fuzz_sql(const char *bytes, size_t len)
{
	char	   *text = strndup(bytes, len);
	AwsxBuf		sql;

	awsx_buf_init(&sql, 0);
	if (awsx_redshift_literal(&sql, bytes, len))
		check_expression(sql.data);
	awsx_buf_free(&sql);
	check_type(text);
	check_name(text);
	free(text);
}
