#!/usr/bin/perl
# test/bench/sqs_to_redshift.pl [--quick]: messages a second through
# sqs_to_redshift, from a queue that is full already until it is empty:
#
#   function   batches of ten by an event source mapping, one process, one at
#              a time; rows in SQL
#   daemon     batches of thousands, by COPY from a stage in S3
#
# and the process's own CPU time a message, the most that it had resident, the
# transactions and the statements of SQL.  Prints a table and writes
# build/bench/sqs_to_redshift.json.  Before the lab's Data API stands a
# PostgreSQL, on this machine: the figures are of the program and the protocol,
# not of Redshift, where a transaction takes longer and rows do not.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Handle;
use JSON::PP;

# The server will not run as root, so the work is done beside a private copy of it.
BEGIN
{
	if (!$ENV{PG_SQS_STAGE})
	{
		chdir dirname(abs_path(__FILE__)) . '/../..' or die "chdir: $!";
		make_path('build/bench');
		exec 'sh', '-c', 'exec test/with_stage perl test/bench/sqs_to_redshift.pl "$@" 3>build/bench/sqs_to_redshift.json', 'sh', @ARGV;
		die "test/with_stage: $!";
	}
	# PostgreSQL's test modules take the other one for their log
	open our $table, '>&', \*STDOUT or die "standard output: $!";
	$table->autoflush;
}

our $table;

use PgSqs::Load;
use POSIX ();
use Time::HiRes qw(sleep time);

my $quick = grep { $_ eq '--quick' } @ARGV;
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my @runs = (
	{ name => 'function', messages => $quick ? 500 : 2_000, start => 'start_function' },
	{ name => 'daemon', messages => $quick ? 10_000 : 100_000, start => 'start_daemon' });

sub slurp { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return scalar <$in> }

sub measure
{
	my ($run) = @_;
	my $load = PgSqs::Load->new("bench_$run->{name}", lab => ['--no-auth'],
		config => { poll => { max_messages => $run->{messages} / 2, max_bytes => 64 << 20, max_age_seconds => 5, visibility_seconds => 300, receives => 8 } });
	die "the messages could not be sent\n" if $load->send_many($run->{messages}) != 0;
	my $start = $run->{start};
	my $began = time;
	my $pid = $load->$start(AWS_LAMBDA_LOG_LEVEL => 'ERROR');
	my $end = $began + 600;
	until ($load->depth eq '0 0')
	{
		die "the queue did not become empty\n" if time > $end;
		sleep(0.02);
	}
	my $seconds = time - $began;
	my @stat = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
	my ($rss) = slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
	die "not every message was loaded\n" unless $load->count == $run->{messages};
	my %figures = (
		messages => $run->{messages}, messages_per_second => $run->{messages} / $seconds,
		cpu_us_per_message => 1e6 * ($stat[11] + $stat[12]) / $ticks / $run->{messages}, rss_mb => $rss / 1024,
		transactions => $load->requests('redshift-data.BatchExecuteStatement'), statements => scalar(() = $load->events('redshift.statement')));
	kill KILL => $pid;
	waitpid $pid, 0;
	$load->finish;
	return { map { $_ => 0 + sprintf '%.4g', $figures{$_} } keys %figures };
}

my %results = (load_before => (split ' ', slurp('/proc/loadavg'))[0] + 0, cores => 0 + qx{nproc});
printf $table "%-28s %10s %12s %12s %9s %13s %11s\n", 'sqs_to_redshift', 'messages', 'messages/s', 'CPU us/msg', 'RSS (MB)', 'transactions', 'statements';
for my $run (@runs)
{
	my $figures = $results{ $run->{name} } = measure($run);
	printf $table "%-28s %10d %12.0f %12.1f %9.1f %13d %11d\n", $run->{name},
	  @$figures{qw(messages messages_per_second cpu_us_per_message rss_mb transactions statements)};
}
$results{load_after} = (split ' ', slurp('/proc/loadavg'))[0] + 0;
printf $table "load before %.1f, after %.1f, on %d cores\n", @results{qw(load_before load_after cores)};
if (open my $out, '>&=', 3)
{
	print $out JSON::PP->new->canonical->pretty->encode(\%results);
	close $out;
}
