-- sqs.quarantine, sqs.retry, sqs.release, sqs.discard: what a person does with what was refused.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_quarantine;
CREATE ROLE regress_sqs_q_monitor IN ROLE sqs_monitor;
CREATE ROLE regress_sqs_q_nobody;
CREATE SCHEMA regress_sqs_quarantine AUTHORIZATION regress_sqs_quarantine;
CREATE SERVER regress_sqs_quarantine FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_quarantine TO regress_sqs_quarantine;
\set url 'https://sqs.eu-west-1.amazonaws.com/123456789012/quarantine.fifo'
SET ROLE regress_sqs_quarantine;
CREATE TABLE regress_sqs_quarantine.tx (id integer, amount numeric CHECK (amount >= 0));
CREATE TABLE regress_sqs_quarantine.report (id integer NOT NULL, country char(2) NOT NULL);
RESET ROLE;
SELECT sqs.create_subscription('regress_quarantine', :'url', 'regress_sqs_quarantine',
	'regress_sqs_quarantine.tx', enabled => false, dedup_scope => 'queue');

-- What a consumer refused, as it would have written it.
CREATE FUNCTION pg_temp.refused(seq integer, grp text, key text, body text, reason text DEFAULT 'data') RETURNS void
LANGUAGE sql AS $$
	INSERT INTO sqs.quarantined (subscription, dedup_key, content_hash, message_id, group_id, dedup_id,
		sequence_number, attributes, source, body, body_bytes, reason, error_sqlstate, error, strikes)
	SELECT id, key, sha256(convert_to(body, 'UTF8')), 'm' || seq, grp, key, lpad(seq::text, 20, '0'), '{}', '',
		convert_to(body, 'UTF8'), octet_length(body), reason, CASE reason WHEN 'data' THEN '23514' END,
		CASE reason WHEN 'data' THEN 'refused' END, CASE reason WHEN 'parked' THEN 0 ELSE 1 END
	FROM sqs.subscription WHERE name = 'regress_quarantine'
$$;
CREATE SEQUENCE pg_temp.sent START 100;
CREATE FUNCTION pg_temp.ingest(grp text, key text, body text) RETURNS text LANGUAGE sql AS $$
	SELECT outcome FROM sqs.ingest('regress_quarantine', json_build_array(json_build_object('group_id', grp, 'dedup_id', key,
		'sequence_number', lpad(nextval('pg_temp.sent')::text, 20, '0'), 'body', body)))
$$;
-- (by_me compares every byte, also those behind the name)
CREATE VIEW pg_temp.q AS SELECT dedup_key, route, state, reason, error_sqlstate, error, strikes,
	CASE WHEN settled_by IS NOT NULL THEN record_image_eq(ROW(settled_by), ROW(session_user)) END AS by_me, note
	FROM sqs.quarantine WHERE subscription = 'regress_quarantine' ORDER BY id;

-- the same message once more: it is tried again, and what waited is settled by it
SELECT pg_temp.refused(1, 'a', 'same', '{"id": 1}');
SELECT pg_temp.ingest('a', 'same', '{"id": 1}');
-- the same id with other content is a correction
SELECT pg_temp.refused(2, 'a', 'corrected', '{"id": 2, "amount": -1}');
SELECT pg_temp.ingest('a', 'corrected', '{"id": 2, "amount": 1}');
-- but where the id was applied before, a conflict stays for a person, and raises here
SELECT pg_temp.refused(3, 'a', 'same', '{"id": 3}', 'dedup_conflict');
SELECT pg_temp.ingest('a', 'same', '{"id": 3}');
SELECT pg_temp.ingest('a', 'same', '{"id": 1}');
SELECT * FROM pg_temp.q;
SELECT * FROM regress_sqs_quarantine.tx ORDER BY id;

-- sqs.retry: in the order sent, each by itself; what fails again keeps count
SELECT pg_temp.refused(12, 'b', 'late', '{"id": 12, "amount": 1}');
SELECT pg_temp.refused(11, 'b', 'bad', '{"id": 11, "amount": "12,50"}');
SELECT pg_temp.refused(10, 'b', 'early', '{"id": 10, "amount": 1}');
SELECT q.dedup_key, r.outcome, r.error FROM sqs.retry('regress_quarantine', group_id => 'b') WITH ORDINALITY AS r (id, outcome, error, n)
	JOIN sqs.quarantine q USING (id) ORDER BY n;
SELECT * FROM pg_temp.q WHERE dedup_key IN ('late', 'bad', 'early');
SELECT id FROM regress_sqs_quarantine.tx WHERE id >= 10;
-- what is chosen
SELECT count(*) FROM sqs.retry('regress_quarantine', "sqlstate" => '23505');
SELECT count(*) FROM sqs.retry('regress_quarantine', older_than => '1 hour');
SELECT count(*) FROM sqs.retry('regress_quarantine', route => 'other');
SELECT r.outcome, r.error FROM sqs.quarantine q, sqs.retry('regress_quarantine', ids => ARRAY[q.id], "sqlstate" => '22P02') r
	WHERE q.dedup_key = 'bad';
