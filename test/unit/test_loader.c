/*
 * test_loader.c
 *	  Which messages a load settles: rejects, conflicts, duplicates, the
 *	  culprit by halves, what stays and what stays behind it, the stage.
 */
#include "loader_world.h"

#include "load_reject.h"

static void
test_plain(void)
{
	begin();
	message("a", NULL, "one");
	message("b", NULL, "two");
	message("a", NULL, "three");
	ok(run(false), "a batch is loaded");
	is_str(fates(), "+++", "... and all may be deleted");
	is_str(loaded(), "one two three", "... in their order");
	is_int(transactions, 1, "... by one transaction");
	is_int(error.kind, AWSX_OK, "... without an error");
	is_int(written, 0, "... without a stage");
	is_int(loader_take_stats(loader).loaded, 3, "three are counted");
	is_int(loader_take_stats(loader).loaded, 0, "... once");
	ok(run(false), "the same again");
	is_str(tokens[0], tokens[1], "... has the same token");
	is_int(ledger_count, 3, "... and no effect");
	is_int(loader_take_stats(loader).duplicates, 3, "... but three duplicates");
	config.token_salt = (char *) "again";
	run(false);
	ok(strcmp(tokens[0], tokens[2]) != 0, "with another salt the token is another");
	config.subscription = (char *) "other";
	run(false);
	ok(strcmp(tokens[2], tokens[3]) != 0, "... and with another subscription");
	message_count = 0;
	ok(run(false), "nothing is loaded");
	is_int(transactions, 4, "... without a transaction");
}

static void
test_known_rejects(void)
{
	begin();
	message("a", NULL, "!bad");
	message("a", NULL, "good");
	ok(run(false), "with a reject location a bad value is settled");
	is_str(fates(), "++", "... and so is what is behind it");
	is_str(loaded(), "good", "... which is loaded");
	is_str(objects[0], "rejects/x/transactions/m0.json", "the reject's name follows from the message");
	ok(strstr(last_document, "\"reason\":\"the test does not like it\"") != NULL &&
	   strstr(last_document, "\"code\":\"InvalidValue\"") != NULL &&
	   strstr(last_document, "\"body\":\"!bad\"") != NULL && strstr(last_document, "\"requestId\":\"r-1\"") != NULL,
	   "... and it says what is wrong with what");
	run(false);
	is_int(object_count, 1, "a retry writes the same object");

	begin();
	config.fail_rejects = true;
	message("a", NULL, "before");
	message("a", NULL, "!bad");
	message("a", NULL, "behind");
	message("b", NULL, "other");
	ok(!run(false), "where rejects fail");
	is_str(fates(), "+--+", "... a bad value stays, and its group behind it");
	is_str(loaded(), "before other", "... which is not loaded");
	is_int(error.kind, AWSX_ERR_REQUEST, "... with an error");
	ok(!loader_met_outage(loader), "... that is no outage");
	is_int(object_count, 0, "... and no reject");

	begin();
	config.reject_bucket = NULL;
	message("a", NULL, "!bad");
	ok(!run(false) && strstr(error.message, "\"reject\"") != NULL, "without a location it stays, too");

	begin();
	broken_bucket = "rejects";
	message("a", NULL, "!bad");
	message("a", NULL, "behind");
	message("b", NULL, "other");
	ok(!run(false), "where a reject cannot be written");
	is_str(fates(), "--+", "... it stays, and its group behind it");
	ok(loader_met_outage(loader), "... which is an outage");
}

static void
test_conflicts(void)
{
	begin();
	message("a", "d", "one");
	run(false);
	message_count = 0;
	message("a", "d", "one");
	message("a", "d2", "new");
	message("a", "d", "other");
	messages[0].body = "one";
	/* the ledger points into the messages */
	ledger[0] = &(const AwsxSqsMessage) {.dedup_id = "d",.body = "one"};
	messages[2].dedup_id = "d";
	ok(run(false), "a conflict with the ledger is settled");
	is_str(objects[0], "rejects/x/transactions/m2.json", "... by a reject");
	ok(strstr(last_document, "DedupConflict") != NULL, "... that says so");

	begin();
	message("a", NULL, "%disputed");
	message("a", NULL, "fine");
	ok(run(false), "a dispute is settled");
	ok(object_count == 1 && strstr(last_document, "VersionConflict") != NULL, "... by a reject");
	is_str(loaded(), "fine", "... and the others are loaded");

	begin();
	message("a", NULL, "%disputed");
	message("a", NULL, "fine");
	lose_verdicts = true;
	ok(!run(false), "where verdicts cannot be read");
	is_str(fates(), "--", "... all stay");
	is_int(object_count, 0, "... and none is rejected");
	lose_verdicts = false;
	ok(run(false), "... until they can");
	is_str(loaded(), "fine", "... and what was loaded is a duplicate");
	is_int(object_count, 1, "... while the other is rejected");
}

