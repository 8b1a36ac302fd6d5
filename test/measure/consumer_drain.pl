# test/measure/consumer_drain.pl SCENARIO [MORE] (by test/with_stage): one of the
# benchmark's scenarios, its queue filled again whenever little is left, until
# standard input ends.
#
# Prints "consumer PID lab PID", and for each line that it is sent a line with the
# number of messages that were deleted so far, and the microseconds of CPU that
# consumer and lab have taken.
use strict;
use warnings;

use Bench::Drain;
use Bench::World;
use IO::Select;

my ($key, $more) = @ARGV;
my $world = Bench::World->new;
my $scenario = Bench::Drain::scenario($key);
my $drain = Bench::Drain->new($world, $scenario, more => $more);
my ($consumer) = $drain->pids;
my $portion = $scenario->{count} / 2;
my $input = IO::Select->new(\*STDIN);
my ($sent, $left) = (0, 0);

sub refill
{
	$left = $world->left($drain->{queue})->{messages_count};
	return if $left >= $portion;
	$drain->fill($portion);
	$sent += $portion;
	return;
}

$| = 1;
refill();
print "consumer $consumer lab $world->{lab}{pid}\n";
while (1)
{
	refill();
	next unless $input->can_read(0.05);
	sysread STDIN, my $line, 100 or last;
	$left = $world->left($drain->{queue})->{messages_count};
	printf "%d %.0f %.0f\n", $sent - $left, map { Bench::World::cpu_us($_) } $consumer, $world->{lab}{pid};
}
$world->wait_drained($drain->{queue});
$drain->check;
$drain->end;
$world->stop;
