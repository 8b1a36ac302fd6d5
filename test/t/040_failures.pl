# Bad input and broken worlds: a clear error, nothing lost, innocent groups go
# on, and everything goes on by itself when the cause is gone.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('failures');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, amount numeric CHECK (amount >= 0))', 't', more => q{visibility_timeout => 20, policy => 'block'});

# -- a message that does not fit holds its own group only
$lab->send_messages($queue,
	[ 'a', 'a1', '{"id": 1, "amount": 1}' ], [ 'a', 'a2', '{"id": 2, "amount": "secret-value"}' ], [ 'a', 'a3', '{"id": 3, "amount": 3}' ],
	[ 'b', 'b1', '{"id": 4, "amount": 4}' ], [ 'b', 'b2', '{"id": 5, "amount": 5}' ]);
$t->wait_for('SELECT count(*) FROM t', '3');
is($t->sql('SELECT string_agg(id::text, $$,$$ ORDER BY id) FROM t'), '1,4,5', 'neighbours and predecessors committed, the culprit and its followers did not');
$t->wait_for(q{SELECT last_error_sqlstate FROM sqs.status}, '22P02');
my $status = $t->status('s');
like($status->{last_error}, qr/amount/, "the error names the column: $status->{last_error}");
unlike($status->{last_error}, qr/secret-value/, 'and not the value');
cmp_ok($status->{blocked}, '>', 0, 'blocked messages are counted');
my ($visible, $in_flight) = $lab->queue_depth($queue);
is($visible + $in_flight, 2, 'both are still on the queue');
$lab->send_messages($queue, [ 'b', 'b3', '{"id": 6, "amount": 6}' ]);
$t->wait_for('SELECT count(*) FROM t WHERE id = 6', '1');

# -- the cause goes away: order is kept
$t->sql(q{SET ROLE payments; ALTER TABLE t DROP CONSTRAINT t_amount_check, ALTER COLUMN amount TYPE text});
$lab->advance(600);
$t->wait_for(q{SELECT string_agg(id::text, ',') FROM t WHERE id IN (2, 3)}, '2,3');
$t->wait_drained('s');

# -- same id, other content: not a duplicate
$lab->advance(360);
$lab->send_messages($queue, [ 'c', 'a1', '{"id": 100, "amount": 1}' ]);
$t->wait_for(q{SELECT last_error ~ 'dedup_conflict' FROM sqs.status}, 't');
is($t->sql('SELECT count(*) FROM t WHERE id = 100'), '0', 'a dedup conflict writes nothing');
($visible, $in_flight) = $lab->queue_depth($queue);
is($visible + $in_flight, 1, 'and stays on the queue');
$lab->sqs(PurgeQueue => { QueueUrl => $queue });

# -- bodies PostgreSQL cannot hold, and bodies that are no object
$t->subscribe('j', 'j.fifo', 'CREATE TABLE j (id text, doc jsonb)', 'j', more => q{visibility_timeout => 2, policy => 'block'});
my @bad = ('not json', '[1]', '7', '{"id": "x", "doc": "\u0000"}', '{"id": "\ud800"}', '{"other": 1}', '[' x 5000);
my $n = 0;
$lab->send_messages($t->{queue}{j}, map { [ "g$n", 'bad' . $n++, $_ ] } @bad);
$lab->send_messages($t->{queue}{j}, [ 'fine', 'fine', '{"id": "fine", "doc": {"a": 1.10}}' ]);
$t->wait_for('SELECT id, doc FROM j', 'fine|{"a": 1.10}');
$t->wait_until('each bad body was tried', sub { $t->status('j')->{blocked} >= @bad });
is($t->sql('SELECT count(*) FROM j'), '1', 'no bad body became a row');
$t->sql(q{SELECT sqs.drop_subscription('j')});

