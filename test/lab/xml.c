/*
 * xml.c
 *		As much XML as S3's requests and answers need.
 *
 * A small tree: elements and their text.  Declarations, comments and
 * attributes are skipped, DTDs and CDATA are refused, depth is bounded, and a
 * document cannot make more nodes than it has bytes.
 */
#define _GNU_SOURCE

#include "xml.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX	32

typedef struct Reader
{
	const char *at;
	const char *end;
	XmlNode    *root;
	XmlNode    *open;			/* the innermost element not yet closed */
	int			depth;
} Reader;

static XmlNode *
node_new(XmlNode *parent, const char *name, size_t len)
{
	XmlNode    *node = mem_zalloc(sizeof(XmlNode));
	const char *colon = memchr(name, ':', len);

	if (colon != NULL)
	{
		len -= (size_t) (colon + 1 - name);
		name = colon + 1;
	}
	node->name = mem_strndup(name, len);
	buf_adds(&node->text, "");
	node->parent = parent;
	if (parent != NULL)
	{
		*(parent->last_child != NULL ? &parent->last_child->next : &parent->child) = node;
		parent->last_child = node;
	}
	return node;
}

void
xml_free(XmlNode *node)
{
	while (node != NULL)
	{
		XmlNode    *next = node->next;

		xml_free(node->child);	/* at most DEPTH_MAX deep */
		free(node->name);
		buf_free(&node->text);
		free(node);
		node = next;
	}
}

static void
add_utf8(Buf *out, uint32_t point)
{
	char		bytes[4];
	size_t		len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	if (len == 1)
		bytes[0] = (char) point;
	else
	{
		for (size_t i = len; i-- > 1; point >>= 6)
			bytes[i] = (char) (0x80 | (point & 0x3F));
		bytes[0] = (char) ((0xF00u >> len) | point);
	}
	buf_add(out, bytes, len);
}

/* Between & and ; */
static bool
add_entity(Buf *out, const char *name, size_t len)
{
	static const struct
	{
		const char *name;
		char		c;
	}			named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
	char		digits[12] = "";
	char	   *end;
	unsigned long point;

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
	{
		if (strlen(named[i].name) == len && memcmp(named[i].name, name, len) == 0)
		{
			buf_add(out, &named[i].c, 1);
			return true;
		}
	}
	if (len < 2 || len >= sizeof(digits) || name[0] != '#')
		return false;
	memcpy(digits, name + 1, len - 1);
	point = digits[0] == 'x' ? strtoul(digits + 1, &end, 16) : strtoul(digits, &end, 10);
	if (*end != '\0' || point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
		return false;
	add_utf8(out, (uint32_t) point);
	return true;
}

static bool
read_text(Reader *in)
{
	while (in->at < in->end && *in->at != '<')
	{
		const char *semicolon;
		Buf		   *out = in->open != NULL ? &in->open->text : NULL;

		if (*in->at != '&')
		{
			if (out != NULL)
				buf_add(out, in->at, 1);
			in->at++;
			continue;
		}
		semicolon = memchr(in->at, ';', (size_t) (in->end - in->at));
		if (semicolon == NULL || out == NULL ||
			!add_entity(out, in->at + 1, (size_t) (semicolon - in->at - 1)))
			return false;
		in->at = semicolon + 1;
	}
	return true;
}

static bool
open_element(Reader *in, const char *tag, size_t len)
{
	size_t		name_len = 0;
	bool		empty = tag[len - 1] == '/';
	XmlNode    *node;

	while (name_len < len && strchr(" \t\r\n/", tag[name_len]) == NULL)
		name_len++;
	if (name_len == 0 || in->depth >= DEPTH_MAX || (in->open == NULL && in->root != NULL))
		return false;
	node = node_new(in->open, tag, name_len);
	if (in->root == NULL)
		in->root = node;
	if (!empty)
	{
		in->open = node;
		in->depth++;
	}
	return true;
}

static bool
close_element(Reader *in, const char *tag, size_t len)
{
	const char *colon = memchr(tag, ':', len);
	const char *name = colon != NULL ? colon + 1 : tag;

	len -= (size_t) (name - tag);
	while (len > 0 && strchr(" \t\r\n", name[len - 1]) != NULL)
		len--;
	if (in->open == NULL || strlen(in->open->name) != len || memcmp(in->open->name, name, len) != 0)
		return false;
	in->open = in->open->parent;
	in->depth--;
	return true;
}

/* At '<'. */
static bool
read_markup(Reader *in)
{
	size_t		left = (size_t) (in->end - in->at);
	const char *close;

	if (left >= 4 && memcmp(in->at, "<!--", 4) == 0)
	{
		close = memmem(in->at, left, "-->", 3);
		in->at = close != NULL ? close + 3 : in->end;
		return close != NULL;
	}
	close = memchr(in->at, '>', left);
	if (close == NULL || close - in->at < 2 || in->at[1] == '!')
		return false;
	in->at++;
	left = (size_t) (close - in->at);
	if (in->at[0] != '?' &&
		!(in->at[0] == '/' ? close_element(in, in->at + 1, left - 1) : open_element(in, in->at, left)))
		return false;
	in->at = close + 1;
	return true;
}

XmlNode *
xml_parse(const char *text, size_t len)
{
	Reader		in = {.at = text, .end = text + len};
	bool		sound = true;

	while (sound && in.at < in.end)
		sound = *in.at == '<' ? read_markup(&in) : read_text(&in);
	if (sound && in.root != NULL && in.open == NULL)
		return in.root;
	xml_free(in.root);
	return NULL;
}

const XmlNode *
xml_child(const XmlNode *node, const char *name)
{
	const XmlNode *child = node != NULL ? node->child : NULL;

	while (child != NULL && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

const XmlNode *
xml_again(const XmlNode *node)
{
	const XmlNode *next = node->next;

	while (next != NULL && strcmp(next->name, node->name) != 0)
		next = next->next;
	return next;
}

const char *
xml_text(const XmlNode *node, const char *name)
{
	const XmlNode *child = xml_child(node, name);

	return child != NULL ? child->text.data : NULL;
}

void
xml_escape(Buf *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		unsigned char c = (unsigned char) *text;

		if (c == '&')
			buf_adds(out, "&amp;");
		else if (c == '<')
			buf_adds(out, "&lt;");
		else if (c == '>')
			buf_adds(out, "&gt;");
		else if (c == '"')
			buf_adds(out, "&quot;");
		else if (c < 0x20)
			buf_addf(out, "&#x%X;", c);
		else
			buf_add(out, text, 1);
	}
}

void
xml_add(Buf *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	buf_addf(out, "<%s>", name);
	xml_escape(out, text);
	buf_addf(out, "</%s>", name);
}
