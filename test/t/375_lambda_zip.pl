# The zip that Lambda gets of s3_to_sqs: it is whole, wants no newer glibc than
# Lambda's, and works in an empty root that holds nothing but it and glibc, at
# the place where Lambda unpacks it.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use PgSqs::Tls;
use PgSqs::Zip;
use Test::More;
use Time::HiRes qw(sleep);

my $zip = PgSqs::Zip->new('s3_to_sqs') or plan skip_all => PgSqs::Zip::elsewhere();
$zip->test_files;
ok(exists $zip->mode->{'programs/transaction.jq'}, 'the example programs are inside');

SKIP:
{
	my ($wrapper, $why) = $zip->wrapper;
	skip $why, 5 unless $wrapper;
	like(qx{$wrapper --version}, qr/^s3_to_sqs/, 'it starts in an empty root');

	my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/zip.ndjson");
	my $tls = PgSqs::Tls->new($lab->address);
	my $queue = $lab->create_queue('q.fifo');
	$lab->s3(PUT => 'ledger-l0', undef);
	$lab->s3_notify('ledger-l0', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
	$zip->trust($tls);
	my $log = "$ENV{TESTDATADIR}/zip-function.log";
	my $pid = $lab->start_function('s3_to_sqs', $log, program => $wrapper, QUEUE_URL => $queue, AWS_ENDPOINT_URL => $tls->endpoint('good'),
		LAMBDA_TASK_ROOT => '/var/task', JQ_FILE => '/var/task/programs/transaction.jq');
	$lab->s3(PUT => 'ledger-l0', 'in/one.json', content => '{"transaction_id": "T1", "amount": 1.10, "booked_at": "2026-01-31T23:59:58Z"}');
	my @sent;
	for (1 .. 400)
	{
		@sent = grep { ($_->{event} // '') eq 'sqs.sent' } $lab->journal;
		last if @sent;
		sleep 0.05;
	}
	is(scalar(@sent), 1, 'over https, with the zip\'s own authorities, it sends a message') or diag(PgSqs::Zip::slurp($log));
	my $message = $lab->sqs(ReceiveMessage => { QueueUrl => $queue })->{Messages}[0];
	is(decode_json($message->{Body} // '{}')->{booked_on}, '2026-01-31', 'through the program from the zip');
	$zip->test_loaded($pid);
	$lab->stop;
}
done_testing;