static void
test_conflict_within(void)
{
	begin();
	message("a", "d", "first");
	message("b", "d", "second");
	message("b", NULL, "behind");
	message("c", NULL, "beside");
	ok(run(false), "a conflict within the batch is settled");
	is_str(loaded(), "first beside behind", "... and what is behind it is loaded after that");
	is_int(transactions, 2, "... by a second transaction");
	is_str(objects[0], "rejects/x/transactions/m1.json", "... and it is rejected");

	begin();
	message("a", "d", "first");
	message("b", "d", "second");
	message("b", NULL, "behind");
	fail_transaction = 1;
	fail_with = TRANSACTION_FAILED;
	ok(!run(false), "where the first of the two is not loaded");
	is_str(fates(), "---", "... the other stays");
	is_int(object_count, 0, "... unrejected: alone it might be loaded");

	begin();
	message("a", "d", "~first");
	message("b", "d", "second");
	message("b", NULL, "behind");
	ok(!run(false), "where the first of the two is rejected");
	is_str(fates(), "+--", "... the other is tried alone, later");
	is_str(loaded(), "", "... and nothing overtakes it");
	message_count = 0;
	message("b", "d", "second");
	message("b", "x", "behind");
	ok(run(false), "... when it is loaded");
	is_str(loaded(), "second behind", "... before what is behind it");
}

static void
test_duplicates_within(void)
{
	begin();
	message("a", "d", "one");
	message("b", "d", "one");
	ok(run(false), "a duplicate within the batch is settled");
	is_str(loaded(), "one", "... and loaded once");
	is_int(loader_take_stats(loader).duplicates, 1, "... and counted");

	begin();
	config.fail_rejects = true;
	message("a", "x", "~bad");
	message("a", "d", "one");
	message("b", "d", "one");
	message("b", "y", "two");
	ok(!run(false), "where its original stays");
	is_str(fates(), "----", "... so does the duplicate, and its group");
}

static void
test_culprit(void)
{
	begin();
	for (int i = 0; i < 64; i++)
		message(i % 2 == 0 ? "even" : "odd", NULL, i == 37 ? "~bad" : "good");
	ok(run(false), "of 64 messages one is refused by SQL");
	is_int(ledger_count, 63, "the others are loaded");
	is_str(objects[0], "rejects/x/transactions/m37.json", "... and that one is rejected");
	ok(strstr(last_document, "ERROR: value ~bad") != NULL, "... with what SQL said");
	ok(transactions <= 14, "... after %d transactions", transactions);
	for (int i = 2; i < ledger_count; i++)
	{
		if (ledger[i] < ledger[i - 1])
			ok(false, "order is lost at %d", i);
	}
	is_int(error.kind, AWSX_OK, "all is well in the end");

	begin();
	config.fail_rejects = true;
	message("a", NULL, "a1");
	message("b", NULL, "~bad");
	message("a", NULL, "a2");
	message("b", NULL, "b2");
	message("b", NULL, "b3");
	message("c", NULL, "c1");
	ok(!run(false), "where rejects fail");
	is_str(loaded(), "a1 a2 c1", "... the culprit's neighbours are loaded, but nothing behind it in its group");
	is_str(fates(), "+-+--+", "... and these stay");

	begin();
	message("a", NULL, "~bad");
	ok(run(false), "one that is refused alone is the culprit");
	is_int(object_count, 1, "... and rejected");
}

/* Each is refused. */
static void
test_alike(void)
{
	begin();
	for (int i = 0; i < 30; i++)
		message("a", NULL, "~bad");
	ok(!run(false), "thirty in a row are refused");
	is_int(written, 20, "twenty are rejected");
	is_int((long long) strspn(fates(), "+"), 20, "... and the others stay");
	ok(loader_met_outage(loader), "... for the target may have changed");
	ok(strstr(error.message, "target may have changed") != NULL, "... as the error says");
	message_count = 0;
	message("a", NULL, "~bad");
	ok(!run(false), "another one alone");
	is_int(written, 20, "... is not rejected");
	message("b", NULL, "good");
	message("a", NULL, "behind");
	ok(!run(false), "until another is loaded beside it");
	is_int(written, 21, "... when it is rejected");
	is_str(loaded(), "good", "... and what is behind it waits");
	is_str(fates(), "++-", "... for the next time");
	ok(run(false), "... in which all is as ever");
}

