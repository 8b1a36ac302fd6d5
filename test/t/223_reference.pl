# docs/reference.md: its examples run, in their order, and it has a place for
# every object of the schema.
use strict;
use utf8;
use warnings;

use Encode qw(decode_utf8 encode_utf8);
use JSON::PP;
use PgSqs::Test;
use Test::More;

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/reference.ndjson");
my $node = PgSqs::Test::start_node('reference', '');
my $t = bless { node => $node, lab => $lab }, 'PgSqs::Test';
my $text = decode_utf8(PostgreSQL::Test::Utils::slurp_file("$ENV{PG_SQS_STAGE}/src/docs/reference.md"));

# -- the world that the examples speak of
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE payments;
CREATE ROLE shop;
CREATE EXTENSION pg_sqs;
CREATE SCHEMA bank AUTHORIZATION payments;
CREATE SCHEMA shop AUTHORIZATION shop;
SET ROLE payments;
CREATE TABLE bank.transactions (transaction_id text, amount numeric);
SET ROLE shop;
CREATE TABLE shop.orders (id integer, amount numeric);
SQL
my $endpoint = $lab->endpoint;
$lab->create_queue("$_.fifo") for qw(transactions orders-dead orders trial);
my $account = $lab->sqs(GetQueueUrl => { QueueName => 'orders.fifo' })->{QueueUrl} =~ s{/orders\.fifo$}{}r;

# Only the endpoint, the keys and the queues' place are the lab's.
sub run_example
{
	my ($sql) = @_;
	$sql =~ s/region 'eu-west-1'/region 'eu-west-1', endpoint '$endpoint', s3_endpoint '$endpoint'/g;
	$sql =~ s/AKIA…/$lab->{access_key}/g;
	$sql =~ s/secret_access_key '…'/secret_access_key '$lab->{secret_key}'/g;
	$sql =~ s{https://sqs\.eu-west-1\.amazonaws\.com/123456789012}{$account}g;
	my ($code, $out, $err) = $node->psql('postgres', encode_utf8("SET log_statement = 'none'; $sql"), on_error_stop => 1);
	return ($code, $err);
}

my @parts = split /^(?=#{2,3} )/m, $text;
for my $part (@parts)
{
	my ($title) = $part =~ /^#+ (.*)/;
	my $n = 0;
	while ($part =~ /```sql\n(.*?)```/gs)
	{
		my $sql = $1;
		if ($sql =~ /-- needs: a dead-letter queue/)
		{
			my $arn = $lab->sqs(GetQueueAttributes => { QueueUrl => "$account/orders-dead.fifo", AttributeNames => ['QueueArn'] })->{Attributes}{QueueArn};
			$lab->sqs(SetQueueAttributes => { QueueUrl => "$account/orders.fifo",
					Attributes => { RedrivePolicy => JSON::PP->new->encode({ deadLetterTargetArn => $arn, maxReceiveCount => 100 }) } });
		}
		my ($code, $err) = run_example($sql);
		is($code, 0, 'example ' . ++$n . " of \"" . encode_utf8($title) . '"') or diag($err);
		next unless $part =~ /^# /;
		# what the first example starts, the others find; shop gets its connection
		$t->wait_for('SELECT state FROM sqs.status', 'running');
		$node->safe_psql('postgres', "SET log_statement = 'none';
			CREATE USER MAPPING FOR shop SERVER aws OPTIONS (access_key_id '$lab->{access_key}', secret_access_key '$lab->{secret_key}')");
	}
}

# -- every object has its comment and its place
my $objects = $node->safe_psql('postgres', <<'SQL');
SELECT DISTINCT CASE d.classid WHEN 'pg_proc'::regclass THEN 'sqs.' || p.proname ELSE 'sqs.' || c.relname END AS name,
	coalesce(obj_description(d.objid, d.classid::regclass::text), '') <> ''
FROM pg_depend d LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_sqs')
AND (p.oid IS NOT NULL OR c.relkind IN ('r', 'v')) ORDER BY 1
SQL
my @objects = map { [ split /\|/ ] } split /\n/, $objects;
cmp_ok(scalar @objects, '>', 25, scalar(@objects) . ' objects');
is(join(' ', map { $_->[0] } grep { $_->[1] ne 't' } @objects), '', 'each has a comment');
# A heading, or the first cell of a line in the tables of inner functions and of tables.
my $places = join "\n", grep { /^### / } split /\n/, $text;
for my $section ($text =~ /^## (?:Inner functions|Tables)\n(.*?)(?=^## )/gms)
{
	$places .= "\n$_" for $section =~ /^\|([^|]*)\|/gm;
}
is(join(' ', grep { $places !~ /`\Q$_\E\b/ } map { $_->[0] } @objects), '', 'each has its place in the reference');
is(join(' ', grep { my $name = $_; !grep { $_->[0] eq $name } @objects } $places =~ /`(sqs\.\w+)/g), '', 'and the reference names nothing else');
$t->finish;
done_testing;
