# Runs alone.  100 000 messages by the daemon: twenty SQL statements are
# enough, each message is loaded once, its memory stays bounded by what it is
# allowed to have in hand.
use strict;
use warnings;

use PgSqs::Load;
use Test::More;
use Time::HiRes qw(time);

my $messages = $ENV{PG_SQS_LOAD_MANY} || 100_000;
my $load = PgSqs::Load->new('load_many',
	config => { poll => { max_messages => 50_000, max_bytes => 64 << 20, max_age_seconds => 30, visibility_seconds => 300, receives => 8 } });
my $lab = $load->{lab};

is($load->send_many($messages), 0, "$messages messages are sent");
my $began = time;
my $pid = $load->start_daemon;
my $peak = 0;
$load->wait_until('all are deleted', sub {
	if (open my $status, '<', "/proc/$pid/status") { while (<$status>) { $peak = $1 if /^VmHWM:\s+(\d+)/ } }
	return $load->depth eq '0 0';
}, 120);
my $seconds = time - $began;
is($load->sql('SELECT count(*), count(DISTINCT id), sum(id) FROM t'), join('|', $messages, $messages, $messages * ($messages - 1) / 2), 'each message is loaded once');
is($load->sql('SELECT count(*) FROM sqs_ledger'), $messages, '... and in the ledger');
my @statements = $load->events('redshift.statement');
cmp_ok(scalar(@statements), '<=', 20, scalar(@statements) . ' statements of SQL did it');
cmp_ok($load->requests('redshift-data.BatchExecuteStatement'), '<=', 2, '... in two transactions');
cmp_ok($load->requests('sqs.DeleteMessageBatch'), '<=', $messages / 10 * 1.02, '... and deletes of ten');
is(join(' ', $load->stage), '', 'the stage is empty');
$load->in_order;
cmp_ok($peak, '<', 300 * 1024, sprintf 'at most %.0f MB in memory', $peak / 1024);
note sprintf '%.1f s, %.0f messages a second, %.0f MB', $seconds, $messages / $seconds, $peak / 1024;
my ($status, $end) = $load->stop($pid);
is($status, 0, 'ends well');
$load->finish;
done_testing;
