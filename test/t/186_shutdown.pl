# The server stops at once, whatever a consumer waits for: a look-up of a name
# that never ends, or a standby that never answers.  Meanwhile it is no
# hindrance to others.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('shutdown', conf => "wal_level = replica\nmax_wal_senders = 5\n");
my ($lab, $node) = @$t{qw(lab node)};

# -- a resolver that stalls for one name, and says when it does
my ($source, $library, $sign) = map { "$ENV{TESTDATADIR}/$_" } qw(stall.c stall.so stalled);
open my $file, '>', $source or die "$source: $!";
print $file <<"C";
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

	if (node != NULL && strncmp(node, "stalled.", 8) == 0)
	{
		close(open("$sign", O_CREAT | O_WRONLY, 0600));
		sleep(120);
	}
	return real(node, service, hints, result);
}
C
close $file;
is(system($ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library, $source, '-ldl'), 0, 'a resolver that stalls') or BAIL_OUT('no C compiler');

sub start_stalling { local $ENV{LD_PRELOAD} = $library; unlink $sign; $node->start; return }
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
$t->sql(q{SELECT sqs.create_subscription('resolves', 'https://stalled.invalid/123456789012/r.fifo', 'aws', 't', enabled => false);
	CREATE SERVER stalled FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', endpoint 'https://stalled.invalid:1');
	SET log_statement = 'none';
	CREATE USER MAPPING FOR payments SERVER stalled OPTIONS (access_key_id 'A', secret_access_key 'b');
	SELECT sqs.alter_subscription('resolves', server => 'stalled', dedup_scope => 'queue'); SELECT sqs.enable('resolves')});
$node->stop;
for my $mode (qw(fast smart))
{
	start_stalling();
	ok($t->wait_until('the look-up stalls', sub { -e $sign }), "$mode: a name is being looked up");
	is($t->sql(q{SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer resolves'}), 't', '... without snapshot or transaction');
	my $seconds = timed(sub { $t->sql('CREATE DATABASE other'); $t->sql('DROP DATABASE other') });
	cmp_ok($seconds, '<=', 3, sprintf('... while databases come and go (%.1f s)', $seconds));
	$seconds = timed(sub { $node->stop($mode) });
	cmp_ok($seconds, '<=', 1, sprintf('%s shutdown during a look-up that stalls (%.2f s)', $mode, $seconds));
}
start_stalling();
$t->wait_until('the look-up stalls', sub { -e $sign });
my $ended = timed(sub { $t->sql(q{SELECT sqs.disable('resolves')}); $t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer resolves'}, '0') });
cmp_ok($ended, '<=', 3, sprintf('sqs.disable ends such a consumer (%.1f s)', $ended));

# -- a standby that never answers
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
$node->restart;
$t->wait_for(q{SELECT state FROM sqs.status WHERE subscription = 's'}, 'running');
$lab->send_messages($queue, map { [ "g$_", "d$_", qq({"id": $_}) ] } 1 .. 5);
$t->wait_for('SELECT count(*) FROM t', '5');
is(join(' ', $lab->queue_depth($queue)), '0 5', 'rows are visible, nothing is deleted without the standby');
my $seconds = timed(sub { $node->stop('fast') });
cmp_ok($seconds, '<=', 1, sprintf('fast shutdown while a standby is waited for (%.2f s)', $seconds));
is(join(' ', $lab->queue_depth($queue)), '0 5', '... still nothing is deleted');
$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->start;
$lab->advance(31);
ok($t->wait_drained('s'), 'afterwards they are known, and deleted');
is($t->sql('SELECT count(*) FROM t'), '5', '... and applied once');
$t->finish;
done_testing;
