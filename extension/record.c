/*
 * record.c
 *	  From a JSON object to the columns of a relation.
 *
 * A value reaches its column as the text that stands in the body: the
 * literal of a number goes to the type's input function digit by digit and
 * never through a double or a jsonb, a string without its escapes, a document
 * for a json or jsonb column as it is spelled.  What any other column gets
 * for a nested document is its text, so text columns keep it and others say
 * no.  Arrays and composites are taken apart by PostgreSQL's own
 * json_populate_record; a string is also accepted for them, as their
 * PostgreSQL literal.
 *
 * Members that no column takes are ignored, or put together again as one
 * object for the rescue column, spelled as they were.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "jsontext.h"
#include "record.h"

const char	record_whole_body[] = "message body";

static RecordColumnKind
column_kind(Oid type)
{
	Oid			base = getBaseType(type);

	if (base == JSONOID || base == JSONBOID)
		return RECORD_JSON;
	if (OidIsValid(get_element_type(base)) || get_typtype(base) == TYPTYPE_COMPOSITE)
		return RECORD_NESTED;
	return RECORD_TEXT;
}

static bool
can_insert(Form_pg_attribute attribute)
{
	return !attribute->attisdropped && attribute->attgenerated == '\0' &&
		attribute->attidentity != ATTRIBUTE_IDENTITY_ALWAYS;
}

static void
fill_column(RecordColumn *column, Form_pg_attribute attribute, MemoryContext context)
{
	Oid			function;

	column->name = pstrdup(NameStr(attribute->attname));
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->collation = attribute->attcollation;
	column->kind = column_kind(attribute->atttypid);
	getTypeInputInfo(attribute->atttypid, &function, &column->input_param);
	fmgr_info_cxt(function, &column->input, context);
}

static int
compare_columns(const void *a, const void *b)
{
	return strcmp(((const RecordColumn *) a)->name, ((const RecordColumn *) b)->name);
}

/* The column of that name, or -1. */
static int
find_column(const RecordShape *shape, const char *name, Size len)
{
	int			low = 0;
	int			high = shape->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *candidate = shape->columns[middle].name;
		int			order = strncmp(candidate, name, len);

		if (order == 0 && candidate[len] == '\0')
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int
record_find(const RecordShape *shape, const char *name)
{
	return find_column(shape, name, strlen(name));
}

/* The column for what no other takes. */
static void
set_rescue(RecordShape *shape, TupleDesc desc, const char *name)
{
	shape->rescue = record_find(shape, name);
	if (shape->rescue < 0 || shape->columns[shape->rescue].kind != RECORD_JSON)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the target has no column \"%s\" of type jsonb that can be filled", name),
				 errhint("It is the route's rescue_column: restore it, or add the route again without it.")));
	for (int i = 0; i < desc->natts; i++)
	{
		if (strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			shape->rescue_not_null = TupleDescAttr(desc, i)->attnotnull;
	}
}

RecordShape *
record_shape(TupleDesc desc, const char *rescue, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	RecordShape *shape = palloc0(sizeof(RecordShape));

	shape->context = context;
	shape->columns = palloc0(sizeof(RecordColumn) * Max(desc->natts, 1));
	for (int i = 0; i < desc->natts; i++)
	{
		if (can_insert(TupleDescAttr(desc, i)))
			fill_column(&shape->columns[shape->count++], TupleDescAttr(desc, i), context);
	}
	qsort(shape->columns, shape->count, sizeof(RecordColumn), compare_columns);
	shape->usual = palloc(sizeof(int) * Max(shape->count, 1));
	for (int i = 0; i < shape->count; i++)
		shape->usual[i] = -1;
	shape->rescue = -1;
	if (rescue != NULL)
		set_rescue(shape, desc, rescue);
	MemoryContextSwitchTo(old);
	return shape;
}

RecordValues *
record_values(const RecordShape *shape)
{
	RecordValues *values = palloc(sizeof(RecordValues));
	int			count = Max(shape->count, 1);

	values->present = palloc0(sizeof(bool) * count);
	values->nulls = palloc0(sizeof(bool) * count);
	values->values = palloc0(sizeof(Datum) * count);
	return values;
}

/*
 * The column that a key fills, or -1.  Bodies mostly name their members in
 * the same order, so the column that the member in this place had the last
 * time is looked at first.
 */
