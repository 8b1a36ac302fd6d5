/*
 * s3_bucket.c
 *		Buckets: list, create, head, delete, location, versioning.
 */
#include "s3.h"

#include <string.h>

#include "clock.h"
#include "codec.h"
#include "journal.h"
#include "service.h"

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
	s3_answer_xml(call->x, 200, "ListAllMyBucketsResult",
				  json_pack("{s:{s:s},s:{s:o}}", "Owner", "ID", "A3NL1KOZZKEXAMPLE", "Buckets", "Bucket", list));
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

/* The body, if there is one, must not name another region. */
static bool
location_is_here(S3Call *call)
{
	json_t	   *root;
	const char *location;

	if (call->x->body.len == 0)
		return true;
	root = s3_read_xml(call, "CreateBucketConfiguration");
	location = xml_text(root, "LocationConstraint");
	if (location != NULL && strcmp(location, cloud.region) != 0)
		s3_error(call->x, "IllegalLocationConstraintException");
	json_decref(root);
	return !call->x->answered;
}

void
s3_create_bucket(S3Call *call)
{
	if (call->bucket != NULL)
		s3_error(call->x, "BucketAlreadyOwnedByYou");
	else if (!is_bucket_name(call->bucket_name))
		s3_error(call->x, "InvalidBucketName");
	else if (location_is_here(call))
	{
		s3_make_bucket(call->bucket_name, clock_now_ms());
		journal_effect("s3.bucket_created", "s", "bucket", call->bucket_name);
		http_add_header(call->x, "Location", "/%s", call->bucket_name);
		s3_answer_empty(call->x, 200);
	}
}

void
s3_head_bucket(S3Call *call)
{
	http_add_header(call->x, "x-amz-bucket-region", "%s", cloud.region);
	s3_answer_empty(call->x, 200);
}

void
s3_delete_bucket(S3Call *call)
{
	if (call->bucket->n_objects > 0)
	{
		s3_error(call->x, "BucketNotEmpty");
		return;
	}
	journal_effect("s3.bucket_deleted", "s", "bucket", call->bucket->name);
	s3_drop_bucket(call->bucket);
	s3_answer_empty(call->x, 204);
}

void
s3_get_location(S3Call *call)
{
	/* us-east-1 has the empty constraint */
	s3_answer_xml(call->x, 200, "LocationConstraint",
				  json_string(strcmp(cloud.region, "us-east-1") == 0 ? "" : cloud.region));
}

static const char *const versioning_names[] = {
	[VERSIONING_NEVER] = NULL,
	[VERSIONING_ENABLED] = "Enabled",
	[VERSIONING_SUSPENDED] = "Suspended"
};

void
s3_put_versioning(S3Call *call)
{
	json_t	   *root = s3_read_xml(call, "VersioningConfiguration");
	const char *status = xml_text(root, "Status");
	S3Versioning wanted = VERSIONING_SUSPENDED;

	if (root == NULL)
		return;
	while (wanted != VERSIONING_NEVER && (status == NULL || strcmp(status, versioning_names[wanted]) != 0))
		wanted--;
	json_decref(root);
	if (wanted == VERSIONING_NEVER)
	{
		s3_error(call->x, "MalformedXML");
		return;
	}
	call->bucket->versioning = wanted;
	s3_answer_empty(call->x, 200);
}

void
s3_get_versioning(S3Call *call)
{
	s3_answer_xml(call->x, 200, "VersioningConfiguration",
				  json_pack("{s:s*}", "Status", versioning_names[call->bucket->versioning]));
}
