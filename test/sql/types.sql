-- What each kind of column makes of each kind of JSON value.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_types;
CREATE SCHEMA regress_sqs_types AUTHORIZATION regress_sqs_types;
CREATE SERVER regress_sqs_types FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_types TO regress_sqs_types;
-- settings that must not matter
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Tokyo';
SET IntervalStyle = 'sql_standard';

CREATE TYPE regress_sqs_types.mood AS ENUM ('ok', 'Not ok');
CREATE TYPE regress_sqs_types.pair AS (a integer, b text);
CREATE TYPE regress_sqs_types.nest AS (p regress_sqs_types.pair, n numeric(6,2)[]);
CREATE DOMAIN regress_sqs_types.positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN regress_sqs_types.needed AS text NOT NULL;
CREATE DOMAIN regress_sqs_types.document AS jsonb CHECK (VALUE ? 'id');
CREATE DOMAIN regress_sqs_types.few AS integer[] CHECK (cardinality(VALUE) < 3);
CREATE DOMAIN regress_sqs_types.good_pair AS regress_sqs_types.pair CHECK ((VALUE).a > 0);
CREATE TABLE regress_sqs_types.one (v text);
ALTER TABLE regress_sqs_types.one OWNER TO regress_sqs_types;
SELECT sqs.create_subscription('regress_types', 'https://sqs.eu-west-1.amazonaws.com/123456789012/types.fifo',
	'regress_sqs_types', 'regress_sqs_types.one', enabled => false, dedup_scope => 'queue');

-- a column of that type meets {"v": value}; values are shown under known settings
CREATE FUNCTION pg_temp.shown() RETURNS text
LANGUAGE plpgsql SET DateStyle = 'ISO' SET TimeZone = 'UTC' SET IntervalStyle = 'postgres' AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT coalesce(v::text, ''<null>'') FROM regress_sqs_types.one' INTO result;
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.probe(type text, value text, OUT stored text, OUT state text, OUT error text)
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE regress_sqs_types.one, sqs.ledger;
	EXECUTE 'ALTER TABLE regress_sqs_types.one DROP COLUMN v';
	EXECUTE 'ALTER TABLE regress_sqs_types.one ADD COLUMN v ' || type;
	PERFORM sqs.ingest('regress_types', json_build_array(json_build_object('body', format('{"v": %s}', value))));
	stored := pg_temp.shown();
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, error = MESSAGE_TEXT;
	stored := NULL;
END $$;
CREATE TEMP TABLE cases (n serial, type text, value text);

-- numbers keep every digit
INSERT INTO cases (type, value) VALUES
	('numeric', '12345678901234567.89'), ('numeric', '1.10'), ('numeric', '1E2'), ('numeric', '-0.0'),
	('numeric', '19.99'), ('numeric', '0.1000000000000000055511151231257827'), ('numeric', '"1.10"'),
	('numeric', '123456789012345678901234567890123456789012345678901234567890.5'),
	('numeric(10,2)', '1.005'), ('numeric(4,2)', '100'), ('numeric', '"1,5"'), ('numeric', '""'),
	('numeric', 'true'), ('numeric', '{}'), ('numeric', '[1]'), ('numeric', 'null'), ('numeric', '"NaN"'),
	('integer', '2147483647'), ('integer', '2147483648'), ('integer', '1.0'), ('integer', '1e3'),
	('bigint', '9223372036854775807'), ('bigint', '9223372036854775808'), ('smallint', '-32769'),
	('double precision', '0.1'), ('double precision', '1e400');

-- text
INSERT INTO cases (type, value) VALUES
	('text', '"a\"b\\c\/d\n\u00e9\ud83d\ude00"'), ('text', '"é😀"'), ('text', '1.10'), ('text', 'true'),
	('text', '{"a" : [1,  2.0]}'), ('text', '""'), ('text', '"\u0000"'), ('text', '"a\ud800"'),
	('text', '"\udc00\ud800"'), ('text', '"\ud800\u0041"'), ('varchar(3)', '"abcd"'), ('varchar(3)', '"abc   "'),
	('char(4)', '"ab"'), ('char(4)', '"abcde"'), ('"char"', '"a"'), ('name', '"n"'), ('bytea', '"\\x00ff"'),
	('bytea', '"\\x0"'), ('uuid', '"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"'), ('uuid', '"x"'), ('inet', '"10.0.0.1/8"');

