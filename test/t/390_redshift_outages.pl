# sqs_to_redshift when Redshift is slow, refuses, or is not there: a statement
# that outlives its invocation, throttling, faults of the Data API, lost
# answers, a missing table, a dead configuration, freezing and thawing.
use strict;
use warnings;

use PgSqs::RedshiftFunction;
use Test::More;
use Time::HiRes qw(sleep time);

my $f = PgSqs::RedshiftFunction->new('redshift_outages', key => [], version => undef, dedup_scope => 'queue');
my $lab = $f->lab;
my $redshift = $f->redshift;
$f->start(timeout => 4);
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }
sub committed { return scalar grep { $_->{token} && $_->{status} eq 'FINISHED' } events('redshift.transaction') }
sub count { my ($like) = @_; return $f->sql("SELECT count(*) FROM t WHERE note LIKE '$like'") }
sub batch { my ($mark) = @_; return map { $f->record("$mark$_", "g$_", qq({"id": "$mark$_", "note": "$mark"})) } 1 .. 3 }

# -- a statement that outlives its invocation
$redshift->control(hold => \1);
my @batch = batch("slow");
my $began = time;
my $answer = $f->invoke(@batch);
cmp_ok(time - $began, '<', 4, sprintf('an invocation whose transaction does not end is answered in time (%.1f s)', time - $began));
is_deeply($f->left($answer), [ 'slow1', 'slow2', 'slow3' ], '... and leaves its messages');
$redshift->control(hold => \0);
$f->wait_until('the transaction commits by itself', sub { count('slow') eq '3' });
my $submitted = () = events('redshift.submitted');
$answer = $f->invoke(@batch);
is_deeply($answer, { batchItemFailures => [] }, 'the redelivery finds it');
is(scalar(() = events('redshift.submitted')), $submitted, '... without another transaction');
is(count('slow'), '3', '... and nothing is doubled');

# -- the same, but the redelivery comes in another grouping while it still runs
$redshift->control(hold => \1);
@batch = batch('busy');
is_deeply($f->left($f->invoke(@batch)), [ 'busy1', 'busy2', 'busy3' ], 'a transaction that does not end');
my $pid = fork() // die;
if ($pid == 0) { sleep 1.5; $redshift->control(hold => \0); require POSIX; POSIX::_exit(0) }
$answer = $f->invoke($batch[2], $f->record('busy4', 'g4', '{"id": "busy4", "note": "busy"}'));
waitpid $pid, 0;
$answer = $f->invoke(@batch, $f->record('busy4', 'g4', '{"id": "busy4", "note": "busy"}')) if @{ $f->left($answer) };
is_deeply($answer, { batchItemFailures => [] }, 'in another grouping, once it has ended');
is(count('busy'), '4', '... every message is loaded once');

# -- throttling, faults, lost answers; in time enough for a busy machine
$lab->control(PUT => 'functions/sqs_to_redshift', { timeout_seconds => 30, pid => $f->{pid} });
my $committed = committed();
my $try = sub {
	my ($name, $mark, %fault) = @_;
	$lab->clear_faults;
	$lab->fault(service => 'redshift-data', %fault);
	$answer = $f->invoke(batch($mark));
	is_deeply($answer, { batchItemFailures => [] }, $name) or diag(explain [ ($f->told)[ -2, -1 ] ]);
	is(count($mark), '3', '... each message once');
	return;
};
$try->('throttled when it submits', 'ta', action => 'BatchExecuteStatement', times => 2, do => 'throttle');
$try->('throttled when it asks', 'tb', action => 'DescribeStatement', times => 2, do => 'throttle');
$try->('a fault of the service', 'tc', action => 'BatchExecuteStatement', times => 1, do => 'error', status => 500, code => 'InternalServerException');
$try->('an answer that is lost behind the submission', 'td', action => 'BatchExecuteStatement', times => 1, do => 'drop_after');
$try->('a load balancer\'s page', 'te', action => 'DescribeStatement', times => 1, do => 'html');
$lab->clear_faults;
is(committed() - $committed, 5, 'five batches were five transactions');

