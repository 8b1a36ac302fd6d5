# What is changed takes effect at the commit, and not at all with a ROLLBACK:
# the extension, subscriptions and routes, created, changed and dropped, each
# also twice in one transaction, in a subtransaction and by a prepared one.
# Afterwards the right consumers run, and the log was not filled.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('commit', conf => "max_prepared_transactions = 2\n");
my ($lab, $node) = @$t{qw(lab node)};
my %url = map { $_ => $lab->create_queue("$_.fifo") } qw(a b c);
$t->sql('SET ROLE payments; CREATE TABLE t (q text, id integer); CREATE TABLE u (q text, id integer)');
my $running = q{SELECT string_agg(substr(application_name, 17), ' ' ORDER BY application_name) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'};
my $sent = 0;

sub create { my ($name) = @_; return "SELECT sqs.create_subscription('$name', '$url{$name}', 'aws', 't')" }
sub arrives
{
	my ($name, $queue, $table, $count) = @_;
	$sent++;
	$lab->send_messages($url{$queue}, [ 'g', "d$sent", qq({"q": "$queue", "id": $sent}) ]);
	return ok($t->wait_for("SELECT count(*) FROM $table WHERE id = $sent", $count // 1), $name);
}
sub runs { my ($name, $expected) = @_; return ok($t->wait_for($running, $expected), "$name: runs \"$expected\"") }

# -- subscriptions
$t->sql('BEGIN; ' . create('a') . '; ROLLBACK');
is($t->sql('SELECT count(*) FROM sqs.subscription'), '0', 'create and ROLLBACK: nothing');
$t->sql(create('a'));
runs('create', 'a');
arrives('it consumes', 'a', 't');
my $pid = $t->status('a')->{pid};
$t->sql(q{BEGIN; SELECT sqs.drop_subscription('a'); ROLLBACK});
$t->sql(q{BEGIN; SELECT sqs.disable('a'); ROLLBACK});
$t->sql(q{BEGIN; SELECT sqs.alter_subscription('a', max_batch => 5), sqs.alter_subscription('a', owner => 'payments', max_polls => 9); ROLLBACK});
$t->sql(q{BEGIN; SELECT sqs.disable('a'); SELECT sqs.enable('a'); COMMIT});
$t->sql('BEGIN; SAVEPOINT x; ' . q{SELECT sqs.drop_subscription('a'); ROLLBACK TO x; COMMIT});
arrives('drop, disable and alter rolled back: it consumes', 'a', 't');
is($t->status('a')->{pid}, $pid, 'in the same process');
$t->sql(q{BEGIN; SELECT sqs.alter_subscription('a', max_batch => 5); SELECT sqs.alter_subscription('a', max_batch => 6, max_polls => 2); COMMIT});
$t->wait_for("SELECT state FROM sqs.status WHERE pid <> $pid", 'running');
is($t->sql('SELECT max_batch, max_polls FROM sqs.subscription'), '6|2', 'altered twice in a transaction');
$t->sql(q{BEGIN; SELECT sqs.drop_subscription('a'); } . create('a') . q{; SELECT sqs.drop_subscription('a'); } . create('a') . '; ' . create('b') . '; ' . create('c') . q{; SELECT sqs.drop_subscription('c'); COMMIT});
runs('drop and create twice, another created and dropped', 'a b');
arrives('the new one consumes', 'a', 't');
$t->sql('BEGIN; ' . create('c') . q{; SELECT sqs.disable('b'); PREPARE TRANSACTION 'later'});
is($t->sql($running), 'a b', 'a prepared change is none yet');
$t->sql(q{COMMIT PREPARED 'later'});
runs('COMMIT PREPARED', 'a c');
$t->sql(q{BEGIN; SELECT sqs.drop_subscription('c'); PREPARE TRANSACTION 'never'});
$t->sql(q{ROLLBACK PREPARED 'never'; SELECT sqs.enable('b')});
runs('ROLLBACK PREPARED', 'a b c');
$t->sql(q{SELECT sqs.drop_subscription('b'), sqs.drop_subscription('c')});
runs('dropped', 'a');

# -- routes
$t->sql(q{BEGIN; SELECT sqs.add_route('a', 'u', 'u'); ROLLBACK});
arrives('a route rolled back', 'a', 't');
is($t->sql('SELECT count(*) FROM u'), '0', '... writes nothing');
$t->sql(q{BEGIN; SELECT sqs.add_route('a', 'u', 'u'); SELECT sqs.drop_route('a', 'u'); SELECT sqs.add_route('a', 'u', statement => 'INSERT INTO public.u SELECT ''by statement'', (body->>''id'')::integer FROM batch'); COMMIT});
$t->wait_for('SELECT state FROM sqs.status', 'running');
$pid = $t->status('a')->{pid};
$t->wait_until('the route is in use', sub { arrives('a route added, dropped and added', 'a', 't'); return $t->sql("SELECT q FROM u WHERE id = $sent") eq 'by statement' });
$t->sql(q{BEGIN; SELECT sqs.drop_route('a', 'u'); ROLLBACK});
arrives('dropping it rolled back', 'a', 'u');

# -- the extension
my $seconds = timed(sub { $t->sql('BEGIN; DROP EXTENSION pg_sqs CASCADE; ROLLBACK') });
cmp_ok($seconds, '<', 6, sprintf('DROP EXTENSION takes %.1f s', $seconds));
runs('DROP EXTENSION and ROLLBACK', 'a');
arrives('it consumes', 'a', 't');
my $server = q{CREATE SERVER aws FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', endpoint '} . $lab->endpoint . q{'); GRANT USAGE ON FOREIGN SERVER aws TO payments;
	CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')};
my $all_again = "DROP EXTENSION pg_sqs CASCADE; CREATE EXTENSION pg_sqs; $server; " . create('b');
$seconds = timed(sub { $t->sql("SET log_statement = 'none'; BEGIN; $all_again; $all_again; ROLLBACK") });
cmp_ok($seconds, '<', 6, sprintf('dropped and created twice takes %.1f s', $seconds));
runs('rolled back', 'a');
$t->sql("SET log_statement = 'none'; BEGIN; $all_again; $all_again; COMMIT");
runs('dropped and created twice', 'b');
arrives('it consumes', 'b', 't');
$t->sql("SET log_statement = 'none'; BEGIN; SAVEPOINT x; DROP EXTENSION pg_sqs CASCADE; ROLLBACK TO x; COMMIT");
runs('dropped in a subtransaction that was rolled back', 'b');
$t->sql('DROP EXTENSION pg_sqs CASCADE');
runs('dropped', '');
$t->sql("SET log_statement = 'none'; BEGIN; CREATE EXTENSION pg_sqs; $server; " . create('c') . '; ROLLBACK');
is($t->sql(q{SELECT count(*) FROM pg_extension WHERE extname = 'pg_sqs'}) . $t->sql($running), '0', 'CREATE EXTENSION and ROLLBACK');
my @lines = grep { /LOG: .*pg_sqs|ERROR:|FATAL:/ && !/statement:/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
cmp_ok(@lines, '<', 15, @lines . ' lines of ours in the log') or diag join "\n", @lines;
$t->finish;
done_testing;
