# What becomes of a JSON value on its way into Redshift is what PostgreSQL makes
# of it by column name: every literal below is given to every type, by
# sqs_to_redshift and by the types' own input functions.  What PostgreSQL takes
# and sqs_to_redshift refuses is listed with the reason; the other way round
# there is nothing.
use strict;
use warnings;

use Encode ();
use JSON::PP;
use PostgreSQL::Test::Cluster;
use Test::More;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# Redshift's types, and PostgreSQL's where it has another name.
my @types = (
	'smallint', 'integer', 'bigint', 'decimal(12,2)', 'decimal(38,18)', 'decimal(5,0)', 'decimal(3,3)', 'real', 'double precision',
	'boolean', 'char(3)', 'varchar(3)', 'varchar(300)', 'date', 'timestamp', 'timestamptz', [ 'super', 'jsonb' ]);

my @numbers = (
	0, 1, -1, '-0', '-0.0', '0.0', 7, 42, 255, 32767, 32768, -32768, -32769, 2147483647, 2147483648, -2147483648, -2147483649,
	'9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '1e2', '1E+5', '1e-7', '5e-3', '4.9999e-3',
	'0.5', '0.05', '0.005', '0.0049999999999999999999', '-0.005', '1.005', '2.675', '19.99', '19.989999999999998', '99999.4', '99999.5',
	'9999999999.99', '9999999999.994', '9999999999.995', '10000000000', '-9999999999.995', '0.9994', '0.9995', '0.0004', '0.0005',
	'12345678901234567890.123456789012345678', '99999999999999999999.9999999999999999994', '99999999999999999999.9999999999999999995',
	'0.000000000000000001', '0.0000000000000000004', '1e19', '1e20', '1.5e19', '0e5', '0e-5', '0e400', '1e308', '1.7976931348623157e308', '1.8e308',
	'5e-324', '1e-400', '3.4e38', '3.5e38', '1e-46', '123456789012345678901234567890', '1e1000', '1e-1000', '1e100000', '1e-100000',
	'0.1000000000000000055511151231257827', 20260131, 20260230, 19700101, 86400000, 1738281600, 1738281600000, '1738281600.5');

