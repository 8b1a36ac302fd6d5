# A lease that cannot be extended is not asked for again and again: messages
# that wait for a person cost a call now and then, and nothing is lost.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('lease');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 30');
sub calls { return $t->status('s')->{api_calls} }

$lab->fault(service => 'sqs', action => 'ChangeMessageVisibilityBatch', times => -1, do => 'fail_entries', entries => [ 0, 1 ], code => 'InternalError');
$t->sql('REVOKE ALL ON t FROM payments');
$lab->send_messages($queue, [ 'g', 'm1', '{"id": 1}' ], [ 'g', 'm2', '{"id": 2}' ]);
$t->wait_for('SELECT state FROM sqs.status', 'error');
my $before = calls();
$t->sql('SELECT pg_sleep(2)');
my $made = calls() - $before;
cmp_ok($made, q(<=), 6, "in two seconds $made calls are made");

# -- what waited is applied when it can be
$lab->clear_faults;
$t->sql(q{GRANT INSERT ON t TO payments; SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM t', '2');
$lab->advance(60);
$t->wait_drained('s');
is($t->sql('SELECT count(*) FROM t'), '2', 'once');
$t->finish;
done_testing;
