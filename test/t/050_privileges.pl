# What a route, trigger, default, cast or index expression does, it does as
# the subscription's owner, never as a superuser; also when committing.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('privileges');
my ($lab, $node) = @$t{qw(lab node)};

# Each probe notes who it runs as, tries to climb, and notes what that gave.
$t->sql(<<'SQL');
CREATE TABLE public.seen (probe text, who text, session text, superuser text, climbed text);
GRANT INSERT ON public.seen TO payments;
CREATE TABLE public.secret (v text);
GRANT CREATE ON SCHEMA public TO payments;
SQL
my $table = <<'SQL';
CREATE FUNCTION public.probe(name text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE climbed text := 'none';
BEGIN
	BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; climbed := 'session'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'SET ROLE postgres'; climbed := 'role'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN PERFORM set_config('role', 'postgres', false); climbed := 'set_config'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'ALTER ROLE payments SUPERUSER'; climbed := 'alter role'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN INSERT INTO public.secret VALUES ('x'); climbed := 'secret'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'INSERT INTO sqs.ledger SELECT 1, ''forged'', '''', '''', '''', '''''; climbed := 'ledger'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN PERFORM option_value FROM pg_catalog.pg_user_mappings m, pg_catalog.pg_options_to_table(m.umoptions)
		WHERE m.usename = 'other' AND option_value IS NOT NULL;
		IF FOUND THEN climbed := 'mapping'; END IF; EXCEPTION WHEN others THEN NULL; END;
	INSERT INTO public.seen VALUES (name, current_user, session_user, current_setting('is_superuser'), climbed);
	RETURN true;
END $$;
CREATE FUNCTION public.probe_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.probe(TG_ARGV[0]);
	EXECUTE 'SET search_path = public';
	RETURN NEW;
END $$;
CREATE FUNCTION public.probe_immutable(v integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM public.probe('index'); RETURN v; END $$;
CREATE DOMAIN public.probed AS integer CHECK (public.probe('domain'));
CREATE TABLE public.t (id integer, d public.probed, f boolean DEFAULT public.probe('default'));
CREATE INDEX ON public.t (public.probe_immutable(id));
CREATE TRIGGER row_trigger BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.probe_trigger('trigger');
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION public.probe_trigger('deferred');
SQL
$t->sql(q{CREATE ROLE other; GRANT USAGE ON FOREIGN SERVER aws TO other;
	CREATE USER MAPPING FOR other SERVER aws OPTIONS (access_key_id 'OTHERKEY', secret_access_key 'othersecret')});
$t->sql('TRUNCATE seen');
$t->subscribe('s', 'q.fifo', $table, 'public.t');
$t->sql('TRUNCATE seen, secret');
$lab->send_messages($t->{queue}{s}, [ 'g', 'd1', '{"id": 1, "d": 2}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');
is($t->sql('SELECT string_agg(DISTINCT probe, $$ $$ ORDER BY probe) FROM seen'), 'default deferred domain index trigger', 'every probe ran');
is($t->sql('SELECT DISTINCT who, session, superuser, climbed FROM seen'), 'payments|payments|off|none', 'as the owner, session too, and could not climb');
is($t->sql('SELECT count(*) FROM secret'), '0', 'nothing reached another role\'s table');
is($t->sql(q{SELECT count(*) FROM sqs.ledger WHERE dedup_key = 'forged'}), '0', 'the ledger cannot be forged');
$t->wait_drained('s');
$lab->send_messages($t->{queue}{s}, [ 'g', 'd2', '{"id": 2, "d": 2}' ]);
$t->wait_for('SELECT count(*) FROM t', '2');
pass('a search_path set by a trigger does not stay');

# -- the owner cannot log in, and a superuser is refused as owner
is($t->sql(q{SELECT rolcanlogin FROM pg_roles WHERE rolname = 'payments'}), 'f', 'the owner is NOLOGIN');
my ($code, $out, $err) = $node->psql('postgres', qq{SELECT sqs.create_subscription('root', '$t->{queue}{s}', 'aws', 't', owner => 'postgres')});
like($err, qr/superuser.*HINT:/s, 'a superuser as owner is refused with a hint');

# -- unprivileged roles see and do nothing
$t->sql('CREATE ROLE nobody_special');
for my $statement ('SELECT * FROM sqs.status', 'SELECT * FROM sqs.ledger', 'SELECT * FROM sqs.subscription',
	q{SELECT sqs.disable('s')}, q{SELECT sqs.drop_subscription('s')}, q{SELECT * FROM sqs.ingest('s', '[]')})
{
	($code, $out, $err) = $node->psql('postgres', "SET ROLE nobody_special; $statement");
	like($err, qr/permission denied/, "denied: $statement");
}
# -- an owner who becomes a superuser is noticed, and back when it is one no more
$t->sql('ALTER ROLE payments SUPERUSER');
$t->wait_for('SELECT state FROM sqs.status', 'error');
like($t->status('s')->{last_error}, qr/superuser/, 'an owner who became a superuser is refused: ' . $t->status('s')->{last_error});
($code, $out, $err) = $node->psql('postgres', q{SELECT sqs.enable('s')});
like($err, qr/superuser.*HINT:/s, 'enable says so too');
$t->sql('ALTER ROLE payments NOSUPERUSER');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT state FROM sqs.status', 'running');
pass('an ordinary role again');
$t->finish;
done_testing;
