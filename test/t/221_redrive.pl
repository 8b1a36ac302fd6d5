# A dead-letter queue, taken back: sqs.redrive, its state, and what the ledger
# makes of messages that come back with other ids.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('redrive');
my ($lab, $node) = @$t{qw(lab node)};

sub failure
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose' . "\n$sql");
	return $err;
}

# A queue with a dead-letter queue behind it, and its subscription, disabled.
sub with_dead_letters
{
	my ($name, $more) = @_;
	my $dead = $lab->create_queue("$name-dead.fifo");
	my $arn = $lab->sqs(GetQueueAttributes => { QueueUrl => $dead, AttributeNames => ['QueueArn'] })->{Attributes}{QueueArn};
	$t->subscribe($name, "$name.fifo", "CREATE TABLE $name (id text)", $name, more => $more,
		attributes => { RedrivePolicy => JSON::PP->new->encode({ deadLetterTargetArn => $arn, maxReceiveCount => 2 }) });
	return $dead;
}

# Send messages and have them received until they are in the dead-letter queue.
sub bury
{
	my ($name, $dead, $count) = @_;
	$t->sql("SELECT sqs.disable('$name')");
	$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer NAME%'} =~ s{NAME}{$name}r, '0');
	$lab->send_messages($t->{queue}{$name}, map { [ "g$_", "d$_", qq({"id":"$_"}), { key => "k$_" } ] } 1 .. $count);
	return $t->wait_until("$name is dead", sub {
		$t->sql("SELECT count(*) FROM sqs.peek('$name', 100)");
		join(' ', $lab->queue_depth($dead)) eq "$count 0" });
}

my $dead = with_dead_letters('s', '');
is($t->sql(q{SELECT count(*) FROM sqs.redrive_state('s')}), '0', 'no task yet');
like(failure(q{SELECT sqs.redrive_cancel('s')}), qr/55000.*HINT/s, 'nothing to cancel');
bury('s', $dead, 3);
is($t->sql(q{SELECT dead_letter_visible FROM sqs.queue_state('s')}), '3', 'queue_state shows them');
like(failure(q{SELECT * FROM sqs.redrive('s', 0)}), qr/22023.*max_per_second.*HINT/s, 'a rate that cannot be');
like(failure(q{SELECT sqs.redrive('s', 1)}), qr/NOTICE.*other deduplication ids.*dedup_key/s, 'who has no dedup_key is warned');
like(failure(q{SELECT sqs.redrive('s')}), qr/55006.*already.*HINT/s, 'one at a time');
is($t->sql(q{SELECT status, max_per_second, moved < 3, failure IS NULL, task_handle IS NOT NULL, started_at > now() - interval '1 minute' FROM sqs.redrive_state('s')}),
	'RUNNING|1|t|t|t|t', 'state of the task');
cmp_ok($t->sql(q{SELECT sqs.redrive_cancel('s')}), '<', 3, 'cancelled before all were moved');
$t->wait_for(q{SELECT status FROM sqs.redrive_state('s')}, 'CANCELLED');
is($t->sql(q{SELECT dead_letter_queue LIKE 'arn:aws:sqs:%s-dead.fifo', task_handle <> '' FROM sqs.redrive('s')}), 't|t', 'started again');
$t->wait_for(q{SELECT status FROM sqs.redrive_state('s') LIMIT 1}, 'COMPLETED');
is($t->sql(q{SELECT count(*) FROM sqs.redrive_state('s')}), '2', 'both tasks are remembered');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*), count(DISTINCT id) FROM s', '3|3');
$t->wait_drained('s');

# -- applied, buried, taken back: applied again without a dedup_key, once with it
for my $case ([ 'plain', '', '2|1' ], [ 'keyed', q{dedup_key => 'key'}, '1|1' ])
{
	my ($name, $more, $expected) = @$case;
	my $dead = with_dead_letters($name, $more);
	$lab->send_messages($t->{queue}{$name}, [ 'g1', 'd1', '{"id":"1"}', { key => 'k1' } ]);
	$t->wait_for("SELECT count(*) FROM $name", '1');
	$t->wait_drained($name);
	# as after deletes that were lost: SQS has it again
	$lab->advance(301);
	bury($name, $dead, 1);
	$t->sql("SELECT sqs.redrive('$name')");
	$t->wait_for("SELECT status FROM sqs.redrive_state('$name')", 'COMPLETED');
	$t->sql("SELECT sqs.enable('$name')");
	$t->wait_for("SELECT applied + duplicates FROM sqs.status WHERE subscription = '$name'", '1');
	is($t->sql("SELECT count(*), count(DISTINCT id) FROM $name"), $expected, "$name: rows after the redrive");
}
$t->finish;
done_testing;
