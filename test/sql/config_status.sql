-- sqs.status without consumers: what is wrong, at a glance.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_owner;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner;
CREATE TABLE regress_sqs.orders (id text);
ALTER TABLE regress_sqs.orders OWNER TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner;
SELECT sqs.create_subscription('orders', 'http://127.0.0.1:1/123456789012/orders.fifo', 'regress_sqs_server', 'regress_sqs.orders');
SELECT sqs.create_subscription('quiet', 'http://127.0.0.1:1/123456789012/quiet.fifo', 'regress_sqs_server', 'regress_sqs.orders');
SELECT sqs.disable('quiet');
SELECT subscription, state, attention FROM sqs.status;

-- the quarantine; what was settled does not count
INSERT INTO sqs.quarantined (subscription, dedup_key, content_hash, message_id, group_id, dedup_id,
	sequence_number, attributes, source, body, body_bytes, reason, state)
SELECT s.id, 'key ' || n, '\x00', '', 'g', '', '', '{}', '', '', 0, 'data', CASE WHEN n = 1 THEN 'waiting' ELSE 'applied' END
FROM sqs.subscription s, generate_series(1, 3) n WHERE name = 'orders';
SELECT subscription, waiting, held_groups, stopped_routes, attention FROM sqs.status;
UPDATE sqs.quarantined SET state = 'waiting';
INSERT INTO sqs.held_group (subscription, group_id)
SELECT id, 'g' FROM sqs.subscription WHERE name = 'orders';
SELECT subscription, waiting, held_groups, attention FROM sqs.status WHERE subscription = 'orders';

-- stopped routes
SET timezone = 'UTC';
UPDATE sqs.route SET stopped_since = '2026-01-02 03:04:05.678', stopped_sqlstate = '42P01', stopped_reason = 'the target is gone';
INSERT INTO sqs.held_group (subscription, group_id)
SELECT id, 'h' FROM sqs.subscription WHERE name = 'orders';
SELECT subscription, waiting, held_groups, stopped_routes, attention FROM sqs.status;
SELECT sqs.drop_subscription('orders', discard_quarantine => true), sqs.drop_subscription('quiet');

DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server;
DROP ROLE regress_sqs_owner;
