# Bench::Memory: what a consumer has resident while it drains many messages.
#
# The queue is refilled while it is drained, so that the lab need not hold them
# all.  Shared buffers count as resident as soon as they are touched, so the
# slope is that of anonymous memory, what the process has allocated itself, over
# the second half: in the first it grows to where it stays.
package Bench::Memory;

use strict;
use warnings;

use Bench::Drain;
use Bench::World;
use Carp;
use Time::HiRes qw(sleep time);

my $portion = 20_000;
my $settled_after = 25_000;		# messages

sub resident_kb
{
	my ($pid) = @_;
	my $status = Bench::World::slurp("/proc/$pid/status");
	return map { $status =~ /^$_:\s+(\d+) kB/m ? $1 + 0 : croak "no $_ of $pid" } qw(RssAnon VmRSS);
}

# For at most so many seconds; `messages` says how far it came.
sub measure
{
	my ($world, $count, $seconds) = @_;
	my $drain = Bench::Drain->new($world, Bench::Drain::scenario('main'));
	my ($pid) = $drain->pids;
	my $end = time + $seconds;
	my ($sent, $done, $undeleted, @samples) = (0, 0, 0);
	while (1)
	{
		my $left = $world->left($drain->{queue})->{messages_count};
		$done = $sent - $left;
		if (@samples == 0 || $done >= $samples[-1][0] + $count / 50)
		{
			push @samples, [ $done, resident_kb($pid) ];
			my $waiting = $world->sql("SELECT applied - deleted FROM sqs.status WHERE subscription = '$drain->{queue}'");
			$undeleted = $waiting if $waiting > $undeleted;
		}
		last if $done == $sent && ($sent >= $count || time > $end);
		if ($left < $portion && $sent < $count && time <= $end)
		{
			$drain->fill($portion);
			$sent += $portion;
			next;
		}
		sleep 0.05;
	}
	push @samples, [ $done, resident_kb($pid) ];
	$drain->check;
	croak 'the consumer was restarted: ' . $world->trouble unless $pid eq join ' ', $drain->pids;
	$drain->end;
	my @settled = grep { $_->[0] >= $settled_after && $_->[0] >= $done / 2 } @samples;
	@settled = @samples unless @settled > 1;
	my ($first, $last) = @settled[ 0, -1 ];
	return { messages => $done, wanted => $count, undeleted_most => $undeleted, first_kb => $first->[1], last_kb => $last->[1], most_kb => (sort { $b <=> $a } map { $_->[1] } @samples)[0],
		kb_per_million => ($last->[1] - $first->[1]) / (($last->[0] - $first->[0]) / 1e6 || 1), curve => \@samples };
}

1;