my @texts = (
	'', ' ', 'x', ' 42', "42\t", "\n 42 ", '+42', '-42', '--42', '4 2', '042', '0x2A', '1_000', '1.', '.5', '.', '1.5e', 'e5', '1,5', '1e5', ' 1.50 ',
	'NaN', 'nan', 'Infinity', '-Infinity', 'inf', '$5', 'null', 'NULL', '1e1000000000', '1e2000000000', '0e2000000000', '1e-2000000000', '1' x 200, '0' x 200 . '7',
	'0.' . '0' x 200 . '1', 't', 'T', 'tr', 'true', 'TRUE', ' true ', 'truex', 'f', 'fal', 'False', 'y', 'ye', 'Yes', 'n', 'no', 'NO', 'on', 'oN', 'o', 'of', 'off', 'offx', '0', '1', '2', '01',
	'abc', 'abcd', 'abc ', 'abc    ', 'ab    ', 'abc d', "abc\t", "\x{e9}", "\x{e9}ab", "\x{20ac}", "\x{1f4b6}", 'it\'s', '\\', 'a\\b', '"', '$$', "a\nb", '-- x', '/*', 'x' x 300, 'x' x 301,
	'2026-01-31', '2026-1-5', '20260131', '260131', '2026-02-29', '2024-02-29', '1900-02-29', '2000-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00', '0000-01-01', '0001-01-01', '9999-12-31', '10000-01-01',
	'2026/01/31', '2026.01.31', '31.01.2026', '01/31/2026', '26-01-31', 'Jan 31 2026', '31 January 2026', '2026-031', '2026-W05-6', 'J2461072', '2026-01-31 BC', '-2026-01-31', '2026-01', '2026',
	'2026-01-31T23:59:58', '2026-01-31 23:59:58', '2026-01-31  23:59:58', '2026-01-31t23:59:58', '2026-01-31T23:59', '2026-01-31 9:5:7', '2026-01-31T235958', '2026-01-31T2359', '20260131T235958', '20260131 235958', '20260131235958', '2026-01-31T23',
	'2026-01-31 23:59:58.1', '2026-01-31 23:59:58.123456', '2026-01-31 23:59:58.1234564', '2026-01-31 23:59:58.1234565', '2026-01-31 23:59:58.1234575', '2026-01-31 23:59:58.9999994', '2026-01-31 23:59:59.9999995', '2026-12-31 23:59:59.9999999', '2026-01-31 23:59:58.', '2026-01-31 23:59:58,5', '2026-01-31 23:59.5', '2026-01-31 23:59:58.123456789012345678901234567890',
	'2026-01-31 24:00:00', '2026-01-31 24:00', '2026-01-31 24:00:00.000001', '2026-01-31 24:00:01', '2026-01-31 25:00:00', '2026-01-31 23:60:00', '2026-01-31 23:59:60', '2026-01-31 23:59:60.5', '2026-01-31 23:59:61', '9999-12-31 24:00:00',
	'2026-01-31 10:00:00Z', '2026-01-31T10:00:00z', '2026-01-31 10:00:00 Z', '2026-01-31 10:00:00+01', '2026-01-31 10:00:00 +01', '2026-01-31 10:00:00+1', '2026-01-31 10:00:00+0130', '2026-01-31 10:00:00+130', '2026-01-31 10:00:00+01:30', '2026-01-31 10:00:00-01:30', '2026-01-31 10:00:00-00:00:30', '2026-01-31 10:00:00+15:59', '2026-01-31 10:00:00+16', '2026-01-31 10:00:00-15:59:59', '2026-01-31 10:00:00+01:60', '2026-01-31 10:00:00+', '2026-01-31 10:00:00+01:', '2026-01-31 10:00:00+01 x', '2026-01-31 10:00+02', '2026-01-31T100000+0200', '2026-01-31T10:00:00.5+02:00', '2026-01-31+02', '2026-01-31Z',
	'2026-01-31 10:00:00 UTC', '2026-01-31 10:00:00utc', '2026-01-31 10:00:00 GMT', '2026-01-31 10:00:00 Europe/Berlin', '2026-01-31 10:00:00 CET', '2026-01-31 10:00:00 UTC+2', '2026-01-31 10:00:00 AM', '2026-01-31 10:00:00 PM', '10:00:00',
	'2026-03-29T02:30:00', '2026-03-29T02:30:00+01:00', '2026-03-29T02:30:00+02:00', '2026-10-25T02:30:00+01:00', '2026-10-25T02:30:00+02:00', '2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00+01:00', '0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', '1582-10-10', '1883-11-18 12:03:58-05:00',
	'infinity', '-infinity', 'now', 'today', 'tomorrow', 'yesterday', 'epoch', 'allballs', 'today 10:00');

my @others = (
	'true', 'false', '{}', '[]', '[1,2]', '{"a": 1.50, "b":"x"}', '{"a":{"b":[{"c":null}]}}', '"\u0041"', '"\u00e9"', '"\ud83d\udcb6"', '"a\u0000b"', '"\u0000"', '"\\u0000"', '["\u0000"]', '["\\u0000"]', '{"\u0000":1}',
	'"\b\f\n\r\t\/"', '[1e37]', '[1e38]', '[1e200000]', '[0.' . '0' x 36 . '1]', '[0.' . '0' x 40 . '1]', '[' . '9' x 38 . ']', '[' . '9' x 39 . ']', '{"a":1,"a":2}');

# A JSON literal of a text, in UTF-8.
my @literals = (@numbers, (map { $json->encode($_) } @texts), @others);

