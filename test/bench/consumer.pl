#!/usr/bin/perl
# test/bench/consumer.pl [--quick] [--only PART,...] [--rounds N] [--more SQL]
# [--rows N,...] (by test/with_stage): the consumer beside the floor, the same rows by COPY, in
# turns; beside others' consumers; alone with one message; beside a grown
# ledger; and for long.  Prints tables; with --results-to N writes its figures
# as JSON to that descriptor.
#
# PART is a scenario (main, two_consumers, one_group, many_groups, large,
# duplicates, three_routes, lineage), peers, latency, growth or memory.  --more
# gives arguments of create_subscription, e.g. 'max_polls => 8', --rows sizes of
# the ledger for growth.  BIG=1 in the environment: ledgers of 10 and 50 million
# rows, and 10 million messages.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Bench::Drain;
use Bench::Floor;
use Bench::Latency;
use Bench::Ledger;
use Bench::Memory;
use Bench::Peers;
use Bench::World;
use Getopt::Long;
use JSON::PP;
use POSIX ();

$| = 1;
my %option;
GetOptions(\%option, 'quick', 'only=s', 'rounds=i', 'more=s', 'rows=s', 'results-to=i') or die "see the first lines of $0\n";
my %only = map { $_ => 1 } split /,/, $option{only} // '';
my ($quick, $big) = ($option{quick}, $ENV{BIG});
my $world = Bench::World->new;
my %results = (about());

sub wanted { my ($key) = @_; return !%only || $only{$key} }
sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }

# The machine, the versions, the day.
sub about
{
	my ($cpu) = Bench::World::slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m;
	my ($memory) = Bench::World::slurp('/proc/meminfo') =~ /^MemTotal:\s+(\d+)/m;
	my ($system) = Bench::World::slurp('/etc/os-release') =~ /^PRETTY_NAME="?([^"\n]*)/m;
	return (quick => $quick ? JSON::PP::true : JSON::PP::false, big => $big ? JSON::PP::true : JSON::PP::false, date => POSIX::strftime('%Y-%m-%d', gmtime), load_before => load(),
		machine => { cpu => $cpu // 'unknown', cores => 0 + qx{nproc}, memory_gb => int($memory / 1e6 + 0.5), system => $system, kernel => (POSIX::uname())[2] },
		versions => { postgresql => $world->sql('SHOW server_version'), pg_sqs => $world->sql(q{SELECT extversion FROM pg_extension WHERE extname = 'pg_sqs'}) });
}

sub load { return 0 + (split ' ', Bench::World::slurp('/proc/loadavg'))[0] }

# Medians of hashes of figures.
sub medians
{
	my (@rounds) = @_;
	return { map { my $name = $_; $name => median(map { $_->{$name} } @rounds) } keys %{ $rounds[0] } };
}

# Drains and floors in turns, for a machine is never twice the same.
sub measure_scenario
{
	my ($scenario) = @_;
	my $count = $quick ? $scenario->{quick} : $scenario->{count};
	my $rounds = $option{rounds} // ($scenario->{key} eq 'main' && !$quick ? 3 : 1);
	my @rounds;
	for my $round (1 .. $rounds)
	{
		my $drain = Bench::Drain->new($world, $scenario, more => $option{more});
		my $before = $drain->{rows};
		my $measured = $drain->run($count);
		my $floor = Bench::Floor::measure($drain, $drain->{rows} - $before);
		$drain->end;
		push @rounds, { %$measured, %$floor, ratio_to_floor => $measured->{consumer_us} / $floor->{floor_us} };
	}
	return medians(@rounds);
}

sub run_scenarios
{
	my @scenarios = grep { wanted($_->{key}) } Bench::Drain::scenarios() or return;
	printf "%-28s %9s %9s %9s %7s %9s %9s %8s %8s %6s\n", 'consumer', 'messages', 'messages', 'CPU us', 'floor', 'ratio to', 'one COPY', 'WAL', 'WAL of', 'lab';
	printf "%-28s %9s %9s %9s %7s %9s %9s %8s %8s %6s\n", '', '', '/s', '/message', 'us', 'floor', 'us', 'bytes', 'COPY', 'us';
	for my $scenario (@scenarios)
	{
		my $m = measure_scenario($scenario);
		printf "%-28s %9d %9.0f %9.1f %7.1f %9.2f %9.1f %8.0f %8.0f %6.1f\n", $scenario->{name},
		  @$m{qw(messages messages_per_second consumer_us floor_us ratio_to_floor one_copy_us wal_bytes floor_wal_bytes lab_us)};
		push @{ $results{scenarios} }, { %$m, key => $scenario->{key}, name => $scenario->{name} };
	}
	return;
}

