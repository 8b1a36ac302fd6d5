-- Whatever the owner of a subscription wrote runs as that owner, whoever calls.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_mallory;
CREATE ROLE regress_sqs_member IN ROLE regress_sqs_mallory;
CREATE ROLE regress_sqs_admin IN ROLE sqs_admin;
CREATE ROLE regress_sqs_stranger;
CREATE ROLE regress_sqs_super SUPERUSER;
GRANT USAGE ON SCHEMA sqs TO regress_sqs_mallory, regress_sqs_stranger;
CREATE SCHEMA regress_sqs_sec AUTHORIZATION regress_sqs_mallory;
CREATE SERVER regress_sqs_sec FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', credentials 'environment');
GRANT USAGE ON FOREIGN SERVER regress_sqs_sec TO regress_sqs_mallory;

SET ROLE regress_sqs_mallory;
-- tries whatever could make it somebody else, and says who it is
CREATE FUNCTION regress_sqs_sec.spy(place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	attempt text;
BEGIN
	RAISE INFO '%: current_user %, session_user is %, superuser %, search_path "%", TimeZone %', place, current_user,
		CASE session_user WHEN 'regress_sqs_mallory' THEN 'the owner' ELSE 'the caller' END,
		(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
		pg_catalog.current_setting('search_path'), pg_catalog.current_setting('TimeZone');
	FOREACH attempt IN ARRAY ARRAY['RESET ROLE', 'SET ROLE regress_sqs_super', 'SET ROLE NONE',
		'SET SESSION AUTHORIZATION regress_sqs_super', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
		'SELECT set_config(''role'', ''regress_sqs_super'', false)', 'TABLE sqs.ledger', 'DELETE FROM sqs.ledger',
		'UPDATE sqs.subscription SET owner = ''regress_sqs_super''', 'ALTER ROLE regress_sqs_mallory SUPERUSER',
		'COPY (SELECT 1) TO PROGRAM ''true''', 'SET session_replication_role = replica'] LOOP
		BEGIN
			EXECUTE attempt;
			RAISE INFO '  % succeeded: %', attempt, current_user;
		EXCEPTION WHEN insufficient_privilege THEN NULL;
		END;
	END LOOP;
END $$;
CREATE FUNCTION regress_sqs_sec.fill() RETURNS text LANGUAGE plpgsql AS $$
BEGIN PERFORM regress_sqs_sec.spy('default'); RETURN 'filled'; END $$;
CREATE FUNCTION regress_sqs_sec.good(value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM regress_sqs_sec.spy('domain'); RETURN true; END $$;
CREATE FUNCTION regress_sqs_sec.key(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM regress_sqs_sec.spy('index'); RETURN value; END $$;
CREATE FUNCTION regress_sqs_sec.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM regress_sqs_sec.spy(TG_NAME); RETURN NEW; END $$;
CREATE DOMAIN regress_sqs_sec.checked AS text CHECK (regress_sqs_sec.good(VALUE));
CREATE TABLE regress_sqs_sec.tx (id text, v regress_sqs_sec.checked, d text DEFAULT regress_sqs_sec.fill());
CREATE INDEX ON regress_sqs_sec.tx (regress_sqs_sec.key(id));
CREATE TRIGGER before_row BEFORE INSERT ON regress_sqs_sec.tx FOR EACH ROW EXECUTE FUNCTION regress_sqs_sec.fire();
CREATE TRIGGER after_statement AFTER INSERT ON regress_sqs_sec.tx EXECUTE FUNCTION regress_sqs_sec.fire();
CREATE CONSTRAINT TRIGGER constraint_row AFTER INSERT ON regress_sqs_sec.tx DEFERRABLE FOR EACH ROW EXECUTE FUNCTION regress_sqs_sec.fire();
-- names that must not be found before ours
CREATE FUNCTION regress_sqs_sec.unnest(text[], bytea[], text[], text[], text[]) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION regress_sqs_sec.trap(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR regress_sqs_sec.= (FUNCTION = regress_sqs_sec.trap, LEFTARG = integer, RIGHTARG = integer);
CREATE TABLE regress_sqs_sec.batch (id text, v text);
RESET ROLE;
SELECT sqs.create_subscription('regress_sec', 'https://sqs.eu-west-1.amazonaws.com/123456789012/sec.fifo',
	'regress_sqs_sec', 'regress_sqs_sec.tx', enabled => false, dedup_scope => 'queue');

-- a superuser calls, with traps in its path
SET search_path = regress_sqs_sec, pg_catalog;
SET TimeZone = 'Asia/Tokyo';
CREATE TEMP TABLE ledger (trapped text);
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "1", "body": {"id": "a", "v": "x"}}]');
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "1", "body": {"id": "a", "v": "x"}}]');
SHOW search_path;
SHOW TimeZone;
RESET search_path;
RESET TimeZone;
SELECT current_user = session_user AS unchanged;

-- the owner calls
GRANT EXECUTE ON FUNCTION sqs.ingest TO regress_sqs_mallory, regress_sqs_stranger;
SET SESSION AUTHORIZATION regress_sqs_mallory;
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "2", "body": {"id": "b", "v": "x"}}]');
SELECT current_user, session_user;
RESET SESSION AUTHORIZATION;