-- the cause is mended
ALTER TABLE regress_sqs_quarantine.tx ALTER COLUMN amount TYPE text USING amount::text, DROP CONSTRAINT tx_amount_check;
SELECT r.outcome, r.error FROM sqs.retry('regress_quarantine', "sqlstate" => '22P02') r;
SELECT dedup_key, state, strikes FROM pg_temp.q WHERE dedup_key = 'bad';
-- what was applied otherwise meanwhile
SELECT pg_temp.refused(14, 'b', 'twice', '{"id": 14}');
INSERT INTO sqs.ledger SELECT subscription, dedup_key, content_hash, message_id, sequence_number, source FROM sqs.quarantined WHERE dedup_key = 'twice';
SELECT r.outcome FROM sqs.retry('regress_quarantine', group_id => 'b') r;
SELECT dedup_key, state FROM pg_temp.q WHERE dedup_key = 'twice';
-- a held group: what comes is parked in order, whatever it is; redelivered, too
INSERT INTO sqs.held_group SELECT id, 'h' FROM sqs.subscription WHERE name = 'regress_quarantine';
SELECT pg_temp.refused(20, 'h', 'first', '{"id": "x"}');
SELECT pg_temp.ingest('h', 'second', '{"id": 21}'), pg_temp.ingest('h', 'third', '{"id": 22}'),
	pg_temp.ingest('h', 'second', '{"id": 21}'), pg_temp.ingest('i', 'other', '{"id": 23}');