# -- the world is broken: a privilege is missing; mending it needs no patience
$t->sql('REVOKE INSERT ON t FROM payments');
$lab->send_messages($queue, [ 'p', 'p1', '{"id": 50, "amount": "5"}' ], [ 'p', 'p2', '{"id": 51, "amount": "5"}' ]);
$t->wait_for(q{SELECT state, last_error_sqlstate FROM sqs.status}, 'error|42501');
$t->sql(q{SELECT sqs.alter_subscription('s', max_batch => 100)});
$t->wait_until('what it held was given back for its successor', sub {
	my @received = grep { ($_->{event} // '') eq 'sqs.received' && $_->{dedup} eq 'p1' } $lab->journal;
	return @received > 1;
}, 5);
$t->wait_for(q{SELECT state, last_error_sqlstate FROM sqs.status}, 'error|42501');
$t->sql('GRANT INSERT ON t TO payments');
$t->sql(q{SELECT sqs.enable('s')});
my $seconds = PgSqs::Test::timed(sub { $t->wait_for('SELECT count(*) FROM t WHERE id IN (50, 51)', '2') });
cmp_ok($seconds, '<', 5, sprintf('sqs.enable tries again at once (%.1f s)', $seconds));
$t->wait_drained('s');

# -- the world is broken: the table is gone; the queue stays as it is
$t->sql('ALTER TABLE t RENAME TO t_away; SET ROLE payments; CREATE VIEW v AS SELECT 1 AS x');
$lab->send_messages($queue, [ 'd', 'd1', '{"id": 7, "amount": "7"}' ]);
$t->wait_for('SELECT count(*) FROM t_away WHERE id = 7', '1');
pass('a renamed table is still the target');
$t->sql('CREATE TABLE kept AS TABLE t_away; DROP TABLE t_away');
$lab->send_messages($queue, [ 'd', 'd2', '{"id": 8, "amount": "8"}' ]);
$t->wait_for(q{SELECT state FROM sqs.status}, 'error');
like($t->status('s')->{last_error}, qr/target/, 'a dropped target is said: ' . $t->status('s')->{last_error});
ok($t->status('s')->{last_error_hint}, 'with a hint: ' . ($t->status('s')->{last_error_hint} // ''));
($visible, $in_flight) = $lab->queue_depth($queue);
is($visible + $in_flight, 1, 'the message is still on the queue');
$t->sql(q{SELECT sqs.drop_subscription('s')});

# -- wrong credentials, missing queue, unreachable endpoint
$t->sql(q{SET log_statement = 'none'; ALTER USER MAPPING FOR payments SERVER aws OPTIONS (SET secret_access_key 'wrong')});
$t->subscribe('w', 'w.fifo', 'CREATE TABLE w (id integer)', 'w', state => 'error');
like($t->status('w')->{last_error}, qr/SignatureDoesNotMatch|signature/i, 'wrong keys: ' . $t->status('w')->{last_error});
my ($code, $out, $err) = $node->psql('postgres', q{SELECT * FROM sqs.queue_state('w')});
like($err, qr/ERROR:.*\n.*HINT:|ERROR:(.|\n)*HINT:/, 'queue_state says so with a hint');
my $calls = $t->status('w')->{api_calls};
sleep 3;
cmp_ok($t->status('w')->{api_calls} - $calls, '<=', 3, 'and does not hammer');
$t->sql(q{SET log_statement = 'none'; ALTER USER MAPPING FOR payments SERVER aws OPTIONS (SET secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')});
$t->sql(q{SELECT sqs.enable('w')});
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
pass('right keys again');
is($t->sql(q{SELECT fifo, visible, in_flight FROM sqs.queue_state('w')}), 't|0|0', 'queue_state');
$lab->sqs(DeleteQueue => { QueueUrl => $t->{queue}{w} });
$t->wait_for(q{SELECT state FROM sqs.status}, 'error');
like($t->status('w')->{last_error}, qr/QueueDoesNotExist|does not exist/i, 'a missing queue: ' . $t->status('w')->{last_error});
$t->sql(q{SELECT sqs.drop_subscription('w')});

# -- the lab goes away and comes back
$t->subscribe('x', 'x.fifo', 'CREATE TABLE x (id integer)', 'x');
$t->wait_until('a poll is open', sub { $lab->stats->{waiting_polls} > 0 });
my ($port) = $lab->endpoint =~ /:(\d+)$/;
$lab->stop;
$t->wait_for(q{SELECT state FROM sqs.status}, 'backing off');
my $again = $t->{lab} = PgSqs::Lab->start(port => $port, journal => "$ENV{TESTDATADIR}/again.ndjson");
my $url = $again->create_queue('x.fifo');
$again->send_messages($url, [ 'g', 'x1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM x', '1');
pass('an endpoint that was away is found again');
$t->finish;
done_testing;
