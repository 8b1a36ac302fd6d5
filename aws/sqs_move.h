/*
 * sqs_move.h
 *	  Amazon SQS: message move tasks, which take a dead-letter queue back.
 *
 * As in sqs.h: a function makes each request, another reads its answer.
 */
#ifndef AWSX_SQS_MOVE_H
#define AWSX_SQS_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "error.h"
#include "http.h"

#define AWSX_SQS_MOVES_MAX 10	/* in one answer */
#define AWSX_SQS_MOVE_RATE_MAX 500	/* messages a second */

typedef struct AwsxSqsMove
{
	char		handle[2048];	/* while it runs, else "" */
	char		status[32];		/* RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED */
	char		source_arn[512];
	char		destination_arn[512];	/* "" = where each message came from */
	char		failure[512];	/* of FAILED, as SQS words it; else "" */
	int64_t		moved;			/* approximate */
	int64_t		to_move;		/* approximate, as of the start; -1 = not said */
	int64_t		started_ms;		/* Unix epoch, milliseconds; 0 = not said */
	int			rate;			/* messages a second; 0 = SQS chooses */
} AwsxSqsMove;

typedef struct AwsxSqsMoves
{
	int			count;
	AwsxSqsMove items[AWSX_SQS_MOVES_MAX];	/* the newest first */
} AwsxSqsMoves;

/*
 * StartMessageMoveTask: from a dead-letter queue to where its messages came
 * from.  rate: messages a second, 0 = SQS chooses.  The answer is the task's
 * handle, malloc'd; null and *error when it has none.
 */
extern bool awsx_sqs_move_start_request(const AwsxService *service, const char *source_arn,
										int rate, AwsxHttpRequest *out, AwsxError *error);
extern char *awsx_sqs_move_start_answer(const AwsxHttpResponse *answer, AwsxError *error);

/* ListMessageMoveTasks: the last tasks of a dead-letter queue, at most so many. */
extern bool awsx_sqs_moves_request(const AwsxService *service, const char *source_arn,
								   int count, AwsxHttpRequest *out, AwsxError *error);
extern bool awsx_sqs_moves_answer(const AwsxHttpResponse *answer, AwsxSqsMoves *moves,
								  AwsxError *error);

/* CancelMessageMoveTask; the answer is how many were moved, or -1 and *error. */
extern bool awsx_sqs_move_cancel_request(const AwsxService *service, const char *handle,
										 AwsxHttpRequest *out, AwsxError *error);
extern int64_t awsx_sqs_move_cancel_answer(const AwsxHttpResponse *answer, AwsxError *error);

#endif							/* AWSX_SQS_MOVE_H */
