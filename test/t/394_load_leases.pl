# What the daemon has in hand stays its own: the leases of a whole batch are
# kept while it is gathered and while its transaction takes long; SIGTERM gives
# back what is in hand at once, and waits for a transaction under way; two
# daemons and the function on one queue share the work and load nothing twice;
# a lost answer to a receive holds its groups for no longer than it must; what
# is left for the dead-letter queue comes back after a growing pause and holds
# its group, and no other.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Load;
use Test::More;
use Time::HiRes qw(sleep time);

my $load = PgSqs::Load->new('load_leases');
my $lab = $load->{lab};
my ($id, $number) = (0, 0);
my @good;
sub send_some
{
	my ($count, $groups) = @_;
	my @ids = map { ++$id } 1 .. $count;
	push @good, @ids;
	$load->send(map { [ 'g' . $_ % $groups, 'd' . ++$number, { id => $_ } ] } @ids);
	return @ids;
}
sub again { return scalar grep { $_->{receive_count} > 1 } $load->events('sqs.received') }
sub with_poll { my (%poll) = @_; $load->{config}{poll} = { max_age_seconds => 1, visibility_seconds => 30, receives => 3, %poll }; return }

# -- while a batch is gathered
with_poll(visibility_seconds => 10, max_age_seconds => 15);
my $pid = $load->start_daemon;
send_some(25, 25);
$load->wait_until('the batch is in hand', sub { $load->depth eq '0 25' });
for (1 .. 12)
{
	$lab->advance(1);
	sleep 1;
}
is(again(), 0, 'while a batch is gathered nothing of it is given to others');
cmp_ok($load->requests('sqs.ChangeMessageVisibilityBatch'), '>', 3, '... for its leases are kept');
$load->wait_until('it is loaded', sub { $load->depth eq '0 0' });
is($load->requests('redshift-data.BatchExecuteStatement'), 1, '... by one transaction');
$load->stop($pid);

# -- while a transaction takes long
with_poll(visibility_seconds => 10);
$load->{redshift}->control(hold => JSON::PP::true);
$pid = $load->start_daemon;
send_some(9, 3);
$load->wait_until('the transaction waits', sub { $load->requests('redshift-data.DescribeStatement') > 3 });
for (1 .. 12)
{
	$lab->advance(1);
	sleep 1;
}
send_some(5, 50);
is(again(), 0, 'while a transaction takes long nothing of it is given to others');
$load->wait_until('the next are gathered meanwhile', sub { $load->depth =~ /^0 / });
$load->{redshift}->control(hold => JSON::PP::false);
$load->loaded_once(\@good, '... and it is loaded once');
is(again(), 0, '... to the end');
$load->stop($pid);

# -- SIGTERM with a batch in hand
with_poll(max_age_seconds => 600, visibility_seconds => 300);
$pid = $load->start_daemon;
my $before = $load->requests('redshift-data.BatchExecuteStatement');
send_some(40, 40);
$load->wait_until('they are in hand', sub { $load->depth eq '0 40' });
my ($status, $seconds) = $load->stop($pid);
is($status, 0, 'SIGTERM ends the daemon well');
cmp_ok($seconds, '<', 3, sprintf '... at once (%.1f s)', $seconds);
is($load->depth, '40 0', '... and what it had in hand is given back');
is($load->requests('redshift-data.BatchExecuteStatement'), $before, '... unloaded');

# -- SIGTERM with a transaction under way
with_poll();
$load->{redshift}->control(hold => JSON::PP::true);
$pid = $load->start_daemon;
$load->wait_until('the transaction waits', sub { $load->requests('redshift-data.BatchExecuteStatement') > $before });
kill TERM => $pid;
sleep 1.5;
is(waitpid($pid, POSIX::WNOHANG()), 0, 'a transaction under way is waited for');
$load->{redshift}->control(hold => JSON::PP::false);
my $began = time;
waitpid $pid, 0;
is($?, 0, '... then the daemon ends well');
cmp_ok(time - $began, '<', 5, '... at once');
is($load->depth, '0 0', '... with what was loaded deleted');
is(join(' ', $load->stage), '', '... and the stage empty');
$load->loaded_once(\@good, 'all was loaded once');

