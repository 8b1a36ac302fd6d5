/*
 * json_scan.h
 *	  Walking through a JSON document once, without building a tree of it.
 *
 * Strict: RFC 8259, UTF-8 without surrogates or overlong forms, no control
 * character in a string, no half of a surrogate pair, no NUL in a member's
 * name, 2048 values deep at most.  Escapes are resolved where they stand,
 * in the caller's bytes, so a string that was read costs no allocation.
 *
 * What is wrong anywhere sets bad, after which every function says "no more";
 * so a caller may walk on and look at it once, at the end.
 */
#ifndef AWSX_JSON_SCAN_H
#define AWSX_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct AwsxJsonScan
{
	char	   *at;
	char	   *end;
	int			depth;			/* objects and arrays that are open */
	bool		bad;			/* not JSON; at is the first wrong byte */
} AwsxJsonScan;

/* A string of the document, NUL-terminated where its closing quote stood. */
typedef struct AwsxJsonString
{
	char	   *text;			/* null: there is none */
	size_t		len;
	bool		has_nul;
} AwsxJsonString;

/* bytes[len] must be NUL; bytes are changed and must live as long as what is read. */
extern void awsx_json_scan_init(AwsxJsonScan *scan, char *bytes, size_t len);

/* The first byte of the value that follows: { [ " t f n - or a digit; NUL at the end. */
extern char awsx_json_scan_peek(AwsxJsonScan *scan);

/* Step into the object or array that follows, which must be one. */
extern bool awsx_json_scan_enter(AwsxJsonScan *scan);

/*
 * The next member of the object entered last; its value must be read, entered
 * or skipped next.  False behind the last one (the object is left), or when
 * the document is bad.  *first is true for the first call, and the caller's to
 * keep.
 */
extern bool awsx_json_scan_member(AwsxJsonScan *scan, bool *first, AwsxJsonString *name);

/* The same for an array's elements. */
extern bool awsx_json_scan_element(AwsxJsonScan *scan, bool *first);

/* The string that follows; what follows and is none is skipped, and text is null. */
extern void awsx_json_scan_string(AwsxJsonScan *scan, AwsxJsonString *string);

/* Whatever value follows. */
extern void awsx_json_scan_skip(AwsxJsonScan *scan);

/* Behind the root: nothing may follow.  False when the document was bad. */
extern bool awsx_json_scan_end(AwsxJsonScan *scan);

/* Is it this name, byte for byte?  Here, so that the length of a constant is one. */
static inline bool
awsx_json_string_is(const AwsxJsonString *string, const char *name)
{
	size_t		len = strlen(name);

	return string->len == len && memcmp(string->text, name, len) == 0;
}

#endif							/* AWSX_JSON_SCAN_H */
