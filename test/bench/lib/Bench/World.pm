# Bench::World: a lab, a server with pg_sqs, and what measures need of both:
# SQL, queues that are filled in the lab, CPU time of a process.
#
#   my $world = Bench::World->new;
#   $world->sql('SELECT 1');
#   $world->prefill($queue, count => 1000, groups => 10, body => '...');
#
# Everything it starts ends with the object.  The server listens on a socket
# in its own folder, and the lab's keys are for the lab alone.
package Bench::World;

use strict;
use warnings;

use Carp;
use PgSqs::Lab;
use PgSqs::Psql;
use POSIX ();
use Time::HiRes qw(sleep time);

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# What differs from a fresh server's settings.  Nothing but what is measured
# may run beside it, so no autovacuum, and no checkpoint that WAL calls for.
my $conf = <<'CONF';
listen_addresses = ''
shared_preload_libraries = 'pg_sqs'
shared_buffers = 512MB
max_wal_size = 16GB
checkpoint_timeout = 1h
autovacuum = off
fsync = on
log_min_messages = warning
jit = off
CONF

sub new
{
	my ($class) = @_;
	my $folder = $ENV{TESTDATADIR} // croak 'TESTDATADIR is not set: run it by test/with_stage';
	my $self = bless { folder => $folder, owner => $$, numbers => 0 }, $class;
	$self->{lab} = PgSqs::Lab->start;
	$self->{lab}{http}{timeout} = 600;
	$self->start_server;
	$self->{psql} = $self->session;
	$self->install;
	return $self;
}

sub start_server
{
	my ($self) = @_;
	my $data = "$self->{folder}/data";
	system("initdb -D $data -U postgres -A trust -N --encoding UTF8 --locale C >$self->{folder}/initdb.log 2>&1") == 0
	  or croak 'initdb failed: ' . slurp("$self->{folder}/initdb.log");
	open my $file, '>>', "$data/postgresql.conf" or croak "postgresql.conf: $!";
	print $file $conf, "unix_socket_directories = '$self->{folder}'\n";
	close $file;
	$self->{server} = spawn("$self->{folder}/server.log", {}, 'postgres', '-D', $data);
	my $end = time + 60;
	until (system("pg_isready -q -h $self->{folder} -U postgres") == 0)
	{
		croak 'the server did not start: ' . slurp("$self->{folder}/server.log") if time > $end || !kill(0, $self->{server});
		sleep 0.05;
	}
	return;
}

# The extension, and who owns subscription and tables.
sub install
{
	my ($self) = @_;
	my $lab = $self->{lab};
	$self->sql(<<"SQL");
CREATE ROLE payments LOGIN;
CREATE EXTENSION pg_sqs;
CREATE SERVER aws FOREIGN DATA WRAPPER sqs OPTIONS (region '$lab->{region}', endpoint '@{[ $lab->endpoint ]}');
GRANT USAGE ON FOREIGN SERVER aws TO payments;
CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id '$lab->{access_key}', secret_access_key '$lab->{secret_key}');
GRANT CREATE ON SCHEMA public TO payments;
SQL
	return;
}

# A psql session of the superuser's.
sub session { my ($self) = @_; return PgSqs::Psql->new(host => $self->{folder}) }
sub sql { my ($self, $statements) = @_; return $self->{psql}->query($statements) }

# Poll until the query answers what is expected; the deadline is generous, for
# machines are slow, and an answer that never comes ends the benchmark.
sub wait_for
{
	my ($self, $query, $expected, $seconds) = @_;
	my $end = time + ($seconds // 120);
	my $answer;
	until (($answer = $self->sql($query)) eq $expected)
	{
		croak "waited for $expected from $query, last $answer\n" . $self->trouble if time > $end;
		sleep 0.02;
	}
	return;
}

# What may have gone wrong, for people.
sub trouble
{
	my ($self) = @_;
	return $self->sql('SELECT row_to_json(s) FROM sqs.status s') . "\n" . substr(slurp("$self->{folder}/server.log"), -2000);
}

# A queue's name is new for each measure, so that nothing is left of another.
sub new_name { my ($self, $stem) = @_; return $stem . ++$self->{numbers} }

sub prefill
{
	my ($self, $queue, %how) = @_;
	return $self->{lab}->control(PUT => "prefill/$queue.fifo", \%how);
}

sub left { my ($self, $queue) = @_; return $self->{lab}->control(GET => "prefill/$queue.fifo") }

# Poll until the queue is empty; returns what the lab says then.
sub wait_drained
{
	my ($self, $queue, $seconds) = @_;
	my $end = time + ($seconds // 600);
	my $state;
	until (($state = $self->left($queue))->{messages_count} == 0)
	{
		croak "$queue is not drained: $state->{messages_count} messages left\n" . $self->trouble if time > $end;
		sleep 0.02;
	}
	return $state;
}

# Microseconds of CPU, user's and system's, that a process has taken.  The
# scheduler's own count is in nanoseconds, but of one thread; for others there
# is the sum in ticks.
sub cpu_us
{
	my ($pid) = @_;
	my @threads = glob "/proc/$pid/task/*";
	my ($ns) = @threads == 1 ? slurp("/proc/$pid/schedstat") =~ /^(\d+)/ : ();
	return $ns / 1000 if $ns;
	my @field = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
	croak "process $pid has gone" unless @field;
	return ($field[11] + $field[12]) * 1e6 / $ticks;
}

sub sum_cpu_us { my $sum = 0; $sum += cpu_us($_) for @_; return $sum }

# Bytes of WAL so far.
sub wal { my ($self) = @_; return $self->sql(q{SELECT pg_current_wal_insert_lsn() - '0/0'}) }

# The program in a process of its own, with that environment and its output in
# a file; returns the pid.
sub spawn
{
	my ($log, $environment, @command) = @_;
	my $pid = fork() // croak "fork: $!";
	return $pid if $pid;
	@ENV{ keys %$environment } = values %$environment;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', $log;
	open STDERR, '>&', \*STDOUT;
	exec { $command[0] } @command or POSIX::_exit(127);
}

# Ends a process that spawn started, at first politely.
sub end_process
{
	my ($pid, $signal) = @_;
	kill $signal // 'TERM', $pid;
	my $end = time + 30;
	while (waitpid($pid, POSIX::WNOHANG()) == 0)
	{
		kill 'KILL', $pid if time > $end;
		sleep 0.02;
	}
	return;
}

sub slurp { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return scalar(<$in>) // '' }

sub stop
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	delete $self->{psql};
	end_process(delete $self->{server}, 'INT') if $self->{server};
	$self->{lab}->stop if $self->{lab};
	return;
}

sub DESTROY { my ($self) = @_; local $?; $self->stop; return }

1;
