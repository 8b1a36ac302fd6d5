-- Routes by statement: what may be added, and what a statement sees.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_route;
CREATE ROLE regress_sqs_other;
CREATE SCHEMA regress_sqs_route AUTHORIZATION regress_sqs_route;
CREATE SERVER regress_sqs_route FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_route TO regress_sqs_route;
SET ROLE regress_sqs_route;
CREATE TABLE regress_sqs_route.seen (message_id text, group_id text, dedup_id text, sequence_number numeric,
	sent_at timestamptz, receive_count integer, attributes jsonb, body jsonb, body_text text);
CREATE TABLE regress_sqs_route.total (account text PRIMARY KEY, amount numeric NOT NULL, messages bigint NOT NULL);
CREATE TABLE regress_sqs_route.big (id text, amount numeric CHECK (amount < 1000000));
CREATE TABLE regress_sqs_route.batch (body jsonb);
CREATE UNLOGGED TABLE regress_sqs_route.unlogged (id text);
RESET ROLE;
SELECT sqs.create_subscription('regress_route', 'https://sqs.eu-west-1.amazonaws.com/123456789012/route.fifo',
	'regress_sqs_route', owner => 'regress_sqs_route', enabled => false, dedup_scope => 'queue');
SET search_path = regress_sqs_route, public;

-- every column of batch
SELECT sqs.add_route('regress_route', 'seen', statement => 'INSERT INTO seen SELECT * FROM batch');
SELECT name, target, statement, search_path, on_error FROM sqs.route;
SELECT outcome FROM sqs.ingest('regress_route', '[
	{"dedup_id": "1", "group_id": "g", "message_id": "m", "sequence_number": "18870000000000000000",
	 "body": {"id": 1, "amount": 12345678901234567.89, "fee": 1.10}},
	{"dedup_id": "2", "body": "[1,  2.50]"}]');
SELECT message_id, group_id, dedup_id, sequence_number, sent_at, receive_count, attributes, body, body_text FROM seen;
-- a number that is none
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "3", "sequence_number": "x1", "body": {}}]');
\echo :LAST_ERROR_SQLSTATE

-- a body that jsonb cannot hold names its message
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "4", "body": {}}, {"dedup_id": "5", "body": "not json"}]');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "6", "body": {}}, {"dedup_id": "7", "body": {"a": "\u0000"}}]');
\echo :LAST_ERROR_SQLSTATE
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "8", "body": {"a": "\ud800"}}]');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM seen;
SELECT sqs.drop_route('regress_route', 'seen');

-- one statement a batch, joined, aggregated, in several tables, under the search_path of now
SELECT sqs.add_route('regress_route', 'totals', statement => $$
	WITH parts AS (SELECT body->>'account' AS account, sum((body->>'amount')::numeric) AS amount, count(*) AS n FROM batch GROUP BY 1),
		big AS (INSERT INTO big SELECT body->>'id', (body->>'amount')::numeric FROM batch WHERE (body->>'amount')::numeric > 100)
	INSERT INTO total SELECT account, amount, n FROM parts
	ON CONFLICT (account) DO UPDATE SET amount = total.amount + EXCLUDED.amount, messages = total.messages + EXCLUDED.messages $$);
SET search_path = public;
SELECT outcome FROM sqs.ingest('regress_route', '[
	{"dedup_id": "10", "body": {"id": "a", "account": "x", "amount": 100.10}},
	{"dedup_id": "11", "body": {"id": "b", "account": "x", "amount": 0.01}},
	{"dedup_id": "12", "body": {"id": "c", "account": "y", "amount": 99}}]');
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "12", "body": {"id": "c", "account": "y", "amount": 99}},
	{"dedup_id": "13", "body": {"id": "d", "account": "y", "amount": 1}}]');
TABLE regress_sqs_route.total ORDER BY 1;
TABLE regress_sqs_route.big;
-- the message that a constraint refuses is named, and nothing of the call stays
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "14", "body": {"id": "e", "account": "y", "amount": 1}},
	{"dedup_id": "15", "body": {"id": "f", "account": "y", "amount": 1000000}}]');
\echo :LAST_ERROR_SQLSTATE
SELECT amount FROM regress_sqs_route.total WHERE account = 'y';
-- a changed table is no harm
ALTER TABLE regress_sqs_route.total ADD COLUMN note text DEFAULT 'new';
DROP TABLE regress_sqs_route.big;
CREATE TABLE regress_sqs_route.big (id text, amount numeric);
ALTER TABLE regress_sqs_route.big OWNER TO regress_sqs_route;
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "16", "body": {"id": "g", "account": "z", "amount": 101}}]');
SELECT * FROM regress_sqs_route.total WHERE account = 'z';
TABLE regress_sqs_route.big;
SELECT sqs.drop_route('regress_route', 'totals');

-- MERGE, UPDATE and DELETE write too; a statement may return rows
SET search_path = regress_sqs_route;
SELECT sqs.add_route('regress_route', 'a merge', statement => $$ MERGE INTO total t USING (SELECT body->>'account' AS account FROM batch) b
	ON t.account = b.account WHEN MATCHED THEN UPDATE SET messages = messages + 100 WHEN NOT MATCHED THEN INSERT VALUES (b.account, 0, 1) $$);
SELECT sqs.add_route('regress_route', 'b update', statement => $$ UPDATE total t SET note = b.body->>'id' FROM batch b WHERE t.account = b.body->>'account' RETURNING t.* $$);
SELECT sqs.add_route('regress_route', 'c delete', statement => $$ DELETE FROM big USING batch b WHERE big.id = b.body->>'gone' $$);
SELECT sqs.add_route('regress_route', 'd select', statement => $$ WITH i AS (INSERT INTO seen (body_text) SELECT body_text FROM batch RETURNING 1) SELECT count(*) FROM i $$);
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "20", "body": {"id": "u", "account": "z", "gone": "g"}}]');
SELECT * FROM total WHERE account = 'z';
TABLE big;
SELECT body_text FROM seen WHERE body IS NULL;
DELETE FROM sqs.route;

