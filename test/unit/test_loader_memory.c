/*
 * test_loader_memory.c
 *	  Every allocation fails once while a batch is loaded: nothing is settled
 *	  that is not in the ledger or the reject location, and the next load
 *	  settles the rest.
 */
#define _GNU_SOURCE
#include "sweep.h"

#include "loader_world.h"

/* Is what counts as done where it belongs? */
static bool
all_are_somewhere(void)
{
	for (int i = 0; i < message_count; i++)
	{
		char		name[64];
		bool		found = false;

		snprintf(name, sizeof(name), "rejects/x/transactions/%s.json", messages[i].message_id);
		for (int k = 0; k < ledger_count; k++)
			found |= strcmp(ledger[k]->dedup_id, messages[i].dedup_id) == 0 &&
				strcmp(ledger[k]->body, messages[i].body) == 0;
		if (done[i] && found == object_is_there(name))
			return false;
	}
	return true;
}

static void
make_messages(void)
{
	begin();
	message("a", NULL, "one");
	message("a", NULL, "!bad");
	message("b", "d", "two");
	message("c", "d", "conflict");
	message("c", NULL, "behind");
	message("b", "d", "two");
	message("d", NULL, "~refused");
	message("d", NULL, "%disputed");
}

static bool
load_all(AwsxError *why)
{
	long		fail_at = memory_fail_at;
	bool		all;
	bool		right;

	/* the world itself has memory */
	memory_fail_at = 0;
	make_messages();
	memory_fail_at = fail_at;
	memory_asked = 0;
	all = run(true);
	*why = error;
	memory_fail_at = 0;
	right = all_are_somewhere();
	now += 60000;				/* keys that could not be had are asked for again */
	run(true);
	right = right && all_are_somewhere() && strcmp(fates(), "++++++++") == 0 && ledger_count == 3;
	loader_free(loader);
	loader = NULL;
	awsx_client_free(client);
	client = NULL;
	if (!right)
		awsx_error_clear(why);
	return all && right;
}

int
main(void)
{
	sweep("a load", load_all);
	return tap_done();
}
