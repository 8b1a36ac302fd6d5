# No free background worker: one line in the log, the state says so, and what
# waits runs as soon as there is room, without anybody's help.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

# One for PostgreSQL's logical replication launcher, one for ours: two are left.
my $t = PgSqs::Test->new('no_worker', conf => "max_worker_processes = 4\nmax_parallel_workers = 4\n");
my ($lab, $node) = @$t{qw(lab node)};
local $ENV{PGPORT} = $node->port;

sub lines { return scalar grep { /LOG: .*no background worker slot is free for pg_sqs/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }

# Sessions that keep a worker busy: a query that one parallel worker runs.
my $force = $t->sql(q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
sub occupy
{
	my ($session) = @_;
	$session->query("SET $force = on; SET max_parallel_workers_per_gather = 1");
	$session->send('SELECT pg_sleep(600)');
	return;
}
sub release
{
	my ($session) = @_;
	$t->sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600);' AND leader_pid IS NULL});
	$session->answer;
	return;
}
sub workers { return $t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}, $_[0]) }

# -- all are taken before anything was started
my @busy = map { PgSqs::Psql->new(host => $node->host) } 1 .. 2;
occupy($_) for @busy;
workers(2);
my $queue = $lab->create_queue('q.fifo');
$t->sql(qq{SET ROLE payments; CREATE TABLE t (id integer); RESET ROLE; SELECT sqs.create_subscription('s', '$queue', 'aws', 't')});
$lab->send_messages($queue, [ 'g', 'd1', '{"id": 1}' ]);
$t->wait_until('the log says so', sub { lines() == 1 });
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/no background worker slot is free.*\n.*HINT: .*max_worker_processes/, 'with a hint');
sleep 6;						# another try
is(lines(), 1, 'once, however often it tries');
release($_) for @busy;
workers(0);
ok($t->wait_for('SELECT count(*) FROM t', '1'), 'it starts by itself when there is room');

# -- one can run, the other waits for it
occupy($busy[0]);
workers(1);
my $other = $lab->create_queue('o.fifo');
$t->sql(qq{SET ROLE payments; CREATE TABLE o (id integer); RESET ROLE; SELECT sqs.create_subscription('o', '$other', 'aws', 'o')});
$lab->send_messages($other, [ 'g', 'o1', '{"id": 1}' ]);
$t->wait_for(q{SELECT state FROM sqs.status WHERE subscription = 'o'}, 'waiting for a worker') or diag $t->sql('SELECT subscription, state FROM sqs.status');
release($busy[0]);
ok($t->wait_for('SELECT count(*) FROM o', '1'), 'so does the second one');
$t->wait_for(q{SELECT string_agg(state, ' ') FROM sqs.status}, 'running running');
cmp_ok(lines(), '<=', 3, 'and the log was not filled: ' . lines() . ' lines');
$t->finish;
done_testing;
