# What PostgreSQL refuses is taken from the queue and kept, byte for byte; its
# neighbours and followers do not wait; nothing is kept twice, and what comes
# right is settled.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Encode ();
use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('quarantine');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', q{CREATE TABLE t (id integer, amount numeric CHECK (amount >= 0), doc jsonb, nr bigint GENERATED ALWAYS AS IDENTITY)}, 't',
	more => 'visibility_timeout => 5');
sub ids { return $t->sql(q{SELECT coalesce(string_agg(id::text, ',' ORDER BY nr), '') FROM t}) }
sub rows { return $t->sql("SELECT $_[0] FROM sqs.quarantine q ORDER BY id") }

# -- one culprit in the middle of its group
$lab->send_messages($queue,
	[ 'a', 'a1', '{"id": 1, "amount": 1}' ], [ 'a', 'a2', '{"id": 2, "amount": "secret-value"}' ], [ 'a', 'a3', '{"id": 3, "amount": 3}' ],
	[ 'b', 'b1', '{"id": 4, "amount": 4}' ], [ 'b', 'b2', '{"id": 5, "amount": -5}' ], [ 'b', 'b3', '{"id": 6, "amount": 6}' ]);
$t->wait_for('SELECT count(*) FROM t', '4');
$t->wait_drained('s');
is($t->sql(q{SELECT string_agg(id::text, ',' ORDER BY nr) FROM t WHERE id < 4}), '1,3', 'what follows the culprit is applied, in order');
is(rows(q{group_id, dedup_id, state, reason, error_sqlstate, strikes, route IS NULL, convert_from(body, 'UTF8')}),
	qq(a|a2|waiting|data|22P02|1|t|{"id": 2, "amount": "secret-value"}\nb|b2|waiting|data|23514|1|t|{"id": 5, "amount": -5}), 'the culprits are in the quarantine');
unlike(rows('error'), qr/secret-value/, 'an error without the value');
is($t->sql('SELECT count(*) FROM sqs.ledger'), '4', 'they are not in the ledger');
my $status = $t->status('s');
is("$status->{applied} $status->{quarantined} $status->{blocked} $status->{deleted}", '4 2 0 6', 'counted');
is($status->{state}, 'running', 'the subscription runs');
like($status->{last_error}, qr/amount/, "the status tells: $status->{last_error}");

# -- delivered again because its deletion got lost, it goes on waiting, even
# where it would come right now: what followed it has been applied
my $known = $t->status('s')->{duplicates};
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', times => -1, do => 'ignore');
$lab->send_messages($queue, [ 'i', 'i1', '{"id": 301, "amount": -1}' ], [ 'i', 'i2', '{"id": 302, "amount": 1}' ]);
$t->wait_for('SELECT count(*) FROM t WHERE id = 302', '1');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE dedup_id = 'i1'}, '1');
$t->wait_until('the deletions got lost', sub { 2 <= grep { ($_->{event} // '') eq 'sqs.fault' && $_->{do} eq 'ignore' } $lab->journal });
$lab->clear_faults;
$t->sql('SET ROLE payments; ALTER TABLE t DROP CONSTRAINT t_amount_check');
$lab->advance(10);
$t->wait_drained('s');
$t->wait_until('both were delivered again', sub { $t->status('s')->{duplicates} == $known + 2 });
is($t->sql(q{SELECT state, strikes FROM sqs.quarantine WHERE dedup_id = 'i1'}), 'waiting|1', 'delivered again it goes on waiting');
is($t->sql('SELECT count(*) FROM t WHERE id = 301'), '0', 'and is not applied behind what followed it');
$t->sql('SET ROLE payments; ALTER TABLE t ADD CONSTRAINT t_amount_check CHECK (amount >= 0)');

# -- sent again, it is tried again, and kept once; each failure is a strike
$lab->send_messages($queue, [ 'c', 'c1', '{"id": "seven"}' ]);
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE dedup_id = 'c1'}, '1');
$t->wait_drained('s');
$lab->advance(360);
$lab->send_messages($queue, [ 'c', 'c1', '{"id": "seven"}' ]);
$t->wait_for(q{SELECT strikes FROM sqs.quarantine WHERE dedup_id = 'c1'}, '2');
pass('the same message once more: one row, two strikes');

# -- a correction under its id is applied and supersedes it
$lab->advance(360);
$lab->send_messages($queue, [ 'c', 'c1', '{"id": 7}' ], [ 'a', 'a2', '{"id": 2, "amount": 2}' ]);
$t->wait_for(q{SELECT string_agg(state, ',') FROM sqs.quarantine WHERE dedup_id IN ('c1', 'a2')}, 'superseded,superseded');
$t->wait_for('SELECT count(*) FROM t WHERE id IN (2, 7)', '2');

# -- the same content, after the cause has gone
$t->sql('SET ROLE payments; ALTER TABLE t DROP CONSTRAINT t_amount_check');
$lab->send_messages($queue, [ 'b', 'b2', '{"id": 5, "amount": -5}' ]);
$t->wait_for(q{SELECT state FROM sqs.quarantine WHERE dedup_id = 'b2'}, 'applied');
is($t->sql('SELECT count(*) FROM t WHERE id = 5'), '1', 'tried again and applied');

# -- same id, other content, and the first one was applied: a conflict, not a duplicate
$lab->send_messages($queue, [ 'd', 'a1', '{"id": 100}' ], [ 'd', 'd2', '{"id": 101}' ]);
$t->wait_for(q{SELECT reason, error_sqlstate, state FROM sqs.quarantine WHERE dedup_id = 'a1'}, 'dedup_conflict|23505|waiting');
$t->wait_for('SELECT count(*) FROM t WHERE id IN (100, 101)', '1');
is($t->sql('SELECT count(*) FROM t WHERE id = 101'), '1', 'a dedup conflict writes nothing, and nobody waits for it');
$t->wait_drained('s');

# -- both in one batch, which is gathered while a lock is held
$ENV{PGPORT} = $t->{node}->port;
my $blocker = PgSqs::Psql->new(host => $t->{node}->host);
$lab->advance(360);
$blocker->query('BEGIN; LOCK TABLE t IN SHARE MODE');
$lab->send_messages($queue, [ 'e', 'wait', '{"id": 199}' ]);
$t->wait_for(q{SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND NOT granted}, '1');
$lab->send_messages($queue, [ 'f', 'f1', '{"id": 200}' ], [ 'g', 'g1', '{"id": 201}' ]);
$lab->advance(360);
$lab->send_messages($queue, [ 'h', 'f1', '{"id": 202}' ], [ 'h', 'h2', '{"id": 203}' ]);
$blocker->query('COMMIT');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE dedup_id = 'f1' AND reason = 'dedup_conflict'}, '1');
$t->wait_for('SELECT count(*) FROM t WHERE id BETWEEN 199 AND 203', '4');
$t->wait_drained('s');

