# The zip that Lambda gets of sqs_to_redshift: whole, for Lambda's glibc, and at
# work in an empty root; and what the program says on a command line.
use strict;
use warnings;

use PgSqs::RedshiftFunction;
use PgSqs::Tls;
use PgSqs::Zip;
use Test::More;

my $f = PgSqs::RedshiftFunction->new('redshift_zip');
my $lab = $f->lab;

# -- the commands ---------------------------------------------------------------
my ($run, $program) = ($ENV{TESTDATADIR}, $f->program);
sub run
{
	my ($environment, @arguments) = @_;
	my $out = "$run/said";
	my $pid = fork() // die;
	if ($pid == 0)
	{
		%ENV = (PATH => '/nonexistent', AWS_REGION => $lab->{region}, AWS_ENDPOINT_URL => $lab->endpoint,
			AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key}, %$environment);
		open STDOUT, '>', $out;
		open STDERR, '>&', \*STDOUT;
		exec $program, @arguments or die;
	}
	waitpid $pid, 0;
	return ($? >> 8, PgSqs::Zip::slurp($out));
}
sub says { my ($name, $status, $like, @arguments) = @_; my @got = run({ SQS_TO_REDSHIFT_CONFIG => $f->{file} }, @arguments); is($got[0], $status, "$name: status"); like($got[1], $like, "... says"); return $got[1] }
says('--version', 0, qr/^sqs_to_redshift \(pg_sqs\) \d/, '--version');
says('--help', 0, qr/--poll QUEUE_URL/, '--help');
says('an unknown word', 2, qr/"--pol" is unknown/, '--pol');
says('nothing, outside of Lambda', 2, qr/AWS_LAMBDA_RUNTIME_API/);
says('ddl', 0, qr/CREATE TABLE IF NOT EXISTS "public"."sqs_ledger".*CREATE TABLE IF NOT EXISTS "public"."t"/s, 'ddl');
says('check', 0, qr/./s, 'check', $f->{file});
open my $other, '>', "$run/other.json" or die;
print $other '{"table":"public.t","columns":[{"name":"id","type":"varchar(17)"}]}';
close $other;
says('check of another table', 3, qr/id/, 'check', "$run/other.json");
says('prune', 0, qr/./s, 'prune');
is((run({}, 'check'))[0], 2, 'without a configuration nothing is checked');
open my $bodies, '>', "$run/bodies.ndjson" or die;
print $bodies qq({"id": "a", "amount": 1.10}\n\n{"id": "it's", "note": "back\\\\slash"}\n{"id": "much longer than sixteen bytes"}\n);
close $bodies;
my $explained = says('--explain', 3, qr/^LOCK /m, '--explain', "$run/bodies.ndjson");
like($explained, qr/"row":\{"id":"a","v":"1","amount":"1\.10","note":null\}/, '... the row, with its default');
like($explained, qr/^rejected: line-4: \w+: .*id/m, '... and the reject with its reason');
like($explained, qr/'it''s'/, '... and SQL with its values quoted');
unlike(join('', grep { /^INSERT/ } split /^/, $explained), qr/\\/, '... without a backslash in it');
is((run({ SQS_TO_REDSHIFT_CONFIG => $f->{file} }, '--explain', '/does/not/exist'))[0], 2, 'a file that is not there');
is((run({ SQS_TO_REDSHIFT_CONFIG => 's3://bucket/x' }, '--explain', "$run/bodies.ndjson"))[0], 2, '... nor a configuration in S3: no network is used');
is($f->sql('SELECT count(*) FROM t'), '0', 'none of these wrote a row');

# -- the zip --------------------------------------------------------------------
SKIP:
{
	my $zip = PgSqs::Zip->new('sqs_to_redshift');
	skip PgSqs::Zip::elsewhere(), 8 unless $zip;
	$zip->test_files;
	ok(!(grep { /jq/ } keys %{ $zip->mode }), 'jq is not inside');
	my ($wrapper, $why) = $zip->wrapper;
	skip $why, 4 unless $wrapper;
	like(qx{$wrapper --version}, qr/^sqs_to_redshift/, 'it starts in an empty root');
	my $tls = PgSqs::Tls->new($lab->address);
	$lab->create_queue('q.fifo');
	$zip->trust($tls);
	# its configuration is inside of its variables, as in the template
	my $pid = $f->start(program => $wrapper, AWS_ENDPOINT_URL => $tls->endpoint('good'), LAMBDA_TASK_ROOT => '/var/task',
		SQS_TO_REDSHIFT_CONFIG => PgSqs::Zip::slurp($f->{file}), timeout => 20);
	is_deeply($f->invoke($f->record(m1 => 'g', { id => 'a', amount => '1.10' })), { batchItemFailures => [] }, 'over https it loads a message')
	  or diag(explain [ $f->told ]);
	is($f->sql('SELECT id || amount FROM t'), 'a1.10', '... whose row is there');
	$zip->test_loaded($pid);
}
$f->stop;
done_testing;
