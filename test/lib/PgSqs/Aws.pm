# PgSqs::Aws: signed requests to S3 and SQS, with nothing but core Perl.
#
# The demo and the TAP tests put objects and read queues through it, so that
# they neither need an SDK nor use the code under test.
#
#   my $aws = PgSqs::Aws->new(endpoint => 'http://127.0.0.1:9000', region => 'eu-west-1',
#                             access_key => '...', secret_key => '...');
#   my $answer = $aws->s3('PUT', 'bucket', 'a key', content => $bytes);
#   my $hash = $aws->sqs('SendMessage', { QueueUrl => ..., ... });
package PgSqs::Aws;

use strict;
use warnings;

use Carp;
use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Encode qw(encode_utf8);
use HTTP::Tiny;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use JSON::PP;
use POSIX qw(strftime);

my $json = JSON::PP->new->utf8->canonical;

sub new
{
	my ($class, %options) = @_;
	return bless {
		region => 'eu-west-1',
		http => HTTP::Tiny->new(timeout => 60, keep_alive => 1),
		%options
	}, $class;
}

# Percent-encode bytes; '/' stays when $keep_slash.
sub uri_encode
{
	my ($bytes, $keep_slash) = @_;
	my $safe = $keep_slash ? 'A-Za-z0-9\-_.~/' : 'A-Za-z0-9\-_.~';
	$bytes =~ s/([^$safe])/sprintf('%%%02X', ord($1))/ge;
	return $bytes;
}

# One signed request; returns HTTP::Tiny's answer.  Path and query values are
# bytes, not yet encoded.
sub request
{
	my ($self, $service, $method, $path, %options) = @_;
	my $content = $options{content} // '';
	my %query = %{ $options{query} // {} };
	my $query = join '&',
	  map { uri_encode($_) . '=' . uri_encode($query{$_}) } sort keys %query;
	my $encoded_path = uri_encode($path, 1);
	my ($host) = $self->{endpoint} =~ m{^https?://([^/]+)} or croak 'bad endpoint';
	my $stamp = strftime('%Y%m%dT%H%M%SZ', gmtime);
	my $date = substr $stamp, 0, 8;
	my $hash = sha256_hex($content);
	my %headers = map { lc $_ => $options{headers}{$_} } keys %{ $options{headers} // {} };

	$headers{'x-amz-date'} = $stamp;
	$headers{'x-amz-content-sha256'} = $hash if $service eq 's3';
	my %signed = (%headers, host => $host);
	my $names = join ';', sort keys %signed;
	my $canonical = join "\n", $method, $encoded_path, $query,
	  (map { "$_:$signed{$_}" } sort keys %signed), '', $names, $hash;
	my $scope = "$date/$self->{region}/$service/aws4_request";
	my $to_sign = join "\n", 'AWS4-HMAC-SHA256', $stamp, $scope, sha256_hex($canonical);
	my $key = 'AWS4' . $self->{secret_key};
	$key = hmac_sha256($_, $key) for $date, $self->{region}, $service, 'aws4_request';
	$headers{authorization} =
	  "AWS4-HMAC-SHA256 Credential=$self->{access_key}/$scope, SignedHeaders=$names, Signature="
	  . hmac_sha256_hex($to_sign, $key);

	my $answer = $self->{http}->request($method,
		$self->{endpoint} . $encoded_path . ($query eq '' ? '' : "?$query"),
		{ headers => \%headers, ($method =~ /^(PUT|POST)$/ ? (content => $content) : ()) });
	$self->send_at_once;
	return $answer;
}

# HTTP::Tiny writes head and body apart; without this option the body of
# every request on a kept connection would wait 40 ms for an acknowledgement.
sub send_at_once
{
	my ($self) = @_;
	my $handle = $self->{http}{handle} or return;	# there is none after a lost connection
	setsockopt($handle->{fh}, IPPROTO_TCP, TCP_NODELAY, 1);
	return;
}

# An S3 request; the key is bytes.  Croaks unless the status is 2xx or
# allowed by "status".
sub s3
{
	my ($self, $method, $bucket, $key, %options) = @_;
	my $answer = $self->request('s3', $method, "/$bucket" . (defined $key ? "/$key" : ''), %options);
	croak "S3 $method $bucket: $answer->{status} $answer->{content}"
	  unless $answer->{success} || ($options{status} // 0) == $answer->{status};
	return $answer;
}

# Route the creation of objects under a prefix to a function.
sub s3_notify
{
	my ($self, $bucket, $function_arn, $prefix) = @_;
	my $xml = '<NotificationConfiguration><CloudFunctionConfiguration><Id>pg_sqs</Id>'
	  . "<CloudFunction>$function_arn</CloudFunction><Event>s3:ObjectCreated:*</Event>"
	  . "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>$prefix</Value></FilterRule></S3Key></Filter>"
	  . '</CloudFunctionConfiguration></NotificationConfiguration>';
	return $self->s3('PUT', $bucket, undef, query => { notification => '' }, content => $xml);
}

# The keys under a prefix, as bytes.
sub s3_keys
{
	my ($self, $bucket, $prefix) = @_;
	my $answer = $self->s3('GET', $bucket, undef,
		query => { 'list-type' => 2, prefix => $prefix, 'encoding-type' => 'url' });
	my @keys = $answer->{content} =~ m{<Key>(.*?)</Key>}g;
	for (@keys) { s/\+/ /g; s/%([0-9A-Fa-f]{2})/chr hex $1/ge; }
	return @keys;
}

# An SQS call; returns the decoded answer.  Croaks on an error answer unless
# allow_error, which then is returned as { error => code, status => ... }.
sub sqs
{
	my ($self, $action, $parameters, %options) = @_;
	my $answer = $self->request('sqs', 'POST', '/',
		content => $json->encode($parameters),
		headers => {
			'Content-Type' => 'application/x-amz-json-1.0',
			'X-Amz-Target' => "AmazonSQS.$action"
		});
	my $content = length $answer->{content} ? eval { $json->decode($answer->{content}) } : {};
	return $content // {} if $answer->{success};
	croak "SQS $action: $answer->{status} $answer->{content}" unless $options{allow_error};
	my $type = ($content // {})->{__type} // '';
	$type =~ s/.*#//;
	return { error => $type, status => $answer->{status} };
}

1;
