# An object that takes longer than the function's timeout: the rest is handed
# over between two records, through a queue, as often as it takes; no record is
# lost, none is sent twice, and the receipts go on where they were.  Without
# that queue, and when the process is killed at its deadline, the invocation
# fails and is repeated.
use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use JSON::PP;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/deadline.ndjson");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my $queue = $lab->create_queue('q.fifo');
my $rest = $lab->create_queue('rest', VisibilityTimeout => '5');
my $arn = "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs";
$lab->s3(PUT => 'bucket', undef);
$lab->s3_notify('bucket', $arn, 'in/');
my %environment = (QUEUE_URL => $queue, REJECT_URL => 's3://bucket/rejected/', RECEIPTS_URL => 's3://bucket/receipts/',
	JQ_PROGRAM => '{transaction_id}');
my $pid = start(HANDOVER_QUEUE_URL => $rest);
my $made = $lab->request('lambda', 'POST', '/2015-03-31/event-source-mappings', content => encode_json({
	FunctionName => 's3_to_sqs', EventSourceArn => "arn:aws:sqs:$lab->{region}:123456789012:rest", BatchSize => 1,
	FunctionResponseTypes => ['ReportBatchItemFailures'] }));
like($made->{status}, qr/^20/, 'a queue triggers the function');

sub start
{
	my (%more) = @_;
	my $pid = $lab->start_function('s3_to_sqs', $log, %environment, %more);
	$lab->control(PUT => 'functions/s3_to_sqs', { timeout_seconds => 4, pid => $pid });
	return $pid;
}

my (%sent, @results);
sub look
{
	for my $line ($lab->journal_news)
	{
		$sent{ $line->{group} }++ if ($line->{event} // '') eq 'sqs.sent' && $line->{queue} eq 'q.fifo' && !$line->{duplicate};
		push @results, $line if ($line->{event} // '') eq 'lambda.result';
	}
	return;
}
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 1800) { look(); return 1 if $code->(); sleep 0.05; }
	fail("waiting until $name");
	return 0;
}
sub sent_of { my ($mark) = @_; return scalar grep { /^$mark/ } keys %sent }
sub receipts
{
	my ($key) = @_;
	my @all = map { decode_json($lab->s3(GET => 'bucket', $_)->{content}) } $lab->s3_keys('bucket', 'receipts/');
	return sort { $a->{part} <=> $b->{part} } grep { $_->{key} eq "in/$key" } @all;
}
# All of the records, each once, and receipts without a gap whose last is the end.
sub all_arrived
{
	my ($mark, $key, $count) = @_;
	is(sent_of($mark), $count, 'every record is sent');
	is(scalar(grep { /^$mark/ && $sent{$_} != 1 } keys %sent), 0, 'and none twice');
	my @receipts = receipts($key);
	my $next = 1;
	my $gaps = 0;
	for my $i (0 .. $#receipts)
	{
		my $receipt = $receipts[$i];
		$gaps++ if $receipt->{part} != $i + 1 || $receipt->{first_record} != $next;
		$gaps++ if !!$receipt->{last} != ($i == $#receipts);
		$next += @{ $receipt->{outputs}{default}{messages} };
	}
	is($gaps, 0, scalar(@receipts) . ' receipts follow each other, the last is marked so');
	is($next - 1, $count, 'they tell of every record');
	return;
}

wait_until('the test event is answered', sub { @results == 1 });
$lab->fault(service => 'sqs', action => 'SendMessageBatch', resource => 'q.fifo', times => -1, do => 'late_ms', ms => 20);

# -- lines
my $before = @results;
$lab->control(PUT => 'objects/bucket/in/lines', { line => '{"transaction_id": "L######", "filler": "' . 'x' x 1000 . '"}', repeat => 12_000 });
wait_until('the last line is sent', sub { sent_of('L') == 12_000 });
wait_until('the last part of its receipt is written', sub { grep { $_->{last} } receipts('lines') });
cmp_ok(@results - $before, '>=', 2, 'lines: several invocations');
is(scalar(grep { $_->{outcome} ne 'response' } @results), 0, 'of which none failed');
all_arrived('L', 'lines', 12_000);

# -- packed: the offset is one of unpacked bytes
$before = @results;
my $text = '[' . join(",\n", map { sprintf '{"transaction_id": "Z%06d", "filler": "%d"}', $_, rand 1e9 } 1 .. 10_000) . ']';
gzip(\$text, \my $packed) or die;
$lab->s3(PUT => 'bucket', 'in/packed', content => $packed);
wait_until('the last element is sent', sub { sent_of('Z') == 10_000 });
wait_until('the last part of its receipt is written', sub { grep { $_->{last} } receipts('packed') });
cmp_ok(@results - $before, '>=', 2, 'a packed array: several invocations');
is(scalar(grep { $_->{outcome} ne 'response' } @results), 0, 'of which none failed');
all_arrived('Z', 'packed', 10_000);
is($lab->control(GET => 'queues/rest')->{messages_count}, 0, 'nothing is left of what was handed over');
is(scalar($lab->s3_keys('bucket', 'rejected/')), 0, 'and nothing was rejected');

# -- killed at the deadline: stopped, as by a processor that is not there
$before = @results;
$lab->control(PUT => 'objects/bucket/in/killed', { line => '{"transaction_id": "K######"}', repeat => 6000 });
wait_until('some are sent', sub { sent_of('K') > 100 });
kill 'STOP', $pid;
ok(wait_until('the lab kills it', sub { grep { $_->{outcome} eq 'timeout' } @results[$before .. $#results] }), 'the process is killed at its deadline');
cmp_ok(sent_of('K'), '<', 6000, 'amid the object');
waitpid $pid, 0;
$pid = start(HANDOVER_QUEUE_URL => $rest);
# the lab's clock will be ahead of the function's, which must not be killed for that
$lab->control(PUT => 'functions/s3_to_sqs', { timeout_seconds => 60 });
$lab->advance(61);
wait_until('the repeated invocation sends all', sub { sent_of('K') == 6000 });
wait_until('and writes the receipt', sub { grep { $_->{last} } receipts('killed') });
all_arrived('K', 'killed', 6000);

# -- without a queue it says so; another lab, for this one's clock is a minute ahead
$lab->stop;
$lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/alone.ndjson");
$environment{QUEUE_URL} = $lab->create_queue('q.fifo');
$lab->s3(PUT => 'bucket', undef);
start();
@results = ();
$lab->fault(service => 'sqs', action => 'SendMessageBatch', resource => 'q.fifo', times => -1, do => 'late_ms', ms => 20);
$lab->s3_notify('bucket', $arn, 'in/');
$lab->control(PUT => 'objects/bucket/in/alone', { line => '{"transaction_id": "A######"}', repeat => 20_000 });
wait_until('the invocation is over', sub { @results == 2 });
is($results[-1]{outcome}, 'error', 'without the queue the invocation fails');
is($results[-1]{error_type}, 'Function.Configuration', 'for its configuration');
like(do { local $/; open my $in, '<', $log; <$in> }, qr/set HANDOVER_QUEUE_URL/, 'and the log says what to set');
$lab->stop;
done_testing;
