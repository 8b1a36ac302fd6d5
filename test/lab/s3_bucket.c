/*
 * s3_bucket.c
 *		Buckets: list, create, head, delete, location, versioning.
 */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "journal.h"
#include "service.h"

#define XML_HEAD	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

void
s3_list_buckets(S3Call *call)
{
	S3Bucket  **all = s3_buckets();
	Buf			body = {0};

	buf_adds(&body, XML_HEAD "<ListAllMyBucketsResult xmlns=\"" S3_XMLNS "\"><Owner><ID>A3NL1KOZZKEXAMPLE</ID>"
			 "</Owner><Buckets>");
	for (size_t i = 0; all[i] != NULL; i++)
	{
		char		created[32];

		format_iso_ms(created, all[i]->created_ms);
		buf_adds(&body, "<Bucket>");
		xml_add(&body, "Name", all[i]->name);
		xml_add(&body, "CreationDate", created);
		buf_adds(&body, "</Bucket>");
	}
	buf_adds(&body, "</Buckets></ListAllMyBucketsResult>");
	free(all);
	s3_answer_xml(call->x, 200, &body);
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

static bool
location_is_here(S3Call *call)
{
	XmlNode    *root;
	const char *location;
	bool		here;

	if (call->x->body.len == 0)
		return true;
	root = s3_read_xml(call, "CreateBucketConfiguration");
	if (root == NULL)
		return false;
	location = xml_text(root, "LocationConstraint");
	here = location == NULL || strcmp(location, cloud.region) == 0;
	xml_free(root);
	if (!here)
		s3_error_text(call->x, 400, "IllegalLocationConstraintException",
					  "The location constraint is incompatible for the region specific endpoint this "
					  "request was sent to.");
	return here;
}

void
s3_create_bucket(S3Call *call)
{
	Buf			location = {0};

	if (call->bucket != NULL)
		s3_error(call->x, "BucketAlreadyOwnedByYou");
	else if (!is_bucket_name(call->bucket_name))
		s3_error(call->x, "InvalidBucketName");
	else if (location_is_here(call))
	{
		s3_make_bucket(call->bucket_name, clock_now_ms());
		journal_effect("s3.bucket_created", "s", "bucket", call->bucket_name);
		buf_addf(&location, "/%s", call->bucket_name);
		http_add_header(call->x, "Location", location.data);
		buf_free(&location);
		s3_answer_empty(call->x, 200);
	}
}

void
s3_head_bucket(S3Call *call)
{
	http_add_header(call->x, "x-amz-bucket-region", cloud.region);
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
	Buf			body = {0};

	/* us-east-1 has the empty constraint */
	buf_addf(&body, XML_HEAD "<LocationConstraint xmlns=\"" S3_XMLNS "\">%s</LocationConstraint>",
			 strcmp(cloud.region, "us-east-1") == 0 ? "" : cloud.region);
	s3_answer_xml(call->x, 200, &body);
}

void
s3_put_versioning(S3Call *call)
{
	XmlNode    *root = s3_read_xml(call, "VersioningConfiguration");
	const char *status = xml_text(root, "Status");

	if (root == NULL)
		return;
	if (status != NULL && strcmp(status, "Enabled") == 0)
		call->bucket->versioning = VERSIONING_ENABLED;
	else if (status != NULL && strcmp(status, "Suspended") == 0)
		call->bucket->versioning = VERSIONING_SUSPENDED;
	else
		s3_error(call->x, "MalformedXML");
	xml_free(root);
	if (!call->x->answered)
		s3_answer_empty(call->x, 200);
}

void
s3_get_versioning(S3Call *call)
{
	static const char *const names[] = {NULL, "Enabled", "Suspended"};
	Buf			body = {0};

	buf_adds(&body, XML_HEAD "<VersioningConfiguration xmlns=\"" S3_XMLNS "\">");
	xml_add(&body, "Status", names[call->bucket->versioning]);
	buf_adds(&body, "</VersioningConfiguration>");
	s3_answer_xml(call->x, 200, &body);
}
