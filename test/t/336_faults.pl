# Our client, call by call, against every fault of the lab and of the wire: each
# ends as docs/architecture/wire.md states, within its time.  Then ten thousand of
# them at once (PG_SQS_FAULTS: another number), after which no descriptor and no
# memory is missing.
use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use IO::Handle;
use IPC::Open2;
use PgSqs::Lab;
use PgSqs::Tls;
use Test::More;
use Time::HiRes qw(sleep);

my $faults = $ENV{PG_SQS_FAULTS} // 10_000;
my $lab = PgSqs::Lab->start;
my $tls = PgSqs::Tls->new($lab->address);
my @started;

sub start
{
	my (@command) = @_;
	my $pid = open2(my $out, my $in, @command);
	$in->autoflush;
	push @started, { pid => $pid, in => $in, out => $out };
	return $started[-1];
}

# What it says goes to a file, for nobody reads it while the storm lasts.
sub start_proxy
{
	my ($to, @faults) = @_;
	my $said = "$ENV{TESTDATADIR}/proxy" . @started . '.out';
	start('sh', '-c', 'exec "$0" "$@" >' . $said, "$ENV{PG_SQS_STAGE}/bin/faultproxy", '--listen', 0, '--to', $to, map { ('--fault', $_) } @faults);
	for (1 .. 400)
	{
		return $1 if -s $said && slurp($said) =~ /^ready (\S+)\n/;
		sleep 0.025;
	}
	die "faultproxy did not start\n";
}

sub slurp
{
	my ($name) = @_;
	open my $file, '<', $name or die "$name: $!\n";
	local $/;
	return scalar <$file>;
}

sub start_driver
{
	my ($attempts) = @_;
	local @ENV{qw(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_CA_BUNDLE)} = (@$lab{qw(access_key secret_key)}, $tls->authority('right'));
	return start("$ENV{PG_SQS_STAGE}/bin/fault_driver", $attempts);
}

sub ask
{
	my ($driver, $line) = @_;
	print { $driver->{in} } "$line\n";
	my $answer = readline($driver->{out}) // die "the driver has gone\n";
	chomp $answer;
	return $answer;
}

# -- what is there: a bucket and a queue for each fault of the lab, an object
# for each of the wire's; all 2 000 bytes, with S3's checksum
sub create_bucket
{
	my ($bucket, @keys) = @_;
	my $content = 'x' x 2000;
	$lab->s3(PUT => $bucket, undef);
	$lab->s3(PUT => $bucket, $_, content => $content, headers => { 'x-amz-checksum-sha256' => sha256_base64($content) . '=' }) for @keys;
	return;
}

sub create_queue
{
	my ($name) = @_;
	my $queue = $lab->create_queue("$name.fifo");
	$lab->send_messages($queue, map { [ "g$_", "d$_", 'x' x 500 ] } 1 .. 3);
	return $queue;
}

my %of_the_lab = (
	'drop-before' => { do => 'drop_before' }, 'drop-after' => { do => 'drop_after' }, hang => { do => 'hang' }, html => { do => 'html' },
	throttle => { do => 'throttle' }, error500 => { do => 'error', status => 500, code => 'InternalError' },
	error503 => { do => 'error', status => 503, code => 'ServiceUnavailable' }, late => { do => 'late_ms', ms => 300 });
my %of_the_wire = (
	'rst-body' => 'rst after=700', 'rst-head' => 'rst after=0', 'cut-body' => 'cut after=900', 'cut-head' => 'cut after=40', 'cut-start' => 'cut after=0',
	trickle => 'trickle ms=0', silence => 'blackhole after=0', 'silence-body' => 'blackhole after=900', longer => 'length by=50',
	shorter => 'length by=-20', huge => 'length by=100000000');
my %of_tls = ('tls-handshake' => 'cut connection after=700 times=-1', 'tls-record' => 'cut connection after=2500 times=-1',
	'tls-reset' => 'rst connection after=2500 times=-1');

