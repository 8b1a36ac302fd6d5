#!/usr/bin/perl
# test/bench/report.pl FOLDER: put the figures in FOLDER/*.json together, into
# test/bench/results.json, and draw test/bench/*.svg.
# test/bench/report.pl --keep FOLDER: only what is there takes the place of what
# results.json says of it; "separately" tells of which run it is.
# test/bench/report.pl --publish: take those into the repository: results and
# plots to docs/performance/, tables into docs/performance.md, between the lines
# "<!-- bench: NAME -->" and "<!-- bench end -->".
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Bench::Svg;
use Bench::Tables;
use Encode qw(encode_utf8 decode_utf8);
use File::Basename qw(basename);
use File::Copy qw(copy);
use File::Path qw(make_path);
use JSON::PP;

chdir "$FindBin::Bin/../.." or die "chdir: $!";
my $json = JSON::PP->new->canonical->pretty;
my $results_file = 'test/bench/results.json';

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return scalar <$in> }
sub spew { my ($file, $bytes) = @_; open my $out, '>', $file or die "$file: $!\n"; print $out $bytes; close $out or die "$file: $!\n"; return }
sub scenario { my ($r, $key) = @_; my ($found) = grep { $_->{key} eq $key } @{ $r->{scenarios} // [] }; return $found }

# The consumer's members are those of the whole, and the names that the goals
# are about stand on top.
sub put_together
{
	my ($folder) = @_;
	my %results;
	for my $file (glob "$folder/*.json")
	{
		my $name = basename($file, '.json');
		my $part = $json->decode(slurp($file));
		%results = $name eq 'consumer' ? (%results, %$part) : (%results, $name => $part);
	}
	name_goals(\%results);
	return \%results;
}

sub name_goals
{
	my ($r) = @_;
	my $main = scenario($r, 'main') // {};
	my $latency = $r->{latency} // {};
	@$r{qw(ratio_to_floor consumer_us_per_message floor_us_per_row floor_one_copy_us_per_row messages_per_second wal_bytes_per_message)} =
	  @$main{qw(ratio_to_floor consumer_us floor_us one_copy_us messages_per_second wal_bytes)};
	@$r{qw(latency_ms_p50 latency_ms_p99 latency_ms_max)} = @$latency{qw(p50 p99 max)};
	return;
}

# Of an earlier run all that the new one has not.  Peers and scenarios are
# compared with each other, so none of them is taken alone.
sub keep
{
	my ($new) = @_;
	return $new unless -e $results_file;
	my $results = $json->decode(slurp($results_file));
	for my $part (grep { $new->{$_} } qw(scenarios peers latency growth sustained memory))
	{
		$results->{$part} = $new->{$part};
		$results->{separately}{$part} = { map { $_ => $new->{$_} } qw(date load_before load_after big quick) };
	}
	name_goals($results);
	return $results;
}

sub plots
{
	my ($r) = @_;
	my %plot;
	my @scenarios = @{ $r->{scenarios} // [] };
	$plot{floor} = Bench::Svg::bars('CPU time of a message, beside COPY of the same rows', 'µs of CPU: blue the consumer, orange COPY in transactions of 1 000 rows, a backend each',
		[ map { [ $_->{name}, $_->{consumer_us} ], [ '', $_->{floor_us}, 1 ] } @scenarios ]) if @scenarios;
	$plot{messages} = Bench::Svg::bars('Messages a second, lab on the same machine', 'messages a second',
		[ (map { [ $_->{name}, $_->{messages_per_second} ] } @scenarios), map { [ $_, $r->{peers}{$_}{messages_per_second}, 2 ] } sort keys %{ $r->{peers} // {} } ]) if @scenarios;
	$plot{latency} = Bench::Svg::lines('From the answer of SendMessage to the row', 'percentile of lone messages', 'ms', [ 'one message at a time', $r->{latency}{curve} ]) if $r->{latency};
	$plot{growth} = Bench::Svg::bars('CPU time of a message, as the ledger grows', 'µs of CPU; rows in the ledger', [ map { [ Bench::Svg::number($_->{rows}) . ' rows', $_->{consumer_us} ] } @{ $r->{growth} } ]) if $r->{growth};
	$plot{memory} = Bench::Svg::lines('Memory of a consumer', 'millions of messages', 'MB', [ 'its own', [ map { [ $_->[0] / 1e6, $_->[1] / 1024 ] } @{ $r->{memory}{curve} } ],
			'with shared buffers', [ map { [ $_->[0] / 1e6, $_->[2] / 1024 ] } @{ $r->{memory}{curve} } ] ]) if $r->{memory};
	return \%plot;
}

sub publish
{
	my $results = $json->decode(slurp($results_file));
	my $text = decode_utf8(slurp('docs/performance.md'));
	my %section = Bench::Tables::sections($results);
	for my $name (sort keys %section)
	{
		$text =~ s/(<!-- bench: $name -->\n).*?(<!-- bench end -->)/$1\n$section{$name}\n$2/s or print "docs/performance.md has no place for \"$name\"\n";
	}
	make_path('docs/performance');
	copy($_, 'docs/performance/') or die "$_: $!\n" for $results_file, glob 'test/bench/*.svg';
	spew('docs/performance.md', encode_utf8($text));
	return;
}

if (($ARGV[0] // '') eq '--publish')
{
	publish();
}
else
{
	my $keep = ($ARGV[0] // '') eq '--keep' && shift @ARGV;
	my $results = put_together($ARGV[0] // die "see the first lines of $0\n");
	$results = keep($results) if $keep;
	spew($results_file, $json->encode($results));
	my $plots = plots($results);
	spew("test/bench/$_.svg", encode_utf8($plots->{$_})) for keys %$plots;
}
