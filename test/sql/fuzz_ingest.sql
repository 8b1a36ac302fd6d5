-- Mutated bodies: whatever they are, they become the row that json_populate_record would make of them, or an error.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_fuzz;
CREATE SCHEMA regress_sqs_fuzz AUTHORIZATION regress_sqs_fuzz;
CREATE SERVER regress_sqs_fuzz FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_fuzz TO regress_sqs_fuzz;
CREATE TYPE regress_sqs_fuzz.pair AS (a integer, b text);
CREATE TABLE regress_sqs_fuzz.t (id text, n numeric, j jsonb, d json, a integer[], p regress_sqs_fuzz.pair, b boolean, "é" text, ts timestamptz);
ALTER TABLE regress_sqs_fuzz.t OWNER TO regress_sqs_fuzz;
SELECT sqs.create_subscription('regress_fuzz', 'https://sqs.eu-west-1.amazonaws.com/123456789012/fuzz.fifo',
	'regress_sqs_fuzz', 'regress_sqs_fuzz.t', enabled => false, dedup_scope => 'queue');

-- a number from 0 to below - 1, the same in every run and version
CREATE FUNCTION pg_temp.pick(i integer, step integer, below integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT (('x' || left(md5(i || ' ' || step), 7))::bit(28)::integer) % below
$$;
CREATE FUNCTION pg_temp.mutate(i integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	bodies text[] := ARRAY[
		'{"id": "a", "n": 1.10, "j": {"x": [1, 2.50, null, "\u00e9\ud83d\ude00"]}, "b": true}',
		'{"id": "\u0061\n\"\\", "a": [1, 2, [3]], "p": {"a": 1, "b": "x"}, "d": {"k": 1, "k": 2.00}}',
		'{"n": 123456789012345678901234567890.12345678901234567890, "é": "ü", "\u00e9": "again", "id": null}',
		'{"ts": "2024-02-29T12:34:56.789Z", "a": "{1,2}", "p": "(1,x)", "b": "f", "n": "1e3"}',
		' { "other" : { "deep" : [ [ [ { } ] ] ] } , "id" : 7 , "n" : -0.0 , "id" : [ 1 , { "z" : "]}" } ] } '];
	pieces text[] := ARRAY['"', '\', '{', '}', '[', ']', ',', ':', ' ', E'\t', E'\n', E'\x01', '0', '-', '1e9', '.', 'null', 'true', 'é', '😀',
		'\u0000', '\ud83d', '\ude00', '\u00', '"id"', '"a":[[1],[2]]', '{"n":', '"":', '//', E'\x7f', '1e-400', '1e400', 'NaN', '"n":"Infinity",'];
	body text := bodies[1 + pg_temp.pick(i, 0, 5)];
	at integer;
	len integer;
BEGIN
	FOR step IN 1 .. pg_temp.pick(i, 1, 4) LOOP
		at := 1 + pg_temp.pick(i, 10 * step, length(body) + 1);
		len := pg_temp.pick(i, 10 * step + 1, 6);
		CASE pg_temp.pick(i, 10 * step + 2, 5)
			WHEN 0 THEN body := overlay(body PLACING '' FROM at FOR len);
			WHEN 1 THEN body := overlay(body PLACING pieces[1 + pg_temp.pick(i, 10 * step + 3, array_length(pieces, 1))] FROM at FOR 0);
			WHEN 2 THEN body := overlay(body PLACING pieces[1 + pg_temp.pick(i, 10 * step + 3, array_length(pieces, 1))] FROM at FOR len);
			WHEN 3 THEN body := overlay(body PLACING substr(body, at, 3 * len) FROM at FOR 0);
			ELSE body := CASE WHEN len = 0 THEN left(body, at) ELSE overlay(body PLACING substr(body, 1 + pg_temp.pick(i, 10 * step + 4, length(body) + 1), 1) FROM at FOR 1) END;
		END CASE;
	END LOOP;
	RETURN body;
END $$;

-- what both make of a body: a row's text, or null
CREATE FUNCTION pg_temp.ours(i integer, body text, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM sqs.ingest('regress_fuzz', json_build_array(json_build_object('dedup_id', 'f' || i, 'body', body)));
	DELETE FROM regress_sqs_fuzz.t AS f RETURNING f::text INTO result;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN NULL;
END $$;
CREATE FUNCTION pg_temp.theirs(body text, OUT result text) LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$
BEGIN
	IF json_typeof(body::json) = 'object' AND EXISTS (SELECT FROM json_object_keys(body::json) k
		WHERE k = ANY (ARRAY['id', 'n', 'j', 'd', 'a', 'p', 'b', 'é', 'ts'])) THEN
		result := json_populate_record(NULL::regress_sqs_fuzz.t, body::json)::text;
	END IF;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN NULL;
END $$;

\if :{?cases} \else \set cases 1500 \endif
SET TimeZone = 'UTC';
CREATE TEMP TABLE fuzz AS
	SELECT i, body, pg_temp.ours(i, body) AS ours, pg_temp.theirs(body) AS theirs
	FROM (SELECT i, pg_temp.mutate(i) AS body FROM generate_series(1, :cases) i) m;
-- both kinds in numbers
SELECT count(*) FILTER (WHERE ours IS NULL) > :cases / 10 AS many_refused, count(*) FILTER (WHERE ours IS NOT NULL) > :cases / 10 AS many_applied FROM fuzz;
-- they differ only where we need no text of a string that has none
SELECT i, body, ours, theirs FROM fuzz
WHERE ours IS DISTINCT FROM theirs AND NOT (theirs IS NULL AND body ~ '\\u(0000|d[89a-f]..)') ORDER BY i LIMIT 20;
SELECT count(*) = (SELECT count(*) FROM fuzz WHERE ours IS NOT NULL) AS ledger_agrees FROM sqs.ledger WHERE dedup_key ~ '^f\d';

SELECT sqs.drop_subscription('regress_fuzz');
DROP SERVER regress_sqs_fuzz CASCADE;
DROP SCHEMA regress_sqs_fuzz CASCADE;
DROP ROLE regress_sqs_fuzz;
