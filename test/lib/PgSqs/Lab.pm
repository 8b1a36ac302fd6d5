# PgSqs::Lab: one awslab and the Lambda functions that run against it.
#
#   my $lab = PgSqs::Lab->start(journal => $file);
#   my $queue = $lab->create_queue('transactions.fifo');
#   my $function = $lab->start_function('s3_to_sqs', QUEUE_URL => $queue, ...);
#   $lab->advance(360);
#
# Everything it starts ends with the object, or with this process.
package PgSqs::Lab;

use strict;
use warnings;
use parent 'PgSqs::Aws';

use Carp;
use IO::Handle;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;

sub start
{
	my ($class, %options) = @_;
	my $program = $ENV{PG_SQS_AWSLAB} // "$ENV{PG_SQS_STAGE}/bin/awslab";
	my @arguments = ('--parent', $$);
	push @arguments, '--journal', $options{journal} if $options{journal};
	push @arguments, '--port', $options{port} if $options{port};
	push @arguments, @{ $options{arguments} // [] };

	pipe(my $reader, my $writer) or croak "pipe: $!";
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>&', $writer;
		exec $program, @arguments or POSIX::_exit(127);
	}
	close $writer;
	my $line = <$reader> // '';
	my ($endpoint) = $line =~ m{^ready (http://\S+)} or croak "awslab did not start: $line";
	my $self = $class->PgSqs::Aws::new(
		endpoint => $endpoint,
		access_key => 'AKIDEXAMPLE',
		secret_key => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
		owner => $$,
		pid => $pid,
		stdout => $reader,
		journal => $options{journal},
		functions => []);
	return $self;
}

sub endpoint { return $_[0]{endpoint} }
sub address { return $_[0]{endpoint} =~ s{^http://}{}r }

# A control call of the lab.
sub control
{
	my ($self, $method, $path, $body) = @_;
	my $answer = $self->{http}->request($method, "$self->{endpoint}/_lab/$path",
		defined $body ? { content => $json->encode($body) } : {});
	croak "lab $method $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return length $answer->{content} ? eval { $json->decode($answer->{content}) } : undef;
}

sub advance { my ($self, $seconds) = @_; return $self->control(POST => 'clock', { advance_seconds => $seconds }) }
sub fault { my ($self, %fault) = @_; return $self->control(POST => 'faults', \%fault) }
sub clear_faults { return $_[0]->control(DELETE => 'faults') }
sub stats { return $_[0]->control(GET => 'stats') }

# A FIFO queue; returns its URL.
sub create_queue
{
	my ($self, $name, %attributes) = @_;
	return $self->sqs(CreateQueue => { QueueName => $name,
			Attributes => { ($name =~ /\.fifo$/ ? (FifoQueue => 'true') : ()), %attributes } })->{QueueUrl};
}

# Send messages: [group, dedup id, body, attributes hash], in tens.
sub send_messages
{
	my ($self, $queue_url, @messages) = @_;
	while (my @batch = splice @messages, 0, 10)
	{
		my $id = 0;
		my @entries = map {
			my ($group, $dedup, $body, $attributes) = @$_;
			{ Id => '' . $id++, MessageBody => $body, MessageGroupId => "$group", MessageDeduplicationId => "$dedup",
				($attributes ? (MessageAttributes => { map { $_ => { DataType => 'String', StringValue => $attributes->{$_} } } keys %$attributes }) : ()) }
		} @batch;
		my $answer = $self->sqs(SendMessageBatch => { QueueUrl => $queue_url, Entries => \@entries });
		croak 'not all sent: ' . $json->encode($answer->{Failed}) if @{ $answer->{Failed} // [] };
	}
}

# What is on a queue: (visible, in flight).
sub queue_depth
{
	my ($self, $queue_url) = @_;
	my $attributes = $self->sqs(GetQueueAttributes => { QueueUrl => $queue_url, AttributeNames => ['All'] })->{Attributes};
	return ($attributes->{ApproximateNumberOfMessages}, $attributes->{ApproximateNumberOfMessagesNotVisible});
}

# The journal so far, as a list of hashes.
sub journal
{
	my ($self) = @_;
	open my $file, '<', $self->{journal} or croak "journal: $!";
	my @lines = map { eval { $json->decode($_) } // () } <$file>;
	return @lines;
}

# The journal lines that came since the last call, or those of one event.
sub journal_news
{
	my ($self, $event) = @_;
	my $wanted = defined $event ? qr/"event":"\Q$event\E"/ : qr/^/;
	open my $file, '<', $self->{journal} or croak "journal: $!";
	seek $file, $self->{journal_read} // 0, 0;
	local $/;
	my $text = <$file> // '';
	$text =~ s/[^\n]*\z//;
	$self->{journal_read} += length $text;
	return map { eval { $json->decode($_) } // () } grep { $_ =~ $wanted } split /\n/, $text;
}

# Run a Lambda function's program against the lab; its log goes to $log. The
# program is s3_to_sqs unless "program" gives the path of another.
sub start_function
{
	my ($self, $name, $log, %environment) = @_;
	my $program = delete $environment{program} // $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
	my $pid = fork() // croak "fork: $!";
	if ($pid == 0)
	{
		%ENV = (
			PATH => '/nonexistent',
			AWS_LAMBDA_RUNTIME_API => $self->address . "/runtime/$name",
			AWS_LAMBDA_FUNCTION_NAME => $name,
			AWS_REGION => $self->{region},
			AWS_ACCESS_KEY_ID => $self->{access_key},
			AWS_SECRET_ACCESS_KEY => $self->{secret_key},
			AWS_ENDPOINT_URL => $self->endpoint,
			%environment);
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		exec $program or POSIX::_exit(127);
	}
	push @{ $self->{functions} }, $pid;
	return $pid;
}

sub stop_process
{
	my ($pid) = @_;
	return unless kill 0, $pid;
	kill 'TERM', $pid;
	for (1 .. 50)
	{
		return if waitpid($pid, POSIX::WNOHANG()) != 0;
		sleep 0.02;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

sub stop
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	local $?;
	stop_process($_) for splice @{ $self->{functions} };
	stop_process(delete $self->{pid}) if $self->{pid};
	return;
}

sub DESTROY { $_[0]->stop; return }

1;
