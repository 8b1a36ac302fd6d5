# What is known already is looked up in the ledger by its primary key, however
# large the ledger is and whatever plans were made while it was small.  Counted
# in the server's statistics: what is read is what is asked for.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('known_keys');
my $lab = $t->{lab};
my $rows = 0;
my $first = 1;

# Messages of which every tenth repeats an earlier one, and what is read for them.
sub read_for
{
	my ($count) = @_;
	my $duplicates = $t->status('s')->{duplicates};
	$t->sql('SELECT pg_stat_reset()');
	$t->wait_for(q{SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = 'ledger'}, '0');
	$lab->control(PUT => 'prefill/s.fifo', { body => '{"id": 1########}', count => $count, first => $first, groups => 1000, again_every => 10 });
	$first += $count;
	$rows += $count - int(($count - 1) / 10);
	$t->wait_for('SELECT count(*) FROM t', $rows);
	$t->wait_drained('s');
	is($t->status('s')->{duplicates} - $duplicates, int(($count - 1) / 10), "a tenth of $count messages is known");
	# sent at least once a second
	$t->wait_for(qq{SELECT n_tup_ins >= $count * 0.9 FROM pg_stat_user_tables WHERE relname = 'ledger'}, 't');
	my $scans = $t->sql(q{SELECT seq_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'ledger'});
	is($scans, '0|0', '... no row of the ledger is read by a scan of it');
	my ($asked, $found) = split /\|/, $t->sql(q{SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'ledger_pkey'});
	cmp_ok($asked, '<=', 4 * $count, "... the primary key is asked for a key at a time ($asked times)");
	cmp_ok($found, '<=', $count, "... and finds the one row, if there is one ($found)");
	cmp_ok($t->sql(q{SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'ledger_applied'}), '<=', $count, '... the other index is of no use here');
	return;
}

$t->subscribe('s', 's.fifo', 'CREATE TABLE t (id integer)', 't');
read_for(5000);
$t->sql(q{INSERT INTO sqs.ledger SELECT s.id, encode(sha256(('filled ' || i)::bytea), 'hex'), sha256(i::text::bytea), i::text, i::text, '', now()
	FROM sqs.subscription s, generate_series(1, 300000) AS i; ANALYZE sqs.ledger});
read_for(5000);
$t->finish;
done_testing;
