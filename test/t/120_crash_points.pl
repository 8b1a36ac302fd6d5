# At every step of the protocol something dies: the consumer is killed while a
# request of its arrives, an answer gets lost, or the whole server stops at
# once.  However many steps, nothing is lost, doubled or reordered, and the
# queue ends up empty but for the one message that can never be applied.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $points = $ENV{PG_SQS_CRASH_POINTS} // 40;
my $seed = $ENV{PG_SQS_SEED} // time ^ $$;
srand $seed;
note "seed $seed, $points points (PG_SQS_SEED and PG_SQS_CRASH_POINTS repeat a run)";

my $t = PgSqs::Test->new('crash_points', conf => "restart_after_crash = on\nwal_writer_delay = 10s\nmax_wal_size = 128MB\n");
my ($lab, $node) = @$t{qw(lab node)};
my $groups = 7;
$t->sql('ALTER DATABASE postgres SET synchronous_commit = off; ALTER ROLE payments SET synchronous_commit = off; ALTER ROLE postgres SET synchronous_commit = off');

# n says in which order rows came to be; xid, in which transaction.
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (n bigserial, g integer, id integer, poison integer CHECK (poison IS NULL))', 't',
	more => 'visibility_timeout => 2');
$t->sql('CHECKPOINT');			# else the first crash may undo the subscription itself
my $id = 0;

# The next messages of random groups; now and then one is sent twice, which
# SQS drops by its id, so that only what was sent once is expected once.
sub send_some
{
	my ($count) = @_;
	my @messages = map {
		my $g = int rand $groups;
		$id++;
		[ "g$g", "d$id", qq({"g": $g, "id": $id}) ]
	} 1 .. $count;
	push @messages, $messages[ int rand @messages ] for 1 .. 1 + rand 3;
	$lab->send_messages($queue, @messages);
	return;
}

sub faults_fired { return scalar grep { ($_->{event} // '') eq 'fault' } $lab->journal_news }
sub ready
{
	my $end = time + 20;
	while (time < $end)
	{
		my ($pid, $state) = split /\|/, eval { $t->sql(q{SELECT pid, state FROM sqs.status WHERE pid IS NOT NULL}) } // '';
		return $pid if ($state // '') eq 'running';
		sleep 0.05;
	}
	return;
}

sub arm
{
	my ($what, $pid) = @_;
	my ($action, $do) = @{ $what }{qw(action do)};
	$lab->fault(service => 'sqs', action => $action, times => 1, do => $do, skip => $action eq 'DeleteMessageBatch' ? int rand 2 : 0, ($what->{kill} ? (kill => $pid + 0) : ()), ($do eq 'fail_entries' ? (entries => [0], code => 'InternalError') : ()));
	return;
}

my @kinds = (
	(map { { name => "kill at $_->[0], $_->[1]", action => $_->[0], do => $_->[1], kill => 1 } }
		  ([ 'ReceiveMessage', 'pass' ], [ 'ReceiveMessage', 'drop_after' ], [ 'DeleteMessageBatch', 'drop_before' ],
			[ 'DeleteMessageBatch', 'pass' ], [ 'DeleteMessageBatch', 'drop_after' ])),
	{ name => 'kill while the poison is given back', action => 'ChangeMessageVisibilityBatch', do => 'drop_before', kill => 1, advance => 400 },
	{ name => 'server stopped at a delete', action => 'DeleteMessageBatch', do => 'hang', stop => 1 },
	{ name => 'server stopped after a delete', action => 'DeleteMessageBatch', do => 'drop_after', stop => 1 },
	{ name => 'server stopped at a random moment', stop => 1 },
	{ name => 'receive answer lost', action => 'ReceiveMessage', do => 'drop_after' },
	{ name => 'delete answer lost', action => 'DeleteMessageBatch', do => 'drop_after' },
	{ name => 'delete entries failed', action => 'DeleteMessageBatch', do => 'fail_entries' });

$lab->send_messages($queue, [ 'poison', 'poison', '{"g": 99, "id": 0, "poison": 1}' ]);
my %done;
my $fired_count = 0;
my $started = time;
for (my $try = 0; $fired_count < $points && $try < 2 * $points; $try++)
{
	my $what = $kinds[ $try < @kinds ? $try : rand @kinds ];
	my $pid = ready() or do { fail("the consumer came back before point $fired_count"); last };
	faults_fired();
	$lab->advance($what->{advance}) if $what->{advance};
	arm($what, $pid) if $what->{action};
	send_some(5 + int rand 12);
	my $fired = !$what->{action};
	sleep rand 0.05 if $fired;
	my $more = time + 0.3;
	for (my $end = time + 3; !$fired && time < $end; sleep 0.01)
	{
		$fired = faults_fired();
		if (time > $more) { send_some(3); $more += 0.5; }
	}
	if ($what->{stop})
	{
		$node->stop('immediate');
		$node->start;
	}
	$lab->clear_faults;
	next unless $fired;
	$done{ $what->{name} }++;
	$fired_count++;
}
note sprintf '%.0f s; %s', time - $started, join ', ', map { "$_: $done{$_}" } sort keys %done;

# Everything that was sent arrives; only the poison stays.
$lab->clear_faults;
$t->wait_until('all is applied', sub { (eval { $t->sql("SELECT count(DISTINCT id) FROM t WHERE id > 0") } // '') eq $id }, 40);
$t->wait_until('all but the poison is deleted', sub { my ($v, $f) = $lab->queue_depth($queue); $v + $f == 1 }, 40);
my ($visible, $in_flight) = $lab->queue_depth($queue);
my $lost = $t->sql("SELECT count(*) FROM generate_series(1, $id) i WHERE NOT EXISTS (SELECT FROM t WHERE t.id = i)");
my $doubled = $t->sql('SELECT count(*) - count(DISTINCT id) FROM t');
my $reordered = $t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id');
my $undeleted = $visible + $in_flight - 1;
note "crash points: $fired_count, lost $lost, doubled $doubled, reordered $reordered, undeleted $undeleted";
is($lost, '0', "nothing lost of $id messages");
is($doubled, '0', 'nothing doubled');
is($reordered, '0', 'order within each group held');
is($undeleted, 0, 'every applied message was deleted');
is($fired_count, $points, 'every point was reached');
cmp_ok(scalar keys %done, '>=', 10, 'of many kinds') if $points >= 40;
is($t->sql('SELECT count(*) FROM t WHERE poison IS NOT NULL'), '0', 'the poison was not applied');
is($t->sql(q{SELECT count(*) FROM t LEFT JOIN sqs.ledger l ON l.dedup_key = 'd' || t.id WHERE l.dedup_key IS NULL}), '0', 'each row has its ledger row');
$t->finish;
done_testing;
