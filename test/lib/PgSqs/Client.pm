# PgSqs::Client: a program around the AWS client that does what its standard
# input says, one answer a command, and tells what the client notices.
#
#   my $client = PgSqs::Client->start([ $program, 'default', $queue ], AWS_REGION => 'eu-west-1');
#   is($client->call, 'ok', 'a call');
#   is(scalar $client->news, 1, 'one notice');
package PgSqs::Client;

use strict;
use warnings;

use IPC::Open2;

# With that environment and no other.
sub start
{
	my ($class, $command, %environment) = @_;
	local %ENV = %environment;
	my $pid = open2(my $out, my $in, @$command);
	return bless { pid => $pid, in => $in, out => $out, notices => [] }, $class;
}

sub ask
{
	my ($self, $command) = @_;
	print { $self->{in} } "$command\n";
	$self->{in}->flush;
	while (defined(my $line = readline $self->{out}))
	{
		chomp $line;
		return $line unless $line =~ s/^notice //;
		push @{ $self->{notices} }, $line;
	}
	return 'the client has ended';
}

sub call { return $_[0]->ask('call') }

# What was noticed since the last time.
sub news { my @news = splice @{ $_[0]{notices} }; return @news }

sub stop { my ($self) = @_; close $self->{in}; close $self->{out}; waitpid $self->{pid}, 0; return $? }

1;
