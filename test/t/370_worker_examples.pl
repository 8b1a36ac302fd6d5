# The worker's examples: each form's input gives its output, byte for byte,
# alone and as one of the outputs of the configuration with all three.
use strict;
use warnings;

use File::Basename qw(basename);
use IO::Compress::Gzip qw(gzip);
use JSON::PP;
use Test::More;

my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
my $folder = 'worker/examples';
my @forms = map { basename($_, '.jq') } sort glob "$folder/*.jq";
my %output_of = (transaction => 'transactions', confirmation => 'confirmations', regulatory_report => 'regulatory_reports');

sub slurp { my ($file) = @_; open my $in, '<:raw', $file or die "$file: $!"; local $/; return scalar <$in> }

sub gzipped { my ($content) = @_; gzip(\$content => \my $packed) or die; return $packed }

# What would be sent for a file: the status, and a list of [output, group, dedup id, body].
sub would_send
{
	my ($file, %environment) = @_;
	local %ENV = (PATH => $ENV{PATH}, %environment);
	my @lines = qx{$program --explain $file 2>&1};
	my $status = $? >> 8;
	return ($status, map {
		# the body as it is, not as a JSON library would write it again
		/^(\{.*?),"body":(.*)\}$/ ? do { my $head = decode_json("$1}"); [ @$head{qw(output group_id dedup_id)}, "$2\n" ] } : [ 'other', '', '', $_ ]
	} @lines);
}

is("@forms", 'confirmation regulatory_report transaction', 'the three forms');
for my $form (@forms)
{
	my ($status, @messages) = would_send("$folder/$form.in.json", QUEUE_URL => 'https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo', JQ_FILE => "$folder/$form.jq");
	is($status, 0, "$form: its input is accepted");
	is(join('', map { $_->[3] } @messages), slurp("$folder/$form.out.json"), "$form: and gives its output, byte for byte");

	($status, @messages) = would_send("$folder/$form.in.json", S3_TO_SQS_CONFIG => "$folder/s3_to_sqs.json");
	my @own = grep { $_->[0] eq $output_of{$form} } @messages;
	is(join('', map { $_->[3] } @own), slurp("$folder/$form.out.json"), "$form: so it does as one of three outputs");
}

my ($status, @messages) = would_send("$folder/regulatory_report.in.json", S3_TO_SQS_CONFIG => "$folder/s3_to_sqs.json");
my %message = map { $_->[0] => $_ } @messages;

like($message{transactions}[1], qr/^[0-9a-f]{64}$/, 'the account is the group of a transaction, hashed, since SQS would refuse it');
is($message{regulatory_reports}[2], 'TX-2026-000044/1', 'a report has an id of its own');

# -- what a program refuses or leaves out
my $file = "$ENV{TESTDATADIR}/record.json";
for my $case (
	[ 'a date that is none', '{"transaction_id": "T", "booked_at": "yesterday", "amount": 1}', 1, qr/ProgramError: .*booked_at must begin with a date/ ],
	[ 'a reversed, small transaction', '{"transaction_id": "T", "amount": 1, "reversed": true}', 0, qr/^transactions$/ ],
	[ 'a small one', '{"transaction_id": "T", "amount": 9999.99}', 0, qr/^confirmations transactions$/ ],
	[ 'one at the threshold', '{"transaction_id": "T", "amount": 10000}', 0, qr/^confirmations regulatory_reports transactions$/ ],
	[ 'a correction below it', '{"transaction_id": "T", "version": 2, "amount": 1}', 0, qr/^confirmations regulatory_reports transactions$/ ])
{
	my ($name, $record, $expected_status, $expected) = @$case;
	open my $out, '>', $file or die $!;
	print $out $record;
	close $out;
	($status, @messages) = would_send($file, S3_TO_SQS_CONFIG => "$folder/s3_to_sqs.json");
	is($status, $expected_status, "$name: the exit status");
	my @outputs = sort map { $_->[0] } grep { $_->[0] ne 'other' } @messages;
	like($expected_status ? join('', map { $_->[3] } @messages) : "@outputs", $expected, "$name: what comes of it");
}

# -- a day's records through all three, in every shape an object may have
my @day = split /^/, slurp("$folder/day.in.ndjson");
my $golden = slurp("$folder/day.out.ndjson");
sub write_file { my ($content) = @_; open my $out, '>:raw', $file or die $!; print $out $content; close $out; return }
for my $case (
	[ 'NDJSON', join '', @day ], [ 'CRLF and blank lines', join "\r\n\r\n", map { s/\n//r } @day ], [ 'with a byte order mark', "\xef\xbb\xbf" . join '', @day ],
	[ 'a JSON array', '[' . join(', ', map { s/\n//r } @day) . "]\n" ], [ 'one after the other', join '', map { s/\n//r } @day ],
	[ 'gzip', gzipped(join '', @day) ])
{
	my ($name, $content) = @$case;
	write_file($content);
	($status, @messages) = would_send($file, S3_TO_SQS_CONFIG => "$folder/s3_to_sqs.json");
	is($status, 0, "$name: accepted");
	is(join('', map { "$_->[0] $_->[3]" } @messages), $golden, "$name: all three forms, byte for byte");
}
write_file(join '', $day[0], "{\"transaction_id\": \n", @day[ 1 .. 3 ]);
($status, @messages) = would_send($file, S3_TO_SQS_CONFIG => "$folder/s3_to_sqs.json");
is($status, 1, 'a bad line among them: the exit status tells');
is(scalar(grep { $_->[0] ne 'other' } @messages), scalar(() = $golden =~ /\n/g), '... and the others would be sent');
like(join('', map { $_->[3] } grep { $_->[0] eq 'other' } @messages), qr/^rejected: record 2: InvalidJson: /, '... and its reason is there');
done_testing;