# -- refused for good: everything stays, and is told
$lab->fault(service => 'redshift-data', times => -1, do => 'error', status => 400, code => 'AccessDeniedException', message => 'not authorized to perform redshift-data:BatchExecuteStatement');
$answer = $f->invoke(batch('no'));
is_deeply($f->left($answer), [ 'no1', 'no2', 'no3' ], 'without permission all messages stay');
my ($line) = grep { $_->{message} =~ /stay in the queue/ } reverse $f->told;
is("$line->{level} $line->{kind}", 'ERROR denied', '... and the log says why');
is(($f->metrics)[-1]{Faults}, 1, '... and a metric');
$lab->clear_faults;
$f->sql('ALTER TABLE t RENAME TO elsewhere');
$answer = $f->invoke(batch('none'));
is_deeply($f->left($answer), [ 'none1', 'none2', 'none3' ], 'without the table all stay');
is(scalar($f->rejects), 0, '... and none is taken for bad');
$f->sql('ALTER TABLE elsewhere RENAME TO t');
is_deeply($f->invoke(batch('none')), { batchItemFailures => [] }, 'when it is back, they are loaded');
is(count('none'), '3', '... each once');

# -- too large for SQL: by COPY from the stage
my $long = 'x' x 60000;
$answer = $f->invoke(map { $f->record("big$_", "g$_", { id => "big$_", note => $long }) } 1 .. 3);
is_deeply($answer, { batchItemFailures => [] }, 'messages that are too large for SQL are loaded');
is($f->sql(q{SELECT count(*) FROM t WHERE length(note) = 60000}), '3', '... whole');
is(scalar(() = events('redshift.copy')), 1, '... by COPY');
is(scalar($lab->s3_keys('bucket', 'stage/')), 0, '... and the stage is removed');
cmp_ok(($f->metrics)[-1]{StagedBytes}, '>', 180000, '... its bytes are told');

# -- frozen between invocations, for longer than connections last
$lab->control(PUT => 'functions/sqs_to_redshift', { freeze => \1, pid => $f->{pid} });
$f->wait_until('it is frozen', sub { $lab->control(GET => 'functions/sqs_to_redshift')->{frozen} });
$answer = $f->invoke(batch('ice'));
is_deeply($answer, { batchItemFailures => [] }, 'a process that was frozen and thawed loads');
is(count('ice'), '3', '... each message once');
$lab->control(PUT => 'functions/sqs_to_redshift', { freeze => \0, pid => $f->{pid} });

# -- it cannot start
sub starts_with
{
	my ($config) = @_;
	my $log = "$ENV{TESTDATADIR}/start.log";
	my $pid = $lab->start_function('broken', $log, program => $f->program, SQS_TO_REDSHIFT_CONFIG => $config);
	waitpid $pid, 0;
	open my $in, '<', $log or die;
	my @lines = <$in>;
	return ($? >> 8, $lines[-1]);
}
my ($status, $said) = starts_with('{"table": "t", "columns": [{"name": "a", "type": "uuid"}]}');
is($status, 1, 'a wrong configuration ends it with a status');
like($said, qr/columns\[0\]: \\"type\\"/, '... and names the member');
like((starts_with('s3://bucket/missing.json'))[1], qr{s3://bucket/missing\.json}, 'a configuration that is not there is named');
is((grep { $_->{action} && $_->{action} eq 'init/error' || ($_->{request} && ($_->{action} // '') =~ /init/) } $lab->journal)[0]{status}, 202, 'Lambda is told');
$lab->s3(PUT => 'bucket', 'config.json', content => do { open my $in, '<', $f->{file} or die; local $/; <$in> });
kill KILL => $f->{pid};
waitpid $f->{pid}, 0;
$f->start(SQS_TO_REDSHIFT_CONFIG => 's3://bucket/config.json');
is_deeply($f->invoke(batch('obj')), { batchItemFailures => [] }, 'a configuration that lies in S3 is read');
is(count('obj'), '3', '... and followed');
is($f->sql('SELECT count(*) - count(DISTINCT id) FROM t'), '0', 'in all of this nothing was doubled');
$f->stop;
done_testing;
