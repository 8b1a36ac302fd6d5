-- Every wrong message gets an error that says which, what and what to do, and leaves nothing behind.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_bad;
CREATE SCHEMA regress_sqs_bad AUTHORIZATION regress_sqs_bad;
CREATE SERVER regress_sqs_bad FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_bad TO regress_sqs_bad;
CREATE TABLE regress_sqs_bad.tx (
	id text PRIMARY KEY,
	amount numeric(6,2) CONSTRAINT not_negative CHECK (amount >= 0),
	need text NOT NULL DEFAULT 'x',
	doc jsonb,
	list integer[],
	always bigint GENERATED ALWAYS AS IDENTITY);
CREATE INDEX ON regress_sqs_bad.tx (need);
ALTER TABLE regress_sqs_bad.tx OWNER TO regress_sqs_bad;
SELECT sqs.create_subscription('regress_bad', 'https://sqs.eu-west-1.amazonaws.com/123456789012/bad.fifo',
	'regress_sqs_bad', 'regress_sqs_bad.tx', enabled => false, dedup_scope => 'queue');
INSERT INTO regress_sqs_bad.tx (id) VALUES ('taken');

-- the arguments
SELECT * FROM sqs.ingest(NULL, '[]');
SELECT * FROM sqs.ingest('regress_bad', NULL);
SELECT * FROM sqs.ingest('regress_none', '[]');
SELECT * FROM sqs.ingest('regress_bad', '[');

