# The SQL on the README's first screen works as printed: only the endpoint,
# the keys and the queue's host are the lab's.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/readme.ndjson");
my $node = PgSqs::Test::start_node('readme', '');
my $t = bless { node => $node, lab => $lab }, 'PgSqs::Test';

my $readme = PostgreSQL::Test::Utils::slurp_file("$ENV{PG_SQS_STAGE}/src/README.md");
my ($sql) = $readme =~ /```sql\n(.*?)```/s or BAIL_OUT('README.md has no SQL');
is(scalar(grep { /;$/ } split /\n/, $sql), 6, 'six lines');
my $endpoint = $lab->endpoint;
$sql =~ s/region 'eu-west-1'/region 'eu-west-1', endpoint '$endpoint'/ or fail('the server line');
$sql =~ s/AKIA…/$lab->{access_key}/ or fail('the key');
$sql =~ s/secret_access_key '…'/secret_access_key '$lab->{secret_key}'/ or fail('the secret');
my $queue = $lab->create_queue('transactions.fifo');
$sql =~ s{https://sqs\.eu-west-1\.amazonaws\.com}{$endpoint} or fail('the queue');
$node->safe_psql('postgres', 'CREATE ROLE payments');
my ($code, $out, $err) = $node->psql('postgres', "SET log_statement = 'none'; $sql", on_error_stop => 1);
is($code, 0, 'the six lines run') or diag($err);
like($out, qr/^transactions\|starting\|/m, 'and the last one shows the subscription') or diag($out);
$t->wait_for('SELECT state FROM sqs.status', 'running');
$lab->send_messages($queue, [ 'g', 'd', '{"transaction_id": "T1", "amount": 1.10}' ]);
$t->wait_for('SELECT transaction_id, amount FROM bank.transactions', 'T1|1.10');
pass('a message becomes a row');
$t->finish;
done_testing;
