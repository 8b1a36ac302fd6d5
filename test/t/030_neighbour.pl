# A good neighbour: shutdown, DROP/RENAME/CREATE DATABASE and DROP EXTENSION
# never wait for SQS; a waiting consumer holds no snapshot and asks seldom.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('neighbour');
my ($lab, $node) = @$t{qw(lab node)};
my $polling = sub { ($lab->stats->{waiting_polls} // 0) > 0 };
$t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
$t->wait_until('a long poll is open', $polling);

is($t->sql(q{SELECT backend_xmin IS NULL AND backend_xid IS NULL AND state = 'idle' FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'}),
	't', 'no snapshot and no transaction while waiting');
like($t->sql(q{SELECT application_name FROM pg_stat_activity WHERE pid = (SELECT pid FROM sqs.status)}), qr/pg_sqs consumer s/, 'the process names its subscription');
my $statements = $t->status('s')->{api_calls};
sleep 3;
cmp_ok($t->status('s')->{api_calls} - $statements, '<=', 1, 'an idle consumer does not poll again within three seconds');

# -- databases of others
cmp_ok(timed(sub { $t->sql('CREATE DATABASE other') }), '<', 5, 'CREATE DATABASE');
$t->install('other');
$t->subscribe('o', 'o.fifo', 'CREATE TABLE t (id integer)', 't', database => 'other');
$t->wait_until('both poll', sub { $lab->stats->{waiting_polls} >= 2 });
cmp_ok(timed(sub { $t->sql('CREATE DATABASE copy TEMPLATE other') }), '<', 5, 'CREATE DATABASE ... TEMPLATE of a database that polls');
is($t->sql(q{SELECT state FROM sqs.status}, 'copy'), 'fenced', 'the copy does not consume');
$t->wait_for(q{SELECT state FROM sqs.status}, 'running', 'other');
cmp_ok(timed(sub { $t->sql('ALTER DATABASE other RENAME TO renamed') }), '<', 5, 'RENAME of a database that polls');
$t->wait_for(q{SELECT state FROM sqs.status}, 'running', 'renamed');
$t->wait_until('both poll', sub { $lab->stats->{waiting_polls} >= 2 });
my ($code, $out, $err) = $node->psql('postgres', 'DROP DATABASE no_such_database');
isnt($code, 0, 'DROP DATABASE of what is not there fails as ever');
cmp_ok(timed(sub { $t->sql('DROP DATABASE renamed') }), '<', 5, 'DROP DATABASE during a long poll');
cmp_ok(timed(sub { $t->sql('DROP DATABASE copy') }), '<', 5, 'DROP DATABASE of the copy');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs consumer%'}), '1', 'one consumer is left');

# -- the extension itself
cmp_ok(timed(sub { $t->sql('BEGIN; DROP EXTENSION pg_sqs CASCADE; ROLLBACK') }), '<', 5, 'DROP EXTENSION and ROLLBACK');
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
$lab->send_messages($t->{queue}{s}, [ 'g', 'd1', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');
$t->sql(q{SELECT sqs.disable('s')});
$t->wait_for(q{SELECT state FROM sqs.status}, 'disabled');
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs consumer%'}, '0');
$t->sql(q{BEGIN; SELECT sqs.enable('s'); ROLLBACK});
is($t->sql(q{SELECT state FROM sqs.status}), 'disabled', 'enable rolled back changes nothing');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
my $pid = $t->status('s')->{pid};
$t->sql("SELECT pg_terminate_backend($pid)");
$t->wait_for(qq{SELECT state FROM sqs.status WHERE pid <> $pid}, 'running');
$t->wait_until('a long poll is open', $polling);
cmp_ok(timed(sub { $t->sql('DROP EXTENSION pg_sqs CASCADE') }), '<', 5, 'DROP EXTENSION during a long poll');
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs consumer%'}, '0');
$t->sql('CREATE EXTENSION pg_sqs');

# -- shutdown
$t->sql(q{SET log_statement = 'none'; CREATE SERVER aws FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', endpoint '} . $lab->endpoint . q{');
	GRANT USAGE ON FOREIGN SERVER aws TO payments;
	CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')});
$t->subscribe('again', 'again.fifo', 'CREATE TABLE again (id integer)', 'again');
$t->wait_until('a long poll is open', $polling);
for my $mode (qw(fast smart))
{
	my $seconds = timed(sub { $node->stop($mode) });
	cmp_ok($seconds, '<', 1.5, sprintf('%s shutdown during a long poll (%.2f s)', $mode, $seconds));
	$node->start;
	$t->wait_for(q{SELECT state FROM sqs.status}, 'running');
	$t->wait_until('a long poll is open', $polling);
}
$t->finish;
done_testing;
