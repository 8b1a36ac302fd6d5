# An operator's calls to the queue: send, peek, redrive.
use strict;
use utf8;
use warnings;

use JSON::PP;
use PgSqs::Psql;
use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('operations');
my ($lab, $node) = @$t{qw(lab node)};

# The error of a statement, run as a role.
sub failure
{
	my ($sql, $role) = @_;
	my ($code, $out, $err) = $node->psql('postgres', ($role ? "SET ROLE $role; " : '') . '\set VERBOSITY verbose' . "\n$sql");
	return $err;
}

$t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id text, note text)', 't');
$t->sql(q{CREATE ROLE monitor IN ROLE sqs_monitor; CREATE ROLE admin IN ROLE sqs_admin; CREATE ROLE nobody_special});

# -- send: what arrives is what was given
is($t->sql(q{SELECT message_id ~ '^[0-9a-f-]{36}$', sequence_number ~ '^[0-9]+$'
	FROM sqs.send('s', '{"id": "1", "note": "Grüße €"}', 'g')}), 't|t', 'send returns the ids of SQS');
$t->wait_for('SELECT count(*) FROM t', '1');
is($t->sql(q{SELECT note FROM t WHERE id = '1'}), 'Grüße €', 'the consumer applies it');
is($t->sql(q{SELECT encode(sha256(convert_to('{"id": "1", "note": "Grüße €"}', 'UTF8')), 'hex') = dedup_key FROM sqs.ledger}), 't',
	'without a dedup_id it is the hash of the body');
$t->sql(q{SELECT sqs.send('s', '{"id": "1", "note": "Grüße €"}', 'g')});
$t->sql(q{BEGIN; SELECT sqs.send('s', '{"id": "2"}', 'g', 'two'); ROLLBACK});
$t->wait_for(q{SELECT string_agg(id, ' ' ORDER BY id) FROM t}, '1 2');
pass('the transaction that sent may roll back; the same body again has no effect');

# -- peek
$t->sql(q{SELECT sqs.disable('s')});
$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'}, '0');
$t->sql(q{SELECT sqs.send('s', '{"id": "' || n || '"}', 'g' || n % 2, 'p' || n) FROM generate_series(1, 4) n});
$t->sql(q{SELECT sqs.send('s', 'ü', 'other', 'p5', '{"origin": "replay", "n": 1.50, "b": {"type": "Binary", "value": "AP8="}, "c": {"type": "String.x", "value": "a\"b"}}')});
is($t->sql(q{SELECT string_agg(dedup_id, ' ' ORDER BY dedup_id COLLATE "C") FROM sqs.peek('s')}), 'p1 p2 p3 p4 p5', 'peek shows all groups');
is($t->sql(q{SELECT group_id, dedup_id, receive_count > 1, sent_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute', body, body_bytes,
	length(message_id), sequence_number ~ '^[0-9]+$' FROM sqs.peek('s') WHERE group_id = 'other'}),
	'other|p5|t|t|ü|2|36|t', 'peek shows what a message is, and counts as a receive');
is($t->sql(q{SELECT string_agg(format('%s=%s:%s', key, value->>'type', value->>'value'), ' ' ORDER BY key)
	FROM sqs.peek('s'), json_each(attributes) WHERE dedup_id = 'p5'}), 'b=Binary:AP8= c=String.x:a"b n=Number:1.50 origin=String:replay',
	'attributes as they were sent');
is($t->sql(q{SELECT count(*) FROM sqs.peek('s', 2)}), '2', 'as many as asked for');
is(join(' ', $lab->queue_depth($t->{queue}{s})), '5 0', 'nothing is in flight afterwards');
is($t->sql(q{SELECT string_agg(dedup_id, ' ' ORDER BY sequence_number::numeric) FROM sqs.peek('s') WHERE group_id = 'g1'}), 'p1 p3', 'a group in its order');
unlike($t->sql(q{SELECT string_agg(dedup_id, ' ') FROM sqs.peek('s')}), qr/p6/, 'nothing that is not there');

