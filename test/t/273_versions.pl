# Library and SQL objects of different versions: objects of a newer or older
# version are refused, in one line of the log and with a hint in SQL; a
# correction of the same version is not; and ALTER EXTENSION UPDATE works while
# a consumer runs.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('versions');
my ($lab, $node) = @$t{qw(lab node)};
my $folder = `pg_config --sharedir` =~ s{\n}{}r . "/extension";
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
my $sent = 0;

# A script of the private installation that leads from one version to another.
sub script
{
	my ($from, $to, $sql) = @_;
	open my $file, '>', "$folder/pg_sqs--$from--$to.sql" or die "$folder: $!";
	print $file $sql;
	close $file;
	return;
}
sub send_one { $sent++; return $lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]) }
sub refusals { return scalar grep { /LOG: .*pg_sqs does not run in database "postgres"/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }

# -- a correction, with objects that the library does not know of
script('1.0', '1.0.1', q{ALTER TABLE sqs.ledger ADD note text; CREATE FUNCTION sqs.fresh() RETURNS integer LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION sqs.fresh FROM PUBLIC;});
script('1.0.1', '1.0', q{DROP FUNCTION sqs.fresh(); ALTER TABLE sqs.ledger DROP note;});
send_one();
$t->wait_for('SELECT count(*) FROM t', '1');
for my $version ('1.0.1', '1.0')
{
	send_one();
	$t->sql("ALTER EXTENSION pg_sqs UPDATE TO '$version'");
	send_one();
	ok($t->wait_for('SELECT count(*) FROM t', $sent), "ALTER EXTENSION UPDATE to $version while a consumer runs");
}
$t->sql("BEGIN; ALTER EXTENSION pg_sqs UPDATE TO '1.0.1'; ROLLBACK");
send_one();
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'and rolled back');
$t->wait_drained('s');

# -- newer objects, whose tables the library would not understand; older ones
my $hidden = 'ALTER TABLE sqs.subscription RENAME max_batch TO batch_size; ALTER TABLE sqs.route RENAME TO form';
my $shown = 'ALTER TABLE sqs.subscription RENAME batch_size TO max_batch; ALTER TABLE sqs.form RENAME TO route';
my $lines = 0;
for my $case ([ '1.1', 'Restart the server' ], [ '2.0', 'Restart the server' ], [ '0.9', 'ALTER EXTENSION pg_sqs UPDATE' ])
{
	my ($version, $hint) = @$case;
	script('1.0', $version, "$hidden;");
	script($version, '1.0', "$shown;");
	$t->sql("ALTER EXTENSION pg_sqs UPDATE TO '$version'");
	ok($t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'}, '0'), "objects of $version: the consumer leaves");
	$t->wait_until('the log says so', sub { refusals() == $lines + 1 });
	like(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/objects of pg_sqs are of version \Q$version\E, its library is of version [0-9.]+\n.*HINT: .*$hint/, "$version: the log says what to do");
	for my $call ('SELECT * FROM sqs.status', q{SELECT sqs.enable('s')}, q{SELECT sqs.alter_subscription('s', max_polls => 3)}, q{SELECT * FROM sqs.ingest('s', '[]')}, q{SELECT sqs.drop_subscription('s')},
		q{SELECT * FROM sqs.explain('s', '{}')}, q{SELECT * FROM sqs.queue_state('s')}, q{SELECT * FROM sqs.trace('s', 'd1')}, q{SELECT sqs.add_route('s', 'r', 't')}, q{SELECT * FROM sqs.retry('s')})
	{
		my ($code, $out, $err) = $node->psql('postgres', $call);
		like($err, qr/ERROR:  the SQL objects of pg_sqs are of version \Q$version\E.*HINT:  .*$hint/s, "$version: $call says so");
	}
	$lines = refusals();
	$t->sql('CREATE DATABASE bystander');
	$t->sql('DROP DATABASE bystander');
	send_one();
	$t->sql("ALTER EXTENSION pg_sqs UPDATE TO '1.0'");
	ok($t->wait_for('SELECT count(*) FROM t', $sent), "$version: back at 1.0 it goes on");
	$t->wait_drained('s');
	$lines = refusals();
	unlink "$folder/pg_sqs--1.0--$version.sql", "$folder/pg_sqs--$version--1.0.sql";
}
cmp_ok($lines, '<=', 6, "$lines lines in the log, one a scan");
my @errors = grep { /ERROR:/ && !/the SQL objects of pg_sqs/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile);
is("@errors", '', 'no error of a worker');

is($t->status('s')->{state}, 'running', 'and in the end it runs');
$t->finish;
done_testing;
