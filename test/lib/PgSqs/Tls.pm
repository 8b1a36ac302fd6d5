# PgSqs::Tls: TLS in front of the lab, with certificates of every kind.
#
#   my $tls = PgSqs::Tls->new($lab->address);
#   my $endpoint = $tls->endpoint('good');    # https://127.0.0.1:PORT
#   my $file = $tls->authority('right');      # what ca_bundle names
#
# The kinds of servers: good; expired; early (not yet valid); other (another
# host's certificate); impostor (signed by an authority that nobody knows);
# lonely (signed by itself); old (speaks no TLS after 1.1); plain (no TLS at
# all).  The authorities: right; wrong, which has signed nothing of these.
#
# Each server starts when it is asked for, and ends with the object or with
# this process.
package PgSqs::Tls;

use strict;
use warnings;

use Carp;
use IPC::Open2;

my %kinds = (
	good => {},
	expired => { until => -1 },
	early => { from => 1 },
	other => { for => 'DNS:other.example' },
	impostor => { by => 'unknown' },
	lonely => { by => undef },
	old => { newest => '1.1' },
	plain => { plain => 1 });

sub tlsproxy { return "$ENV{PG_SQS_STAGE}/bin/tlsproxy" }

sub make
{
	my ($self, $file, @arguments) = @_;
	system(tlsproxy(), '--make', "$self->{folder}/$file", @arguments) == 0 or croak "no certificate $file";
	return;
}

# to: the address of the server behind, HOST:PORT
sub new
{
	my ($class, $to) = @_;
	my $folder = "$ENV{TESTDATADIR}/tls";
	mkdir $folder or -d $folder or croak "$folder: $!";
	my $self = bless { folder => $folder, to => $to, servers => {}, owner => $$ }, $class;
	$self->make($_, '--name', "the $_ authority") for qw(right wrong unknown);
	return $self;
}

sub authority { my ($self, $name) = @_; return "$self->{folder}/$name.pem" }

# Where the server of a kind listens.
sub endpoint
{
	my ($self, $kind) = @_;
	my $about = $kinds{$kind} // croak "no kind $kind";
	return "https://$self->{to}" if $about->{plain};
	if (!$self->{servers}{$kind})
	{
		my $by = exists $about->{by} ? $about->{by} : 'right';
		$self->make($kind, '--name', $kind, '--for', $about->{for} // 'IP:127.0.0.1', ($by ? ('--by', "$self->{folder}/$by") : ()),
			map { exists $about->{$_} ? ("--$_", $about->{$_}) : () } qw(from until));
		my $pid = open2(my $said, my $alive, tlsproxy(), '--listen', 0, '--to', $self->{to}, '--identity', "$self->{folder}/$kind",
			($about->{newest} ? ('--newest', $about->{newest}) : ()));
		my ($address) = (<$said> // '') =~ /^ready (\S+)/ or croak "tlsproxy did not start";
		$self->{servers}{$kind} = { pid => $pid, alive => $alive, said => $said, endpoint => "https://$address" };
	}
	return $self->{servers}{$kind}{endpoint};
}

sub stop
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	local $?;
	for my $server (values %{ delete $self->{servers} // {} })
	{
		close $server->{alive};
		waitpid $server->{pid}, 0;
	}
	return;
}

sub DESTROY { $_[0]->stop; return }

1;
