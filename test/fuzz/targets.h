/*
 * targets.h
 *	  The fuzzed parsers: each takes any bytes, in a block of exactly their
 *	  size, survives them, leaks nothing, and asserts what it promises.
 */
#ifndef TARGETS_H
#define TARGETS_H

#include <stddef.h>

#include "http.h"

/* A whole answer; free its response. */
extern AwsxHttpResponse answer_of(int status, const char *bytes, size_t len);

/* Answers as bytes of a connection. */
extern void fuzz_http(const char *bytes, size_t len);

/* Answers of services. */
extern void fuzz_receive(const char *bytes, size_t len);
extern void fuzz_batch(const char *bytes, size_t len);
extern void fuzz_attributes(const char *bytes, size_t len);
extern void fuzz_statement(const char *bytes, size_t len);
extern void fuzz_list(const char *bytes, size_t len);
extern void fuzz_error(const char *bytes, size_t len);
extern void fuzz_object(const char *bytes, size_t len);

/* Bodies of messages. */
extern void fuzz_scan(const char *bytes, size_t len);

/* Where credentials come from. */
extern void fuzz_sts(const char *bytes, size_t len);
extern void fuzz_ini(const char *bytes, size_t len);
extern void fuzz_keys(const char *bytes, size_t len);

/* Names, dates and encodings. */
extern void fuzz_text(const char *bytes, size_t len);
extern void fuzz_date(const char *bytes, size_t len);
extern void fuzz_sql(const char *bytes, size_t len);

/* What tells a function what to do. */
extern void fuzz_envelope(const char *bytes, size_t len);
extern void fuzz_handover(const char *bytes, size_t len);
extern void fuzz_resend(const char *bytes, size_t len);
extern void fuzz_config(const char *bytes, size_t len);
extern void fuzz_load_config(const char *bytes, size_t len);
extern void fuzz_messages(const char *bytes, size_t len);
extern void fuzz_invocation(const char *bytes, size_t len);

/* Messages for Redshift. */
extern void fuzz_value(const char *bytes, size_t len);
extern void fuzz_load(const char *bytes, size_t len);

/* Objects and their records. */
extern void fuzz_inflate(const char *bytes, size_t len);
extern void fuzz_split(const char *bytes, size_t len);
extern void fuzz_record(const char *bytes, size_t len);
extern void fuzz_paths(const char *bytes, size_t len);

#endif							/* TARGETS_H */
