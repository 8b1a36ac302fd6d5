# PgSqs::Psql: one psql session, spoken to through pipes.
#
#   my $sql = PgSqs::Psql->new(host => $socket_folder, dbname => 'postgres');
#   my $text = $sql->query('SELECT 1');          # unaligned, tuples only
#   $sql->send('SELECT slow()'); ... $sql->ready(0.1); my $text = $sql->answer;
package PgSqs::Psql;

use strict;
use warnings;

use Carp;
use IPC::Open2;
use IO::Select;

my $marker = '=== end of answer ===';

sub new
{
	my ($class, %options) = @_;
	local $ENV{PGHOST} = $options{host};
	local $ENV{PGDATABASE} = $options{dbname} // 'postgres';
	local $ENV{PGUSER} = $options{user} // 'postgres';
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my $pid = open2(my $out, my $in, 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=0', '-f', '-');
	$in->autoflush(1);
	return bless { pid => $pid, in => $in, out => $out, buffer => '' }, $class;
}

# Send statements without waiting.
sub send
{
	my ($self, $statements) = @_;
	print { $self->{in} } $statements, ";\n\\echo $marker\n";
	return;
}

# Is the answer there within so many seconds?
sub ready
{
	my ($self, $seconds) = @_;
	return 1 if $self->{buffer} =~ /^\Q$marker\E\n/m;
	return 0 unless IO::Select->new($self->{out})->can_read($seconds);
	sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or croak 'psql ended';
	return $self->{buffer} =~ /^\Q$marker\E\n/m;
}

# Wait for the answer.
sub answer
{
	my ($self) = @_;
	1 until $self->ready(1);
	$self->{buffer} =~ s/\A(.*?)^\Q$marker\E\n//ms;
	my $text = $1;
	chomp $text;
	return $text;
}

sub query { my ($self, $statements) = @_; $self->send($statements); return $self->answer }

sub DESTROY
{
	my ($self) = @_;
	local $?;
	close $self->{in};
	close $self->{out};
	waitpid $self->{pid}, 0;
	return;
}

1;
