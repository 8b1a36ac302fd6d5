# What SQS says of a message reaches statements as it is: ids, times, counts,
# and every attribute with its type, whatever characters it is made of.
use strict;
use warnings;
use utf8;

use JSON::PP;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('metadata');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer);
	CREATE TABLE m (message_id text, group_id text, dedup_id text, sequence_number text, sent_at timestamptz, receive_count integer, attributes jsonb, body_text text)', 't');
$t->sql(q{SET ROLE payments; SET search_path = public;
	RESET ROLE; SELECT sqs.add_route('s', 'm', statement => 'INSERT INTO public.m SELECT message_id, group_id, dedup_id, sequence_number::text, sent_at, receive_count, attributes, body_text FROM batch')});
$t->wait_until('the route is known', sub { $t->status('s')->{state} eq 'running' && $lab->stats->{waiting_polls} >= 1 });

sub send_one
{
	my ($id, $attributes) = @_;
	return $lab->sqs(SendMessage => { QueueUrl => $queue, MessageBody => qq({"id": $id}), MessageGroupId => 'g', MessageDeduplicationId => "d$id", ($attributes ? (MessageAttributes => $attributes) : ()) });
}
sub attributes { return JSON::PP->new->decode($t->sql("SELECT attributes FROM m WHERE dedup_id = 'd$_[0]'")) }

my $sent = send_one(1);
$t->wait_for('SELECT count(*) FROM m', '1');
is($t->sql(q{SELECT message_id, group_id, dedup_id, sequence_number, receive_count, attributes, body_text FROM m}),
	join('|', $sent->{MessageId}, 'g', 'd1', $sent->{SequenceNumber}, 1, '{}', '{"id": 1}'), 'ids, count, no attributes');
is($t->sql(q{SELECT abs(extract(epoch FROM sent_at - now())) < 60 FROM m}), 't', 'when it was sent');

my $text = join '', map { chr } 0x20 .. 0x7e, 0x9, 0xa, 0xd, 0xe9, 0x20ac, 0x1f600, 0x10fffd, 0x2028;
my $bytes = join '', map { chr } 0 .. 255;
my $base64 = do { require MIME::Base64; MIME::Base64::encode_base64($bytes, '') };
send_one(2, { text => { DataType => 'String', StringValue => $text }, number => { DataType => 'Number.custom', StringValue => '1.10' },
		binary => { DataType => 'Binary', BinaryValue => $base64 }, 'long' => { DataType => 'String', StringValue => "é\"" x 20000 } });
$t->wait_for('SELECT count(*) FROM m', '2');
my $got = attributes(2);
is_deeply([ sort keys %$got ], [qw(binary long number text)], 'every attribute is there');
is($got->{text}{value}, $text, 'text of all kinds of characters');
is_deeply($got->{number}, { type => 'Number.custom', value => '1.10' }, 'a number as it was written, with its type');
is_deeply($got->{binary}, { type => 'Binary', value => $base64 }, 'bytes in base64');
is($got->{long}{value}, "é\"" x 20000, 'a long one');

# -- the count grows when a message comes again
$t->sql(q{SELECT sqs.disable('s')});
$t->wait_until('no poll is open', sub { ($lab->stats->{waiting_polls} // 0) == 0 });
send_one(3);
is(scalar @{ $lab->sqs(ReceiveMessage => { QueueUrl => $queue, VisibilityTimeout => 0, MaxNumberOfMessages => 1 })->{Messages} }, 1, 'somebody else looks at a message');
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM m', '3');
cmp_ok($t->sql(q{SELECT receive_count FROM m WHERE dedup_id = 'd3'}), '>=', 2, 'how often it was handed out');
$t->finish;
done_testing;
