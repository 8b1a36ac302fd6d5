# An outage is not poison: a serialization failure, a deadlock, a lock timeout,
# a transaction that became read-only and a cancelled statement are tried again,
# without a strike, nothing in the quarantine and nothing in the dead-letter
# queue, however many rounds they last; the log and sqs.status say so once, and
# everything goes on afterwards.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('outages');
my ($lab, $node) = @$t{qw(lab node)};
local $ENV{PGPORT} = $node->port;
$t->sql(q{ALTER DATABASE postgres SET deadlock_timeout = '3s'});
my $dead = $lab->create_queue('dead.fifo');

# The trigger does what the table "weather" says.
my $table = <<'SQL';
CREATE TABLE t (n bigserial, g text, id integer);
CREATE TABLE weather (what text);
CREATE TABLE pair (id integer PRIMARY KEY, v integer);
INSERT INTO weather VALUES ('fine');
INSERT INTO pair VALUES (1, 0), (2, 0);
CREATE FUNCTION locking() RETURNS void LANGUAGE plpgsql SET lock_timeout = '20ms' AS $$
BEGIN
	UPDATE public.pair SET v = v + 1 WHERE id = 1;
END $$;
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	what text := (SELECT w.what FROM public.weather w);
BEGIN
	IF what = 'deadlock' THEN
		UPDATE public.pair SET v = v + 1 WHERE id = 2;
		UPDATE public.pair SET v = v + 1 WHERE id = 1;
	ELSIF what = 'lock' THEN
		PERFORM public.locking();
	ELSIF what = 'read only' THEN
		SET TRANSACTION READ ONLY;
		UPDATE public.pair SET v = v + 1;
	ELSIF what = 'sleep' THEN
		PERFORM pg_sleep(60);
	ELSIF what <> 'fine' THEN
		RAISE EXCEPTION USING ERRCODE = what, MESSAGE = 'as it happens';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER act BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION act();
SQL
my $queue = $t->subscribe('s', 'q.fifo', $table, 't', more => 'visibility_timeout => 600',
	attributes => { RedrivePolicy => '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead.fifo", "maxReceiveCount": "3"}' });
my $sent = 0;

sub weather { my ($what) = @_; return $t->sql("UPDATE weather SET what = '$what'") }
sub send_some { return $lab->send_messages($queue, map { $sent++; [ 'g' . $sent % 3, "d$sent", qq({"g": "g@{[ $sent % 3 ]}", "id": $sent}) ] } 1 .. 4) }
sub log_lines { my ($what) = @_; return scalar grep { /LOG: .*pg_sqs subscription "s" $what/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }
sub innocent
{
	my ($name) = @_;
	is($t->sql('SELECT count(*) FROM sqs.quarantined') . ' ' . join(' ', $lab->queue_depth($dead)), '0 0 0', "$name: nothing in the quarantine or the dead-letter queue");
	is($t->status('s')->{blocked}, 0, "$name: nobody is blamed");
	return;
}

sub passes
{
	my ($name, $sqlstate, $begin, $end, $rounds) = @_;
	my ($waits, $again, $retried) = (log_lines('waits'), log_lines('runs again'), $t->status('s')->{retried});
	$begin->();
	send_some();
	$t->wait_for('SELECT state, last_error_sqlstate FROM sqs.status', "backing off|$sqlstate") or diag explain $t->status('s');
	# more rounds than it takes until messages are tried one by one
	for my $round (1 .. $rounds // 6)
	{
		my $so_far = $t->status('s')->{retried};
		$t->sql(q{SELECT sqs.enable('s')});
		$t->wait_until("$name: round $round", sub { $t->status('s')->{retried} > $so_far });
	}
	is($t->status('s')->{state}, 'backing off', "$name: the state says that it waits");
	innocent($name);
	is($t->sql('SELECT count(*) FROM t'), $sent - 4, "$name: nothing was applied meanwhile");
	$end->();
	$t->sql(q{SELECT sqs.enable('s')}) if $rounds // 6;
	ok($t->wait_for('SELECT count(*) FROM t', $sent), "$name: it goes on when that is over");
	$t->wait_for('SELECT state FROM sqs.status', 'running');
	is(log_lines('waits') - $waits, 1, "$name: one line in the log when it began");
	$t->wait_until("$name: the log says that it is over", sub { log_lines('runs again') - $again == 1 });
	innocent("$name, afterwards");
	return;
}

send_some();
$t->wait_for('SELECT count(*) FROM t', $sent);
passes('a serialization failure', '40001', sub { weather('40001') }, sub { weather('fine') }, 0);
passes('a read-only transaction', '25006', sub { weather('read only') }, sub { weather('fine') });

my $other = PgSqs::Psql->new(host => $node->host);
passes('a lock timeout', '55P03', sub { $other->query('BEGIN; UPDATE pair SET v = 0 WHERE id = 1'); weather('lock') },
	sub { $other->query('ROLLBACK'); weather('fine') });

# -- a deadlock: the consumer has the row that the other wants, and the reverse
$other->query(q{SET deadlock_timeout = '60s'; BEGIN; UPDATE pair SET v = 0 WHERE id = 1});
weather('deadlock');
send_some();
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer' AND wait_event_type = 'Lock'}, '1');
$other->send('UPDATE pair SET v = 0 WHERE id = 2');
$t->wait_for('SELECT last_error_sqlstate FROM sqs.status', '40P01');
innocent('a deadlock');
$other->answer;
$other->query('ROLLBACK');
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'a deadlock: the other one goes first, then all is applied');
weather('fine');
innocent('a deadlock, afterwards');

# -- pg_cancel_backend while a route works
my $pid = $t->status('s')->{pid};
for my $round (1 .. 2)
{
	my $retried = $t->status('s')->{retried};
	weather('sleep');
	send_some() if $round == 1;
	$t->sql(q{SELECT sqs.enable('s')});
	$t->wait_for(q{SELECT wait_event FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'}, 'PgSleep');
	$t->sql("SELECT pg_cancel_backend($pid)");
	weather('fine') if $round == 2;    # before it tries again, and sleeps for a minute
	$t->wait_until('the batch counts as retried', sub { $t->status('s')->{retried} > $retried });
	is($t->status('s')->{last_error_sqlstate}, '57014', "pg_cancel_backend, round $round: the batch is tried again");
	innocent("pg_cancel_backend, round $round");
}
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'pg_cancel_backend: then it is applied');
is($t->status('s')->{pid}, $pid, 'by the same process, throughout');

$t->wait_drained('s');
is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), "$sent|$sent", 'every message has one effect');
is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id'), '0', 'in the order of its group');
is((grep { ($_->{event} // '') eq 'sqs.received' && $_->{receive_count} > 1 } $lab->journal) + 0, 0, 'and none was received twice meanwhile');
$t->finish;
done_testing;
