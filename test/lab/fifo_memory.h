/*
 * fifo_memory.h
 *		What a queue remembers for five minutes: dedup ids and receive attempts.
 *		For the model alone.
 */
#ifndef LAB_FIFO_MEMORY_H
#define LAB_FIFO_MEMORY_H

#include "fifo.h"

/* A receive that was given a ReceiveRequestAttemptId, and what it returned. */
typedef struct FifoAttempt
{
	struct FifoAttempt *next;
	int64_t		until_ms;
	size_t		count;
	FifoHandle	handles[FIFO_BATCH_MAX];
	char		id[];
} FifoAttempt;

/* The receipt of the first message with the draft's dedup id, NULL if there is none. */
const FifoReceipt *fifo_known_dedup(Fifo *queue, const FifoDraft *draft, int64_t now_ms);
void		fifo_remember_dedup(Fifo *queue, const FifoDraft *draft, const FifoReceipt *receipt,
								int64_t now_ms);

/* NULL when there was no such attempt within the window. */
const FifoAttempt *fifo_known_attempt(Fifo *queue, const char *id, int64_t now_ms);
void		fifo_remember_attempt(Fifo *queue, const char *id, FifoMessage **messages, size_t count,
								  int64_t now_ms);

/* Forgets what is out of its window; INT64_MAX forgets all. */
void		fifo_forget_dedups(Fifo *queue, int64_t now_ms);
void		fifo_forget_attempts(Fifo *queue, int64_t now_ms);

#endif
