/*
 * load.c
 *	  Messages in, rows for the target out; or the reason why not.
 *
 * Each message is looked at by itself first: is it one JSON object, what is
 * it known by, what are its values.  Then it is compared with the rows before
 * it by its key, through a table of hashes.  A message that can never be
 * loaded claims no key: one that was sent again with its fault corrected is
 * loaded, as in the extension.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "load_work.h"

#define CHUNK_BYTES 65536

/* ---- memory ---- */

typedef struct Chunk
{
	struct Chunk *next;
	size_t		used;
	size_t		size;
	_Alignas(max_align_t) char bytes[];
} Chunk;

struct LoadMemory
{
	Chunk	   *first;
};

static Chunk *
add_chunk(LoadMemory *memory, size_t least)
{
	size_t		size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	if (chunk == NULL)
		return NULL;
	chunk->next = memory->first;
	chunk->used = 0;
	chunk->size = size;
	memory->first = chunk;
	return chunk;
}

/* Room for that many bytes, aligned for any type. */
static char *
take_room(LoadMemory *memory, size_t len)
{
	size_t		rounded = (len + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	Chunk	   *chunk = memory->first;

	if (chunk == NULL || chunk->size - chunk->used < rounded)
		chunk = add_chunk(memory, rounded);
	if (chunk == NULL)
		return NULL;
	chunk->used += rounded;
	return chunk->bytes + chunk->used - rounded;
}

void *
load_keep(LoadMemory *memory, const void *bytes, size_t len)
{
	char	   *room = take_room(memory, len);

	if (room != NULL && bytes != NULL)
		memcpy(room, bytes, len);
	else if (room != NULL)
		memset(room, 0, len);
	return room;
}

const char *
load_keep_text(LoadMemory *memory, const char *bytes, size_t len)
{
	char	   *room = take_room(memory, len + 1);

	if (room == NULL)
		return NULL;
	if (len > 0)
		memcpy(room, bytes, len);
	room[len] = '\0';
	return room;
}

static void
free_memory(LoadMemory *memory)
{
	Chunk	   *chunk = memory->first;

	while (chunk != NULL)
	{
		Chunk	   *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	free(memory);
}

/* ---- one message ---- */

bool
load_reject_row(LoadRow *row, const char *code, const char *format,...)
{
	va_list		args;

	row->fate = LOAD_REJECTED;
	snprintf(row->code, sizeof(row->code), "%s", code);
	va_start(args, format);
	vsnprintf(row->reason, sizeof(row->reason), format, args);
	va_end(args);
	return false;
}

/* The body's object; false: it is none. */
static bool
read_body(const AwsxSqsMessage *message, LoadRow *row, JsonValue *body)
{
	JsonObject	object;
	JsonProblem problem;

	if (!json_find_object(message->body, message->body_len, NULL, NULL, &object, &problem))
		return load_reject_row(row, problem.code, "the body is not one JSON object: %s", problem.reason);
	if (message->body[0] == '\xEF')
		return load_reject_row(row, "InvalidJson", "the body begins with a byte order mark, which JSON has not; send it without");
	*body = (JsonValue) {message->body + object.offset, object.len, JSON_VALUE_OBJECT, false};
	return true;
}

/* False: out of memory. */
static bool
make_row(LoadMaker *maker, const AwsxSqsMessage *message, LoadRow *row)
{
	JsonValue	body;
	bool		readable;

	row->message = message;
	row->fate = LOAD_ROW;
	row->original = -1;
	row->dedup_key = "";
	row->source = "";
	readable = read_body(message, row, &body);
	/* who looks at a reject wants to know what it was, too */
	if (!load_identify(maker, readable ? &body : NULL, row))
		return row->code[0] != '\0' && row->content_hash[0] != '\0';
	return !readable || load_values(maker, &body, row) || row->code[0] != '\0';
}

/* ---- the rows among themselves ---- */

typedef struct Keys
{
	int		   *places;			/* of rows, plus 1; 0 = free */
	size_t		size;			/* a power of two */
} Keys;

static size_t
hash_of(const char *key)
{
	uint64_t	hash = UINT64_C(14695981039346656037);	/* FNV-1a */

	for (const unsigned char *at = (const unsigned char *) key; *at != '\0'; at++)
		hash = (hash ^ *at) * UINT64_C(1099511628211);
	return (size_t) (hash ^ hash >> 32);
}

/* The slot where the key is, or belongs. */
static int *
find_key(const Keys *keys, const LoadRow *rows, const char *key)
{
	size_t		slot = hash_of(key) & (keys->size - 1);

	while (keys->places[slot] != 0 && strcmp(rows[keys->places[slot] - 1].dedup_key, key) != 0)
		slot = (slot + 1) & (keys->size - 1);
	return &keys->places[slot];
}

/* Is the row one that came before in the batch? */
static void
compare_row(const Keys *keys, LoadRow *rows, int place)
{
	LoadRow    *row = &rows[place];
	int		   *slot = find_key(keys, rows, row->dedup_key);

	if (*slot == 0)
	{
		*slot = place + 1;
		return;
	}
	row->original = *slot - 1;
	row->fate = LOAD_DUPLICATE;
	if (strcmp(rows[row->original].content_hash, row->content_hash) != 0)
		load_reject_row(row, "DedupConflict",
						"another message with the same deduplication key and other content came before it");
}

static bool
make_rows(LoadMaker *maker, const AwsxSqsMessage *messages, LoadBatch *batch)
{
	Keys		keys = {NULL, 16};
	bool		made = true;

	while (keys.size < (size_t) batch->count * 2)
		keys.size *= 2;
	keys.places = calloc(keys.size, sizeof(int));
	made = keys.places != NULL;
	for (int i = 0; made && i < batch->count; i++)
	{
		made = make_row(maker, &messages[i], &batch->rows[i]);
		if (made && batch->rows[i].fate == LOAD_ROW)
			compare_row(&keys, batch->rows, i);
	}
	free(keys.places);
	return made;
}

/* ---- batches ---- */

static LoadBatch *
create_batch(int count)
{
	LoadBatch  *batch = calloc(1, sizeof(LoadBatch));

	if (batch == NULL)
		return NULL;
	batch->count = count;
	batch->rows = calloc(count > 0 ? (size_t) count : 1, sizeof(LoadRow));
	batch->memory = calloc(1, sizeof(LoadMemory));
	if (batch->rows != NULL && batch->memory != NULL)
		return batch;
	load_batch_free(batch);
	return NULL;
}

LoadBatch *
load_batch(const LoadConfig *config, LoadScope scope, const AwsxSqsMessage *messages, int count,
		   AwsxError *error)
{
	LoadMaker	maker = {.config = config, .scope = scope};
	LoadBatch  *batch = create_batch(count);
	bool		made = batch != NULL;

	if (made)
	{
		maker.memory = batch->memory;
		made = load_columns(&maker) && make_rows(&maker, messages, batch);
		load_columns_free(&maker);
	}
	if (made)
		return batch;
	load_batch_free(batch);
	awsx_error_set(error, AWSX_ERR_MEMORY, "out of memory for a batch of %d messages", count);
	return NULL;
}

void
load_batch_free(LoadBatch *batch)
{
	if (batch == NULL)
		return;
	if (batch->memory != NULL)
		free_memory(batch->memory);
	free(batch->rows);
	free(batch);
}
