/*
 * xml.c
 *		As much XML as S3's requests and answers need, to and from JSON trees.
 *
 * A recursive descent of bounded depth over a text that ends with a NUL.  The
 * declaration and attributes are skipped; name prefixes, comments, DTDs, CDATA
 * and numeric references, which no client sends in the few documents the lab
 * reads, are refused, as is text that is not UTF-8.
 */
#include "xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

#define DEPTH_MAX	16

static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
static const char entity_chars[] = "&<>\"'";

/* Up to the next '<'; false when there is none, or at an entity that is none. */
static bool
read_text(const char **at, Buf *out)
{
	for (; **at != '<' && **at != '\0'; ++*at)
	{
		size_t		i = 0;

		if (**at != '&')
		{
			buf_add(out, *at, 1);
			continue;
		}
		while (i < 5 && strncmp(*at, entities[i], strlen(entities[i])) != 0)
			i++;
		if (i == 5)
			return false;
		buf_add(out, &entity_chars[i], 1);
		*at += strlen(entities[i]) - 1;
	}
	return **at == '<';
}

/* At '<': adds the element to its parent, and goes behind it.  False when it is malformed. */
static bool
read_element(const char **at, json_t *parent, int depth)
{
	size_t		len = strspn(*at + 1, ALPHANUMERIC);
	const char *close = strchr(*at, '>');
	char	   *name = mem_strndup(*at + 1, len);
	json_t	   *children = json_object();
	Buf			text = {0};
	bool		empty = close != NULL && close[-1] == '/';
	bool		sound = len > 0 && close != NULL && strchr(" \t\r\n/>", (*at)[1 + len]) != NULL && depth <= DEPTH_MAX;

	buf_adds(&text, "");
	if (sound)
		*at = close + 1;
	while (sound && !empty && (sound = read_text(at, &text)) && (*at)[1] != '/')
		sound = read_element(at, children, depth + 1);
	if (sound && !empty)
	{
		sound = strncmp(*at + 2, name, len) == 0 && (*at)[2 + len] == '>';
		*at += sound ? len + 3 : 0;
	}
	if (sound)
	{
		if (json_object_get(parent, name) == NULL)
			json_object_set_new(parent, name, json_array());
		sound = json_array_append_new(json_object_get(parent, name), json_object_size(children) > 0 ?
									  json_incref(children) : json_stringn(text.data, text.len)) == 0;
	}
	json_decref(children);
	buf_free(&text);
	free(name);
	return sound;
}

json_t *
xml_parse(const char *text, size_t len, const char *root)
{
	json_t	   *document = json_object();
	json_t	   *inside = NULL;
	Buf			outside = {0};

	if (len > 0 && strlen(text) == len)
	{
		if (strncmp(text, "<?xml", 5) == 0)
			text += strcspn(text, ">");
		if (read_text(&text, &outside) && read_element(&text, document, 1))
			inside = json_incref(xml_child(document, root));
	}
	buf_free(&outside);
	json_decref(document);
	return inside;
}

json_t *
xml_child(const json_t *node, const char *name)
{
	return json_array_get(json_object_get(node, name), 0);
}

const char *
xml_text(const json_t *node, const char *name)
{
	return json_string_value(xml_child(node, name));
}

static void
add_escaped(Buf *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		const char *special = strchr(entity_chars, *text);

		if (special != NULL)
			buf_adds(out, entities[special - entity_chars]);
		else if ((unsigned char) *text < 0x20)
			buf_addf(out, "&#x%X;", *text);
		else
			buf_add(out, text, 1);
	}
}

void
xml_add(Buf *out, const char *name, const json_t *value)
{
	const char *member;
	json_t	   *item;
	size_t		i;

	if (json_is_array(value))
	{
		json_array_foreach(value, i, item)
			xml_add(out, name, item);
		return;
	}
	buf_addf(out, "<%s>", name);
	json_object_foreach((json_t *) value, member, item)
		xml_add(out, member, item);
	if (json_is_string(value))
		add_escaped(out, json_string_value(value));
	else if (json_is_integer(value))
		buf_addf(out, "%lld", (long long) json_integer_value(value));
	else if (json_is_boolean(value))
		buf_adds(out, json_is_true(value) ? "true" : "false");
	buf_addf(out, "</%s>", name);
}
