# Every function, table, view, sequence and type of schema sqs, whatever there
# is: nothing for PUBLIC, no body for sqs_monitor, all that operating takes for
# sqs_admin, and a comment on each.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('sees');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't', more => q{policy => 'quarantine_group'});
$lab->send_messages($queue, [ 'g', 'd1', '{"id": 1}' ], [ 'g', 'd2', '{"id": "canary-body"}', { name => 'canary-attribute' } ], [ 'g', 'd3', '{"id": 3, "x": "canary-parked"}' ]);
$t->wait_for('SELECT count(*) FROM sqs.quarantined', '2');
$t->wait_drained('s');
$t->sql(q{CREATE ROLE nobody_special; CREATE ROLE monitor IN ROLE sqs_monitor; CREATE ROLE operator IN ROLE sqs_admin});
my @functions = map { [ split /\|/ ] } split /\n/, $t->sql(q{SELECT oid::regprocedure, proname, pronargs - pronargdefaults, coalesce(proargtypes[0]::regtype::text, '') FROM pg_proc WHERE pronamespace = 'sqs'::regnamespace ORDER BY 1});
my @relations = split /\n/, $t->sql(q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind IN ('r', 'v', 'm', 'S', 'f', 'p') ORDER BY 1});
cmp_ok(@functions, '>', 25, scalar(@functions) . ' functions');
cmp_ok(@relations, '>', 8, scalar(@relations) . ' relations');

sub denied
{
	my ($role, $sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE $role; $sql");
	return $err =~ /permission denied/;
}

# -- everybody: not even with USAGE on the schema, which a well-meaning person may grant
is($t->sql(q{SELECT has_schema_privilege('nobody_special', 'sqs', 'USAGE, CREATE')}), 'f', 'PUBLIC may not look into the schema');
$t->sql('GRANT USAGE ON SCHEMA sqs TO nobody_special');
is($t->sql(q{SELECT string_agg(oid::regprocedure::text, ' ') FROM pg_proc WHERE pronamespace = 'sqs'::regnamespace AND has_function_privilege('nobody_special', oid, 'EXECUTE')}), '', 'nor call a function');
is($t->sql(q{SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind IN ('r', 'v', 'm', 'f', 'p')
	AND (has_any_column_privilege('nobody_special', oid, 'SELECT, INSERT, UPDATE, REFERENCES') OR has_table_privilege('nobody_special', oid, 'DELETE, TRUNCATE, TRIGGER'))}), '', 'nor see or change a table');
is($t->sql(q{SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND CASE WHEN relkind = 'S' THEN has_sequence_privilege('nobody_special', oid, 'USAGE, SELECT, UPDATE') END}), '', 'nor a sequence');
is($t->sql(q{SELECT has_foreign_data_wrapper_privilege('nobody_special', 'sqs', 'USAGE')}), 'f', 'nor make a server');
is(join(' ', grep { !denied('nobody_special', "SELECT * FROM $_") } @relations), '', 'and is told so');

# -- monitoring: whatever it may read or call, no body comes out of it
my $seen = '';
for my $relation (@relations)
{
	my $columns = $t->sql(qq{SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '$relation'::regclass AND attnum > 0 AND NOT attisdropped AND has_column_privilege('monitor', attrelid, attnum, 'SELECT')});
	next if $columns eq '';
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE monitor; SELECT $columns FROM $relation");
	$seen .= "$relation: $out\n";
}
for my $function (@functions)
{
	my ($signature, $name, $needed, $first) = @$function;
	next if $t->sql("SELECT has_function_privilege('monitor', '$signature', 'EXECUTE')") eq 'f';
	my $arguments = join ', ', map { $_ == 1 && $first eq 'text' ? q{'s'} : 'NULL' } 1 .. $needed;
	my ($code, $out, $err) = $node->psql('postgres', "SET ROLE monitor; SELECT * FROM sqs.$name($arguments)");
	$seen .= "$signature: $out $err\n";
}
like($seen, qr/^sqs\.status: s\|/m, 'sqs_monitor sees the state');
like($seen, qr/^sqs\.quarantine: .*\bd2\b/m, 'and what is in the quarantine');
unlike($seen, qr/canary|\\x7b/, 'but no body and no attribute of a message');
is($t->sql(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind IN ('r', 'v') AND has_any_column_privilege('monitor', oid, 'INSERT, UPDATE, REFERENCES')}), '0', 'and changes nothing');
ok(denied('monitor', 'SELECT body FROM sqs.quarantine'), 'asking for it is denied');

# -- operating
my @not_for_operators = qw(options_validator fence_reason consumer_stats);
is(join(' ', sort map { $_->[1] } grep { $t->sql("SELECT has_function_privilege('operator', '$_->[0]', 'EXECUTE')") eq 'f' } @functions), join(' ', sort @not_for_operators), 'sqs_admin may call what there is to call');
is($t->sql(q{SET ROLE operator; SELECT string_agg(convert_from(body, 'UTF8'), ' ' ORDER BY id) FROM sqs.quarantine}), '{"id": "canary-body"} {"id": 3, "x": "canary-parked"}', 'and reads bodies');
is($t->sql(q{SET ROLE operator; SELECT sqs.discard('s', 'tested', ids => ARRAY(SELECT id FROM sqs.quarantine WHERE dedup_id = 'd2'))}), '1', 'discards');
is($t->sql(q{SET ROLE operator; SELECT sqs.release('s', 'g')}), '1', 'releases');
is($t->sql(q{SET ROLE operator; SELECT sqs.disable('s'), sqs.enable('s')}), '|', 'stops and starts');
is($t->sql(q{SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relnamespace = 'sqs'::regnamespace AND relkind IN ('r', 'v') AND (has_any_column_privilege('operator', oid, 'INSERT, UPDATE, REFERENCES') OR has_table_privilege('operator', oid, 'DELETE, TRUNCATE, TRIGGER'))}), '',
	'but writes to no table by hand');

# -- nothing undocumented
is($t->sql(q{SELECT string_agg(pg_describe_object(d.classid, d.objid, 0), ', ' ORDER BY 1) FROM pg_depend d
	LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_sqs') AND d.deptype = 'e'
	AND coalesce(c.relkind, 'r') IN ('r', 'v') AND d.classid <> 'pg_type'::regclass AND obj_description(d.objid, d.classid::regclass::text::name) IS NULL}), '', 'every object has its comment');
is($t->sql(q{SELECT string_agg(attrelid::regclass || '.' || attname, ', ') FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'sqs'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL}), '', 'and so has every column of a table');
$t->finish;
done_testing;
