# pg_dump and restore, plain and custom, into another database: subscriptions
# with their routes, the ledger, the quarantine and the held groups are all
# there, fenced, and go on where they were when somebody says so.
use strict;
use warnings;

use PgSqs::Test;
use PostgreSQL::Test::Utils;
use Test::More;

my $t = PgSqs::Test->new('dump');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, n bigserial); CREATE TABLE u (id integer)', 't', more => q{policy => 'quarantine_group', dedup_retention => '40 days'});
$t->sql(q{SELECT sqs.add_route('s', 'u', statement => 'INSERT INTO public.u SELECT (body->>''id'')::integer FROM batch')});
$t->sql(q{INSERT INTO sqs.forgotten (subscription, applied_from, applied_to, rows, reason) SELECT id, '2026-01-01', '2026-01-02', 0, 'tested' FROM sqs.subscription});
$lab->send_messages($queue, map { [ 'good', "d$_", qq({"id": $_}) ] } 1 .. 5);
$lab->send_messages($queue, [ 'bad', 'b1', '{"id": "x"}' ], map { [ 'bad', "b$_", qq({"id": 10$_}) ] } 2 .. 4);
$t->wait_for('SELECT count(*) FROM sqs.quarantined', '4');
$t->wait_drained('s');

my %what = (
	subscription => 'SELECT id, name, owner, server, queue_url, enabled, policy, dedup_retention, database, timeline, system FROM sqs.subscription',
	route => 'SELECT r::text FROM sqs.route r ORDER BY name', ledger => 'SELECT l::text FROM sqs.ledger l ORDER BY dedup_key',
	quarantined => 'SELECT q::text FROM sqs.quarantined q ORDER BY id', held_group => 'SELECT h::text FROM sqs.held_group h', forgotten => 'SELECT f::text FROM sqs.forgotten f');
my %before = map { $_ => $t->sql($what{$_}) } keys %what;
local $ENV{PGOPTIONS} = '-c log_statement=none';	# a dump has the keys of user mappings
my @connect = ('-h', $node->host, '-p', $node->port, '-U', 'postgres');
system_or_bail('pg_dump', @connect, '-f', "$ENV{TESTDATADIR}/plain.sql", 'postgres');
system_or_bail('pg_dump', @connect, '-Fc', '-f', "$ENV{TESTDATADIR}/custom.dump", 'postgres');
$t->sql("CREATE DATABASE $_ TEMPLATE template0") for qw(plain custom);
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', @connect, '-f', "$ENV{TESTDATADIR}/plain.sql", 'plain' ], 'a plain dump can be restored');
command_ok([ 'pg_restore', '-e', '-j', '2', @connect, '-d', 'custom', "$ENV{TESTDATADIR}/custom.dump" ], 'and a custom one, in parallel');

for my $database (qw(plain custom))
{
	is($t->sql($what{$_}, $database), $before{$_}, "$database: $_") for sort keys %what;
	is($t->sql(q{SELECT state, pid FROM sqs.status}, $database), 'fenced|', "$database: it is fenced");
	is($t->sql(qq{SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND backend_type = 'pg_sqs consumer'}), '0', "$database: and does not poll");
}

# -- the one goes, the other goes on
$t->sql(q{SELECT sqs.drop_subscription('s', discard_quarantine => true)});
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}, '0');
$lab->advance(400);
$lab->send_messages($queue, [ 'good', 'd5', '{"id": 5}' ], [ 'good', 'd6', '{"id": 6}' ], [ 'bad', 'b5', '{"id": 105}' ]);
$t->sql(q{SELECT sqs.enable('s')}, 'custom');
ok($t->wait_for('SELECT count(*) FROM t WHERE id = 6', '1', 'custom'), 'it goes on where it was enabled');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantined WHERE state = 'waiting'}, '5', 'custom');
is($t->sql('SELECT count(*), max(id) FROM t', 'custom'), '6|6', 'what was applied before is a duplicate, and the group is still held');
$t->wait_drained('s');
$t->sql(q{SELECT sqs.discard('s', 'tested', ids => ARRAY(SELECT id FROM sqs.quarantine WHERE dedup_id = 'b1'))}, 'custom');
is($t->sql(q{SELECT sqs.release('s', 'bad')}, 'custom'), '4', 'which sqs.release lets go');
is($t->sql(q{SELECT string_agg(id::text, ' ' ORDER BY n) FROM t WHERE id > 100}, 'custom'), '102 103 104 105', 'in order');
is($t->sql('SELECT count(*) FROM u', 'custom'), '10', 'by every route');
$t->sql(q{SELECT sqs.create_subscription('new', 'http://127.0.0.1:1/123456789012/new.fifo', 'aws', 't', enabled => false)}, 'custom');
cmp_ok($t->sql(q{SELECT max(id) FROM sqs.subscription}, 'custom'), '>', $t->sql(q{SELECT min(id) FROM sqs.subscription}, 'custom'), 'a new subscription gets a number of its own');
is($t->sql('SELECT state FROM sqs.status', 'plain'), 'fenced', 'the other copy still is fenced');
$t->finish;
done_testing;
