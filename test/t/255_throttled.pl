# SQS refuses half of the calls, and then all of them: nothing is lost, nobody
# hammers, and it is back at full speed soon after.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;
use Time::HiRes qw(time);

my $t = PgSqs::Test->new('throttled');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (n bigserial, g integer, id integer)', 't');
my $sent = 0;

sub send_some { my ($count) = @_; return $lab->send_messages($queue, map { my $g = $sent++ % 50; [ "g$g", "d$sent", qq({"g": $g, "id": $sent}) ] } 1 .. $count) }
sub all_there { my ($name) = @_; return ok($t->wait_for('SELECT count(*) FROM t', $sent), $name) }
sub log_lines { return scalar grep { /LOG: .*pg_sqs subscription "s"/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }

send_some(500);
my $speed = timed(sub { all_there('500 messages') });

# -- half of them
for my $action (qw(ReceiveMessage DeleteMessageBatch ChangeMessageVisibilityBatch))
{
	$lab->fault(service => 'sqs', action => $action, probability => 0.5, seed => 7, do => 'throttle');
}
send_some(200);
all_there('half of the calls are refused: everything arrives');
$t->wait_drained('s');
$lab->clear_faults;
$t->wait_for('SELECT state FROM sqs.status', 'running');

# -- all of them
my $lines = log_lines();
$lab->fault(service => 'sqs', action => $_, times => -1, do => 'error', status => 503, code => 'ServiceUnavailable') for qw(ReceiveMessage DeleteMessageBatch ChangeMessageVisibilityBatch);
$lab->advance(20);				# ends the open poll
$t->wait_for('SELECT state FROM sqs.status', 'backing off');
send_some(500);
my $started = time;
my $before = $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests};
# The first calls come quickly: each is repeated by the client before the
# consumer waits, at first for about a second.
$t->wait_until('it has tried a few times', sub { $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} >= $before + 12 }, 60);
my $rate = ($lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} - $before) / (time - $started);
cmp_ok($rate, '<=', 3, sprintf('%.2f calls a second while all are refused', $rate));
is($t->status('s')->{state}, 'backing off', 'the state says so');
is(log_lines() - $lines, 1, 'and one line in the log');
$lab->clear_faults;
my $seconds = timed(sub { all_there('everything arrives') });
cmp_ok($seconds, '<', 30, sprintf('%.1f s after it was over (500 messages alone took %.1f s)', $seconds, $speed));
send_some(500);
$seconds = timed(sub { all_there('500 messages') });
cmp_ok($seconds, '<', 3 * $speed + 1, sprintf('at full speed again (%.1f s)', $seconds));
$t->wait_drained('s');
is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), "$sent|$sent", 'one effect each');
is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id'), '0', 'in order');
$t->finish;
done_testing;
