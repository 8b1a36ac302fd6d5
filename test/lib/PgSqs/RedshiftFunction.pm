# PgSqs::RedshiftFunction: sqs_to_redshift as a Lambda function before the
# PostgreSQL that stands in for Redshift.
#
#   my $f = PgSqs::RedshiftFunction->new('name', on_reject => 'fail');   # members of the configuration
#   $f->start;                                             # its process
#   my $answer = $f->invoke($f->record('m1', 'g1', { id => 'a', v => 1 }), ...);
#   is_deeply($f->left($answer), ['m2']);
#   $f->sql('SELECT ...'); $f->log_lines; $f->rejects;
#
# The table is public.t (id, v, amount, note) with the key id and the version
# v, unless the configuration says otherwise.
package PgSqs::RedshiftFunction;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use JSON::PP;
use PgSqs::Redshift;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;
my $program = $ENV{PG_SQS_SQS_TO_REDSHIFT} // "$ENV{PG_SQS_STAGE}/bin/sqs_to_redshift";

sub new
{
	my ($class, $name, %config) = @_;
	my $redshift = PgSqs::Redshift->new($name);
	my $lab = $redshift->start_lab(journal => "$ENV{TESTDATADIR}/$name.ndjson", arguments => [ '--allow-run' ]);
	my $self = bless {
		redshift => $redshift, lab => $lab, name => 'sqs_to_redshift', log => "$ENV{TESTDATADIR}/$name.log", file => "$ENV{TESTDATADIR}/$name.json",
		config => {
			table => 'public.t', key => ['id'], version => 'v', reject => 's3://bucket/rejected/', stage => 's3://bucket/stage/',
			columns => [ { name => 'id', type => 'varchar(16)', not_null => JSON::PP::true }, { name => 'v', type => 'integer', default => 1 },
				{ name => 'amount', type => 'decimal(18,2)' }, { name => 'note', type => 'varchar(max)' } ],
			%config
		}
	}, $class;
	$lab->s3(PUT => 'bucket', undef);
	$lab->control(PUT => "functions/$self->{name}", { timeout_seconds => 5 });
	$self->write_config;
	$self->make_tables;
	return $self;
}

sub lab { return $_[0]{lab} }
sub redshift { return $_[0]{redshift} }
sub sql { my ($self, $query) = @_; return $self->{redshift}->sql($query) }
sub program { return $program }

sub write_config
{
	my ($self, %more) = @_;
	$self->{config}{$_} = $more{$_} for keys %more;
	open my $out, '>:raw', $self->{file} or die "$self->{file}: $!";
	print $out $json->encode($self->{config});
	close $out;
	return;
}

# Through the Data API, as an administrator would do it.
sub make_tables
{
	my ($self) = @_;
	for (grep { /\S/ } split /;\n/, qx{$program ddl $self->{file}})
	{
		my $made = $self->{redshift}->run($_);
		die "$made->{Error}\n" unless $made->{Status} eq 'FINISHED';
	}
	return;
}

# The process, known to the lab, so that it can be frozen and killed at its deadline.
sub start
{
	my ($self, %environment) = @_;
	my $timeout = delete $environment{timeout} // 5;
	my $freeze = delete $environment{freeze};
	$self->{pid} = $self->{lab}->start_function($self->{name}, $self->{log}, program => $program, SQS_TO_REDSHIFT_CONFIG => $self->{file}, %environment);
	$self->{lab}->control(PUT => "functions/$self->{name}", { timeout_seconds => $timeout, pid => $self->{pid},
			defined $freeze ? (freeze => $freeze ? JSON::PP::true : JSON::PP::false) : () });
	return $self->{pid};
}

# A record of an event: its body may be a hash, or text in characters.
sub record
{
	my ($self, $id, $group, $body, %more) = @_;
	my $text = ref $body ? $json->encode($body) : encode_utf8($body // '');
	my $n = ++$self->{sequence};
	my $md5 = md5_hex($text);
	my $dedup = delete $more{dedup} // "d-$id";
	return {
		messageId => $id, receiptHandle => "handle-$id", body => Encode::decode_utf8($text), md5OfBody => $md5,
		attributes => { ApproximateReceiveCount => '1', SentTimestamp => '1767323045000', SequenceNumber => sprintf('188%017d', $n),
			MessageGroupId => $group, MessageDeduplicationId => $dedup, SenderId => 'x', ApproximateFirstReceiveTimestamp => '1767323045000' },
		messageAttributes => {}, eventSource => 'aws:sqs', awsRegion => $self->{lab}{region},
		eventSourceARN => "arn:aws:sqs:$self->{lab}{region}:123456789012:q.fifo", %more
	};
}

# Invoke the function with an event of these records and wait; the answer, or
# what failed: { errorType, errorMessage }.
sub invoke
{
	my ($self, @records) = @_;
	return $self->invoke_event({ Records => [@records] });
}

sub invoke_event
{
	my ($self, $event) = @_;
	my $answer = $self->{lab}->request('lambda', 'POST', "/2015-03-31/functions/$self->{name}/invocations", content => ref $event ? $json->encode($event) : $event);
	return eval { $json->decode($answer->{content}) } // { text => $answer->{content} };
}

# The ids that an answer leaves in the queue.
sub left { my ($self, $answer) = @_; return [ map { $_->{itemIdentifier} } @{ $answer->{batchItemFailures} // ['none told'] } ] }

# The log's lines that are JSON: with a message the function's own.
sub log_lines
{
	my ($self) = @_;
	open my $in, '<:raw', $self->{log} or return;
	return map { eval { $json->decode($_) } // () } <$in>;
}
sub metrics { my ($self) = @_; return grep { $_->{_aws} } $self->log_lines }
sub told { my ($self) = @_; return grep { $_->{message} } $self->log_lines }

# What lies in the reject location.
sub rejects
{
	my ($self) = @_;
	return map { $json->decode($self->{lab}->s3(GET => 'bucket', $_)->{content}) } $self->{lab}->s3_keys('bucket', 'rejected/');
}

# A queue that triggers the function; its URL.
sub map_queue
{
	my ($self, $name, %attributes) = @_;
	my $url = $self->{lab}->create_queue($name, %attributes);
	my $made = $self->{lab}->request('lambda', 'POST', '/2015-03-31/event-source-mappings', content => $json->encode({
		FunctionName => $self->{name}, EventSourceArn => "arn:aws:sqs:$self->{lab}{region}:123456789012:$name", BatchSize => 10,
		FunctionResponseTypes => ['ReportBatchItemFailures'], ScalingConfig => { MaximumConcurrency => 2 } }));
	die "mapping: $made->{status} $made->{content}\n" unless $made->{success};
	return $url;
}

sub wait_until
{
	my ($self, $name, $code) = @_;
	my $end = time + 90;
	while (time < $end) { return 1 if $code->(); sleep 0.05 }
	Test::More::fail("waiting until $name");
	return 0;
}

sub stop { my ($self) = @_; $self->{redshift}->stop; return }

1;
