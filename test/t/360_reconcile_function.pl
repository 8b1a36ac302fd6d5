# What s3_to_sqs writes down is what sqs.reconcile reads: a message that is
# taken away behind the pipeline's back is named by its object and record.
use strict;
use warnings;

use JSON::PP;
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('receipts');
my ($lab, $node) = @$t{qw(lab node)};
my $json = JSON::PP->new->canonical;

$t->sql(q{ALTER SERVER aws OPTIONS (ADD s3_endpoint '} . $lab->endpoint . q{')});
$t->subscribe('a', 'a.fifo', 'CREATE TABLE a (transaction_id text, amount numeric)', 'a', more => q{receipts => 's3://ledger/receipts/'});
$t->subscribe('b', 'b.fifo', 'CREATE TABLE b (id text, n int)', 'b', more => q{receipts => 's3://ledger/receipts/'});
$t->sql(q{SELECT sqs.disable('a'), sqs.disable('b')});

$lab->s3(PUT => 'ledger');
$lab->s3_notify('ledger', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
$lab->start_function('s3_to_sqs', "$ENV{TESTDATADIR}/receipts.log", S3_TO_SQS_CONFIG => $json->encode({
	outputs => [
		{ name => 'a', queue_url => $t->{queue}{a} },
		{ name => 'b', queue_url => $t->{queue}{b}, jq => 'select(.amount > 1) | {id: .transaction_id, n: (1, 2)}', group => '.id' } ],
	reject => 's3://ledger/rejects/', receipts => 's3://ledger/receipts/' }));

sub missing
{
	my ($subscription) = @_;
	return $t->sql("SELECT object_key, record, output, group_id, place FROM sqs.reconcile('$subscription', now() - interval '2 days', now() + interval '2 days') ORDER BY 1, 2, 4, 5, dedup_id");
}
sub receipts { return $lab->s3_keys('ledger', 'receipts/') }
sub wait_until
{
	my ($name, $code) = @_;
	for (1 .. 600) { return 1 if $code->(); select undef, undef, undef, 0.05; }
	fail("waiting until $name");
	return 0;
}

# Take the group's messages off the queue; the others stay.
sub take_away
{
	my ($queue, $group) = @_;
	my $taken = 0;
	wait_until("a message of $group can be taken", sub {
		my $answer = $lab->sqs(ReceiveMessage => { QueueUrl => $queue, MaxNumberOfMessages => 10, VisibilityTimeout => 30, AttributeNames => ['All'] });
		for my $message (@{ $answer->{Messages} // [] })
		{
			my %handle = (QueueUrl => $queue, ReceiptHandle => $message->{ReceiptHandle});
			if ($message->{Attributes}{MessageGroupId} eq $group) { $lab->sqs(DeleteMessage => \%handle); $taken++; }
			else { $lab->sqs(ChangeMessageVisibility => { %handle, VisibilityTimeout => 0 }) }
		}
		return $taken > 0;
	});
	return;
}

$lab->s3(PUT => 'ledger', 'in/orders 7.ndjson', content => join('',
	qq({"transaction_id":"T1","amount":0.5}\n), qq({"transaction_id":"T2","amount":2.50}\n), qq({"transaction_id":\n),
	qq({"transaction_id":"T4","amount":4}\n), qq({"amount":5}\n)));
wait_until('the receipt is written', sub { receipts() == 1 });
my ($name) = receipts();
like($name, qr{^receipts/\d{4}/\d\d/\d\d/[0-9a-f]{32}-000001\.json$}, 'the receipt has its name');
my $receipt = decode_json($lab->s3(GET => 'ledger', $name)->{content});
is($receipt->{source}, 's3://ledger/in/orders%207.ndjson', 'its source, as the ledger will call it');
is(scalar @{ $receipt->{outputs}{a}{messages} }, 5, 'an entry a record');
is_deeply([ map { defined $_ ? scalar @$_ : 0 } @{ $receipt->{outputs}{b}{messages} } ], [ 0, 4, 0, 4, 0 ], 'two messages of one record, and none');
is(join(' ', map { $_->{record} } @{ $receipt->{rejected} }), '3 5', 'what was rejected');

take_away($t->{queue}{a}, 'T2');
take_away($t->{queue}{b}, 'T4');
$t->sql(q{SELECT sqs.enable('a'), sqs.enable('b')});
$t->wait_for('SELECT string_agg(transaction_id, \',\' ORDER BY transaction_id) FROM a', 'T1,T4');
$t->wait_for('SELECT count(*) FROM b WHERE id = \'T2\'', '2');

my $rejected = "in/orders 7.ndjson|3|||rejected\nin/orders 7.ndjson|5|||rejected";
is(missing('a'), "in/orders 7.ndjson|2|a|T2|missing\n$rejected", 'the lost message is named by object and record');
my $lost = missing('b');
like($lost, qr{^in/orders 7\.ndjson\|4\|b\|T4\|missing$}m, 'so is one that is the second of its record');
unlike($lost, qr{\|2\|b\|T2\|}, 'what has arrived is not');

# -- the repair: the same object again, when SQS has forgotten its ids
$lab->advance(301);
$lab->s3(PUT => 'ledger', 'in/orders 7.ndjson', content => $lab->s3(GET => 'ledger', 'in/orders 7.ndjson')->{content});
wait_until('the second receipt is written', sub { receipts() == 2 });
$t->wait_for('SELECT string_agg(transaction_id, \',\' ORDER BY transaction_id) FROM a', 'T1,T2,T4');
$t->wait_for('SELECT count(*) FROM b', '4');
is(join("\n", grep { !/\|rejected$/ } split /\n/, missing('a') . "\n" . missing('b')), '', 'nothing is missing any more');
is($t->sql('SELECT sum(amount) FROM a'), '7.00', 'and nothing is there twice');

# -- an object of no record at all is noted, too
$lab->s3(PUT => 'ledger', 'in/empty.json', content => "\n");
wait_until('its receipt is written', sub { receipts() == 3 });
unlike(missing('b'), qr/incomplete/, 'and it is complete');
$t->finish;
done_testing;
