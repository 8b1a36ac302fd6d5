# s3_to_sqs --rejects: rejects as they were written, and repaired ones, go
# through today's programs with the lineage of their originals.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64;
use PgSqs::Lab;
use Test::More;

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/resend.ndjson");
my $a = $lab->create_queue('a.fifo');
my $b = $lab->create_queue('b.fifo');
my $json = JSON::PP->new->canonical->utf8;
my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
$lab->s3(PUT => 'rejects');

my %environment = (
	AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
	AWS_ENDPOINT_URL => $lab->endpoint,
	S3_TO_SQS_CONFIG => $json->encode({ outputs => [ { name => 'a', queue_url => $a }, { name => 'b', queue_url => $b, jq => '{id: .transaction_id, amount}', group => '.id' } ] }));

sub resend
{
	my (@arguments) = @_;
	local %ENV = (%ENV, %environment);
	my $out = `$program --rejects @arguments 2>&1`;
	return ($? >> 8, $out);
}
sub put
{
	my ($name, %members) = @_;
	$lab->s3(PUT => 'rejects', "bad/$name", content => $json->encode({ code => 'ProgramError', reason => 'x', bucket => 'in', key => 'o.json', record => 1, %members }));
	return;
}
sub rejects { return join ' ', map { s{^bad/}{}r } $lab->s3_keys('rejects', 'bad/') }
sub received
{
	my ($queue) = @_;
	my $answer = $lab->sqs(ReceiveMessage => { QueueUrl => $queue, MaxNumberOfMessages => 10, MessageAttributeNames => ['All'], AttributeNames => ['All'], VisibilityTimeout => 0 });
	return @{ $answer->{Messages} // [] };
}
sub attribute { my ($message, $name) = @_; return $message->{MessageAttributes}{$name}{StringValue} }

my ($status, $out) = resend('s3://rejects/bad/');
is($status, 0, 'nothing to do is well');
like($out, qr/^0 rejects sent, 0 left$/m, 'and says so');

my $record = '{"transaction_id":"T1","amount":1.10}';
put('o.v1.0000000007.json', body => $record, versionId => 'v1', sequencer => '0055', record => 7, key => 'a b+c.json', sent => ['a'], not_sent => ['b']);
put('p.0000000001.json', body => '{"transaction_id":"T2","amount":', key => 'p.json');
put('q.0000000001.json', key => 'q.json');
put('r.0000000001.json', body_base64 => encode_base64("{\"transaction_id\":\"T\xc3\xa9\"}", ''), key_percent_encoded => '%FF%2B.json', key => undef);
$lab->s3(PUT => 'rejects', 'bad/r.0000000001.json', content => $json->encode({ code => 'X', bucket => 'in', record => 1, body_base64 => encode_base64("{\"transaction_id\":\"T\xc3\xa9\"}", ''), key_percent_encoded => '%FF%2B.json' }));
$lab->s3(PUT => 'rejects', 'bad/s.json', content => '{"some":"other"}');
$lab->s3(PUT => 'rejects', 'bad/t.json', content => 'no JSON');
my $before = rejects();

($status, $out) = resend('s3://rejects/bad/', '--dry-run');
is($status, 1, 'a dry run says that some remain');
is(rejects(), $before, 'a dry run deletes nothing');
is(join('', map { $_->{Body} } received($a), received($b)), '', '... and sends nothing');
like($out, qr/^would be sent: \S+o\.v1\.0000000007\.json: 1 messages$/m, '... but tells what it would');

($status, $out) = resend('s3://rejects/bad/');
is($status, 1, 'some remain');
like($out, qr/^2 rejects sent, 4 left$/m, 'counted');
is(rejects(), 'p.0000000001.json q.0000000001.json s.json t.json', 'what was sent is gone, the rest is there');
like($out, qr/p\.0000000001\.json: InvalidJson: /, 'a record that is still bad says why');
like($out, qr/q\.0000000001\.json: NoRecord: .*s3:\/\/in\/q\.json/, 'one without its record names the object');
like($out, qr/s\.json: NotAReject: .*code/, 'another object');
like($out, qr/t\.json: NotAReject: .*no JSON at line 1/, 'no JSON');

my ($message) = grep { $_->{Attributes}{MessageGroupId} eq 'T1' } received($b);
is($message->{Body}, '{"id":"T1","amount":1.10}', 'the record is sent with its digits');
is(attribute($message, 'source_key'), 'a%20b%2Bc.json', 'with the key of its original');
is(attribute($message, 'source_record'), '7', '... and its number');
is(attribute($message, 'source_version_id'), 'v1', '... and its version');
is(attribute($message, 'source_sequencer'), '0055', '... and its sequencer');
is($message->{Attributes}{MessageDeduplicationId}, sha256_hex("b\0$record"), 'with the deduplication id that it would have had');
is(scalar(grep { $_->{Attributes}{MessageGroupId} eq 'T1' } received($a)), 0, 'the output that has it does not get it again');
my ($odd) = grep { attribute($_, 'source_key') eq '%FF%2B.json' } received($a);
ok($odd && attribute($odd, 'original_group_id') eq 'T%C3%A9', 'a key and a record that came in base64');

# -- repaired
put('p.0000000001.json', body => '{"transaction_id":"T2","amount":2}', key => 'p.json');
($status, $out) = resend('s3://rejects/bad/p');
is("$status " . rejects(), '0 q.0000000001.json s.json t.json', 'a repaired record is sent');
ok((grep { $_->{Body} eq '{"transaction_id":"T2","amount":2}' } received($a)), 'as it is now');

# -- what may go wrong
put('u.0000000001.json', body => '{"transaction_id":"T3"}', key => 'u.json');
$lab->fault(service => 'sqs', action => 'SendMessageBatch', do => 'error', status => 403, code => 'AccessDenied', message => 'no');
($status, $out) = resend('s3://rejects/bad/u');
is($status, 2, 'an outage is no reject');
like($out, qr/output "[ab]": .*no/, 'it names the output');
like(rejects(), qr/u\.0000000001/, 'and leaves the reject');
$lab->clear_faults;
$lab->fault(service => 's3', action => 'DeleteObject', do => 'error', status => 403, code => 'AccessDenied', message => 'no');
($status, $out) = resend('s3://rejects/bad/u');
is($status, 2, 'a reject that cannot be deleted');
$lab->clear_faults;
($status, $out) = resend('s3://rejects/bad/u');
is($status, 0, 'is sent once more, later');
my @sent = grep { $_->{Attributes}{MessageGroupId} eq 'T3' } received($a);
is(scalar @sent, 1, 'with no effect, for its deduplication id is the same');
($status, $out) = resend('nowhere');
is($status, 2, 'a wrong place');
like($out, qr/s3:\/\/bucket\/prefix\//, 'says what is right');
$lab->stop;
done_testing;
