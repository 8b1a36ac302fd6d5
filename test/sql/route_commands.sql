-- sqs.add_route and sqs.drop_route: arguments, rights, and the reference's examples.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_shop;
CREATE ROLE regress_sqs_stranger;
CREATE ROLE regress_sqs_operator IN ROLE sqs_admin;
CREATE SCHEMA shop AUTHORIZATION regress_sqs_shop;
CREATE SERVER regress_sqs_shop FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_shop TO regress_sqs_shop;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_shop, regress_sqs_stranger;
GRANT EXECUTE ON FUNCTION sqs.add_route, sqs.drop_route TO regress_sqs_shop, regress_sqs_stranger;
GRANT USAGE ON SCHEMA shop TO regress_sqs_stranger, regress_sqs_operator;
SET ROLE regress_sqs_shop;
CREATE TABLE shop.newest (id text PRIMARY KEY, version integer NOT NULL DEFAULT 1, amount numeric, rest jsonb);
CREATE TABLE shop.customers (customer text PRIMARY KEY, orders bigint NOT NULL, amount numeric NOT NULL);
RESET ROLE;
SELECT sqs.create_subscription('orders', 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo',
	'regress_sqs_shop', owner => 'regress_sqs_shop', enabled => false, dedup_scope => 'queue');

-- the examples of docs/reference.md
SELECT sqs.add_route('orders', 'newest', 'shop.newest',
	key => ARRAY['id'], version => 'version', rescue_column => 'rest');
SELECT sqs.add_route('orders', 'customers', on_error => 'route', statement => $$
	INSERT INTO shop.customers AS c
	SELECT coalesce(body->>'customer', 'unknown'), count(*), sum((body->>'amount')::numeric) FROM batch GROUP BY 1
	ON CONFLICT (customer) DO UPDATE
	SET orders = c.orders + EXCLUDED.orders, amount = c.amount + EXCLUDED.amount $$);
SELECT route, rows, superseded, written, error_sqlstate, error
FROM sqs.explain('orders', '{"id": 5, "version": 2, "customer": "Zoë", "amount": 1.10, "gift": true}');
SELECT outcome FROM sqs.ingest('orders', '[{"dedup_id": "1", "body": {"id": 5, "version": 2, "customer": "Zoë", "amount": 1.10, "gift": true}},
	{"dedup_id": "2", "body": {"id": 5, "version": 1, "customer": "Zoë", "amount": 12345678901234567.89}}]');
TABLE shop.newest;
TABLE shop.customers;
SELECT sqs.drop_route('orders', 'customers');
SELECT name, target, key, version, rescue_column, statement IS NOT NULL AS statement, on_error FROM sqs.route;

-- a name that is taken; in one transaction it can be replaced
SELECT sqs.add_route('orders', 'newest', 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT sqs.drop_route('orders', 'newest');
SELECT sqs.add_route('orders', 'newest', 'shop.newest');
COMMIT;
SELECT key, version FROM sqs.route;
BEGIN;
SELECT sqs.drop_route('orders', 'newest');
ROLLBACK;
SELECT count(*) FROM sqs.route;

-- another target must suit what the route says of it
SELECT sqs.add_route('orders', 'default', 'shop.newest', key => '{id}', version => 'version');
SELECT sqs.alter_subscription('orders', target => 'shop.customers');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_route('orders', 'default');

-- arguments
SELECT sqs.add_route('orders', NULL, 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route(NULL, 'r', 'shop.newest');
SELECT sqs.add_route('nope', 'r', 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('orders', '', 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('orders', ' r', 'shop.newest');
\set VERBOSITY sqlstate
SELECT sqs.add_route('orders', E'two\nlines', 'shop.newest');
SELECT sqs.add_route('orders', repeat('r', 64), 'shop.newest');
\set VERBOSITY default
SELECT sqs.add_route('orders', 'r');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('orders', 'r', 'shop.newest', 'INSERT INTO shop.newest (id) SELECT body_text FROM batch');
SELECT sqs.add_route('orders', 'r', statement => 'INSERT INTO shop.newest (id) SELECT body_text FROM batch', key => '{id}');
SELECT sqs.add_route('orders', 'r', statement => 'INSERT INTO shop.newest (id) SELECT body_text FROM batch', rescue_column => 'rest');
SELECT sqs.add_route('orders', 'r', 'shop.newest', version => 'version');
SELECT sqs.add_route('orders', 'r', 'shop.newest', key => '{}');
SELECT sqs.add_route('orders', 'r', 'shop.newest', key => '{id,id}');
SELECT sqs.add_route('orders', 'r', 'shop.newest', key => ARRAY['id', NULL]);
SELECT sqs.add_route('orders', 'r', 'shop.newest', key => '{id,version}', version => 'version');
SELECT sqs.add_route('orders', 'r', 'shop.newest', on_error => 'ignore');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('orders', 'r', 1::regclass);
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('orders', 'r', 'pg_class');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_route('orders', 'nope');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_route('orders', NULL);

-- rights: the owner's; a stranger has none; sqs_admin ends routes, but does not write in the owner's name
SET ROLE regress_sqs_stranger;
SELECT sqs.add_route('orders', 'r', 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_route('orders', 'newest');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_sqs_operator;
SELECT sqs.add_route('orders', 'r', 'shop.newest');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_sqs_shop;
SELECT sqs.add_route('orders', 'r', 'shop.newest');
RESET ROLE;
-- what waits in the quarantine for a route stays; the last route leaves messages in the queue
SET client_min_messages = notice;
INSERT INTO sqs.quarantined (subscription, route, dedup_key, content_hash, message_id, group_id, dedup_id, sequence_number, attributes, source, body_bytes, reason)
	SELECT id, 'r', 'k', '\x00', 'm', '', '', '', '{}', '', 0, 'route_stopped' FROM sqs.subscription;
SET ROLE regress_sqs_operator;
SELECT sqs.drop_route('orders', 'r');
SELECT sqs.drop_route('orders', 'newest');
RESET ROLE;
SELECT route, state FROM sqs.quarantined;
SELECT outcome FROM sqs.ingest('orders', '[{"dedup_id": "3", "body": {"id": "A-3"}}]');

SET client_min_messages = error;
SELECT sqs.drop_subscription('orders', discard_quarantine => true);
REVOKE ALL ON FUNCTION sqs.add_route, sqs.drop_route FROM regress_sqs_shop, regress_sqs_stranger;
REVOKE ALL ON SCHEMA sqs FROM regress_sqs_shop, regress_sqs_stranger;
DROP SERVER regress_sqs_shop CASCADE;
DROP SCHEMA shop CASCADE;
DROP ROLE regress_sqs_shop, regress_sqs_stranger, regress_sqs_operator;