# -- a receive whose answer gets lost
with_poll(visibility_seconds => 600);
$lab->fault(service => 'sqs', action => 'ReceiveMessage', do => 'drop_after', times => 2);
send_some(10, 10);
$pid = $load->start_daemon;
$load->loaded_once(\@good, 'what a lost answer had received is received again, under its id');
ok((grep { $_->{repeated} } $load->events('sqs.received')), '... and not when its visibility ends');
$load->stop($pid);
$lab->clear_faults;

# -- two daemons and the function
with_poll();
my @pids = map { $load->start_daemon } 1 .. 2;
my $function = $load->start_function;
for (1 .. 12)
{
	send_some(30, 9);
	sleep 0.3;
}
$load->loaded_once(\@good, 'two daemons and the function load everything once');
$load->in_order;
my %by_stage = map { ($_->{sql} =~ /COPY/ ? 'daemons' : 'function') => 1 } grep { $_->{number} == 3 } $load->events('redshift.statement');
is(join(' ', sort keys %by_stage), 'daemons function', '... all of them at work');
is(scalar(keys %{ { $load->rejects } }), 0, '... without a reject');
is(join(' ', $load->stage), '', '... and with an empty stage');
$load->stop($_) for @pids;
kill KILL => $function;
waitpid $function, 0;
$load->finish;

# -- what is left for the dead-letter queue
$load = PgSqs::Load->new('load_left', config => { on_reject => 'fail', poll => { max_age_seconds => 1, visibility_seconds => 30, receives => 2 } });
$lab = $load->{lab};
my $dead = $lab->create_queue('dead.fifo');
$lab->sqs(SetQueueAttributes => { QueueUrl => $load->{queue}, Attributes => {
	RedrivePolicy => encode_json({ deadLetterTargetArn => "arn:aws:sqs:$lab->{region}:123456789012:dead.fifo", maxReceiveCount => '3' }) } });
$pid = $load->start_daemon;
$load->send([ 'a', 'a1', { id => 1 } ], [ 'a', 'a2', { id => 2, note => 'x' x 21 } ], [ 'a', 'a3', { id => 3 } ], [ 'b', 'b1', { id => 4 } ],
	[ 'b', 'b2', { id => 5, amount => '1234567.00' } ], [ 'b', 'b3', { id => 6 } ], [ 'c', 'c1', { id => 7 } ]);
$load->wait_until('the others are loaded', sub { $load->sql('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM t') eq '1 4 7' });
sleep 1;
is($load->depth, '0 4', 'what cannot be loaded stays, and what is behind it');
is($load->sql('SELECT count(*) FROM t'), '3', '... unloaded');
# SQS counts a receive against all that it gave, so those behind go along
for my $round (1 .. 3)
{
	my @visible = map { $_->{seconds} } $load->events('sqs.visible');
	is(join(' ', @visible[ -4 .. -1 ]), join(' ', (5 * 2**($round - 1)) x 4), "... after receive $round for a pause that grows");
	$lab->advance(5 * 2**($round - 1) + 1);
	$load->wait_until('they were given back once more', sub { $load->events('sqs.visible') > 4 * $round || ($lab->queue_depth($dead))[0] == 4 });
}
is(join(' ', $lab->queue_depth($dead)), '4 0', 'in the end it goes to the dead-letter queue');
is($load->sql('SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM t'), '1 4 7', '... and nothing has overtaken it');
is($load->depth, '0 0', 'the queue is empty');
is(scalar(keys %{ { $load->rejects } }), 0, 'nothing is rejected');
($status) = $load->stop($pid);
is($status, 0, 'ends well');
$load->finish;
done_testing;
