# Several consumers of one queue: each has its slot, its process and its row in
# sqs.consumer_stats; groups stay in order between them, one that dies is
# replaced, and their number follows the subscription.  Settings that cannot
# be enough are said when the number is set.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('consumers', conf => "max_worker_processes = 9\npg_sqs.max_consumers = 5\n");
my ($lab, $node) = @$t{qw(lab node)};
my $running = q{SELECT count(*) FROM sqs.consumer_stats() WHERE state = 'running'};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (n bigserial, g integer, id integer, pid integer DEFAULT pg_backend_pid())', 't',
	more => 'consumers => 3, max_batch => 20, visibility_timeout => 3');
$t->wait_for($running, '3');
is($t->sql(q{SELECT string_agg(application_name, ',' ORDER BY application_name) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}),
	'pg_sqs consumer s,pg_sqs consumer s 2,pg_sqs consumer s 3', 'three processes, named');
is($t->sql(q{SELECT string_agg(consumer::text, ',' ORDER BY consumer), count(DISTINCT pid) FROM sqs.consumer_stats()}), '1,2,3|3', 'three rows of statistics');
$t->wait_until('three long polls are open', sub { $lab->stats->{waiting_polls} == 3 });

# -- order, while one of them is killed now and then by name
my $sent = 0;
my $groups = 12;
sub send_some
{
	my ($count) = @_;
	$lab->send_messages($queue, map { my $g = $sent++ % $groups; [ "g$g", "d$sent", qq({"g": $g, "id": $sent}) ] } 1 .. $count);
	return;
}
for my $victim (1, 2, 3)
{
	send_some(300);
	$t->sql("SELECT pg_terminate_backend(pid) FROM sqs.consumer_stats() WHERE consumer = $victim");
}
send_some(300);
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'everything arrives, once');
is($t->sql('SELECT count(DISTINCT id) FROM t'), $sent, '... each message');
is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id'), '0', 'each group is in order');
cmp_ok($t->sql('SELECT count(DISTINCT pid) FROM t'), '>', 1, 'more than one process wrote');
$t->wait_drained('s');
$t->wait_for($running, '3');

# -- their number changes; those that stay run on
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
my $first = $t->sql('SELECT pid FROM sqs.consumer_stats() WHERE consumer = 1');
$t->sql(q{SELECT sqs.alter_subscription('s', consumers => 1)});
$t->wait_for('SELECT count(*), min(pid) FROM sqs.consumer_stats()', "1|$first");
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}, '1');
$t->sql(q{SELECT sqs.alter_subscription('s', consumers => 2)});
$t->wait_for($running, '2');
is($t->sql('SELECT pid FROM sqs.consumer_stats() WHERE consumer = 1'), $first, 'the first one runs on');
send_some(50);
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'and they consume');

# -- too few slots: said at once, and every subscription still gets one
my ($code, $out, $err) = $node->psql('postgres', q{SELECT sqs.alter_subscription('s', consumers => 6)});
like($err, qr/WARNING:  6 consumers cannot run: pg_sqs.max_consumers is 5.*HINT:  Raise pg_sqs.max_consumers/s, 'more consumers than slots: a warning with a hint');
$t->wait_for('SELECT count(*) FROM sqs.consumer_stats()', '5');
($code, $out, $err) = $node->psql('postgres', q{SELECT sqs.alter_subscription('s', consumers => 4)});
is($err, '', 'what fits gives none');
$t->wait_for($running, '4');
my $fresh = $lab->create_queue('o.fifo');
$t->sql(qq{SET ROLE payments; CREATE TABLE o (id integer); RESET ROLE; SELECT sqs.create_subscription('o', '$fresh', 'aws', 'o', consumers => 3)});
$t->wait_for(q{SELECT count(*) FROM sqs.consumer_stats() c JOIN sqs.subscription s ON s.id = c.subscription AND s.name = 'o' WHERE c.state = 'running'}, '1');
like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/2 pg_sqs consumers do not run: all consumer slots are taken/, 'the log says how many have no slot');

# -- the fence and the switch hold all of them
$t->sql(q{SELECT sqs.disable('s'), sqs.disable('o')});
$t->wait_for('SELECT count(*) FROM sqs.consumer_stats()', '0');
$t->sql(q{SELECT sqs.alter_subscription('s', consumers => 2)});
$t->sql('CREATE DATABASE copy TEMPLATE postgres');
$t->sql(q{UPDATE sqs.subscription SET enabled = true}, 'copy');
$t->sql(q{SELECT sqs.alter_subscription('s', max_polls => 3)}, 'copy');
$t->wait_for(q{SELECT count(*), count(pid), count(*) FILTER (WHERE state = 'fenced') FROM sqs.consumer_stats() c JOIN pg_database d ON d.oid = c.database WHERE datname = 'copy' AND subscription = (SELECT id FROM sqs.subscription WHERE name = 's')},
	'2|0|2', 'copy');
$t->finish;
done_testing;
