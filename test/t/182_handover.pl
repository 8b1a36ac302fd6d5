# A poll that SQS answers while its consumer goes away: the successor asks for
# the same answer again, so that the messages wait for a moment and not for
# their visibility timeout.  And what a consumer holds when it is told to end
# goes back to the queue at once.
use strict;
use warnings;

use IO::Select;
use IPC::Open2;
use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('handover');
my $lab = $t->{lab};

my $proxy = open2(my $fired, my $script, "$ENV{PG_SQS_STAGE}/bin/faultproxy", '--listen', 0, '--to', $lab->address);
$script->autoflush;
my ($address) = <$fired> =~ /^ready (\S+)/ or die "faultproxy did not start\n";
$t->sql("ALTER SERVER aws OPTIONS (SET endpoint 'http://$address')");
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 600');
my $sent = 0;

# Have the lab answer the open poll into silence; then the consumer goes.
sub answered_into_silence
{
	my ($name, $seconds, $code) = @_;
	$t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} == 1 });
	print $script "blackhole match=AmazonSQS.ReceiveMessage after=0\n";
	my $polls = $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests};
	$lab->advance(20);			# this poll ends, and the next one is open ...
	$t->wait_until('the next poll is open', sub { my $s = $lab->stats; $s->{waiting_polls} == 1 && $s->{counts}{'sqs.ReceiveMessage'}{requests} > $polls });
	$lab->send_messages($queue, map { [ "g$_", 'd' . ++$sent, qq({"id": $sent}) ] } 1 .. 3);	# ... and answered
	IO::Select->new($fired)->can_read(10) && scalar <$fired> or fail("$name: the answer was not lost");
	is(($lab->queue_depth($queue))[1], 3, "$name: the messages were handed out");
	is($t->sql('SELECT count(*) FROM t'), $sent - 3, "$name: to nobody");
	my $pid = $t->status('s')->{pid};
	my $took = timed(sub { $code->($pid); $t->wait_for('SELECT count(*) FROM t', $sent) });
	cmp_ok($took, '<=', $seconds, sprintf('%s: they are there %.1f seconds after it', $name, $took));
	$t->wait_drained('s');
	return;
}

answered_into_silence('another configuration', 2, sub { $t->sql(q{SELECT sqs.alter_subscription('s', max_batch => 500)}) });
answered_into_silence('a pause for CREATE DATABASE', 3, sub { $t->sql('CREATE DATABASE copy TEMPLATE postgres') });
answered_into_silence('pg_terminate_backend', 4, sub { $t->sql("SELECT pg_terminate_backend($_[0])") });
ok(!(grep { ($_->{action} // '') eq 'ReceiveMessage' && ($_->{status} // 0) == 400 } $lab->journal), 'no id was asked for in vain');

# -- an id that SQS refuses, since a message of the answer was changed meanwhile, is let go in silence
$lab->fault(service => 'sqs', action => 'ReceiveMessage', skip => 1, times => 1, do => 'error', status => 400, code => 'InvalidParameterValue', message => 'the attempt id');
answered_into_silence('a refused id', 4, sub {
	$t->sql(q{SELECT sqs.alter_subscription('s', max_batch => 400)});
	$t->wait_until('it was refused', sub { grep { ($_->{action} // '') eq 'ReceiveMessage' && ($_->{status} // 0) == 400 } $lab->journal });
	$t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} == 1 }, 2);
	is(join(',', @{ $t->status('s') }{qw(state last_error)}), 'running,', 'a refused id is no trouble');
	$lab->advance(601);
});

# -- what waits to be applied goes back to the queue when its consumer ends
$t->sql('ALTER TABLE t RENAME TO gone; DROP TABLE gone');
$lab->send_messages($queue, map { [ "h$_", "h$_", '{"id": 1}' ] } 1 .. 5);
$t->wait_for(q{SELECT state FROM sqs.status}, 'error');
$t->wait_until('all are held', sub { ($lab->queue_depth($queue))[1] == 5 });
$t->sql(q{SELECT sqs.disable('s')});
ok($t->wait_until('they are visible', sub { ($lab->queue_depth($queue))[0] == 5 }, 3), 'what a consumer holds is given back when it is told to stop');
$t->finish;
done_testing;
