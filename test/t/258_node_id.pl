# With pg_sqs.node_id, which lies outside of the data directory, a failover
# needs nobody: the promoted standby of the same node_id goes on at once; a copy
# with another one never polls, not even once, until somebody says so.
use strict;
use warnings;

use PgSqs::Test;
use PostgreSQL::Test::Cluster;
use Test::More;

my $t = PgSqs::Test->new('node', conf => "wal_level = replica\nmax_wal_senders = 5\nhot_standby = on\npg_sqs.node_id = 'orders'\n");
my ($lab, $node) = @$t{qw(lab node)};
$node->append_conf('pg_hba.conf', 'local replication all trust');
$node->reload;
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 5');
$node->backup('base');
my %copy;
for my $name (qw(orders staging))
{
	$copy{$name} = PostgreSQL::Test::Cluster->new("copy_$name");
	$copy{$name}->init_from_backup($node, 'base', has_streaming => 1);
	$copy{$name}->append_conf('postgresql.conf', "pg_sqs.node_id = '$name'");
	$copy{$name}->start;
	is($copy{$name}->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs%'}), '0', "a standby runs nothing of ours ($name)");
}
$lab->send_messages($queue, [ 'g', 'd1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');
$t->wait_drained('s');
$node->wait_for_catchup($copy{$_}) for keys %copy;
sub polls { return $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} }

# -- the copy with another node_id, beside the primary
my $asked = $lab->stats->{counts}{'sqs.GetQueueAttributes'}{requests};
$copy{staging}->promote;
$copy{staging}->poll_query_until('postgres', q{SELECT state = 'fenced' AND last_error ~ 'node_id "orders", this server''s is "staging"' FROM sqs.status}) or fail('fenced');
$copy{staging}->restart;
$copy{staging}->poll_query_until('postgres', q{SELECT state = 'fenced' AND pid IS NULL FROM sqs.status}) or fail('fenced after a restart');
is($lab->stats->{waiting_polls}, 1, 'the only poll is the primary\'s');
is($copy{staging}->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}), '0', 'a copy with another node_id has no consumer');
like(PostgreSQL::Test::Utils::slurp_file($copy{staging}->logfile), qr/LOG: .*subscription "s" is fenced.*\n.*HINT: .*sqs\.enable/, 'and the log says why, and what to do');

# -- the primary goes, and the standby with the same node_id takes over
$node->stop('fast');
my $before = polls();
is($lab->stats->{counts}{'sqs.GetQueueAttributes'}{requests}, $asked, 'nor did the copy ask the queue anything');
$lab->send_messages($queue, [ 'g', 'd2', '{"id": 2}' ]);
$copy{orders}->promote;
$copy{orders}->poll_query_until('postgres', 'SELECT count(*) = 2 FROM t') or fail('taken over');
cmp_ok(polls(), '>', $before, 'the promoted standby with the same node_id polls');
is($copy{orders}->safe_psql('postgres', q{SELECT state, last_error FROM sqs.status}), 'running|', 'without anybody\'s help');
$t->wait_drained('s');
is($copy{staging}->safe_psql('postgres', 'SELECT count(*) FROM t'), '1', 'the other copy got nothing');
$copy{orders}->stop;

# -- unless somebody says so
$lab->send_messages($queue, [ 'g', 'd3', '{"id": 3}' ]);
$copy{staging}->safe_psql('postgres', q{SELECT sqs.enable('s')});
$copy{staging}->poll_query_until('postgres', 'SELECT count(*) = 2 FROM t') or fail('enabled');
is($copy{staging}->safe_psql('postgres', q{SELECT state FROM sqs.status}), 'running', 'sqs.enable lifts the fence');
$copy{staging}->stop;
$node->start;
$t->finish;
done_testing;
