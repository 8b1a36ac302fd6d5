-- Subscriptions as rows: created, altered, switched, fenced, dropped.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;

-- every object has a comment
SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_sqs')
AND classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_foreign_data_wrapper'::regclass)
AND objid::regclass::text NOT LIKE '%\_seq'
AND NOT EXISTS (SELECT FROM pg_description d
				WHERE d.classoid = classid AND d.objoid = objid AND d.objsubid = 0)
ORDER BY 1;
SELECT attrelid::regclass AS without_comment, attname
FROM pg_attribute
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind = 'r')
AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL;

-- a dump carries the configuration and the ledger
SELECT c::regclass AS dumped
FROM pg_extension, unnest(extconfig) c WHERE extname = 'pg_sqs' ORDER BY c::regclass::text COLLATE "C";

CREATE ROLE regress_sqs_owner;
CREATE ROLE regress_sqs_other;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner, regress_sqs_other;
CREATE TABLE regress_sqs.orders (id text, amount numeric);
ALTER TABLE regress_sqs.orders OWNER TO regress_sqs_owner;
CREATE TABLE regress_sqs.parted (id text) PARTITION BY LIST (id);
CREATE TABLE regress_sqs.part PARTITION OF regress_sqs.parted DEFAULT;
GRANT INSERT (id) ON regress_sqs.parted TO regress_sqs_owner, regress_sqs_other;
CREATE VIEW regress_sqs.simple AS SELECT id FROM regress_sqs.orders;
ALTER VIEW regress_sqs.simple OWNER TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner, regress_sqs_other;
\set url 'http://127.0.0.1:1/123456789012/orders.fifo'

-- defaults: the owner is the target's, since a superuser calls
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.orders');
SELECT name, owner, server, queue_url, enabled, dedup_scope, visibility_timeout, max_batch,
	max_polls, timeline > 0 AS has_timeline, node_id,
	database = (SELECT oid FROM pg_database WHERE datname = current_database()) AS here
FROM sqs.subscription;
SELECT name, target FROM sqs.route;
\x
SELECT * FROM sqs.status;
\x

-- everything given
SELECT sqs.create_subscription('Nord payments', 'https://sqs.eu-west-1.amazonaws.com/123456789012/z.fifo',
	'regress_sqs_server', target => 'regress_sqs.simple', owner => 'regress_sqs_owner',
	enabled => false, visibility_timeout => 43200, max_batch => 1, max_polls => 32,
	dedup_scope => 'messageGroup');
-- without a target
SELECT sqs.create_subscription('bare', :'url', 'regress_sqs_server', owner => 'regress_sqs_other');
SELECT subscription, state, owner, targets FROM sqs.status;
SELECT name, enabled, visibility_timeout, max_batch, max_polls, dedup_scope
FROM sqs.subscription ORDER BY name;

-- alter: null leaves a setting alone
SELECT sqs.alter_subscription('orders');
SELECT sqs.alter_subscription('orders', max_polls => 8, visibility_timeout => 60);
SELECT sqs.alter_subscription('orders', max_batch => 10);
SELECT sqs.alter_subscription('bare', target => 'regress_sqs.parted');
SELECT sqs.alter_subscription('orders', target => 'regress_sqs.simple');
SELECT name, enabled, visibility_timeout, max_batch, max_polls, dedup_scope
FROM sqs.subscription ORDER BY name;
SELECT subscription, targets FROM sqs.status;

-- owner: the new one needs what the old one had
SELECT sqs.alter_subscription('orders', owner => 'regress_sqs_other');
SELECT sqs.alter_subscription('orders', owner => 'regress_sqs_other', target => 'regress_sqs.parted');
SELECT subscription, owner, targets FROM sqs.status WHERE subscription = 'orders';

-- another queue: its scope is not known yet
SELECT sqs.alter_subscription('orders', dedup_scope => 'queue');
SELECT sqs.alter_subscription('orders', queue_url => 'http://127.0.0.1:1/123456789012/other.fifo');
SELECT queue_url, dedup_scope FROM sqs.subscription WHERE name = 'orders';
SELECT sqs.alter_subscription('orders', queue_url => :'url', dedup_scope => 'messageGroup');
SELECT queue_url, dedup_scope FROM sqs.subscription WHERE name = 'orders';