-- who may: members, admins; nobody else; nobody without EXECUTE
DROP TRIGGER before_row ON regress_sqs_sec.tx;
DROP TRIGGER after_statement ON regress_sqs_sec.tx;
DROP TRIGGER constraint_row ON regress_sqs_sec.tx;
DROP INDEX regress_sqs_sec.tx_key_idx;
CREATE FUNCTION pg_temp.probe(caller regrole, id text, OUT outcome text, OUT state text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %s', caller);
	SELECT i.outcome INTO outcome FROM sqs.ingest('regress_sec',
		json_build_array(json_build_object('dedup_id', id, 'body', json_build_object('id', id, 'd', current_user)))) i;
	RESET ROLE;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
END $$;
SELECT * FROM pg_temp.probe('regress_sqs_member', '3');
SELECT * FROM pg_temp.probe('regress_sqs_admin', '4');
SELECT * FROM pg_temp.probe('regress_sqs_stranger', '5');
REVOKE EXECUTE ON FUNCTION sqs.ingest FROM regress_sqs_mallory, regress_sqs_stranger;
SELECT * FROM pg_temp.probe('regress_sqs_mallory', '6');
SELECT * FROM pg_temp.probe('regress_sqs_stranger', '7');
SELECT id, d FROM regress_sqs_sec.tx WHERE id > '2' ORDER BY id;

-- the owner's privileges count, column by column, and row security
CREATE TABLE regress_sqs_sec.granted (id text, secret text DEFAULT 'none');
GRANT INSERT (id) ON regress_sqs_sec.granted TO regress_sqs_mallory;
SELECT sqs.alter_subscription('regress_sec', target => 'regress_sqs_sec.granted');
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "10", "body": {"id": "a"}}]');
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "11", "body": {"id": "b", "secret": "s"}}]');
ALTER TABLE regress_sqs_sec.granted ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON regress_sqs_sec.granted TO regress_sqs_mallory WITH CHECK (id LIKE 'm%');
SET row_security = off;
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "12", "body": {"id": "m1"}}, {"dedup_id": "13", "body": {"id": "n1"}}]');
RESET row_security;
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "12", "body": {"id": "m1"}}]');
TABLE regress_sqs_sec.granted;
REVOKE USAGE ON SCHEMA regress_sqs_sec FROM regress_sqs_mallory;
ALTER SCHEMA regress_sqs_sec OWNER TO regress_sqs_super;
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "14", "body": {"id": "m2"}}]');
ALTER SCHEMA regress_sqs_sec OWNER TO regress_sqs_mallory;
GRANT ALL ON SCHEMA regress_sqs_sec TO regress_sqs_mallory;

-- nothing that outlives the call where somebody else calls
SET ROLE regress_sqs_mallory;
CREATE FUNCTION regress_sqs_sec.linger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN CREATE TEMP TABLE linger (n int); EXCEPTION WHEN insufficient_privilege THEN RAISE INFO 'no temporary table'; END;
	BEGIN EXECUTE 'DECLARE linger CURSOR WITH HOLD FOR SELECT 1'; EXCEPTION WHEN insufficient_privilege THEN RAISE INFO 'no cursor'; END;
	PERFORM pg_catalog.set_config('TimeZone', 'Asia/Tokyo', false), pg_catalog.set_config('search_path', 'regress_sqs_sec', false);
	RETURN NULL;
END $$;
CREATE TABLE regress_sqs_sec.lingering (id text);
CREATE TRIGGER linger AFTER INSERT ON regress_sqs_sec.lingering EXECUTE FUNCTION regress_sqs_sec.linger();
RESET ROLE;
SELECT sqs.alter_subscription('regress_sec', target => 'regress_sqs_sec.lingering');
SELECT current_setting('TimeZone') AS before \gset
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "20", "body": {"id": "a"}}]');
SELECT current_setting('TimeZone') = :'before' AS unchanged, current_setting('search_path') AS search_path;

-- never as a superuser
ALTER ROLE regress_sqs_mallory SUPERUSER;
SELECT outcome FROM sqs.ingest('regress_sec', '[{"dedup_id": "21", "body": {"id": "b"}}]');
ALTER ROLE regress_sqs_mallory NOSUPERUSER;
SELECT count(*) FROM sqs.ledger WHERE dedup_key = '21';

-- who cannot become another role cannot have a route checked as that one either
GRANT EXECUTE ON FUNCTION sqs.alter_subscription TO regress_sqs_mallory;
GRANT USAGE ON FOREIGN SERVER regress_sqs_sec TO regress_sqs_stranger;
SET SESSION AUTHORIZATION regress_sqs_mallory;
CREATE FUNCTION regress_sqs_sec.lure() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN RAISE INFO 'planned as %', current_user; RETURN 1; END $$;
CREATE TABLE regress_sqs_sec.lure (id text PRIMARY KEY, version integer DEFAULT regress_sqs_sec.lure(), n integer DEFAULT regress_sqs_sec.lure());
CREATE POLICY lure ON regress_sqs_sec.lure USING (n = regress_sqs_sec.lure());
ALTER TABLE regress_sqs_sec.lure ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA regress_sqs_sec TO PUBLIC;
GRANT ALL ON regress_sqs_sec.tx, regress_sqs_sec.lingering, regress_sqs_sec.lure TO PUBLIC;
RESET SESSION AUTHORIZATION;
SELECT sqs.add_route('regress_sec', 'lure', 'regress_sqs_sec.lure', key => '{id}', version => 'version');
SET SESSION AUTHORIZATION regress_sqs_mallory;
SELECT sqs.alter_subscription('regress_sec', owner => 'regress_sqs_stranger');
RESET SESSION AUTHORIZATION;
REVOKE ALL ON FUNCTION sqs.alter_subscription FROM regress_sqs_mallory;

SELECT sqs.drop_subscription('regress_sec');
DROP TABLE pg_temp.ledger;
REVOKE ALL ON SCHEMA sqs FROM regress_sqs_mallory, regress_sqs_stranger;
DROP SERVER regress_sqs_sec CASCADE;
DROP SCHEMA regress_sqs_sec CASCADE;
DROP ROLE regress_sqs_member, regress_sqs_admin, regress_sqs_stranger, regress_sqs_super, regress_sqs_mallory;