-- booleans, times, ranges, enums
INSERT INTO cases (type, value) VALUES
	('boolean', 'true'), ('boolean', 'false'), ('boolean', '"yes"'), ('boolean', '1'), ('boolean', '2'),
	('timestamptz', '"2024-03-31T02:30:00+02:00"'), ('timestamptz', '"2024-03-31 02:30:00"'),
	('timestamp', '"2024-03-31T02:30:00Z"'), ('timestamptz(0)', '"2024-01-01 00:00:00.6Z"'),
	('timestamptz', '1711852200'), ('timestamptz', '"infinity"'), ('date', '"01/02/2024"'), ('date', '"2024-02-30"'),
	('interval', '"1-2"'), ('interval', '"P1DT2H"'), ('time', '"25:00"'),
	('int4range', '"[1,5)"'), ('int4range', '"[5,1)"'), ('tstzrange', '"[2024-01-01,2024-02-01)"'),
	('regress_sqs_types.mood', '"Not ok"'), ('regress_sqs_types.mood', '"not ok"'), ('point', '"(1,2)"');

-- documents keep their spelling where the type does
INSERT INTO cases (type, value) VALUES
	('json', '{"b":1.10, "a" : "\u0000", "a":1E2}'), ('json', '"s"'), ('json', '1.10'), ('json', '[ ]'), ('json', 'null'),
	('jsonb', '{"b":1.10, "a" : 12345678901234567.89, "a":1E2}'), ('jsonb', '"s"'), ('jsonb', '{"a":"\u0000"}'),
	('regress_sqs_types.document', '{"id":1}'), ('regress_sqs_types.document', '{"ID":1}'), ('jsonpath', '"$.a"');

-- arrays and composites, member by member or as their literal
INSERT INTO cases (type, value) VALUES
	('numeric[]', '[1.10, 12345678901234567.89, null, "3"]'), ('text[]', '["a,b", "{c}", null, 1.10, {"x":1}]'),
	('integer[]', '[[1,2],[3,4]]'), ('integer[]', '[[1,2],[3]]'), ('integer[]', '"{1,2}"'), ('integer[]', '[1,"x"]'),
	('integer[]', '[]'), ('integer[]', '1'), ('integer[]', '{"a":1}'), ('jsonb[]', '[{"a":1.10},[]]'),
	('timestamptz[]', '["2024-03-31 02:30:00"]'), ('regress_sqs_types.mood[]', '["ok"]'), ('varchar(2)[]', '["abc"]'),
	('regress_sqs_types.pair', '{"a":1, "b":"x", "c":2}'), ('regress_sqs_types.pair', '"(1,x)"'),
	('regress_sqs_types.pair', '[1]'), ('regress_sqs_types.pair[]', '[{"a":1},{"b":"y"}]'),
	('regress_sqs_types.nest', '{"p":{"a":1}, "n":[1.105, 2]}'), ('regress_sqs_types.nest', '{"p":{"a":"z"}}');

-- domains
INSERT INTO cases (type, value) VALUES
	('regress_sqs_types.positive', '1.10'), ('regress_sqs_types.positive', '-1'), ('regress_sqs_types.positive', 'null'),
	('regress_sqs_types.needed', '"x"'), ('regress_sqs_types.needed', 'null'),
	('regress_sqs_types.few', '[1,2]'), ('regress_sqs_types.few', '[1,2,3]'), ('regress_sqs_types.good_pair', '{"a":1}'),
	('regress_sqs_types.good_pair', '{"a":0}');

SELECT type, value, stored, state, error FROM cases, pg_temp.probe(type, value) ORDER BY n;

-- a type of an extension, where there is one
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN
		CREATE EXTENSION citext SCHEMA regress_sqs_types;
	ELSE
		CREATE DOMAIN regress_sqs_types.citext AS text;
	END IF;
END $$;
SELECT * FROM pg_temp.probe('regress_sqs_types.citext', '"AbC"');

-- nothing of the caller's settings has changed
SHOW TimeZone;
SHOW DateStyle;
SHOW search_path;

SELECT sqs.drop_subscription('regress_types');
DROP SERVER regress_sqs_types CASCADE;
DROP SCHEMA regress_sqs_types CASCADE;
DROP ROLE regress_sqs_types;