static int
find_named(RecordShape *shape, const JsonText *key, int place)
{
	char	   *name;
	int			result;

	if (!jsontext_escaped(key))
	{
		int			last = place < shape->count ? shape->usual[place] : -1;

		if (last >= 0 && jsontext_equals(key, shape->columns[last].name))
			return last;
		result = find_column(shape, key->start + 1, key->len - 2);
		if (place < shape->count)
			shape->usual[place] = result;
		return result;
	}
	name = jsontext_name(key);
	if (name == NULL)
		return -1;
	result = find_column(shape, name, strlen(name));
	pfree(name);
	return result;
}

/* The rescue column is not for the taking. */
static int
find_key(RecordShape *shape, const JsonText *key, int place)
{
	int			i = find_named(shape, key, place);

	return i == shape->rescue ? -1 : i;
}

/* An expression that tells a polymorphic function that it gets a record. */
static Node *
record_call(void)
{
	Const	   *record = makeNullConst(RECORDOID, -1, InvalidOid);
	Const	   *json = makeNullConst(JSONOID, -1, InvalidOid);

	return (Node *) makeFuncExpr(F_JSON_POPULATE_RECORD, RECORDOID, list_make2(record, json),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

/* An object of one member, the column's. */
static Datum
single_member(const RecordColumn *column, const JsonText *value)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfoChar(&object, '{');
	escape_json(&object, column->name);
	appendStringInfoChar(&object, ':');
	appendBinaryStringInfo(&object, value->start, value->len);
	appendStringInfoChar(&object, '}');
	return CStringGetTextDatum(object.data);
}

/*
 * Take an array or composite apart: populate a record of this one column.
 */
static Datum
read_nested(const RecordColumn *column, const JsonText *value, bool *isnull)
{
	TupleDesc	desc = CreateTemplateTupleDesc(1);
	Datum		nothing = (Datum) 0;
	bool		null = true;
	FmgrInfo	function;
	Datum		record;
	HeapTupleData tuple;

	TupleDescInitEntry(desc, 1, column->name, column->type, column->typmod, 0);
	BlessTupleDesc(desc);
	fmgr_info(F_JSON_POPULATE_RECORD, &function);
	fmgr_info_set_expr(record_call(), &function);
	record = FunctionCall3(&function,
						   HeapTupleGetDatum(heap_form_tuple(desc, &nothing, &null)),
						   single_member(column, value),
						   BoolGetDatum(false));	/* not used since 9.4 */
	tuple.t_data = DatumGetHeapTupleHeader(record);
	tuple.t_len = HeapTupleHeaderGetDatumLength(tuple.t_data);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	return heap_getattr(&tuple, 1, desc, isnull);
}

/* The text an input function gets. */
static char *
input_text(const RecordColumn *column, const JsonText *value)
{
	if (column->kind == RECORD_JSON)
		return jsontext_raw(value);
	if (value->kind == JSONTEXT_STRING)
		return jsontext_string(value);
	return jsontext_raw(value);
}

static Datum
read_column(RecordColumn *column, const JsonText *value, bool *isnull)
{
	*isnull = value->kind == JSONTEXT_NULL;
	if (*isnull)
	{
		/* A domain may forbid null; its input function knows. */
		return InputFunctionCall(&column->input, NULL, column->input_param, column->typmod);
	}
	if (column->kind == RECORD_NESTED && value->kind != JSONTEXT_STRING)
		return read_nested(column, value, isnull);

	/* what type text would make of it, with a copy less */
	if (column->type == TEXTOID && value->kind == JSONTEXT_STRING && !jsontext_escaped(value))
		return PointerGetDatum(cstring_to_text_with_len(value->start + 1, value->len - 2));
	return InputFunctionCall(&column->input, input_text(column, value),
							 column->input_param, column->typmod);
}

char *
record_server_text(const char *body, Size len)
{
	if (len > MaxAllocSize / MAX_CONVERSION_GROWTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("message body of %zu bytes is too long", len)));
	return pg_any_to_server(body, (int) len, PG_UTF8);
}

