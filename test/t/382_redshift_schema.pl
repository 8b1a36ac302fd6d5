# One table in both databases: sqs.redshift_ddl, sqs.redshift_table and
# "sqs_to_redshift ddl" agree, what they print makes tables that "check" finds
# nothing wrong with, "check" finds what is wrong with others, "prune" forgets
# what is old, and a literal means the same whether or not backslashes escape.
use strict;
use utf8;
use warnings;

use Encode qw(decode_utf8 encode_utf8);
use IPC::Run qw(run);
use JSON::PP;
use PgSqs::Redshift;
use PgSqs::Test;
use Test::More;

my $program = "$ENV{PG_SQS_STAGE}/bin/sqs_to_redshift";
my $redshift = PgSqs::Redshift->new('redshift_schema');
my $lab = $redshift->start_lab(journal => "$ENV{TESTDATADIR}/redshift_schema.ndjson");
my $node = PgSqs::Test::start_node('redshift_schema', '');
my $json = JSON::PP->new->utf8;
my $file = "$ENV{TESTDATADIR}/redshift_schema.json";

sub write_file { my ($text) = @_; open my $out, '>:raw', $file or die $!; print $out $text; close $out; return }

# status, standard output and error; in characters
sub command
{
	my ($action, %environment) = @_;
	local %ENV = (%ENV, AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
		AWS_ENDPOINT_URL => $lab->endpoint, AWS_MAX_ATTEMPTS => 1, %environment);
	my ($out, $err) = ('', '');
	run [ $program, $action, $file ], '<', \undef, '>', \$out, '2>', \$err;
	return ($? >> 8, decode_utf8($out), decode_utf8($err));
}

# A statement a piece, as whoever gives them to Redshift does.
sub make
{
	my ($ddl) = @_;
	my $done = $redshift->run(grep { /\S/ } split /;\n/, $ddl);
	return $done->{Status} . ($done->{Error} ? " $done->{Error}" : '');
}

sub psql
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	run [ 'psql', '-AtXq', '-d', $node->connstr('postgres'), '-v', 'ON_ERROR_STOP=1' ], '<', \encode_utf8($sql), '>', \$out, '2>', \$err or die $err;
	return decode_utf8($out);
}

# -- both ends print the same -------------------------------------------------
psql(<<'SQL');
SET client_encoding = 'UTF8';
CREATE EXTENSION pg_sqs;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN amount AS numeric(12,2) DEFAULT 0 NOT NULL;
CREATE TABLE transactions (
	transaction_id varchar(64) NOT NULL, version integer NOT NULL DEFAULT 1, amount amount, fine numeric(38,18) DEFAULT -0.000000000000000001,
	currency char(3) DEFAULT 'EUR', small smallint DEFAULT -1, big bigint DEFAULT 9223372036854775807, real real DEFAULT 0.1, "double" double precision DEFAULT 1e-300,
	settled boolean DEFAULT false, mood mood DEFAULT 'glad', correlation uuid, booked_on date DEFAULT '2026-01-31',
	booked_at timestamptz DEFAULT '2026-01-31 23:59:58.25+02', local_at timestamp, note text DEFAULT E'it''s \\n "é" 💰~\n', details jsonb DEFAULT '{"a": "\\"}',
	nr bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (transaction_id));
CREATE TABLE "Odd ""name"", 'é\" (a integer, "drop table x; --" text DEFAULT '''; DROP TABLE y; --', "é" date);
CREATE TABLE plain (a integer);
SQL