# Each peer between two drains of the consumer's would be fairer still; the
# ratios are far from one.
sub run_peers
{
	my @peers = Bench::Peers::available() or return;
	my ($main) = grep { $_->{key} eq 'main' } @{ $results{scenarios} // [] };
	printf "\n%-34s %9s %9s %9s %9s %12s\n", 'instead of it', 'messages', 'messages', 'CPU us', 'its back-', 'the consumer';
	printf "%-34s %9s %9s %9s %9s %12s\n", '', '', '/s', '/message', 'end us', 'is faster by';
	for my $peer (@peers)
	{
		my $m = $results{peers}{ $peer->{name} } = Bench::Peers::measure($world, $peer, $quick ? 1000 : 5000);
		$m->{consumer_is_faster_by} = $main->{messages_per_second} / $m->{messages_per_second} if $main;
		printf "%-34s %9d %9.0f %9.0f %9.0f %12s\n", $peer->{name}, @$m{qw(messages messages_per_second client_us backend_us)},
		  $main ? sprintf '%.1f x', $m->{consumer_is_faster_by} : '';
	}
	return;
}

sub run_latency
{
	my $m = $results{latency} = Bench::Latency::measure($world, $quick ? 100 : 1000);
	printf "\nlatency, of %d lone messages, from SendMessage's answer to the row: p50 %.2f ms, p90 %.2f, p99 %.2f, most %.2f\n", @$m{qw(messages p50 p90 p99 max)};
	return;
}

# Right after a checkpoint each page that changes goes to WAL whole; later, when
# most have done so, none does, which is what full_page_writes = off makes of it.
sub beside_ledger
{
	my ($drain) = @_;
	my ($count, $rounds) = $quick ? (5_000, 1) : (20_000, 3);
	my $first = medians(map { $drain->run($count) } 1 .. $rounds);
	$world->sql('ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()');
	my $later = medians(map { $drain->run($count) } 1 .. $rounds);
	$world->sql('ALTER SYSTEM RESET full_page_writes; SELECT pg_reload_conf()');
	return (%$first, later => $later);
}

sub run_growth
{
	my $drain = Bench::Drain->new($world, Bench::Drain::scenario('main'), more => $option{more});
	my @sizes = $option{rows} ? map({ 0 + $_ } split /,/, $option{rows}) : $quick ? (0, 100_000) : $big ? (0, 1e6, 10e6, 50e6) : (0, 1e6);
	printf "\n%-28s %11s %9s %9s %9s %11s %9s %9s %9s\n", 'rows in the ledger', 'after check', 'CPU us', 'WAL', 'of empty,', '... later:', 'CPU us', 'WAL', 'of empty,';
	printf "%-28s %11s %9s %9s %9s %11s %9s %9s %9s\n", '', 'point: /s', '/message', 'bytes', 'CPU', 'messages/s', '/message', 'bytes', 'CPU';
	for my $size (@sizes)
	{
		my $took = $size > ($drain->{filled} // 0) ? Bench::Ledger::fill($drain, $size - ($drain->{filled} // 0), 1, 29) : 0;
		push @{ $results{growth} }, { rows => $size, filled_in_seconds => $took, beside_ledger($drain) };
		my ($empty, $m) = @{ $results{growth} }[ 0, -1 ];
		@$m{qw(of_empty cpu_of_empty)} = ($m->{messages_per_second} / $empty->{messages_per_second}, $empty->{consumer_us} / $m->{consumer_us});
		@{ $m->{later} }{qw(of_empty cpu_of_empty)} = ($m->{later}{messages_per_second} / $empty->{later}{messages_per_second}, $empty->{later}{consumer_us} / $m->{later}{consumer_us});
		printf "%-28s" . ' %11.0f %9.1f %9.0f %9.2f' x 2 . "\n", $size =~ s/(?<=\d)(?=(?:\d{3})+$)/ /gr, map { @$_{qw(messages_per_second consumer_us wal_bytes cpu_of_empty)} } $m, $m->{later};
	}
	run_sustained($drain);
	$drain->end;
	return;
}

sub run_sustained
{
	my ($drain) = @_;
	my $m = $results{sustained} = Bench::Ledger::sustained($drain, 3000, $quick ? 50_000 : 200_000, $quick ? 5 : 10);
	for my $kind (qw(alone pruning))
	{
		my $s = $m->{$kind};
		printf "%-28s %9.0f messages/s, %.1f %% of a core, %.0f kB of WAL/s, at most %d waiting%s\n", $kind eq 'alone' ? '3 000 a second, steadily' : '... beside pruning',
		  $s->{messages_per_second}, $s->{core_percent}, $s->{wal_bytes_per_second} / 1000, $s->{waiting_most},
		  $kind eq 'alone' ? '' : sprintf ', %.0f rows/s pruned', $s->{pruned_per_second};
	}
	return;
}

sub run_memory
{
	my ($count, $seconds) = $quick ? (100_000, 30) : $big ? (10_000_000, 3600) : (1_000_000, 90);
	my $m = $results{memory} = Bench::Memory::measure($world, $count, $seconds);
	printf "\nmemory, over %d messages%s: own %d kB first, %d kB last, slope %.0f kB a million\n", $m->{messages},
	  $m->{messages} < $count ? " (of $count: the time was over)" : '', @$m{qw(first_kb last_kb kb_per_million)};
	return;
}

run_scenarios();
run_peers() if wanted('peers');
run_latency() if wanted('latency');
run_growth() if wanted('growth');
run_memory() if wanted('memory');
$results{load_after} = load();
$world->stop;
if ($option{'results-to'})
{
	open my $out, '>&=', $option{'results-to'} or die "results: $!\n";
	print $out JSON::PP->new->canonical->pretty->encode(\%results);
}
