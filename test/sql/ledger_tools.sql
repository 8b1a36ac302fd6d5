-- sqs.trace and sqs.forget: where a message is, and how it may come again.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
SET timezone = 'UTC';
CREATE ROLE regress_sqs_owner;
CREATE ROLE regress_sqs_admin IN ROLE sqs_admin;
CREATE ROLE regress_sqs_monitor IN ROLE sqs_monitor;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner;
CREATE TABLE regress_sqs.orders (id text);
ALTER TABLE regress_sqs.orders OWNER TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner;
SELECT sqs.create_subscription('orders', 'http://127.0.0.1:1/123456789012/orders.fifo', 'regress_sqs_server', 'regress_sqs.orders', dedup_scope => 'queue');
SELECT sqs.create_subscription('grouped', 'http://127.0.0.1:1/123456789012/grouped.fifo', 'regress_sqs_server', 'regress_sqs.orders', dedup_scope => 'messageGroup');
SELECT * FROM sqs.ingest('orders', '[
	{"dedup_id": "d1", "message_id": "m1", "sequence_number": "100", "source": "s3://bucket/in/a%20b.json?versionId=v1#1", "body": {"id": "1"}},
	{"dedup_id": "d2", "message_id": "m2", "sequence_number": "101", "source": "s3://bucket/in/a%20b.json?versionId=v1#2", "body": {"id": "2"}},
	{"dedup_id": "d3", "message_id": "m3", "sequence_number": "102", "body": {"id": "3"}}]');
SELECT * FROM sqs.ingest('grouped', '[{"dedup_id": "d1", "group_id": "g", "message_id": "m9", "body": {"id": "9"}}]');
INSERT INTO sqs.quarantined (subscription, route, dedup_key, content_hash, message_id, group_id, dedup_id,
	sequence_number, attributes, source, body, body_bytes, reason, error_sqlstate, error, state, quarantined_at, settled_at, settled_by, note)
SELECT id, route, key, '\x00', message_id, 'g', key, sequence_number, '{}', source, '\x7b7d', 2, 'data', '22P02', 'column "id": not a number', state,
	'2026-01-02 03:04:05.6', settled_at, settled_by, note
FROM sqs.subscription, (VALUES
	('default', 'd2', 'm2', '101', 's3://bucket/in/a%20b.json?versionId=v1#2', 'waiting', NULL::timestamptz, NULL::name, NULL),
	('', 'd4', 'm4', '103', 's3://bucket/in/a%20b.json?versionId=v1#3', 'discarded', '2026-01-03 00:00:00', 'somebody', 'a test'))
	q (route, key, message_id, sequence_number, source, state, settled_at, settled_by, note)
WHERE name = 'orders';
CREATE FUNCTION regress_sqs.trace(subscription text, id text, OUT place text, OUT route name, OUT dedup_key text, OUT source text, OUT details text)
RETURNS SETOF record LANGUAGE sql AS
$$ SELECT place, route, dedup_key, source, regexp_replace(details, 'id \d+', 'id N') FROM sqs.trace(subscription, id) $$;

-- by each of its names
SELECT * FROM regress_sqs.trace('orders', 'd1');
SELECT at = (SELECT applied_at FROM sqs.ledger WHERE dedup_key = 'd1') AS dated, message_id, sequence_number
FROM sqs.trace('orders', 'd1') WHERE place = 'ledger';
SELECT id, (SELECT string_agg(dedup_key, ' ' ORDER BY dedup_key) FROM sqs.trace('orders', id) WHERE place = 'ledger') AS found
FROM unnest(ARRAY['m1', '100', 's3://bucket/in/a%20b.json?versionId=v1#1', 's3://bucket/in/a%20b.json?versionId=v1',
	's3://bucket/in/a%20b.json', 'in/a b.json', 'a b.json', 's3://bucket/in/a', 'D1', 'd', '']) id WHERE id <> '';
SELECT * FROM regress_sqs.trace('grouped', 'd1');
-- a route that waits, a message that was never applied, one that nobody knows
SELECT * FROM regress_sqs.trace('orders', 'd2');
SELECT * FROM regress_sqs.trace('orders', 'm4');
SELECT * FROM regress_sqs.trace('orders', 'nobody''s');
SELECT * FROM regress_sqs.trace('grouped', 'd2');
-- a route that came later did not see it
UPDATE sqs.route SET created_at = now() + interval '1 hour';
SELECT route, details FROM regress_sqs.trace('orders', 'd3') WHERE place = 'route';
SELECT * FROM sqs.trace('orders', NULL);
SELECT * FROM sqs.trace('orders', '');
\echo :LAST_ERROR_SQLSTATE

-- forget: audited, and only what was applied in the span
UPDATE sqs.ledger SET applied_at = timestamptz '2026-01-01 00:00:00' + (right(dedup_key, 1) || ' days')::interval;
SET client_min_messages = notice;
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', 'replay after the tariff was fixed');
SET client_min_messages = error;
SELECT dedup_key FROM sqs.ledger ORDER BY 1;
SELECT applied_from, applied_to, rows, reason, forgotten_by = session_user AS by_me, forgotten_at <= now() AS at FROM sqs.forgotten;
SELECT * FROM regress_sqs.trace('orders', 'd1') WHERE place <> 'forgotten';
SELECT count(*) AS forgotten FROM regress_sqs.trace('orders', 'd1') WHERE place = 'forgotten';
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', 'again');
-- ... after which it is applied again
SELECT * FROM sqs.ingest('orders', '[{"dedup_id": "d1", "body": {"id": "1"}}, {"dedup_id": "d3", "body": {"id": "3"}}]');
BEGIN;
SELECT sqs.forget('orders', '-infinity', 'infinity', 'all of it');
ROLLBACK;
SELECT dedup_key FROM sqs.ledger ORDER BY 1;
-- with one snapshot it would not see what was applied since
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT sqs.forget('orders', '-infinity', 'infinity', 'all of it');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

SELECT sqs.forget('orders', '2026-01-04', '2026-01-04', 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', E' \t');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.forget('orders', '2026-01-02', NULL, 'x');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.forget('none', '2026-01-02', '2026-01-04', 'x');

-- who may
SET ROLE regress_sqs_monitor;
SELECT * FROM sqs.trace('orders', 'd1');
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', 'x');
SELECT rows, reason FROM sqs.forgotten ORDER BY id;
RESET ROLE;
SET ROLE regress_sqs_admin;
SELECT count(*) FROM sqs.trace('orders', 'd1');
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', 'as an operator');
RESET ROLE;
SELECT rows, reason, forgotten_by = session_user AS by_the_session FROM sqs.forgotten ORDER BY id;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_owner;
GRANT EXECUTE ON FUNCTION sqs.trace, sqs.forget TO regress_sqs_owner;
ALTER ROLE regress_sqs_monitor RENAME TO regress_sqs_stranger;
GRANT EXECUTE ON FUNCTION sqs.trace, sqs.forget TO regress_sqs_stranger;
SET ROLE regress_sqs_owner;
SELECT count(*) FROM sqs.trace('orders', 'd1');
SET ROLE regress_sqs_stranger;
SELECT count(*) FROM sqs.trace('orders', 'd1');
SELECT sqs.forget('orders', '2026-01-02', '2026-01-04', 'x');
RESET ROLE;

SELECT sqs.drop_subscription('orders', true), sqs.drop_subscription('grouped');
DELETE FROM sqs.forgotten;
DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server;
DROP OWNED BY regress_sqs_owner, regress_sqs_stranger;
DROP ROLE regress_sqs_owner, regress_sqs_admin, regress_sqs_stranger;
