# The message that was being read when a batch failed is known, so that two
# transactions are undone because of it, however large the batch: all of them
# together, and it alone.  Freed memory is overwritten here: what is known must
# not be looked up in what the failed transaction left behind.
use strict;
use warnings;

BEGIN { $ENV{MALLOC_PERTURB_} = 165 }
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('culprit');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (key text, id integer)', 't',
	more => q{dedup_key => '$.key', max_polls => 32, enabled => false}, state => 'disabled');
sub undone { return $t->sql(q{SELECT pg_stat_clear_snapshot(); SELECT xact_rollback FROM pg_stat_database WHERE datname = 'postgres'}) =~ s/^\n//r }

my @messages = map { [ "g$_", "m$_", sprintf '{"key": "%s", "id": %d}', "a key of some length, the $_. of its kind", $_ ] } 1 .. 2000;
$messages[1700][2] =~ s/"id": \d+/"id": "poison"/;
while (my @some = splice @messages, 0, 500) { $lab->send_messages($queue, @some) }
my $before = undone();
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM t', '1999');
$t->wait_for('SELECT count(*) FROM sqs.quarantine', '1');
$t->wait_drained('s');
$t->sql(q{SELECT sqs.disable('s')});
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'}, '0');
my $parts = $t->sql('SELECT max(n) FROM (SELECT count(*) AS n FROM t GROUP BY xmin) AS b');
my $undone = undone() - $before;
cmp_ok($undone, '<=', 2, "$undone transactions were undone; the largest wrote $parts messages");
$t->finish;
done_testing;
