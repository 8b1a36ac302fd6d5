/*
 * json_member.h
 *	  Strings of a document that jansson has read.
 */
#ifndef AWSX_JSON_MEMBER_H
#define AWSX_JSON_MEMBER_H

#include <jansson.h>
#include <stddef.h>
#include <string.h>

/*
 * A string member without NUL bytes; null when there is none, also when object
 * is null or of another kind.  It lives as long as the member.
 */
static inline const char *
awsx_json_member_text(const json_t *object, const char *name)
{
	const json_t *member = json_object_get(object, name);
	const char *text = json_string_value(member);

	return text != NULL && strlen(text) == json_string_length(member) ? text : NULL;
}

#endif							/* AWSX_JSON_MEMBER_H */
