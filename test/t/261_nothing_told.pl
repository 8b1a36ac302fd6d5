# Whatever goes wrong with a message, its body is told to nobody: not to the
# log at its most talkative, not in an error, a statistic, a process title or a
# table of the extension, but for the quarantine, whose purpose it is.  The
# same goes for keys.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('told');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', q{CREATE TABLE t (id integer PRIMARY KEY, n numeric(5,2) CHECK (n > 0), d date, b bytea, j jsonb, e text CHECK (e <> 'canary-check'));
	CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.e = 'canary-raise' THEN RAISE EXCEPTION 'the trigger says %', NEW.e USING DETAIL = NEW.e, HINT = NEW.e; END IF;
		IF NEW.e = 'canary-divide' THEN NEW.id := 1 / (NEW.id - NEW.id); END IF;
		IF NEW.e = 'canary-column' THEN RAISE undefined_table USING MESSAGE = NEW.e; END IF;
		RETURN NEW; END $$;
	CREATE TRIGGER act BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION act();
	CREATE TABLE st (v regclass)}, 't', more => 'visibility_timeout => 5');
$t->sql(q{SELECT sqs.add_route('s', 'st', on_error => 'route', statement => 'INSERT INTO public.st SELECT (body->>''r'')::pg_catalog.regclass FROM batch')});

my $before = -s $node->logfile;

# All that PostgreSQL has to say, from here on.
$t->sql(q{ALTER SYSTEM SET log_min_messages = debug5; ALTER SYSTEM SET log_min_error_statement = debug5; ALTER SYSTEM SET log_error_verbosity = verbose;
	ALTER SYSTEM SET log_min_duration_statement = 0; ALTER SYSTEM SET log_lock_waits = on; ALTER SYSTEM SET log_parameter_max_length_on_error = -1});
$node->reload;
$t->wait_until('the log is talkative', sub { PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /DEBUG:/ });
my @bodies = ('canary-no-json', '{"id": 1, "n": "canary-numeric"}', '{"id": 2, "n": -77.77, "e": "canary-negative"}', '{"id": 3, "d": "canary-date"}',
	'{"id": 4, "b": "\\\\xcanary-bytea"}', '{"id": 5, "e": "canary-check"}', '{"id": 6, "e": "canary-raise"}', '{"id": 7, "e": "canary-divide"}',
	'{"id": 8, "e": "canary-column"}', '{"id": 9, "e": "canary-nul\u0000"}', '{"id": 10, "j": {"canary-deep": ' . '[' x 7000 . ']' x 7000 . '}}',
	'{"id": 11, "e": "canary-once"}', '{"id": 11, "e": "canary-twice"}', '{"id": 12, "r": "canary-regclass"}', '{"canary-key": 1}', '["canary-array"]', '"canary-string"',
	'{"id": 999999999999, "e": "canary-range"}', '{"id": 13, "e": "canary-fine", "canary-unknown": "canary-value"}');
my $sent = 0;
$lab->send_messages($queue, map { $sent++; [ "g$sent", "d$sent", $_, { canary_name => 'canary-attribute' } ] } @bodies);
$lab->send_messages($queue, [ 'gx', 'late', '{"id": 11, "e": "canary-late"}' ]);
$t->wait_drained('s');
cmp_ok($t->sql('SELECT count(*) FROM sqs.quarantined'), '>=', 13, 'many were refused');
$lab->advance(400);
$lab->send_messages($queue, [ 'g1', 'd19', '{"id": 13, "e": "canary-conflict"}' ]);
$t->wait_for(q{SELECT count(*) FROM sqs.quarantined WHERE reason = 'dedup_conflict'}, '1');
$t->sql(q{SELECT * FROM sqs.retry('s')});
$t->sql(q{SELECT * FROM sqs.explain('s', (SELECT convert_from(body, 'UTF8') FROM sqs.quarantined WHERE dedup_id = 'd6'))});
$t->sql(q{SELECT sqs.discard('s', 'tested', ids => ARRAY(SELECT id FROM sqs.quarantined WHERE dedup_id = 'd1'))});

# -- where could it be?
my @told = grep { /canary|-77\.77/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile, $before);
# (types like regclass tell of a name they look for at debug1, from 16 on)
@told = grep { !/DEBUG:  .*relation "canary-regclass" does not exist/ } @told;
is(join("\n", @told[ 0 .. ($#told < 5 ? $#told : 5) ]), '', 'not in the log');
for my $relation (split /\n/, $t->sql(q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind IN ('r', 'v')}))
{
	next if $relation =~ /^sqs\.(quarantine|quarantined)$/;
	unlike($t->sql("SELECT x::text FROM $relation x"), qr/canary/, "not in $relation");
}
unlike($t->sql(q{SELECT to_jsonb(q) - 'body' - 'attributes' FROM sqs.quarantined q}), qr/canary/, 'in the quarantine, in body and attributes only');
is($t->sql(q{SELECT body IS NULL AND attributes::text !~ 'canary' FROM sqs.quarantined WHERE dedup_id = 'd1'}), 't', 'and not even there when it was discarded')
  or diag $t->sql(q{SELECT body, attributes FROM sqs.quarantined WHERE dedup_id = 'd1'});
unlike($t->sql('SELECT x::text FROM sqs.consumer_stats() x'), qr/canary/, 'not in a statistic');
unlike($t->sql('SELECT x::text FROM pg_stat_activity x WHERE pid <> pg_backend_pid()'), qr/canary/, 'not in pg_stat_activity');
unlike($t->sql('SELECT x::text FROM pg_prepared_statements x'), qr/canary/, 'nor elsewhere');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $before);
like($log, qr/DEBUG:  00000: StartTransaction/, 'the log was talkative');
unlike($log, qr/wJalrXUtnFEMI|AWS4-HMAC-SHA256|Signature=|X-Amz-Security-Token/i, 'no key and no signature in the log');
my $dump = "$ENV{TESTDATADIR}/dump.sql";
PostgreSQL::Test::Utils::system_or_bail('pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'postgres', '-f', $dump, 'postgres');
my $text = PostgreSQL::Test::Utils::slurp_file($dump);
my @secrets = grep { /wJalrXUtnFEMI/ && !/secret_access_key '/ } split /\n/, $text;
is("@secrets", '', 'a dump has the key in the user mapping that PostgreSQL dumps, and nowhere else');
my ($copies) = join "\n", grep { !/^COPY sqs\.quarantined/ } $text =~ /^(COPY sqs\..*?^\\\.)$/msg;
like($copies, qr/^COPY sqs\.ledger/m, 'it has our tables');
unlike($copies, qr/canary/, 'and of them only the quarantine holds a body');
$t->finish;
done_testing;
