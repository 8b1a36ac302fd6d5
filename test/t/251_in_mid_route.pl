# Something happens to a consumer while a route works: killed, told to end,
# the server stopped at once or in good order.  One effect each, in order, in
# any case.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('mid_route', conf => "restart_after_crash = on\nwal_writer_delay = 10s\n");
my ($lab, $node) = @$t{qw(lab node)};
$t->sql('ALTER ROLE payments SET synchronous_commit = off');

# The second of each four messages takes its time.
my $table = <<'SQL';
CREATE TABLE t (n bigserial, g integer, id integer);
CREATE TABLE slow (seconds float8);
INSERT INTO slow VALUES (0);
CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id % 4 = 2 THEN
		PERFORM pg_sleep(s.seconds) FROM public.slow s;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER act BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION act();
SQL
my $queue = $t->subscribe('s', 'q.fifo', $table, 't', more => 'visibility_timeout => 2');
my $sent = 0;
$t->sql('CHECKPOINT');

sub asleep { return $t->wait_for(q{SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%' AND wait_event = 'PgSleep'}, $t->status('s')->{pid}) }
sub begin
{
	my ($seconds) = @_;
	$t->wait_for('SELECT state FROM sqs.status', 'running');
	$t->sql("UPDATE slow SET seconds = $seconds");
	$lab->send_messages($queue, map { my $g = $sent++ % 2; [ "g$g", "d$sent", qq({"g": $g, "id": $sent}) ] } 1 .. 8);
	asleep();
	return $t->status('s')->{pid};
}

sub settle
{
	my ($name) = @_;
	$t->wait_for('SELECT count(DISTINCT id) FROM t', $sent);
	$t->wait_drained('s');
	is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), "$sent|$sent", "$name: one effect each");
	is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id'), '0', "$name: in order");
	is($t->sql('SELECT count(*) FROM sqs.quarantined'), '0', "$name: and no strike");
	return;
}

my $pid = begin(60);
$t->sql('UPDATE slow SET seconds = 0');
kill 'KILL', $pid;
$t->wait_for("SELECT state FROM sqs.status WHERE pid <> $pid", 'running');
settle('kill -9');

$pid = begin(60);
$t->sql('UPDATE slow SET seconds = 0');
my $seconds = timed(sub { $t->sql("SELECT pg_terminate_backend($pid)"); $t->wait_for("SELECT state FROM sqs.status WHERE pid <> $pid", 'running') });
cmp_ok($seconds, '<', 5, sprintf('pg_terminate_backend: another consumer runs %.1f s later', $seconds));
settle('pg_terminate_backend');

begin(60);
$t->sql('UPDATE slow SET seconds = 0; CHECKPOINT');
$node->stop('immediate');
$node->start;
settle('immediate shutdown');

for my $mode (qw(fast smart))
{
	begin($mode eq 'fast' ? 60 : 0.3);
	$t->sql('UPDATE slow SET seconds = 0') if $mode eq 'fast';
	$seconds = timed(sub { $node->stop($mode) });
	cmp_ok($seconds, '<', 2, sprintf('%s shutdown while a route works takes %.2f s', $mode, $seconds));
	$node->start;
	$t->sql('UPDATE slow SET seconds = 0');
	settle("$mode shutdown");
}

# -- a batch behind which others wait: their leases are kept
$t->sql(q{SELECT sqs.alter_subscription('s', visibility_timeout => 6, max_batch => 1)});
$t->wait_for('SELECT state FROM sqs.status', 'running');
$t->wait_until('a poll is open', sub { $lab->stats->{waiting_polls} >= 1 });
my $journal = scalar $lab->journal;
begin(3);
settle('batches of one that take long');
my @again = grep { ($_->{event} // '') eq 'sqs.received' && $_->{receive_count} > 1 } splice @{ [ $lab->journal ] }, $journal;
is(@again + 0, 0, 'what waits behind a slow batch is not received again');
$t->finish;
done_testing;
