# How often a queue is asked.  In a steady stream the next poll waits until some
# messages have gathered, so that a call brings several; messages that come
# more seldom are asked for at once, each by a poll of its own.  Calls are
# counted, in rounds: a machine that has other things to do may spoil some.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PgSqs::Test->new('pacing');
my $lab = $t->{lab};
my $id = 0;
sub polls { return $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} }

sub put
{
	my ($count) = @_;
	$lab->control(PUT => 'prefill/s.fifo', { body => '{"id": 1########}', count => $count, first => $id + 1, groups => 100000 });
	$id += $count;
	return;
}

# How many messages a poll brings, of so many that come so many at a time, with a pause in between.
sub brought
{
	my ($count, $at_once, $pause) = @_;
	$t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} >= 1 });
	my $before = polls();
	for (1 .. $count / $at_once)
	{
		put($at_once);
		sleep $pause if $pause;
	}
	$t->wait_for('SELECT count(*) FROM t', $id);
	$t->wait_drained('s');
	return $count / (polls() - $before);
}

# The first of some rounds that shows what is expected, or the last.
sub in_a_round
{
	my ($enough, @stream) = @_;
	my $brought;
	for (1 .. 12)
	{
		$brought = brought(@stream);
		last if $enough->($brought);
	}
	return $brought;
}

$t->subscribe('s', 's.fifo', 'CREATE TABLE t (id integer)', 't');
my $steady = in_a_round(sub { $_[0] >= 4 }, 2000, 2, 0);
cmp_ok($steady, '>=', 4, sprintf('in a steady stream of messages in pairs a poll brings %.1f', $steady));
my $seldom = in_a_round(sub { $_[0] <= 1.2 }, 400, 1, 0.001);
cmp_ok($seldom, '<=', 1.2, sprintf('where they come more seldom, a poll brings %.1f', $seldom));
my $flood = in_a_round(sub { $_[0] >= 9 }, 5000, 5000, 0);
cmp_ok($flood, '>=', 9, sprintf('of a flood a poll brings %.1f', $flood));
is($t->sql('SELECT count(DISTINCT id), count(*) FROM t'), "$id|$id", 'each message once');
$t->finish;
done_testing;
