# PgSqs::Redshift: the PostgreSQL that stands in for Redshift, and the lab's
# Data API before it.
#
#   my $redshift = PgSqs::Redshift->new('name');
#   my $lab = $redshift->start_lab(journal => $file);      # a PgSqs::Lab
#   my $t = PgSqs::Test->new('name', lab => { arguments => [ $redshift->arguments ] });
#   $redshift->lab($t->{lab});                             # or: one that runs already
#
#   $redshift->sql('SELECT count(*) FROM transactions');   # by psql, not through the lab
#   my $description = $redshift->run('CREATE TABLE ...', 'INSERT ...');   # through the Data API, to its end
#   $redshift->control(fail => { times => 1 });            # see test/lab/README.md
#
# The server is one of its own, without pg_sqs, database "dev", user postgres.
package PgSqs::Redshift;

use strict;
use warnings;

use Carp;
use Encode ();
use JSON::PP;
use PgSqs::Lab;
use PostgreSQL::Test::Cluster;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;

sub new
{
	my ($class, $name, %options) = @_;
	$ENV{PGUSER} = 'postgres';
	my $node = PostgreSQL::Test::Cluster->new("${name}_redshift");
	$node->init(extra => [ '--username', 'postgres', '--encoding', 'UTF8', '--locale', 'C' ]);
	$node->append_conf('postgresql.conf', "max_connections = 100\nfsync = off\n" . ($options{conf} // ''));
	$node->start;
	return bless { node => $node, database => 'dev', workgroup => 'default' }, $class;
}

sub conninfo { my ($self) = @_; return "host=$self->{node}{_host} port=$self->{node}{_port} user=postgres dbname=$self->{database}" }

# What the lab is to be started with.
sub arguments { my ($self) = @_; return ('--redshift', $self->conninfo) }

sub start_lab
{
	my ($self, %options) = @_;
	push @{ $options{arguments} }, $self->arguments;
	return $self->{lab} = PgSqs::Lab->start(%options);
}

# The lab before it; gives one that was started with its arguments.
sub lab { my ($self, $lab) = @_; $self->{lab} = $lab if $lab; return $self->{lab} }

# What a process needs to know, besides what a Lambda function is told anyway.
sub place { my ($self) = @_; return (WorkgroupName => $self->{workgroup}, Database => $self->{database}) }

sub control { my ($self, %settings) = @_; return $self->{lab}->control(PUT => 'redshift', \%settings) }

# SQL in PostgreSQL's dialect and beside the lab, characters in and out.
sub sql
{
	my ($self, $query) = @_;
	local $ENV{PGCLIENTENCODING} = 'SQL_ASCII';
	return Encode::decode_utf8($self->{node}->safe_psql($self->{database}, Encode::encode_utf8($query)));
}

# One call of the Data API, of texts in characters; on an error answer returns
# { error => code, status => ..., message => ... }.
sub call
{
	my ($self, $action, $parameters) = @_;
	my $answer = $self->{lab}->request('redshift-data', 'POST', '/',
		content => $json->encode($parameters),
		headers => { 'Content-Type' => 'application/x-amz-json-1.1', 'X-Amz-Target' => "RedshiftData.$action" });
	my $content = eval { $json->decode($answer->{content}) } // {};
	return $content if $answer->{success};
	return { error => $content->{__type}, status => $answer->{status}, message => $content->{Message} // $content->{message} };
}

# Submit one statement, or several as one transaction; returns the id.
sub submit
{
	my ($self, $sqls, %more) = @_;
	my $answer = ref $sqls ? $self->call(BatchExecuteStatement => { $self->place, Sqls => $sqls, %more }) :
	  $self->call(ExecuteStatement => { $self->place, Sql => $sqls, %more });
	croak "submit: $answer->{error} $answer->{message}" unless $answer->{Id};
	return $answer->{Id};
}

sub describe { my ($self, $id) = @_; return $self->call(DescribeStatement => { Id => $id }) }

# Poll until a statement has one of the statuses, by default an end; returns its description.
sub wait_for
{
	my ($self, $id, $statuses) = @_;
	my $end = time + 60;
	while (time < $end)
	{
		my $description = $self->describe($id);
		return $description if $description->{Status} =~ ($statuses // qr/^(FINISHED|FAILED|ABORTED)$/);
		sleep 0.02;
	}
	croak "statement $id did not reach its state";
}

# All of them as one transaction, or one alone, to the end; returns the description.
sub run { my ($self, @sqls) = @_; return $self->wait_for($self->submit(@sqls > 1 ? \@sqls : $sqls[0])) }

# The rows of a result, all pages: lists of values, undef where null.
sub rows
{
	my ($self, $id) = @_;
	my (@rows, $next);
	do
	{
		my $page = $self->call(GetStatementResult => { Id => $id, $next ? (NextToken => $next) : () });
		croak "rows: $page->{error} $page->{message}" if $page->{error};
		push @rows, map { [ map { $_->{isNull} ? undef : (values %$_)[0] } @$_ ] } @{ $page->{Records} };
		$next = $page->{NextToken};
	} while ($next);
	return @rows;
}

sub stop
{
	my ($self) = @_;
	$self->{lab}->stop if $self->{lab};
	$self->{node}->stop;
	return;
}

1;
