# When too many messages fail alike it is not the messages: the subscription
# stops, says why, and leaves them in the queue.  A trigger's own errors and
# too large an index row are the messages' fault.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('breaker');
my $lab = $t->{lab};
sub many { my ($prefix, $from, $to, $body) = @_; return map { [ "g$prefix$_", "$prefix$_", sprintf $body, $_ ] } $from .. $to }
sub kept { my ($s) = @_; return $t->sql("SELECT count(*) FROM sqs.quarantine WHERE subscription = '$s' AND state = 'waiting'") }
sub state { my ($s, $state) = @_; return $t->wait_for("SELECT state FROM sqs.status WHERE subscription = '$s'", $state) }

# -- next month's partition is missing
my $queue = $t->subscribe('p', 'p.fifo', q{CREATE TABLE p (id integer, day date) PARTITION BY RANGE (day);
	CREATE TABLE p_may PARTITION OF p FOR VALUES FROM ('2031-05-01') TO ('2031-06-01')}, 'p', more => 'max_batch => 100');
$lab->send_messages($queue, many('may', 1, 30, '{"id": %d, "day": "2031-05-31"}'));
$t->wait_for('SELECT count(*) FROM p', '30');
$lab->send_messages($queue, many('june', 1, 60, '{"id": %d, "day": "2031-06-01"}'));
state('p', 'error');
my $status = $t->status('p');
is($status->{last_error_sqlstate}, '23514', 'a missing partition stops the subscription');
like($status->{last_error}, qr/no partition of relation/, "and is said: $status->{last_error}");
like($status->{last_error_hint}, qr/sqs\.enable/, 'with a hint');
cmp_ok(kept('p'), '<=', 20, 'hardly anything went to the quarantine: ' . kept('p'));
my ($visible, $in_flight) = $lab->queue_depth($queue);
is($visible + $in_flight, 60 - kept('p'), 'the others are in the queue');
my $before = kept('p');
$lab->send_messages($queue, many('june', 61, 80, '{"id": %d, "day": "2031-06-01"}'));
$t->sql(q{SELECT pg_sleep(1)});
is(kept('p'), $before, 'while it is stopped nothing is used up by trying');
$t->sql(q{SET ROLE payments; CREATE TABLE p_june PARTITION OF p FOR VALUES FROM ('2031-06-01') TO ('2031-07-01'); RESET ROLE; SELECT sqs.enable('p')});
$t->wait_for('SELECT count(*) FROM p_june', 80 - $before);
state('p', 'running');
is($t->sql(qq{SELECT count(*) FROM sqs.retry('p') WHERE outcome = 'applied'}), $before, 'sqs.retry brings the rest');
$t->wait_drained('p');
$t->sql(q{SELECT sqs.drop_subscription('p')});

# -- a column became NOT NULL; one batch, so that nothing at all is used up
$queue = $t->subscribe('n', 'n.fifo', 'CREATE TABLE n (id integer, country text)', 'n', more => 'enabled => false', state => 'disabled');
$t->sql('SET ROLE payments; ALTER TABLE n ALTER COLUMN country SET NOT NULL');
$lab->send_messages($queue, many('n', 1, 40, '{"id": %d}'));
$lab->fault(service => 'sqs', action => 'ReceiveMessage', times => 1, do => 'error', status => 503, code => 'ServiceUnavailable');
$t->sql(q{SELECT sqs.enable('n')});
state('n', 'error');
is($t->status('n')->{last_error_sqlstate}, '23502', 'a new NOT NULL column stops the subscription');
cmp_ok(kept('n'), '<', 20, 'before the twentieth message');
$t->sql(q{SET ROLE payments; ALTER TABLE n ALTER COLUMN country SET DEFAULT '??'; RESET ROLE; SELECT sqs.enable('n')});
$t->wait_for('SELECT count(*) FROM n', 40 - kept('n'));
$t->wait_drained('n');
$t->sql(q{SELECT sqs.discard('n', 'test', older_than => '0 s'), sqs.drop_subscription('n')});

# -- nineteen in a row are nineteen messages; others between them break the row
$queue = $t->subscribe('r', 'r.fifo', 'CREATE TABLE r (id integer CHECK (id > 0))', 'r');
for my $round (1 .. 3)
{
	$lab->send_messages($queue, many("bad$round", 1, 19, '{"id": -%d}'));
	$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE subscription = 'r'}, 19 * $round);
	$lab->send_messages($queue, many("good$round", 1, 1, '{"id": %d}'));
	$t->wait_for('SELECT count(*) FROM r', $round);
}
is($t->status('r')->{state}, 'running', 'poison that comes and goes stops nobody');
# ... until they are a tenth of the last thousand
$lab->send_messages($queue, many('more', 1, 19, '{"id": -%d}'));
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE subscription = 'r'}, 76);
$lab->send_messages($queue, many('good9', 1, 5, '{"id": %d}'));
$t->wait_for('SELECT count(*) FROM r', 8);
$lab->send_messages($queue, many('last', 1, 19, '{"id": -%d}'), many('good8', 1, 1, '{"id": %d}'));
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE subscription = 'r'}, 95);
$t->wait_for('SELECT count(*) FROM r', 9);
$lab->send_messages($queue, many('final', 1, 10, '{"id": -%d}'));
state('r', 'error');
like($t->status('r')->{last_error}, qr/too many messages fail alike/, 'a tenth of a thousand is too much');
$t->sql(q{SELECT sqs.enable('r')});
$t->wait_drained('r');
state('r', 'running');
$t->sql(q{SELECT sqs.discard('r', 'test', older_than => '0 s'), sqs.drop_subscription('r')});

# -- a trigger with an SQLSTATE of its own, and an index row that is too large
$queue = $t->subscribe('x', 'x.fifo', q{CREATE TABLE x (id integer, note text);
	CREATE INDEX ON x (note);
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.id = 3 THEN RAISE EXCEPTION 'private-text %', NEW.note USING ERRCODE = 'RX001'; END IF;
		IF NEW.id = 4 THEN RAISE EXCEPTION 'private-text' USING ERRCODE = '42P01'; END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION refuse()}, 'x');
# (what is too large must not be compressible either)
my $large = join '', map { sprintf '%08x', ($_ * 2654435761) % 4294967296 } 1 .. 2000;
$lab->send_messages($queue, map({ [ "x$_", "x$_", qq({"id": $_, "note": "n"}) ] } 1 .. 4), [ 'x5', 'x5', qq({"id": 5, "note": "$large"}) ], [ 'x6', 'x6', '{"id": 6}' ]);
$t->wait_for('SELECT count(*) FROM x', '3');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE subscription = 'x'}, '3');
is($t->sql(q{SELECT string_agg(dedup_id || ' ' || error_sqlstate, ', ' ORDER BY dedup_id) FROM sqs.quarantine WHERE subscription = 'x'}),
	'x3 RX001, x4 42P01, x5 54000', 'whatever SQLSTATE one fails with while others pass');
unlike($t->sql(q{SELECT string_agg(error, ' ') FROM sqs.quarantine}), qr/private-text/, 'a text that a trigger made is not told');
is($t->status('x')->{state}, 'running', 'and it runs');
$t->wait_drained('x');
$t->finish;
done_testing;
