# What a route's statement does, it does as the subscription's owner, under the
# search_path that it was added with: in a consumer, at its commit, when it is
# added and when it is explained.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('route_privileges');
my ($lab, $node) = @$t{qw(lab node)};
$t->sql(<<'SQL');
CREATE ROLE other;
GRANT USAGE ON FOREIGN SERVER aws TO other;
CREATE USER MAPPING FOR other SERVER aws OPTIONS (access_key_id 'OTHERKEY', secret_access_key 'othersecret');
CREATE TABLE public.secret (v text);
CREATE SCHEMA shop AUTHORIZATION payments;
CREATE SCHEMA trap AUTHORIZATION payments;
SET ROLE payments;
CREATE TABLE shop.seen (id int, probe text, who text, session text, superuser text, climbed text);
CREATE TABLE trap.seen (LIKE shop.seen);
CREATE FUNCTION shop.probe() RETURNS text LANGUAGE plpgsql AS $$
DECLARE climbed text := 'none';
BEGIN
	BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; climbed := 'session'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN EXECUTE 'SET ROLE postgres'; climbed := 'role'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN PERFORM set_config('role', 'postgres', false); climbed := 'set_config'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN INSERT INTO public.secret VALUES ('x'); climbed := 'secret'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN PERFORM pg_read_file('postgresql.conf'); climbed := 'file'; EXCEPTION WHEN others THEN NULL; END;
	BEGIN PERFORM option_value FROM pg_catalog.pg_user_mappings m, pg_catalog.pg_options_to_table(m.umoptions)
		WHERE m.usename = 'other' AND option_value IS NOT NULL;
		IF FOUND THEN climbed := 'mapping'; END IF; EXCEPTION WHEN others THEN NULL; END;
	EXECUTE 'SET search_path = trap';
	RETURN climbed;
END $$;
CREATE FUNCTION shop.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.probe = 'statement' THEN
		INSERT INTO shop.seen VALUES (NEW.id, 'deferred', current_user, session_user, current_setting('is_superuser'), shop.probe());
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shop.seen DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.late();
SQL
my $url = $t->{queue}{s} = $lab->create_queue('q.fifo');
$t->sql("SELECT sqs.create_subscription('s', '$url', 'aws', owner => 'payments')");
my $statement = q{INSERT INTO seen SELECT (body->>'id')::int, 'statement', current_user, session_user, current_setting('is_superuser'), probe() FROM batch};
$t->sql("SET search_path = shop; SELECT sqs.add_route('s', 'r', statement => \$\$$statement\$\$)");
$t->wait_for('SELECT state FROM sqs.status', 'running');

for my $id (1, 2)
{
	$lab->send_messages($url, [ 'g', "d$id", qq({"id": $id}) ]);
	$t->wait_for("SELECT string_agg(probe, ' ' ORDER BY probe) FROM shop.seen WHERE id = $id", 'deferred statement');
}
is($t->sql('SELECT DISTINCT who, session, superuser, climbed FROM shop.seen'), 'payments|payments|off|none', 'as the owner, session too, and nothing is climbed');
is($t->sql('SELECT (SELECT count(*) FROM trap.seen) + (SELECT count(*) FROM public.secret)'), '0', 'a search_path set by a route does not stay');

# -- by a superuser's hand in SQL: still the owner's rights
is($t->sql(q{SELECT count(*) FROM sqs.explain('s', '{"id": 3}') WHERE error_sqlstate IS NULL OR error_sqlstate = '42501'}), '1', 'sqs.explain runs it');
$t->sql('SET ROLE payments; ALTER TABLE shop.seen DISABLE TRIGGER late');
is($t->sql(q{SELECT outcome FROM sqs.ingest('s', '[{"dedup_id": "4", "body": {"id": 4}}]')}), 'applied', 'sqs.ingest runs it');
is($t->sql('SELECT who, climbed FROM shop.seen WHERE id = 4'), 'payments|none', 'as the owner');
is($t->sql('SELECT count(*) FROM shop.seen WHERE id = 3'), '0', 'and what was explained is not there');

# -- what a statement may not do by itself stops at the message
my ($code, $out, $err) = $node->psql('postgres', q{SELECT sqs.add_route('s', 'direct', statement => 'INSERT INTO public.secret SELECT body_text FROM batch')});
like($err, qr/permission denied for table secret/, 'a table that the owner may not write to is refused when the route is added');
$t->sql(q{SELECT sqs.add_route('s', 'roles', on_error => 'route', statement => 'INSERT INTO shop.seen (probe) SELECT set_config(''role'', ''postgres'', false) FROM batch')});
($code, $out, $err) = $node->psql('postgres', q{SELECT error_sqlstate FROM sqs.explain('s', '{"id": 5}') WHERE route = 'roles'});
is($out, '42501', 'a change of role is an error of the route');
is($t->sql('SELECT count(*) FROM public.secret'), '0', 'nothing reached another role\'s table');
$t->finish;
done_testing;
