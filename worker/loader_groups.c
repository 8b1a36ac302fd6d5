/*
 * loader_groups.c
 *	  Which messages of a batch belong to one group.
 *
 * By sorting, so that no choice of group ids makes it slow.
 */
#include <stdlib.h>
#include <string.h>

#include "loader_work.h"

typedef struct Member
{
	const char *group_id;
	int			place;
} Member;

static int
compare(const void *a, const void *b)
{
	return strcmp(((const Member *) a)->group_id, ((const Member *) b)->group_id);
}

bool
loader_groups(const AwsxSqsMessage *messages, int count, int *groups)
{
	Member	   *members;
	int			number = -1;

	if (count == 0)
		return true;
	members = malloc((size_t) count * sizeof(*members));
	if (members == NULL)
		return false;
	for (int i = 0; i < count; i++)
		members[i] = (Member) {messages[i].group_id, i};
	qsort(members, (size_t) count, sizeof(*members), compare);
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || *members[i].group_id == '\0' ||
			strcmp(members[i].group_id, members[i - 1].group_id) != 0)
			number++;
		groups[members[i].place] = number;
	}
	free(members);
	return true;
}
