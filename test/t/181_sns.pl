# Bodies that SNS wrapped: with unwrap_sns a row is made of what was published,
# its attributes carry the lineage, and a body that is no notification is
# passed on as it is.  Nothing that looks like one brings a consumer down.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('sns');
my $lab = $t->{lab};
my $json = JSON::PP->new->canonical;
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, v numeric, "Message" text, "Type" text)', 't', more => 'unwrap_sns => true');
my $sent = 0;

sub notification
{
	my (%members) = @_;
	return $json->encode({ Type => 'Notification', TopicArn => 'arn:aws:sns:eu-west-1:123456789012:t.fifo', MessageId => 'm',
			Timestamp => '2026-01-02T03:04:05.678Z', %members });
}

# Send one body; the rows that came of it, as JSON.
sub row_of
{
	my ($body, $attributes) = @_;
	my $dedup = 'd' . ++$sent;
	$lab->send_messages($queue, [ 'g', $dedup, $body, $attributes ]);
	$t->wait_for("SELECT count(*) FROM sqs.ledger WHERE dedup_key = '$dedup'", '1');
	return $t->sql('WITH gone AS (DELETE FROM t RETURNING *) SELECT json_strip_nulls(row_to_json(gone)) FROM gone');
}
sub source { return $t->sql("SELECT source FROM sqs.ledger WHERE dedup_key = 'd$sent'") }
sub hash { return $t->sql("SELECT encode(content_hash, 'hex') FROM sqs.ledger WHERE dedup_key = 'd$sent'") }

is(row_of(notification(Message => '{"id": 1, "v": 1234567890123456789.10}')), '{"id":1,"v":1234567890123456789.10}', 'the published text becomes the row, digit for digit');
my $hash = hash();
my %lineage = (source_bucket => 'b', source_key => 'k', source_record => '7');
is(row_of(notification(Message => '{"id": 2}',
			MessageAttributes => { map { $_ => { Type => 'String', Value => $lineage{$_} } } keys %lineage })), '{"id":2}', 'with attributes');
is(source(), 's3://b/k#7', '... which carry the lineage');
row_of(notification(Message => '{"id": 3}',
		MessageAttributes => { source_bucket => { Type => 'String', Value => 'other' }, source_key => { Type => 'Binary', Value => 'a2V5' } }),
	{ source_bucket => 'mine' });
is(source(), 's3://mine/key', 'the message\'s own attributes win');
row_of(notification(Message => '{"id": 1, "v": 1234567890123456789.10}', Timestamp => '2027-01-02T03:04:05.678Z', Signature => 'x'));
is(hash(), $hash, 'the content is what was published, whenever and however it was');
is(row_of('{"id": 4}'), '{"id":4}', 'a body without a wrapping is passed on as it is');

# -- what is no notification
my $inner = '{"id": 5}';
for my $case (
	[ 'another type', notification(Message => $inner, Type => 'SubscriptionConfirmation') ],
	[ 'a Message that is an object', notification(Message => { id => 5 }) ],
	[ 'no topic', notification(Message => $inner, TopicArn => undef) ],
	[ 'attributes that are a list', notification(Message => $inner, MessageAttributes => [1]) ],
	[ 'an attribute without a value', notification(Message => $inner, MessageAttributes => { a => { Type => 'String' } }) ],
	[ 'a binary attribute that is not base64', notification(Message => $inner, MessageAttributes => { a => { Type => 'Binary', Value => '!' } }) ],
	[ 'too many attributes', notification(Message => $inner, MessageAttributes => { map { $_ => { Type => 'String', Value => 'v' } } 1 .. 101 }) ],
	[ 'members twice', '{"Type": "Notification", "Type": "x", "TopicArn": "t", "Message": "{\\"id\\": 5}"}' ],
	[ 'an odd number beside it', '{"Type": "Notification", "TopicArn": "t", "Message": "{\\"id\\": 5}", "n": 1e400}' ])
{
	my ($name, $body) = @$case;
	unlike(row_of($body), qr/"id":5/, "$name: not unwrapped");
}
is(row_of('{"Type": "Notification", "TopicArn": "t", "Message": "{\\"id\\": 6}", "deep": ' . '[' x 500 . ']' x 500 . '}'), '{"id":6}', 'a deep document beside it');

# -- without the setting
my $pid = $t->status('s')->{pid};
$t->sql(q{SELECT sqs.alter_subscription('s', unwrap_sns => false)});
$t->wait_for("SELECT state FROM sqs.status WHERE pid <> $pid", 'running');
is(row_of(notification(Message => '{"id": 7}')), '{"Message":"{\"id\": 7}","Type":"Notification"}', 'without the setting the notification itself is the row');
is($t->status('s')->{blocked}, 0, 'nothing was refused');
$t->finish;
done_testing;
