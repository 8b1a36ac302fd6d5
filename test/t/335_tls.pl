# s3_to_sqs over https, with an authority of our own: it works with the right
# one; every other certificate is refused with an error that says what to do,
# and no request reaches a server that cannot prove who it is.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use PgSqs::Tls;
use Test::More;

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/tls.ndjson");
my $tls = PgSqs::Tls->new($lab->address);
my $queue = $lab->create_queue('q.fifo');
$lab->s3(PUT => 'ledger-l0', undef);
$lab->s3(PUT => 'ledger-l0', 'one.json', content => '{"transaction_id": "T1"}');

# What the function, started anew, says to one object over that endpoint: its
# answer as a hash, its log, and the requests of its own that arrived.
sub invoke
{
	my ($name, %environment) = @_;
	my $log = "$ENV{TESTDATADIR}/$name.log";
	my $event = encode_json({ Records => [ { eventSource => 'aws:s3', eventName => 'ObjectCreated:Put', eventTime => '2026-01-02T03:04:05Z',
				s3 => { bucket => { name => 'ledger-l0' }, object => { key => 'one.json', size => 24 } } } ] });
	$lab->control(PUT => "functions/$name", {});
	$lab->journal_news;
	my $pid = $lab->start_function($name, $log, QUEUE_URL => $queue, %environment);
	my $answer = $lab->request('lambda', POST => "/2015-03-31/functions/$name/invocations", content => $event);
	PgSqs::Lab::stop_process($pid);
	open my $file, '<', $log or die "$log: $!";
	local $/;
	my $said = <$file> // '';
	return ($answer->{content} ne '' ? decode_json($answer->{content}) : {}, $said, grep { $_->{request} && $_->{service} =~ /^(s3|sqs)$/ } $lab->journal_news);
}

sub accepted
{
	my ($name, $what, %environment) = @_;
	my ($answer, $log, @requests) = invoke($name, %environment);
	ok(!exists $answer->{errorType}, "$what: the function succeeds") or diag(encode_json($answer) . "\n$log");
	is(join(' ', sort map { $_->{action} } @requests), 'GetObject SendMessageBatch', "$what: it reads the object and sends the message");
	return;
}

sub refused
{
	my ($name, $what, $expected, %environment) = @_;
	my ($answer, $log, @requests) = invoke($name, %environment);
	ok(exists $answer->{errorType}, "$what: the invocation fails, and so is tried again by Lambda");
	like($log, $expected, "$what: the log says why, and what to do");
	is(scalar @requests, 0, "$what: no request arrives");
	return;
}

my %right = (AWS_CA_BUNDLE => $tls->authority('right'));
accepted('good', 'the right authority', AWS_ENDPOINT_URL => $tls->endpoint('good'), %right);
refused('unnamed', 'an authority that is not named', qr/certificate.*to trust it, name its authority's file \(PEM\) in ca_bundle or AWS_CA_BUNDLE/,
	AWS_ENDPOINT_URL => $tls->endpoint('good'));
refused('wrong', 'the wrong authority', qr/certificate.*AWS_CA_BUNDLE/, AWS_ENDPOINT_URL => $tls->endpoint('good'), AWS_CA_BUNDLE => $tls->authority('wrong'));
for my $case (
	[ 'impostor', 'a certificate of another authority', qr/certificate.*AWS_CA_BUNDLE/ ],
	[ 'lonely', 'a certificate signed by itself', qr/self.signed.*AWS_CA_BUNDLE/ ],
	[ 'expired', 'an expired certificate', qr/expired.*renew the server's certificate, or correct this machine's clock/ ],
	[ 'early', 'a certificate that is not yet valid', qr/not yet valid.*correct this machine's clock/ ],
	[ 'other', q{another host's certificate}, qr/the certificate is not this host's: check the endpoint's name/ ],
	[ 'old', 'TLS 1.1', qr/the server must speak TLS 1\.2 or later/ ],
	[ 'plain', 'a server without TLS', qr/the server must speak TLS 1\.2 or later/ ])
{
	my ($kind, $what, $expected) = @$case;
	refused($kind, $what, $expected, AWS_ENDPOINT_URL => $tls->endpoint($kind), %right);
}

# Without a way to tell whom to trust, the function does not start.
my $log = "$ENV{TESTDATADIR}/none.log";
my $pid = $lab->start_function('none', $log, QUEUE_URL => $queue, AWS_CA_BUNDLE => '/does/not/exist.pem');
waitpid $pid, 0;
isnt($?, 0, 'with a file of authorities that is not there the function does not start');
open my $file, '<', $log or die "$log: $!";
like(join('', <$file>), qr/exist\.pem.*AWS_CA_BUNDLE.*cannot be read/, '... and says which file it is');

done_testing;
