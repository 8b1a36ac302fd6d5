# s3_to_sqs against a faulty cloud: nothing lost, nothing doubled, everything
# that cannot be sent is at the reject location with its reason.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep time);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/function.ndjson");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my $queue = $lab->create_queue('q.fifo');
$lab->s3(PUT => 'ledger-l0', undef);
$lab->s3_notify('ledger-l0', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
my %environment = (QUEUE_URL => $queue, REJECT_URL => 's3://ledger-l0/rejected/');
$lab->start_function('s3_to_sqs', $log, %environment);

sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 400) { return 1 if $code->(); sleep 0.05; }
	fail("waiting until $name");
	return 0;
}
sub put { my ($key, $content) = @_; $lab->s3(PUT => 'ledger-l0', "in/$key", content => $content); return }
sub results { return grep { ($_->{event} // '') eq 'lambda.result' } $lab->journal }
sub rejects { return $lab->s3_keys('ledger-l0', 'rejected/') }

put('one.json', '{"transaction_id": "T1", "amount": 1.10}');
wait_until('T1 is sent', sub { events('sqs.sent') == 1 });
my $received = $lab->sqs(ReceiveMessage => { QueueUrl => $queue, MaxNumberOfMessages => 10, MessageAttributeNames => ['All'], AttributeNames => ['All'] });
my $message = $received->{Messages}[0];
like($message->{Body}, qr/"amount":\s*1\.10\b/, 'the digits are in the message');
is($message->{Attributes}{MessageGroupId}, 'T1', 'the default group is the transaction id');
my %attributes = map { $_ => $message->{MessageAttributes}{$_}{StringValue} } keys %{ $message->{MessageAttributes} };
is($attributes{source_bucket}, 'ledger-l0', 'lineage: bucket');
is($attributes{source_key}, 'in/one.json', 'lineage: key');
is($attributes{source_record}, '1', 'lineage: record');
like($attributes{source_sha256}, qr/^[0-9a-f]{64}$/, 'lineage: digest');
$lab->sqs(PurgeQueue => { QueueUrl => $queue });

# -- a number is one group however it is written, and whatever stands beside it
put('number.json', '{"transaction_id": 7, "rate": 7.00}');
wait_until('7 is sent', sub { grep { $_->{group} eq '7' } events('sqs.sent') });

# -- a key of every character that a key may have
my $odd = "odd/ !\"#\$%&'()*+,-.:;<=>?\@[\\]^_`{|}~%2B%00\x01\x7f/../\xc3\xa9\xe2\x82\xac.json";
put($odd, '{"transaction_id": "odd"}');
wait_until('the object with the odd key is sent', sub { grep { $_->{group} eq 'odd' } events('sqs.sent') });
$received = $lab->sqs(ReceiveMessage => { QueueUrl => $queue, MaxNumberOfMessages => 10, MessageAttributeNames => ['All'], AttributeNames => ['All'] });
my ($from_odd) = grep { $_->{Attributes}{MessageGroupId} eq 'odd' } @{ $received->{Messages} };
is($from_odd->{MessageAttributes}{source_key}{StringValue} =~ s/%([0-9A-F]{2})/chr hex $1/ger, "in/$odd", 'and its key is in the lineage, byte for byte');
my $good = events('sqs.sent');

# -- each kind of bad object: rejected with reason, never a crash
my %bad = (
	'empty.json' => '', 'truncated.json' => '{"transaction_id": "x"', 'array.json' => '[42]',
	'scalar.json' => '42', 'more.json' => '{"transaction_id": "x"} y', 'binary.json' => "\xff\xfe\x00{}",
	'no-group.json' => '{"amount": 1}', 'group-object.json' => '{"transaction_id": {"a": 1}}',
	'deep.json' => ('[' x 20000), 'ambiguous.json' => '{"transaction_id": "x", "a": 0.1, "b": 0.1000000000000000055}');
for my $name (sort keys %bad)
{
	my $before = rejects();
	put($name, $bad{$name});
	wait_until("$name is rejected", sub { rejects() == $before + 1 }) or next;
	my ($key) = grep { /\Q$name\E/ } rejects();
	my $document = decode_json($lab->s3(GET => 'ledger-l0', $key // (rejects())[-1])->{content});
	ok(length $document->{reason}, "$name: $document->{reason}");
}
is(scalar(events('sqs.sent')), $good, 'nothing bad was sent');
wait_until('the last result is in', sub { results() >= $good + keys %bad });
is(scalar(grep { $_->{outcome} ne 'response' } results()), 0, 'no invocation failed for bad data');

# -- an object that is gone when the function looks
$lab->fault(service => 's3', action => 'GetObject', times => 1, do => 'error', status => 404, code => 'NoSuchKey', message => 'gone');
my $before = rejects();
put('gone.json', '{"transaction_id": "T9"}');
wait_until('the missing object is told', sub { rejects() == $before + 1 });

# -- service faults are tried again and lose or double nothing
for my $fault (
	[ 'SQS 503', service => 'sqs', action => 'SendMessageBatch', do => 'error', status => 503, code => 'ServiceUnavailable' ],
	[ 'SQS throttles', service => 'sqs', action => 'SendMessageBatch', do => 'error', status => 400, code => 'ThrottlingException' ],
	[ 'a send answer is lost', service => 'sqs', action => 'SendMessageBatch', do => 'drop_after' ],
	[ 'S3 SlowDown', service => 's3', action => 'GetObject', do => 'error', status => 503, code => 'SlowDown' ],
	[ 'an S3 answer is lost', service => 's3', action => 'GetObject', do => 'drop_before' ])
{
	my ($name, %fault) = @$fault;
	my $id = $name =~ s/\W//gr;
	$lab->fault(%fault, times => 1);
	put("$id.json", qq({"transaction_id": "$id"}));
	wait_until("$name: sent", sub { grep { $_->{group} eq $id } events('sqs.sent') });
	sleep 0.3;
	is(scalar(grep { $_->{group} eq $id && !$_->{duplicate} } events('sqs.sent')), 1, "$name: one message");
}

# -- a queue that is missing fails the invocation, so that Lambda tries again
$lab->sqs(DeleteQueue => { QueueUrl => $queue });
my $count = results();
put('later.json', '{"transaction_id": "later"}');
sub failures { return scalar grep { $_->{outcome} eq 'error' } results() }
wait_until('the invocation failed', sub { failures() == 1 });
$lab->advance(61);
wait_until('the first retry failed, too', sub { failures() == 2 });
$lab->create_queue('q.fifo');
$lab->advance(130);
wait_until('the retry sent it', sub { grep { $_->{group} eq 'later' } events('sqs.sent') });
pass('a failed invocation is tried again and succeeds');

# -- the function's program stands alone
my $program = "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
like(`$program --help`, qr/Usage/i, '--help');
like(`$program --version`, qr/^s3_to_sqs.* \d+\.\d+\.\d+$/m, '--version');
like(`$program --no-such-option 2>&1`, qr/no-such-option/, 'an unknown option is named');
is($? >> 8, 2, 'and exits with 2');
like(`env -i $program 2>&1`, qr/AWS_LAMBDA_RUNTIME_API/, 'outside of Lambda it says what is missing');
is($? >> 8 == 0 ? 1 : 0, 0, 'and fails');

my $text = do { local $/; open my $in, '<', $log; <$in> };
unlike($text, qr/secret|wJalr|T1"/, 'no payload and no secret in the log');
my $bad_lines = grep { !eval { decode_json($_) } } split /\n/, $text;
is($bad_lines, 0, 'every log line is one JSON object');
$lab->stop;
done_testing;
