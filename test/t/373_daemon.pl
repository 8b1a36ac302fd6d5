# s3_to_sqs --poll: S3 notifications from a standard queue.  Messages are
# deleted when they are done, stay leased while that takes long, come back when
# it fails; SIGTERM ends it at once and gives back what was in hand; kill -9
# between sending and deleting loses and doubles nothing.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
my $run = $ENV{TESTDATADIR};
my $log = "$run/daemon.log";
my $lab = PgSqs::Lab->start(journal => "$run/daemon.ndjson");
my $output = $lab->create_queue('q.fifo');
my $events = $lab->create_queue('events');
$lab->s3(PUT => 'ledger-l0', undef);
$lab->s3_notify('ledger-l0', "arn:aws:sqs:$lab->{region}:123456789012:events", 'in/');

sub start
{
	my (%more) = @_;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	%ENV = (
		PATH => '/nonexistent', AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
		AWS_ENDPOINT_URL => $lab->endpoint, QUEUE_URL => $output, REJECT_URL => 's3://ledger-l0/rejected/', POLL_VISIBILITY_SECONDS => 30, %more);
	open STDOUT, '>>', $log;
	open STDERR, '>>', $log;
	exec $program, '--poll', $events or POSIX::_exit(127);
}
sub put { my ($name) = @_; $lab->s3(PUT => 'ledger-l0', "in/$name.json", content => qq({"transaction_id": "$name", "amount": 1.10})); return }
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }
sub sent { return grep { $_->{queue} eq 'q.fifo' } events('sqs.sent') }
sub fresh { my ($group) = @_; return grep { !$_->{duplicate} && (!defined $group || $_->{group} eq $group) } sent() }
sub requests { my ($action) = @_; return $lab->stats->{counts}{"sqs.$action"}{requests} // 0 }
sub depth { return join ' ', $lab->queue_depth($events) }
sub slurp { open my $in, '<', $log or return ''; local $/; return scalar <$in> // '' }
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 600) { return 1 if $code->(); sleep 0.02 }
	fail("waiting until $name");
	diag(join '', grep { defined } (split /^/, slurp())[ -5 .. -1 ]);
	return 0;
}
# SIGTERM: the status, and the seconds it took.
sub finish
{
	my ($pid) = @_;
	my $began = time;
	kill TERM => $pid;
	waitpid $pid, 0;
	return ($? >> 8 || $? & 127, time - $began);
}

# -- as it should be
my $pid = start();
put("A$_") for 1 .. 12;
wait_until('all are sent and deleted', sub { fresh() >= 12 && depth() eq '0 0' });
is(scalar(fresh()), 12, 'each object is sent once');
is(scalar(sent()), 12, '... without a duplicate');
like(slurp(), qr/serving the queue/, 'the log says what it does');
wait_until('it polls again', sub { $lab->stats->{waiting_polls} == 1 });
my ($status, $took) = finish($pid);
is($status, 0, 'SIGTERM in a long poll: exit status 0');
cmp_ok($took, '<', 1, sprintf '... within a second (%.2f s)', $took);

# -- SIGTERM while it works: what is in hand is given back
$lab->fault(service => 's3', action => 'GetObject', times => 1, do => 'hang');
$pid = start();
put("B$_") for 1 .. 3;
wait_until('it hangs', sub { grep { $_->{fired} // 0 } @{ $lab->control(GET => 'faults')->{faults} // [] } });
($status, $took) = finish($pid);
is($status, 0, 'SIGTERM in the middle of an object: exit status 0');
cmp_ok($took, '<', 1, sprintf '... within a second (%.2f s)', $took);
is(depth(), '3 0', '... and all three messages can be had again, at once');
$lab->clear_faults;

# -- kill -9 between sending and deleting
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', resource => 'events', times => 1, do => 'hang');
$pid = start();
wait_until('one is sent, and not yet deleted', sub { requests('DeleteMessageBatch') >= 13 || fresh() >= 13 });
sleep 0.1;
kill KILL => $pid;
waitpid $pid, 0;
my $before = fresh();
cmp_ok($before, '>=', 13, 'killed when it had sent');
isnt((split / /, depth())[1], 0, '... and not deleted');
$lab->clear_faults;
$lab->advance(31);
$pid = start();
wait_until('the queue is empty', sub { depth() eq '0 0' });
is(join(' ', sort map { $_->{group} } grep { $_->{group} =~ /^B/ } fresh()), 'B1 B2 B3', 'another one sends the rest: nothing lost');
is(scalar(fresh()), 15, '... nothing doubled');
cmp_ok(scalar(sent()), '>', 15, '... for what was sent again is a duplicate');

# -- an object that takes longer than the lease
my $extended = requests('ChangeMessageVisibilityBatch');
finish($pid);
$lab->fault(service => 's3', action => 'GetObject', times => 1, do => 'hang');
$pid = start(POLL_VISIBILITY_SECONDS => 10);
put('long');
wait_until('the lease is extended', sub { requests('ChangeMessageVisibilityBatch') > $extended });
$lab->advance(8);
is(depth(), '0 1', 'a message stays leased as long as it is worked on, and is not given out again');
finish($pid);
$lab->clear_faults;

# -- a fault: it comes back; what is no event is told
$lab->fault(service => 'sqs', action => 'SendMessageBatch', times => -1, do => 'error', status => 403, code => 'AccessDenied', message => 'no');
$pid = start();
wait_until('it failed', sub { slurp() =~ /AccessDenied/ });
$lab->clear_faults;
wait_until('the pause is set', sub { depth() eq '0 1' });
$lab->advance(6);
wait_until('it succeeds later', sub { fresh('long') == 1 });
is(scalar(fresh('long')), 1, 'an event that failed is tried again after a pause');
$lab->sqs(SendMessage => { QueueUrl => $events, MessageBody => 'not an event' });
wait_until('it is told', sub { slurp() =~ /"level":"ERROR"[^\n]*S3 notification/ });
put('after');
wait_until('the next is sent', sub { fresh('after') == 1 });
pass('a message that is no event does not stop the others');
is((finish($pid))[0], 0, 'and the end');

my $text = slurp();
unlike($text, qr/wJalr|"amount"/, 'no secret and no payload in the log');
is(scalar(grep { !eval { decode_json($_) } } split /\n/, $text), 0, 'every log line is one JSON object');
$lab->stop;
done_testing;