static void
test_stopped(void)
{
	begin();
	message("a", NULL, "one");
	message("b", NULL, "two");
	fail_transaction = 1;
	fail_with = TRANSACTION_REFUSED;
	ok(!run(false), "a refused transaction");
	is_str(fates(), "--", "... leaves all");
	is_int(transactions, 1, "... at once");
	is_int(object_count, 0, "... unrejected");
	ok(strstr(error.message, "sqs_to_redshift check") != NULL, "... and says what to do");
	ok(loader_met_outage(loader), "... which is an outage");
	is_int(loader_take_stats(loader).left, 2, "... and counted");

	begin();
	message("a", NULL, "one");
	message("b", NULL, "~bad");
	message("c", NULL, "two");
	fail_transaction = 3;
	fail_with = TRANSACTION_FAILED;
	ok(!run(false), "one that fails in the middle of a search");
	is_str(fates(), "+--", "... leaves what was not loaded before");

	begin();
	message("a", NULL, "~bad");
	message("b", NULL, "two");
	deadline_begin(&deadline, now + 1100);
	ok(!run(false), "near the end of its time");
	is_int(transactions, 1, "... no second transaction begins");
	ok(loader_met_outage(loader), "... which is no message's fault");
}

static void
test_stage(void)
{
	begin();
	message("a", NULL, "one");
	message("b", NULL, "two");
	ok(run(true), "a batch is loaded through the stage");
	is_int(written, 1, "... by one object");
	is_int(object_count, 0, "... which is gone afterwards");
	ok(strstr(last_sql, "s3://stage/in/") != NULL, "... and which SQL names");
	is_int(loader_take_stats(loader).staged_bytes, 4, "... and whose bytes are counted");
	snprintf(last_document, sizeof(last_document), "%s", last_sql);
	ok(run(true), "again");
	is_str(last_sql, last_sql, "... under the same name");
	is_str(tokens[0], tokens[1], "... and token");

	begin();
	message("a", NULL, "one");
	message("b", NULL, "two");
	message("c", NULL, "~bad");
	sql_fits = 2;
	ok(run(false), "what is too large for SQL is staged");
	is_int(written, 2, "... while it is; and a reject written");
	is_int(object_count, 1, "... which is all that is left");

	begin();
	message("a", NULL, "one");
	fail_transaction = 1;
	fail_with = TRANSACTION_FAILED;
	run(true);
	is_int(object_count, 0, "a failed transaction leaves no object");

	begin();
	message("a", NULL, "one");
	broken_bucket = "stage";
	ok(!run(true), "where nothing can be staged");
	is_int(transactions, 0, "... there is no transaction");
	ok(loader_met_outage(loader) && !done[0], "... which is an outage");

	begin();
	config.stage_bucket = NULL;
	sql_fits = 2;
	for (int i = 0; i < 5; i++)
		message("a", NULL, "m");
	ok(run(false), "without a stage a large batch is loaded");
	is_int(transactions, 3, "... in parts");
	sql_fits = 0;
	transactions = 0;
	ok(!run(false) && strstr(error.message, "\"stage\"") != NULL, "a large message is not");
	is_int(transactions, 0, "... and nothing overtakes it");
}

static void
test_reject_documents(void)
{
	AwsxSqsAttribute attributes[] = {{"n", "Number", "1", 1}, {"b", "Binary", "\xff\x01", 2}};
	AwsxSqsMessage odd = {.message_id = "../odd id",.body = "\xff",.body_len = 1,.group_id = "g",.dedup_id = "d",
	.sequence_number = "7",.receive_count = 3,.attributes = attributes,.attribute_count = 2};
	LoadRow		row = {.message = &odd,.dedup_key = "k",.source = "s3://b/k#1"};
	LoadReject	reject = {.config = &config,.row = &row,.code = "C",.reason = "R"};
	AwsxBuf		buf;

	begin();
	awsx_buf_init(&buf, 0);
	ok(load_reject_key(&reject, &buf), "an odd id has a name, too");
	is_int((long long) buf.len, (long long) strlen("x/transactions/") + 64 + 5, "... which is a digest");
	awsx_buf_reset(&buf);
	ok(load_reject_document(&reject, &buf), "an odd message has a document");
	is_str(buf.data,
		   "{\"reason\":\"R\",\"code\":\"C\",\"subscription\":\"transactions\",\"messageId\":\"../odd id\","
		   "\"groupId\":\"g\",\"dedupId\":\"d\",\"dedupKey\":\"k\",\"sequenceNumber\":\"7\",\"source\":\"s3://b/k#1\","
		   "\"receiveCount\":3,\"attributes\":{\"n\":{\"type\":\"Number\",\"value\":\"1\"},"
		   "\"b\":{\"type\":\"Binary\",\"value_base64\":\"/wE=\"}},\"time\":\"1970-01-01T00:00:00.000Z\","
		   "\"body_base64\":\"/w==\"}\n", "... with all of it");
	awsx_buf_free(&buf);
}

int
main(void)
{
	test_plain();
	test_known_rejects();
	test_conflicts();
	test_conflict_within();
	test_duplicates_within();
	test_culprit();
	test_alike();
	test_stopped();
	test_stage();
	test_reject_documents();
	loader_free(loader);
	awsx_client_free(client);
	return tap_done();
}