-- what went wrong, where, and what to do: only what is the same in all versions
CREATE FUNCTION pg_temp.probe(messages json, OUT state text, OUT error text, OUT hint text, OUT place text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM sqs.ingest('regress_bad', messages);
	error := 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, error = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT,
		place = PG_EXCEPTION_CONTEXT;
	place := substring(place FROM 'message \d+[^\n]*');
END $$;
-- a message of its own, between two good ones
CREATE FUNCTION pg_temp.probe_body(body text, OUT state text, OUT error text, OUT hint text, OUT place text)
LANGUAGE sql AS $$
	SELECT * FROM pg_temp.probe(json_build_array(json_build_object('dedup_id', 'a', 'body', '{"id": "a"}'),
		json_build_object('dedup_id', 'b', 'body', body), json_build_object('dedup_id', 'c', 'body', '{"id": "c"}')))
$$;
CREATE TEMP TABLE cases (n serial, value text);
\x on

-- the shape of messages
INSERT INTO cases (value) VALUES ('{}'), ('null'), ('"x"'), ('1'), ('[1]'), ('[[]]'), ('[{}]'), ('[{"body": 1}, null]'),
	('[{"Body": {}}]'), ('[{"body": {"id": "x"}, "group": "g"}]'), ('[{"body": {}, "dedup_id": 7}]'),
	('[{"body": {}, "dedup_id": "a b"}]'), ('[{"body": {}, "group_id": "é"}]'),
	('[{"body": {}, "dedup_id": "' || repeat('x', 129) || '"}]'), ('[{"body": {}, "message_id": "\u0000"}]'),
	('[{"body": {}, "source_sha256": "abc"}]'), ('[{"body": {}, "source": {"a": 1}}]'),
	('[{"body": {}, "source": "' || repeat('x', 4097) || '"}]'), ('[{"body": "\u0000"}]'), ('[{"body": "\ud800"}]');
SELECT left(value, 60) AS value, p.* FROM cases, pg_temp.probe(value::json) p ORDER BY n;
TRUNCATE cases;

-- bodies that are no rows
INSERT INTO cases (value) VALUES (''), (' '), ('x'), ('{"id": "x"'), ('{"id": "x"} x'), ('[{"id": "x"}]'), ('"id"'), ('1'), ('null'),
	('{}'), ('{"ID": "x"}'), ('{"always": 1}'), ('{"id": "\u0000"}'), ('{"id": "\ude00"}'), ('{"id": "x", "doc": {"a": "\u0000"}}'),
	('{"id": "x", "amount": "12,50"}'), ('{"id": "x", "amount": 10000}'), ('{"id": "x", "amount": -0.01}'),
	('{"id": "x", "need": null}'), ('{"id": null}'), ('{"id": "taken"}'), ('{"id": "x", "list": {"a": 1}}');
SELECT value, p.* FROM cases, pg_temp.probe_body(value) p ORDER BY n;
TRUNCATE cases;

-- what is too much
SELECT state, place FROM pg_temp.probe_body('{"id": "x", "doc": ' || repeat('[', 100000) || repeat(']', 100000) || '}');
SELECT state, place FROM pg_temp.probe_body('{"id": "x", "other": ' || repeat('{"a":', 100000) || '1' || repeat('}', 100000) || '}');
-- an index has its limits; these bytes do not compress
SELECT state, place FROM pg_temp.probe_body(json_build_object('id', 'x', 'need',
	(SELECT string_agg(encode(sha256(i::text::bytea), 'hex'), '') FROM generate_series(1, 300) i))::text);
SELECT state, place FROM pg_temp.probe_body('{"id": "x", "need": "' || repeat('y', 1000000) || '"}');
DELETE FROM regress_sqs_bad.tx WHERE id <> 'taken';
DELETE FROM sqs.ledger WHERE dedup_key IN ('a', 'b', 'c');

-- the same id with other content is a conflict, in one call and in two
SELECT * FROM pg_temp.probe('[{"dedup_id": "k", "body": {"id": "1"}}, {"dedup_id": "l", "body": {"id": "2"}}, {"dedup_id": "k", "body": {"id": "3"}}]');
SELECT * FROM pg_temp.probe('[{"dedup_id": "k", "body": {"id": "k"}}]');
SELECT * FROM pg_temp.probe('[{"dedup_id": "m", "body": {"id": "m"}}, {"dedup_id": "k", "body": {"id": "k2"}}, {"dedup_id": "j", "body": {"id": "j"}}]');
SELECT * FROM pg_temp.probe('[{"dedup_id": "k", "body": {"id": "k"}, "source_sha256": "0000000000000000000000000000000000000000000000000000000000000000"}]');

-- nothing stays of what failed
SELECT dedup_key FROM sqs.ledger WHERE subscription = (SELECT id FROM sqs.subscription WHERE name = 'regress_bad');
SELECT id FROM regress_sqs_bad.tx ORDER BY id;

-- the target: changed under us, no columns to fill, of a kind that takes no rows, gone
ALTER TABLE regress_sqs_bad.tx DROP COLUMN doc, ALTER amount TYPE integer, ADD COLUMN late boolean;
SELECT * FROM pg_temp.probe('[{"dedup_id": "n", "body": {"id": "n", "doc": {}, "late": true, "amount": 7}}]');
SELECT id, amount, late FROM regress_sqs_bad.tx WHERE id = 'n';
SELECT * FROM pg_temp.probe('[{"dedup_id": "o", "body": {"doc": {}}}]');
ALTER TABLE regress_sqs_bad.tx RENAME TO renamed;
SELECT * FROM pg_temp.probe('[{"dedup_id": "p", "body": {"id": "p"}}]');
CREATE TABLE regress_sqs_bad.only (n int GENERATED ALWAYS AS IDENTITY);
ALTER TABLE regress_sqs_bad.only OWNER TO regress_sqs_bad;
UPDATE sqs.route SET target = 'regress_sqs_bad.only' WHERE target = 'regress_sqs_bad.renamed'::regclass;
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"n": 1}}]');
UPDATE sqs.route SET target = 'regress_sqs_bad.only_n_seq' WHERE target = 'regress_sqs_bad.only'::regclass;
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"n": 1}}]');
UPDATE sqs.route SET target = 'regress_sqs_bad.renamed' WHERE target = 'regress_sqs_bad.only_n_seq'::regclass;
-- what a crash would empty, or another server would commit, later than create_subscription looked
ALTER TABLE regress_sqs_bad.renamed SET UNLOGGED;
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"id": "q"}}]');
ALTER TABLE regress_sqs_bad.renamed SET LOGGED;
CREATE TABLE regress_sqs_bad.parts (id text) PARTITION BY LIST (id);
ALTER TABLE regress_sqs_bad.parts OWNER TO regress_sqs_bad;
CREATE TABLE regress_sqs_bad.part_a PARTITION OF regress_sqs_bad.parts FOR VALUES IN ('a');
CREATE UNLOGGED TABLE regress_sqs_bad.part_b PARTITION OF regress_sqs_bad.parts FOR VALUES IN ('b');
UPDATE sqs.route SET target = 'regress_sqs_bad.parts' WHERE target = 'regress_sqs_bad.renamed'::regclass;
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"id": "a"}}]');
DROP TABLE regress_sqs_bad.part_b;
SELECT * FROM pg_temp.probe('[{"dedup_id": "part", "body": {"id": "a"}}]');
UPDATE sqs.route SET target = 'regress_sqs_bad.renamed' WHERE target = 'regress_sqs_bad.parts'::regclass;
REVOKE INSERT ON regress_sqs_bad.renamed FROM regress_sqs_bad;
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"id": "q"}}]');
GRANT INSERT ON regress_sqs_bad.renamed TO regress_sqs_bad;
CREATE TABLE regress_sqs_bad.gone (id text);
UPDATE sqs.route SET target = 'regress_sqs_bad.gone' WHERE target = 'regress_sqs_bad.renamed'::regclass;
DROP TABLE regress_sqs_bad.gone;
SELECT state, regexp_replace(error, '\d+', 'N') AS error, hint, place FROM pg_temp.probe('[{"dedup_id": "q", "body": {"id": "q"}}]');
DELETE FROM sqs.route WHERE subscription = (SELECT id FROM sqs.subscription WHERE name = 'regress_bad');
SELECT * FROM pg_temp.probe('[{"dedup_id": "q", "body": {"id": "q"}}]');

-- without knowing the scope of ids nothing is applied
UPDATE sqs.subscription SET dedup_scope = NULL WHERE name = 'regress_bad';
INSERT INTO sqs.route SELECT id, 'default', 'regress_sqs_bad.renamed' FROM sqs.subscription WHERE name = 'regress_bad';
SELECT * FROM pg_temp.probe('[{"dedup_id": "r", "body": {"id": "r"}}]');
UPDATE sqs.subscription SET dedup_scope = 'queue' WHERE name = 'regress_bad';

-- a read-only transaction
BEGIN READ ONLY;
SELECT state, error FROM pg_temp.probe('[{"dedup_id": "r", "body": {"id": "r"}}]');
ROLLBACK;
\x off

SELECT sqs.drop_subscription('regress_bad');
DROP SERVER regress_sqs_bad CASCADE;
DROP SCHEMA regress_sqs_bad CASCADE;
DROP ROLE regress_sqs_bad;
