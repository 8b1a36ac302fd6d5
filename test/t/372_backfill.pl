# s3_to_sqs s3://bucket/prefix: what is already in the bucket is sent; a dry run
# sends nothing, a run that was stopped goes on, a repeated one changes nothing.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
my $run = $ENV{TESTDATADIR};
my $lab = PgSqs::Lab->start(journal => "$run/backfill.ndjson");
my $queue = $lab->create_queue('q.fifo');
my %environment = (
	PATH => '/nonexistent', AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
	AWS_ENDPOINT_URL => $lab->endpoint, QUEUE_URL => $queue, REJECT_URL => 's3://ledger-l0/in/rejected/');

# Start it; its output and errors go to files.
sub start
{
	my (@arguments) = @_;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	%ENV = %environment;
	open STDOUT, '>', "$run/out";
	open STDERR, '>', "$run/err";
	exec $program, @arguments or POSIX::_exit(127);
}
sub slurp { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return scalar <$in> // '' }
sub run_it { my $pid = start(@_); waitpid $pid, 0; return ($? >> 8, slurp("$run/out"), slurp("$run/err")) }
sub sent { return grep { ($_->{event} // '') eq 'sqs.sent' } $lab->journal }
sub fresh { return grep { !$_->{duplicate} } sent() }
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 600) { return 1 if $code->(); sleep 0.02 }
	fail("waiting until $name");
	return 0;
}

$lab->s3(PUT => 'ledger-l0', undef);
my @keys = map { sprintf 'in/%03d a+b.json', $_ } 1 .. 30;
$lab->s3(PUT => 'ledger-l0', $keys[$_], content => qq({"transaction_id": "T$_", "amount": 1.10})) for 0 .. $#keys;
$lab->s3(PUT => 'ledger-l0', 'other/x.json', content => '{"transaction_id": "no"}');
$lab->s3(PUT => 'ledger-l0', 'in/rejected/earlier.json', content => '{"transaction_id": "no"}');

# -- a dry run
my ($status, $out, $err) = run_it('--dry-run', 's3://ledger-l0/in/');
is($status, 0, 'a dry run succeeds') or diag($err);
is(scalar(() = $out =~ m{s3://ledger-l0/in/\d{3} a\+b\.json$}mg), 30, '... names every object');
like($out, qr/^30 objects of 1\d{3} bytes would be read; nothing was sent$/m, '... counts them');
unlike($out, qr/rejected/, '... without the rejects below the prefix');
is(scalar(sent()), 0, '... and sends nothing');
($status, $out) = run_it('--dry-run', '--since', '2099-01-01', 's3://ledger-l0/in/');
like($out, qr/^0 objects /m, '--since leaves out what is older');
($status, $out) = run_it('--dry-run', '--until', '2000-01-01', 's3://ledger-l0/in/');
like($out, qr/^0 objects /m, '--until leaves out what is newer');
($status, $out) = run_it('--dry-run', '--since', '2000-01-01T00:00:00Z', '--until', '2099-01-01', 's3://ledger-l0/in/');
like($out, qr/^30 objects /m, 'and both leave what is between');

# -- stopped at the twelfth object, gone on with, repeated
my $state = "$run/backfill.state";
$lab->fault(service => 's3', action => 'GetObject', skip => 11, times => 1, do => 'hang');
my $pid = start('--resume', $state, 's3://ledger-l0/in/');
wait_until('eleven are sent', sub { fresh() >= 11 });
my $began = time;
kill TERM => $pid;
waitpid $pid, 0;
is($? >> 8, 130, 'SIGTERM stops it in the middle of an object');
cmp_ok(time - $began, '<', 2, '... at once');
is(scalar(fresh()), 11, '... when eleven objects were sent');
like(slurp("$run/out"), qr/^11 objects, 11 records: 11 messages sent.*; not finished$/m, '... and says so');
my $kept = decode_json(slurp($state));
is($kept->{last_key}, 'in/011%20a%2Bb.json', '... and the file says how far it is');
$lab->clear_faults;
($status, $out, $err) = run_it('--resume', $state, 's3://ledger-l0/in/');
is($status, 0, 'a second run finishes') or diag($err);
like($out, qr/^30 objects, 30 records: 30 messages sent, 0 records filtered, 0 rejected$/m, '... and counts both');
is(scalar(sent()), 30, '... without sending any again');
is(join(' ', sort map { $_->{group} } fresh()), join(' ', sort map { "T$_" } 0 .. 29), '... and without leaving one out');
like($err, qr/^$/, '... without a word on standard error, for it was short');
($status, $out) = run_it('--resume', $state, 's3://ledger-l0/in/');
is("$status " . sent(), '0 30', 'a third has nothing to do');
($status, $out, $err) = run_it('--resume', $state, 's3://ledger-l0/other/');
is($status, 2, 'the file is not taken for another prefix');
like($err, qr/state of another backfill.*name another file, or remove it/, '... and it is said why');
open my $broken, '>', "$run/broken.state";
print $broken "{\"version\":1,";
close $broken;
($status, $out, $err) = run_it('--resume', "$run/broken.state", 's3://ledger-l0/in/');
like("$status $err", qr/^2 .*is not the state of a backfill/, 'a broken file is told');

# -- all of it again changes nothing downstream
my %digest = map { $_->{group} => $_->{dedup} } sent();
($status, $out) = run_it('s3://ledger-l0/in/');
is($status, 0, 'the whole again');
is(scalar(fresh()), 30, '... is 30 duplicates');
is(scalar(grep { $digest{ $_->{group} } ne $_->{dedup} } sent()), 0, '... by the same ids');

# -- at a rate
$lab->sqs(PurgeQueue => { QueueUrl => $queue });
$began = time;
($status, $out) = run_it('--rate', '20', 's3://ledger-l0/in/');
my $took = time - $began;
cmp_ok($took, '>=', 1.4, sprintf '--rate 20 takes its time for 30 objects (%.2f s)', $took);
cmp_ok($took, '<', 10, '... and not much more');

# -- rejects and faults
$lab->s3(PUT => 'ledger-l0', 'bad/a.json', content => '{"transaction_id": ');
$lab->s3(PUT => 'ledger-l0', 'bad/b.json', content => '{"transaction_id": "B"}');
($status, $out) = run_it('s3://ledger-l0/bad/');
is($status, 3, 'a rejected record has an exit status of its own');
like($out, qr/^2 objects, \d records: 1 messages sent, 0 records filtered, 1 rejected$/m, '... and the others are sent');
$lab->fault(service => 'sqs', action => 'SendMessageBatch', times => -1, do => 'error', status => 403, code => 'AccessDenied', message => 'no');
($status, $out, $err) = run_it('--resume', "$run/fault.state", 's3://ledger-l0/bad/b');
is($status, 1, 'a fault stops it');
like($err, qr{^s3_to_sqs: s3://ledger-l0/bad/b\.json: }m, '... names the object');
like($err, qr/run it again to go on/, '... and what to do');
$lab->clear_faults;
($status, $out, $err) = run_it('s3://no-such-bucket/');
is($status, 1, 'a bucket that is not there');
like($err, qr/NoSuchBucket|does not exist/i, '... is named');

# -- what cannot be
for my $case ([ 'a URL that is none', qr{s3://bucket/prefix}, '/in/' ], [ 'a time that is none', qr/--help/, '--since', 'soon', 's3://ledger-l0/' ],
	[ 'a rate of nothing', qr/--help/, '--rate', '0', 's3://ledger-l0/' ], [ 'an option that would have no effect', qr/belong/, '--rate', '1' ],
	[ 'two things at once', qr/too many/, 's3://ledger-l0/', 's3://ledger-l0/' ])
{
	my ($name, $reason, @arguments) = @$case;
	($status, $out, $err) = run_it(@arguments);
	like("$status $err", qr/^2 s3_to_sqs: .*$reason/, $name);
}
$lab->stop;
done_testing;
