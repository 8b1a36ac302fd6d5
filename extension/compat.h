/*
 * compat.h
 *	  Every difference between the PostgreSQL versions we build for (15-18)
 *	  that reaches our code.  No other file tests PG_VERSION_NUM.
 */
#ifndef PG_SQS_COMPAT_H
#define PG_SQS_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "pg_sqs needs PostgreSQL 15 or later"
#endif
#if PG_VERSION_NUM >= 190000
#error "pg_sqs has not been taught PostgreSQL 19 yet"
#endif

#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "executor/executor.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

/* What a varlena is made of; 16 took it out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * A set that lives as long as the process.  17 replaced the memory context
 * by a resource owner, null for none.
 */
static inline WaitEventSet *
compat_create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* The number under which pg_stat_activity shows a wait; before 17 "Extension". */
static inline uint32
compat_wait_event(uint32 *cache, const char *name)
{
#if PG_VERSION_NUM >= 170000
	if (*cache == 0)
		*cache = WaitEventExtensionNew(name);
#else
	(void) name;
	if (*cache == 0)
		*cache = PG_WAIT_EXTENSION;
#endif
	return *cache;
}

/* 16 folded the functions for each kind of object into one. */
static inline bool
compat_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

static inline bool
compat_owns_extension(Oid extension, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(ExtensionRelationId, extension, role);
#else
	return pg_extension_ownercheck(extension, role);
#endif
}

static inline bool
compat_owns_schema(Oid schema, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(NamespaceRelationId, schema, role);
#else
	return pg_namespace_ownercheck(schema, role);
#endif
}

/* A new row into all indexes; unique ones raise.  16 asks whether only summarizing ones are meant. */
static inline void
compat_insert_index_tuples(ResultRelInfo *target, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false);
#else
	(void) ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL);
#endif
}

#endif							/* PG_SQS_COMPAT_H */
