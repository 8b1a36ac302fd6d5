# The SQL that the lab's stand-in for Redshift runs, and what it refuses because
# Redshift would: a table of statements, each with what comes of it; COPY from
# the lab's S3; literals under both readings of a backslash.
use strict;
use warnings;
use utf8;

use Encode ();
use PgSqs::Redshift;
use Test::More;

my $redshift = PgSqs::Redshift->new('redshift_dialect');
my $lab = $redshift->start_lab(journal => "$ENV{TESTDATADIR}/redshift_dialect.ndjson");

# The rows of the last statement, or its error's first line.
sub outcome
{
	my (@sqls) = @_;
	my $id = $redshift->submit(\@sqls);
	my $done = $redshift->wait_for($id);
	return $done->{Error} =~ s/^Query #\d+ failed with //r =~ s/\n.*//sr if $done->{Error};
	my $last = $done->{SubStatements}[-1];
	return "rows $last->{ResultRows}" unless $last->{HasResultSet};
	return join ' / ', map { join '|', map { $_ // 'null' } @$_ } $redshift->rows($last->{Id});
}

sub is_outcome { my ($expected, @sqls) = @_; my $got = outcome(@sqls); is($got, $expected, Encode::encode_utf8("$sqls[-1]: $expected" =~ s/\s+/ /gr)); return }
sub is_refused { my ($sql, $error) = @_; like(outcome($sql), qr/^ERROR: $error/, "refused: $sql"); return }

# What a table's columns are, in svv_columns.
sub columns
{
	my ($table) = @_;
	return outcome("SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, column_default
		FROM svv_columns WHERE table_schema = 'public' AND table_name = '$table' ORDER BY ordinal_position");
}

# -- tables
is_outcome('rows 0', 'CREATE TABLE IF NOT EXISTS "public"."Types" (
	a SMALLINT, b INT4 ENCODE az64, c BIGINT DEFAULT 5 NOT NULL, d DECIMAL, e NUMERIC(38, 18), f REAL, g DOUBLE PRECISION, h FLOAT,
	i BOOLEAN DEFAULT true ENCODE raw, j CHAR, k VARCHAR, l VARCHAR(MAX), m CHARACTER VARYING(3) DISTKEY, n DATE, o TIMESTAMP,
	p TIMESTAMP WITH TIME ZONE DEFAULT GETDATE(), q TIMESTAMPTZ DEFAULT SYSDATE, r SUPER, "S" TEXT, t VARBYTE(10), u NVARCHAR(7) UNIQUE
	) BACKUP NO DISTSTYLE KEY COMPOUND SORTKEY (a, b)');
is(columns('types'), join(' / ', 'a|smallint|null|16|0|YES|null', 'b|integer|null|32|0|YES|null', 'c|bigint|null|64|0|NO|5', 'd|numeric|null|18|0|YES|null',
	'e|numeric|null|38|18|YES|null', 'f|real|null|24|null|YES|null', 'g|double precision|null|53|null|YES|null', 'h|double precision|null|53|null|YES|null',
	'i|boolean|null|null|null|YES|true', 'j|character|1|null|null|YES|null', 'k|character varying|256|null|null|YES|null',
	'l|character varying|65535|null|null|YES|null', 'm|character varying|3|null|null|YES|null', 'n|date|null|null|null|YES|null',
	'o|timestamp without time zone|null|null|null|YES|null', 'p|timestamp with time zone|null|null|null|YES|getdate()',
	'q|timestamp with time zone|null|null|null|YES|sysdate()', 'r|super|null|null|null|YES|null', 's|character varying|256|null|null|YES|null',
	't|varbyte|null|null|null|YES|null', 'u|character varying|7|null|null|YES|null'), 'types, lengths and defaults of columns');
is_outcome('rows 0', 'CREATE TABLE keys (x INT, y INT PRIMARY KEY, z INT REFERENCES keys (y), CONSTRAINT p PRIMARY KEY (x), UNIQUE (z, y), FOREIGN KEY (z) REFERENCES keys (y))');
is(columns('keys') =~ s/\|null\|32\|0//gr, 'x|integer|NO|null / y|integer|NO|null / z|integer|YES|null', 'a primary key is NOT NULL ...');
is_outcome('rows 3', 'INSERT INTO keys VALUES (1, 1, 9), (1, 1, 9), (2, 1, 9)');
is_outcome('ERROR: Cannot insert a NULL value into column x', 'INSERT INTO keys VALUES (NULL, 1, 1)');
is_outcome('1|null', 'CREATE TABLE base (a INT NOT NULL, b INT DEFAULT 4)', 'CREATE TEMP TABLE stage (LIKE base)', 'INSERT INTO stage (a) VALUES (1)', 'SELECT a, b FROM stage');
is_outcome('1|4', 'CREATE TEMPORARY TABLE stage (LIKE base INCLUDING DEFAULTS)', 'INSERT INTO stage (a) VALUES (1)', 'SELECT a, b FROM stage');
is_outcome('2', q{CREATE TEMP TABLE n DISTSTYLE KEY DISTKEY (k) SORTKEY (k) AS SELECT k, v FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS place
	FROM (SELECT 1 AS k, 1 AS v UNION ALL SELECT 1, 2) x) y WHERE place = 1}, 'SELECT v FROM n');
is_refused("CREATE TABLE x (id $_->[0])", qq{Column "id" has unsupported type "$_->[1]"}) for [ 'uuid', 'uuid' ], [ 'jsonb', 'jsonb' ], [ 'bytea', 'bytea' ], [ 'serial', 'serial' ], [ 'inet', 'inet' ];
is_refused('CREATE TABLE x (id int[])', q{type "int\[\]" is not supported});
is_refused('CREATE TABLE x (id VARCHAR(65536))', 'length for type varchar cannot exceed 65535');
is_refused('CREATE TABLE x (id DECIMAL(39, 1))', 'DECIMAL precision 39 must be between 1 and 38');
is_refused('CREATE TABLE x (id int CHECK (id > 0))', 'syntax error at or near "CHECK"');
is_refused('CREATE TABLE x (id int) ON COMMIT DROP', 'syntax error at or near "ON"');
is_refused('CREATE TABLE x (LIKE base INCLUDING ALL)', 'syntax error at or near "INCLUDING"');
is_refused('CREATE UNIQUE INDEX i ON base (a)', 'SQL command "CREATE UNIQUE INDEX i ON base \(a\)" not supported on Redshift tables');

# -- what PostgreSQL has and Redshift has not
is_refused('INSERT INTO base VALUES (1) ON CONFLICT DO NOTHING', 'syntax error at or near "CONFLICT"');
is_refused('INSERT INTO base VALUES (1) RETURNING a', 'syntax error at or near "RETURNING"');
is_refused('SELECT 1 IS DISTINCT FROM 2', 'syntax error at or near "DISTINCT"');
is_refused('SELECT DISTINCT ON (a) a FROM base', 'syntax error at or near "ON"');
is_refused('SELECT count(*) FILTER (WHERE a > 1) FROM base', q{syntax error at or near "\("});
is_refused('SELECT ARRAY[1, 2]', q{syntax error at or near "\["});
is_refused(q{SELECT '{}'::jsonb}, 'type "jsonb" does not exist');
is_refused(q{SELECT CAST('1' AS uuid)}, 'type "uuid" does not exist');
is_refused(q{SELECT gen_random_uuid()}, 'function gen_random_uuid\(\) does not exist');
is_refused(q{SELECT jsonb_array_length(r) FROM types}, 'function jsonb_array_length\(\) does not exist');
is_refused(q{SELECT string_agg(k, ',') FROM types}, 'function string_agg\(\) does not exist');
is_refused(q{SELECT r -> 'a' FROM types}, 'syntax error at or near ">"');
is_refused('SELECT a AS tag FROM base', 'syntax error at or near "tag"');
is_refused('CREATE TABLE x (percent int)', 'syntax error at or near "percent"');
is_outcome('1', 'SELECT a AS "tag" FROM (SELECT 1 AS a) x');
is_refused('LOCK base IN SHARE MODE', 'syntax error at or near "IN"');
is_refused('SELECT a FROM base FOR UPDATE', 'syntax error at or near "UPDATE"');
is_refused($_, '') for 'TRUNCATE base', 'VACUUM', 'COMMIT', 'BEGIN', 'DO $$ BEGIN END $$', 'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'SELECT 1; SELECT 2', ' -- ', 'COPY base FROM STDIN';
is_outcome('on conflict|"on" returning|1', q{SELECT 'on conflict', '"on" returning', 1 -- returning on conflict
	/* ARRAY[1] */}, );

# -- MERGE, DELETE USING
$redshift->run('CREATE TABLE target (id INT, v INT)', 'INSERT INTO target VALUES (1, 1), (2, 2)', 'CREATE TABLE source (id INT, v INT)', 'INSERT INTO source VALUES (2, 20), (3, 30)');
my $merge = 'MERGE INTO target USING source ON target.id = source.id WHEN MATCHED THEN UPDATE SET v = source.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (source.id, source.v)';
is_outcome('rows 2', $merge);
is_outcome('1|1 / 2|20 / 3|30', 'SELECT id, v FROM target ORDER BY id');
is_outcome('ERROR: Found multiple matches to update the same tuple.', 'INSERT INTO source VALUES (2, 21)', $merge);
is_refused($merge =~ s/ WHEN NOT.*//r, 'syntax error at end of input');
is_refused($merge =~ s/USING source/USING (SELECT 1 AS id) source/r, 'MERGE source must be a table');
is_refused($merge =~ s/WHEN MATCHED THEN/WHEN MATCHED AND source.v > 1 THEN/r, 'syntax error at or near "AND"');
is_refused($merge =~ s/INTO target/INTO target t/r, 'syntax error at or near "t"');
is_refused($merge =~ s/UPDATE SET v = source.v/DO NOTHING/r, 'syntax error at or near "DO"');
$redshift->run('CREATE TABLE one (id INT, v INT)', 'INSERT INTO one VALUES (3, 31)');
is_outcome('rows 1', 'MERGE INTO "public"."target" USING one AS s ON target.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)');
is_outcome('rows 1', 'MERGE INTO target USING one s ON target.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)');
is_outcome('rows 1', 'DELETE FROM target USING one WHERE target.id = one.id');

# -- functions and types
is_outcome('{"a":[1.50,null,"x y"]}|1|0', q~SELECT JSON_SERIALIZE(JSON_PARSE('{"a": [1.50, null, "x y"]}')), CAN_JSON_PARSE('[1]'), CAN_JSON_PARSE('{')~);
is_outcome('"é😀"', q{SELECT JSON_PARSE('"' || CHR(92) || 'u00e9' || CHR(92) || 'ud83d' || CHR(92) || 'ude00"')});
is_outcome('ERROR: JSON parsing error', q~SELECT JSON_PARSE('{')~);
is(outcome("SELECT '" . 'x' x 65536 . "'"), 'ERROR: Value too long for character type', 'a literal has 65535 bytes at most');
is(outcome("SELECT JSON_PARSE('[\"" . 'x' x 65000 . "' || '" . 'x' x 600 . "\"]')"), 'ERROR: Value too long for character type', '... and so has what JSON_PARSE is given');
is_outcome('3|6|b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9', q{SELECT LEN('é€' || CHR(92)), OCTET_LENGTH('é€' || CHR(92)), SHA2('hello world', 256)});
is_outcome('2026-03-01 00:00:00|59|x|6869', q{SELECT DATEADD(day, 1, '2026-02-28'::timestamp), DATEDIFF(day, '2026-01-01', '2026-03-01'), NVL(NULL, 'x'), FROM_VARBYTE(TO_VARBYTE('hi', 'utf8'), 'hex')});
is_outcome('1|19|1', q{SELECT GETDATE() <= SYSDATE + INTERVAL '1 minute', LEN(GETDATE()::varchar), ABS(DATEDIFF(second, GETDATE(), SYSDATE)) < 60});
is_outcome('2|1.23|abc', q{SELECT 1.5::decimal, '1.234'::decimal(5, 2), 'abcdef'::varchar(3)});
is_outcome('1|2', q{SELECT "A", "a" + 1 FROM (SELECT 1 AS "A") x});
is_outcome('ERROR: Value too long for character type', q{INSERT INTO types (m) VALUES ('é€')});
is_outcome('rows 2', q{INSERT INTO types (m) VALUES ('€'), ('éa')});
is_outcome('ERROR: Numeric data overflow (result precision)', q{INSERT INTO types (d) VALUES (1234567890123456789)});
is_outcome('ERROR: invalid input syntax for integer: "x"', q{INSERT INTO types (b) VALUES ('x')});

# -- a backslash
$redshift->control(backslash_escapes => \1);
is_outcome(q{it's|\\|3}, q{SELECT 'it\'s', CHR(92), LEN('a\\\\b')});
$redshift->control(backslash_escapes => \0);
is_outcome(q{it\\|\\|4}, q{SELECT 'it\', CHR(92), LEN('a\\\\b')});
# what a loader writes means the same under both
my $hostile = q<'); DROP TABLE target; -- $$ :id "> . chr(92);
my $literal = "'" . $hostile =~ s/'/''/gr =~ s/\\/' || CHR(92) || '/gr . "'";
for my $live (\1, \0)
{
	$redshift->control(backslash_escapes => $live);
	is_outcome($hostile, "SELECT $literal");
}

# -- COPY
$lab->s3(PUT => 'stages');
$redshift->run('CREATE TABLE loaded (id VARCHAR(12), amount DECIMAL(38,18), at TIMESTAMPTZ, ok BOOLEAN, doc SUPER, n BIGINT DEFAULT 7)');
my $copy = q{COPY loaded (id, amount, at, ok, doc) FROM 's3://stages/%s' IAM_ROLE default FORMAT JSON 'auto' TIMEFORMAT 'auto'};

sub load
{
	my ($name, $content, $sql) = @_;
	$redshift->run('DELETE FROM loaded');
	$lab->s3(PUT => 'stages', $name, content => Encode::encode_utf8($content));
	my $loaded = outcome(sprintf $sql // $copy, $name);
	return $loaded . ': ' . outcome('SELECT id, amount, at, ok, doc, n FROM loaded ORDER BY id');
}
is(load('a', <<'JSON'), 'rows 4: 1|12345678901234567890.123456789012345678|2026-03-29 01:30:00+00|1|{"a":[1.0]}|7 / 2|0.100000000000000006|null|null|null|7 / 3é|null|null|0|"é😀\\\\"|7 / 😀😀😀|null|null|null|12345678901234567890.10|7', 'COPY: literals, missing members, escapes, the default of a column left out');
{"id": "1", "amount": 12345678901234567890.123456789012345678, "at": "2026-03-29T03:30:00+02:00", "ok": true, "doc": {"a": [1.0]}, "n": 1, "other": 2}
{"id": 2, "amount": "0.1000000000000000055", "ok": null}{"id":"3\u00e9","ok":false,
"doc":"\u00e9\ud83d\ude00\\"}
{"id":"😀😀😀", "doc": 12345678901234567890.10}
JSON
is(load('b', qq({"id":"1"}\n), q{COPY loaded FROM 's3://stages/%s' IAM_ROLE 'arn:aws:iam::123456789012:role/x' JSON 'auto' REGION 'eu-west-1' MAXERROR 0 COMPUPDATE OFF STATUPDATE OFF}), 'rows 1: 1|null|null|null|null|null', 'COPY without a list of columns');
my $failed = qr/^ERROR: Load into table 'loaded' failed\. Check 'sys_load_error_detail' system table for details\.: $/;
like(load("wrong/$_->[0]", qq({"id":"1"}\n$_->[1]\n)), $failed, "COPY of $_->[0] loads nothing")
  for [ 'a value that is too long', '{"id":"1234567890123"}' ], [ '13 bytes', '{"id":"😀😀😀a"}' ], [ 'no number', '{"amount":"x"}' ], [ 'half an object', '{"id":' ],
  [ 'an array', '[{"id":"1"}]' ], [ 'no JSON', '{"id":1,}' ], [ 'a number too large', '{"amount":1e40}' ], [ 'NUL', '{"id":"\u0000"}' ];
is((grep { ($_->{event} // '') eq 'redshift.load_error' } $lab->journal) > 3, 1, 'the journal has what was wrong');
$lab->s3(PUT => 'stages', 'latin', content => qq({"id":"\xe9"}));
like(outcome(sprintf $copy, 'latin') . ': ', $failed, 'COPY of what is not UTF-8');
like(load('4 MB', '{"other":"' . 'x' x (4 << 20) . '"}'), $failed, 'COPY of a row of more than 4 MB');
like(load('less', '{"other":"' . 'x' x ((4 << 20) - 12) . '"}'), qr/^rows 1: /, '... and of 4 MB');
is_refused(sprintf($copy, 'nothing'), q{The specified S3 prefix 'nothing' does not exist});
is_refused($copy =~ s{stages/%s}{nowhere/x}r, 'S3ServiceException:The specified bucket does not exist');
is_refused($copy =~ s/ IAM_ROLE default//r =~ s/%s/b/r, 'COPY needs an authorization');
is_refused($copy =~ s/FORMAT JSON 'auto'/CSV/r =~ s/%s/b/r, 'syntax error at or near "CSV"');
is(outcome('DELETE FROM loaded', 'CREATE TEMP TABLE stage (LIKE loaded)', sprintf($copy, 'a') =~ s/loaded/stage/r, sprintf($copy, 'b') =~ s/loaded/stage/r,
	'INSERT INTO loaded SELECT * FROM stage', 'SELECT count(*) FROM loaded'), '5', 'two COPYs in a batch, into a temporary table');
my $lines = join '', map { qq({"id":"$_","amount":$_.5,"doc":{"n":$_}}\n) } 1 .. 20_000;
like(load('large', $lines), qr/^rows 20000: /, 'COPY of 20,000 rows');

$redshift->stop;
done_testing;
