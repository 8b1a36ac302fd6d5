/*
 * xml.c
 *		As much XML as S3's requests and answers need, to and from JSON trees.
 *
 * A recursive descent of bounded depth.  Declarations, comments and attributes
 * are skipped; DTDs and CDATA are refused, as is text that is not UTF-8.
 */
#define _GNU_SOURCE

#include "xml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

#define DEPTH_MAX	32
#define BLANKS		" \t\r\n"

typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

typedef struct Tag
{
	const char *name;			/* without namespace prefix */
	size_t		len;
	bool		closes;			/* </name> */
	bool		empty;			/* <name/> */
} Tag;

static void
add_utf8(Buf *out, uint32_t point)
{
	char		bytes[4];
	size_t		len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	for (size_t i = len; i-- > 1; point >>= 6)
		bytes[i] = (char) (0x80 | (point & 0x3F));
	bytes[0] = (char) (len == 1 ? point : (0xF00u >> len) | point);
	buf_add(out, bytes, len);
}

static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
static const char entity_chars[] = "&<>\"'";

/* At '&'. */
static bool
read_entity(Reader *in, Buf *out)
{
	size_t		left = (size_t) (in->end - in->at);
	char	   *end;
	unsigned long point;

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
	{
		size_t		len = strlen(entities[i]);

		if (left >= len && memcmp(in->at, entities[i], len) == 0)
		{
			buf_add(out, &entity_chars[i], 1);
			in->at += len;
			return true;
		}
	}
	if (left < 4 || in->at[1] != '#')
		return false;
	point = in->at[2] == 'x' ? strtoul(in->at + 3, &end, 16) : strtoul(in->at + 2, &end, 10);
	if (end >= in->end || *end != ';' || point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
		return false;
	add_utf8(out, (uint32_t) point);
	in->at = end + 1;
	return true;
}

/* Up to the next '<', or the end. */
static bool
read_text(Reader *in, Buf *out)
{
	while (in->at < in->end && *in->at != '<')
	{
		if (*in->at == '&')
		{
			if (!read_entity(in, out))
				return false;
		}
		else
			buf_add(out, in->at++, 1);
	}
	return true;
}

/* At '<'; what begins with "<?" or "<!--" has no name. */
static bool
read_tag(Reader *in, Tag *tag)
{
	size_t		left = (size_t) (in->end - in->at);
	bool		comment = left >= 4 && memcmp(in->at, "<!--", 4) == 0;
	const char *close = comment ? memmem(in->at, left, "-->", 3) : memchr(in->at, '>', left);
	const char *colon;

	memset(tag, 0, sizeof(*tag));
	if (close == NULL || close - in->at < 2 || (!comment && in->at[1] == '!'))
		return false;
	tag->name = in->at + 1;
	in->at = close + (comment ? 3 : 1);
	if (comment || tag->name[0] == '?')
		return true;
	tag->closes = tag->name[0] == '/';
	tag->empty = close[-1] == '/';
	tag->name += tag->closes;
	tag->len = strcspn(tag->name, BLANKS "/>");
	colon = memchr(tag->name, ':', tag->len);
	if (colon != NULL)
	{
		tag->len -= (size_t) (colon + 1 - tag->name);
		tag->name = colon + 1;
	}
	return tag->len > 0;
}

static void
add_child(json_t *children, const Tag *tag, json_t *child)
{
	char	   *name = mem_strndup(tag->name, tag->len);
	json_t	   *list = json_object_get(children, name);

	if (list == NULL)
		json_object_set_new(children, name, list = json_array());
	json_array_append_new(list, child);
	free(name);
}

/* After <name>, up to and including </name>; NULL when malformed. */
static json_t *
read_element(Reader *in, const Tag *open, int depth)
{
	json_t	   *children = json_object();
	Buf			text = {0};
	Tag			tag = {0};
	bool		sound = depth <= DEPTH_MAX;

	while (sound && !tag.closes)
	{
		sound = read_text(in, &text) && in->at < in->end && read_tag(in, &tag);
		if (sound && !tag.closes && tag.len > 0)
		{
			json_t	   *child = tag.empty ? json_string("") : read_element(in, &tag, depth + 1);

			sound = child != NULL;
			if (sound)
				add_child(children, &tag, child);
		}
	}
	sound = sound && tag.len == open->len && memcmp(tag.name, open->name, tag.len) == 0;
	if (!sound || json_object_size(children) == 0)
	{
		json_decref(children);
		children = sound ? json_stringn(text.data != NULL ? text.data : "", text.len) : NULL;
	}
	buf_free(&text);
	return children;
}

json_t *
xml_parse(const char *text, size_t len, const char *root)
{
	Reader		in = {text, text + len};
	Tag			tag = {0};
	Buf			outside = {0};
	bool		sound = memchr(text, '\0', len) == NULL;
	json_t	   *inside = NULL;

	while (sound && tag.len == 0)
		sound = read_text(&in, &outside) && in.at < in.end && read_tag(&in, &tag);
	if (sound && !tag.closes && tag.len == strlen(root) && memcmp(tag.name, root, tag.len) == 0)
		inside = tag.empty ? json_string("") : read_element(&in, &tag, 1);
	buf_free(&outside);
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
