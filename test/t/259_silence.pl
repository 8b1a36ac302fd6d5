# A long poll into silence: the connection is there and nothing comes any more.
# It is noticed five seconds after SQS should have answered, its messages are
# asked for again, and neither memory nor descriptors are left behind.
use strict;
use warnings;

use IPC::Open2;
use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('silence');
my $lab = $t->{lab};
my $proxy = open2(my $fired, my $script, "$ENV{PG_SQS_STAGE}/bin/faultproxy", '--listen', 0, '--to', $lab->address);
$script->autoflush;
my ($address) = <$fired> =~ /^ready (\S+)/ or die "faultproxy did not start\n";
$t->sql("ALTER SERVER aws OPTIONS (SET endpoint 'http://$address')");
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => 'visibility_timeout => 600');
my $sent = 0;

sub descriptors { my @open = glob '/proc/' . $t->status('s')->{pid} . '/fd/*'; return scalar @open }
sub resident { open my $file, '<', '/proc/' . $t->status('s')->{pid} . '/statm' or return 0; return (split / /, <$file>)[1] * 4 }
sub poll_open { return $t->wait_until('a long poll is open', sub { $lab->stats->{waiting_polls} == 1 }) }
sub one { $sent++; return $lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]) }

for (1 .. 3) { one(); $t->wait_for('SELECT count(*) FROM t', $sent); poll_open() }
my ($fds, $kilobytes, $pid) = (descriptors(), resident(), $t->status('s')->{pid});

# This poll ends, the next one meets silence; the messages are in its answer.
print $script "blackhole match=AmazonSQS.ReceiveMessage after=0\n";
my $polls = $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests};
$lab->advance(20);
$t->wait_until('the next poll is open', sub { my $s = $lab->stats; $s->{waiting_polls} == 1 && $s->{counts}{'sqs.ReceiveMessage'}{requests} > $polls });
my $seconds = timed(sub { one(); $t->wait_until('the message is there', sub { $t->sql('SELECT count(*) FROM t') == $sent }, 60) });
like(scalar <$fired>, qr/^fired blackhole/, 'there was silence');
cmp_ok($seconds, '<=', 26, sprintf('noticed, and the message asked for again, after %.1f s', $seconds));
cmp_ok($seconds, '>', 10, 'and not before SQS could have answered');
$t->wait_drained('s');
poll_open();
is($t->status('s')->{pid}, $pid, 'by the same process');
cmp_ok(descriptors(), '<=', $fds, 'no descriptor is left behind');
cmp_ok(resident() - $kilobytes, '<', 4096, 'and no memory');
is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), "$sent|$sent", 'one effect each');
is((grep { ($_->{event} // '') eq 'sqs.received' && $_->{receive_count} > 1 } $lab->journal) + 0, 0, 'nothing was received as anew');
close $script;
waitpid $proxy, 0;
$t->finish;
done_testing;
