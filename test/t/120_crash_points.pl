# At every step of the protocol something dies: the consumer is killed, or the
# whole server stops at once, when a request of it arrives, while it is being
# answered, or with the answer lost.  However many steps, nothing is lost,
# doubled or reordered, and the queue ends up empty.
#
# A step is an action, a moment, a victim and how many requests of that action
# passed before; all of them are visited in turn, in an order that the seed
# gives.  The messages belong to several groups and take three routes, one of
# which adds up, so that a doubled effect shows.  Some messages can never be
# applied and must end in the quarantine, once.  Some are sent again, after
# SQS has forgotten their ids, so that only the ledger knows them.
#
# PG_SQS_CRASH_POINTS=N and PG_SQS_SEED=S repeat or prolong a run
# (make crashpoints N=10000 SEED=7).
use strict;
use warnings;

use List::Util qw(shuffle);
use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $points = $ENV{PG_SQS_CRASH_POINTS} || 40;
my $seed = $ENV{PG_SQS_SEED} || (time ^ $$);
srand $seed;
diag "seed $seed, $points points" if $points > 40;
note "seed $seed, $points points";

my $t = PgSqs::Test->new('crash_points',
	lab => { arguments => ['--allow-run'] },
	conf => "restart_after_crash = on\nwal_writer_delay = 10s\nmax_wal_size = 128MB\nfsync = on\n");
my ($lab, $node) = @$t{qw(lab node)};
$t->sql('ALTER DATABASE postgres SET synchronous_commit = off; ALTER ROLE payments SET synchronous_commit = off; ALTER ROLE postgres SET synchronous_commit = off');

# n says in which order rows came to be.
my $queue = $t->subscribe('s', 'q.fifo', q{
	CREATE TABLE t (n bigserial, g integer, id integer, poison integer CHECK (poison IS NULL));
	CREATE TABLE latest (g integer PRIMARY KEY, id integer);
	CREATE TABLE total (g integer PRIMARY KEY, messages bigint, ids bigint)}, 't',
	more => 'visibility_timeout => 2');
$t->sql(q{
	SELECT sqs.add_route('s', 'latest', target => 'latest', key => '{g}', version => 'id');
	SELECT sqs.add_route('s', 'total', statement => $$
		INSERT INTO public.total AS old
		SELECT (body->>'g')::integer, count(*), sum((body->>'id')::integer) FROM batch GROUP BY 1
		ON CONFLICT (g) DO UPDATE SET messages = old.messages + excluded.messages, ids = old.ids + excluded.ids $$)});

# A queue whose one message blocks, for the steps of giving it back.
my $blocked = $t->subscribe('b', 'b.fifo', 'CREATE TABLE b (id integer, poison integer CHECK (poison IS NULL))', 'b',
	more => q{visibility_timeout => 2, policy => 'block'});
$lab->send_messages($blocked, [ 'poison', 'poison', '{"id": 0, "poison": 1}' ]);
$t->sql('CHECKPOINT');			# else the first crash may undo the subscription itself
my $groups = 7;
my ($id, $poison, $guarded) = (0, 0, 0);
my @sent;

# The next messages of random groups.  Now and then one is sent twice, which
# SQS drops by its id, and one of long ago again, which it does not.
sub send_some
{
	my ($count) = @_;
	my @messages = map {
		my $g = int rand $groups;
		$id++;
		[ "g$g", "d$id", qq({"g": $g, "id": $id}) ]
	} 1 .. $count;
	push @sent, @messages;
	push @messages, $messages[ int rand @messages ] for 1 .. 1 + rand 3;
	if (rand() < 0.1)
	{
		$poison++;
		splice @messages, rand @messages, 0, [ 'bad' . $poison % 3, "poison$poison", qq({"g": 99, "id": -$poison, "poison": 1}) ];
	}
	$lab->send_messages($queue, @messages);
	if (rand() < 0.1)
	{
		$lab->advance(301);
		$lab->send_messages($queue, $sent[ int rand @sent ]);
	}
	return;
}

