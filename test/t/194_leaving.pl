# A consumer that ends leaves nothing behind that blocks its group: what it has
# applied is deleted, though deleting is slow, and what it has not goes back.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('leaving');
my $lab = $t->{lab};
my $count = 100;

$t->subscribe('a', 'a.fifo', 'CREATE TABLE a (id integer, at timestamptz DEFAULT clock_timestamp())', 'a', more => 'visibility_timeout => 600', state => 'running');
$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', resource => 'a.fifo', times => -1, do => 'delay_ms', ms => 60);

my %ends = (
	'sqs.disable' => sub { $t->sql(q{SELECT sqs.disable('a')}) },
	SIGTERM => sub { $t->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer a'}) });
my $rows = 0;
for my $how (sort keys %ends)
{
	my $pid = $t->sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer a'});
	$lab->journal_news('none');
	$lab->control(PUT => 'prefill/a.fifo', { body => '{"id": 1########}', count => $count, first => $rows + 1, groups => $count });
	$rows += $count;
	$t->wait_for('SELECT count(*) FROM a', $rows);
	$ends{$how}->();
	$t->wait_for("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid", '0');
	is(scalar($lab->journal_news('sqs.deleted')), $count, "$how: what was applied is deleted");
	$t->sql(q{SELECT sqs.enable('a')});
	$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_sqs consumer a'}, '1');
}
$t->finish;
done_testing;
