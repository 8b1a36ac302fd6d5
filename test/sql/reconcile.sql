-- sqs.reconcile: receipts of s3_to_sqs against ledger and quarantine.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
SET timezone = 'UTC';
CREATE ROLE regress_sqs_owner;
CREATE ROLE regress_sqs_monitor IN ROLE sqs_monitor;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner;
CREATE TABLE regress_sqs.orders (id text);
ALTER TABLE regress_sqs.orders OWNER TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1', s3_endpoint 'http://127.0.0.1:1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner;
\set url 'http://127.0.0.1:1/123456789012/orders.fifo'
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.orders', dedup_scope => 'queue');

-- A receipt: four records of an object, for two queues; the third was rejected.
CREATE TABLE regress_sqs.receipt (name text, doc jsonb);
INSERT INTO regress_sqs.receipt VALUES ('one', '{
	"version": 1, "bucket": "bucket", "key": "in/a b.json", "version_id": "v1", "sequencer": "0055",
	"source": "s3://bucket/in/a%20b.json?versionId=v1", "event_time": "2026-01-02T10:00:00.000Z",
	"at": "2026-01-02T10:00:01.5Z", "request_id": "r1", "program_sha256": {"orders": "00"},
	"part": 1, "last": true, "first_record": 1,
	"outputs": {
		"orders": {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo",
			"messages": [["d1", "g1"], ["d2", "g1"], null, ["d4", "g2"]]},
		"other": {"queue_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/other.fifo",
			"messages": [["x1", "g1"], null, null, null]}},
	"rejected": [{"record": 3, "reason": "InvalidJson: cut short"}]}');

-- nothing has come yet; then most of it
SELECT r.* FROM regress_sqs.receipt, sqs.reconcile('orders', '2026-01-02', '2026-01-03', doc) r;
SELECT * FROM sqs.ingest('orders', '[{"dedup_id": "d1", "body": {"id": "1"}, "source": "s3://bucket/in/a%20b.json?versionId=v1#1"},
	{"dedup_id": "d4", "body": {"id": "4"}, "source": "s3://bucket/in/a%20b.json?versionId=v1#4"}]');
SELECT record, dedup_id, place FROM regress_sqs.receipt, sqs.reconcile('orders', NULL, NULL, doc);
-- what is in the quarantine, or was there, says so
INSERT INTO sqs.quarantined (subscription, route, dedup_key, content_hash, message_id, group_id, dedup_id,
	sequence_number, attributes, source, body, body_bytes, reason, error_sqlstate, state, note)
SELECT id, route, key, '\x00', '', 'g1', key, '', '{}', source, '', 0, 'data', '22P02', 'waiting', NULL
FROM sqs.subscription, (VALUES ('', 'd2', 's3://bucket/in/a%20b.json?versionId=v1#2'), ('default', 'd4', 's3://bucket/in/a%20b.json?versionId=v1#4')) q(route, key, source);
SELECT record, dedup_id, place, regexp_replace(details, 'id \d+', 'id N') AS details FROM regress_sqs.receipt, sqs.reconcile('orders', NULL, NULL, doc);
UPDATE sqs.quarantined SET state = 'discarded', note = 'a test' WHERE dedup_key = 'd2';
UPDATE sqs.quarantined SET state = 'applied' WHERE dedup_key = 'd4';
SELECT record, dedup_id, place, regexp_replace(details, 'id \d+', 'id N') AS details FROM regress_sqs.receipt, sqs.reconcile('orders', NULL, NULL, doc);
-- the span is that of the events, its end excluded
SELECT f, t, (SELECT count(*) FROM regress_sqs.receipt, sqs.reconcile('orders', f, t, doc)) AS rows
FROM (VALUES (timestamptz '2026-01-02 10:00:00', timestamptz '2026-01-02 10:00:00.001'), ('2026-01-02 09:00:00', '2026-01-02 10:00:00'),
	('2026-01-02 10:00:00.001', 'infinity'), (NULL, '2027-01-01'), ('2026-01-01', NULL)) v(f, t);
-- all is well
DELETE FROM sqs.quarantined;
SELECT count(*) FROM sqs.ingest('orders', '[{"dedup_id": "d2", "body": {"id": "2"}}]');
SELECT record, place FROM regress_sqs.receipt, sqs.reconcile('orders', NULL, NULL, doc);
SELECT record, place FROM regress_sqs.receipt, sqs.reconcile('orders', NULL, NULL, jsonb_set(doc, '{rejected}', '[]'));
SELECT * FROM sqs.reconcile('orders', NULL, NULL, '[]');

-- parts: every one is there, one is missing, the last is missing
INSERT INTO regress_sqs.receipt SELECT 'part ' || n, doc || format('{"key": "big", "source": "s3://bucket/big?versionId=v9", "version_id": "v9", "part": %s, "last": %s,
	"first_record": %s, "rejected": [], "outputs": {"orders": {"queue_url": "%s", "messages": [["b%s", "g"]]}}}', n, to_json(n = 3), n, :'url', n)::jsonb
FROM regress_sqs.receipt, generate_series(1, 3) n WHERE name = 'one';
SELECT count(*) FROM sqs.ingest('orders', '[{"dedup_id": "b1", "body": {"id": "b1"}}, {"dedup_id": "b3", "body": {"id": "b3"}}]');
SELECT without, r.object_key, r.version_id, r.record, r.dedup_id, r.place, r.details
FROM (VALUES (0), (1), (2), (3)) v(without),
	LATERAL (SELECT jsonb_agg(doc) AS docs FROM regress_sqs.receipt WHERE name LIKE 'part%' AND name <> 'part ' || without) a,
	LATERAL sqs.reconcile('orders', '2026-01-01', '2026-02-01', docs) r ORDER BY without, record;
