# One S3 object becomes one row: through the lab's S3, the real Lambda
# function, SQS FIFO and the consumer; with awkward names and exact digits.
use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8);
use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('end_to_end');
my $lab = $t->{lab};
my $node = $t->{node};
my $table = $t->sql(q{SELECT pg_read_file('} . "$ENV{PG_SQS_STAGE}/src/docs/examples/transactions.sql" . q{')});
$table =~ s/ PRIMARY KEY//;    # the route here inserts only

$lab->s3(PUT => 'ledger-l0', undef);
$lab->s3_notify('ledger-l0', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
my $queue = $t->subscribe('transactions', 'transactions.fifo', $table, 'transactions');
my %function = (QUEUE_URL => $queue, GROUP_EXPRESSION => '.account_id',
	JQ_FILE => "$ENV{PG_SQS_STAGE}/src/worker/examples/transaction.jq", REJECT_URL => 's3://ledger-l0/rejected/');
$lab->start_function('s3_to_sqs', "$ENV{TESTDATADIR}/function.log", %function);

sub transaction
{
	my ($id, $account, $amount, $fee) = @_;
	return encode_utf8(qq({"transaction_id": "$id", "account_id": "$account", "amount": $amount, "fee": $fee,)
		  . qq( "booked_at": "2026-01-02T03:04:05.678+01:00", "currency": "EUR", "counterparty": {"name": "Zoë", "share": 0.10}}));
}

# -- awkward names, exact digits
my $key = encode_utf8('in/a b+c é/x & y=1%2F.json');
$lab->s3(PUT => 'ledger-l0', $key, content => transaction('T1', 'Société 42 é', '12345678901234567.89', '1.10'));
ok($t->wait_for('SELECT count(*) FROM transactions', '1'), 'the object became a row');
is($t->sql('SELECT amount::text, fee::text FROM transactions'), '12345678901234567.89|1.10', 'every digit survived');
is($t->sql('SELECT account_id FROM transactions'), 'Société 42 é', 'an account with a space and an é survived');
is($t->sql(q{SELECT counterparty FROM transactions}), '{"name": "Zoë", "share": 0.10}', 'a nested value kept its digits');
is($t->sql(q{SELECT booked_at AT TIME ZONE 'UTC' FROM transactions}), '2026-01-02 02:04:05.678', 'a time kept its zone');
is($t->sql(q{SELECT source FROM sqs.ledger}), 's3://ledger-l0/in/a%20b%2Bc%20%C3%A9/x%20%26%20y%3D1%252F.json#1', 'the ledger names the object and record');
my ($sent) = grep { ($_->{event} // '') eq 'sqs.sent' } $lab->journal;
like($sent->{group}, qr/^[0-9a-f]{64}$/, 'an account SQS would refuse as a group is sent hashed');
$t->wait_drained('transactions');
is($t->status('transactions')->{applied}, 1, 'status counts it');

# -- the same object again: SQS absorbs it, later the ledger does
$lab->s3(PUT => 'ledger-l0', $key, content => transaction('T1', 'Société 42 é', '12345678901234567.89', '1.10'));
$t->wait_until('SQS saw the duplicate', sub { grep { ($_->{event} // '') eq 'sqs.sent' && $_->{duplicate} } $lab->journal });
is($t->status('transactions')->{received}, 1, 'SQS absorbed the repeated upload');
$lab->advance(360);
$lab->s3(PUT => 'ledger-l0', $key, content => transaction('T1', 'Société 42 é', '12345678901234567.89', '1.10'));
$t->wait_for(q{SELECT duplicates FROM sqs.status}, '1');
$t->wait_drained('transactions');
is($t->sql('SELECT count(*) FROM transactions'), '1', 'six minutes later the ledger absorbed it: still one row');

# -- a corrected object is another message
$lab->s3(PUT => 'ledger-l0', $key, content => transaction('T1', 'Société 42 é', '12345678901234567.88', '1.10'));
$t->wait_for('SELECT count(*) FROM transactions', '2');
is($t->sql('SELECT count(DISTINCT amount) FROM transactions'), '2', 'a corrected object is no duplicate');

# -- what is not JSON goes to the reject location, the rest goes on
$lab->s3(PUT => 'ledger-l0', 'in/bad.json', content => '{"transaction_id": "T2", ');
$t->wait_until('the bad object is rejected', sub { scalar $lab->s3_keys('ledger-l0', 'rejected/') });
my ($reject) = $lab->s3_keys('ledger-l0', 'rejected/');
my $document = JSON::PP::decode_json($lab->s3(GET => 'ledger-l0', $reject)->{content});
is($document->{key}, 'in/bad.json', 'the reject names the object');
is($document->{body}, '{"transaction_id": "T2",', 'and holds the record as it was, without the blanks around it');
ok(length $document->{reason}, "and says why: $document->{reason}");
$lab->s3(PUT => 'ledger-l0', 'in/T3.json', content => transaction('T3', 'A', '19.99', '0.1'));
$t->wait_for(q{SELECT amount || ' ' || fee FROM transactions WHERE transaction_id = 'T3'}, '19.99 0.1');

# -- a server restart goes on where it was
$node->stop('fast');
$lab->s3(PUT => 'ledger-l0', 'in/T4.json', content => transaction('T4', 'A', '1E2', '-0.00'));
$node->start;
$t->wait_for(q{SELECT count(*) FROM transactions WHERE transaction_id = 'T4'}, '1');
is($t->sql(q{SELECT amount FROM transactions WHERE transaction_id = 'T4'}), '100', 'an exponent is the number it says');
$t->wait_drained('transactions');
is($t->sql('SELECT count(*) FROM sqs.ledger'), $t->sql('SELECT count(*) FROM transactions'), 'as many ledger rows as effects');

my $log = PostgreSQL::Test::Utils::slurp_file("$ENV{TESTDATADIR}/function.log");
unlike($log, qr/Soci|wJalrXUtnFEMI|12345678901234567/, 'the function logs neither payload nor secret');
$t->finish;
done_testing;
