# Commands that want a database for themselves, while it polls: done, refused
# or failing half-way, within a few seconds, and afterwards the right consumers
# run.  And the launcher, which may die as often as it likes.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('databases');
my ($lab, $node) = @$t{qw(lab node)};
$t->sql('CREATE DATABASE d');
$t->install('d');
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', database => 'd');
my $sent = 0;
my $consumers = q{SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'};

sub polling { return $t->wait_until('it polls', sub { $lab->stats->{waiting_polls} == 1 }) }
sub goes_on
{
	my ($name, $database) = @_;
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
	ok($t->wait_for('SELECT count(*) FROM t', $sent, $database // 'd'), "$name: it goes on");
	return polling();
}
sub quick
{
	my ($name, $sql, $error) = @_;
	polling();
	my ($code, $out, $err);
	my $seconds = timed(sub { ($code, $out, $err) = $node->psql('postgres', $sql) });
	cmp_ok($seconds, '<', 6, sprintf('%s: %.1f s', $name, $seconds));
	$error ? like($err, $error, "$name: refused") : is($err, '', "$name: done");
	return;
}

quick('CREATE DATABASE of a name that is taken', 'CREATE DATABASE postgres TEMPLATE d', qr/already exists/);
goes_on('... which failed');
quick('RENAME to a name that is taken', 'ALTER DATABASE d RENAME TO postgres', qr/already exists/);
goes_on('... which failed');
quick('RENAME and ROLLBACK', 'BEGIN; ALTER DATABASE d RENAME TO e; ROLLBACK');
goes_on('... taken back');
quick('RENAME', 'ALTER DATABASE d RENAME TO e');
goes_on('... done', 'e');
quick('and back', 'ALTER DATABASE e RENAME TO d');
goes_on('... done');
$t->sql('CREATE ROLE somebody LOGIN');
quick('DROP DATABASE by somebody', 'SET ROLE somebody; DROP DATABASE d', qr/must be owner/);
goes_on('... refused');
$t->sql(q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE place LOCATION ''});
quick('SET TABLESPACE', 'ALTER DATABASE d SET TABLESPACE place');
goes_on('... done');
quick('CREATE DATABASE ... TEMPLATE', 'CREATE DATABASE copy TEMPLATE d STRATEGY file_copy');
goes_on('... done');
is($t->sql('SELECT state FROM sqs.status', 'copy'), 'fenced', 'the copy is fenced');
quick('DROP DATABASE ... FORCE', 'DROP DATABASE copy WITH (FORCE)');
goes_on('... of the copy');

# -- the launcher
my $pid = $t->status('s', 'd')->{pid};
for my $round (1 .. 2)
{
	my $launcher = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_sqs launcher'});
	$t->sql("SELECT pg_terminate_backend($launcher)");
	$t->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs launcher' AND pid <> $launcher", '1');
}
is($t->status('s', 'd')->{pid}, $pid, 'consumers outlive the launcher');
is($t->sql($consumers), 'd', 'and there is still one');
$t->sql(q{SELECT sqs.disable('s')}, 'd');
ok($t->wait_for($consumers, ''), 'the new launcher knows them');
$t->sql(q{SELECT sqs.enable('s')}, 'd');
goes_on('and starts them');

# -- both go
quick('DROP DATABASE ... FORCE', 'DROP DATABASE d WITH (FORCE)');
is($t->sql($consumers), '', 'nothing runs any more');
my @lines = grep { /(LOG|ERROR|FATAL): .*(pg_sqs|sqs\.)/ && !/statement:|terminating background worker/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
cmp_ok(@lines, '<', 12, @lines . ' lines in the log') or diag join "\n", @lines;
$t->finish;
done_testing;
