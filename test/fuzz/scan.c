/*
 * scan.c
 *	  Fuzzing of the scan of message bodies, held to PostgreSQL's own JSON
 *	  parser, out of its library for programs.
 *
 * What the scan takes the parser must take, with the same members in the same
 * places.  The other way round the scan may give up only where nesting is deep.
 */
#include "postgres_fe.h"

#include <assert.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

#include "../../extension/jsonscan.h"
#include "targets.h"

#define MAX_MEMBERS 4096		/* more than there are in an input */

typedef struct Members
{
	int			count;
	const char *starts[MAX_MEMBERS];
	const char *ends[MAX_MEMBERS];
} Members;

/* What the parser finds. */
typedef struct Oracle
{
	JsonLexContext *lex;
	int			depth;			/* open objects and arrays */
	int			deepest;
	bool		object;			/* the outermost is an object */
	Members		members;
} Oracle;

static JsonParseErrorType
open_container(Oracle *oracle, bool object)
{
	if (oracle->depth == 0)
		oracle->object = object;
	oracle->depth++;
	if (oracle->depth > oracle->deepest)
		oracle->deepest = oracle->depth;
	return JSON_SUCCESS;
}

static void
begin_field(Oracle *oracle)
{
	Members    *members = &oracle->members;

	if (oracle->depth != 1)
		return;
	assert(members->count < MAX_MEMBERS);
	members->starts[members->count] = oracle->lex->token_start;
}

static void
end_field(Oracle *oracle)
{
	Members    *members = &oracle->members;

	if (oracle->depth == 1)
		members->ends[members->count++] = oracle->lex->prev_token_terminator;
}

/* From version 16 on the actions tell whether to go on. */
#if PG_VERSION_NUM >= 160000
#define ACTION JsonParseErrorType
#define GO_ON return JSON_SUCCESS
#else
#define ACTION void
#define GO_ON return
#endif

static ACTION
object_start(void *oracle)
{
	open_container(oracle, true);
	GO_ON;
}

static ACTION
array_start(void *oracle)
{
	open_container(oracle, false);
	GO_ON;
}

static ACTION
container_end(void *oracle)
{
	((Oracle *) oracle)->depth--;
	GO_ON;
}

static ACTION
field_start(void *oracle, char *name, bool isnull)
{
	(void) name;
	(void) isnull;
	begin_field(oracle);
	GO_ON;
}

static ACTION
field_end(void *oracle, char *name, bool isnull)
{
	(void) name;
	(void) isnull;
	end_field(oracle);
	GO_ON;
}

static bool
oracle_accepts(Oracle *oracle, char *text)
{
	JsonSemAction actions = {.semstate = oracle,.object_start = object_start,.object_end = container_end,
		.array_start = array_start,.array_end = container_end,
	.object_field_start = field_start,.object_field_end = field_end};
	bool		accepted;

	memset(oracle, 0, sizeof(*oracle));
#if PG_VERSION_NUM >= 170000
	oracle->lex = makeJsonLexContextCstringLen(NULL, text, strlen(text), PG_UTF8, false);
#else
	oracle->lex = makeJsonLexContextCstringLen(text, strlen(text), PG_UTF8, false);
#endif
	accepted = pg_parse_json(oracle->lex, &actions) == JSON_SUCCESS;
#if PG_VERSION_NUM >= 170000
	freeJsonLexContext(oracle->lex);
#else
	free(oracle->lex);
#endif
	return accepted;
}

/* The members must lie where the parser saw them. */
static bool
scan_accepts(const char *text, const Oracle *oracle)
{
	const Members *members = &oracle->members;
	JsonScan	scan;
	JsonScanStep step;
	JsonText	key;
	JsonText	value;
	int			count = 0;

	if (!jsonscan_open(&scan, text))
		return false;
	while ((step = jsonscan_next(&scan, &key, &value)) == JSONSCAN_MEMBER)
	{
		assert(key.kind == JSONTEXT_STRING && key.len >= 2 && key.start[0] == '"' && key.start[key.len - 1] == '"');
		assert(count < members->count);
		assert(value.start == members->starts[count] && value.start + value.len == members->ends[count]);
		assert(key.start < value.start);
		count++;
	}
	assert(step != JSONSCAN_END || count == members->count);
	return step == JSONSCAN_END;
}

void
fuzz_scan(const char *bytes, size_t len)
{
	static Oracle oracle;
	char	   *text = malloc(len + 1);
	bool		accepted;

	memcpy(text, bytes, len);
	text[len] = '\0';
	accepted = oracle_accepts(&oracle, text);
	if (oracle.deepest < 64)
	{
		assert(jsonscan_valid(text) == accepted);
		if (accepted)
			assert(scan_accepts(text, &oracle) == oracle.object);
	}
	else
		assert(accepted || !jsonscan_valid(text));
	free(text);
}