# -- what may not be
like(failure(q{SELECT * FROM sqs.peek('s', 0)}), qr/22023.*n is out of range.*HINT/s, 'n is checked');
like(failure(q{SELECT * FROM sqs.peek('none')}), qr/42704/, 'a subscription that does not exist');
like(failure(q{SELECT sqs.send('s', 'x')}), qr/22004.*group_id.*HINT/s, 'a FIFO queue needs a group');
like(failure(q{SELECT sqs.send('s', NULL, 'g')}), qr/22004.*body/s, 'a body is needed');
like(failure(q{SELECT sqs.send('s', '', 'g')}), qr/22023.*body is empty/s, 'an empty body');
like(failure(q{SELECT sqs.send('s', 'x', 'a b')}), qr/22023.*group id/s, 'a group that SQS would refuse');
like(failure(q{SELECT sqs.send('s', repeat('x', 1048577), 'g')}), qr/22023.*1048576/s, 'too large');
like(failure(q{SELECT sqs.send('s', 'x', 'g', attributes => '[]')}), qr/22023.*object.*HINT/s, 'attributes are an object');
like(failure(qq{SELECT sqs.send('s', 'x', 'g', attributes => '$_')}), qr/22023.*attribute/s, "attributes: $_")
  for '{"a": null}', '{"a": []}', '{"a": {"type": "Number", "value": "x"}}', '{"a": {"type": "Binary", "value": "?"}}', '{"AWS.x": "1"}', '{"a": {"value": "1"}}';
for my $call (q{sqs.peek('s')}, q{sqs.send('s', 'x', 'g')}, q{sqs.redrive('s')}, q{sqs.redrive_cancel('s')}, q{sqs.redrive_state('s')})
{
	like(failure("SELECT * FROM $call", 'nobody_special'), qr/42501/, "denied: $call");
	like(failure("SELECT * FROM $call", 'monitor'), qr/42501/, "denied to monitoring: $call") unless $call =~ /state/;
}
is($t->sql(q{SET ROLE admin; SELECT count(*) FROM sqs.peek('s')}), '5', 'sqs_admin looks');

# -- waiting can be cancelled, and ends by itself with statement_timeout
$lab->fault(service => 'sqs', action => 'ReceiveMessage', times => 1, do => 'hang');
my $took = timed(sub { like(failure(q{SET statement_timeout = '300ms'; SELECT * FROM sqs.peek('s')}), qr/57014/, 'statement_timeout ends it') });
cmp_ok($took, '<', 5, sprintf 'at once (%.1f s)', $took);
$lab->clear_faults;

# -- refusals
$lab->fault(service => 'sqs', action => 'SendMessageBatch', times => 1, do => 'error', status => 403, code => 'AccessDeniedException');
like(failure(q{SELECT sqs.send('s', 'x', 'g')}), qr/42501.*sqs:SendMessage/s, 'the hint names the permission that is missing');

# -- a dead-letter queue
like(failure(q{SELECT * FROM sqs.redrive('s')}), qr/55000.*no dead-letter queue.*HINT/s, 'no dead-letter queue');
my $dead = $lab->create_queue('dead.fifo');
my $arn = $lab->sqs(GetQueueAttributes => { QueueUrl => $dead, AttributeNames => ['QueueArn'] })->{Attributes}{QueueArn};
$lab->sqs(SetQueueAttributes => { QueueUrl => $t->{queue}{s},
		Attributes => { RedrivePolicy => JSON::PP->new->encode({ deadLetterTargetArn => $arn, maxReceiveCount => 1000 }) } });
like(failure(q{SELECT count(*) FROM sqs.peek('s', 1)}), qr/NOTICE.*counts as a receive.*received 1000 times.*dead\.fifo/s, 'who looks is told that it counts');
$t->finish;
done_testing;
