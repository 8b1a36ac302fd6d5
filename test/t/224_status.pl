# sqs.status of subscriptions with several consumers: one row, whose state is
# that of the consumer that is worst off, and whose counters are the sums.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('status', conf => "pg_sqs.max_consumers = 3\nmax_worker_processes = 20\n");
my ($lab, $node) = @$t{qw(lab node)};

$t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id text)', 't', more => 'consumers => 2');
$t->wait_for(q{SELECT cardinality(pids), consumers, state, attention FROM sqs.status}, '2|2|running|');
is($t->sql('SELECT count(*) FROM sqs.status'), '1', 'one row a subscription');
is($t->sql(q{SELECT count(*) FROM sqs.status, pg_stat_activity a WHERE a.pid = ANY (pids) AND application_name LIKE 'pg_sqs consumer s%'}), '2', 'pids are those of the consumers');
is($t->sql('SELECT pid = ANY (pids) FROM sqs.status'), 't', 'pid is one of them');

# -- counters: those of both, whoever received what
$lab->send_messages($t->{queue}{s}, map { [ "g$_", "d$_", qq({"id":"$_"}) ] } 1 .. 40);
$t->wait_for('SELECT count(*) FROM t', '40');
$t->wait_for('SELECT received >= 40, applied, superseded, quarantined, deleted FROM sqs.status', 't|40|0|0|40');
is($t->sql('SELECT sum(applied) FROM sqs.consumer_stats()'), '40', 'sums of the consumers');
is($t->sql('SELECT lag IS NOT NULL, last_commit > stats_since, last_error FROM sqs.status'), 't|t|', 'lag and last commit');

# -- a consumer that found no slot
$t->sql(q{SELECT sqs.alter_subscription('s', consumers => 4)});
$t->wait_for('SELECT state, attention FROM sqs.status', 'running|3 of 4 consumers run');
$t->sql(q{SELECT sqs.alter_subscription('s', consumers => 2)});
$t->wait_for('SELECT cardinality(pids), attention FROM sqs.status', '2|');

# -- the quarantine: counted, and shown while it waits
$t->sql('ALTER TABLE t ADD CHECK (id <> $$bad$$)');
$lab->send_messages($t->{queue}{s}, [ 'p', 'bad', '{"id":"bad"}' ], map { [ "h$_", "e$_", qq({"id":"$_"}) ] } 1 .. 3);
$t->wait_for('SELECT quarantined, waiting, state, attention FROM sqs.status', '1|1|running|1 message waits in the quarantine: see sqs.quarantine');

# -- a setting that changes reaches the consumers that run
my $before = $t->sql('SELECT pids FROM sqs.status');
$t->sql(q{SELECT sqs.alter_subscription('s', policy => 'block')});
$t->wait_for("SELECT NOT pids && '$before', cardinality(pids), state FROM sqs.status", 't|2|running');
$lab->send_messages($t->{queue}{s}, [ 'b', 'bad2', '{"id":"bad"}' ], map { [ "i$_", "f$_", qq({"id":"$_"}) ] } 1 .. 3);
$t->wait_for('SELECT blocked > 0, waiting FROM sqs.status', 't|1');
$t->sql(q{SELECT sqs.alter_subscription('s', policy => 'quarantine')});
$t->wait_for('SELECT waiting, state FROM sqs.status', '2|running');

# -- what is wrong, and since when
$t->sql('ALTER TABLE t RENAME TO t_gone; DROP TABLE t_gone');
$lab->send_messages($t->{queue}{s}, [ 'x', 'x', '{"id":"x"}' ]);
$t->wait_for('SELECT state FROM sqs.status', 'error');
is($t->sql(q{SELECT since > now() - interval '1 minute', attention LIKE last_error || '%', last_error_sqlstate, last_error_hint <> '' FROM sqs.status}), 't|t|42P01|t', 'the error is what needs attention');
is($t->sql(q{SELECT sum(waiting) FROM sqs.status}), '2', 'and floods no quarantine');
$t->finish;
done_testing;
