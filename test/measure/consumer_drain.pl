# test/measure/consumer_drain.pl SCENARIO [MORE] (by test/with_stage): one of the
# benchmark's scenarios, its queue filled again whenever little is left, until
# standard input ends.
#
# Prints "consumer PID", and for each line that it is sent a line with the number
# of messages that were deleted so far and the consumer's microseconds of CPU.
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
print "consumer $consumer\n";
while (1)
{
	refill();
	next unless $input->can_read(0.05);
	sysread STDIN, my $line, 100 or last;
	$left = $world->left($drain->{queue})->{messages_count};
	printf "%d %.0f\n", $sent - $left, Bench::World::cpu_us($consumer);
}
$world->wait_drained($drain->{queue});
$drain->check;
$drain->end;
$world->stop;
