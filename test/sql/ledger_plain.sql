-- How keys get into the ledger: as rows of a plain table, else by a statement that minds what else there is.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_plain;
CREATE SCHEMA regress_sqs_plain AUTHORIZATION regress_sqs_plain;
CREATE SERVER regress_sqs_plain FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_plain TO regress_sqs_plain;
SET ROLE regress_sqs_plain;
CREATE TABLE regress_sqs_plain.t (id text);
RESET ROLE;
SELECT sqs.create_subscription('regress_plain', 'https://sqs.eu-west-1.amazonaws.com/123456789012/plain.fifo', 'regress_sqs_plain', 'regress_sqs_plain.t', enabled => false, dedup_scope => 'queue');
\set one 'SELECT outcome FROM sqs.ingest(''regress_plain'', json_build_array(json_build_object(''dedup_id'', ''one'', ''message_id'', ''m'', ''body'', json_build_object(''id'', ''one''))))'

-- all columns of a row; its time is the transaction's
BEGIN;
SELECT outcome, count(*) FROM sqs.ingest('regress_plain', '[{"dedup_id": "d", "message_id": "m", "group_id": "g", "sequence_number": "17", "body": {"id": "x"}}]') GROUP BY 1;
SELECT dedup_key, message_id, sequence_number, source, content_hash = sha256('{"id": "x"}') AS hash, applied_at = now() AS now FROM sqs.ledger;
ROLLBACK;

-- more rows than are formed at a time, some twice; each is in both indexes
SELECT outcome, count(*) FROM sqs.ingest('regress_plain', (SELECT json_agg(json_build_object('dedup_id', (n % 450)::text, 'message_id', n::text, 'body', json_build_object('id', n % 450))) FROM generate_series(1, 500) n)) GROUP BY 1 ORDER BY 1;
SELECT count(*), count(DISTINCT dedup_key) FROM sqs.ledger;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(l.dedup_key) FROM generate_series(0, 449) n LEFT JOIN LATERAL (SELECT dedup_key FROM sqs.ledger WHERE subscription = (SELECT id FROM sqs.subscription WHERE name = 'regress_plain') AND dedup_key = n::text OFFSET 0) l ON true;
SELECT count(*) FROM sqs.ledger WHERE subscription = (SELECT id FROM sqs.subscription WHERE name = 'regress_plain') AND applied_at > '-infinity';
RESET enable_seqscan;
RESET enable_bitmapscan;

-- known and new ones in one batch, the known one last: nothing of a first try stays
SELECT outcome, count(*) FROM sqs.ingest('regress_plain', (SELECT json_agg(json_build_object('dedup_id', 'new' || n, 'message_id', n::text, 'body', json_build_object('id', n))) FROM generate_series(2, 3) n)) GROUP BY 1;
SELECT outcome, count(*) FROM sqs.ingest('regress_plain', (SELECT json_agg(json_build_object('dedup_id', 'new' || n, 'message_id', n::text, 'body', json_build_object('id', n))) FROM generate_series(1, 2) n)) GROUP BY 1 ORDER BY 1;
SELECT dedup_key FROM sqs.ledger WHERE dedup_key LIKE 'new%' ORDER BY 1;

-- a trigger fires, as for any INSERT
CREATE FUNCTION regress_sqs_plain.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.source := 'by a trigger'; RETURN NEW; END$$;
BEGIN;
CREATE TRIGGER note BEFORE INSERT ON sqs.ledger FOR EACH ROW EXECUTE FUNCTION regress_sqs_plain.note();
:one;
SELECT source FROM sqs.ledger WHERE dedup_key = 'one';
:one;
ROLLBACK;

-- a constraint is checked
\set VERBOSITY terse
ALTER TABLE sqs.ledger ADD CONSTRAINT regress_no_m CHECK (message_id <> 'm') NOT VALID;
:one;
ALTER TABLE sqs.ledger DROP CONSTRAINT regress_no_m;

-- another column gets its default
BEGIN;
ALTER TABLE sqs.ledger ADD COLUMN regress_more integer DEFAULT 5;
ALTER TABLE sqs.ledger ALTER COLUMN regress_more SET DEFAULT 6;
:one;
SELECT regress_more FROM sqs.ledger WHERE dedup_key = 'one';
ROLLBACK;

-- and so is the right to write it
SELECT relowner::regrole AS owner FROM pg_class WHERE oid = 'sqs.ledger'::regclass \gset
CREATE ROLE regress_sqs_plain_owner;
GRANT USAGE, CREATE ON SCHEMA sqs TO regress_sqs_plain_owner;
GRANT SELECT, UPDATE ON sqs.subscription TO regress_sqs_plain_owner;
GRANT SELECT ON sqs.route, sqs.quarantined, sqs.held_group TO regress_sqs_plain_owner;
ALTER TABLE sqs.ledger OWNER TO regress_sqs_plain_owner;
REVOKE INSERT ON sqs.ledger FROM regress_sqs_plain_owner;
:one;
GRANT INSERT ON sqs.ledger TO regress_sqs_plain_owner;
:one;
ALTER TABLE sqs.ledger OWNER TO :owner;
DROP OWNED BY regress_sqs_plain_owner;
DROP ROLE regress_sqs_plain_owner;

SELECT sqs.drop_subscription('regress_plain');
DROP SERVER regress_sqs_plain CASCADE;
DROP SCHEMA regress_sqs_plain CASCADE;
DROP ROLE regress_sqs_plain;
