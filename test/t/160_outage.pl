# An outage is not poison: while the disk is full nothing goes to the
# quarantine and no message is a strike nearer to it; it goes on by itself.
# A message that fails in the way of an outage, but alone, is found all the same.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('outage');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', q{CREATE TABLE t (id integer);
	CREATE TABLE world (sqlstate text);
	CREATE FUNCTION world() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE s text; BEGIN
		SELECT sqlstate INTO s FROM public.world;
		IF FOUND THEN RAISE EXCEPTION 'private-text' USING ERRCODE = s; END IF;
		IF NEW.id = 666 THEN RAISE EXCEPTION 'private-text' USING ERRCODE = '53100'; END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER world BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION world()}, 't', more => 'visibility_timeout => 5');

for my $sqlstate (qw(53100 40P01 55P03 25006 08006))
{
	$t->sql("INSERT INTO world VALUES ('$sqlstate')");
	$lab->send_messages($queue, map { [ "g$_", "$sqlstate-$_", qq({"id": $_}) ] } 1 .. 5);
	$t->wait_for(q{SELECT state, last_error_sqlstate FROM sqs.status}, "backing off|$sqlstate");
	$t->sql('TRUNCATE world; TRUNCATE t') if $t->wait_for(q{SELECT retried >= 1 FROM sqs.status}, 't');
	$t->sql(q{SELECT sqs.enable('s')});
	$t->wait_for('SELECT count(*) FROM t', '5');
	$t->wait_drained('s');
	is($t->sql('SELECT count(*) FROM sqs.quarantine'), '0', "$sqlstate: nothing in the quarantine");
	is($t->status('s')->{state}, 'running', '... and it goes on');
}

# -- it lasts: after five rounds a culprit is looked for, and there is none
$t->sql(q{INSERT INTO world VALUES ('53100')});
$lab->send_messages($queue, map { [ "g$_", "long-$_", qq({"id": $_}) ] } 1 .. 5);
my $retried = $t->status('s')->{retried};
$t->wait_until('nine rounds', sub { $t->sql(q{SELECT sqs.enable('s')}); return $t->status('s')->{retried} >= $retried + 9 });
is($t->sql('SELECT count(*) FROM sqs.quarantine'), '0', 'nine rounds: nothing in the quarantine');
is($t->status('s')->{state}, 'backing off', 'it waits');
$t->sql('TRUNCATE world; TRUNCATE t');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM t', '5');
$t->wait_drained('s');

# -- a privilege is missing: no message's fault either
$t->sql('REVOKE INSERT ON t FROM payments');
$lab->send_messages($queue, map { [ "g$_", "revoked-$_", qq({"id": $_}) ] } 1 .. 5);
$t->wait_for(q{SELECT state, last_error_sqlstate FROM sqs.status}, 'error|42501');
is($t->sql('SELECT count(*) FROM sqs.quarantine'), '0', 'a missing privilege: nothing in the quarantine');
$t->sql(q{GRANT INSERT ON t TO payments; TRUNCATE t; SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM t', '5');
$t->wait_drained('s');

# -- one message alone, for ever
$t->sql('TRUNCATE t');
$lab->send_messages($queue, [ 'x', 'x1', '{"id": 1}' ], [ 'y', 'y1', '{"id": 666}' ], [ 'z', 'z1', '{"id": 3}' ], [ 'y', 'y2', '{"id": 4}' ]);
$t->wait_until('it is found out', sub { $t->sql(q{SELECT sqs.enable('s')}); return $t->sql('SELECT count(*) FROM sqs.quarantine') eq '1' });
$t->wait_for('SELECT count(*) FROM t', '3');
is($t->sql('SELECT dedup_id, error_sqlstate FROM sqs.quarantine'), 'y1|53100', 'a message that fails alone is found after five rounds');
$t->wait_drained('s');
$t->finish;
done_testing;
