/*
 * ledger_insert.c
 *	  New keys into the ledger, the way COPY enters rows.
 *
 * Rows go into the heap a page at a time, and then into the indexes one by one,
 * in the order of their keys.  No statement runs, so what a statement would
 * have done is seen to here: that the ledger is still the plain table it was
 * made as (else nothing is done, and the caller's statement knows triggers,
 * partitions, constraints and the like), and that the current user may write
 * it.
 *
 * An index notices a key that is taken, after waiting for a transaction that
 * is just entering it, and raises that.  So all is done in a subtransaction,
 * which then takes back what is in the heap.  Nobody else's rows are read, and
 * nothing is locked but the table.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "compat.h"
#include "ledger_entry.h"
#include "subtransaction.h"

#define PIECE 200				/* rows that are formed before they are written */

/* sqs.ledger, as it is made. */
static const struct
{
	const char *name;
	Oid			type;
}			columns[] = {
	{"subscription", INT4OID},
	{"dedup_key", TEXTOID},
	{"content_hash", BYTEAOID},
	{"message_id", TEXTOID},
	{"sequence_number", TEXTOID},
	{"source", TEXTOID},
	{"applied_at", TIMESTAMPTZOID},
};

#define COLUMNS ((int) lengthof(columns))

typedef struct Insertion
{
	int32		subscription;
	const LedgerEntry *entries;
	int			count;
	bool		done;
} Insertion;

static bool
has_our_columns(TupleDesc desc)
{
	if (desc->natts != COLUMNS)
		return false;
	for (int i = 0; i < COLUMNS; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || attribute->atttypid != columns[i].type ||
			attribute->attgenerated != '\0' || attribute->attidentity != '\0' ||
			strcmp(NameStr(attribute->attname), columns[i].name) != 0)
			return false;
	}
	return desc->constr == NULL || desc->constr->num_check == 0;
}

/* Would a statement do no more than what is done here? */
static bool
is_plain(Relation ledger)
{
	return ledger->rd_rel->relkind == RELKIND_RELATION && !ledger->rd_rel->relispartition &&
		ledger->trigdesc == NULL && ledger->rd_rules == NULL &&
		!ledger->rd_rel->relrowsecurity && has_our_columns(RelationGetDescr(ledger)) &&
		pg_class_aclcheck(RelationGetRelid(ledger), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

/* A row into its slot, which then points to values in the current memory context. */
static void
fill_slot(TupleTableSlot *slot, int32 subscription, const LedgerEntry *entry)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, 0, sizeof(bool) * COLUMNS);
	slot->tts_values[0] = Int32GetDatum(subscription);
	ledger_entry_values(entry, &slot->tts_values[1]);
	slot->tts_values[COLUMNS - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	ExecStoreVirtualTuple(slot);
}

/* Rows that are formed go into the table and its indexes. */
static void
write_piece(ResultRelInfo *target, EState *estate, TupleTableSlot **slots, int count)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));

	CHECK_FOR_INTERRUPTS();
	table_multi_insert(target->ri_RelationDesc, slots, count, GetCurrentCommandId(true), 0, NULL);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < count && target->ri_NumIndices > 0; i++)
		compat_insert_index_tuples(target, slots[i], estate);
	ResetPerTupleExprContext(estate);
}

static void
write_entries(Relation ledger, ResultRelInfo *target, EState *estate, const Insertion *insertion)
{
	TupleTableSlot *slots[PIECE];
	int			made = 0;
	int			filled = 0;

	for (int i = 0; i < insertion->count; i++)
	{
		const LedgerEntry *entry = &insertion->entries[i];

		if (entry->first != entry)
			continue;
		if (filled == made)
			slots[made++] = MakeSingleTupleTableSlot(RelationGetDescr(ledger),
													 table_slot_callbacks(ledger));
		fill_slot(slots[filled++], insertion->subscription, entry);
		if (filled == PIECE)
		{
			write_piece(target, estate, slots, filled);
			filled = 0;
		}
	}
	if (filled > 0)
		write_piece(target, estate, slots, filled);
	for (int i = 0; i < made; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
}

static void
insert(void *arg)
{
	Insertion  *insertion = arg;
	Relation	ledger = table_openrv(makeRangeVar("sqs", "ledger", -1), RowExclusiveLock);

	if (!XactReadOnly && is_plain(ledger))
	{
		EState	   *estate = CreateExecutorState();
		ResultRelInfo *target = makeNode(ResultRelInfo);

		InitResultRelInfo(target, ledger, 1, NULL, 0);
		ExecOpenIndices(target, false);
		write_entries(ledger, target, estate, insertion);
		ExecCloseIndices(target);
		FreeExecutorState(estate);
		insertion->done = true;
	}
	table_close(ledger, NoLock);
}

bool
ledger_insert(int32 subscription, const LedgerEntry *entries, int count)
{
	Insertion	insertion = {subscription, entries, count, false};
	ErrorData  *error = subtransaction_run(insert, &insertion);

	if (error == NULL)
		return insertion.done;
	if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		ReThrowError(error);
	FreeErrorData(error);
	return false;
}
