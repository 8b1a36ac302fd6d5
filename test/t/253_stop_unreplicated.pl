# A consumer that waits for a synchronous standby is as quick to stop as any,
# and what the standby has not got is not deleted: not at the stop, and not
# after the start.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('unreplicated', conf => "wal_level = replica\nmax_wal_senders = 2\n");
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 2');
my $sent = 0;

sub set { my ($setting) = @_; $t->sql("SET synchronous_commit = local; ALTER SYSTEM $setting"); return $node->reload }
sub deletes { return scalar grep { ($_->{action} // '') eq 'DeleteMessageBatch' } $lab->journal }
sub undeleted { my ($visible, $in_flight) = $lab->queue_depth($queue); return $visible + $in_flight }

set(q{SET synchronous_standby_names = 'nobody'});
$t->wait_for(q{SELECT current_setting('synchronous_standby_names')}, 'nobody');
my $before = deletes();
for my $mode (qw(fast smart immediate))
{
	$sent++;
	$lab->send_messages($queue, [ "g$sent", "d$sent", qq({"id": $sent}) ]);
	ok($t->wait_for('SELECT count(*) FROM t', $sent), "$mode: the row is there");
	my $seconds = timed(sub { $node->stop($mode) });
	cmp_ok($seconds, '<', 1, sprintf('%s shutdown while a consumer waits for a standby takes %.2f s', $mode, $seconds));
	$node->start;
	$t->wait_for('SELECT state FROM sqs.status', 'running');
	is(deletes(), $before, "$mode: nothing was deleted");
}
$t->wait_until('all came back as duplicates', sub { $t->status('s')->{duplicates} >= $sent });
is(deletes(), $before, 'nothing is deleted afterwards, either');
is(undeleted(), $sent, 'all is still on the queue');
set('RESET synchronous_standby_names');
$t->wait_drained('s');
is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), "$sent|$sent", 'deleted when nobody is waited for any more, with one effect each');
$t->finish;
done_testing;
