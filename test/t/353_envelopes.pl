# Events in every envelope, by the ways they take: S3 to the function, through
# queues, EventBridge, SNS in between; deletions and test events; messages of a
# batch that fail one by one; the versions of a key in their order.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/envelopes.ndjson");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my $queue = $lab->create_queue('q.fifo');
my $events = $lab->create_queue('events', VisibilityTimeout => '300');
my $account = "$lab->{region}:123456789012";
my $pid = $lab->start_function('s3_to_sqs', $log, QUEUE_URL => $queue, REJECT_URL => 's3://bucket/rejected/');
$lab->control(PUT => 'functions/s3_to_sqs', { pid => $pid });
$lab->s3(PUT => $_, undef) for 'bucket', 'bridged', 'versioned';

my (@sent, @results, @batches);
sub look
{
	for my $line ($lab->journal_news)
	{
		my $event = $line->{event} // '';
		push @sent, $line if $event eq 'sqs.sent' && $line->{queue} eq 'q.fifo';
		push @results, $line if $event eq 'lambda.result';
		push @batches, $line if $event eq 'lambda.batch';
	}
	return;
}
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 800) { look(); return 1 if $code->(); sleep 0.025; }
	fail("waiting until $name");
	return 0;
}
sub groups { return join ' ', map { $_->{group} } @sent }

