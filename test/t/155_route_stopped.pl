# One form of the messages is broken while the others are fine: it alone is
# stopped, its messages wait, and nothing else does.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('route');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', q{CREATE TABLE tx (id integer, nr bigint GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE report (id integer NOT NULL, country char(2) NOT NULL, nr bigint GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE checked (id integer CHECK (id <> 66))}, 'tx', more => 'visibility_timeout => 5');
my $pids = $t->sql('SELECT pids FROM sqs.status');
$t->sql(q{SELECT sqs.add_route('s', 'report', 'report', on_error => 'route'), sqs.add_route('s', 'checked', 'checked')});
$t->wait_for(qq{SELECT state, pids <> '$pids' FROM sqs.status}, 'running|t');
sub message { my ($id, $country) = @_; return [ 'g' . $id % 3, "m$id", sprintf '{"id": %d, "country": "%s"}', $id, $country // 'DE' ] }
sub kept { my ($where) = @_; return $t->sql("SELECT count(*) FROM sqs.quarantine WHERE state = 'waiting' AND $where") }

# -- it refuses some: only that form of them waits
$lab->send_messages($queue, map { message($_, $_ % 4 == 0 ? 'nowhere' : 'DE') } 1 .. 12);
$t->wait_for('SELECT count(*) FROM tx', '12');
$t->wait_for('SELECT count(*) FROM report', '9');
$t->wait_drained('s');
is($t->sql(q{SELECT string_agg(dedup_id || ':' || route || ':' || error_sqlstate, ' ' ORDER BY id) FROM sqs.quarantine}),
	'm4:report:22001 m8:report:22001 m12:report:22001', 'one row for the form that is missing');
is($t->sql('SELECT count(*) FROM sqs.ledger'), '12', 'all are in the ledger');
is($t->status('s')->{applied} . ' ' . $t->status('s')->{quarantined}, '12 3', 'counted');
is($t->sql('SELECT bool_and(ordered) FROM (SELECT id > lag(id) OVER (PARTITION BY id % 3 ORDER BY nr) IS NOT FALSE AS ordered FROM tx) x'), 't', 'in order');
# delivered again: duplicates
$lab->advance(360);
$lab->send_messages($queue, message(4, 'nowhere'));
$t->wait_for(q{SELECT duplicates FROM sqs.status}, '1');
is($t->sql('SELECT sum(strikes) FROM sqs.quarantine'), '3', 'delivered again it is a duplicate');

# -- another route refuses the whole message
$lab->send_messages($queue, message(66, 'nowhere'));
$t->wait_for(q{SELECT route IS NULL, error_sqlstate FROM sqs.quarantine WHERE dedup_id = 'm66'}, 't|23514');
is($t->sql('SELECT count(*) FROM tx WHERE id = 66'), '0', 'a route for which the others wait keeps all from it');
$t->wait_drained('s');

# -- the table of the report is dropped while messages come
$t->sql('SET ROLE payments; ALTER TABLE report RENAME TO report_away');
$t->sql('CREATE TABLE report_kept AS TABLE report_away; DROP TABLE report_away');
$lab->send_messages($queue, map { message($_) } 101 .. 160);
$t->wait_for('SELECT count(*) FROM tx WHERE id > 100', '60');
$t->wait_drained('s');
is($t->status('s')->{state}, 'running', 'the subscription runs');
is($t->sql(q{SELECT stopped_since IS NOT NULL, stopped_sqlstate FROM sqs.route WHERE name = 'report'}), 't|42P01', 'the route is stopped, and says why');
is(kept(q{reason = 'route_stopped'}), '60', 'its messages wait, all of them');
is($t->sql('SELECT count(*) FROM checked WHERE id > 100'), '60', 'the other routes wrote them');

# -- mended: live again, and what waits is replayed
$pids = $t->sql('SELECT pids FROM sqs.status');
my ($code, $out, $err) = $t->{node}->psql('postgres', q{SET ROLE payments; CREATE TABLE report (id integer NOT NULL, country text NOT NULL); RESET ROLE;
	UPDATE sqs.route SET target = 'report' WHERE name = 'report'; SELECT sqs.enable('s')});
is($code, 0, 'enabled again') or diag $err;
$t->wait_for(qq{SELECT state, pids <> '$pids' FROM sqs.status}, 'running|t');
$lab->send_messages($queue, map { message($_) } 201 .. 203);
$t->wait_for('SELECT count(*) FROM report', '3');
is($t->sql(q{SELECT outcome || ' ' || count(*) FROM sqs.retry('s', route => 'report') GROUP BY outcome}), 'applied 63', 'replayed by sqs.retry');
is($t->sql('SELECT count(*) FROM report'), '66', 'each once');

# -- too much of it fails alike: it is the route that stops
$t->sql('SET ROLE payments; ALTER TABLE report ADD COLUMN region text NOT NULL DEFAULT $$x$$; ALTER TABLE report ALTER COLUMN region DROP DEFAULT');
$lab->send_messages($queue, map { message($_) } 301 .. 350);
$t->wait_for('SELECT count(*) FROM tx WHERE id > 300', '50');
$t->wait_drained('s');
is($t->sql(q{SELECT stopped_sqlstate FROM sqs.route WHERE name = 'report'}), '23502', 'a new NOT NULL column stops it');
is(kept(q{route = 'report' AND reason = 'data'}) + kept(q{route = 'report' AND reason = 'route_stopped'}), 50, 'all wait');
cmp_ok(kept(q{reason = 'data' AND route = 'report'}), '<', 20, 'most of them untried');
$t->sql(q{SET ROLE payments; ALTER TABLE report ALTER COLUMN region SET DEFAULT 'EU'; RESET ROLE; SELECT sqs.enable('s')});
is($t->sql(q{SELECT outcome || ' ' || count(*) FROM sqs.retry('s', route => 'report') GROUP BY outcome}), 'applied 50', 'replayed');

# -- a constraint that is checked at the commit is found by trying
$t->sql(q{SET ROLE payments; CREATE TABLE countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('DE');
	DELETE FROM report WHERE country <> 'DE'; ALTER TABLE report ADD FOREIGN KEY (country) REFERENCES countries DEFERRABLE INITIALLY DEFERRED});
$lab->send_messages($queue, message(401), message(402, 'ZZ'), message(403));
$t->wait_for('SELECT count(*) FROM tx WHERE id > 400', '3');
$t->wait_for(q{SELECT route, error_sqlstate FROM sqs.quarantine WHERE dedup_id = 'm402'}, 'report|23503');
is($t->sql(q{SELECT string_agg(id::text, ',' ORDER BY id) FROM report WHERE id > 400}), '401,403', 'and only its form is left out');
$t->wait_drained('s');
$t->finish;
done_testing;
