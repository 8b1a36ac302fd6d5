-- What a subscription can be told about failures, the ledger and receipts.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
SET client_min_messages = notice;
SET intervalstyle = 'postgres';

CREATE ROLE regress_sqs_owner;
CREATE ROLE regress_sqs_admin IN ROLE sqs_admin;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO regress_sqs_owner;
CREATE TABLE regress_sqs.orders (id text);
ALTER TABLE regress_sqs.orders OWNER TO regress_sqs_owner;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_owner;
\set url 'http://127.0.0.1:1/123456789012/orders.fifo'
CREATE VIEW regress_sqs.settings AS
SELECT policy, consumers, dedup_key, dedup_retention, quarantine_retention, unwrap_sns, receipts
FROM sqs.subscription;
SET client_min_messages = error;

-- defaults, and everything given
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.orders');
TABLE regress_sqs.settings;
SELECT sqs.drop_subscription('orders');
SELECT sqs.create_subscription('orders', :'url', 'regress_sqs_server', 'regress_sqs.orders',
	policy => 'block', consumers => 16, dedup_key => '$.header.id', dedup_retention => '60 days',
	quarantine_retention => '1 year', unwrap_sns => true, receipts => 's3://receipts/transactions/');
TABLE regress_sqs.settings;

-- alter: null leaves a setting alone, an empty text takes it back
SELECT sqs.alter_subscription('orders');
TABLE regress_sqs.settings;
SELECT sqs.alter_subscription('orders', policy => 'quarantine_group', consumers => 2);
SELECT sqs.alter_subscription('orders', unwrap_sns => false, receipts => '', dedup_key => '');
TABLE regress_sqs.settings;
SELECT sqs.alter_subscription('orders', dedup_key => 'transaction_id', receipts => 's3://receipts',
	quarantine_retention => '90 days');
SELECT sqs.disable('orders');
SELECT sqs.enable('orders');
TABLE regress_sqs.settings;

-- what cannot be
SELECT sqs.alter_subscription('orders', policy => 'ignore');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', consumers => 0);
SELECT sqs.alter_subscription('orders', consumers => 17);
SELECT sqs.alter_subscription('orders', dedup_retention => '0');
SELECT sqs.alter_subscription('orders', dedup_retention => '1 day -24 hours');
SELECT sqs.alter_subscription('orders', quarantine_retention => '-1 day');
SELECT sqs.alter_subscription('orders', quarantine_retention => '1001 years');
SELECT sqs.alter_subscription('orders', dedup_key => '.x');
\echo :LAST_ERROR_SQLSTATE
SELECT key, sqs.alter_subscription('orders', dedup_key => key)
FROM unnest(ARRAY['a_B-c.9', '$.a', '$.a b.ü']) key;
DO $$
DECLARE
	wrong text;
BEGIN
	FOREACH wrong IN ARRAY ARRAY['$', '$.', '$.a.', '$..a', '$.a[0]', '$.*', '$."a"', 'a b', 'a..b', 'a.', repeat('a', 257)] LOOP
		BEGIN
			PERFORM sqs.alter_subscription('orders', dedup_key => wrong);
			RAISE EXCEPTION 'taken: %', wrong;
		EXCEPTION WHEN invalid_parameter_value THEN NULL;
		END;
	END LOOP;
	FOREACH wrong IN ARRAY ARRAY['receipts', 's3://', 's3:///x', 's3://ab/x', 's3://Bucket/x', 's3://a_b_c/x', 's3://-abc/x',
		's3://' || repeat('a', 64) || '/x', 's3://bucket/' || repeat('x', 600), 'http://bucket/x'] LOOP
		BEGIN
			PERFORM sqs.alter_subscription('orders', receipts => wrong);
			RAISE EXCEPTION 'taken: %', wrong;
		EXCEPTION WHEN invalid_parameter_value THEN NULL;
		END;
	END LOOP;
END
$$;
SELECT sqs.alter_subscription('orders', receipts => 'bucket/prefix');

-- a ledger that forgets what SQS still has
SET client_min_messages = notice;
SELECT sqs.alter_subscription('orders', dedup_retention => '27 days 23 hours');
SELECT sqs.alter_subscription('orders', dedup_retention => '28 days');
SET client_min_messages = error;

-- who says what a message means, writes for the owner; tuning is the operator's
SET ROLE regress_sqs_admin;
SELECT sqs.alter_subscription('orders', policy => 'block', consumers => 3, dedup_retention => '30 days',
	quarantine_retention => '30 days');
SELECT sqs.alter_subscription('orders', dedup_key => 'other');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', receipts => 's3://another/');
SELECT sqs.alter_subscription('orders', unwrap_sns => true);
RESET ROLE;

-- the ledger's keys are what they are
SELECT sqs.alter_subscription('orders', dedup_key => 'transaction_id');
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source)
SELECT id, 'key', '\x00', '', '', '' FROM sqs.subscription;
SELECT sqs.alter_subscription('orders', dedup_key => 'transaction_id');
SELECT sqs.alter_subscription('orders', dedup_key => '$.id');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('orders', dedup_key => '');
DELETE FROM sqs.ledger;
-- ... those of the quarantine too
INSERT INTO sqs.quarantined (subscription, dedup_key, content_hash, message_id, group_id, dedup_id,
	sequence_number, attributes, source, body, body_bytes, reason)
SELECT id, 'key', '\x00', '', '', '', '', '{}', '', '', 0, 'data' FROM sqs.subscription;
SELECT sqs.alter_subscription('orders', dedup_key => '$.id');
\echo :LAST_ERROR_SQLSTATE

-- enable starts what was stopped
UPDATE sqs.route SET stopped_since = now(), stopped_sqlstate = '42P01', stopped_reason = 'gone';
SELECT sqs.disable('orders');
SELECT stopped_since IS NULL AS runs, stopped_sqlstate FROM sqs.route;
SELECT sqs.enable('orders');
SELECT stopped_since IS NULL AS runs, stopped_sqlstate, stopped_reason FROM sqs.route;

-- a route that was a statement becomes a target
UPDATE sqs.route SET target = NULL, statement = 'INSERT INTO x SELECT FROM batch', search_path = 'public';
SELECT targets FROM sqs.status;
SELECT sqs.alter_subscription('orders', target => 'regress_sqs.orders');
SELECT target, statement, search_path FROM sqs.route;

-- what waits in the quarantine is not dropped by the way
SELECT sqs.drop_subscription('orders');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO sqs.held_group (subscription, group_id) SELECT id, 'g' FROM sqs.subscription;
INSERT INTO sqs.attempt (subscription, consumer) SELECT id, 1 FROM sqs.subscription;
UPDATE sqs.quarantined SET state = 'discarded';
BEGIN;
SELECT sqs.drop_subscription('orders');
ROLLBACK;
UPDATE sqs.quarantined SET state = 'waiting';
SELECT sqs.drop_subscription('orders', discard_quarantine => true);
SELECT (SELECT count(*) FROM sqs.subscription) AS subscriptions, (SELECT count(*) FROM sqs.quarantined) AS quarantined,
	(SELECT count(*) FROM sqs.held_group) AS held, (SELECT count(*) FROM sqs.attempt) AS attempts;

DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server;
DROP ROLE regress_sqs_owner;
DROP ROLE regress_sqs_admin;
