# Somebody changes the target, its privileges or the owner while a batch is
# under way: the batch follows, or the subscription says what is wrong, stops
# and leaves the queue as it is.  No crash, no quarantine, no rights gained.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('definitions');
my ($lab, $node) = @$t{qw(lab node)};
local $ENV{PGPORT} = $node->port;
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, a text, b text, who text DEFAULT current_user)', 't', more => 'visibility_timeout => 600');
my $sent = 0;

# Run DDL in a transaction that commits while a batch waits for its lock.
sub during_batch
{
	my ($ddl) = @_;
	my $session = PgSqs::Psql->new(host => $node->host);
	$session->query("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent, "a": "x", "b": "y"}) ]);
	$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer' AND wait_event_type = 'Lock'}, '1');
	$session->query("$ddl; COMMIT");
	return;
}

sub follows
{
	my ($name, $ddl, $query, $row) = @_;
	during_batch($ddl);
	ok($t->wait_for($query // "SELECT count(*) FROM t WHERE id::text = '$sent'", $row // '1'), $name);
	$t->wait_for('SELECT state FROM sqs.status', 'running');
	return;
}

sub stops
{
	my ($name, $ddl, $sqlstate, $remedy) = @_;
	during_batch($ddl);
	$t->wait_for('SELECT state, last_error_sqlstate FROM sqs.status', "error|$sqlstate") or diag explain $t->status('s');
	my $status = $t->status('s');
	ok($status->{last_error_hint}, "$name: $status->{last_error} / " . ($status->{last_error_hint} // ''));
	my ($visible, $in_flight) = $lab->queue_depth($queue);
	is($t->sql('SELECT count(*) FROM sqs.quarantined') . ' ' . ($visible + $in_flight), '0 1', "$name: the message is still on the queue");
	$t->sql("$remedy; SELECT sqs.enable('s')");
	ok($t->wait_for("SELECT count(*) FROM t WHERE id::text = '$sent'", '1'), "$name: mended, it goes on");
	$t->wait_drained('s');
	return;
}

follows('a column is added', q{ALTER TABLE t ADD c integer DEFAULT 7}, q{SELECT c FROM t}, '7');
follows('a column changes its type', 'ALTER TABLE t ALTER id TYPE text');
follows('a column is dropped', 'ALTER TABLE t DROP b', q{SELECT a FROM t WHERE id = '3'}, 'x');
follows('a column is renamed', 'ALTER TABLE t RENAME a TO a2', q{SELECT a2 IS NULL FROM t WHERE id = '4'}, 't');
follows('the table is renamed', 'ALTER TABLE t RENAME TO t2; ALTER TABLE t2 RENAME TO t');
follows('it is truncated', 'TRUNCATE t');
follows('an index is added', 'CREATE UNIQUE INDEX ON t (id)');
stops('INSERT is revoked', 'REVOKE INSERT ON t FROM payments', '42501', 'GRANT INSERT ON t TO payments');
stops('row security without a policy', 'ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', '42501', 'CREATE POLICY all_of_them ON t USING (true)');
stops('the table belongs to somebody else', 'ALTER TABLE t OWNER TO postgres', '42501', 'GRANT INSERT, SELECT ON t TO payments');
stops('USAGE on the schema is revoked', 'REVOKE USAGE ON SCHEMA public FROM PUBLIC', '42501', 'GRANT USAGE ON SCHEMA public TO payments');
is($t->sql('SELECT DISTINCT who FROM t'), 'payments', 'all of it was written as the owner');

# -- the table is gone
during_batch('DROP TABLE t');
$t->wait_for('SELECT state FROM sqs.status', 'error');
like($t->status('s')->{last_error}, qr/target/, 'dropped during a batch: ' . $t->status('s')->{last_error});
is($t->sql('SELECT count(*) FROM sqs.quarantined'), '0', '... which is nobody\'s fault');
$t->sql(q{SET ROLE payments; CREATE TABLE t (id text, who text DEFAULT current_user); RESET ROLE; SELECT sqs.alter_subscription('s', target => 't')});
ok($t->wait_for('SELECT id FROM t', $sent), 'a new target gets it');
$t->wait_drained('s');

# -- the owner is gone, while its consumer runs
sub told { return scalar grep { /LOG: .*pg_sqs subscription "s"/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }
my $lines = told();
$t->sql(q{SET log_statement = 'none'; CREATE ROLE heir; GRANT USAGE ON FOREIGN SERVER aws TO heir; GRANT USAGE ON SCHEMA public TO heir;
	CREATE USER MAPPING FOR heir SERVER aws OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')});
$t->sql('DROP USER MAPPING FOR payments SERVER aws; REASSIGN OWNED BY payments TO heir; DROP OWNED BY payments; DROP ROLE payments');
$t->wait_for('SELECT state FROM sqs.status', 'error');
my $status = $t->status('s');
like($status->{last_error}, qr/does not exist/, "a dropped owner: $status->{last_error}");
like($status->{last_error_hint}, qr/sqs\.alter_subscription\(\.\.\., owner/, "the hint says what to do: $status->{last_error_hint}");
$sent++;
$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
$t->sql(q{SELECT sqs.alter_subscription('s', owner => 'heir')});
ok($t->wait_for("SELECT who FROM t WHERE id = '$sent'", 'heir'), 'another owner takes over');
cmp_ok(told() - $lines, '<=', 3, 'in few lines of the log');
$t->finish;
done_testing;
