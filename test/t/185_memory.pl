# The memory cap: with many messages of nearly 1 MiB and as many polls
# as may be, a consumer holds no more than its limit and what its open polls
# bring, and gives the memory back.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = PgSqs::Test->new('memory', conf => "shared_buffers = 32MB\nmax_wal_size = 4GB\n");
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, length integer)', 't', more => 'max_polls => 32, max_batch => 10000, enabled => false', state => 'disabled');
my $count = 150;
my $fill = 'x' x 1_000_000;
$lab->send_messages($queue, [ 'g' . $_, "d$_", qq({"id": $_, "length": 1, "fill": "$fill"}) ]) for 1 .. $count;

sub anonymous_mb { my ($pid) = @_; open my $file, '<', "/proc/$pid/status" or return 0; return (map { /^RssAnon:\s+(\d+)/ ? $1 / 1024 : () } <$file>)[0] // 0 }

$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for(q{SELECT pid IS NOT NULL FROM sqs.status}, 't');
my $pid = $t->status('s')->{pid};
my ($peak, $end) = (0, time + 60);
my $applied = 0;
while ($applied < $count && time < $end)
{
	for (1 .. 20) { my $now = anonymous_mb($pid); $peak = $now if $now > $peak; sleep 0.005 }
	$applied = $t->status('s')->{applied};
}
$t->wait_for('SELECT count(*) FROM t', $count);
$t->wait_drained('s');
my $after = anonymous_mb($pid);
cmp_ok($peak, '<=', 112, sprintf('the consumer never used more than %.0f MB', $peak));
cmp_ok($peak, '>', 20, 'it held large messages');
cmp_ok($after, '<=', 64, sprintf('afterwards it uses %.0f MB', $after));
is($t->status('s')->{duplicates}, 0, 'no lease was lost over it');
$t->finish;
done_testing;
