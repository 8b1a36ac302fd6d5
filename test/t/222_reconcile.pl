# sqs.reconcile reads receipts from S3: by day, page after page, with the
# owner's credentials, and says what is missing.
use strict;
use utf8;
use warnings;

use Encode qw(encode_utf8);
use JSON::PP;
use PgSqs::Test qw(timed);
use Test::More;

my $t = PgSqs::Test->new('reconcile');
my ($lab, $node) = @$t{qw(lab node)};
my $json = JSON::PP->new->canonical;

sub failure
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', '\set VERBOSITY verbose' . "\n$sql");
	return $err;
}

$t->sql(q{ALTER SERVER aws OPTIONS (ADD s3_endpoint '} . $lab->endpoint . q{')});
$t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id text)', 't', more => q{receipts => 's3://receipts/from lambda/'});
$lab->s3(PUT => 'receipts');

# The receipt of one object with so many records, as one part.
sub put_receipt
{
	my ($day, $object, $count, %change) = @_;
	my $part = $change{part} // 1;
	my %receipt = (version => 1, bucket => 'in', key => $object, version_id => 'v1', source => "s3://in/$object?versionId=v1",
		event_time => "2026-03-${day}T12:00:00Z", part => $part, last => JSON::PP::true, first_record => 1, rejected => [],
		outputs => { main => { queue_url => $t->{queue}{s}, messages => [ map { [ "$object-$_", 'g' ] } 1 .. $count ] } }, %change);
	my $content = encode_utf8($json->encode(\%receipt));
	$lab->s3(PUT => 'receipts', encode_utf8("from lambda/2026/03/$day/$object-$part.json"), content => $content);
	return length $content;
}

sub missing { my ($from, $to) = @_; return $t->sql("SELECT object_key, record, place FROM sqs.reconcile('s', '$from', '$to') ORDER BY 1, 2") }

is(missing('2026-03-01', '2026-03-31'), '', 'no receipts, nothing missing');
put_receipt('09', 'before', 1);
put_receipt('10', 'a', 2);
put_receipt('11', 'bäh', 1);
put_receipt('12', 'after', 1);
$lab->s3(PUT => 'receipts', 'from lambda/2026/03/10/notes.txt', content => 'no receipt, and no .json');
$lab->send_messages($t->{queue}{s}, [ 'g', 'a-2', '{"id":"a2"}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');
is(missing('2026-03-10', '2026-03-12'), "a|1|missing\nbäh|1|missing", 'what is missing, of the days in between');
is(missing('2026-03-10 13:00', '2026-03-12'), 'bäh|1|missing', 'the span counts, not the day');
is($t->sql(q{SET timezone = 'Asia/Tokyo'; SELECT count(*) FROM sqs.reconcile('s', '2026-03-10 20:59:59', '2026-03-10 21:00:01')}), '1', 'days are those of UTC');

# -- more than one page of a listing, and more than one bundle
put_receipt('20', sprintf('page%04d', $_), 1) for 1 .. 1100;
is($t->sql(q{SELECT count(*), count(DISTINCT object_key) FROM sqs.reconcile('s', '2026-03-20', '2026-03-21')}), '1100|1100', 'a listing of more than a page');

# -- parts of one object, in different bundles or not
put_receipt('21', 'big', 3, part => $_, last => $_ == 3 ? JSON::PP::true : JSON::PP::false, first_record => 3 * $_ - 2) for 1, 3;
is($t->sql(q{SELECT string_agg(coalesce(record::text, details), ' ' ORDER BY record) FROM sqs.reconcile('s', '2026-03-21', '2026-03-22')}), '1 2 3 7 8 9 part 2 is missing', 'a part that is missing');

# -- what is stored there but is no receipt
$lab->s3(PUT => 'receipts', 'from lambda/2026/03/25/torn.json', content => '{"version": 1, "buck');
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-25', '2026-03-26')}), qr/22P02.*25\/torn\.json/s, 'broken JSON: the error names the object');
is(missing('2026-03-24', '2026-03-25'), '', 'the day that the span ends before is not read');
$lab->s3(PUT => 'receipts', 'from lambda/2026/03/26/nul.json', content => "{\"a\": \"\0\"}");
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-26', '2026-03-27')}), qr/22P02.*NUL.*26\/nul\.json/s, 'a NUL byte');
$lab->s3(PUT => 'receipts', 'from lambda/2026/03/27/large.json', content => ' ' x (16 * 1024 * 1024 + 1));
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-27', '2026-03-28')}), qr/could not read receipt "from lambda\/2026\/03\/27\/large\.json"/, 'one that is too large');
$lab->s3(PUT => 'receipts', 'from lambda/2026/03/28/other.json', content => '[]');
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-28', '2026-03-29')}), qr/22023.*no JSON object/s, 'JSON that is no receipt');

# -- refusals of S3, and waiting
$lab->fault(service => 's3', action => 'ListObjectsV2', times => 1, do => 'error', status => 403, code => 'AccessDenied');
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-10', '2026-03-11')}), qr/42501.*s3:ListBucket/s, 'the hint names the permission that is missing');
$lab->clear_faults;
$lab->fault(service => 's3', action => 'GetObject', times => 1, do => 'hang');
my $took = timed(sub { like(failure(q{SET statement_timeout = '300ms'; SELECT * FROM sqs.reconcile('s', '2026-03-10', '2026-03-11')}), qr/57014/, 'statement_timeout ends it') });
cmp_ok($took, '<', 5, sprintf 'at once (%.1f s)', $took);
$lab->clear_faults;
$t->sql(q{SELECT sqs.alter_subscription('s', receipts => 's3://nowhere/')});
like(failure(q{SELECT * FROM sqs.reconcile('s', '2026-03-10', '2026-03-11')}), qr/42704.*bucket.*HINT.*bucket/s, 'no such bucket');
is($t->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg_sqs consumer%'}), '1', 'the consumer did not notice');
$t->finish;
done_testing;