-- what is refused, with the place in the statement
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (body) SELECT b.bodi FROM batch b');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (body) SELEC body FROM batch');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO nowhere SELECT body FROM batch');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (receive_count) SELECT body FROM batch');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (body) SELECT body FROM batch WHERE group_id = $1');
\echo :LAST_ERROR_SQLSTATE
-- not one statement, not one that writes, not over batch
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (body) SELECT body FROM batch; DROP TABLE seen');
SELECT sqs.add_route('regress_route', 'r', statement => ' -- nothing');
SELECT sqs.add_route('regress_route', 'r', statement => 'SELECT * FROM batch');
SELECT sqs.add_route('regress_route', 'r', statement => 'TRUNCATE seen');
SELECT sqs.add_route('regress_route', 'r', statement => 'CREATE TABLE x AS SELECT * FROM batch');
SELECT sqs.add_route('regress_route', 'r', statement => 'COPY seen TO STDOUT');
SELECT sqs.add_route('regress_route', 'r', statement => 'BEGIN');
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (body) SELECT body FROM regress_sqs_route.batch');
SELECT sqs.add_route('regress_route', 'r', statement => 'WITH batch AS (SELECT 1 AS n) INSERT INTO seen (receive_count) SELECT n FROM batch');
\echo :LAST_ERROR_SQLSTATE
-- where rows would not last
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO unlogged SELECT body_text FROM batch');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'WITH x AS (INSERT INTO unlogged SELECT body_text FROM batch) INSERT INTO seen (body) SELECT body FROM batch');
-- the owner's privileges count, not the caller's
CREATE TABLE regress_sqs_route.closed (id text);
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO closed SELECT body_text FROM batch');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.add_route('regress_route', 'r', statement => 'WITH x AS (INSERT INTO closed SELECT body_text FROM batch) INSERT INTO seen (body) SELECT body FROM batch');
-- what is immutable runs when a statement is planned: as the owner
CREATE FUNCTION regress_sqs_route.who(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planned as %', current_user; END $$;
SELECT sqs.add_route('regress_route', 'r', statement => 'INSERT INTO seen (message_id) SELECT who(1) FROM batch');
-- nothing of it stayed
SELECT count(*) FROM sqs.route;
SHOW search_path;

-- a table of the statement's own name for the messages does not matter
SELECT sqs.add_route('regress_route', 'both', statement => 'INSERT INTO regress_sqs_route.batch (body) SELECT body FROM batch');
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "30", "body": {"id": 30}}]');
SELECT * FROM regress_sqs_route.batch;
SELECT sqs.drop_route('regress_route', 'both');

-- triggers and functions do not see it
CREATE FUNCTION regress_sqs_route.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.message_id := (SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'batch'); PERFORM * FROM batch; RETURN NEW; END $$;
ALTER TABLE regress_sqs_route.batch RENAME TO batch_table;
CREATE TRIGGER spy BEFORE INSERT ON regress_sqs_route.seen FOR EACH ROW EXECUTE FUNCTION regress_sqs_route.spy();
SELECT sqs.add_route('regress_route', 'seen', statement => 'INSERT INTO seen SELECT * FROM batch');
\set VERBOSITY terse
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "31", "body": {"id": 31}}]');
\set VERBOSITY default
DROP TRIGGER spy ON regress_sqs_route.seen;

-- the route's own search_path, whatever the session's
RESET search_path;
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "32", "body": {"id": 32}}]');
SELECT body FROM regress_sqs_route.seen WHERE dedup_id = '32';
SHOW search_path;
-- what it writes to must stay such as it was when the route was added
CREATE TABLE regress_sqs_route.parts (id text) PARTITION BY LIST (id);
ALTER TABLE regress_sqs_route.parts OWNER TO regress_sqs_route;
SET search_path = regress_sqs_route, public;
SELECT sqs.add_route('regress_route', 'zz parts', statement => $$ WITH w AS (INSERT INTO parts SELECT dedup_id FROM batch RETURNING *) INSERT INTO big SELECT id FROM w $$);
RESET search_path;
CREATE UNLOGGED TABLE regress_sqs_route.part PARTITION OF regress_sqs_route.parts DEFAULT;
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "34", "body": {"id": 34}}]');
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE regress_sqs_route.part SET LOGGED;
ALTER TABLE regress_sqs_route.big SET UNLOGGED;
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "34", "body": {"id": 34}}]');
ALTER TABLE regress_sqs_route.big SET LOGGED;
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "34", "body": {"id": 34}}]');
SELECT sqs.drop_route('regress_route', 'zz parts');
-- another owner's context cannot be had by a path: the schema is not to be used
REVOKE ALL ON SCHEMA regress_sqs_route FROM PUBLIC;
ALTER SCHEMA regress_sqs_route OWNER TO regress_sqs_other;
\set VERBOSITY terse
SELECT outcome FROM sqs.ingest('regress_route', '[{"dedup_id": "33", "body": {"id": 33}}]');
\set VERBOSITY default
\echo :LAST_ERROR_SQLSTATE

SELECT sqs.drop_subscription('regress_route');
DROP SERVER regress_sqs_route CASCADE;
DROP SCHEMA regress_sqs_route CASCADE;
DROP ROLE regress_sqs_route;
DROP ROLE regress_sqs_other;