SELECT * FROM pg_temp.q WHERE state = 'waiting' AND reason <> 'dedup_conflict';
SELECT id FROM regress_sqs_quarantine.tx WHERE id >= 20;
SELECT count(*) FROM sqs.ledger WHERE dedup_key IN ('second', 'third');
-- one of its later messages cannot be retried before the first
SELECT q.dedup_key, r.outcome, r.error FROM sqs.retry('regress_quarantine', group_id => 'h') r JOIN sqs.quarantine q USING (id);
-- all or nothing
CREATE FUNCTION pg_temp.fails(command text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	message := regexp_replace(message, 'message \d+', 'message N');
	hint := regexp_replace(hint, '\{\d+\}', '{N}');
END $$;
SELECT * FROM pg_temp.fails($$SELECT sqs.release('regress_quarantine', 'h')$$);
SELECT count(*) FROM sqs.held_group;
SELECT id FROM regress_sqs_quarantine.tx WHERE id >= 20 AND id < 23;
-- a correction further back in the group makes up for the first
SELECT pg_temp.ingest('h', 'first', '{"id": 20}');
SELECT sqs.release('regress_quarantine', 'h');
SELECT id FROM regress_sqs_quarantine.tx WHERE id >= 20;
SELECT dedup_key, state, reason FROM pg_temp.q WHERE dedup_key IN ('first', 'second', 'third');
SELECT pg_temp.ingest('h', 'live', '{"id": 24}'), pg_temp.ingest('h', 'second', '{"id": 21}');
SELECT * FROM pg_temp.fails($$SELECT sqs.release('regress_quarantine', 'h')$$);
SELECT * FROM pg_temp.fails($$SELECT sqs.release('regress_quarantine', NULL)$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM pg_temp.fails($$SELECT sqs.release('regress_quarantine', 'h')$$);
ROLLBACK;

-- a route for which the others need not wait
SELECT sqs.add_route('regress_quarantine', 'report', 'regress_sqs_quarantine.report', on_error => 'route');
SELECT r.* FROM sqs.ingest('regress_quarantine', '[
	{"dedup_id": "r1", "body": {"id": 31, "country": "DE"}},
	{"dedup_id": "r2", "body": {"id": 32, "country": "nowhere"}},
	{"dedup_id": "r3", "body": {"id": 33}},
	{"dedup_id": "r4", "body": {"id": 34, "country": "FR"}}]') r;
SELECT id FROM regress_sqs_quarantine.tx WHERE id > 30;
SELECT * FROM regress_sqs_quarantine.report;
SELECT * FROM pg_temp.q WHERE route IS NOT NULL;
-- ... but the other routes refuse for all
SELECT pg_temp.ingest('', 'r5', '{"id": "no number", "country": "DE"}');
SELECT count(*) FROM sqs.ledger WHERE dedup_key = 'r5';
-- only the missing form is replayed
ALTER TABLE regress_sqs_quarantine.report ALTER COLUMN country TYPE text;
SELECT q.dedup_key, r.outcome, r.error FROM sqs.retry('regress_quarantine', route => 'report') r JOIN sqs.quarantine q USING (id);
SELECT id FROM regress_sqs_quarantine.tx WHERE id > 30;
SELECT * FROM regress_sqs_quarantine.report;
-- while it is stopped its messages wait untried
UPDATE sqs.route SET stopped_since = now(), stopped_sqlstate = '42P01' WHERE name = 'report';
SELECT pg_temp.ingest('', 'r6', '{"id": 36, "country": "IT"}');
SELECT q.dedup_key, q.reason, r.outcome, r.error FROM sqs.retry('regress_quarantine', route => 'report') r JOIN sqs.quarantine q USING (id) ORDER BY 1;
UPDATE sqs.route SET stopped_since = NULL, stopped_sqlstate = NULL WHERE name = 'report';
SELECT q.dedup_key, q.reason, r.outcome, r.error FROM sqs.retry('regress_quarantine', route => 'report', older_than => '0 s') r JOIN sqs.quarantine q USING (id) ORDER BY 1;
SELECT * FROM regress_sqs_quarantine.report;
-- a replay writes all routes: what waits for one of them must not add to it
BEGIN;
SELECT pg_temp.ingest('f', 'forgotten', '{"id": 70}');
ALTER TABLE regress_sqs_quarantine.report ALTER COLUMN country SET DEFAULT 'EU';
SELECT sqs.forget('regress_quarantine', '-infinity', 'infinity', 'a replay');
SELECT pg_temp.ingest('f', 'forgotten', '{"id": 70}');
SELECT count(*) FROM sqs.retry('regress_quarantine', group_id => 'f');
SELECT * FROM regress_sqs_quarantine.report WHERE id = 70;
SELECT route, state, by_me FROM pg_temp.q WHERE dedup_key = 'forgotten';
ROLLBACK;

-- sqs.discard: the body goes, the record stays
SELECT * FROM pg_temp.fails($$SELECT sqs.discard('regress_quarantine', ' ', group_id => 'a')$$);
SELECT * FROM pg_temp.fails($$SELECT sqs.discard('regress_quarantine', NULL, group_id => 'a')$$);
SELECT * FROM pg_temp.fails($$SELECT sqs.discard('regress_quarantine', 'why')$$);
SELECT sqs.discard('regress_quarantine', 'sent by mistake', group_id => 'a');
SELECT state, note, record_image_eq(ROW(settled_by), ROW(session_user)) AS by_me, body, body_bytes, attributes, length(content_hash) AS hash FROM sqs.quarantine WHERE note = 'sent by mistake';
SELECT sqs.discard('regress_quarantine', 'again', group_id => 'a');
SELECT sqs.discard('regress_quarantine', 'all else', older_than => '0 s');
SELECT count(*) FROM sqs.quarantine WHERE state = 'waiting';

-- who sees what
SELECT pg_temp.refused(40, 'p', 'private', '{"id": "secret"}');
SET ROLE regress_sqs_q_monitor;
SELECT dedup_key, error, body_bytes FROM sqs.quarantine WHERE state = 'waiting';
SELECT body FROM sqs.quarantine;
SELECT attributes FROM sqs.quarantine;
SELECT * FROM sqs.quarantined;
SELECT * FROM sqs.retry('regress_quarantine');
SELECT group_id FROM sqs.held_group;
RESET ROLE;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_q_nobody, regress_sqs_quarantine;
GRANT SELECT ON sqs.quarantine TO regress_sqs_q_nobody, regress_sqs_quarantine;
GRANT EXECUTE ON FUNCTION sqs.retry, sqs.release, sqs.discard TO regress_sqs_q_nobody, regress_sqs_quarantine;
SET ROLE regress_sqs_q_nobody;
SELECT count(*) FROM sqs.quarantine;
SELECT * FROM sqs.retry('regress_quarantine');
SELECT sqs.release('regress_quarantine', 'p');
SELECT sqs.discard('regress_quarantine', 'no', group_id => 'p');
SET ROLE regress_sqs_quarantine;
SELECT dedup_key, convert_from(body, 'UTF8') FROM sqs.quarantine WHERE state = 'waiting';
SELECT outcome, error FROM sqs.retry('regress_quarantine');
SELECT sqs.discard('regress_quarantine', 'mine', "sqlstate" => '22P02');
RESET ROLE;
SELECT settled_by FROM sqs.quarantine WHERE note = 'mine';

SELECT sqs.drop_subscription('regress_quarantine');
SELECT count(*) FROM sqs.quarantined;
DROP SERVER regress_sqs_quarantine CASCADE;
DROP SCHEMA regress_sqs_quarantine CASCADE;
DROP OWNED BY regress_sqs_q_nobody, regress_sqs_quarantine;
DROP ROLE regress_sqs_quarantine, regress_sqs_q_monitor, regress_sqs_q_nobody;
