# With synchronous standbys a message is deleted only when they have its rows,
# waiting for them drives nothing into a dead-letter queue, and a change of
# synchronous_commit is followed.  A standby never polls, and promoted it is
# fenced until somebody enables it.  A dump in another cluster is fenced too,
# although its database may have the same oid.
use strict;
use warnings;

use PgSqs::Test;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PgSqs::Test->new('primary', conf => "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on\nwal_retrieve_retry_interval = 100ms\n");
my ($lab, $node) = @$t{qw(lab node)};
$node->append_conf('pg_hba.conf', 'local replication all trust');
$node->reload;
my $dead = $lab->create_queue('dead.fifo');
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 2',
	attributes => { RedrivePolicy => '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead.fifo", "maxReceiveCount": "2"}' });
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby1');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

sub undeleted { my ($visible, $in_flight) = $lab->queue_depth($queue); return $visible + $in_flight }
sub deletes { return scalar grep { ($_->{action} // '') eq 'DeleteMessageBatch' } $lab->journal }

# -- a standby looks on
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs%'}), '0', 'a standby runs no process of ours');
is($standby->safe_psql('postgres', q{SELECT state, pid FROM sqs.status}), 'fenced|', 'and says so');
is($lab->stats->{waiting_polls}, 1, 'one poll is open: the primary\'s');

# -- no delete without the standby
$node->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'standby1'});
$node->reload;
$t->wait_for(q{SELECT count(*) FROM pg_stat_replication WHERE application_name = 'standby1' AND sync_state = 'sync'}, '1');
$lab->send_messages($queue, [ 'g', 'd1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');
$t->wait_drained('s');
pass('with the standby a message is deleted');
$standby->stop;
my $before = deletes();
$lab->send_messages($queue, map { [ "g$_", "d$_", qq({"id": $_}) ] } 2 .. 5);
$t->wait_for('SELECT count(*) FROM t', '5');
sleep 7;
is(deletes(), $before, 'without it nothing is deleted for many visibility timeouts');
is(undeleted(), '4', 'all are still on the queue');
is(join(' ', $lab->queue_depth($dead)), '0 0', 'and none went to the dead-letter queue');
cmp_ok($t->status('s')->{duplicates}, '<=', 0, 'nor was any received again');
$standby->start;
$t->wait_drained('s');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM t'), '5', 'what was deleted the standby has');

# -- synchronous_commit = local no longer waits, after a reload
$standby->stop;
$node->safe_psql('postgres', q{SET synchronous_commit = local; ALTER SYSTEM SET synchronous_commit = local});
$node->reload;
$lab->send_messages($queue, [ 'g', 'd6', '{"id": 6}' ]);
$t->wait_drained('s');
pass('a running consumer follows a reload of synchronous_commit');
$node->safe_psql('postgres', q{SET synchronous_commit = local; ALTER SYSTEM RESET synchronous_commit; ALTER SYSTEM RESET synchronous_standby_names});
$node->reload;
$standby->start;

# -- another cluster: the same database oid, the same timeline, another system
my $dump = "$ENV{TESTDATADIR}/dump.sql";
system_or_bail('pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'postgres', '-f', $dump, 'postgres');
my $other = PostgreSQL::Test::Cluster->new('other');
PgSqs::Test::init_node($other);
$other->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sqs'\n");
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE payments');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $other->host, '-p', $other->port, '-U', 'postgres', '-f', $dump, 'postgres' ], 'a dump can be restored in another cluster');
is($other->safe_psql('postgres', q{SELECT (SELECT s.database = d.oid AND s.timeline = 1 FROM sqs.subscription s, pg_database d WHERE datname = current_database()), state FROM sqs.status}),
	't|fenced', 'same oid, same timeline, and yet fenced');
$other->poll_query_until('postgres', q{SELECT last_error ~ 'another cluster' FROM sqs.status}) or fail('the reason is said');
is($other->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}), '0', 'it does not poll');
is($other->safe_psql('postgres', 'SELECT count(*) FROM sqs.ledger'), '6', 'it has the ledger');
$other->stop;

# -- promotion
$node->wait_for_catchup($standby);
$t->wait_until('one poll', sub { $lab->stats->{waiting_polls} == 1 });
$standby->promote;
$standby->poll_query_until('postgres', q{SELECT state = 'fenced' AND last_error ~ 'timeline' FROM sqs.status}) or fail('a promoted standby is fenced');
is($lab->stats->{waiting_polls}, 1, 'a promoted standby without a node_id does not poll: the old primary may still be there');
$node->stop;
$standby->safe_psql('postgres', q{SELECT sqs.enable('s')});
$standby->poll_query_until('postgres', q{SELECT state = 'running' FROM sqs.status}) or fail('enabled');
$lab->send_messages($queue, [ 'g', 'd6', '{"id": 6}' ], [ 'g', 'd7', '{"id": 7}' ]);
$standby->poll_query_until('postgres', 'SELECT count(*) = 7 FROM t') or fail('the new primary goes on');
is($standby->safe_psql('postgres', 'SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM t'), '1,2,3,4,5,6,7', 'after sqs.enable the new primary goes on where the old one stopped');
$t->wait_drained('s');
$standby->stop;
$node->start;
$t->finish;
done_testing;