/* One more member of the rescue column's object. */
static void
rescue_member(StringInfo rescued, const JsonText *key, const JsonText *value)
{
	appendStringInfoChar(rescued, rescued->len == 0 ? '{' : ',');
	appendBinaryStringInfo(rescued, key->start, key->len);
	appendStringInfoChar(rescued, ':');
	appendBinaryStringInfo(rescued, value->start, value->len);
}

/* Give the rescue column its object, null when nothing was rescued. */
static void
close_rescue(const RecordShape *shape, StringInfo rescued, JsonText *members, bool *present)
{
	static const JsonText empty = {"{}", 2, JSONTEXT_OBJECT};
	static const JsonText nothing = {"null", 4, JSONTEXT_NULL};

	present[shape->rescue] = true;
	if (rescued->len == 0)
	{
		members[shape->rescue] = shape->rescue_not_null ? empty : nothing;
		return;
	}
	appendStringInfoChar(rescued, '}');
	members[shape->rescue].start = rescued->data;
	members[shape->rescue].len = rescued->len;
	members[shape->rescue].kind = JSONTEXT_OBJECT;
}

/* What is being gathered from a body's members. */
typedef struct Gathering
{
	RecordShape *shape;
	JsonText   *members;		/* by the shape's positions */
	bool	   *present;
	StringInfoData rescued;
	int			seen;			/* members so far */
	int			found;			/* of which some column takes so many */
} Gathering;

static void
gather_begin(Gathering *gathering)
{
	memset(gathering->present, 0, sizeof(bool) * gathering->shape->count);
	if (gathering->shape->rescue >= 0)
		initStringInfo(&gathering->rescued);
	gathering->seen = 0;
	gathering->found = 0;
}

/* One more member; the last one of a name wins. */
static void
gather(Gathering *gathering, const JsonText *key, const JsonText *value)
{
	RecordShape *shape = gathering->shape;
	int			i = find_key(shape, key, gathering->seen++);

	if (i < 0 && shape->rescue < 0)
		return;
	gathering->found++;
	if (i < 0)
	{
		rescue_member(&gathering->rescued, key, value);
		return;
	}
	gathering->present[i] = true;
	gathering->members[i] = *value;
}

/* Check and gather in one pass; false when it takes PostgreSQL to say whether that is JSON. */
static bool
gather_scanned(Gathering *gathering, const char *text)
{
	JsonScan	scan;
	JsonScanStep step;
	JsonText	key;
	JsonText	value;

	if (!jsonscan_open(&scan, text))
		return false;
	gather_begin(gathering);
	while ((step = jsonscan_next(&scan, &key, &value)) == JSONSCAN_MEMBER)
		gather(gathering, &key, &value);
	return step == JSONSCAN_END;
}

/* The same, slower, with PostgreSQL's words for what is wrong. */
static void
gather_checked(Gathering *gathering, const char *text)
{
	JsonTextCursor cursor;
	JsonText	object;
	JsonText	key;
	JsonText	value;

	jsontext_check(text, &object);
	if (object.kind != JSONTEXT_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message body is not a JSON object"),
				 errhint("A route by column name takes an object whose keys are the columns' names.")));
	gather_begin(gathering);
	jsontext_first(&cursor, &object);
	while (jsontext_next(&cursor, &key, &value))
		gather(gathering, &key, &value);
}

/* Where each wanted member lies. */
static void
find_members(RecordShape *shape, const char *text, JsonText *members, bool *present)
{
	Gathering	gathering = {.shape = shape, .members = members, .present = present};

	if (!gather_scanned(&gathering, text))
		gather_checked(&gathering, text);
	if (shape->rescue >= 0)
		close_rescue(shape, &gathering.rescued, members, present);
	if (gathering.found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("message body has no key that is a column of the target"),
				 errhint("Keys must be spelled like the columns, upper and lower case included.")));
}

void
record_read(RecordShape *shape, const char *body, Size len, RecordValues *values,
			const char **column)
{
	JsonText   *members = palloc(sizeof(JsonText) * Max(shape->count, 1));

	*column = record_whole_body;
	find_members(shape, record_server_text(body, len), members, values->present);
	for (int i = 0; i < shape->count; i++)
	{
		if (!values->present[i])
			continue;
		*column = shape->columns[i].name;
		values->values[i] = read_column(&shape->columns[i], &members[i], &values->nulls[i]);
	}
	*column = NULL;
}
