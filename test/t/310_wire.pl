# The consumer on a wire that breaks: every fault of faultproxy, between it and
# SQS, and nothing is lost, doubled or out of order; the lab's journal, checked,
# says the same.
use strict;
use warnings;

use IO::Handle;
use IO::Select;
use IPC::Open2;
use PgSqs::Test;
use Test::More;

my $journal = "$ENV{TESTDATADIR}/wire.ndjson";
my $t = PgSqs::Test->new('wire');
my $lab = $t->{lab};

# -- the proxy: a fault a line goes in, a line comes out when it struck
my $program = "$ENV{PG_SQS_STAGE}/bin/faultproxy";
my $proxy = open2(my $fired, my $script, $program, '--listen', 0, '--to', $lab->address);
$script->autoflush;
my ($address) = <$fired> =~ /^ready (\S+)/ or die "faultproxy did not start\n";
my $select = IO::Select->new($fired);
$t->sql("ALTER SERVER aws OPTIONS (SET endpoint 'http://$address')");

my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, v numeric)', 't', more => 'visibility_timeout => 5');
my $sent = 0;

sub send_some
{
	$lab->send_messages($queue, map { $sent++; [ 'g' . ($sent % 2), "d$sent", qq({"id": $sent, "v": $sent.10}) ] } 1 .. 4);
	return;
}

# Send until every fault has struck; what the proxy said.
sub strike
{
	my (@faults) = @_;
	my @said;
	print $script "$_\n" for @faults;
	for (1 .. 60)
	{
		send_some();
		push @said, scalar <$fired> while @said < @faults && $select->can_read(0.5);
		last if @said == @faults;
	}
	return join '', sort @said;
}

send_some();
$t->wait_for('SELECT count(*) FROM t', $sent);

for my $case (
	[ 'a reset within the messages', 'rst match=AmazonSQS.ReceiveMessage after=700' ],
	[ 'a reset before the answer to a delete', 'rst match=AmazonSQS.DeleteMessage after=0' ],
	[ 'messages that end too early', 'cut match=AmazonSQS.ReceiveMessage after=900' ],
	[ 'a header that ends too early', 'cut match=AmazonSQS.ReceiveMessage after=20' ],
	[ 'one byte at a time', 'trickle match=AmazonSQS.ReceiveMessage ms=1' ],
	[ 'a Content-Length that is too small', 'length match=AmazonSQS.ReceiveMessage by=-20' ],
	[ 'a Content-Length that is too large', 'length match=AmazonSQS.DeleteMessage by=50' ],
	[ 'silence after a delete', 'blackhole match=AmazonSQS.DeleteMessage after=0' ],
	[ 'a connect that hangs', 'rst match=AmazonSQS.ReceiveMessage after=1', 'stall ms=1500' ],
	[ 'silence instead of messages', 'blackhole match=AmazonSQS.ReceiveMessage after=300' ])
{
	my ($name, @faults) = @$case;
	my $wanted = join '', map { "fired $_ \\d+\\n" } map { /^(\w+)/ } @faults;
	like(strike(@faults), qr/^$wanted$/, "$name: it struck");
	ok($t->wait_until("$name: all is there", sub { $t->sql('SELECT count(DISTINCT id) FROM t') == $sent }, 60), "$name: nothing is lost");
	is($t->sql('SELECT count(*), sum(v) = sum(id + 0.10) FROM t'), "$sent|t", "$name: nothing is doubled");
}

$t->wait_drained('s');
is($t->sql(q{SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY id % 2 ORDER BY l.sequence_number::numeric) AS previous
	FROM t JOIN sqs.ledger l ON l.dedup_key = 'd' || t.id) x WHERE previous >= id}), '0', 'every group is in order');


# -- the checker agrees, and finds what is wrong with a journal made wrong
sub check { my (@arguments) = @_; return `$^X test/lab/check @arguments 2>&1` }
sub without
{
	my ($event) = @_;
	my $n = 0;
	open my $in, '<', $journal or die "$journal: $!";
	open my $out, '>', "$journal.wrong" or die "$journal.wrong: $!";
	while (<$in>) { print $out s/"n":\d+/'"n":' . ++$n/er unless /"event":"$event"/ }
	close $out;
	return check("$journal.wrong");
}
is(check('--rate ReceiveMessage=60 --rate DeleteMessageBatch=60', $journal) =~ s/^\d+ lines, //r, "$sent messages, 0 problems\n", 'the journal is sound');
is(check('--lab', $lab->endpoint, $journal) =~ s/^\d+ lines, //r, "$sent messages, 0 problems\n", 'and so the lab says');
like(without('sqs.deleted'), qr/^lost: .* dedup d1 is not deleted$/m, 'a missing delete is found');
like(without('sqs.received'), qr/^unseen: .* dedup d1 was deleted, but not received$/m, 'a missing receive is found');
like(check('--rate ReceiveMessage=1', $journal), qr/^rate: more than 1 of ReceiveMessage/m, 'too many polls are found');

close $script;
waitpid $proxy, 0;
is($?, 0, 'faultproxy ends with its script');
$t->finish;
done_testing;
