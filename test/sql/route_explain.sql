-- sqs.explain: what the routes would write; nothing stays.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_explain;
CREATE ROLE regress_sqs_explain_admin IN ROLE sqs_admin;
CREATE ROLE regress_sqs_explain_other;
CREATE SCHEMA regress_sqs_explain AUTHORIZATION regress_sqs_explain;
CREATE SERVER regress_sqs_explain FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_explain TO regress_sqs_explain;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_explain, regress_sqs_explain_other;
GRANT EXECUTE ON FUNCTION sqs.explain, sqs.ingest TO regress_sqs_explain, regress_sqs_explain_other;
SELECT sqs.create_subscription('regress_explain', 'https://sqs.eu-west-1.amazonaws.com/123456789012/explain.fifo',
	'regress_sqs_explain', owner => 'regress_sqs_explain', enabled => false, dedup_scope => 'queue');
SET search_path = regress_sqs_explain;
SET SESSION AUTHORIZATION regress_sqs_explain;
CREATE TABLE tx (id text PRIMARY KEY, version int, amount numeric CHECK (amount > 0), currency char(3) DEFAULT 'EUR',
	twice numeric GENERATED ALWAYS AS (amount * 2) STORED, nr int GENERATED ALWAYS AS IDENTITY, who text DEFAULT current_user, rest jsonb);
CREATE TABLE history (id text REFERENCES tx DEFERRABLE INITIALLY DEFERRED, amount numeric);
CREATE TABLE calls (message text, grp text, dedup text, seq numeric, source text, recent boolean, count int);
CREATE FUNCTION upper_currency() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.currency := upper(NEW.currency); RETURN NEW; END $$;
CREATE TRIGGER upper_currency BEFORE INSERT ON tx FOR EACH ROW EXECUTE FUNCTION upper_currency();
RESET SESSION AUTHORIZATION;
SELECT sqs.add_route('regress_explain', 'a tx', 'tx', key => '{id}', version => 'version', rescue_column => 'rest');
SELECT sqs.add_route('regress_explain', 'b history', statement => $$ INSERT INTO history SELECT body->>'id', (body->>'amount')::numeric FROM batch WHERE body ? 'amount' $$);
SELECT sqs.add_route('regress_explain', 'c calls', statement => $$ INSERT INTO calls SELECT message_id, group_id, dedup_id, sequence_number,
	attributes->'source_key'->>'value', sent_at > now() - interval '1 minute', receive_count FROM batch $$);

-- rows as they would be, plans, and how many rows
SET SESSION AUTHORIZATION regress_sqs_explain;
\x
SELECT * FROM sqs.explain('regress_explain', '{"id": "a", "version": 1, "amount": 12345678901234567.89, "currency": "usd", "fee": 1.10}');
\x
SELECT route, rows, superseded, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "a", "version": 1}', 'g', 'd', '18870000000000000000',
	'{"source_key": {"type": "String", "value": "in/x"}}');
-- nothing of it is there, in the ledger neither; a message that was applied can be explained
SELECT (SELECT count(*) FROM tx) AS tx, (SELECT count(*) FROM history) AS history, (SELECT count(*) FROM calls) AS calls;
SELECT outcome FROM sqs.ingest('regress_explain', '[{"dedup_id": "1", "body": {"id": "a", "version": 2, "amount": 2}}]');
SELECT route, rows, superseded, written IS NULL AS nothing, error_sqlstate FROM sqs.explain('regress_explain', '{"id": "a", "version": 2, "amount": 2}', dedup_id => '1');
SELECT route, rows, superseded, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "a", "version": 1, "amount": 1}');
SELECT route, rows, superseded, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "a", "version": 2, "amount": 1}');
-- errors are answers, of each route
SELECT route, target, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "b", "version": 1, "amount": "1,10"}');
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "b", "version": 1, "amount": -1}');
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', 'not json');
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "b", "amount": 1}');
-- what would only fail at commit
RESET SESSION AUTHORIZATION;
DELETE FROM sqs.route WHERE name = 'a tx';
SET SESSION AUTHORIZATION regress_sqs_explain;
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "nobody", "amount": 1}');
-- in a transaction that goes on
BEGIN;
INSERT INTO tx (id, amount) VALUES ('mine', 1);
SELECT route, rows, error_sqlstate FROM sqs.explain('regress_explain', '{"id": "mine", "amount": 1}');
SELECT route, rows, error_sqlstate FROM sqs.explain('regress_explain', 'broken');
INSERT INTO history VALUES ('later', 1);
INSERT INTO tx (id, amount) VALUES ('later', 1);
COMMIT;
SELECT id FROM tx ORDER BY 1;
RESET SESSION AUTHORIZATION;

