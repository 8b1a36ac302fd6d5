# A route that brings the server down: the message is found out, tried alone
# three times, and then the subscription stops and says which it was.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('crash', conf => "restart_after_crash = on\n");
my ($lab, $node) = @$t{qw(lab node)};

# kill -9 of the own process, by a superuser's function.
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, nr bigint GENERATED ALWAYS AS IDENTITY)', 't',
	more => 'visibility_timeout => 2');
$t->sql(q{
	CREATE TABLE deaths (id integer);
	CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
		IF NEW.id = 666 THEN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'kill -9 ' || pg_backend_pid()); END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER die BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION die()});
is($t->sql(q{SELECT count(*) FROM sqs.attempt WHERE dedup_key = ''}), '1', 'a consumer that runs is known to run');
sub crashes { return scalar grep { /background worker "pg_sqs consumer[^"]*" \(PID \d+\) was terminated by signal 9/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }
# The lab's clock brings messages back; the server's answer is waited for.
sub until_crashes
{
	my ($n) = @_;
	return $t->wait_until("crash $n", sub { $lab->advance(3); return crashes() >= $n }, 60);
}

# -- company is not blamed, and goes on
$lab->send_messages($queue, map { [ "g$_", "m$_", qq({"id": $_}) ] } 1 .. 5, 666, 6 .. 9);
until_crashes(3);
$t->wait_until('it has stopped', sub {
	$lab->advance(3);
	my $out = '';
	$node->psql('postgres', q{SELECT state FROM sqs.status}, stdout => \$out);
	return $out eq 'error';
}, 60);
my $status = $t->status('s');
like($status->{last_error}, qr/the server went down 3 times while message \S+ of group "g666"/, "it says which: $status->{last_error}");
like($status->{last_error_hint}, qr/sqs\.enable/, 'and what to do');
my $after = crashes();
cmp_ok($after, '<=', 4, "after $after crashes");
is($t->sql('SELECT count(*) - count(DISTINCT id), coalesce(bool_or(id = 666), false) FROM t'), '0|f', 'nothing is applied twice, nor what kills');
is($t->sql(q{SELECT string_agg(dedup_key || ':' || deaths, ' ') FROM sqs.attempt WHERE dedup_key <> '' AND deaths > 1}), 'm666:3', 'nobody else is found out');

# -- it stays stopped
$lab->advance(10);
$lab->send_messages($queue, [ 'g1', 'n1', '{"id": 10}' ]);
$t->sql('SELECT pg_sleep(1)');
is($t->status('s')->{state}, 'error', 'it stays stopped');
is(crashes(), $after, 'and the server up');

# -- mended and enabled
$t->sql('DROP TRIGGER die ON t');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_until('it is applied', sub { $lab->advance(3); return $t->sql('SELECT count(*), count(DISTINCT id) FROM t') eq '11|11' });
$t->wait_drained('s');
is($t->sql(q{SELECT count(*) FROM sqs.attempt WHERE dedup_key <> ''}), '0', 'nobody is suspected any longer');
is($t->status('s')->{state}, 'running', 'it runs');

# -- an orderly end leaves nothing behind, also in the middle of something
$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'});
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
is($t->sql(q{SELECT count(*) FROM sqs.attempt}), '1', 'terminated: it said farewell');
my $before = $t->sql('SELECT pids FROM sqs.status');
$ENV{PGPORT} = $node->port;
my $locker = PgSqs::Psql->new(host => $node->host);
$locker->query('BEGIN; LOCK TABLE t IN SHARE MODE');
$lab->send_messages($queue, [ 'g1', 'n2', '{"id": 11}' ]);
$t->wait_for(q{SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted}, '1');
$t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'});
$t->wait_for(qq{SELECT state, pids <> '$before' FROM sqs.status}, 'running|t');
$locker->query('COMMIT');
is($t->sql(q{SELECT count(*), max(deaths) FROM sqs.attempt}), '1|0', 'terminated in the middle of a batch: too');
$t->wait_until('it is applied', sub { $lab->advance(3); return $t->sql('SELECT count(*) FROM t WHERE id = 11') eq '1' });
undef $locker;
$node->restart;
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
is($t->sql(q{SELECT count(*) FROM sqs.attempt}), '1', 'shut down: it said farewell');
$t->sql(q{SELECT sqs.disable('s')});
$t->wait_for(q{SELECT count(*) FROM sqs.attempt}, '0', undef, 'disabled: it said farewell');
$t->finish;
done_testing;
