# What an object may hold: the same three records in every shape, plain and
# packed, become the same three messages; what is damaged is rejected, and the
# rest goes on.
use strict;
use warnings;

use Compress::Zlib qw(compress);
use IO::Compress::Gzip qw(gzip);
use JSON::PP;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(sleep);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/shapes.ndjson");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
my $queue = $lab->create_queue('q.fifo');
$lab->s3(PUT => 'bucket', undef);
$lab->s3_notify('bucket', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
$lab->start_function('s3_to_sqs', $log, QUEUE_URL => $queue, REJECT_URL => 's3://bucket/rejected/', MAX_RECORD_BYTES => 100_000);

my ($results, $tests, @sent) = (0, 0);
sub look
{
	for my $line ($lab->journal_news)
	{
		push @sent, $line if ($line->{event} // '') eq 'sqs.sent';
		$results++ if ($line->{event} // '') eq 'lambda.result';
	}
	return;
}

# Put an object and wait until it is worked on; the messages that were sent for it.
sub sent_for
{
	my ($key, $content) = @_;
	my $before = $results;
	@sent = ();
	$lab->s3(PUT => 'bucket', "in/$key", content => $content);
	for (1 .. 400) { look(); return @sent if $results > $before; sleep 0.02; }
	fail("$key is worked on");
	return;
}
sub packed { my ($text) = @_; gzip(\$text, \my $out) or die; return $out }
sub rejects
{
	my ($key) = @_;
	return map { decode_json($lab->s3(GET => 'bucket', $_)->{content}) }
		sort { ($a =~ /\.(\d+)\.json$/)[0] <=> ($b =~ /\.(\d+)\.json$/)[0] } grep { m{/\Q$key\E\.} } $lab->s3_keys('bucket', 'rejected/');
}
for (1 .. 400) { look(); last if $results == 1; sleep 0.02; }

my @records = map { qq({"transaction_id": "T$_", "amount": $_.10}) } 1 .. 3;
my ($one, $two, $three) = @records;
my %shape = (
	'lines' => "$one\n$two\n$three\n",
	'lines with CR LF' => "$one\r\n$two\r\n\r\n$three\r\n",
	'lines with a byte order mark' => "\xef\xbb\xbf$one\n$two\n$three",
	'array' => "[$one,$two,$three]",
	'array over lines' => "[\n  $one,\n  $two,\n  $three\n]\n",
	'one after the other' => "$one$two $three",
	'arrays after each other' => "[$one] [$two,\n$three]",
	'packed lines' => packed("$one\n$two\n$three\n"),
	'packed array' => packed("[$one,$two,$three]"),
	'two packed members' => packed("$one\n" . substr($two, 0, 10)) . packed(substr($two, 10) . "\n$three\n"),
	'zlib' => compress("$one\n$two\n$three\n"));
my $expected;
for my $name ('lines', sort grep { $_ ne 'lines' } keys %shape)
{
	my @got = sort { $a->{dedup} cmp $b->{dedup} } sent_for($name, $shape{$name});
	my $ids = join ' ', map { "$_->{group}:$_->{dedup}" } @got;
	is(join(' ', sort map { $_->{group} } @got), 'T1 T2 T3', "$name: three messages");
	$expected //= $ids;
	is($ids, $expected, 'with the same ids as in lines');
	is(scalar(grep { $_->{duplicate} } @got), $name eq 'lines' ? 0 : 3, 'so SQS knows them') if $name ne 'lines';
}
my $messages = $lab->control(GET => 'queues/q.fifo')->{messages};
is(scalar(@$messages), 3, 'all in all three messages');
like($messages->[1]{body}, qr/"amount":2\.10\b/, 'with their digits');
is(scalar($lab->s3_keys('bucket', 'rejected/')), 0, 'and no reject');

# -- one object over lines, and a value of 64 KB
my @got = sent_for('pretty', "{\n  \"transaction_id\": \"P\",\n  \"lines\": [\n    {\"a\": 1},\n    {\"a\": 2}\n  ]\n}\n");
is(scalar(@got), 1, 'an object over lines is one message');
@got = sent_for('large', '{"transaction_id": "L", "text": "' . 'x' x 65_536 . '"}');
is($got[0]{bytes} > 65_536, 1, 'a record of 64 KB is sent whole');

# -- damage
my %damage = (
	'bad line' => [ "$one\n{\"transaction_id\" \"X\"}\n$three\n", 'T1 T3', [ 2, 'InvalidJson', '{"transaction_id" "X"}' ] ],
	'cut line' => [ "$one\n{\"transaction_id\": \"X\n$three\n", 'T1 T3', [ 2, 'InvalidJson', '{"transaction_id": "X' ] ],
	'cut first line' => [ "{\"transaction_id\": \n$two\n$three\n", 'T2 T3', [ 1, 'InvalidJson', '{"transaction_id":' ] ],
	'no UTF-8' => [ "$one\n{\"transaction_id\": \"\xff\"}\n$three\n", 'T1 T3', [ 2, 'InvalidJson', undef ] ],
	'scalars' => [ "[$one, 42, null, $three]", 'T1 T3', [ 2, 'NotAnObject', '42' ], [ 3, 'NotAnObject', 'null' ] ],
	'trailing comma' => [ "[$one,$two,]", 'T1 T2', [ 3, 'InvalidJson', '' ] ],
	'array without an end' => [ "[$one,$two", 'T1 T2', [ 3, 'InvalidJson', '' ] ],
	'array without a comma' => [ "[$one,$two $three]", 'T1', [ 2, 'RestUnreadable', "$two $three]" ] ],
	'long line' => [ "$one\n{\"transaction_id\": \"" . 'x' x 200_000 . "\"}\n$three\n", 'T1 T3', [ 2, 'RecordTooLong', '{"transaction_id": "' . 'x' x (65_536 - 20) ] ],
	'no JSON' => [ "id;amount\nT1;1.10\n", '', [ 1, 'InvalidJson', "id;amount\nT1;1.10" ] ]);
for my $name (sort keys %damage)
{
	my ($content, $groups, @wanted) = @{ $damage{$name} };
	my @groups = sort map { $_->{group} } sent_for($name, $content);
	is("@groups", $groups, "$name: the others are sent");
	my @rejects = rejects($name);
	is(scalar(@rejects), scalar(@wanted), 'what is not is rejected');
	for my $want (@wanted)
	{
		my $reject = shift @rejects // {};
		is_deeply([ @{$reject}{qw(record code body)} ], $want, $reject->{reason} // 'with a reason');
	}
}

# -- broken gzip: what came out before is sent, the rest is told
my $text = join '', map { qq({"transaction_id": "G$_", "noise": "@{[ map { int rand 1e9 } 1 .. 30 ]}"}\n) } 1 .. 2000;
my $broken = packed($text);
@got = sent_for('cut.gz', substr($broken, 0, length($broken) - 5000));
cmp_ok(scalar(@got), '>', 1000, scalar(@got) . ' records of a packed object that was cut are sent');
my ($reject) = rejects('cut.gz');
is($reject->{code}, 'CorruptGzip', 'the rest is a reject');
is($reject->{record}, @got + 1, 'of the record behind them');
like($reject->{reason}, qr/they end too early/, $reject->{reason});
ok(!exists $reject->{body}, 'without bytes, which could not be had');
is(scalar(grep { ($_->{event} // '') eq 'lambda.result' && $_->{outcome} ne 'response' } $lab->journal), 0, 'no invocation failed');
$lab->stop;
done_testing;
