# Several outputs, in fair weather and foul: every record in all of its
# outputs and in order, or in a reject that says which have it.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/outputs.ndjson");
my $json = JSON::PP->new->canonical->utf8;
my %queue = map { $_ => $lab->create_queue("$_.fifo") } qw(a b);
$queue{plain} = $lab->create_queue('plain');
$lab->sqs(SetQueueAttributes => { QueueUrl => $queue{b}, Attributes => { MaximumMessageSize => '2048' } });
$lab->s3(PUT => $_) for qw(inbox code rejects receipts loop);
$lab->s3(PUT => 'code', 'b.jq', content => "# what b gets\n{id: .transaction_id, n, pad}\n");

sub arn { return "arn:aws:lambda:$lab->{region}:123456789012:function:$_[0]" }
sub start
{
	my ($name, %config) = @_;
	my $log = "$ENV{TESTDATADIR}/$name.log";
	return ($lab->start_function($name, $log, S3_TO_SQS_CONFIG => $json->encode(\%config)), $log);
}
sub lines { my ($log) = @_; open my $in, '<', $log or return; return map { decode_json($_) } grep { /^\{.*\}$/ } <$in> }
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }
sub results { my ($name) = @_; return grep { $_->{function} eq $name } events('lambda.result') }
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 800) { return 1 if $code->(); sleep 0.05; }
	fail("waiting until $name");
	return 0;
}
# Put an object and wait until the function is done with it.
sub put
{
	my ($key, $content, $bucket) = @_;
	my $before = results('main');
	$lab->s3(PUT => $bucket // 'inbox', $key, content => $content);
	wait_until("$key is done", sub { results('main') > $before });
	return;
}
sub queued { my ($queue) = @_; return @{ $lab->control(GET => "queues/$queue.fifo")->{messages} } }
sub of_group { my ($queue, $group) = @_; return map { decode_json($_->{body}) } grep { $_->{group} eq $group } queued($queue) }
sub rejects { return $lab->s3_keys('rejects', 'r/') }
sub reject { my ($key) = @_; return decode_json($lab->s3(GET => 'rejects', $key)->{content}) }

my @outputs = ({ name => 'a', queue_url => $queue{a} }, { name => 'b', queue_url => $queue{b}, jq_file => 's3://code/b.jq', group => '.id' });
my ($pid, $log) = start('main', outputs => \@outputs, reject => 's3://rejects/r/', receipts => 's3://receipts/',
	metrics => { namespace => 'Test', dimensions => { Stage => 'lab' } });
$lab->s3_notify('inbox', arn('main'), '');
wait_until('the test event is over', sub { results('main') == 1 });

# -- order under partial failures, throttling and lost answers
$lab->fault(service => 'sqs', action => 'SendMessageBatch', do => 'fail_entries', entries => [ 0, 3, 7 ], code => 'InternalError', message => 'x', probability => 0.2, seed => 1);
$lab->fault(service => 'sqs', action => 'SendMessageBatch', do => 'throttle', probability => 0.1, seed => 2);
$lab->fault(service => 'sqs', action => 'SendMessageBatch', do => 'drop_after', probability => 0.05, seed => 3);
put('many.ndjson', join '', map { sprintf qq({"transaction_id":"T%d","n":%d}\n), $_ * 7 % 25, $_ } 1 .. 400);
$lab->clear_faults;
is((results('main'))[-1]{outcome}, 'response', 'four hundred records in foul weather');
for my $queue (qw(a b))
{
	my (%last, $disorder);
	my @messages = queued($queue);
	for (@messages)
	{
		my $n = decode_json($_->{body})->{n};
		$disorder //= "$n after $last{$_->{group}}" if $n <= ($last{ $_->{group} } // 0);
		$last{ $_->{group} } = $n;
	}
	is(scalar @messages, 400, "output $queue has each once");
	is($disorder, undef, '... in the order of their groups');
}
my ($trace) = map { $_->{traceId} } grep { ($_->{message} // '') =~ /is sent again/ } lines($log);
my $message = $lab->sqs(ReceiveMessage => { QueueUrl => $queue{a}, MaxNumberOfMessages => 1, AttributeNames => ['All'] })->{Messages}[0];
like($message->{Attributes}{AWSTraceHeader} // '', qr/^Root=1-[0-9a-f]{8}-/, 'the trace goes on with the messages');
is($trace, $message->{Attributes}{AWSTraceHeader}, '... and stands in the log');

# -- metrics
my ($metrics) = grep { $_->{_aws} && $_->{Objects} } lines($log);
is($metrics->{Messages}, 800, 'metrics: messages');
is($metrics->{Records}, 400, '... records');
is($metrics->{Objects}, 1, '... objects');
cmp_ok($metrics->{Bytes}, '>', 400 * 20, '... bytes');
is($metrics->{Stage}, 'lab', '... the dimension');
my $directive = $metrics->{_aws}{CloudWatchMetrics}[0];
is("$directive->{Namespace} $directive->{Dimensions}[0][0]", 'Test Stage', '... and its name and namespace');
is_deeply([ grep { !defined $metrics->{ $_->{Name} } } @{ $directive->{Metrics} } ], [], '... every metric that is announced has a value');

# -- the same record once more
put($_, '{"transaction_id":"again","n":1}') for qw(again1.json again2.json);
is_deeply([ map { $_->{Duplicates} } (grep { $_->{_aws} && $_->{Objects} } lines($log))[ -2, -1 ] ], [ 0, 2 ], 'a duplicate that was sent before is counted, also by a later invocation');

# -- too large for one queue: nothing is sent
put('big.json', $json->encode({ transaction_id => 'big', pad => 'x' x 3000 }));
my ($big) = map { reject($_) } grep { /big\.json/ } rejects();
is(scalar(of_group('a', 'big')), 0, 'what one queue will never take is not sent to another');
like($big->{reason}, qr/output "b".*2048/, 'the reject says which and why');
is("@{ $big->{sent} }/@{ $big->{not_sent} }", '/a b', '... and that nobody has it');

# -- refused by SQS when the other output has it
$lab->fault(service => 'sqs', action => 'SendMessageBatch', resource => 'b.fifo', do => 'error', status => 400, code => 'InvalidMessageContents', message => 'odd', times => 1);
put('half.json', '{"transaction_id":"half","n":1.10}');
my ($half_key) = grep { /half\.json/ } rejects();
my $half = reject($half_key);
is("@{ $half->{sent} }/@{ $half->{not_sent} }", 'a/b', 'a reject says which outputs have the record');
is($half->{body}, '{"transaction_id":"half","n":1.10}', '... with its bytes');
is(scalar(of_group('a', 'half')) . scalar(of_group('b', 'half')), '10', '... and they have');
{
	local %ENV = (%ENV, AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
		AWS_ENDPOINT_URL => $lab->endpoint, S3_TO_SQS_CONFIG => $json->encode({ outputs => \@outputs }));
	my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
	my $out = `$program --rejects s3://rejects/r/half 2>&1`;
	is($?, 0, 'sent again') or diag $out;
}
is(scalar(of_group('a', 'half')) . scalar(of_group('b', 'half')), '11', '... it is in both, once');
is(scalar(grep { /half/ } rejects()), 0, '... and no reject any more');

# -- a retry writes the same reject and the same receipt again
$lab->fault(service => 's3', action => 'PutObject', resource => 'receipts', do => 'error', status => 403, code => 'AccessDenied', message => 'no', times => 1);
put('retried.ndjson', qq({"transaction_id":"r1"}\nnonsense\n));
is((results('main'))[-1]{outcome}, 'error', 'a receipt that cannot be written fails the invocation');
is(scalar(grep { /retried/ } rejects()), 1, '... when the reject is there');
my $count = results('main');
$lab->advance(70);
wait_until('it is repeated', sub { results('main') > $count });
is((results('main'))[-1]{outcome}, 'response', 'the retry succeeds');
is(scalar(grep { /retried/ } rejects()), 1, '... and there still is one reject');
is(scalar(of_group('a', 'r1')), 1, '... and one message');

# -- rejects and receipts that come back as events
my (undef, $loop_log) = start('loop', outputs => [ $outputs[0] ], reject => 's3://loop/rejects/', receipts => 's3://loop/receipts/', metrics => JSON::PP::false);
$lab->s3_notify('loop', arn('loop'), '');
$lab->s3(PUT => 'loop', 'bad.json', content => 'bad');
wait_until('all events are over, with the test event', sub { results('loop') == 4 });
is(scalar(() = $lab->s3_keys('loop', '')), 3, 'a reject and a receipt make no others');
is(scalar(grep { $_->{level} eq 'WARN' && $_->{message} =~ /our own location/ } lines($loop_log)), 2, '... and each is warned about');
is(scalar(grep { $_->{_aws} } lines($loop_log)), 0, 'metrics are off');

# -- rejects as messages, silently
my (undef, $queue_log) = start('plain', outputs => [ $outputs[0] ], reject => $queue{plain}, log_level => 'ERROR');
$lab->s3_notify('code', arn('plain'), 'x/');
$lab->s3(PUT => 'code', 'x/bad.json', content => "{\"a\":\xff}");
wait_until('it is done', sub { results('plain') == 2 });
my $rejected = $lab->sqs(ReceiveMessage => { QueueUrl => $queue{plain}, MessageAttributeNames => ['All'] })->{Messages}[0];
is($rejected->{MessageAttributes}{reject_code}{StringValue}, 'InvalidJson', 'a reject as a message');
like($rejected->{MessageAttributes}{reject_id}{StringValue}, qr/^[0-9a-f]{64}$/, '... with an id');
is(decode_json($rejected->{Body})->{body_base64}, 'eyJhIjr/fQ==', '... with its bytes');
is(scalar(grep { ($_->{level} // '') eq 'WARN' } lines($queue_log)), 0, 'nothing below the level that was asked for');

# -- a program that cannot be had
my ($failing, $failing_log) = start('failing', outputs => [ { %{ $outputs[1] }, jq_file => 's3://code/none.jq' } ]);
wait_until('it gives up', sub { grep { $_->{level} eq 'FATAL' } lines($failing_log) });
my ($fatal) = grep { $_->{level} eq 'FATAL' } lines($failing_log);
like($fatal->{error}, qr/program of output "b" from s3:\/\/code\/none\.jq/, 'a missing program is named, with its output');

my $text = do { local $/; open my $in, '<', $log; <$in> };
unlike($text, qr/wJalr|"n":1|nonsense/, 'no payload and no secret in the log');
$lab->stop;
done_testing;
