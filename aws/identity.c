/*
 * identity.c
 *	  Ids that SQS accepts, made of anything.
 */
#include "identity.h"

#include <string.h>

#include "buf.h"
#include "digest.h"

/* Rule: MessageGroupId and MessageDeduplicationId in the SQS API reference. */
bool
awsx_id_valid(const char *bytes, size_t len)
{
	if (len < 1 || len > AWSX_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return false;
	}
	return true;
}

bool
awsx_id_make(const char *bytes, size_t len, char out[AWSX_ID_MAX + 1], bool *hashed)
{
	if (len == 0)
		return false;
	*hashed = !awsx_id_valid(bytes, len);
	if (*hashed)
		return awsx_sha256_hex(bytes, len, out);
	memcpy(out, bytes, len);
	out[len] = '\0';
	return true;
}

bool
awsx_id_of_record(const char *output, const char *record, size_t len, char out[AWSX_ID_MAX + 1])
{
	AwsxBuf		text;
	bool		done;

	awsx_buf_init(&text, 0);
	awsx_buf_append(&text, output, strlen(output) + 1); /* the NUL too */
	if (len > 0)
		awsx_buf_append(&text, record, len);
	done = !text.failed && awsx_sha256_hex(text.data, text.len, out);
	awsx_buf_free(&text);
	return done;
}