# -- what sqs_to_redshift says -------------------------------------------------
my $dir = $ENV{TESTDATADIR};
my @names = map { "c$_" } 0 .. $#types;
my @cases = map { my $type = $_; map { [ $type, $_ ] } @literals } 0 .. $#types;

sub write_file
{
	my ($name, $content) = @_;
	open my $file, '>:raw', "$dir/$name" or die "$name: $!";
	print $file $content;
	close $file or die "$name: $!";
	return "$dir/$name";
}

my $config = write_file('values.json', $json->encode({ table => 'values', workgroup => 'default', database => 'dev',
	columns => [ map { { name => $names[$_], type => ref $types[$_] ? $types[$_][0] : $types[$_] } } 0 .. $#types ] }));
my $n = 0;
my $messages = write_file('values.messages', join '', map { sprintf "d%d\n{\"%s\":%s}\n", $n++, $names[ $_->[0] ], $_->[1] } @cases);
open my $client, '-|:raw', "$ENV{PG_SQS_STAGE}/bin/load_client rows $config < $messages" or die "load_client: $!";
my @ours = map { $json->decode($_) } <$client>;
close $client or die "load_client: $?";
is(scalar @ours, scalar @cases, 'every message got its fate');

# -- what PostgreSQL says ------------------------------------------------------
my $node = PostgreSQL::Test::Cluster->new('values');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "timezone = 'UTC'\ndatestyle = 'ISO'\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE TABLE shape (' . join(', ', map { "$names[$_] " . (ref $types[$_] ? $types[$_][1] : $types[$_]) } 0 .. $#types) . ')');
$node->safe_psql('postgres', q{
	CREATE TABLE cases (n integer, col text, body text, mine text);
	CREATE FUNCTION read(col text, body text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text;
	BEGIN
		EXECUTE format('SELECT (json_populate_record(NULL::shape, $1::json)).%I::text', col) INTO result USING body;
		RETURN 'value ' || result;
	EXCEPTION WHEN OTHERS THEN
		RETURN 'error';
	END $$});

# As COPY wants a field.
sub field { my ($bytes) = @_; return '\N' unless defined $bytes; $bytes =~ s/\\/\\\\/g; $bytes =~ s/\n/\\n/g; $bytes =~ s/\t/\\t/g; $bytes =~ s/\r/\\r/g; return $bytes }

my $lines = '';
for my $i (0 .. $#cases)
{
	my ($type, $literal) = @{ $cases[$i] };
	my $mine = $ours[$i]{fate} == 0 ? $ours[$i]{values}[$type] : undef;
	# what was made of the value, read again as a value of the type
	my $again = defined $mine ? "{\"$names[$type]\":" . (ref $types[$type] ? Encode::encode_utf8($mine) : $json->encode($mine)) . '}' : undef;
	$lines .= join("\t", $i, $names[$type], field("{\"$names[$type]\":$literal}"), field($again)) . "\n";
}
my $file = write_file('values.copy', $lines);
my %theirs = map { my ($i, $value, $same) = split /\t/; ($i => [ $json->decode($value), $same ]) }
  split /\n/, Encode::encode_utf8(Encode::decode_utf8($node->safe_psql('postgres', qq{
	\\copy cases FROM '$file'
	SELECT n || E'\\t' || to_json(read(col, body))::text || E'\\t' || coalesce(to_json(read(col, mine))::text, '-') FROM cases ORDER BY n})));

# -- the deliberate differences -------------------------------------------------
# What PostgreSQL takes and sqs_to_redshift does not: [types, text, why].
my $time = qr/^(?:date|timestamp)/;
my @refused = (
	[ qr/^(?:real|double)/, qr/^-?(?:nan|inf|infinity)$/i, 'no number: DECIMAL does not have them, and sums of them are lost' ],
	[ qr/^decimal/, qr/^nan$/i, 'no number' ],
	[ qr/^(?:real|double|decimal|smallint|integer|bigint)/, qr/^(?:0x2A|1_000)$/, 'read by some versions of PostgreSQL only' ],
	[ $time, qr/(?i:infinity)|now|today|tomorrow|yesterday|epoch|allballs/, 'a word whose meaning depends on when it is read' ],
	[ $time, qr/BC|10000|^-2026|[+-]01:00$/, 'outside of the years 1 to 9999' ],
	[ $time, qr/9999-12-31 24/, 'outside of the years 1 to 9999' ],
	[ $time, qr/^\d{6}$|^\d{2}-|^1738281600/, 'years of two digits, or of five and more' ],
	[ $time, qr{/|\d\.\d\d\.|^01/|Jan|J24|^2026-031$|-W|^20260131235958$|^\d{9,}}, 'not ISO 8601, or a spelling that settings decide on' ],
	[ $time, qr/Berlin|CET|UTC\+2|[AP]M$/, 'a zone that a table decides on, or not ISO 8601' ],
	[ $time, qr/^2026-01-31(?:Z|\+02)$|23:59\.5$|58,5$|58\.$|T23$|^2026-01-31 23:59:58,|^10:00:00$|^2026-01$|^2026$/, 'not ISO 8601' ],
	[ $time, qr/\+01:$|\+$/, 'half an offset' ],
	[ qr/^varchar|^char/, qr/[^\x00-\x7f]/, 'counted in bytes; CHAR takes ASCII only' ],
	[ qr/^super/, qr/\d{39}|\d{20}\.\d{19}|0{37}|e-?(?:38|46|308|324|400|\d{4,})/, 'more digits than a SUPER keeps' ],
);

sub is_deliberate
{
	my ($type, $literal) = @_;
	my $text = eval { $json->decode($literal) };
	$text = $literal if ref $text || !defined $text || $literal !~ /^"/;
	return scalar grep { $type =~ $_->[0] && $text =~ $_->[1] } @refused;
}

for my $type (0 .. $#types)
{
	my $name = ref $types[$type] ? $types[$type][0] : $types[$type];
	my @wrong;
	my %count = (taken => 0, refused => 0, deliberate => 0);
	for my $i (grep { $cases[$_][0] == $type } 0 .. $#cases)
	{
		my ($theirs, $again) = @{ $theirs{$i} };
		my $literal = $cases[$i][1];
		# json_populate_record looks for it in a document for a text column; by column name that is kept as it is spelled
		next if $name =~ /^varchar/ && $literal =~ /^[\[{].*\\u0000/;
		if ($ours[$i]{fate} == 0)
		{
			$count{taken}++;
			my $same = $again eq '-' ? '-' : $json->decode($again);
			push @wrong, "$literal: PostgreSQL refuses it" if $theirs eq 'error';
			push @wrong, "$literal: PostgreSQL has $theirs, we have $same" if $theirs ne 'error' && $theirs ne $same;
			# a decimal is also spelled alike
			push @wrong, "$literal: spelled $ours[$i]{values}[$type]" if $name =~ /^(?:decimal|timestamp|date|smallint|integer|bigint)/ && "value $ours[$i]{values}[$type]" ne $theirs;
			next;
		}
		$count{refused}++;
		push @wrong, "$literal: no reason" unless $ours[$i]{code} && $ours[$i]{reason};
		next if $theirs eq 'error';
		$count{deliberate}++;
		push @wrong, "$literal: PostgreSQL has $theirs, we refuse it: $ours[$i]{reason}" unless is_deliberate($name, $literal);
	}
	ok(!@wrong, "$name: $count{taken} literals mean the same, $count{refused} are refused, $count{deliberate} of them deliberately");
	diag(Encode::encode_utf8(substr($_, 0, 300))) for @wrong > 25 ? @wrong[ 0 .. 24 ] : @wrong;
}

$node->stop;
done_testing();
