# The measuring of consumer_rate, inside its stage.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $count = shift // 20000;
my $idle = shift // 60;
my $t = PgSqs::Test->new('rate', conf => "max_wal_size = 4GB\nshared_buffers = 256MB\n");
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id bigint, account text, amount numeric, booked timestamptz)', 't', more => 'max_polls => 8');

sub cpu { my ($pid) = @_; open my $file, '<', "/proc/$pid/stat" or die; my @f = split ' ', <$file> =~ s/.*\) //r; return ($f[11] + $f[12]) * 10000 }

for my $run (1, 2)
{
	$t->sql(q{SELECT sqs.disable('s')});
	$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}, '0');
	$lab->send_messages($queue, map { my $id = $run * 10_000_000 + $_; [ 'g' . $id % 500, "d$id", qq({"id": $id, "account": "DE$id", "amount": 1234.50, "booked": "2026-01-02T03:04:05Z"}) ] } 1 .. $count);
	$t->sql(q{SELECT sqs.enable('s')});
	my $began = time;
	my $pid;
	until ($pid) { $pid = $t->sql('SELECT pid FROM sqs.status') }
	sleep 0.02 until $t->sql('SELECT applied FROM sqs.status') == $count;
	my $took = time - $began;
	note sprintf 'run %d: %.0f messages a second, %.1f us of CPU each', $run, $count / $took, cpu($pid) / $count;
	$t->wait_drained('s');
}
$t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} == 1 });
sleep 12;						# the first look for what is too old
my $pid = $t->status('s')->{pid};
my ($calls, $cpu) = ($t->status('s')->{api_calls}, cpu($pid));
sleep $idle;
$calls = $t->status('s')->{api_calls} - $calls;
$cpu = cpu($pid) - $cpu;
note sprintf '%d s of idleness: %d calls, %.1f ms of CPU, wait event %s', $idle, $calls, $cpu / 1000, $t->sql(qq{SELECT wait_event FROM pg_stat_activity WHERE pid = $pid});
pass('measured');
$t->finish;
done_testing;