-- with ledger rows only the way to the same queue can change
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source)
SELECT id, 'key', '\x00', '', '', '' FROM sqs.subscription WHERE name = 'orders';
SELECT sqs.alter_subscription('orders', queue_url => 'http://127.0.0.1:1/123456789012/other.fifo');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', dedup_scope => 'queue');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', dedup_scope => 'messageGroup', max_polls => 2);
SELECT sqs.alter_subscription('orders', queue_url => 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo');
SELECT queue_url, dedup_scope, max_polls FROM sqs.subscription WHERE name = 'orders';

-- switching off and on, more than once
SELECT sqs.disable('orders');
SELECT sqs.disable('orders');
SELECT subscription, state FROM sqs.status;
SELECT sqs.enable('orders');
SELECT sqs.enable('orders');
SELECT subscription, state FROM sqs.status;

-- a row that came here in a dump is fenced, until enable
UPDATE sqs.subscription SET system = 1, database = 1, timeline = 99, node_id = 'elsewhere' WHERE name = 'orders';
SELECT subscription, state, last_error IS NOT NULL AS has_reason, last_error_hint
FROM sqs.status WHERE subscription = 'orders';
SELECT sqs.alter_subscription('orders', max_polls => 3);
SELECT system, database, timeline, node_id, max_polls FROM sqs.subscription WHERE name = 'orders';
SELECT sqs.enable('orders');
SELECT subscription, state FROM sqs.status WHERE subscription = 'orders';
SELECT timeline < 99 AS timeline, node_id, system = (SELECT system_identifier FROM pg_control_system()) AS this_cluster,
	database = (SELECT oid FROM pg_database WHERE datname = current_database()) AS here
FROM sqs.subscription WHERE name = 'orders';

-- each of the four fences
CREATE FUNCTION regress_sqs.fence(bigint, oid, bigint, text) RETURNS text LANGUAGE sql AS
$$SELECT regexp_replace(sqs.fence_reason($1, $2, $3, $4), '\d+', 'N', 'g')$$;
SELECT regress_sqs.fence(system, database, timeline, node_id) FROM sqs.subscription WHERE name = 'orders';
SELECT regress_sqs.fence(system, '1', timeline, node_id) FROM sqs.subscription WHERE name = 'orders';
SELECT regress_sqs.fence(system + 1, database, timeline, node_id) FROM sqs.subscription WHERE name = 'orders';
SELECT regress_sqs.fence(system, database, timeline + 1, node_id) FROM sqs.subscription WHERE name = 'orders';
SELECT regress_sqs.fence(system, database, timeline, 'elsewhere') FROM sqs.subscription WHERE name = 'orders';

-- nothing happens in a transaction that is rolled back
BEGIN;
SELECT sqs.drop_subscription('orders');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', owner => 'regress_sqs_owner');
ROLLBACK;
SELECT subscription, owner FROM sqs.status;

-- drop takes routes and ledger along, and only its own
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source)
SELECT id, 'key', '\x00', '', '', '' FROM sqs.subscription WHERE name = 'bare';
SELECT sqs.drop_subscription('orders');
SELECT s.name, r.name, l.dedup_key
FROM sqs.ledger l JOIN sqs.subscription s ON s.id = l.subscription
JOIN sqs.route r ON r.subscription = s.id;
SELECT count(*) AS ledger FROM sqs.ledger;
SELECT count(*) AS routes FROM sqs.route;
SELECT sqs.drop_subscription('bare');
SELECT sqs.drop_subscription('Nord payments');
SELECT count(*) FROM sqs.status;

-- a search_path full of impostors changes nothing
CREATE FUNCTION regress_sqs.impostor(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR regress_sqs.= (LEFTARG = name, RIGHTARG = text, FUNCTION = regress_sqs.impostor);
CREATE FUNCTION regress_sqs.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT 'epoch'::timestamptz$$;
CREATE TABLE regress_sqs.subscription (name name);
SET search_path = regress_sqs, pg_catalog;
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'orders');
SELECT sqs.disable('order');
SELECT subscription, state, targets FROM sqs.status;
SELECT created_at OPERATOR(pg_catalog.>) 'epoch' AS dated FROM sqs.subscription;
SELECT sqs.drop_subscription('orders');
RESET search_path;

DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server;
DROP ROLE regress_sqs_owner;
DROP ROLE regress_sqs_other;
