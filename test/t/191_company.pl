# How batches come together.  Messages of a flood wait a moment for each other,
# so that one transaction takes hundreds.  The first ones, a lone one, what
# comes after a message that failed, and what a short lease allows do not wait;
# and who waits can be stopped.  Transactions are counted by the rows they left.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('company');
my $lab = $t->{lab};
my $id = 0;
my $unheld = 100;				# what comes in unasked while a transaction runs is less

# A table, and a subscription that shall not begin yet.
sub prepare
{
	my ($name, $more) = @_;
	$t->subscribe($name, "$name.fifo",
		"CREATE TABLE $name (id integer CHECK (id > 0), n bigserial, tx xid8 DEFAULT pg_current_xact_id(), at timestamptz DEFAULT clock_timestamp())",
		$name, more => "enabled => false" . ($more // ''), state => 'disabled');
	return;
}

# So many messages at once, of so many groups.
sub flood
{
	my ($name, $count, $groups) = @_;
	$lab->control(PUT => "prefill/$name.fifo", { body => '{"id": 1########}', count => $count, first => $id + 1, groups => $groups // 1000 });
	$id += $count;
	return;
}

# How many rows each transaction wrote, in the order of their beginning.
sub sizes { my ($table, $where) = @_; return split /\n/, $t->sql("SELECT count(*) FROM $table GROUP BY tx HAVING @{[ $where // 'true' ]} ORDER BY tx") }
sub largest { return (sort { $b <=> $a } 0, @_)[0] }
sub held { my $rows = 0; $rows += $_ for grep { $_ > $unheld } @_; return $rows }
sub enable { my ($name) = @_; $t->sql("SELECT sqs.enable('$name')"); return }
sub arrived { my ($name, $count) = @_; return $t->wait_for("SELECT count(*) FROM $name", $count) }

# -- a flood
prepare('a');
flood('a', 20000);
enable('a');
arrived('a', 20000);
my @sizes = sizes('a');
cmp_ok($sizes[0], '<=', 50, 'the first messages do not wait for others');
cmp_ok(largest(@sizes[ 0 .. 9 ]), '<=', $unheld, '... nor do the next few transactions');
cmp_ok(held(@sizes), '>=', 10000, 'then most of a flood comes in transactions of hundreds (' . @sizes . ' of 20000 messages)');
cmp_ok(largest(@sizes), '<=', 600, '... which end when they are large enough');

# -- lone messages after floods that end with a full answer
my @waited;
for (1 .. 6)
{
	flood('a', 1500);
	arrived('a', $id);
	$t->wait_drained('a');
	$t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} >= 1 });
	$lab->journal_news('none');
	$id++;
	$lab->send_messages($t->{queue}{a}, [ 'lone', "lone-$id", sprintf '{"id": 1%08d}', $id ]);
	arrived('a', $id);
	my ($received) = $lab->journal_news('sqs.received');
	push @waited, sprintf '%.1f', $t->sql("SELECT max(extract(epoch FROM at)) * 1000 - $received->{real} FROM a");
}
cmp_ok((sort { $a <=> $b } @waited)[0], '<', 9, "lone messages after floods do not wait for others (@waited ms)");

# -- a queue whose next messages are held until these are deleted
prepare('b');
flood('b', 1500, 1);
enable('b');
arrived('b', 1500);
is(largest(sizes('b')), 10, 'a queue of one group gives no company');
my $fifth = $t->sql('SELECT percentile_cont(0.2) WITHIN GROUP (ORDER BY pause) FROM (SELECT 1000 * extract(epoch FROM min(at) - lag(max(at)) OVER (ORDER BY tx)) AS pause FROM b GROUP BY tx) AS x');
cmp_ok($fifth, '<', 9, "... which is seldom waited for (a fifth of the pauses is below $fifth ms)");

# -- after a message that failed
prepare('c');
flood('c', 6000);
enable('c');
arrived('c', 6000);
cmp_ok(largest(sizes('c')), '>', 300, 'before a message that fails they wait for each other');
$lab->send_messages($t->{queue}{c}, [ 'poison', 'poison', '{"id": 0}' ]);
$t->wait_for(q{SELECT quarantined FROM sqs.status WHERE subscription = 'c'}, '1');
my $before = 100000000 + $id;
flood('c', 6000);
arrived('c', 12000);
cmp_ok(largest(sizes('c', "max(id) > $before")), '<=', $unheld, '... after it they do not');

# -- a lease that allows little
prepare('d', ', visibility_timeout => 2');
$t->sql(q{SET ROLE payments; CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
	CREATE TRIGGER slow BEFORE INSERT ON d FOR EACH ROW EXECUTE FUNCTION slow()});
flood('d', 2000);
enable('d');
arrived('d', 2000);
@sizes = sizes('d');
cmp_ok(largest(@sizes), '>', $unheld, 'slow messages wait for each other');
cmp_ok(largest(@sizes), '<=', 333, '... while a third of their lease is enough to apply them');

# -- ended while it waits: answers that trickle keep it waiting most of the time
prepare('e', ', visibility_timeout => 600');
$lab->fault(service => 'sqs', action => 'ReceiveMessage', resource => 'e.fifo', times => -1, do => 'delay_ms', ms => 4);
flood('e', 15000, 500);
$lab->journal_news('none');
enable('e');
my $pid = q{SELECT pid FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer e'};
for my $round (1 .. 6)
{
	my $least = 1000 * $round;
	$t->wait_for("SELECT count(*) >= $least FROM e", 't');
	$t->wait_for("SELECT count(*) FROM ($pid) AS x", '1');
	my $old = $t->sql($pid);
	my $stop = $round % 2 ? q{SELECT sqs.disable('e')} : "SELECT pg_terminate_backend($old)";
	my $seconds = timed(sub { $t->sql($stop); $t->wait_for("SELECT count(*) FROM pg_stat_activity WHERE pid = $old", '0') });
	cmp_ok($seconds, '<=', 3, sprintf('%s ends it (%.1f s)', $stop =~ /disable/ ? 'sqs.disable' : 'SIGTERM', $seconds));
	enable('e') if $round % 2;
}
# (what was handed out while nobody listened, or was not deleted in time, comes when its visibility ends)
$t->wait_until('the others are there', sub { $lab->advance(601); $t->sql('SELECT count(*) FROM e') eq '15000' });
$t->wait_drained('e');
my @visible = $lab->journal_news('sqs.visible');
cmp_ok(scalar(@visible), '>', 100, '... and gives back at once what waits (' . @visible . ' messages)');
is($t->sql('SELECT count(DISTINCT id) FROM e'), '15000', 'nothing is lost');
is($t->sql('SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY id % 500 ORDER BY n) AS before FROM e) AS x WHERE before > id'), '0', '... and each group is in order');
cmp_ok(largest(sizes('e')), '>', $unheld, '... which had waited');
$t->finish;
done_testing;
