# The demo itself: its own example, a file with an awkward name, one that is
# not JSON, and a folder.
use strict;
use warnings;
use utf8;

use Encode qw(encode_utf8 decode_utf8);
use File::Path qw(make_path remove_tree);
use Test::More;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);
my $input = "$ENV{PG_SQS_STAGE}/src/input";
my $options = '';

sub demo
{
	my (%files) = @_;
	remove_tree($input, "$ENV{TESTDATADIR}/demo");
	for my $name (keys %files)
	{
		my $path = encode_utf8("$input/$name");
		make_path($path =~ s{/[^/]*$}{}r);
		open my $out, '>', $path or die "$path: $!";
		print $out encode_utf8($files{$name});
		close $out;
	}
	make_path("$ENV{TESTDATADIR}/demo");
	local $ENV{TESTDATADIR} = "$ENV{TESTDATADIR}/demo";
	my $out = decode_utf8(`perl test/demo/demo.pl $options 2>&1`);
	return ($? >> 8, $out);
}

my ($status, $out) = demo();
is($status, 0, 'the demo succeeds') or diag($out);
for my $hop (qr/S3 +s3:\/\/ledger-l0\/in\/transaction\.json +\d+ bytes/, qr/Lambda +s3_to_sqs request [0-9a-f-]{36}/,
	qr/SQS +transactions\.fifo group [0-9a-f]{12}… dedup [0-9a-f]{12}… sequence \d+/, qr/\d ms  rows +visible in all three tables, [0-9.]+ ms after the PUT began/,
	qr/^amount +\| 12345678901234567\.89$/m, qr/^fee +\| 1\.10$/m, qr/^account_id +\| Société 42$/m,
	qr/^ +1 \| Société 42 \| 12345678901234567\.89 \| +1\.10 \| EUR +\| 12345678901234568\.99$/m,
	qr/^ T-2026-000042 +\| +1 \| reported +\| 12345678901234568\.99 \| Zoë & Søn/m,
	qr/^version +\| 2$/m, qr/^amount +\| 9999\.99$/m, qr/^ +2 \| Société 42 \| +9999\.99 \| +0\.01 \| EUR +\| +10000\.00$/m,
	qr/^ T-2026-000042 +\| +2 \| below threshold \| +10000\.00 \|/m,
	qr/SQS +confirmations\.fifo group T-2026-000042 dedup/, qr/SQS +regulatory_reports\.fifo group T-2026-000042 dedup T-2026-000042\/2 /,
	qr/"kind":"correction","account_id":"Société 42",.*"amount":9999\.99,"fee":0\.01/, qr/"status":"withdrawn"/,
	qr/removed from transactions\.fifo: \{"transaction_id":"T-2026-000102"/, qr/^ in\/day\.ndjson \| +2 \| transactions \| A-2 +\| missing$/m,
	qr/^ missing_now *\n-+\n +0$/m, qr/duplicate: absorbed by SQS/, qr/transactions \| running \| +3 \| +2 \| +1 \| +3 \| +1\b/, qr/^ +1 \| +2 \| +1$/m)
{
	like($out, $hop, "tells $hop");
}

($status, $out) = demo('été a+b.json' => '{"transaction_id": "X1", "account_id": "Konto é 7", "amount": 0.10, "unknown": true}');
is($status, 0, 'a file with a space, a + and an é') or diag($out);
like($out, qr/in\/été a\+b\.json/, 'is named as it is');
like($out, qr/^amount +\| 0\.10$/m, 'and becomes a row');

($status, $out) = demo('broken.json' => '{"transaction_id": ');
is($status, 0, 'a file that is not JSON is no crash') or diag($out);
like($out, qr/Rejected: .+\nKept with its reason at s3:\/\/ledger-l0\/rejected\//, 'says why, and where it is');

($status, $out) = demo("stee\e[31mring\n.json" => '{"transaction_id": "E", "amount": 1}');
is($status, 0, 'a name that would steer a terminal') or diag($out);
unlike($out, qr/\e\[31m/, 'does not');

($status, $out) = demo('long.json' => '{"transaction_id": "L", "amount": 1, "description": "' . 'x' x 50_000 . '"}');
is($status, 0, 'a row that is longer than a screen') or diag($out);
like($out, qr/^ description +\| +50000 \| x{60}$/m, 'is told by its beginnings');

($status, $out) = demo('many/a.json' => '{"transaction_id": "A", "amount": 1}', 'many/b.json' => '{"transaction_id": "B", "amount": 2}', 'many/c.txt' => 'no');
is($status, 0, 'a folder') or diag($out);
like($out, qr/2 of 3 files became rows/, 'each of its files');

($status, $out) = demo('stuck.json' => '{"transaction_id": "S", "amount": "many"}');
isnt($status, 0, 'a row that does not fit fails the demo');
like($out, qr/is in the quarantine.*22P02/s, 'with the reason') or diag($out);
# -- into both databases
$options = '--redshift';
($status, $out) = demo();
is($status, 0, 'the demo with Redshift succeeds') or diag($out);
for my $hop (qr/SQS +redshift\.fifo group [0-9a-f]{12}… dedup/, qr/Lambda +sqs_to_redshift request [0-9a-f-]{36}/,
	qr/Redshift transaction [0-9a-f-]{36} of \d+ statements: committed/, qr/^ T-2026-000042 +\| +2 \| Société 42 \| 2026-01-02 02:04:05\.678\+00 \| +9999\.9900 \| +0\.0100 \| EUR$/m,
	qr/^All 4 rows are the same in both, in every column\.$/m, qr/^ +5 \| +5$/m)
{
	like($out, $hop, "tells $hop");
}
unlike($out, qr/uninitialized|The two differ/, 'and nothing else');
($status, $out) = demo('long.json' => '{"transaction_id": "L", "amount": 1, "description": "' . 'x' x 2000 . '"}');
is($status, 0, 'what only PostgreSQL takes') or diag($out);
like($out, qr/^Rejected by Redshift: .*description/m, 'is told with its reason');

done_testing;
