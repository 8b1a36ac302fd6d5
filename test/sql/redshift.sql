-- sqs.redshift_ddl and sqs.redshift_table: a table here as a table of Redshift.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_redshift;
CREATE ROLE regress_sqs_redshift_admin IN ROLE sqs_admin;
CREATE SCHEMA regress_redshift;
GRANT USAGE, CREATE ON SCHEMA regress_redshift TO regress_sqs_redshift;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_redshift;
SET search_path = regress_redshift;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on

-- every type that is known, and the constants that defaults may be
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN money_amount AS numeric(12,2) DEFAULT 0 NOT NULL CHECK (VALUE >= 0);
CREATE DOMAIN short AS varchar(3);
CREATE DOMAIN shorter AS short CHECK (VALUE <> '');
CREATE TABLE all_types (
	a_small smallint DEFAULT -1,
	an_int integer DEFAULT 2 * 21,
	a_big bigint DEFAULT 9223372036854775807,
	a_numeric numeric(18,2) DEFAULT 1.5,
	a_whole numeric(5),
	a_rounded numeric(3,-2),
	a_small_one numeric(2,5),
	a_free numeric,
	a_real real DEFAULT 0.1,
	a_double double precision DEFAULT 1e300,
	a_bool boolean DEFAULT true,
	a_char char,
	a_char3 char(3) DEFAULT 'EU',
	a_varchar varchar(64) DEFAULT E'it''s \\ a "test"\n',
	a_long varchar(20000),
	an_endless varchar,
	a_text text DEFAULT '',
	a_uuid uuid DEFAULT '00000000-0000-0000-0000-000000000001',
	an_enum mood DEFAULT 'glad',
	an_amount money_amount,
	a_short shorter DEFAULT 'é',
	a_date date DEFAULT '2026-01-31',
	a_timestamp timestamp DEFAULT '2026-01-31 23:59:58.5',
	a_time timestamptz(3) DEFAULT '2026-01-31 23:59:58+05:30',
	a_json json,
	a_jsonb jsonb DEFAULT '{"a": 1}',
	"Odd ""name""; DROP TABLE x" text,
	nothing integer DEFAULT NULL);
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'America/New_York';
SELECT sqs.redshift_ddl('all_types');
SELECT sqs.redshift_table('all_types');
RESET DateStyle;
RESET TimeZone;

-- a key, a time to sort by; what PostgreSQL fills is left out
CREATE FUNCTION seven() RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 7';
CREATE TABLE tx (
	nr bigint GENERATED ALWAYS AS IDENTITY,
	id text NOT NULL,
	branch integer NOT NULL,
	version integer NOT NULL DEFAULT 1,
	amount numeric(12,2),
	twice numeric(13,2) GENERATED ALWAYS AS (amount * 2) STORED,
	booked_on date,
	booked_at timestamptz DEFAULT now(),
	who text DEFAULT current_user,
	lucky integer DEFAULT seven(),
	number serial,
	never date DEFAULT 'infinity',
	PRIMARY KEY (branch, id));
ALTER TABLE tx DROP COLUMN who;
SELECT sqs.redshift_ddl('tx', ledger => 'Ops."Loader''s ""ledger"""');
SELECT sqs.redshift_table('tx', 'Ops."Loader''s ""ledger"""');

-- a view, sorted by a date where there is no time; nothing to identify rows by
CREATE VIEW tx_view AS SELECT id, booked_on, amount FROM tx;
SELECT sqs.redshift_ddl('tx_view');
SELECT sqs.redshift_table('tx_view');

-- key and version of the routes, where they agree
SET client_min_messages = error;
CREATE SERVER regress_sqs_redshift FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_redshift TO regress_sqs_redshift;
CREATE TABLE upserted (id text, other text, version integer, PRIMARY KEY (id), UNIQUE (other));
ALTER TABLE upserted OWNER TO regress_sqs_redshift;
SELECT sqs.create_subscription('regress_redshift', 'https://sqs.eu-west-1.amazonaws.com/123456789012/redshift.fifo',
	'regress_sqs_redshift', owner => 'regress_sqs_redshift', enabled => false, dedup_scope => 'queue');
SELECT sqs.add_route('regress_redshift', 'plain', 'upserted');
SELECT sqs.redshift_table('upserted')->'key', sqs.redshift_table('upserted')->'version';
SELECT sqs.add_route('regress_redshift', 'first', 'upserted', key => '{other}', version => 'version');
SELECT sqs.redshift_table('upserted')->'key', sqs.redshift_table('upserted')->>'version', sqs.redshift_table('upserted')->>'distkey';
SELECT sqs.add_route('regress_redshift', 'second', 'upserted', key => '{other}', version => 'version');
SELECT sqs.redshift_table('upserted')->'key', sqs.redshift_table('upserted')->>'version';
SELECT sqs.add_route('regress_redshift', 'third', 'upserted', key => '{id}', version => 'version');
SELECT sqs.redshift_table('upserted')->'key', sqs.redshift_table('upserted')->'version';
SELECT sqs.drop_subscription('regress_redshift');
DROP SERVER regress_sqs_redshift;
RESET client_min_messages;

-- a key that cannot be one there
CREATE TABLE by_identity (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text);
SELECT sqs.redshift_table('by_identity');
CREATE TABLE by_document (id jsonb PRIMARY KEY, a text);
SELECT sqs.redshift_table('by_document');

-- what cannot be
CREATE TABLE with_bytes (id integer, content bytea);
SELECT sqs.redshift_ddl('with_bytes');
CREATE TABLE with_array (tags text[]);
SELECT sqs.redshift_table('with_array');
CREATE TABLE with_time (at time);
SELECT sqs.redshift_ddl('with_time');
CREATE TABLE with_digits (many numeric(39,2));
SELECT sqs.redshift_ddl('with_digits');
CREATE TABLE with_fraction (many numeric(38,38));
SELECT sqs.redshift_ddl('with_fraction');
CREATE TABLE with_case (a integer, "A" integer);
SELECT sqs.redshift_ddl('with_case');
CREATE TABLE with_nothing ();
SELECT sqs.redshift_ddl('with_nothing');
CREATE SEQUENCE counter;
SELECT sqs.redshift_ddl('counter');
SELECT sqs.redshift_ddl('tx_view', '');
SELECT sqs.redshift_ddl('tx_view', 'a.b.c');
SELECT sqs.redshift_table('tx_view', 'regress_redshift.tx_view');
SELECT sqs.redshift_ddl(NULL) IS NULL, sqs.redshift_table('tx_view', NULL) IS NULL;

-- a default is not worked out with our rights
CREATE FUNCTION regress_redshift.whoami() RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'I am %', current_user; RETURN current_user; END $$;
CREATE TABLE trap (a text DEFAULT whoami(), b text DEFAULT upper(whoami()), c text DEFAULT 'x' || whoami());
SELECT sqs.redshift_table('trap');

-- for whom
SET SESSION AUTHORIZATION regress_sqs_redshift;
SELECT sqs.redshift_ddl('tx');
SELECT sqs.redshift_table('tx');
SET SESSION AUTHORIZATION regress_sqs_redshift_admin;
SELECT sqs.redshift_table('pg_catalog.pg_stat_archiver')->>'table';
RESET SESSION AUTHORIZATION;

SET client_min_messages = error;
REVOKE USAGE ON SCHEMA sqs FROM regress_sqs_redshift;
DROP SCHEMA regress_redshift CASCADE;
DROP ROLE regress_sqs_redshift, regress_sqs_redshift_admin;
