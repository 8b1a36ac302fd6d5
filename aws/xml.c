/*
 * xml.c
 *	  The XML reader's one state is its place in the document and the names
 *	  of the open elements, which point into the document.
 *
 * Every step moves forward, so a document of n bytes ends after at most n
 * steps, and memory is the text of one element.
 */
#include "xml.h"

#include <string.h>

#include "text.h"

void
awsx_xml_init(AwsxXml *xml, const char *bytes, size_t len)
{
	memset(xml, 0, sizeof(*xml));
	xml->at = bytes;
	xml->end = bytes + len;
	awsx_buf_init(&xml->text, 0);
}

void
awsx_xml_free(AwsxXml *xml)
{
	awsx_buf_free(&xml->text);
}

bool
awsx_xml_is(const AwsxXml *xml, const char *name)
{
	return strlen(name) == xml->name.len && memcmp(name, xml->name.bytes, xml->name.len) == 0;
}

const char *
awsx_xml_text(const AwsxXml *xml)
{
	return xml->text.len > 0 ? xml->text.data : "";
}

static bool
bad(AwsxXml *xml, const char *problem)
{
	xml->problem = problem;
	return false;
}

static bool
looking_at(const AwsxXml *xml, const char *text)
{
	size_t		len = strlen(text);

	return (size_t) (xml->end - xml->at) >= len && memcmp(xml->at, text, len) == 0;
}

/* The place of the text at or after "from"; null when it is not there. */
static const char *
find(const AwsxXml *xml, const char *from, const char *text)
{
	size_t		len = strlen(text);

	while ((size_t) (xml->end - from) >= len)
	{
		from = memchr(from, *text, (size_t) (xml->end - from) - len + 1);
		if (from == NULL || memcmp(from, text, len) == 0)
			return from;
		from++;
	}
	return NULL;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Append a code point as UTF-8. */
static bool
put_code_point(AwsxXml *xml, unsigned long code)
{
	char		bytes[4];
	size_t		len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return bad(xml, "a reference to a character that does not exist");
	for (size_t i = len; i-- > 1; code >>= 6)
		bytes[i] = (char) (0x80 | (code & 0x3f));
	bytes[0] = (char) (lead[len] | code);
	awsx_buf_append(&xml->text, bytes, len);
	return true;
}

/* "#233" or "#xE9" */
static bool
put_number(AwsxXml *xml, const char *digits, size_t len)
{
	unsigned long base = 10;
	unsigned long code = 0;

	if (len > 0 && *digits == 'x')
	{
		base = 16;
		digits++;
		len--;
	}
	if (len < 1 || len > 8)
		return bad(xml, "a malformed character reference");
	for (size_t i = 0; i < len; i++)
	{
		int			value = awsx_text_hex_value(digits[i]);

		if (value < 0 || (unsigned long) value >= base)
			return bad(xml, "a malformed character reference");
		code = code * base + (unsigned long) value;
	}
	return put_code_point(xml, code);
}

/* An entity; xml->at is behind the '&'. */
static bool
put_entity(AwsxXml *xml)
{
	static const struct
	{
		const char *name;
		char		c;
	}			known[] = {{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'}, {"apos;", '\''}};
	const char *end;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (looking_at(xml, known[i].name))
		{
			awsx_buf_putc(&xml->text, known[i].c);
			xml->at += strlen(known[i].name);
			return true;
		}
	}
	end = find(xml, xml->at, ";");
	if (!looking_at(xml, "#") || end == NULL)
		return bad(xml, "an unknown entity");
	if (!put_number(xml, xml->at + 1, (size_t) (end - xml->at - 1)))
		return false;
	xml->at = end + 1;
	return true;
}

/* Text up to the next '<' or the end. */
static bool
read_text(AwsxXml *xml)
{
	while (xml->at < xml->end && *xml->at != '<')
	{
		const char *start = xml->at;

		while (xml->at < xml->end && *xml->at != '<' && *xml->at != '&' && *xml->at != '\0')
			xml->at++;
		if (xml->depth == 0)
		{
			for (const char *c = start; c < xml->at; c++)
			{
				if (!is_space(*c))
					return bad(xml, "text outside of the root element");
			}
		}
		else if (xml->at > start)
			awsx_buf_append(&xml->text, start, (size_t) (xml->at - start));
		if (xml->at == xml->end || *xml->at == '<')
			break;
		if (*xml->at == '\0' || xml->depth == 0)
			return bad(xml, "a byte that XML does not allow there");
		xml->at++;
		if (!put_entity(xml))
			return false;
	}
	return true;
}

