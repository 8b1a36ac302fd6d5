/*
 * pg_sqs.c
 *	  Where the server meets the library.
 *
 * Loaded by shared_preload_libraries the library brings the launcher, its
 * shared memory and the utility hook; loaded into a single backend it only
 * brings the functions that SQL calls.  During pg_upgrade nothing may run.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "guc.h"
#include "launcher.h"
#include "lifecycle.h"
#include "shmem.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	guc_define();

	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;

	shmem_install();
	lifecycle_install();
	launcher_register();
}