# -- bodies PostgreSQL cannot hold: the bytes they were
my @bad = ('not json', '[1]', '7', '{"id": 1, "doc": "\u0000"}', '{"id": "\ud800"}', '{"other": 1}', "{\"id\": \"\x{1F600}\"}", '{"id": 1,}', '{"id": 1, "doc": {"a": "\udead"}}');
my $n = 0;
$lab->send_messages($queue, map { [ "bad$n", 'bad' . $n++, $_ ] } @bad);
$lab->send_messages($queue, [ 'fine', 'fine', '{"id": 300, "doc": {"a": 1.10}}' ]);
$t->wait_for('SELECT doc FROM t WHERE id = 300', '{"a": 1.10}');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE dedup_id LIKE 'bad%'}, scalar @bad);
is($t->sql(q{SELECT string_agg(encode(sha256(body), 'hex'), ' ' ORDER BY dedup_id) FROM sqs.quarantine WHERE dedup_id LIKE 'bad%'}),
	join(' ', map { sha256_hex(Encode::encode_utf8($_)) } @bad), 'byte for byte');
is($t->sql(q{SELECT bool_and(octet_length(body) = body_bytes AND sha256(body) = content_hash) FROM sqs.quarantine WHERE dedup_id LIKE 'bad%'}), 't', 'with length and hash');
$t->wait_drained('s');
is($t->status('s')->{state}, 'running', 'all the while it ran');
is($t->status('s')->{received}, $t->sql(q{SELECT applied + duplicates + quarantined FROM sqs.status}), 'what was received is accounted for');

# -- text that the database's encoding lacks
$t->sql(q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$t->install('latin');
my $latin = $t->subscribe('l', 'l.fifo', 'CREATE TABLE l (id integer, note text)', 'l', database => 'latin', more => 'visibility_timeout => 5');
my $snowman = qq({"id": 1, "note": "\x{2603}"});
$lab->send_messages($latin, [ 'g', 'l1', $snowman ], [ 'g', 'l2', qq({"id": 2, "note": "\x{fc}"}) ]);
$t->wait_for('SELECT id, ascii(note) FROM l', '2|252', 'latin');
is($t->sql(q{SELECT error_sqlstate, encode(sha256(body), 'hex') FROM sqs.quarantine}, 'latin'), '22P05|' . sha256_hex(Encode::encode_utf8($snowman)), 'text of another encoding: the bytes it was');
my @log = grep { /secret-value|seven/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($t->{node}->logfile);
is("@log", '', 'no value in the server log');
$t->finish;
done_testing;