/* Pass over what begins at xml->at and ends with the given text. */
static bool
skip_past(AwsxXml *xml, size_t opening, const char *closing)
{
	const char *end = find(xml, xml->at + opening, closing);

	if (end == NULL)
		return bad(xml, "the end of the document inside a comment or instruction");
	xml->at = end + strlen(closing);
	return true;
}

static bool
read_cdata(AwsxXml *xml)
{
	const char *start = xml->at + strlen("<![CDATA[");
	const char *end = find(xml, start, "]]>");

	if (end == NULL || xml->depth == 0 || memchr(start, '\0', (size_t) (end - start)) != NULL)
		return bad(xml, "a malformed CDATA section");
	if (end > start)
		awsx_buf_append(&xml->text, start, (size_t) (end - start));
	xml->at = end + 3;
	return true;
}

/* A name at xml->at; it ends at a space, '/' or '>'. */
static bool
read_name(AwsxXml *xml)
{
	const char *start = xml->at;

	while (xml->at < xml->end && !is_space(*xml->at) && strchr("/><=\"'&", *xml->at) == NULL)
		xml->at++;
	xml->name.bytes = start;
	xml->name.len = (size_t) (xml->at - start);
	return xml->name.len > 0 || bad(xml, "a tag without a name");
}

/* Pass over attributes to the '>', which may be inside quotes. */
static bool
skip_attributes(AwsxXml *xml)
{
	char		quote = '\0';

	for (; xml->at < xml->end; xml->at++)
	{
		char		c = *xml->at;

		if (quote != '\0')
			quote = c == quote ? '\0' : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '<')
			return bad(xml, "a tag inside a tag");
		else if (c == '>')
		{
			xml->empty_element = xml->at[-1] == '/';
			xml->at++;
			return true;
		}
	}
	return bad(xml, "the end of the document inside a tag");
}

static bool
read_start(AwsxXml *xml)
{
	xml->at++;
	if (xml->depth == 0 && xml->root_seen)
		return bad(xml, "a second root element");
	if (xml->depth == AWSX_XML_DEPTH)
		return bad(xml, "too many elements inside each other");
	if (!read_name(xml) || !skip_attributes(xml))
		return false;
	xml->root_seen = true;
	xml->open[xml->depth++] = xml->name;
	return true;
}

static bool
read_end(AwsxXml *xml)
{
	const AwsxXmlName *open;

	xml->at += 2;
	if (!read_name(xml))
		return false;
	while (xml->at < xml->end && is_space(*xml->at))
		xml->at++;
	if (xml->at == xml->end || *xml->at != '>')
		return bad(xml, "a malformed closing tag");
	xml->at++;
	if (xml->depth == 0)
		return bad(xml, "a closing tag that nothing opened");
	open = &xml->open[--xml->depth];
	if (open->len != xml->name.len || memcmp(open->bytes, xml->name.bytes, open->len) != 0)
		return bad(xml, "a closing tag that does not match the opening one");
	return true;
}

/* The next tag; what is no tag is passed over or gathered as text. */
static AwsxXmlEvent
next_tag(AwsxXml *xml)
{
	bool		fine = true;

	while (fine && xml->at < xml->end)
	{
		if (*xml->at != '<')
			fine = read_text(xml);
		else if (looking_at(xml, "<?"))
			fine = skip_past(xml, 2, "?>");
		else if (looking_at(xml, "<!--"))
			fine = skip_past(xml, 4, "-->");
		else if (looking_at(xml, "<![CDATA["))
			fine = read_cdata(xml);
		else if (looking_at(xml, "<!"))
			fine = bad(xml, "a declaration, which is refused");
		else if (looking_at(xml, "</"))
			return read_end(xml) ? AWSX_XML_END : AWSX_XML_BAD;
		else
			return read_start(xml) ? AWSX_XML_START : AWSX_XML_BAD;
	}
	if (fine && (xml->depth > 0 || !xml->root_seen))
		fine = bad(xml, "the end of the document before the end of its elements");
	return fine ? AWSX_XML_DONE : AWSX_XML_BAD;
}

AwsxXmlEvent
awsx_xml_next(AwsxXml *xml)
{
	AwsxXmlEvent event;

	if (xml->problem != NULL)
		return AWSX_XML_BAD;
	awsx_buf_reset(&xml->text);
	if (xml->empty_element)
	{
		xml->empty_element = false;
		xml->name = xml->open[--xml->depth];
		return AWSX_XML_END;
	}
	event = next_tag(xml);
	if (xml->text.failed)
	{
		bad(xml, "too much text for the memory");
		return AWSX_XML_BAD;
	}
	return event;
}
