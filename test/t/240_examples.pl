# docs/examples as printed: the tables, the routes, the SQL of its README, and
# the JSON files through a queue, in the wrong order.
use strict;
use warnings;

use Encode qw(decode_utf8);
use PgSqs::Test;
use Test::More;

my $examples = "$ENV{PG_SQS_STAGE}/src/docs/examples";
sub example { return PostgreSQL::Test::Utils::slurp_file("$examples/$_[0]") }

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/examples.ndjson");
my $node = PgSqs::Test::start_node('examples', '');
my $t = bless { node => $node, lab => $lab, queue => {} }, 'PgSqs::Test';
my $endpoint = $lab->endpoint;
$node->safe_psql('postgres', 'CREATE ROLE payments; GRANT CREATE ON SCHEMA public TO payments; SET ROLE payments; '
	  . join '', map { example("$_.sql") } qw(transactions confirmations regulatory_reports));

# -- the README's SQL; only the endpoint, the keys and the queue's host are the lab's
my ($setup, $explain, $ingest) = example('README.md') =~ /```sql\n(.*?)```/sg;
$t->{queue}{transactions} = $lab->create_queue('transactions.fifo');
$setup =~ s/credentials 'environment'/endpoint '$endpoint'/ or fail('the server line');
$setup =~ s/(GRANT USAGE.*)/$1 CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id '$lab->{access_key}', secret_access_key '$lab->{secret_key}');/ or fail('the grant');
$setup =~ s{https://sqs\.eu-west-1\.amazonaws\.com}{$endpoint} or fail('the queue');
$setup =~ s/^\\i routes\.sql$/example('routes.sql')/me or fail('the routes');
my ($code, $out, $err) = $node->psql('postgres', "SET log_statement = 'none'; $setup", on_error_stop => 1);
is($code, 0, 'the subscription and its three routes are added') or diag($err);
is($t->sql($explain), join("\n", 'confirmations|1|{"transaction_id":"T-1","version":1,"account_id":null,"amount":12345678901234567.89,"fee":1.10,"currency":"EUR","total":12345678901234568.99,"confirmed_at":"X"}|',
		'regulatory_reports|1||', 'transactions|1|{"transaction_id":"T-1","version":1,"account_id":null,"booked_at":null,"booked_on":null,"amount":12345678901234567.89,"fee":1.10,"currency":"EUR","counterparty":null,"description":null,"landed_at":"X"}|'),
	'sqs.explain shows the rows') if ($explain =~ s/written,/regexp_replace(written::text, '_at":"[^"]+"', '_at":"X"') AS written,/);
is($t->sql('SELECT (SELECT count(*) FROM transactions) + (SELECT count(*) FROM sqs.ledger)'), '0', 'and writes none');
is($t->sql($ingest), join("\n", 'applied', 'applied', 'T-1|2|9999.99|', 'T-1|1|12345678901234567.89|1.10|12345678901234568.99', 'T-1|2|9999.99|0|9999.99', 'T-1|2|below threshold|9999.99'),
	'the correction wins, though it came first');

# -- through the queue: the correction, then what it corrects
$t->wait_for('SELECT state FROM sqs.status', 'running');
$lab->send_messages($t->{queue}{transactions}, [ 'late', 'v2', decode_utf8(example('transaction_corrected.json')) ]);
$t->wait_for("SELECT version FROM transactions WHERE transaction_id = 'T-2026-000042'", '2');
$lab->send_messages($t->{queue}{transactions}, [ 'other', 'v1', decode_utf8(example('transaction.json')) ]);
$t->wait_for("SELECT count(*) FROM confirmations WHERE transaction_id = 'T-2026-000042'", '2');
is($t->sql("SELECT version, amount, fee FROM transactions WHERE transaction_id = 'T-2026-000042'"), '2|9999.99|0.01', 'transactions has the correction');
is($t->sql("SELECT version, total FROM confirmations WHERE transaction_id = 'T-2026-000042' ORDER BY 1"), "1|12345678901234568.99\n2|10000.00", 'both were confirmed, with exact totals');
is($t->sql("SELECT version, status, total, counterparty FROM regulatory_reports WHERE transaction_id = 'T-2026-000042'"), "2|below threshold|10000.00|Zo\x{eb} & S\x{f8}n", 'the report is withdrawn');
$t->wait_drained('transactions');
is($t->status('transactions')->{superseded}, 1, 'sqs.status counts what the newer version kept out');

# -- both versions in one batch: the older one is counted, too
$t->sql("SELECT sqs.disable('transactions')");
$t->wait_for('SELECT pid IS NULL FROM sqs.status', 't');
$lab->send_messages($t->{queue}{transactions}, [ 'both', 'both2', '{"transaction_id": "B", "version": 2, "amount": 2}' ],
	[ 'both', 'both1', '{"transaction_id": "B", "version": 1, "amount": 1}' ]);
$t->sql("SELECT sqs.enable('transactions')");
$t->wait_for("SELECT count(*) FROM confirmations WHERE transaction_id = 'B'", '2');
$t->wait_drained('transactions');
is($t->sql("SELECT count(DISTINCT applied_at) FROM sqs.ledger WHERE dedup_key LIKE 'both%'"), '1', 'both were one batch');
is($t->status('transactions')->{superseded}, 1, 'sqs.status counts the older one');

# -- a route that is added or dropped while it runs: the consumer follows
my $sent = 0;
sub send_one { my $n = ++$sent; $lab->send_messages($t->{queue}{transactions}, [ 'l', "late$n", qq({"transaction_id": "L$n", "amount": $n}) ]); return }
sub consumer { return $t->sql('SELECT pid FROM sqs.status') }
my $pid = consumer();
$node->safe_psql('postgres', 'SET ROLE payments; CREATE TABLE late (transaction_id text, message_id text, group_id text, dedup_id text,
	sequence_number numeric, sent_at timestamptz, receive_count int, attributes jsonb)');
$t->sql("SELECT sqs.add_route('transactions', 'late', statement => 'INSERT INTO late SELECT body->>''transaction_id'',
	message_id, group_id, dedup_id, sequence_number, sent_at, receive_count, attributes FROM batch')");
$t->wait_until('the consumer starts anew', sub { my $now = consumer(); return $now ne '' && $now ne $pid });
send_one();
$t->wait_for('SELECT transaction_id FROM late', 'L1');
pass('a route that is added gets what comes from now on');
my ($received) = grep { ($_->{event} // '') eq 'sqs.sent' && ($_->{dedup} // '') eq 'late1' } $lab->journal;
is($t->sql('SELECT message_id, group_id, dedup_id, sequence_number, receive_count, attributes FROM late'),
	"$received->{message_id}|l|late1|$received->{sequence}|1|{}", 'batch tells what SQS said of the message');
is($t->sql("SELECT sent_at BETWEEN now() - interval '1 minute' AND now() + interval '1 second' FROM late"), 't', 'and when it took it');
$pid = consumer();
$t->sql("SELECT sqs.drop_route('transactions', 'late')");
$t->wait_until('the consumer starts anew', sub { my $now = consumer(); return $now ne '' && $now ne $pid });
$t->sql('SET ROLE payments; ALTER TABLE transactions RENAME TO renamed; CREATE TABLE transactions (LIKE renamed INCLUDING ALL)');
send_one();
$t->wait_for("SELECT amount FROM renamed WHERE transaction_id = 'L2'", '2');
is($t->sql('SELECT count(*) FROM late'), '1', 'a route that is dropped gets no more');

# -- a target keeps being the target under another name, also for kept plans
$t->sql('SET ROLE payments; ALTER TABLE renamed RENAME TO again; ALTER TABLE transactions RENAME TO renamed');
send_one();
$t->wait_for("SELECT amount FROM again WHERE transaction_id = 'L3'", '3');
is($t->sql('SELECT count(*) FROM renamed'), '0', 'a table is written to by what it is, not by its name');
$t->finish;
done_testing;
