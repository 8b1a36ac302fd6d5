/*
 * identity.h
 *	  Group and deduplication ids that SQS accepts.
 *
 * SQS takes 1..128 characters of printable ASCII without the space.  A value
 * outside of that is sent as the lower-case hex SHA-256 of its bytes, and
 * the original travels as a message attribute.
 */
#ifndef AWSX_IDENTITY_H
#define AWSX_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#define AWSX_ID_MAX 128

/* Would SQS take the bytes as they are? */
extern bool awsx_id_valid(const char *bytes, size_t len);

/*
 * The id to send for a value of at least one byte.  *hashed tells whether
 * the value had to be replaced.  False when the value is empty.
 */
extern bool awsx_id_make(const char *bytes, size_t len, char out[AWSX_ID_MAX + 1], bool *hashed);

/*
 * The default deduplication id of a record: SHA-256 of output name, a NUL,
 * and the record's bytes, in hex.
 */
extern bool awsx_id_of_record(const char *output, const char *record, size_t len,
							  char out[AWSX_ID_MAX + 1]);

#endif							/* AWSX_IDENTITY_H */
