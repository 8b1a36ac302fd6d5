# Retention: rows that are too old leave the ledger and the quarantine, in
# small steps and while messages are consumed; younger ones, waiting ones and
# those of other subscriptions stay.  A lock that is held costs neither
# messages nor the consumer.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('retention');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => q{consumers => 2, dedup_retention => '40 days', quarantine_retention => '50 days'});
my $id = $t->sql(q{SELECT id FROM sqs.subscription});
my $other = $id + 1000;

# Rows of an age, as if they had been written then.
sub old_ledger
{
	my ($subscription, $name, $count, $age) = @_;
	$t->sql(qq{INSERT INTO sqs.ledger SELECT $subscription, '$name' || i, '', 'm', '1', '', now() - '$age'::interval - i * '1 ms'::interval FROM generate_series(1, $count) i});
	return;
}
sub old_quarantined
{
	my ($subscription, $name, $state, $age) = @_;
	my $settled = $state eq 'waiting' ? 'NULL' : "now() - '$age'::interval";
	$t->sql(qq{INSERT INTO sqs.quarantined (subscription, dedup_key, content_hash, message_id, group_id, dedup_id, sequence_number, attributes, source, body, body_bytes, reason, state, quarantined_at, settled_at)
		VALUES ($subscription, '$name', '', 'm', 'g', '$name', '1', '{}', '', 'x', 1, 'data', '$state', now() - '$age'::interval, $settled)});
	return;
}
sub left { return $t->sql(q{SELECT string_agg(name || ':' || n, ' ' ORDER BY name) FROM (SELECT regexp_replace(dedup_key, '[0-9]*$', '') AS name, count(*) AS n FROM sqs.ledger GROUP BY 1) x}) }

old_ledger($id, 'old', 12000, '41 days');
old_ledger($id, 'young', 300, '39 days');
old_ledger($other, 'other', 200, '400 days');
old_quarantined($id, 'q_old', $_, '51 days') for qw(applied duplicate superseded discarded);
old_quarantined($id, 'q_waiting', 'waiting', '500 days');
old_quarantined($id, 'q_young', 'applied', '49 days');
old_quarantined($other, 'q_other', 'applied', '500 days');
my $pids = $t->sql(q{SELECT pids FROM sqs.status});

# -- with messages on their way; sqs.enable has it looked at once
$t->sql(q{SELECT sqs.enable('s')});
for my $round (1 .. 5)
{
	$lab->send_messages($queue, map { my $n = 100 * $round + $_; [ "g$_", "d$n", qq({"id": $n}) ] } 1 .. 20);
}
ok($t->wait_for(q{SELECT count(*) FROM sqs.ledger WHERE dedup_key LIKE 'old%'}, '0'), 'what is too old goes');
$t->wait_for('SELECT count(*) FROM t', '100');
is(left(), 'd:100 other:200 young:300', 'nothing else does, and consumption goes on');
ok($t->wait_for(q{SELECT string_agg(dedup_key, ' ' ORDER BY dedup_key) FROM sqs.quarantined}, 'q_other q_waiting q_young'), 'so it is with the quarantine: waiting rows stay, however old');
is($t->sql(q{SELECT pids FROM sqs.status}), $pids, 'by the processes that were there');

# -- another retention is taken up without a restart
$t->sql(q{SELECT sqs.alter_subscription('s', dedup_retention => '30 days')});
ok($t->wait_for(q{SELECT count(*) FROM sqs.ledger WHERE dedup_key LIKE 'young%'}, '0'), 'a shorter retention is followed at once');
is($t->sql(q{SELECT pids FROM sqs.status}), $pids, 'by the same processes');

# -- a lock in the way
local $ENV{PGPORT} = $node->port;
my $locker = PgSqs::Psql->new(host => $node->host);
old_ledger($id, 'again', 10, '41 days');
$locker->query(q{BEGIN; SELECT count(*) FROM (SELECT FROM sqs.ledger WHERE dedup_key LIKE 'again%' FOR UPDATE) x});
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_until('the log says so', sub { PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /LOG: .*could not prune its ledger or quarantine: canceling statement due to lock timeout/ });
$lab->send_messages($queue, [ 'g', 'd999', '{"id": 999}' ]);
ok($t->wait_for('SELECT count(*) FROM t', '101'), 'consumption does not wait for a lock that pruning meets');
is($t->status('s')->{state}, 'running', 'which is no trouble of the subscription');
$locker->query('ROLLBACK');
$t->sql(q{SELECT sqs.enable('s')});
ok($t->wait_for(q{SELECT count(*) FROM sqs.ledger WHERE dedup_key LIKE 'again%'}, '0'), 'afterwards it goes on');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer' AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)}), '0', 'no transaction stays open');
$t->finish;
done_testing;
