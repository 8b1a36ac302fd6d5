# Nothing lost, nothing doubled when a process dies between commit and delete,
# although role and database ask for asynchronous commits.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('crash', conf => "restart_after_crash = on\nwal_writer_delay = 10s\n");
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

# -- a delete that SQS obeys is of a message whose effect is durable: the
# consumer is killed, and so all of the server's memory lost, at that instant
for my $round (1 .. 3)
{
	$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 1, do => 'pass', kill => consumer_pid() + 0);
	my $before = grep { ($_->{event} // '') eq 'fault' } $lab->journal;
	$lab->send_messages($queue, [ "durable$round", "durable$round", qq({"id": -$round, "v": 0}) ]);
	$t->wait_until('the fault fired', sub { (grep { ($_->{event} // '') eq 'fault' } $lab->journal) > $before });
	$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
	$t->wait_drained('s');
	is($t->sql("SELECT count(*) FROM t WHERE id = -$round"), '1', "what was deleted is durable, round $round");
}
$t->sql('DELETE FROM t WHERE id < 0');

# -- the answer of a delete is lost
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 1, do => 'drop_after');
send_some(25, 30);
settle(30, 'a lost answer of a delete');
# (the queue is empty before the delete is asked for again, and the faults below are not for that one)
$t->wait_until('the delete was asked for again', sub {
	my @deletes = grep { $_->{request} && ($_->{action} // '') eq 'DeleteMessageBatch' } $lab->journal;
	return @deletes && !$deletes[-1]{error};
});

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
# (the fault is for polls that begin, so the one that is open is ended first)
sub lose_receive_answers
{
	my ($dedup, @faults) = @_;
	$lab->advance(20);			# of several polls one is opened again
	$t->wait_until('one poll is open', sub { ($lab->stats->{waiting_polls} // 0) == 1 });
	$lab->fault(service => 'sqs', action => 'ReceiveMessage', @$_) for @faults;
	$lab->send_messages($queue, [ 'wake', $dedup, '{"id": 0, "v": 0}' ]);
	$t->wait_until('the next poll is open', sub { ($lab->stats->{waiting_polls} // 0) > 0 && grep { ($_->{event} // '') eq 'sqs.deleted' && $_->{dedup} eq $dedup } $lab->journal });
	return;
}
sub lost { return scalar grep { ($_->{error} // '') eq 'answer dropped' && $_->{action} eq 'ReceiveMessage' } $lab->journal }
lose_receive_answers('w1', [ times => 1, do => 'drop_after' ]);
send_some(61, 63);
my $seconds = PgSqs::Test::timed(sub { $t->wait_for('SELECT count(*) FROM t WHERE id > 0', '63') });
cmp_ok($seconds, '<', 2, sprintf('a lost receive answer is asked for again (%.1f s)', $seconds));
is(lost(), 1, 'it was lost');

# ... also when the client had to give up in between
lose_receive_answers('w2', [ times => 1, do => 'drop_after' ], [ times => 4, do => 'error', status => 503, code => 'ServiceUnavailable' ]);
send_some(64, 66);
$seconds = PgSqs::Test::timed(sub { $t->wait_for('SELECT count(*) FROM t WHERE id > 0', '66') });
cmp_ok($seconds, '<', 15, sprintf('... also after an outage (%.1f s)', $seconds));
is(lost(), 2, 'it was lost, too');
is($t->status('s')->{received}, $t->status('s')->{applied} + $t->status('s')->{duplicates}, 'what was received is accounted for');

$t->finish;
done_testing;
