# Runs alone: what memory the function takes is measured.
# An object of 300 MB passes through s3_to_sqs in 32 MB, read in ranges; a
# range that fails is asked for again, a checksum that is wrong fails the
# invocation, and a record of 64 KB is one like others.
use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/large.ndjson");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my $queue = $lab->create_queue('q.fifo');
$lab->s3(PUT => 'bucket', undef);
$lab->s3_notify('bucket', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
my $pid = $lab->start_function('s3_to_sqs', $log, QUEUE_URL => $queue, REJECT_URL => 's3://bucket/rejected/',
	JQ_PROGRAM => '{transaction_id, n}', GROUP_EXPRESSION => '.transaction_id', DEDUP_EXPRESSION => '.n');
$lab->control(PUT => 'functions/s3_to_sqs', { timeout_seconds => 300, pid => $pid });

my %seen = (sent => {}, results => [], requests => {}, ranges => 0);
sub look
{
	for my $line ($lab->journal_news)
	{
		$seen{sent}{ $line->{dedup} }++ if ($line->{event} // '') eq 'sqs.sent' && !$line->{duplicate};
		push @{ $seen{results} }, $line if ($line->{event} // '') eq 'lambda.result';
		$seen{requests}{ $line->{action} }++ if $line->{request} && $line->{service} eq 's3';
	}
	return;
}
sub results_come
{
	my ($count, $seconds) = @_;
	for (1 .. $seconds * 20) { look(); return 1 if @{ $seen{results} } >= $count; sleep 0.05; }
	return 0;
}
sub peak_kb
{
	open my $status, '<', "/proc/$pid/status" or return 0;
	my ($peak) = map { /^VmHWM:\s+(\d+) kB/ ? $1 : () } <$status>;
	return $peak;
}

results_come(1, 30) or fail("S3's test event is answered");
look();

# -- 300 MB in lines of 64 KB
my $filler = 'x' x 65_400;
my $lines = 4_700;
$lab->fault(service => 's3', action => 'GetObject', skip => 10, times => 2, do => 'error', status => 503, code => 'SlowDown');
$lab->fault(service => 's3', action => 'GetObject', skip => 30, times => 1, do => 'drop_after');
my $put = $lab->control(PUT => 'objects/bucket/in/large.ndjson',
	{ line => qq({"transaction_id": "T#####", "filler": "$filler", "n": ) . qq("end"}), repeat => 1 });
cmp_ok($put->{size}, '>', 65_000, 'the lab makes lines of 64 KB');
results_come(2, 30) or fail('the first line is worked on');
is($seen{results}[1]{outcome}, 'response', 'one such line');
is_deeply([ keys %{ $seen{sent} } ], ['end'], 'is one message');
is($seen{requests}{GetObject}, 1, 'of one GET');
ok(!$seen{requests}{HeadObject}, 'and no HEAD');

$put = $lab->control(PUT => 'objects/bucket/in/larger.ndjson',
	{ line => qq({"n": "#######", "transaction_id": "T1", "filler": "$filler"}), repeat => $lines });
cmp_ok($put->{size}, '>', 300_000_000, 'an object of ' . int($put->{size} / 1e6) . ' MB');
results_come(3, 240) or fail('it is worked on');
is($seen{results}[2]{outcome}, 'response', 'passes');
look();
is(scalar(grep { $_ ne 'end' } keys %{ $seen{sent} }), $lines, 'each line is a message');
is(scalar(grep { $_ != 1 } values %{ $seen{sent} }), 0, 'and none is two');
cmp_ok(peak_kb(), '<', 32 * 1024, sprintf 'in %.1f MB of memory', peak_kb() / 1024);
my $ranges = int(($put->{size} + (2 << 20) - 1) / (2 << 20));
cmp_ok($seen{requests}{GetObject} - 1, '==', $ranges + 3, 'each range was read, and those that failed were read again');
is($seen{requests}{HeadObject}, 1, 'the checksum was asked for once');
is(scalar($lab->s3_keys('bucket', 'rejected/')), 0, 'nothing was rejected');

# -- the checksum of the whole is compared
my $body = join '', map { sprintf qq({"transaction_id": "C", "n": "c%05d", "filler": "%s"}\n), $_, 'y' x 1000 } 1 .. 3000;
my $before = @{ $seen{results} };
$lab->s3(PUT => 'bucket', 'in/summed.ndjson', content => $body, headers => { 'x-amz-checksum-sha256' => sha256_base64($body) . '=' });
results_come($before + 1, 60) or fail('the object with a checksum is worked on');
is($seen{results}[$before]{outcome}, 'response', 'an object of two ranges with its right checksum passes');
look();
is(scalar(grep { /^c/ } keys %{ $seen{sent} }), 3000, 'all of it');
$lab->stop;
done_testing;
