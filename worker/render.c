/*
 * render.c
 *	  A jq value as JSON text, with the record's own number literals.
 *
 * jq's own printer is not used: it writes doubles.
 */
#include "json.h"
#include "render.h"

/* A name is that of the object member whose value is rendered. */
static RenderResult render(jv value, const char *name, size_t name_len, const Numbers *numbers,
						   AwsxBuf *buf, int depth);

static RenderResult
render_array(jv array, const Numbers *numbers, AwsxBuf *buf, int depth)
{
	int			length = jv_array_length(jv_copy(array));
	RenderResult result = RENDER_OK;

	awsx_buf_putc(buf, '[');
	for (int i = 0; i < length && result == RENDER_OK; i++)
	{
		jv			item = jv_array_get(jv_copy(array), i);

		if (i > 0)
			awsx_buf_putc(buf, ',');
		result = render(item, NULL, 0, numbers, buf, depth + 1);
		jv_free(item);
	}
	awsx_buf_putc(buf, ']');
	return result;
}

static void
render_string(jv string, AwsxBuf *buf)
{
	json_put_string(buf, jv_string_value(string), (size_t) jv_string_length_bytes(jv_copy(string)));
}

static RenderResult
render_object(jv object, const Numbers *numbers, AwsxBuf *buf, int depth)
{
	RenderResult result = RENDER_OK;
	int			at = jv_object_iter(object);
	bool		first = true;

	awsx_buf_putc(buf, '{');
	while (jv_object_iter_valid(object, at) && result == RENDER_OK)
	{
		jv			key = jv_object_iter_key(object, at);
		jv			member = jv_object_iter_value(object, at);

		if (!first)
			awsx_buf_putc(buf, ',');
		first = false;
		render_string(key, buf);
		awsx_buf_putc(buf, ':');
		result = render(member, jv_string_value(key),
						(size_t) jv_string_length_bytes(jv_copy(key)), numbers, buf, depth + 1);
		jv_free(key);
		jv_free(member);
		at = jv_object_iter_next(object, at);
	}
	awsx_buf_putc(buf, '}');
	return result;
}

static RenderResult
render_number(jv number, const char *name, size_t name_len, const Numbers *numbers, AwsxBuf *buf)
{
	if (numbers_put(numbers, jv_number_value(number), name, name_len, buf))
		return RENDER_OK;
	return buf->failed ? RENDER_MEMORY : RENDER_NOT_FINITE;
}

static RenderResult
render(jv value, const char *name, size_t name_len, const Numbers *numbers, AwsxBuf *buf, int depth)
{
	if (depth > RENDER_MAX_DEPTH)
		return RENDER_TOO_DEEP;
	switch (jv_get_kind(value))
	{
		case JV_KIND_NUMBER:
			return render_number(value, name, name_len, numbers, buf);
		case JV_KIND_STRING:
			render_string(value, buf);
			return RENDER_OK;
		case JV_KIND_ARRAY:
			return render_array(value, numbers, buf, depth);
		case JV_KIND_OBJECT:
			return render_object(value, numbers, buf, depth);
		case JV_KIND_TRUE:
			awsx_buf_puts(buf, "true");
			return RENDER_OK;
		case JV_KIND_FALSE:
			awsx_buf_puts(buf, "false");
			return RENDER_OK;
		case JV_KIND_NULL:
		case JV_KIND_INVALID:
			awsx_buf_puts(buf, "null");
			return RENDER_OK;
	}
	return RENDER_OK;
}

RenderResult
render_json(jv value, const Numbers *numbers, AwsxBuf *buf)
{
	RenderResult result = render(value, NULL, 0, numbers, buf, 1);

	if (result == RENDER_OK && buf->failed)
		return RENDER_MEMORY;
	return result;
}