SELECT count(*) FROM regress_sqs.receipt, sqs.reconcile('orders', '2026-01-05', '2026-02-01', doc) WHERE name = 'part 1';
-- a part that is there twice is not the beginning of another receipt
SELECT r.place, r.details FROM (SELECT jsonb_agg(doc ORDER BY twice, name) AS docs FROM regress_sqs.receipt, (VALUES (1), (2)) v(twice)
	WHERE name LIKE 'part%' AND (twice = 1 OR name = 'part 1')) a, LATERAL sqs.reconcile('orders', '2026-01-01', '2026-02-01', docs) r
	WHERE place = 'receipt incomplete';

-- within groups the key is group and id
SELECT sqs.create_subscription('grouped', :'url', 'regress_sqs_server', 'regress_sqs.orders', dedup_scope => 'messageGroup');
SELECT count(*) FROM sqs.ingest('grouped', '[{"dedup_id": "d1", "group_id": "g1", "body": {"id": "1"}}, {"dedup_id": "d2", "group_id": "g2", "body": {"id": "2"}}]');
SELECT record, dedup_id, group_id, place FROM regress_sqs.receipt, sqs.reconcile('grouped', NULL, NULL, doc) WHERE name = 'one';
-- where the key comes from somewhere else, the source tells
SELECT sqs.create_subscription('keyed', :'url', 'regress_sqs_server', 'regress_sqs.orders', dedup_scope => 'queue', dedup_key => 'transaction_id');
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source)
SELECT id, 't1', '\x00', '', '', 's3://bucket/in/a%20b.json?versionId=v1#2' FROM sqs.subscription WHERE name = 'keyed';
SELECT record, dedup_id, place FROM regress_sqs.receipt, sqs.reconcile('keyed', NULL, NULL, doc) WHERE name = 'one';
-- ... and where that is not known
SELECT sqs.create_subscription('fresh', :'url', 'regress_sqs_server', 'regress_sqs.orders');
SELECT * FROM sqs.reconcile('fresh', NULL, NULL, '[]');

-- a part of the usual size: its rows are small, however large it is
SET temp_file_limit = '20MB';
SET work_mem = '1MB';
SELECT count(*), min(record), max(record) FROM sqs.reconcile('orders', NULL, NULL, (SELECT jsonb_set(doc, '{outputs,orders,messages}',
	(SELECT jsonb_agg(jsonb_build_array('many' || n, 'g')) FROM generate_series(1, 10000) n)) FROM regress_sqs.receipt WHERE name = 'one'));
RESET temp_file_limit;
RESET work_mem;

-- what is no receipt
SELECT * FROM sqs.reconcile('orders', NULL, NULL, '7');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sqs.reconcile('orders', NULL, NULL, '[{"version": 2}]');
CREATE FUNCTION regress_sqs.problem(receipts jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM * FROM sqs.reconcile('orders', NULL, NULL, receipts);
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ': ' || sqlerrm;
END $$;
SELECT path, value, regress_sqs.problem(jsonb_build_array(doc, jsonb_set(doc, path::text[], value::jsonb)))
FROM regress_sqs.receipt, (VALUES ('{bucket}', 'null'), ('{key}', '1'), ('{source}', '{}'), ('{event_time}', '"yesterday"'), ('{event_time}', '"2026-02-30T00:00:00Z"'),
	('{part}', '0'), ('{part}', '"1x"'), ('{part}', '100000'), ('{last}', '"yes"'), ('{first_record}', '-1'), ('{first_record}', '1.5'), ('{first_record}', '9999999999999999'),
	('{outputs}', '[]'), ('{outputs,orders}', '7'), ('{outputs,orders,messages}', '{}'), ('{outputs,orders,queue_url}', 'null'),
	('{outputs,orders,messages}', '["d1"]'), ('{outputs,orders,messages}', '[["d1"]]'), ('{outputs,orders,messages}', '[[1, "g"]]'),
	('{rejected}', 'null'), ('{rejected}', '[7]'), ('{rejected}', '[{"record": "x"}]')) v(path, value)
WHERE name = 'one';
SELECT regress_sqs.problem(doc - 'rejected'), regress_sqs.problem(doc - 'at' - 'program_sha256' - 'version_id') FROM regress_sqs.receipt WHERE name = 'one';

-- from S3 it takes a place, and a span
SELECT * FROM sqs.reconcile('orders', '2026-01-01', '2026-01-02');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', receipts => 's3://receipts/orders/');
SELECT * FROM sqs.reconcile('orders', NULL, '2026-01-02');
SELECT * FROM sqs.reconcile('orders', '2025-01-01', 'infinity');
SELECT * FROM sqs.reconcile('orders', '2024-01-01', '2026-01-01');
SELECT * FROM sqs.reconcile('orders', '4714-11-24 BC', '294276-12-31');
SELECT * FROM sqs.reconcile('orders', '2026-01-02', '2026-01-02');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_sqs_monitor;
SELECT * FROM sqs.reconcile('orders', NULL, NULL, '[]');
RESET ROLE;

SELECT count(sqs.drop_subscription(name::text, true)) FROM sqs.subscription;
DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server;
DROP ROLE regress_sqs_owner, regress_sqs_monitor;
