# The consumer on a wire that breaks: every fault of faultproxy, between it and
# SQS, and nothing is lost, doubled or out of order; the lab's journal, checked,
# says the same.  Then what curl says of each fault, and what the checker says
# of journals that were made wrong.
use strict;
use warnings;

use HTTP::Tiny;
use IO::Handle;
use IO::Select;
use IPC::Open2;
use PgSqs::Test;
use Test::More;
use Time::HiRes qw(time);

my $journal = "$ENV{TESTDATADIR}/wire.ndjson";
my $t = PgSqs::Test->new('wire');
my $lab = $t->{lab};

# -- a proxy: a fault a line goes in, a line comes out when it struck
sub start_proxy
{
	my ($to) = @_;
	my $pid = open2(my $fired, my $script, "$ENV{PG_SQS_STAGE}/bin/faultproxy", '--listen', 0, '--to', $to);
	$script->autoflush;
	my ($address) = <$fired> =~ /^ready (\S+)/ or die "faultproxy did not start\n";
	return { pid => $pid, script => $script, fired => $fired, address => $address, select => IO::Select->new($fired) };
}

sub end_proxy
{
	my ($proxy) = @_;
	close $proxy->{script};
	waitpid $proxy->{pid}, 0;
	is($?, 0, 'faultproxy ends with its script');
	return;
}

# What it says within the time, one line.
sub fired { my ($proxy, $seconds) = @_; return $proxy->{select}->can_read($seconds) ? readline $proxy->{fired} : undef }

my $proxy = start_proxy($lab->address);
$t->sql("ALTER SERVER aws OPTIONS (SET endpoint 'http://$proxy->{address}')");

my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, v numeric)', 't', more => 'visibility_timeout => 5');
my $sent = 0;

sub send_some
{
	$lab->send_messages($queue, map { $sent++; [ 'g' . ($sent % 2), "d$sent", qq({"id": $sent, "v": $sent.10}) ] } 1 .. 4);
	return;
}

# Send until every fault has struck; what the proxy said.
sub strike
{
	my (@faults) = @_;
	my @said;
	print { $proxy->{script} } "$_\n" for @faults;
	for (1 .. 60)
	{
		send_some();
		while (@said < @faults && defined(my $line = fired($proxy, 0.5))) { push @said, $line }
		last if @said == @faults;
	}
	return join '', sort @said;
}

send_some();
$t->wait_for('SELECT count(*) FROM t', $sent);

for my $case (
	[ 'a reset within the messages', 'rst match=AmazonSQS.ReceiveMessage after=700' ],
	[ 'a reset before the answer to a delete', 'rst match=AmazonSQS.DeleteMessage after=0' ],
	[ 'messages that end too early', 'cut match=AmazonSQS.ReceiveMessage after=900' ],
	[ 'a header that ends too early', 'cut match=AmazonSQS.ReceiveMessage after=20' ],
	[ 'one byte at a time', 'trickle match=AmazonSQS.ReceiveMessage ms=1' ],
	[ 'a Content-Length that is too small', 'length match=AmazonSQS.ReceiveMessage by=-20' ],
	[ 'a Content-Length that is too large', 'length match=AmazonSQS.DeleteMessage by=50' ],
	[ 'silence after a delete', 'blackhole match=AmazonSQS.DeleteMessage after=0' ],
	[ 'a connect that hangs', 'rst match=AmazonSQS.ReceiveMessage after=1', 'stall ms=1500' ],
	[ 'silence instead of messages', 'blackhole match=AmazonSQS.ReceiveMessage after=300' ])
{
	my ($name, @faults) = @$case;
	my $wanted = join '', map { "fired $_ \\d+\\n" } map { /^(\w+)/ } @faults;
	like(strike(@faults), qr/^$wanted$/, "$name: it struck");
	ok($t->wait_until("$name: all is there", sub { $t->sql('SELECT count(DISTINCT id) FROM t') == $sent }, 60), "$name: nothing is lost");
	is($t->sql('SELECT count(*), sum(v) = sum(id + 0.10) FROM t'), "$sent|t", "$name: nothing is doubled");
}

$t->wait_drained('s');
is($t->sql(q{SELECT count(*) FROM (SELECT id, lag(id) OVER (PARTITION BY id % 2 ORDER BY l.sequence_number::numeric) AS previous
	FROM t JOIN sqs.ledger l ON l.dedup_key = 'd' || t.id) x WHERE previous >= id}), '0', 'every group is in order');


