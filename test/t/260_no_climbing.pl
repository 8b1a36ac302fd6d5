# Everything an owner can hang into the way of a message, each of it trying to
# become somebody else: a statement and the casts in it, a generated column, a
# policy, a rule, a trigger of a view, a partition's check, a constraint.  All of
# it is the owner, and remains it.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('climbing');
my ($lab, $node) = @$t{qw(lab node)};
$t->sql(<<'SQL');
CREATE TABLE public.secret (v text);
CREATE ROLE other;
GRANT USAGE ON FOREIGN SERVER aws TO other;
SET log_statement = 'none';
CREATE USER MAPPING FOR other SERVER aws OPTIONS (access_key_id 'OTHERKEY', secret_access_key 'othersecret');
CREATE SCHEMA trap AUTHORIZATION payments;
SQL
my $table = <<'SQL';
CREATE TABLE public.seen (probe text, who text, session text, superuser text, climbed text);
CREATE FUNCTION public.probe(name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	climbed text := '';
	try text;
BEGIN
	FOREACH try IN ARRAY ARRAY['RESET ROLE', 'SET ROLE NONE', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL ROLE NONE'] LOOP
		BEGIN EXECUTE try; EXCEPTION WHEN others THEN NULL; END;
	END LOOP;
	FOREACH try IN ARRAY ARRAY['SET SESSION AUTHORIZATION postgres', 'SET ROLE postgres', 'SET LOCAL ROLE postgres',
		'SELECT set_config(''session_authorization'', ''postgres'', false)', 'SELECT set_config(''role'', ''other'', true)',
		'ALTER ROLE payments SUPERUSER', 'INSERT INTO public.secret VALUES (1)', 'DELETE FROM sqs.ledger', 'TABLE sqs.quarantined',
		'UPDATE sqs.subscription SET owner = ''postgres''', 'SELECT sqs.enable(''s'')', 'COPY (SELECT 1) TO PROGRAM ''true''',
		'SELECT pg_read_file(''PG_VERSION'')', 'SET session_replication_role = replica', 'LOAD ''pg_sqs''',
		'SELECT 1 / count(umoptions) FROM pg_catalog.pg_user_mappings WHERE usename = ''other''',
		'SELECT umoptions FROM pg_catalog.pg_user_mapping', 'ALTER USER MAPPING FOR other SERVER aws OPTIONS (SET access_key_id ''mine'')'] LOOP
		BEGIN EXECUTE try; climbed := climbed || try || '; '; EXCEPTION WHEN others THEN NULL; END;
	END LOOP;
	INSERT INTO public.seen VALUES (name, current_user, session_user, current_setting('is_superuser'), climbed);
	EXECUTE 'SET search_path = trap, public';
	RETURN true;
END $$;
CREATE FUNCTION public.quiet(name text, v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM public.probe(name); RETURN v; END $$;
CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.probe(TG_ARGV[0]); RETURN NEW; END $$;
CREATE TYPE public.amount AS (v text);
CREATE FUNCTION public.to_amount(v integer) RETURNS public.amount LANGUAGE plpgsql AS $$ BEGIN PERFORM public.probe('cast'); RETURN row(v)::public.amount; END $$;
CREATE CAST (integer AS public.amount) WITH FUNCTION public.to_amount(integer) AS ASSIGNMENT;
CREATE TABLE public.base (id integer CHECK (public.probe('check')), v text, g text GENERATED ALWAYS AS (public.quiet('generated', v)) STORED, c public.amount)
	PARTITION BY LIST (public.quiet('partition', v));
CREATE TABLE public.base_x PARTITION OF public.base FOR VALUES IN ('x');
CREATE TABLE public.guarded (id integer);
ALTER TABLE public.guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON public.guarded USING (true) WITH CHECK (public.probe('policy'));
CREATE TABLE public.ruled (id integer);
CREATE RULE r AS ON INSERT TO public.ruled DO ALSO SELECT public.probe('rule');
CREATE VIEW public.v AS SELECT id FROM public.guarded;
CREATE TRIGGER instead INSTEAD OF INSERT ON public.v FOR EACH ROW EXECUTE FUNCTION public.fire('instead');
CREATE TRIGGER statement AFTER INSERT ON public.guarded FOR EACH STATEMENT EXECUTE FUNCTION public.fire('statement trigger');
CREATE TABLE trap.seen (LIKE public.seen);
CREATE FUNCTION trap.probe(text) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE FUNCTION trap.count(text) RETURNS bigint LANGUAGE sql AS 'SELECT 1 / 0::bigint';
CREATE TABLE public.target (id integer, who text DEFAULT current_user);
SQL
# Casts belong to whom their types belong; the owner of the types makes them.
$t->subscribe('s', 'q.fifo', $table, 'public.target');
my %route = (
	base => q{statement => 'INSERT INTO public.base (id, v, c) SELECT (body->>''id'')::integer, body->>''v'', (body->>''id'')::integer FROM batch'},
	statement => q{statement => 'INSERT INTO public.seen SELECT ''plain'', current_user, session_user, current_setting(''is_superuser''), '''' FROM batch WHERE public.probe(''statement'')'},
	guarded => q{target => 'public.guarded'}, ruled => q{statement => 'INSERT INTO public.ruled SELECT (body->>''id'')::integer FROM batch'}, view => q{target => 'public.v'});
$t->sql("SELECT sqs.add_route('s', '$_', $route{$_})") for sort keys %route;
$t->sql('TRUNCATE seen, secret');
$t->wait_for('SELECT state FROM sqs.status', 'running');
for my $id (1, 2)
{
	$lab->send_messages($t->{queue}{s}, [ 'g', "d$id", qq({"id": $id, "v": "x"}) ]);
	$t->wait_for("SELECT count(*) FROM target WHERE id = $id", '1') or diag explain $t->status('s');
}
my $probes = 'cast check generated instead partition plain policy rule statement statement trigger';
is($t->sql(q{SELECT string_agg(DISTINCT probe, ' ' ORDER BY probe) FROM seen}), $probes, 'every probe ran');
is($t->sql(q{SELECT DISTINCT who, session, superuser FROM seen}), 'payments|payments|off', 'as the owner, the session too');
is($t->sql(q{SELECT DISTINCT climbed FROM seen}), '', 'and could do nothing that the owner may not');
is($t->sql('SELECT DISTINCT who FROM target'), 'payments', 'what follows it in a batch is the owner as well');
is($t->sql('SELECT count(*) FROM secret') . $t->sql('SELECT count(*) FROM trap.seen'), '00', 'no trap was stepped into');
is($t->sql('SELECT count(*) FROM sqs.ledger'), '2', 'the ledger has its rows');
is($t->sql('SELECT count(*) FROM sqs.quarantined'), '0', 'nothing was refused');

# -- the same by sqs.ingest and sqs.explain, called by a superuser
$t->sql('TRUNCATE seen');
is($t->sql(q{SELECT outcome FROM sqs.ingest('s', '[{"dedup_id": "i", "body": {"id": 3, "v": "x"}}]')}), 'applied', 'sqs.ingest');
is($t->sql(q{SELECT DISTINCT who, climbed FROM seen}), 'payments|', 'in sqs.ingest, too');
is($t->sql(q{SELECT string_agg(route || ' ' || error_sqlstate || error, ' ') FROM sqs.explain('s', '{"id": 4, "v": "x"}')}), '', 'and sqs.explain runs it all');
is($t->sql('SELECT count(*) FROM secret'), '0', 'to no effect');
$t->finish;
done_testing;
