# Nothing lost, nothing doubled when a process dies between commit and delete,
# although role and database ask for asynchronous commits.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('crash', conf => "restart_after_crash = on\n");
my ($lab, $node) = @$t{qw(lab node)};
$t->sql('ALTER DATABASE postgres SET synchronous_commit = off; ALTER ROLE payments SET synchronous_commit = off');
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, v numeric)', 't', more => 'visibility_timeout => 5');

sub consumer_pid { return $t->sql(q{SELECT pid FROM sqs.status WHERE subscription = 's'}) }
sub send_some
{
	my ($from, $to) = @_;
	$lab->send_messages($queue, map { [ 'g' . ($_ % 3), "d$_", qq({"id": $_, "v": $_.10}) ] } $from .. $to);
	return;
}
sub settle
{
	my ($count, $name) = @_;
	$t->wait_for('SELECT count(DISTINCT id) FROM t', $count);
	$t->wait_drained('s');
	is($t->sql('SELECT count(*), count(DISTINCT id), sum(v)::text FROM t'),
		join('|', $count, $count, $t->sql("SELECT sum(i + 0.10)::text FROM generate_series(1, $count) i")), $name);
	return;
}
sub in_order
{
	return $t->sql(q{SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY id % 3 ORDER BY l.sequence_number::numeric) AS previous
		FROM t JOIN sqs.ledger l ON l.dedup_key = 'd' || t.id) x WHERE previous >= id});
}

send_some(1, 12);
settle(12, 'a quiet run');

# -- kill -9 of the consumer at the moment its delete arrives
my $pid = consumer_pid();
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 1, do => 'drop_before', kill => $pid + 0);
send_some(13, 24);
$t->wait_until('the fault fired', sub { grep { ($_->{event} // '') eq 'fault' } $lab->journal });
$node->poll_query_until('postgres', 'SELECT true') or fail('the server came back');
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
isnt(consumer_pid(), $pid, 'another consumer took over');
settle(24, 'kill -9 between commit and delete: nothing lost, nothing doubled');
cmp_ok($t->status('s')->{duplicates}, '>', 0, 'the redelivery was a counted duplicate');

# -- the answer of a delete is lost
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 1, do => 'drop_after');
send_some(25, 30);
settle(30, 'a lost answer of a delete');

# -- an immediate shutdown of the whole server at the moment of a delete
for my $round (1 .. 3)
{
	$lab->clear_faults;
	$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 1, do => 'hang');
	my $before = grep { ($_->{event} // '') eq 'fault' } $lab->journal;
	my $from = 31 + ($round - 1) * 10;
	send_some($from, $from + 9);
	$t->wait_until('a delete arrived', sub { (grep { ($_->{event} // '') eq 'fault' } $lab->journal) > $before });
	$node->stop('immediate');
	$node->start;
	settle($from + 9, "immediate shutdown, round $round");
}
is(in_order(), '0', 'order within each group held');

# -- a lost answer of a receive does not hold its group for the visibility timeout
$lab->clear_faults;
$t->sql(q{SELECT sqs.alter_subscription('s', visibility_timeout => 600)});
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
$t->wait_until('a poll is open', sub { ($lab->stats->{waiting_polls} // 0) > 0 });
$lab->fault(service => 'sqs', action => 'ReceiveMessage', times => 1, do => 'drop_after');
send_some(61, 63);
my $seconds = PgSqs::Test::timed(sub { $t->wait_for('SELECT count(*) FROM t', '63') });
cmp_ok($seconds, '<', 25, sprintf('a lost receive answer is asked for again (%.1f s)', $seconds));

$t->finish;
done_testing;
