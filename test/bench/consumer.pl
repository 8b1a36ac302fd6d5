#!/usr/bin/perl
# test/bench/consumer.pl [--quick] [--only SCENARIO,...] [--rounds N] [--more SQL]
# (by test/with_stage): the consumer beside the floor, the same rows by COPY, in
# turns.  Prints a table; with --results-to N writes its figures as JSON to that
# descriptor.
#
# --more gives arguments of create_subscription, e.g. 'max_polls => 8'.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Bench::Drain;
use Bench::Floor;
use Bench::World;
use Getopt::Long;
use JSON::PP;

$| = 1;
my %option;
GetOptions(\%option, 'quick', 'only=s', 'rounds=i', 'more=s', 'results-to=i') or die "see the first lines of $0\n";
my %only = map { $_ => 1 } split /,/, $option{only} // '';
my $world = Bench::World->new;
my %results;

sub wanted { my ($key) = @_; return !%only || $only{$key} }
sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }

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
	my $count = $option{quick} ? $scenario->{quick} : $scenario->{count};
	my $rounds = $option{rounds} // ($scenario->{key} eq 'main' && !$option{quick} ? 3 : 1);
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

sub print_scenarios
{
	printf "%-28s %9s %9s %9s %7s %9s %9s %8s %8s %6s\n", 'consumer', 'messages', 'messages', 'CPU us', 'floor', 'ratio to', 'one COPY', 'WAL', 'WAL of', 'lab';
	printf "%-28s %9s %9s %9s %7s %9s %9s %8s %8s %6s\n", '', '', '/s', '/message', 'us', 'floor', 'us', 'bytes', 'COPY', 'us';
	for my $scenario (grep { wanted($_->{key}) } Bench::Drain::scenarios())
	{
		my $m = $results{scenarios}{ $scenario->{key} } = measure_scenario($scenario);
		printf "%-28s %9d %9.0f %9.1f %7.1f %9.2f %9.1f %8.0f %8.0f %6.1f\n", $scenario->{name},
		  @$m{qw(messages messages_per_second consumer_us floor_us ratio_to_floor one_copy_us wal_bytes floor_wal_bytes lab_us)};
	}
	return;
}

print_scenarios();
$world->stop;
if ($option{'results-to'})
{
	open my $out, '>&=', $option{'results-to'} or die "results: $!\n";
	print $out JSON::PP->new->canonical->pretty->encode(\%results);
}
