/*
 * base64.h
 *	  Binary message attributes as JSON carries them: standard alphabet, with
 *	  padding (RFC 4648, section 4).
 */
#ifndef AWSX_BASE64_H
#define AWSX_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Append the text; false when the buffer failed. */
extern bool awsx_base64_encode(AwsxBuf *out, const void *bytes, size_t len);

/*
 * Decode exactly: no line breaks, padding required, unused bits zero.  out
 * has room for AWSX_BASE64_ROOM(len) bytes.  False when malformed.
 */
#define AWSX_BASE64_ROOM(len) ((len) / 4 * 3)
extern bool awsx_base64_decode(const char *text, size_t len, unsigned char *out, size_t *out_len);

#endif							/* AWSX_BASE64_H */