sub faults_fired { return scalar grep { ($_->{event} // '') eq 'fault' } $lab->journal_news }
# The pids of the consumers of s and b, when both run.
sub ready
{
	my $end = time + 30;
	while (time < $end)
	{
		my $pids = eval { $t->sql(q{SELECT string_agg(a.pid::text, ' ' ORDER BY s.subscription DESC) FROM sqs.status s, pg_stat_activity a WHERE s.state = 'running' AND a.application_name = 'pg_sqs consumer ' || s.subscription}) } // '';
		my @pids = split / /, $pids;
		return @pids if @pids == 2;
		# Killed three times over the same message, the crash guard asks for
		# a person, who knows better here.
		if ((eval { $t->sql(q{SELECT count(*) FROM sqs.status WHERE state = 'error' AND last_error LIKE 'the server went down 3 times%'}) } // 0) > 0)
		{
			$guarded++;
			eval { $t->sql(q{SELECT sqs.enable(subscription) FROM sqs.status WHERE state = 'error'}) };
		}
		sleep 0.05;
	}
	return;
}

my @steps = shuffle map {
	my $action = $_;
	map {
		my $do = $_;
		map {
			my $victim = $_;
			map {
				{ name => "$victim at $action, $do", action => $action, do => $do, victim => $victim, skip => $_,
					queue => $action =~ /Visibility/ ? 'b.fifo' : 'q.fifo' }
			} 0 .. ($action =~ /Visibility/ ? 0 : 3)
		} ('consumer killed', 'server stopped', 'nobody')
	} qw(drop_before pass drop_after)
} qw(ReceiveMessage DeleteMessageBatch ChangeMessageVisibilityBatch);
@steps = grep { $_->{victim} ne 'nobody' || $_->{do} ne 'pass' } @steps;
push @steps, map { { name => 'server stopped at a random moment', victim => 'random' } } 1 .. 4;
push @steps, map { { name => 'delete entries failed', action => 'DeleteMessageBatch', do => 'fail_entries', victim => 'nobody', skip => $_, queue => 'q.fifo' } } 0 .. 3;

my $pg_ctl = 'pg_ctl -D ' . $node->data_dir . ' -m immediate -w stop >/dev/null 2>&1';

# The fault for a step.  The lab carries the killing out before it lets the
# request through, so the step is exact.
sub arm
{
	my ($step, @pids) = @_;
	my $pid = $pids[ $step->{queue} eq 'b.fifo' ];
	$lab->fault(service => 'sqs', action => $step->{action}, resource => $step->{queue}, times => 1, do => $step->{do}, skip => $step->{skip},
		($step->{victim} eq 'consumer killed' ? (kill => $pid + 0) : ()),
		($step->{victim} eq 'server stopped' ? (run => $pg_ctl) : ()),
		($step->{do} eq 'fail_entries' ? (entries => [0], code => 'InternalError') : ()));
	return;
}

# Messages keep coming, and the blocked one comes back, until the step was
# reached.
sub reach
{
	my ($step) = @_;
	my $fired = 0;
	my $more = 0;
	if ($step->{victim} eq 'random')
	{
		send_some(5 + int rand 12);
		sleep rand 0.05;
		return 1;
	}
	for (my $end = time + 4; !$fired && time < $end; sleep 0.01)
	{
		if (time > $more)
		{
			send_some(5 + int rand 12);
			$lab->advance(400) if $step->{queue} eq 'b.fifo';
			$more = time + 0.2;
		}
		$fired = faults_fired();
	}
	return $fired;
}

my %done;
my $fired_count = 0;
my $started = time;
for (my $try = 0; $fired_count < $points && $try < 3 * $points + @steps; $try++)
{
	my $step = $steps[ $try % @steps ];
	my @pids = ready() or do { fail("the consumer came back before point $fired_count"); last };
	faults_fired();
	arm($step, @pids) if $step->{action};
	my $fired = reach($step);
	if ($step->{victim} eq 'random') { $node->stop('immediate'); $node->start; }
	elsif ($fired && $step->{victim} eq 'server stopped')
	{
		$t->wait_until('the server is down', sub { !-e $node->data_dir . '/postmaster.pid' });
		$node->_update_pid(0);
		$node->start;
	}
	$lab->clear_faults;
	next unless $fired;
	$done{ $step->{name} }++;
	$fired_count++;
	diag sprintf '%d points, %.0f s', $fired_count, time - $started if $points > 40 && $fired_count % 100 == 0;
}
ready() if $fired_count == $points;
note "the crash guard asked for a person $guarded times";
note sprintf '%.0f s; %s', time - $started, join ', ', map { "$_: $done{$_}" } sort keys %done;

# Everything that was sent arrives.
$lab->clear_faults;
$t->wait_until('all is applied', sub { (eval { $t->sql('SELECT count(DISTINCT id) FROM t') } // '') eq $id }, 60);
$t->wait_until('all is deleted', sub { my ($v, $f) = $lab->queue_depth($queue); $v + $f == 0 }, 60);
my ($visible, $in_flight) = $lab->queue_depth($queue);
my $lost = $t->sql("SELECT count(*) FROM generate_series(1, $id) i WHERE NOT EXISTS (SELECT FROM t WHERE t.id = i)");
my $doubled = $t->sql('SELECT count(*) - count(DISTINCT id) FROM t');
my $reordered = $t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY g ORDER BY n) AS before FROM t) x WHERE before > id');
my $undeleted = $visible + $in_flight;
my $summary = "crash points: $fired_count, lost $lost, doubled $doubled, reordered $reordered, undeleted $undeleted";
$points > 40 ? diag $summary : note $summary;
is($lost, '0', "nothing lost of $id messages");
is($doubled, '0', 'nothing doubled');
is($reordered, '0', 'order within each group held');
is($undeleted, 0, 'every message was deleted');
is($fired_count, $points, 'every point was reached');
cmp_ok(scalar keys %done, '>=', 15, 'of many kinds') if $points >= 40;
is($t->sql('SELECT count(*) FROM (SELECT g, count(*) AS messages, sum(id) AS ids FROM t GROUP BY g EXCEPT SELECT * FROM total) x'), '0', 'the route that adds up added each message once');
is($t->sql('SELECT count(*) FROM (SELECT g, max(id) AS id FROM t GROUP BY g EXCEPT SELECT * FROM latest) x'), '0', 'the upsert has the newest of each key');
cmp_ok($poison, '>', 0, 'some messages could not be applied') if $points >= 40;
is($t->sql(q{SELECT count(*), count(DISTINCT dedup_id) FROM sqs.quarantined WHERE state = 'waiting'}), "$poison|$poison", 'what cannot be applied is in the quarantine, once');
is($t->sql('SELECT count(*) FROM t WHERE poison IS NOT NULL'), '0', '... and was not applied');
is(join(' ', $lab->queue_depth($blocked)) =~ tr/1//, 1, 'what blocks is still in its queue');
is($t->sql(q{SELECT count(*) FROM t LEFT JOIN sqs.ledger l ON l.dedup_key = 'd' || t.id WHERE l.dedup_key IS NULL}), '0', 'each row has its ledger row');
$t->finish;
done_testing;