# -- what curl says of each
SKIP:
{
	skip 'curl is not installed', 14 if system('curl --version >curl.out 2>&1') != 0;
	my $plain = start_proxy($lab->address);
	my $whole = length HTTP::Tiny->new->get($lab->endpoint . '/_lab/clock')->{content};

	# curl's exit code, the bytes of the body that it has, and the seconds it took
	my $curl = sub {
		my ($at, $fault, $url, @options) = @_;
		print { $at->{script} } "$fault\n";
		fired($at, 5) if $fault =~ /^stall/;
		my $started = time;
		system 'curl', '--silent', '--insecure', '--max-time', 30, '--output', 'curl.out', @options, $url;
		my ($code, $kind) = ($? >> 8, $fault =~ /^(\w+)/);
		return ($code, $fault =~ /^stall/ || (fired($at, 5) // '') =~ /^fired $kind \d+$/ ? -s 'curl.out' : 'no fault', time - $started);
	};
	my $get = sub { my ($fault, @options) = @_; unlink 'curl.out'; return $curl->($plain, $fault, "http://$plain->{address}/_lab/clock", @options) };

	is(($get->('rst match=/_lab/clock after=130'))[0], 56, 'curl: a reset within the body is a failure to receive');
	is(($get->('rst connection'))[0], 56, 'curl: so is a reset before the answer');
	is(($get->('cut match=/_lab/clock after=0'))[0], 52, 'curl: an end before the answer is an empty reply');
	my ($code, $size) = $get->('cut match=/_lab/clock after=150');
	ok($code == 18 && $size < $whole, 'curl: an end within the body is a partial file');
	is(($get->('blackhole match=/_lab/clock after=130', '--max-time', 1))[0], 28, 'curl: silence is a timeout');
	($code, $size, my $seconds) = $get->('trickle match=/_lab/clock ms=2');
	ok($code == 0 && $size == $whole && $seconds >= 0.3, 'curl: a trickle is only slow');
	is(($get->('length match=/_lab/clock by=50', '--max-time', 1))[0], 28, 'curl: with a Content-Length that is too large it waits');
	($code, $size) = $get->('length match=/_lab/clock by=-20');
	is("$code $size", '0 ' . ($whole - 20), 'curl: one that is too small cuts the body, unseen');
	is(($get->('stall ms=3000', '--connect-timeout', 1))[0], 28, 'curl: a stalled connect is a timeout');
	end_proxy($plain);

	skip 'openssl is not installed', 4 if system('openssl version >openssl.out 2>&1') != 0;
	system('openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost >openssl.out 2>&1') == 0
	  or die "openssl req: $?\n";
	open my $file, '>', 'large' or die "large: $!";
	print $file "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", 'x' x 300_000;
	close $file;
	my $server = open2(my $said, my $unused, 'openssl', 's_server', '-accept', '127.0.0.1:0', '-cert', 'cert.pem', '-key', 'key.pem', '-HTTP');
	my $line = '';
	$line = <$said> // die "openssl s_server did not start\n" until $line =~ /^ACCEPT (\S+)/;
	my $tls = start_proxy($line =~ /^ACCEPT (\S+)/);
	my $load = sub { my ($fault) = @_; unlink 'curl.out'; return $curl->($tls, $fault, "https://$tls->{address}/large") };
	is(($load->('cut connection after=700'))[0], 35, 'curl: an end within the TLS handshake');
	($code, $size) = $load->('cut connection after=100000');
	ok($code =~ /^(18|56)$/ && $size > 50_000 && $size < 100_000, 'curl: an end within a TLS record is no end of the body');
	($code, $size) = $load->('rst connection after=100000');
	ok($code == 56 && $size < 100_000, 'curl: a reset within a TLS record');
	kill 'TERM', $server;
	waitpid $server, 0;
	end_proxy($tls);
}


# -- the checker agrees, and finds what is wrong with a journal or effects made wrong
sub check { my (@arguments) = @_; return scalar `$^X test/lab/check @arguments 2>&1` }

# What it says of the file after the change of its lines, which sees each in $_ and returns what shall stand there.
sub wrong
{
	my ($file, $change, @arguments) = @_;
	open my $in, '<', $file or die "$file: $!";
	open my $out, '>', "$file.wrong" or die "$file.wrong: $!";
	while (<$in>) { print $out $change->() }
	close $out;
	return check(@arguments, "$file.wrong");
}

# The journal changed, and numbered anew.
sub wrong_journal
{
	my ($change) = @_;
	my $n = 0;
	return wrong($journal, sub { map { s/"n":\d+/'"n":' . ++$n/er } $change->() });
}
my $effects = "$ENV{TESTDATADIR}/effects.tsv";
PostgreSQL::Test::Utils::append_to_file($effects, $t->sql(q{SELECT format(E'd%s\tg%s\t%s', id, id % 2, rank() OVER (ORDER BY ctid)) FROM t}) . "\n");
sub wrong_effects { my ($change) = @_; return wrong($effects, $change, $journal, '--effects') }

is(check('--rate ReceiveMessage=60 --rate DeleteMessageBatch=60', '--effects', $effects, $journal) =~ s/^\d+ lines, //r, "$sent messages, 0 problems\n",
	'the journal is sound');
PostgreSQL::Test::Utils::append_to_file("$effects.ledger",
	$t->sql(q{SELECT format(E'%s\t\t%s', message_id, row_number() OVER (ORDER BY applied_at, sequence_number::numeric)) FROM sqs.ledger}) . "\n");
is(check('--effects', "$effects.ledger", $journal) =~ s/^\d+ lines, //r, "$sent messages, 0 problems\n", 'and so is the ledger');
is(check('--lab', $lab->endpoint, $journal) =~ s/^\d+ lines, //r, "$sent messages, 0 problems\n", 'and so the lab says');
for my $case (
	[ 'a missing line', wrong($journal, sub { /"n":5,/ ? () : $_ }), qr/^whole: line 5 has the number 6$/m ],
	[ 'half a line', wrong($journal, sub { /"n":5,/ ? "{\n" : $_ }), qr/^whole: line 5 is no journal line$/m ],
	[ 'a missing delete', wrong_journal(sub { /"sqs.deleted".*"d1"/ ? () : $_ }), qr/^lost: .* dedup d1 is not deleted$/m ],
	[ 'a delete that came too early', wrong_journal(sub { /"sqs.deleted".*"d1"/ ? () : $_ }), qr/^order: .* dedup d\d+ was deleted before .* dedup d1$/m ],
	[ 'a receive that came too early', wrong_journal(sub { /"sqs.received".*"d1"/ ? () : $_ }), qr/^order: .* dedup d\d+ was received before .* dedup d1$/m ],
	[ 'a missing receive', wrong_journal(sub { /"sqs.received".*"d1"/ ? () : $_ }), qr/^unseen: .* dedup d1 was deleted, but not received$/m ],
	[ 'a second delete', wrong_journal(sub { /"sqs.deleted".*"d1"/ ? ($_, $_) : $_ }), qr/^unseen: .* dedup d1 was deleted, but is deleted$/m ],
	[ 'a delete of nothing', wrong_journal(sub { /"sqs.sent".*"d1"/ ? () : $_ }), qr/^unseen: sqs.deleted of a message that was not sent: /m ],
	[ 'too many polls', check('--rate ReceiveMessage=1', $journal), qr/^rate: more than 1 of ReceiveMessage/m ],
	[ 'a missing effect', wrong_effects(sub { /^d1\t/ ? () : $_ }), qr/^durable: .* dedup d1 was deleted, but has no effect$/m ],
	[ 'a second effect', wrong_effects(sub { /^d1\t/ ? ($_, $_) : $_ }), qr/^effect: .* dedup d1 has 2 effects$/m ],
	[ 'an effect of nothing', wrong_effects(sub { s/^d1\tg1/d1\tg0/r }), qr/^effect: there is one of d1 of group g0, which was not sent$/m ],
	[ 'effects out of order', wrong_effects(sub { s/^(d1\tg1)\t.*/$1\t99999/r }), qr/^effect: that of d\d+ is before that of .* dedup d1$/m ],
	[ 'a table that is none', wrong_effects(sub { s/\t/,/gr }), qr/^check: line 1 of .* is not an id, a group and a number/m ])
{
	my ($name, $said, $problem) = @$case;
	like($said, $problem, "the checker finds $name");
}

end_proxy($proxy);
$t->finish;
done_testing;
