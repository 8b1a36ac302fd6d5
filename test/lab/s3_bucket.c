/*
 * s3_bucket.c
 *		Buckets: list, create, head, delete, location, versioning.
 */
#include "s3.h"

#include <string.h>

#include "clock.h"
#include "journal.h"
#include "service.h"
#include "xml.h"

void
s3_list_buckets(S3Call *call)
{
	json_t	   *list = json_array();

	for (const S3Bucket *bucket = s3_buckets; bucket != NULL; bucket = bucket->next)
	{
		char		created[32];

		format_iso_ms(created, bucket->created_ms);
		json_array_append_new(list, json_pack("{s:s,s:s}", "Name", bucket->name, "CreationDate", created));
	}
	s3_answer(call->x, 200, "ListAllMyBucketsResult",
			  json_pack("{s:{s:s},s:{s:o}}", "Owner", "ID", S3_OWNER, "Buckets", "Bucket", list));
}

/* 3-63 of a-z0-9.- , letter or digit at both ends, no "..". */
static bool
is_bucket_name(const char *name)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t		len = strlen(name);

	return len >= 3 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len &&
		strchr(ends, name[0]) != NULL && strchr(ends, name[len - 1]) != NULL && strstr(name, "..") == NULL;
}

/* Only the endpoint of us-east-1 makes buckets elsewhere.  Without a constraint the lab, unlike AWS, is not strict. */
static const char *
region_problem(const S3Call *call, const char *constraint)
{
	if (strlen(constraint) >= sizeof(call->bucket->region) || strpbrk(constraint, "/ \r\n") != NULL)
		return "InvalidArgument";
	if (strcmp(constraint, call->region) != 0 && strcmp(call->region, "us-east-1") != 0)
		return "IllegalLocationConstraintException";
	return NULL;
}

void
s3_create_bucket(S3Call *call)
{
	json_t	   *root = call->x->body.len > 0 ? s3_read_xml(call, "CreateBucketConfiguration") : NULL;
	const char *constraint = xml_text(root, "LocationConstraint");
	const char *region = constraint != NULL ? constraint : call->region;
	const char *problem = call->bucket != NULL ? "BucketAlreadyOwnedByYou" :
		!is_bucket_name(call->bucket_name) ? "InvalidBucketName" : region_problem(call, region);

	if (!call->x->answered && problem != NULL)
		s3_error(call->x, problem, NULL);
	else if (!call->x->answered)
	{
		s3_make_bucket(call->bucket_name, region, clock_now_ms());
		journal_effect("s3.bucket_created", "s", "bucket", call->bucket_name);
		http_add_header(call->x, "Location", "/%s", call->bucket_name);
		s3_answer(call->x, 200, NULL, NULL);
	}
	json_decref(root);
}

void
s3_head_bucket(S3Call *call)
{
	http_add_header(call->x, "x-amz-bucket-region", "%s", call->bucket->region);
	s3_answer(call->x, 200, NULL, NULL);
}

void
s3_delete_bucket(S3Call *call)
{
	if (call->bucket->n_versions > 0)
	{
		s3_error(call->x, "BucketNotEmpty", NULL);
		return;
	}
	journal_effect("s3.bucket_deleted", "s", "bucket", call->bucket->name);
	s3_drop_bucket(call->bucket);
	s3_answer(call->x, 204, NULL, NULL);
}

void
s3_get_location(S3Call *call)
{
	/* us-east-1 has the empty constraint */
	s3_answer(call->x, 200, "LocationConstraint",
			  json_string(strcmp(call->bucket->region, "us-east-1") == 0 ? "" : call->bucket->region));
}

void
s3_put_versioning(S3Call *call)
{
	json_t	   *root = s3_read_xml(call, "VersioningConfiguration");
	const char *status = xml_text(root, "Status") != NULL ? xml_text(root, "Status") : "";

	if (root == NULL)
		return;
	if (strcmp(status, "Enabled") != 0 && strcmp(status, "Suspended") != 0)
		s3_error(call->x, "MalformedXML", NULL);
	else
	{
		call->bucket->versioning = status[0] == 'E' ? "Enabled" : "Suspended";
		s3_answer(call->x, 200, NULL, NULL);
	}
	json_decref(root);
}

void
s3_get_versioning(S3Call *call)
{
	s3_answer(call->x, 200, "VersioningConfiguration", json_pack("{s:s*}", "Status", call->bucket->versioning));
}
