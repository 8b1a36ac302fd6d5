-- Who may do what.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;

-- nothing is PUBLIC's
SELECT 'schema' AS object FROM pg_namespace, aclexplode(nspacl) a
WHERE nspname = 'sqs' AND a.grantee = 0
UNION ALL
SELECT c.oid::regclass::text FROM pg_class c, aclexplode(relacl) a
WHERE relnamespace = 'sqs'::regnamespace AND a.grantee = 0
UNION ALL
SELECT p.oid::regprocedure::text FROM pg_proc p,
	aclexplode(coalesce(proacl, acldefault('f', proowner))) a
WHERE pronamespace = 'sqs'::regnamespace AND a.grantee = 0
UNION ALL
SELECT fdwname FROM pg_foreign_data_wrapper, aclexplode(fdwacl) a
WHERE fdwname = 'sqs' AND a.grantee = 0;

-- what the two roles have
SELECT a.grantee::regrole::text COLLATE "C" AS role, a.privilege_type,
	c.oid::regclass::text COLLATE "C" AS object
FROM pg_class c, aclexplode(relacl) a
WHERE relnamespace = 'sqs'::regnamespace AND a.grantee::regrole::text LIKE 'sqs\_%'
UNION ALL
SELECT a.grantee::regrole::text, a.privilege_type, p.proname::text
FROM pg_proc p, aclexplode(proacl) a
WHERE pronamespace = 'sqs'::regnamespace AND a.grantee::regrole::text LIKE 'sqs\_%'
UNION ALL
SELECT a.grantee::regrole::text, a.privilege_type, fdwname::text
FROM pg_foreign_data_wrapper, aclexplode(fdwacl) a
WHERE fdwname = 'sqs' AND a.grantee::regrole::text LIKE 'sqs\_%'
ORDER BY role, object;
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb
FROM pg_roles WHERE rolname IN ('sqs_admin', 'sqs_monitor') ORDER BY 1;

CREATE ROLE regress_sqs_admin IN ROLE sqs_admin;
CREATE ROLE regress_sqs_monitor IN ROLE sqs_monitor;
CREATE ROLE regress_sqs_alice;
CREATE ROLE regress_sqs_bob;
CREATE ROLE regress_sqs_friend IN ROLE regress_sqs_alice;
CREATE SCHEMA regress_sqs;
GRANT USAGE ON SCHEMA regress_sqs TO PUBLIC;
CREATE TABLE regress_sqs.alice (id text);
CREATE TABLE regress_sqs.bob (id text);
ALTER TABLE regress_sqs.alice OWNER TO regress_sqs_alice;
ALTER TABLE regress_sqs.bob OWNER TO regress_sqs_bob;
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs
	OPTIONS (region 'eu-west-1', endpoint 'http://127.0.0.1:1');
CREATE USER MAPPING FOR PUBLIC SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_alice, regress_sqs_bob, regress_sqs_admin;
SELECT sqs.create_subscription('alice', 'http://127.0.0.1:1/123456789012/a.fifo', 'regress_sqs_server', 'regress_sqs.alice');
SELECT sqs.create_subscription('bob', 'http://127.0.0.1:1/123456789012/b.fifo', 'regress_sqs_server', 'regress_sqs.bob');

-- a role without grants sees nothing of the schema
SET ROLE regress_sqs_alice;
SELECT * FROM sqs.status;
SELECT sqs.disable('alice');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs;
RESET ROLE;

