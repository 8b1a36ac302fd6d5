# Objects that cannot be read: missing, archived, denied, throttled, broken,
# replaced meanwhile, with a wrong checksum.  Each by its policy: rejected with
# a reason, failed so that the invocation is repeated, or skipped and logged;
# never acknowledged in silence.
use strict;
use warnings;

use Digest::SHA qw(sha256);
use IO::Compress::Gzip qw(gzip);
use JSON::PP;
use MIME::Base64 qw(encode_base64);
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/policies.ndjson");
my $queue = $lab->create_queue('q.fifo');
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my %environment = (QUEUE_URL => $queue, REJECT_URL => 's3://bucket/rejected/', RECEIPTS_URL => 's3://bucket/receipts/');
$lab->s3(PUT => 'bucket', undef);
my $pid;
my $number = 0;

# A function of its own for each configuration.
sub start
{
	my ($name, %more) = @_;
	$lab->control(PUT => "functions/$name", { pid => $lab->start_function($name, $log, %environment, %more) });
	return;
}
sub invoke
{
	my ($function, $key, %object) = @_;
	my $answer = $lab->request('lambda', 'POST', "/2015-03-31/functions/$function/invocations", content => encode_json({ Records => [ {
		eventVersion => '2.1', eventSource => 'aws:s3', eventName => 'ObjectCreated:Put', eventTime => '2026-03-07T10:00:00.000Z',
		s3 => { bucket => { name => 'bucket' }, object => { key => $key, %object } } } ] }));
	return decode_json($answer->{content});
}
sub reject_of
{
	my ($key) = @_;
	my ($found) = grep { m{/\Q$key\E\.} } $lab->s3_keys('bucket', 'rejected/');
	return defined $found ? decode_json($lab->s3(GET => 'bucket', $found)->{content}) : {};
}
sub receipt_of
{
	my ($key) = @_;
	return grep { $_->{key} eq $key } map { decode_json($lab->s3(GET => 'bucket', $_)->{content}) } $lab->s3_keys('bucket', 'receipts/');
}
sub refuse
{
	my ($status, $code) = @_;
	$lab->fault(service => 's3', action => 'GetObject', times => 1, do => 'error', status => $status, code => $code);
	return;
}
sub logged { my ($text) = @_; open my $in, '<', $log; return scalar grep { /\Q$text\E/ } <$in> }

gzip(\(join '', map { qq({"transaction_id": "G$_", "n": @{[ rand ]}}\n) } 1 .. 500), \my $packed) or die;
my $broken = substr $packed, 0, length($packed) / 2;
$lab->s3(PUT => 'bucket', $_, content => '{"transaction_id": "T"}') for qw(denied throttled);
$lab->s3(PUT => 'bucket', 'archived', content => '{"transaction_id": "A"}', headers => { 'x-amz-storage-class' => 'GLACIER' });
$lab->s3(PUT => 'bucket', 'broken', content => $broken);

# what makes each of them fail, its reject code, and what happens without a policy
my @ways = (
	[ missing => 'ObjectMissing', 'reject', sub { } ],
	[ archived => 'ObjectArchived', 'reject', sub { } ],
	[ broken => 'CorruptGzip', 'reject', sub { } ],
	[ denied => 'AccessDenied', 'fail', sub { refuse(403, 'AccessDenied') } ],
	[ throttled => 'Throttled', 'fail', sub { $lab->fault(service => 's3', action => 'GetObject', times => 3, do => 'throttle') } ]);
my %variable = (missing => 'ON_MISSING', archived => 'ON_ARCHIVED', broken => 'ON_CORRUPT', denied => 'ON_DENIED', throttled => 'ON_THROTTLED');
start('plain');
start('rejecting', map { $_ => 'reject' } values %variable);
start('failing', map { $_ => 'fail' } values %variable);
start('skipping', map { $_ => 'skip' } values %variable);

for my $way (@ways)
{
	my ($key, $code, $default, $make) = @$way;
	for my $policy ($default, 'reject', 'fail', 'skip')
	{
		my $first = $number++ % 4 == 0;
		my $function = $first ? 'plain' : { reject => 'rejecting', fail => 'failing', skip => 'skipping' }->{$policy};
		my $name = $first ? "$key, as it is: $policy" : "$key, to $policy";
		my $skips = logged('an object is skipped');
		$lab->s3(DELETE => 'bucket', $_) for grep { m{/\Q$key\E\.} } $lab->s3_keys('bucket', 'rejected/');
		$lab->s3(DELETE => 'bucket', $_) for $lab->s3_keys('bucket', 'receipts/');
		$make->();
		my $answer = invoke($function, $key);
		my $reject = reject_of($key);
		is($answer->{errorType} // 'none', $policy ne 'fail' ? 'none' : $answer->{errorType} // 'an error', $name);
		is($reject->{code} // 'none', $policy eq 'reject' ? $code : 'none', $policy eq 'reject' ? "is rejected: $reject->{reason}" : 'is not rejected');
		is($answer->{skipped} // 0, $policy eq 'skip' ? 1 : 0, $policy eq 'skip' ? 'is counted' : 'is not skipped');
		is(logged('an object is skipped') - $skips, $policy eq 'skip' ? 1 : 0, 'the log says so') if $policy eq 'skip';
		my ($receipt) = receipt_of($key);
		my $told = (($receipt // {})->{rejected} // [])->[-1] // {};
		is($told->{reason} // 'none', $reject->{code} ? "$reject->{code}: $reject->{reason}" : 'none', 'the receipt says it, too') if $policy eq 'reject';
		is(defined $receipt ? 1 : 0, $policy eq 'fail' ? 0 : 1, 'there is a receipt of what is done') if $policy ne 'reject';
		$lab->clear_faults;
	}
}
is(scalar(grep { /^T$/ } map { $_->{group} } @{ $lab->control(GET => 'queues/q.fifo')->{messages} }), 0, 'nothing of them was sent');

# -- an object that is replaced while it is read, and one whose bytes are not those that were put
my $line = '{"transaction_id": "R######", "filler": "' . 'x' x 1000 . '"}';
$lab->control(PUT => 'objects/bucket/replaced', { line => $line, repeat => 5000 });
$lab->fault(service => 's3', action => 'GetObject', skip => 1, times => 1, do => 'error', status => 412, code => 'PreconditionFailed');
my $answer = invoke('plain', 'replaced', size => 5_000_000);
is(reject_of('replaced')->{code}, 'ObjectMissing', 'an object that is replaced while it is read: the rest is a reject');
is($answer->{sent} + 1, reject_of('replaced')->{record}, 'behind what was sent');
my $body = join '', map { qq({"transaction_id": "S$_", "filler": ") . 'y' x 1000 . qq("}\n) } 1 .. 3000;
$lab->s3(PUT => 'bucket', 'summed', content => $body, headers => { 'x-amz-checksum-sha256' => encode_base64(sha256($body), '') });
is(invoke('plain', 'summed', size => length $body)->{sent}, 3000, 'an object of two ranges with its checksum');
$lab->stop;
done_testing;
