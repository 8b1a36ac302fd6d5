# PgSqs::Load: sqs_to_redshift between a queue of the lab and the PostgreSQL
# that stands in for Redshift.
#
#   my $load = PgSqs::Load->new('name');
#   my $pid = $load->start_daemon;                 # or start_function
#   $load->send([ group, dedup id, { id => 1, note => 'x' } ], ...);
#   $load->wait_until('all is loaded', sub { $load->count == 1 });
#
# The target is public.t (g, id, note, amount), without a key unless one is
# asked for; beside what the program knows it has n, in which order rows came
# to be, and tx, in which transaction.  Stage and rejects are prefixes of the
# bucket "load".
package PgSqs::Load;

use strict;
use warnings;

use JSON::PP;
use PgSqs::Lab;
use PgSqs::Redshift;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;

# Options: queue (attributes), lab (arguments), config (members of the document).
sub new
{
	my ($class, $name, %options) = @_;
	my $redshift = PgSqs::Redshift->new($name);
	my $lab = $redshift->start_lab(journal => "$ENV{TESTDATADIR}/$name.ndjson", arguments => $options{lab} // []);
	my $self = bless { redshift => $redshift, lab => $lab, name => $name, log => "$ENV{TESTDATADIR}/$name.log", daemons => [] }, $class;

	$self->{queue} = $lab->create_queue('q.fifo', VisibilityTimeout => '30', %{ $options{queue} // {} });
	$lab->s3(PUT => 'load', undef);
	$self->{config} = {
		table => 'public.t',
		columns => [
			{ name => 'g', type => 'varchar(40)', not_null => JSON::PP::true }, { name => 'id', type => 'integer', not_null => JSON::PP::true },
			{ name => 'note', type => 'varchar(20)' }, { name => 'amount', type => 'decimal(12,2)' } ],
		ledger => 'public.sqs_ledger', subscription => 's', workgroup => 'default', database => 'dev',
		stage => 's3://load/stage/', reject => 's3://load/rejects/', iam_role => 'default',
		poll => { max_age_seconds => 1, visibility_seconds => 30, receives => 3 },
		%{ $options{config} // {} } };
	$self->make_tables;
	return $self;
}

# amount is narrower than the configuration says, so that SQL finds fault with
# a value that is well by all that is known before.
sub make_tables
{
	my ($self) = @_;
	$self->{redshift}->sql(q{
		CREATE TABLE public.t (g varchar(40) NOT NULL, id integer NOT NULL, note varchar(20), amount numeric(6,2),
			n bigserial, tx bigint DEFAULT txid_current());
		CREATE TABLE public.sqs_ledger (subscription varchar(63) NOT NULL, dedup_key varchar(512) NOT NULL, content_hash char(64) NOT NULL,
			message_id varchar(128), sequence_number varchar(40), source varchar(4096), applied_at timestamptz NOT NULL DEFAULT now())});
	return;
}

sub sql { my ($self, $query) = @_; return $self->{redshift}->sql($query) }
sub count { return $_[0]->sql('SELECT count(*) FROM t') }
sub rows { return $_[0]->sql('SELECT g, id FROM t ORDER BY n') }
sub depth { my ($self) = @_; return join ' ', $self->{lab}->queue_depth($self->{queue}) }
sub stage { my ($self) = @_; return $self->{lab}->s3_keys('load', 'stage/') }

# The rejects, by message id.
sub rejects
{
	my ($self) = @_;
	return map { $_->{messageId} => $_ } map { $json->decode($self->{lab}->s3(GET => 'load', $_)->{content}) } $self->{lab}->s3_keys('load', 'rejects/');
}

# [group, dedup id, { id, note, ... }]
sub send
{
	my ($self, @messages) = @_;
	$self->{lab}->send_messages($self->{queue}, map { [ $_->[0], $_->[1], $json->encode({ g => $_->[0], %{ $_->[2] } }) ] } @messages);
	return;
}

# So many messages, from id 0 on, ten of each group, by the other function: it
# is faster than we are.  Returns its status.
sub send_many
{
	my ($self, $count) = @_;
	my $lab = $self->{lab};
	my $digits = length $count;
	my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
	$lab->s3(PUT => 'source', undef);
	$lab->control(PUT => 'objects/source/in/all.json', { line => '{"n": "' . '#' x $digits . '"}', repeat => $count });
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		%ENV = ($self->environment, QUEUE_URL => $self->{queue}, REJECT_URL => 's3://source/rejected/',
			JQ_PROGRAM => '(.n | tonumber - 1) as $n | ($n / 10 | floor) as $g | {transaction_id: "g\($g)", g: "g\($g)", id: $n, note: "note \(.n)", amount: 7.50}');
		open STDOUT, '>>', $self->{log};
		open STDERR, '>>', $self->{log};
		exec $program, 's3://source/in/' or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	return $?;
}

sub environment
{
	my ($self) = @_;
	my $lab = $self->{lab};
	return (
		PATH => '/nonexistent', AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key},
		AWS_SECRET_ACCESS_KEY => $lab->{secret_key}, AWS_ENDPOINT_URL => $lab->endpoint,
		SQS_TO_REDSHIFT_CONFIG => $json->encode($self->{config}));
}

sub run_program
{
	my ($self, $environment, @arguments) = @_;
	my $program = $ENV{PG_SQS_SQS_TO_REDSHIFT} // "$ENV{PG_SQS_STAGE}/bin/sqs_to_redshift";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		%ENV = ($self->environment, %$environment);
		open STDOUT, '>>', $self->{log};
		open STDERR, '>>', $self->{log};
		exec $program, @arguments or POSIX::_exit(127);
	}
	push @{ $self->{lab}{functions} }, $pid;
	return $pid;
}

sub start_daemon
{
	my ($self, %environment) = @_;
	return $self->run_program(\%environment, '--poll', $self->{queue});
}

# The function, with the queue as its event source.
sub start_function
{
	my ($self, %environment) = @_;
	my $lab = $self->{lab};
	my $pid = $self->run_program({ AWS_LAMBDA_RUNTIME_API => $lab->address . '/runtime/f', AWS_LAMBDA_FUNCTION_NAME => 'f', %environment });
	$lab->control(PUT => 'functions/f', { timeout_seconds => 20, pid => $pid });
	return $pid if $self->{mapped}++;
	my $made = $lab->request('lambda', 'POST', '/2015-03-31/event-source-mappings', content => $json->encode({
		FunctionName => 'f', EventSourceArn => "arn:aws:sqs:$lab->{region}:123456789012:q.fifo", BatchSize => 10,
		FunctionResponseTypes => ['ReportBatchItemFailures'] }));
	die "mapping: $made->{status} $made->{content}" unless $made->{status} =~ /^20/;
	return $pid;
}

# SIGTERM: the status, and the seconds it took.
sub stop
{
	my ($self, $pid) = @_;
	my $began = time;
	kill TERM => $pid;
	waitpid $pid, 0;
	return ($? >> 8 || $? & 127, time - $began);
}

sub kill_hard { my ($self, $pid) = @_; kill KILL => $pid; waitpid $pid, 0; return }

sub log_text { my ($self) = @_; open my $in, '<', $self->{log} or return ''; local $/; return scalar <$in> // '' }

# Lines of the journal; only those are decoded, for there may be many.
sub events
{
	my ($self, $event) = @_;
	open my $in, '<', $self->{lab}{journal} or return;
	return map { eval { $json->decode($_) } // () } grep { index($_, qq("event":"$event")) >= 0 } <$in>;
}

sub requests { my ($self, $action) = @_; return $self->{lab}->stats->{counts}{$action}{requests} // 0 }

sub wait_until
{
	my ($self, $name, $code, $seconds) = @_;
	my $end = time + ($seconds // 60);
	while (time < $end) { return 1 if $code->(); sleep 0.05; }
	fail("waiting until $name");
	diag(join '', grep { defined } (split /^/, $self->log_text)[ -8 .. -1 ]);
	return 0;
}

# Everything of these was loaded once, and the queue is empty.
sub loaded_once
{
	my ($self, $ids, $name) = @_;
	my $wanted = join ',', sort { $a <=> $b } @$ids;
	my $got = '';
	$self->wait_until("$name: the queue is empty", sub { $self->depth eq '0 0' });
	return is($self->sql(q{SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM t}), $wanted, $name);
}

# Ids grow within each group, so an order that was lost shows.
sub in_order
{
	my ($self, $name) = @_;
	return is($self->sql('SELECT count(*) FROM (SELECT tx, lag(tx) OVER (PARTITION BY g ORDER BY id) AS before FROM t) x WHERE before > tx'),
		'0', $name // 'order within each group held');
}

sub finish
{
	my ($self) = @_;
	$self->{redshift}->stop;
	return;
}

1;
