# Bench::Floor: what the rows that a drain has written cost as COPY.
#
# The rows are read back in the order in which the consumer wrote them, target
# tables and ledger, and sent to tables that are like those, indexes included,
# by one session that does nothing else.  Its CPU time is that of its backend
# alone: WAL writer, checkpointer and psql are other processes.  Commits do not
# wait for the disk, as the consumer's do not.
package Bench::Floor;

use strict;
use warnings;

use Bench::World;
use Carp;

my $per_transaction = 1000;
my $rounds = 3;

# measure($drain, $count): microseconds a message of the latest $count rows, in
# transactions of 1000 (floor_us, the median of three), in one (one_copy_us), and
# bytes of WAL.  The rows before them are copied before the clock starts, as they were
# drained before it started.  A message may make several rows, one for each
# route, and one of the ledger.
sub measure
{
	my ($drain, $rows) = @_;
	my $world = $drain->{world};
	my @tables = copies($drain);
	my @rows = map { [ rows_of($world, $_->{from}) ] } @tables;
	my %measured = (rows => $rows);
	my @floor = map { [ timed_copy($world, \@tables, \@rows, $rows, $per_transaction) ] } 1 .. $rounds;
	@measured{qw(floor_us floor_wal_bytes)} = @{ (sort { $a->[0] <=> $b->[0] } @floor)[ $rounds / 2 ] };
	($measured{one_copy_us}) = timed_copy($world, \@tables, \@rows, $rows, $rows);
	$world->sql("DROP TABLE $_->{to}") for @tables;
	return \%measured;
}

# Generated columns are nobody's to write.
sub copies
{
	my ($drain) = @_;
	my $world = $drain->{world};
	my $id = $world->sql("SELECT id FROM sqs.subscription WHERE name = '$drain->{queue}'");
	my @tables;
	for my $table (@{ $drain->{tables} }, 'sqs.ledger')
	{
		my $to = 'floor_' . $table =~ s/.*\.//r;
		my $columns = $world->sql("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''");
		$world->sql("CREATE TABLE $to (LIKE $table INCLUDING ALL)");
		push @tables, { to => $to, columns => $columns,
			from => "SELECT $columns FROM $table" . ($table eq 'sqs.ledger' ? " WHERE subscription = $id" : '') };
	}
	return @tables;
}

# In the order of the heap: without a sort, and without a scan that begins in
# the middle.
sub rows_of
{
	my ($world, $from) = @_;
	my $file = "$world->{folder}/rows";
	$world->sql("SET synchronize_seqscans = off; SET enable_indexscan = off; SET enable_bitmapscan = off; SET max_parallel_workers_per_gather = 0;\n\\copy ($from) TO '$file'\nRESET ALL");
	open my $in, '<', $file or croak "$file: $!";
	my @rows = <$in>;
	close $in;
	unlink $file;
	return @rows;
}

# Writes psql's input for the rows from..to, in transactions.
sub write_script
{
	my ($file, $tables, $rows, $from, $to, $per) = @_;
	open my $out, '>', $file or croak "$file: $!";
	for (my $at = $from; $at < $to; $at += $per)
	{
		my $end = $at + $per < $to ? $at + $per : $to;
		print $out "BEGIN;\n";
		for my $i (0 .. $#$tables)
		{
			print $out "COPY $tables->[$i]{to} ($tables->[$i]{columns}) FROM STDIN;\n", @{ $rows->[$i] }[ $at .. $end - 1 ], "\\.\n";
		}
		print $out "COMMIT;\n";
	}
	close $out or croak "$file: $!";
	return;
}

sub timed_copy
{
	my ($world, $tables, $rows, $count, $per) = @_;
	my $all = @{ $rows->[0] };
	my @files = map { "$world->{folder}/copy_$_.sql" } qw(before measured);
	my $session = $world->session;
	croak "$count rows are to be copied, of $all, and some before them" if $count >= $all;
	$world->sql("TRUNCATE $_->{to}; CHECKPOINT") for @$tables;
	write_script($files[0], $tables, $rows, 0, $all - $count, $per_transaction);
	write_script($files[1], $tables, $rows, $all - $count, $all, $per);
	my $pid = $session->query('SET synchronous_commit = off; SELECT pg_backend_pid()');
	$session->query("\\i $files[0]\n");
	my ($cpu, $wal) = (Bench::World::cpu_us($pid), $world->wal);
	$session->query("\\i $files[1]\n");
	my $took = Bench::World::cpu_us($pid) - $cpu;
	my $written = $world->wal - $wal;
	my $there = $world->sql("SELECT count(*) FROM $tables->[0]{to}");
	croak "COPY wrote $there rows of $all" unless $there == $all;
	unlink @files;
	return ($took / $count, $written / $count);
}

1;