-- an owner who was granted the functions has its own subscriptions
GRANT USAGE ON SCHEMA sqs TO regress_sqs_alice;
GRANT SELECT ON sqs.status TO regress_sqs_alice;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sqs TO regress_sqs_alice;
REVOKE EXECUTE ON FUNCTION sqs.consumer_stats() FROM regress_sqs_alice;
SET ROLE regress_sqs_alice;
SELECT subscription, owner FROM sqs.status;
SELECT * FROM sqs.subscription;
SELECT * FROM sqs.consumer_stats();
SELECT sqs.disable('alice');
SELECT sqs.enable('alice');
SELECT sqs.alter_subscription('alice', max_polls => 2, queue_url => 'http://127.0.0.1:1/123456789012/a2.fifo');
SELECT sqs.disable('bob');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.enable('bob');
SELECT sqs.alter_subscription('bob', max_polls => 2);
SELECT sqs.drop_subscription('bob');
SELECT * FROM sqs.queue_state('bob');
\echo :LAST_ERROR_SQLSTATE
-- ... and nobody else's rights
SELECT sqs.create_subscription('mine', 'http://127.0.0.1:1/123456789012/m.fifo', 'regress_sqs_server', 'regress_sqs.bob');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('mine', 'http://127.0.0.1:1/123456789012/m.fifo', 'regress_sqs_server', 'regress_sqs.bob', 'regress_sqs_bob');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('alice', owner => 'regress_sqs_bob', target => 'regress_sqs.bob');
SELECT sqs.create_subscription('mine', 'http://127.0.0.1:1/123456789012/m.fifo', 'regress_sqs_server', 'regress_sqs.alice');
SELECT subscription, owner FROM sqs.status;
SELECT sqs.drop_subscription('mine');
RESET ROLE;

-- a member of the owner's role is as good
SET ROLE regress_sqs_friend;
SELECT subscription, owner FROM sqs.status;
SELECT sqs.disable('alice');
SELECT sqs.alter_subscription('bob', max_polls => 2);
RESET ROLE;

-- monitoring: sees all, changes nothing
SET ROLE regress_sqs_monitor;
SELECT subscription, owner FROM sqs.status;
SELECT name FROM sqs.subscription ORDER BY name;
SELECT sqs.disable('bob');
SELECT count(*) FROM sqs.ledger;
INSERT INTO sqs.route VALUES (1, 'x', 'pg_class');
\set VERBOSITY sqlstate
SELECT * FROM sqs.queue_state('bob');
\set VERBOSITY default
RESET ROLE;

-- operating: starts, stops, tunes, drops; but does not write as somebody else
SET ROLE regress_sqs_admin;
SELECT sqs.disable('bob');
SELECT sqs.enable('bob');
SELECT sqs.alter_subscription('bob', max_batch => 7);
SELECT sqs.alter_subscription('bob', queue_url => 'http://127.0.0.1:1/123456789012/evil.fifo');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.alter_subscription('bob', owner => 'regress_sqs_admin');
\echo :LAST_ERROR_SQLSTATE
SELECT sqs.create_subscription('evil', 'http://127.0.0.1:1/123456789012/e.fifo', 'regress_sqs_server', 'regress_sqs.bob', 'regress_sqs_bob');
SELECT count(*) FROM sqs.ledger;
DELETE FROM sqs.ledger;
UPDATE sqs.subscription SET enabled = false;
SELECT sqs.drop_subscription('bob');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1');
DROP SERVER regress_sqs_own;
RESET ROLE;
SELECT subscription, owner FROM sqs.status;

-- rights that are taken away later
REVOKE USAGE ON FOREIGN SERVER regress_sqs_server FROM regress_sqs_alice;
SELECT sqs.enable('alice');
GRANT USAGE ON FOREIGN SERVER regress_sqs_server TO regress_sqs_alice;
ALTER TABLE regress_sqs.alice OWNER TO regress_sqs_bob;
SELECT sqs.enable('alice');
ALTER ROLE regress_sqs_alice SUPERUSER;
SELECT sqs.enable('alice');
\echo :LAST_ERROR_SQLSTATE
ALTER ROLE regress_sqs_alice NOSUPERUSER;

-- an owner that is gone: it can still be dropped, or given another one
DROP OWNED BY regress_sqs_alice;
DROP ROLE regress_sqs_alice;
SELECT count(*) FROM sqs.status;
DO $$
BEGIN
	PERFORM sqs.enable('alice');
EXCEPTION WHEN undefined_object THEN
	RAISE EXCEPTION '%', regexp_replace(sqlerrm, '\d+', 'N');
END
$$;
SELECT sqs.alter_subscription('alice', owner => 'regress_sqs_bob');
SELECT subscription, owner FROM sqs.status;
SELECT sqs.drop_subscription('alice');

DROP SCHEMA regress_sqs CASCADE;
DROP SERVER regress_sqs_server CASCADE;
DROP ROLE regress_sqs_admin;
DROP ROLE regress_sqs_monitor;
DROP ROLE regress_sqs_friend;
DROP ROLE regress_sqs_bob;