create_bucket('wire', 'good', keys %of_the_wire);
create_bucket($_, 'object') for keys %of_the_lab;
my %queues = map { $_ => create_queue($_) } keys %of_the_lab, keys %of_the_wire;
for my $name (keys %of_the_lab)
{
	$lab->fault(service => 's3', action => 'GetObject', resource => $name, times => -1, %{ $of_the_lab{$name} });
	$lab->fault(service => 'sqs', action => 'ReceiveMessage', resource => "$name.fifo", times => -1, %{ $of_the_lab{$name} });
}
my $here = $lab->endpoint;
my $wire = 'http://' . start_proxy($lab->address, map { ("$of_the_wire{$_} times=-1 match=/wire/$_", "$of_the_wire{$_} times=-1 match=/$_.fifo") } sort keys %of_the_wire);
my $front = $tls->endpoint('good') =~ s{^https://}{}r;
my %tls_wire = map { $_ => 'https://' . start_proxy($front, $of_tls{$_}) } keys %of_tls;
my $stalled = 'http://' . start_proxy($lab->address, 'stall ms=600000');

# The calls of a fault: an object, and messages.
sub calls
{
	my ($name, $timeout_ms) = @_;
	return ("$timeout_ms $stalled get wire good") if $name eq 'stall';
	return ("$timeout_ms $tls_wire{$name} get wire good") if $of_tls{$name};
	return $of_the_lab{$name}
	  ? ("$timeout_ms $here get $name object", "$timeout_ms $here receive $queues{$name}")
	  : ("$timeout_ms $wire get wire $name", "$timeout_ms $wire receive $queues{$name}");
}

# -- one by one, tried once: fault, kind and status, and the least milliseconds, which
# are the time given to a call; what ends at once has five seconds, and must not need them
my $driver = start_driver(1);
like(ask($driver, "one 5000 $wire get wire good"), qr/^ok 200 /, 'without a fault an object comes');
for my $case (
	[ 'drop-before', 'transport 0' ], [ 'drop-after', 'transport 0' ], [ 'error500', 'service 500' ],
	[ 'error503', 'throttled 503' ], [ 'throttle', 'throttled (400|503)' ], [ 'html', '(throttled|service) 503' ],
	[ 'hang', 'timeout 0', 500 ], [ 'late', 'ok 200', 300, 5000 ],
	[ 'rst-body', 'transport 0' ], [ 'rst-head', 'transport 0' ], [ 'cut-body', 'transport 0' ],
	[ 'cut-head', 'transport 0' ], [ 'cut-start', 'transport 0' ], [ 'trickle', 'ok 200', 0, 5000 ],
	[ 'silence', 'timeout 0', 500 ], [ 'silence-body', 'timeout 0', 500 ], [ 'longer', 'timeout 0', 500 ],
	[ 'shorter', '(integrity|protocol) 0' ], [ 'huge', 'protocol 0' ], [ 'stall', 'timeout 0', 500 ],
	[ 'tls-handshake', 'transport 0' ], [ 'tls-record', 'transport 0' ], [ 'tls-reset', 'transport 0' ])
{
	my ($name, $expected, $least, $timeout_ms) = @$case;
	$timeout_ms //= $least // 5000;
	for my $call (calls($name, $timeout_ms))
	{
		my $what = "$name, " . ($call =~ /(get|receive)/)[0];
		my ($ending, $ms, $message) = ask($driver, "one $call") =~ /^(\S+ \d+) (\d+) (.*)/;
		like($ending, qr/^$expected$/, "$what: how it ends") or diag($message);
		cmp_ok($ms, '>=', $least // 0, "$what: not before its time");
		cmp_ok($ms, '<', 4500, "$what: within its time");
	}
}

# -- a fault that strikes once is not seen by who makes the call
$driver = start_driver(3);
my $once = 'http://' . start_proxy($lab->address, map { "$of_the_wire{$_} match=/once/$_" } sort grep { !/trickle|huge/ } keys %of_the_wire);
create_bucket('once', keys %of_the_wire);
for my $name (sort grep { !/trickle|huge/ } keys %of_the_wire)
{
	like(ask($driver, "one 500 $once get once $name"), qr/^ok 200 /, "$name once: the second try has it");
}
for my $name (sort grep { $_ ne 'late' } keys %of_the_lab)
{
	create_bucket("once-$name", 'object');
	$lab->fault(service => 's3', action => 'GetObject', resource => "once-$name", times => 1, %{ $of_the_lab{$name} });
	like(ask($driver, "one 500 $here get once-$name object"), qr/^ok 200 /, "$name once: the second try has it");
}

# Faults that struck on the wire, until now.
sub struck { return scalar map { slurp($_) =~ /^fired/gm } glob "$ENV{TESTDATADIR}/proxy*.out" }

# -- very many, 32 at once
my $before = struck();
$driver = start_driver(1);
my $added = 0;
for my $name (sort grep { $_ ne 'late' && $_ ne 'trickle' } keys %of_the_lab, keys %of_the_wire, keys %of_tls, 'stall')
{
	$added += ask($driver, "add $_") =~ /^added/ for calls($name, 60);
}
my ($ms, $cpu_ms, $descriptors, $descriptors_then, $kb, $kb_then, $kinds) =
  ask($driver, "storm $faults 32") =~ /^done (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (.*)/;
note("$faults faults of $added kinds in $ms ms, $cpu_ms ms of CPU: $kinds; $descriptors and $descriptors_then descriptors, $kb and $kb_then kB");
my %ended = $kinds =~ /(\w+)=(\d+)/g;
my $count = 0;
$count += $_ for values %ended;
is($count, $faults, 'every one of them ends');
is($ended{ok} // 0, 0, '... and none is taken for a success');
is($descriptors_then, $descriptors, 'no descriptor is left behind');
cmp_ok($kb_then - $kb, '<', 1024, 'nor memory');
cmp_ok(struck() - $before, '>=', $faults / 2, 'the wire did break');

for my $program (@started)
{
	close $program->{in};
	waitpid $program->{pid}, 0;
	is($?, 0, 'a program ends well');
}
done_testing;
