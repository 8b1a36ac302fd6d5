# The queue's side of a consumer: what a lost answer, a failed delete, a slow
# batch, a lost lease, throttling, an answer that does not wait and large
# messages do to it; counted in the lab's journal.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PgSqs::Test->new('hygiene');
my ($lab, $node) = @$t{qw(lab node)};
my $next = 0;

sub messages { my ($group, $count) = @_; return map { $next++; [ $group, "d$next", qq({"id": $next}) ] } 1 .. $count }
sub requests { my ($action) = @_; return $lab->stats->{counts}{"sqs.$action"}{requests} // 0 }
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }
sub long_poll { return $t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} >= 1 }) }

my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, slow float8, n bigserial)', 't', more => 'visibility_timeout => 600');
$t->sql(q{SET ROLE payments; CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(NEW.slow); RETURN NEW; END $$;
	CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.slow > 0) EXECUTE FUNCTION slow()});

# -- a lost answer to a receive
# (the client repeats a call some times by itself, and the consumer, a little later, the poll)
for my $case ([ 1, 2 ], [ 2, 2 ], [ 12, 20 ])
{
	my ($lost, $seconds) = @$case;
	long_poll();
	$lab->fault(service => 'sqs', action => 'ReceiveMessage', times => $lost, do => 'drop_after');
	$lab->advance(20);			# ends the poll that is open; the next ones are hit
	$lab->send_messages($queue, messages('g', 3));
	my $took = timed(sub { $t->wait_for('SELECT count(*) FROM t', $next) });
	cmp_ok($took, '<=', $seconds, sprintf('%d lost answers in a row: the group goes on after %.1f s', $lost, $took));
	$lab->clear_faults;
	$t->wait_drained('s');
}
is(scalar(grep { $_->{receive_count} > 1 } events('sqs.received')), 0, 'no message was handed out anew');

# -- entries that SQS failed to delete
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => 2, do => 'fail_entries', entries => [ 0, 2 ], code => 'InternalError');
my $deletes = requests('DeleteMessageBatch');
$lab->send_messages($queue, messages('g', 10));
$t->wait_drained('s');
is($t->sql('SELECT count(*) FROM t'), $next, 'failed entries of a delete are tried again');
cmp_ok(requests('DeleteMessageBatch') - $deletes, '<=', 5, '... in few calls');
is($t->status('s')->{duplicates}, 0, '... before their messages come again');
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');

# -- throttling, and an outage of SQS: few calls, and soon again at work
for my $case ([ 'throttling', 400, 'RequestThrottled' ], [ 'an outage', 503, 'ServiceUnavailable' ])
{
	my ($name, $status, $code) = @$case;
	long_poll();
	$lab->fault(service => 'sqs', times => -1, do => 'error', status => $status, code => $code);
	my $before = requests('ReceiveMessage');
	$lab->advance(20);
	my $began = time;
	$t->wait_for(q{SELECT state FROM sqs.status}, 'backing off');
	sleep 0.1 while time - $began < 3;
	my $calls = requests('ReceiveMessage') - $before;
	cmp_ok($calls, '<=', 12, "$name: $calls calls in three seconds");
	cmp_ok($calls, '>=', 2, "$name: it is tried again");
	$lab->clear_faults;
	$lab->send_messages($queue, messages('g', 1));
	my $took = timed(sub { $t->wait_for('SELECT count(*) FROM t', $next) });
	cmp_ok($took, '<=', 10, sprintf('%s: at work %.1f s after it', $name, $took));
	$t->wait_drained('s');
}

# -- empty answers that come at once
long_poll();
my $polls = requests('ReceiveMessage');
my $end = time + 4;
while (time < $end) { $lab->advance(20); sleep 0.02 }
my $hasty = requests('ReceiveMessage') - $polls;
cmp_ok($hasty, '<=', 24, "empty answers that do not wait: $hasty polls in four seconds");
cmp_ok($hasty, '>=', 3, '... but they go on');

# -- batches that take longer than a lease
$t->sql(q{SELECT sqs.alter_subscription('s', visibility_timeout => 1, max_batch => 20)});
my @slow = map { $next++; [ 'slow' . ($next % 2), "d$next", qq({"id": $next, "slow": 0.1}) ] } 1 .. 40;
$lab->send_messages($queue, @slow);
$t->wait_for('SELECT count(*) FROM t', $next);
$t->wait_drained('s');
is($t->sql('SELECT count(*) - count(DISTINCT id) FROM t'), '0', 'slow batches: nothing is applied twice');
is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY id % 2 ORDER BY n) AS before FROM t WHERE slow > 0) x WHERE before > id'), '0', '... nor out of order');
$lab->send_messages($queue, map { $next++; [ 'slow' . ($next % 2), "d$next", qq({"id": $next, "slow": 0.1}) ] } 1 .. 20);
my $again = grep { $_->{receive_count} > 1 } events('sqs.received');
$t->wait_for('SELECT count(*) FROM t', $next);
$t->wait_drained('s');
is(scalar(grep { $_->{receive_count} > 1 } events('sqs.received')), $again, '... and once that is known, batches are small enough for their leases');
my ($largest) = $t->sql(q{SELECT max(c) FROM (SELECT count(*) AS c FROM t WHERE slow > 0 AND id > } . ($next - 20) . q{ GROUP BY xmin) x});
cmp_ok($largest, '<=', 4, "... of $largest messages");

# -- one message that takes longer than its lease: its redelivery is a duplicate, the late delete no endless effort
$deletes = requests('DeleteMessageBatch');
$next++;
$lab->send_messages($queue, [ 'late', "d$next", qq({"id": $next, "slow": 2}) ]);
$t->wait_for('SELECT count(*) FROM t', $next);
$t->wait_drained('s');
is($t->sql('SELECT count(*) - count(DISTINCT id) FROM t'), '0', 'a lost lease: no second effect');
cmp_ok(requests('DeleteMessageBatch') - $deletes, '<=', 4, '... and few deletes');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer' AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)}), '0', 'no snapshot is left open');
$t->finish;
done_testing;
