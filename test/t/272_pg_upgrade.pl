# pg_upgrade, between clusters of the same version: nothing of ours runs while
# it does, configuration and ledger arrive, and the new cluster is another home,
# in which nothing polls before somebody says so; then it goes on where the
# old one stopped.
use strict;
use warnings;

use PgSqs::Test;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = PgSqs::Test->new('old');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
$lab->send_messages($queue, map { [ "g$_", "d$_", $_ == 5 ? '{"id": "x"}' : qq({"id": $_}) ] } 1 .. 5);
$t->wait_for('SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM sqs.quarantined)', '4|1');
$t->wait_drained('s');
$node->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
PgSqs::Test::init_node($new);
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sqs'\nlog_min_messages = debug1\n");
$node->append_conf('postgresql.conf', "log_min_messages = debug1\n");
my $bin = `pg_config --bindir`;
chomp $bin;
my $polls = sub { return $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} };
my $before = $polls->();
$lab->send_messages($queue, [ 'g9', 'd9', '{"id": 9}' ]);
chdir $ENV{TESTDATADIR} or die "chdir: $!";
my @upgrade = ("$bin/pg_upgrade", '--no-sync', '--retain', '-U', 'postgres', '-d', $node->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin, '-s', $new->host, '-p', $node->port, '-P', $new->port);
command_ok([ @upgrade, '--check' ], 'pg_upgrade --check');
command_ok(\@upgrade, 'pg_upgrade');
is($polls->(), $before, 'nobody polled meanwhile');
my $logs = '';
$logs .= slurp_file($_) for glob($new->data_dir . '/pg_upgrade_output.d/*/log/*.log'), glob($new->data_dir . '/pg_upgrade_output.d/log/*.log');
like($logs, qr/DEBUG: /, 'the servers of pg_upgrade have said what they do');
unlike($logs, qr/pg_sqs (launcher|scanner|consumer)/, 'and no worker of ours was among it');

# -- the new cluster
$new->start;
is($new->safe_psql('postgres', q{SELECT state, pid FROM sqs.status}), 'fenced|', 'it is another cluster, and fenced');
is($new->safe_psql('postgres', q{SELECT count(*) FROM sqs.ledger}), '4', 'with the ledger');
is($new->safe_psql('postgres', q{SELECT dedup_id FROM sqs.quarantine}), 'd5', 'and the quarantine');
is($polls->(), $before, 'it does not poll');
$lab->advance(400);
$lab->send_messages($queue, [ 'g1', 'd1', '{"id": 1}' ]);
$new->safe_psql('postgres', q{SELECT sqs.enable('s')});
$new->poll_query_until('postgres', q{SELECT count(*) = 5 FROM t WHERE id < 10}) or fail('goes on');
is($new->safe_psql('postgres', 'SELECT string_agg(id::text, $$ $$ ORDER BY id) FROM t'), '1 2 3 4 9', 'enabled it goes on where the old one stopped');
$new->poll_query_until('postgres', q{SELECT duplicates = 1 FROM sqs.status}) or fail('duplicate');
$t->wait_drained('s');
$new->stop;
$lab->stop;
unlike(slurp_file($new->logfile) . slurp_file($node->logfile), qr/PANIC|terminated by signal|wJalrXUtnFEMI/, 'no crash and no secret in the logs');
done_testing;