-- by another: with the owner's rights, restricted; deferred constraints show at their statement
SET SESSION AUTHORIZATION regress_sqs_explain_admin;
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "nobody", "amount": 1}');
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "mine", "amount": 1}');
SET SESSION AUTHORIZATION regress_sqs_explain_other;
SELECT * FROM sqs.explain('regress_explain', '{}');
\echo :LAST_ERROR_SQLSTATE
RESET SESSION AUTHORIZATION;
-- a caller's own deferred work is not done as the owner
CREATE TABLE public.regress_sqs_trap (n int PRIMARY KEY, who text);
GRANT ALL ON public.regress_sqs_trap TO regress_sqs_explain_admin, regress_sqs_explain;
CREATE FUNCTION public.regress_sqs_trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE INFO 'deferred as %', current_user; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON public.regress_sqs_trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.regress_sqs_trap();
SET SESSION AUTHORIZATION regress_sqs_explain_admin;
BEGIN;
INSERT INTO public.regress_sqs_trap VALUES (1);
SELECT route, rows, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "mine", "amount": 1}');
COMMIT;
RESET SESSION AUTHORIZATION;
DROP TABLE public.regress_sqs_trap;
DROP FUNCTION public.regress_sqs_trap;

-- an owner who may only insert sees how many rows, not the rows
CREATE TABLE closed (id text DEFAULT 'x', amount numeric);
GRANT INSERT ON closed TO regress_sqs_explain;
SELECT sqs.add_route('regress_explain', 'd closed', 'closed');
SELECT route, target, rows, written, error FROM sqs.explain('regress_explain', '{"id": "mine", "amount": 1}') WHERE route = 'd closed';
-- and one from whom row security hides them is not told that they fail
GRANT SELECT ON closed TO regress_sqs_explain;
ALTER TABLE closed ENABLE ROW LEVEL SECURITY;
CREATE POLICY anybody_adds ON closed FOR INSERT WITH CHECK (true);
SELECT route, rows, written, error_sqlstate, error FROM sqs.explain('regress_explain', '{"id": "mine", "amount": 1}') WHERE route = 'd closed';
-- a view with a trigger; a target that is gone; no route; nulls
SET SESSION AUTHORIZATION regress_sqs_explain;
CREATE VIEW split AS SELECT ''::text AS id;
CREATE FUNCTION split() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id || '!'; RETURN NEW; END $$;
CREATE TRIGGER split INSTEAD OF INSERT ON split FOR EACH ROW EXECUTE FUNCTION split();
RESET SESSION AUTHORIZATION;
DELETE FROM sqs.route;
SELECT sqs.add_route('regress_explain', 'split', 'split');
SELECT sqs.add_route('regress_explain', 'z closed', 'closed');
DROP TABLE closed;
SELECT route, rows, written, error_sqlstate, regexp_replace(error, '\d+', 'N') AS error FROM sqs.explain('regress_explain', '{"id": "v"}');
DELETE FROM sqs.route;
SELECT * FROM sqs.explain('regress_explain', '{"id": "v"}');
SELECT * FROM sqs.explain('regress_explain', NULL);
SELECT * FROM sqs.explain(NULL, '{}');
SELECT * FROM sqs.explain('nope', '{}');
-- a cancelled call is cancelled, and leaves its surroundings as they were
SELECT sqs.add_route('regress_explain', 'slow', statement => $$ INSERT INTO tx (id) SELECT body->>'id' FROM batch, pg_sleep(60) $$);
SET statement_timeout = '100ms';
DO $$
BEGIN
	PERFORM * FROM sqs.explain('regress_explain', '{"id": "v"}');
EXCEPTION WHEN query_canceled THEN
	RAISE INFO 'cancelled, and the block goes on';
END $$;
RESET statement_timeout;

SET search_path = public;
SELECT sqs.drop_subscription('regress_explain');
REVOKE ALL ON FUNCTION sqs.explain, sqs.ingest FROM regress_sqs_explain, regress_sqs_explain_other;
REVOKE ALL ON SCHEMA sqs FROM regress_sqs_explain, regress_sqs_explain_other;
DROP SERVER regress_sqs_explain CASCADE;
DROP SCHEMA regress_sqs_explain CASCADE;
DROP ROLE regress_sqs_explain, regress_sqs_explain_admin, regress_sqs_explain_other;