# Invoke the function with an event and wait; its answer.
sub invoke
{
	my ($event) = @_;
	my $answer = $lab->request('lambda', 'POST', '/2015-03-31/functions/s3_to_sqs/invocations', content => encode_json($event));
	look();
	return decode_json($answer->{content});
}
sub record
{
	my ($key, %object) = @_;
	my $name = delete $object{event} // 'ObjectCreated:Put';
	my $bucket = delete $object{bucket} // 'bucket';
	return { eventVersion => '2.1', eventSource => 'aws:s3', eventName => $name, eventTime => '2026-03-07T10:00:00.000Z',
		awsRegion => $lab->{region}, s3 => { bucket => { name => $bucket }, object => { key => $key, %object } } };
}
sub sns { my ($event) = @_; return { Type => 'Notification', MessageId => 'n', TopicArn => "arn:aws:sns:$account:t", Message => encode_json($event) } }
sub message { my ($id, $body) = @_; return { messageId => $id, eventSource => 'aws:sqs', receiptHandle => 'r', body => ref $body ? encode_json($body) : $body } }
sub put { my ($key) = @_; my $id = $key =~ s/[^A-Za-z0-9]//gr; $lab->s3(PUT => 'bucket', $key, content => qq({"transaction_id": "$id"})); return }

# -- what the lab sends by itself, keys with a space, a plus and a percent sign
my $mapped = $lab->request('lambda', 'POST', '/2015-03-31/event-source-mappings', content => encode_json({
	FunctionName => 's3_to_sqs', EventSourceArn => "arn:aws:sqs:$account:events", BatchSize => 10, FunctionResponseTypes => ['ReportBatchItemFailures'] }));
like($mapped->{status}, qr/^20/, 'a queue of events triggers the function');
$lab->s3_notify('bucket', "arn:aws:lambda:$account:function:s3_to_sqs", 'direct/');
put('direct/a b+c%2F.json');
wait_until('it is sent', sub { @sent == 1 });
is(groups(), 'directabc2Fjson', 'S3 to the function');
$lab->s3('PUT', 'bridged', undef, query => { notification => '' },
	content => '<NotificationConfiguration><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>');
$lab->control(PUT => 'eventbridge/bridged', { target => "arn:aws:lambda:$account:function:s3_to_sqs" });
$lab->s3(PUT => 'bridged', 'a b+c%2F.json', content => '{"transaction_id": "bridged"}');
wait_until('it is sent', sub { @sent == 2 });
is($sent[1]{group}, 'bridged', 'EventBridge to the function');
$lab->control(PUT => 'eventbridge/bridged', { target => "arn:aws:sqs:$account:events" });
$lab->s3(PUT => 'bridged', 'a b+c%2F.json', content => '{"transaction_id": "queued"}');
wait_until('it is sent', sub { @sent == 3 });
is($sent[2]{group}, 'queued', 'EventBridge through a queue');
wait_until('its message is deleted', sub { $lab->control(GET => 'queues/events')->{messages_count} == 0 });
is($lab->control(GET => 'queues/events')->{messages_count}, 0, 'whose message is then gone');

# -- SNS around either, in a queue and directly
put($_) for 'one', 'two', 'three', 'four', 'a+b c';
@sent = ();
my $s3 = { Records => [ record('one') ] };
my $bridge = { version => '0', source => 'aws.s3', 'detail-type' => 'Object Created', time => '2026-03-07T10:00:00Z',
	region => $lab->{region}, detail => { bucket => { name => 'bucket' }, object => { key => 'a+b c' } } };
my $answer = invoke({ Records => [ { EventSource => 'aws:sns', Sns => { Message => encode_json($s3) } } ] });
is(groups(), 'one', 'SNS to the function');
is($answer->{sent}, 1, 'which tells what it sent');
ok(!exists $answer->{batchItemFailures}, 'and of no messages');
@sent = ();
$answer = invoke({ Records => [ message(m1 => sns({ Records => [ record('two'), record('three') ] })), message(m2 => sns($bridge)) ] });
is(groups(), 'two three abc', 'SNS through a queue: S3 events, several of them, and EventBridge, whose keys are not encoded');
is_deeply($answer->{batchItemFailures}, [], 'no message failed');

# -- deletions, test events, folders
@sent = ();
$answer = invoke({ Records => [ record('one', event => 'ObjectRemoved:Delete'), record('folder/', size => 0), record('one', event => 'ObjectTagging:Put') ] });
is_deeply([ @{$answer}{qw(objects removed ignored sent)} ], [ 0, 1, 3, 0 ], 'deletions, tags and folders are acknowledged and counted');
$answer = invoke({ Service => 'Amazon S3', Event => 's3:TestEvent', Bucket => 'bucket' });
is($answer->{test_events}, 1, 'so is the test event');

# -- messages that fail fail alone
@sent = ();
$lab->fault(service => 's3', action => 'GetObject', times => 3, do => 'error', status => 500, code => 'InternalError');
$answer = invoke({ Records => [ message(m1 => { Records => [ record('one') ] }), message(m2 => 'no event'),
	message(m3 => { Records => [ record('two') ] }), message(m4 => { Event => 's3:TestEvent' }) ] });
is_deeply([ map { $_->{itemIdentifier} } @{ $answer->{batchItemFailures} } ], [ 'm1', 'm2' ], 'exactly the messages whose objects failed are told');
is(groups(), 'two', 'the object of another one is sent');
$lab->clear_faults;

# -- of one key the older state never comes after the newer
$lab->s3('PUT', 'versioned', undef, query => { versioning => '' },
	content => '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
my @versions = map { $lab->s3(PUT => 'versioned', 'key', content => qq({"transaction_id": "V", "version": $_}))->{headers}{'x-amz-version-id'} } 1 .. 3;
sub version { my ($n, $sequencer) = @_; return record('key', bucket => 'versioned', versionId => $versions[$n - 1], sequencer => $sequencer) }
sub bodies { return join ' ', map { $_->{body} =~ /"version":(\d)/ } grep { $_->{group} eq 'V' } @{ $lab->control(GET => 'queues/q.fifo')->{messages} } }
invoke({ Records => [ version(3, '00A3'), version(1, '00A'), version(2, '00A2') ] });
is(bodies(), '1 2 3', 'versions are read and sent in the order of their sequencers');
$lab->sqs(PurgeQueue => { QueueUrl => $queue });
$lab->advance(301);
$lab->fault(service => 's3', action => 'GetObject', times => 3, do => 'error', status => 500, code => 'InternalError');
$answer = invoke({ Records => [ message(m3 => { Records => [ version(3, '00A3') ] }), message(m1 => { Records => [ version(1, '00A1') ] }) ] });
is_deeply([ map { $_->{itemIdentifier} } @{ $answer->{batchItemFailures} } ], [ 'm3', 'm1' ], 'when the older one fails, the newer one waits for it');
is(bodies(), '', 'neither is sent');
$answer = invoke({ Records => [ message(m3 => { Records => [ version(3, '00A3') ] }), message(m1 => { Records => [ version(1, '00A1') ] }) ] });
is_deeply($answer->{batchItemFailures}, [], 'the next time both pass');
is(bodies(), '1 3', 'in their order');
is(scalar($lab->s3_keys('bucket', 'rejected/')), 0, 'and nothing was rejected');
$lab->stop;
done_testing;
