-- Every wrong argument gets an error that says what to do.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_owner;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner;
CREATE TABLE regress_sqs.target (id text);
GRANT INSERT ON regress_sqs.target TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1');
CREATE FOREIGN DATA WRAPPER regress_other;
CREATE SERVER regress_sqs_other FOREIGN DATA WRAPPER regress_other;
\set url 'http://127.0.0.1:1/123456789012/orders.fifo'

-- nulls
SELECT sqs.create_subscription(NULL, :'url', 'regress_sqs_server');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', NULL, 'regress_sqs_server');
SELECT sqs.create_subscription('orders', :'url', NULL);
SELECT sqs.enable(NULL);
\echo :LAST_ERROR_SQLSTATE

-- names
SELECT sqs.create_subscription('', :'url', 'regress_sqs_server');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription(' orders', :'url', 'regress_sqs_server');
SELECT sqs.create_subscription(repeat('x', 64), :'url', 'regress_sqs_server');
\set VERBOSITY sqlstate
SELECT sqs.create_subscription(E'two\nlines', :'url', 'regress_sqs_server');
\set VERBOSITY default

-- settings
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', visibility_timeout => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', max_batch => 10001);
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', max_polls => -1);
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', dedup_scope => 'group');
\echo :LAST_ERROR_SQLSTATE

-- owner
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server');
\echo :LAST_ERROR_SQLSTATE
DO $$
BEGIN
	EXECUTE format('ALTER TABLE regress_sqs.target OWNER TO %I', current_user);
	PERFORM sqs.create_subscription('orders', 'http://127.0.0.1:1/123456789012/orders.fifo',
									'regress_sqs_server', 'regress_sqs.target');
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE EXCEPTION '%', replace(sqlerrm, current_user, 'the superuser');
END
$$;

-- server
SELECT sqs.create_subscription('orders', :'url', 'no such server', owner => 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_other', owner => 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', owner => 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner;

-- queue URL; the words are the AWS client's
\set VERBOSITY sqlstate
SELECT sqs.create_subscription('orders', 'orders.fifo', 'regress_sqs_server', owner => 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', 'http://127.0.0.1:1/orders.fifo', 'regress_sqs_server', owner => 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', '', 'regress_sqs_server', owner => 'regress_sqs_owner');
\set VERBOSITY default

-- credentials
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', owner => 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
CREATE USER MAPPING FOR regress_sqs_owner SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');

-- target
CREATE TEMPORARY TABLE regress_temporary (id text);
CREATE UNLOGGED TABLE regress_sqs.unlogged (id text);
CREATE FOREIGN TABLE regress_sqs.far (id text) SERVER regress_sqs_other;
CREATE MATERIALIZED VIEW regress_sqs.mat AS SELECT 1 AS id;
CREATE VIEW regress_sqs.grouped AS SELECT count(*) AS id FROM regress_sqs.target;
CREATE VIEW regress_sqs.before_unlogged AS SELECT id FROM regress_sqs.unlogged;
CREATE VIEW regress_sqs.before_view AS SELECT id FROM regress_sqs.before_unlogged;
CREATE VIEW regress_sqs.decides AS SELECT id FROM regress_sqs.unlogged;
CREATE RULE decides AS ON INSERT TO regress_sqs.decides DO INSTEAD INSERT INTO regress_sqs.target VALUES (NEW.id);
CREATE TABLE regress_sqs.parted (id text) PARTITION BY LIST (id);
CREATE UNLOGGED TABLE regress_sqs.part PARTITION OF regress_sqs.parted DEFAULT;
CREATE VIEW regress_sqs.before_parted AS SELECT id FROM regress_sqs.parted;
GRANT INSERT ON regress_sqs.before_view, regress_sqs.before_parted, regress_sqs.decides TO regress_sqs_owner;
CREATE TABLE regress_sqs.secret (id text);
CREATE SCHEMA regress_sqs_closed
	CREATE TABLE target (id text);
GRANT INSERT ON ALL TABLES IN SCHEMA regress_sqs_closed TO regress_sqs_owner;
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_temporary', 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.unlogged', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.far', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.mat', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.grouped', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.parted', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.before_view', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.before_parted', 'regress_sqs_owner');
BEGIN;
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.decides', 'regress_sqs_owner');
ROLLBACK;
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.secret', 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs_closed.target', 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 0::regclass, 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 1::regclass, 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', owner => 0::oid::regrole);
\echo :LAST_ERROR_SQLSTATE

-- nothing of all this stayed
SELECT count(*) FROM sqs.subscription;

-- a name is taken
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.target', 'regress_sqs_owner');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.target', 'regress_sqs_owner');
\echo :LAST_ERROR_SQLSTATE

-- missing ones
SELECT sqs.alter_subscription('nope', max_polls => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_subscription('nope');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.enable('nope');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.disable('nope');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM sqs.queue_state('nope');
\echo :LAST_ERROR_SQLSTATE

-- altering into what could not be created
SELECT sqs.alter_subscription('orders', max_polls => 0);
SELECT sqs.alter_subscription('orders', dedup_scope => 'none');
SELECT sqs.alter_subscription('orders', server => 'regress_sqs_other');
SELECT sqs.alter_subscription('orders', target => 'regress_sqs.unlogged');
SELECT sqs.alter_subscription('orders', owner => 'sqs_monitor');
\echo :LAST_ERROR_SQLSTATE
SELECT owner, server, dedup_scope, max_polls FROM sqs.subscription;

-- an endpoint where nobody listens
\set VERBOSITY sqlstate
SELECT * FROM sqs.queue_state('orders');
\set VERBOSITY default

-- what was there at creation and is gone later: enable says so
SELECT sqs.disable('orders');
DROP TABLE regress_sqs.target CASCADE;
\set VERBOSITY terse
DO $$
BEGIN
	PERFORM sqs.enable('orders');
EXCEPTION WHEN undefined_table THEN
	RAISE EXCEPTION '% %', sqlstate, regexp_replace(sqlerrm, '\d+', 'N');
END
$$;
\set VERBOSITY default
DROP USER MAPPING FOR regress_sqs_owner SERVER regress_sqs_server;
SELECT * FROM sqs.queue_state('orders');
\echo :LAST_ERROR_SQLSTATE
DROP SERVER regress_sqs_server;
SELECT * FROM sqs.queue_state('orders');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.drop_subscription('orders');

DROP SCHEMA regress_sqs CASCADE;
DROP SCHEMA regress_sqs_closed CASCADE;
DROP SERVER regress_sqs_other;
DROP FOREIGN DATA WRAPPER regress_other;
DROP ROLE regress_sqs_owner;
