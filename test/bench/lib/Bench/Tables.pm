# Bench::Tables: the figures of a run of make bench as Markdown, a section a
# table, for docs/performance.md.
#
#   my %text = Bench::Tables::sections($results);
#
# A figure that a run did not take is left out, with its table.
package Bench::Tables;

use strict;
use warnings;
use utf8;

use Bench::Svg;

sub n { my ($value) = @_; return defined $value ? Bench::Svg::number($value) : '' }

sub table
{
	my ($head, @rows) = @_;
	return join '', map { '| ' . join(' | ', @$_) . " |\n" } $head, [ map { '---' } @$head ], @rows;
}

sub sections
{
	my ($r) = @_;
	my %text = (about => about($r));
	$text{scenarios} = scenarios($r) if $r->{scenarios};
	$text{peers} = peers($r) if $r->{peers} && %{ $r->{peers} };
	$text{latency} = latency($r) if $r->{latency};
	$text{growth} = growth($r) if $r->{growth};
	$text{sustained} = sustained($r) if $r->{sustained};
	$text{memory} = memory($r) if $r->{memory};
	return %text;
}

sub about
{
	my ($r) = @_;
	my $m = $r->{machine};
	my $command = $r->{quick} ? 'test/bench/run --quick' : 'make bench';
	return "One run of `$command` on $r->{date}: $m->{cores} cores ($m->{cpu}), $m->{memory_gb} GB, $m->{system}, Linux $m->{kernel}, "
	  . "PostgreSQL " . ($r->{versions}{postgresql} =~ s/ .*//r) . ", pg_sqs $r->{versions}{pg_sqs}; load $r->{load_before} before it.\n" . join '', map { separately($_, $r->{separately}{$_}) } grep { $_ ne 'sustained' } sort keys %{ $r->{separately} // {} };
}

sub separately
{
	my ($part, $run) = @_;
	return sprintf "The figures of \"%s\" are of a run of their own, `%stest/bench/run --only %s --keep` on %s; load %s before it.\n", $part, $run->{big} ? 'BIG=1 ' : '',
	  $part eq 'scenarios' ? 'main,...' : $part, $run->{date}, $run->{load_before};
}

sub scenarios
{
	my ($r) = @_;
	return table([ 'queue', 'messages/s', 'consumer, CPU µs a message', 'floor, CPU µs a row', 'ratio', 'one COPY of all, µs', 'WAL, bytes a message', 'WAL of COPY', 'lab, CPU µs a message' ],
		map { [ $_->{name}, n($_->{messages_per_second}), n($_->{consumer_us}), n($_->{floor_us}), n($_->{ratio_to_floor}), n($_->{one_copy_us}),
				n($_->{wal_bytes}), n($_->{floor_wal_bytes}), n($_->{lab_us}) ] } @{ $r->{scenarios} });
}

sub peers
{
	my ($r) = @_;
	my ($main) = @{ $r->{scenarios} };
	return table([ '', 'messages/s', 'CPU µs a message', 'and its backend', 'the consumer is faster by' ],
		[ 'pg_sqs, one consumer', n($main->{messages_per_second}), n($main->{consumer_us}), '—', '' ],
		map { my $p = $r->{peers}{$_}; [ /side by side/ ? $_ : "$_ ($p->{versions})", n($p->{messages_per_second}), n($p->{client_us}), n($p->{backend_us}), n($p->{consumer_is_faster_by}) . ' ×' ] } sort keys %{ $r->{peers} });
}

sub latency
{
	my ($r) = @_;
	my $l = $r->{latency};
	return table([ 'messages', 'p50', 'p90', 'p99', 'longest' ], [ n($l->{messages}), map { n($l->{$_}) . ' ms' } qw(p50 p90 p99 max) ]);
}

sub growth
{
	my ($r) = @_;
	my $figures = sub { my ($m) = @_; return map { n($m->{$_}) } qw(messages_per_second of_empty consumer_us cpu_of_empty wal_bytes) };
	my @columns = ('messages/s', 'of an empty one\'s', 'CPU µs a message', 'of an empty one\'s speed, by CPU', 'WAL, bytes a message');
	return join "\n", map { my ($title, $part) = @$_; "$title:\n\n" . table([ 'rows in the ledger', @columns ], map { [ n($_->{rows}), $figures->($part ? $_->{$part} : $_) ] } @{ $r->{growth} }) }
	  [ 'Right after a checkpoint', undef ], [ 'Later, when no page goes to WAL whole', 'later' ];
}

# Of a day at 3 000 messages a second: CPU and WAL as measured; what is kept is
# the ledger's and the table's own.
sub sustained
{
	my ($r) = @_;
	my $s = $r->{sustained};
	my $row = sub {
		my ($name, $m) = @_;
		return [ $name, n($m->{messages_per_second}), n($m->{core_percent}) . ' %', n($m->{core_percent} * 864 / 3600) . ' h', n($m->{wal_bytes_per_second} * 86400 / 1e9) . ' GB', n($m->{waiting_most}),
			$m->{pruned_per_second} ? n($m->{pruned_per_second}) : '' ];
	};
	my ($main) = @{ $r->{scenarios} // [] };
	my $disk = $main && $main->{ledger_bytes}
	  ? sprintf "\nOn disk a message takes %s bytes in the ledger with its indexes and %s in the table: at that rate %s GB and %s GB a day.\n",
	  n($main->{ledger_bytes}), n($main->{table_bytes}), n($main->{ledger_bytes} * 3000 * 86400 / 1e9), n($main->{table_bytes} * 3000 * 86400 / 1e9)
	  : '';
	return table([ '', 'messages/s', 'of a core', 'CPU a day', 'WAL a day', 'waiting at most', 'rows pruned/s' ],
		$row->('3 000 a second', $s->{alone}), $row->('… beside pruning', $s->{pruning})) . $disk;
}

sub memory
{
	my ($r) = @_;
	my $m = $r->{memory};
	return table([ 'messages', 'own memory at first', 'half-way', 'at last', 'at most', 'slope of the second half', 'applied and not yet deleted, at most' ],
		[ n($m->{messages}), (map { n($_ / 1024) . ' MB' } $m->{curve}[0][1], @$m{qw(first_kb last_kb most_kb)}), n($m->{kb_per_million}) . ' kB a million messages', n($m->{undeleted_most}) ]);
}

1;