sub agree
{
	my ($name, $table, @ledger) = @_;
	my $arguments = join ', ', map { "\$q\$$_\$q\$" } $table, @ledger;
	my $ddl = psql("SELECT sqs.redshift_ddl($arguments)");
	my $document = psql("SELECT sqs.redshift_table($arguments)");
	write_file(encode_utf8($document));
	ok(eval { $json->decode(encode_utf8($document)); 1 }, "$name: the document is JSON") or diag($document);
	my ($status, $out, $err) = command('ddl', AWS_ENDPOINT_URL => 'http://127.0.0.1:1');
	is("$status $err", '0 ', "$name: ddl takes the document, and no network");
	# psql ends what it prints by a newline of its own
	is("$out\n", $ddl, "$name: ddl prints what sqs.redshift_ddl prints");
	return $out;
}
my $odd = agree('odd names', q{"Odd ""name"", 'é\"}, q{"Some schema"."led""ger"});
agree('a plain table', 'plain');
my $ddl = agree('every type', 'transactions');
like($ddl, qr/CREATE TABLE IF NOT EXISTS "public"\."sqs_ledger" \(.*\n\nCREATE TABLE IF NOT EXISTS "public"\."transactions" \(/s, 'the ledger comes first');

# -- before there are tables ---------------------------------------------------
my ($status, $out, $err) = command('check');
is($status, 3, 'check of tables that are not there: it differs');
is($out, <<'END', '... which it says of both');
public.sqs_ledger: there is no such table; "sqs_to_redshift ddl" prints what makes it
public.transactions: there is no such table; "sqs_to_redshift ddl" prints what makes it
END
is($err, '', '... and complains of nothing');

# -- what is printed makes the tables, and these are right -----------------------
is(make($ddl), 'FINISHED', 'Redshift takes the DDL');
is(make($ddl), 'FINISHED', '... again, and nothing happens');
is_deeply([ command('check') ], [ 0, "ledger and target are as the configuration says\n", '' ], 'check finds them right');
make('CREATE SCHEMA "Some schema"');
is(make($odd), 'FINISHED', 'Redshift takes odd names');
my $defaults = q{transaction_id || '|' || version || '|' || amount || '|' || fine || '|' || currency || '|' || small || '|' || big || '|' || settled || '|' || mood
	|| '|' || booked_on || '|' || (booked_at AT TIME ZONE 'UTC') || '|' || note || '|' || (details->>'a')};
make(q{INSERT INTO transactions (transaction_id) VALUES ('d')});
psql(q{INSERT INTO transactions (transaction_id) VALUES ('d')});
is($redshift->sql("SELECT $defaults FROM transactions"), psql("SET client_encoding = 'UTF8'; SELECT $defaults FROM transactions") =~ s/\n\z//r, 'the defaults are the same in both');

# -- what differs -----------------------------------------------------------------
sub differs
{
	my ($name, $sql, @lines) = @_;
	my ($undo) = splice @lines, 0, 1;
	$redshift->sql($sql);
	my ($status, $out, $err) = command('check');
	is($err, '', "$name: no fault");
	is($status, @lines ? 3 : 0, "$name: " . (@lines ? 'it differs' : 'no difference'));
	is($out, join('', map { "$_\n" } @lines ? @lines : 'ledger and target are as the configuration says'), "$name: told");
	$redshift->sql($undo);
	return;
}
differs('a column is missing', 'ALTER TABLE transactions RENAME note TO remark', 'ALTER TABLE transactions RENAME remark TO note',
	'public.transactions: column "note" is missing; it should be VARCHAR(65535)');
differs('upper case', 'ALTER TABLE transactions RENAME note TO "NOTE"', 'ALTER TABLE transactions RENAME "NOTE" TO note');
differs('other types', 'ALTER TABLE transactions ALTER version TYPE bigint, ALTER booked_at TYPE timestamp, ALTER small DROP DEFAULT, ALTER small TYPE bytea USING NULL',
	'ALTER TABLE transactions ALTER version TYPE integer, ALTER booked_at TYPE timestamptz, ALTER small TYPE smallint USING NULL',
	'public.transactions: column "version" is BIGINT and should be INTEGER', 'public.transactions: column "small" is bytea and should be SMALLINT',
	'public.transactions: column "booked_at" is TIMESTAMP and should be TIMESTAMPTZ');
differs('too small', 'ALTER TABLE transactions ALTER transaction_id TYPE varchar(255), ALTER amount TYPE decimal(13,3), ALTER fine TYPE decimal(38,19)',
	'ALTER TABLE transactions ALTER transaction_id TYPE varchar(256), ALTER amount TYPE decimal(12,2), ALTER fine TYPE decimal(38,18)',
	'public.transactions: column "transaction_id" is VARCHAR(255) and should be VARCHAR(256)', 'public.transactions: column "fine" is DECIMAL(38,19) and should be DECIMAL(38,18)');
differs('larger', 'ALTER TABLE transactions ALTER transaction_id TYPE varchar(300), ALTER amount TYPE decimal(20,4)',
	'ALTER TABLE transactions ALTER transaction_id TYPE varchar(256), ALTER amount TYPE decimal(12,2)');
differs('nulls', 'ALTER TABLE transactions ALTER version DROP NOT NULL, ALTER local_at SET DEFAULT now(), ALTER mood SET NOT NULL',
	'ALTER TABLE transactions ALTER version SET NOT NULL, ALTER local_at DROP DEFAULT, ALTER mood DROP NOT NULL',
	'public.transactions: column "version" takes nulls and should be NOT NULL', 'public.transactions: column "mood" is NOT NULL and should take nulls');
differs('other columns', q{ALTER TABLE transactions ADD extra text, ADD loaded_at timestamp NOT NULL DEFAULT now(), ADD must integer NOT NULL DEFAULT 1; ALTER TABLE transactions ALTER must DROP DEFAULT},
	'ALTER TABLE transactions DROP extra, DROP loaded_at, DROP must',
	'public.transactions: column "must" is NOT NULL without a default, and the configuration does not have it');
differs('the ledger', 'ALTER TABLE sqs_ledger ALTER dedup_key TYPE varchar(100), DROP source', 'ALTER TABLE sqs_ledger ALTER dedup_key TYPE varchar(512), ADD source varchar(4096)',
	'public.sqs_ledger: column "dedup_key" is VARCHAR(100) and should be VARCHAR(512)', 'public.sqs_ledger: column "source" is missing; it should be VARCHAR(4096)');
differs('another schema', 'CREATE SCHEMA elsewhere; ALTER TABLE sqs_ledger SET SCHEMA elsewhere', 'ALTER TABLE elsewhere.sqs_ledger SET SCHEMA public; DROP SCHEMA elsewhere',
	'public.sqs_ledger: there is no such table; "sqs_to_redshift ddl" prints what makes it');
my $as_loader = 'ALTER ROLE postgres IN DATABASE dev SET role = loader';
differs('privileges', "CREATE ROLE loader; GRANT SELECT ON transactions, sqs_ledger TO loader; GRANT INSERT, UPDATE ON transactions TO loader; $as_loader",
	'SET ROLE NONE; ALTER ROLE postgres IN DATABASE dev RESET role',
	'public.sqs_ledger: the loading user has no INSERT privilege', 'public.transactions: the loading user has no DELETE privilege');
differs('all privileges', "GRANT INSERT ON sqs_ledger TO loader; GRANT DELETE ON transactions TO loader; $as_loader", 'SET ROLE NONE; ALTER ROLE postgres IN DATABASE dev RESET role');

# -- prune -------------------------------------------------------------------------
my $document = $json->decode(encode_utf8(psql("SELECT sqs.redshift_table('transactions')")));
write_file($json->encode({ %$document, subscription => 'mine', retention_days => 7 }));
$redshift->sql(q{INSERT INTO sqs_ledger (subscription, dedup_key, content_hash, applied_at)
	SELECT s, 'k' || d, 'x', now() - d * interval '1 day' - interval '1 hour' FROM unnest(ARRAY['mine', 'yours']) s, generate_series(0, 19) d});
is_deeply([ command('prune') ], [ 0, "13 messages of more than 7 days ago were removed from public.sqs_ledger\n", '' ], 'prune says what it removed');
is($redshift->sql(q{SELECT string_agg(subscription || n, ' ' ORDER BY subscription) FROM (SELECT subscription, count(*) n FROM sqs_ledger GROUP BY 1) x}),
	'mine7 yours20', '... which is what is old, of its own subscription');
is_deeply([ command('prune') ], [ 0, "0 messages of more than 7 days ago were removed from public.sqs_ledger\n", '' ], 'prune once more removes nothing');
$redshift->control(fail => { times => 2 });
$redshift->sql(q{UPDATE sqs_ledger SET applied_at = now() - interval '1 year' WHERE subscription = 'mine'});
is((command('prune'))[1], "7 messages of more than 7 days ago were removed from public.sqs_ledger\n", 'prune is repeated where concurrent transactions are blamed');

# -- faults --------------------------------------------------------------------------
sub faulty
{
	my ($name, $action, $pattern, %environment) = @_;
	my ($status, $out, $err) = command($action, %environment);
	is("$status $out", '1 ', "$name: $action ends with status 1 and no answer");
	like($err, $pattern, "$name: $action says why");
	return;
}
for my $action (qw(check prune))
{
	faulty('nobody there', $action, qr/no transaction was begun in Redshift/, AWS_ENDPOINT_URL => 'http://127.0.0.1:1');
	faulty('wrong keys', $action, qr/no transaction was begun in Redshift/, AWS_SECRET_ACCESS_KEY => 'wrong');
	$lab->fault(service => 'redshift-data', action => 'DescribeStatement', do => 'error', status => 400, code => 'AccessDeniedException', message => 'no');
	faulty('not asked after', $action, qr/statement \S+ of Redshift cannot be asked after/);
}
$lab->fault(service => 'redshift-data', action => 'GetStatementResult', do => 'error', status => 400, code => 'AccessDeniedException', message => 'no');
faulty('no result', 'check', qr/the tables cannot be compared/);
$redshift->sql('DROP TABLE sqs_ledger');
faulty('no ledger', 'prune', qr/relation "(?:public\.)?sqs_ledger" does not exist/);
write_file($json->encode({ %$document, workgroup => 'other' }));
faulty('no such workgroup', 'check', qr/no transaction was begun in Redshift/);
write_file('{');
is((command($_))[0], 2, "$_ refuses a configuration that is none") for qw(ddl check prune);

# -- a literal means the same whether or not backslashes escape --------------------------
my @texts = ("it's", 'C:\\temp\\new', '\\', "\\'", "'\\", '\\\\', q{\'; DROP TABLE t; --}, q{$$ $a$ :id ?}, "a\nb\tc\x01\x7f", "~\\^|", "é💰\\", '\\u0041', '\\x41\\101',
	join('', map { chr } 32 .. 126) x 20, '\\' x 2000, "'" x 2000, "\\'" x 1000);
psql('DROP TABLE IF EXISTS literals; CREATE TABLE literals (id integer)');
for my $i (0 .. $#texts)
{
	my $quoted = 'U&' . "'" . join('', map { sprintf '\\+%06X', ord } split //, $texts[$i]) . "'";
	psql("ALTER TABLE literals ADD t$i text DEFAULT $quoted");
}
write_file(encode_utf8(psql(q{SELECT sqs.redshift_table('literals')})));
$ddl = (command('ddl'))[1];
for my $escapes (1, 0)
{
	$redshift->control(backslash_escapes => $escapes ? JSON::PP::true : JSON::PP::false);
	$redshift->sql('DROP TABLE IF EXISTS literals');
	is(make($ddl), 'FINISHED', 'a table of defaults where backslashes ' . ($escapes ? 'escape' : 'do not'));
	make('INSERT INTO literals (id) VALUES (1)');
	my $wrong = grep { $redshift->sql("SELECT encode(convert_to(t$_, 'SQL_ASCII'), 'hex') FROM literals") ne unpack 'H*', encode_utf8($texts[$_]) } 0 .. $#texts;
	is($wrong, 0, '... has each of them as it was');
}

$node->stop;
done_testing;
