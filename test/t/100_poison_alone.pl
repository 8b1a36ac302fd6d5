# One message that fails in the way a broken world does, and nobody beside it:
# its group waits, every other group goes on.  And what is told of an error
# never holds a value, whatever type or function raised it.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('poison');
my ($lab, $node) = @$t{qw(lab node)};

# -- row security refuses one row with 42501, as a missing GRANT would refuse all
my $queue = $t->subscribe('s', 'q.fifo', q{CREATE TABLE t (id integer, visible boolean DEFAULT true);
	ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t WITH CHECK (visible)}, 't', more => q{max_batch => 1, policy => 'block'});
$lab->send_messages($queue, [ 'poison', 'p1', '{"id": 1, "visible": false}' ]);
$t->wait_for(q{SELECT last_error_sqlstate FROM sqs.status}, '42501');
pass('a lone refused row is taken for a missing privilege');
$lab->send_messages($queue, map { [ "g$_", "i$_", qq({"id": 10$_}) ] } 1 .. 3);
my $seconds = PgSqs::Test::timed(sub { $t->wait_for('SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM t', '101,102,103') });
cmp_ok($seconds, '<', 15, sprintf('innocent groups go on (%.1f s)', $seconds));
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
is($t->sql(q{SELECT blocked > 0 FROM sqs.status}), 't', 'and the culprit is blocked');
$lab->send_messages($queue, [ 'g1', 'i4', '{"id": 104}' ]);
$t->wait_for('SELECT count(*) FROM t WHERE id = 104', '1');
$t->sql(q{SET ROLE payments; DROP POLICY p ON t; CREATE POLICY p ON t USING (true)});
$lab->advance(400);
$t->wait_for('SELECT count(*) FROM t WHERE id = 1', '1');
$t->wait_drained('s');
$t->sql(q{SELECT sqs.drop_subscription('s')});

# -- types that answer a wrong value with the SQLSTATE of a wrong statement
my @probes = (
	[ 'regclass', '"payload_canary"' ], [ 'regrole', '"payload_canary"' ], [ 'regtype', '"payload_canary"' ],
	[ 'regnamespace', '"payload_canary"' ], [ 'tsquery', '"payload_canary & & x"' ], [ 'jsonpath', '"$ payload_canary ((("' ],
	[ 'numeric', '"payload_canary"' ], [ 'text CHECK (v::regclass IS NOT NULL)', '"payload_canary"' ],
	[ 'text CHECK (v::tsquery IS NOT NULL)', '"payload_canary & & x"' ]);
$t->sql(q{ALTER SYSTEM SET log_min_messages = debug1; SELECT pg_reload_conf()});
for my $i (0 .. $#probes)
{
	my ($type, $value) = @{ $probes[$i] };
	my $url = $t->subscribe("p$i", "p$i.fifo", "CREATE TABLE p$i (id integer, v $type)", "p$i", more => "policy => 'block'");
	$lab->send_messages($url, [ 'g', 'd', qq({"id": 1, "v": $value}) ]);
	$t->wait_for(qq{SELECT last_error IS NOT NULL FROM sqs.status WHERE subscription = 'p$i'}, 't');
	my $status = $t->status("p$i");
	unlike(join(' ', map { $_ // '' } values %$status), qr/payload_canary/, "$type: $status->{last_error_sqlstate} $status->{last_error}");
	$t->sql("SELECT sqs.drop_subscription('p$i')");
}
# (from 16 on, PostgreSQL's own regclassin says the name at debug1)
my @told = grep { /payload_canary/ && !/DEBUG:  relation "payload_canary" does not exist/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
is("@told", '', 'no value in the server log at debug1');

# -- another relation takes the target's name: the target stays the target
$queue = $t->subscribe('r', 'r.fifo', 'CREATE TABLE r (id integer)', 'r');
$lab->send_messages($queue, [ 'g', 'r1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM r', '1');
$t->sql('SET ROLE payments; BEGIN; ALTER TABLE r RENAME TO r_old; CREATE TABLE r (id integer); COMMIT');
$lab->send_messages($queue, [ 'g', 'r2', '{"id": 2}' ]);
$t->wait_for('SELECT count(*) FROM r_old', '2');
is($t->sql('SELECT count(*) FROM r'), '0', 'a table that took the name gets nothing');

# -- what a crash would empty gets nothing, and keeps its messages
$t->sql('SET ROLE payments; ALTER TABLE r_old SET UNLOGGED');
$lab->send_messages($queue, [ 'g', 'r3', '{"id": 3}' ]);
$t->wait_for(q{SELECT state FROM sqs.status}, 'error');
like($t->status('r')->{last_error}, qr/r_old is unlogged/, 'a target turned unlogged is refused: ' . $t->status('r')->{last_error});
$t->sql(q{SET ROLE payments; ALTER TABLE r_old SET LOGGED; RESET ROLE; SELECT sqs.enable('r'), sqs.alter_subscription('r', max_polls => 2)});
$t->wait_for('SELECT count(*) FROM r_old', '3');
$t->wait_drained('r');

# -- the scope of ids cannot change under a consumer that writes by the old one
$t->sql(q{SELECT sqs.drop_subscription('r')});
$queue = $t->subscribe('c', 'c.fifo', 'CREATE TABLE c (id integer)', 'c', more => 'visibility_timeout => 5');
is($t->sql(q{SELECT dedup_scope FROM sqs.subscription}), 'queue', 'the consumer asked the queue');
$t->sql(q{SELECT sqs.alter_subscription('c', dedup_scope => 'messageGroup')});
$lab->send_messages($queue, [ 'g', 'c1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM c', '1');
is($t->sql('SELECT dedup_key FROM sqs.ledger'), 'g c1', 'keys are made by the new scope');
my $pid = $t->status('c')->{pid};
$t->sql(q{SELECT sqs.enable('c')});
sleep 1;
is($t->status('c')->{pid}, $pid, 'a scan that finds nothing changed disturbs nobody');

# -- an ordinary user's DROP SCHEMA is none of our business
my ($code, $out, $err) = $node->psql('template1', 'SET ROLE payments; DROP SCHEMA IF EXISTS sqs');
is($code, 0, 'DROP SCHEMA IF EXISTS sqs where there is none') or diag $err;
$t->finish;
done_testing;
