-- What identifies a message: dedup_key names an attribute or a member of the body.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_keys;
CREATE SCHEMA regress_sqs_keys AUTHORIZATION regress_sqs_keys;
CREATE SERVER regress_sqs_keys FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_keys TO regress_sqs_keys;
\set url 'https://sqs.eu-west-1.amazonaws.com/123456789012/keys.fifo'
SET ROLE regress_sqs_keys;
CREATE TABLE regress_sqs_keys.t (id text, n numeric);
RESET ROLE;
\set subscribe 'SELECT sqs.create_subscription(''regress_keys'', :''url'', ''regress_sqs_keys'', ''regress_sqs_keys.t'', enabled => false, dedup_scope => ''queue'', dedup_key => '

-- a member of the body, by path: digits count as they are written
:subscribe '$.meta.key');
SELECT * FROM sqs.ingest('regress_keys', '[
	{"dedup_id": "1", "body": {"id": "a", "meta": {"key": "K1", "other": 1}}},
	{"dedup_id": "2", "body": {"id": "a", "meta": {"key": "K1", "other": 1}}},
	{"dedup_id": "1", "body": {"id": "b", "meta": {"key": 12345678901234567890.10}}},
	{"dedup_id": "1", "body": {"id": "c", "meta": {"k\u0065y": "K\u00e9 2"}}}]');
SELECT dedup_key FROM sqs.ledger ORDER BY 1;
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "other", "meta": {"key": "K1"}}}]');
-- none, or none that identifies
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x"}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x", "meta": "key"}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x", "meta": {"key": null}}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x", "meta": {"key": ""}}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x", "meta": {"key": {"a": 1}}}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": "no JSON"}]');
-- a long one stands as its digest
SELECT outcome FROM sqs.ingest('regress_keys', json_build_array(json_build_object('body', json_build_object('id', 'long', 'meta', json_build_object('key', repeat('x', 5000))))));
SELECT outcome FROM sqs.ingest('regress_keys', json_build_array(json_build_object('body', json_build_object('id', 'long', 'meta', json_build_object('key', repeat('x', 5000))))));
SELECT dedup_key FROM sqs.ledger WHERE length(dedup_key) > 30;
SELECT sqs.drop_subscription('regress_keys');

-- a message attribute, by name
:subscribe 'order');
SELECT * FROM sqs.ingest('regress_keys', '[
	{"dedup_id": "1", "body": {"id": "a"}, "attributes": {"order": {"type": "String", "value": "O-1"}}},
	{"dedup_id": "2", "body": {"id": "a"}, "attributes": {"order": {"type": "String", "value": "O-1"}}},
	{"dedup_id": "1", "body": {"id": "b"}, "attributes": {"other": {"type": "String", "value": "\u00fc"}, "order": {"type": "Number", "value": "2"}}}]');
SELECT dedup_key FROM sqs.ledger ORDER BY 1;
SELECT * FROM sqs.ingest('regress_keys', '[{"dedup_id": "3", "body": {"id": "x"}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"body": {"id": "x"}, "attributes": {"order": "O-1"}}]');
SELECT * FROM sqs.ingest('regress_keys', '[{"body": {"id": "x"}, "attributes": [1]}]');
SELECT sqs.drop_subscription('regress_keys');
DROP SERVER regress_sqs_keys CASCADE;
DROP SCHEMA regress_sqs_keys CASCADE;
DROP ROLE regress_sqs_keys;
