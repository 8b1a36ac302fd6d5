/*
 * object_work.h
 *	  What the two files of an object share: reading it, and its records.
 */
#ifndef OBJECT_WORK_H
#define OBJECT_WORK_H

#include "inflate.h"
#include "object.h"
#include "receipt.h"
#include "source.h"
#include "split.h"

struct Object
{
	ObjectWorld *world;
	const AwsxS3Event *event;
	const Handover *from;		/* null: from its beginning */
	Source	   *source;
	Inflate    *inflate;		/* null: resumed amid plain bytes */
	Split	   *split;
	Receipt    *receipt;

	const char *bytes;			/* unpacked, not split yet */
	size_t		len;
	int64_t		passed;			/* unpacked bytes, those to be skipped included */
	bool		packed;			/* known after the work */
	SplitPlace	place;			/* behind the last record that was submitted */
	int64_t		records;		/* submitted here */
	int64_t		open;			/* of these, not settled */
	char		version_id[1025];	/* that S3 answered with; "" = none */
	char		etag[136];
	bool		at_end;			/* nothing more will be submitted */
	bool		cut;
	bool		done;
	bool		failed;
};

/* Enrich what the splitter gave out, and hand it to the deliverer. */
extern bool object_submit(Object *object, const SplitRecord *record, AwsxError *error);

/* Hand in a record that is rejected; text may be null. */
extern bool object_submit_reject(Object *object, int64_t number, const char *text, size_t len,
								 const char *code, const char *reason, AwsxError *error);

/* Write the receipt's end, if nothing more is to come. */
extern bool object_close_if_done(Object *object, AwsxError *error);

#endif							/* OBJECT_WORK_H */
