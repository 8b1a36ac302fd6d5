# s3_to_sqs against a Lambda runtime API that is played by this test, one
# connection at a time: what it does at each answer, which calls it makes, how
# it ends.
use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $program = $ENV{PG_SQS_S3_TO_SQS} // "$ENV{PG_SQS_STAGE}/bin/s3_to_sqs";
my $log = "$ENV{TESTDATADIR}/runtime-function.log";
my $api = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
my $nobody = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!";    # never answers
my $runtime = '/2018-06-01/runtime';
my $test_event = '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}';
my $object_event = '{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventName":"ObjectCreated:Put",'
  . '"s3":{"bucket":{"name":"bkt"},"object":{"key":"k.json","size":2,"eTag":"e","sequencer":"01"}}}]}';
my $pid;

sub start
{
	my (%environment) = @_;
	$pid = fork() // die "fork: $!";
	return if $pid;
	%ENV = (
		PATH => '/nonexistent', AWS_LAMBDA_RUNTIME_API => '127.0.0.1:' . $api->sockport,
		AWS_REGION => 'eu-west-1', AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY => 'theSecretOfTheTest',
		AWS_ENDPOINT_URL => 'http://127.0.0.1:' . $nobody->sockport,
		http_proxy => 'http://127.0.0.1:1', all_proxy => 'http://127.0.0.1:1',
		QUEUE_URL => 'https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo', %environment);
	delete $ENV{$_} for grep { !defined $ENV{$_} } keys %ENV;
	open STDOUT, '>>', $log;
	open STDERR, '>>', $log;
	exec $program or POSIX::_exit(127);
}

# The next request, with its connection still open; undef when none comes.
sub hear
{
	my ($seconds) = @_;
	return undef unless IO::Select->new($api)->can_read($seconds // 20);
	my $connection = $api->accept or return undef;
	my $text = '';
	while ($text !~ /\r\n\r\n/ || length($text) < $+[0] + ($text =~ /^content-length: *(\d+)/mi ? $1 : 0))
	{
		sysread($connection, $text, 65536, length $text) or last;
	}
	my ($head, $body) = split /\r\n\r\n/, $text, 2;
	my ($method, $path) = $head =~ /^(\S+) (\S+)/;
	return { connection => $connection, call => "$method " . ($path =~ s/^\Q$runtime\E//r), head => $head, body => $body // '' };
}

sub say_to
{
	my ($request, $status, $body, %headers) = @_;
	$body //= '{}';
	syswrite($request->{connection}, "HTTP/1.1 $status X\r\nContent-Length: " . length($body) . "\r\n"
		  . join('', map { "$_: $headers{$_}\r\n" } sort keys %headers) . "\r\n$body");
	return $request;
}

sub expect
{
	my ($call, $name) = @_;
	my $request = hear();
	is($request && $request->{call}, $call, $name // $call);
	return $request // { connection => \*STDERR, head => '', body => '' };
}

sub invoke
{
	my ($id, $event, %headers) = @_;
	my $next = expect('GET /invocation/next', "next, for $id");
	close $next->{connection} if $next->{connection} == \*STDERR;
	return say_to($next, 200, $event // $test_event, 'Lambda-Runtime-Aws-Request-Id' => $id,
		'Lambda-Runtime-Deadline-Ms' => int(time * 1000) + 60000, %headers);
}

# The process ends by itself; its exit status.
sub status
{
	for (1 .. 400)
	{
		return $? >> 8 || ($? ? "signal $?" : 0) if waitpid($pid, POSIX::WNOHANG) == $pid;
		sleep 0.05;
	}
	kill KILL => $pid;
	waitpid $pid, 0;
	return 'did not end';
}

sub ends_badly
{
	my ($name) = @_;
	my $status = status();
	ok($status =~ /^\d+$/ && $status != 0, "$name: it ends with a status other than 0") or diag($status);
	is(hear(0.1), undef, '... and makes no further call');
	return;
}

# -- one process through everything after which it must go on
start();
invoke('id-1', undef, 'Lambda-Runtime-Trace-Id' => 'Root=1-2-3');
my $answer = say_to(expect('POST /invocation/id-1/response'), 202);
is(decode_json($answer->{body})->{test_events}, 1, 'the response tells what was done');
unlike($answer->{head}, qr/^(transfer-encoding|expect):/mi, 'no chunks, no Expect');
for my $refusal ([ 413, 'RequestEntityTooLarge' ], [ 400, 'InvalidRequestID' ], [ 404, 'NotFound' ])
{
	my ($status, $type) = @$refusal;
	invoke("r-$status");
	say_to(expect("POST /invocation/r-$status/response"), $status, qq({"errorType":"$type","errorMessage":"no"}));
}
invoke('after-refusals');
say_to(expect('POST /invocation/after-refusals/response', 'each refused answer is posted once, then comes next'), 202);

my $next = expect('GET /invocation/next', 'a next that is slow');
sleep 3;
is(hear(0), undef, '... is waited for');
say_to($next, 200, $test_event, 'lambda-runtime-aws-request-id' => 'slow');
say_to(expect('POST /invocation/slow/response'), 202);

$next = expect('GET /invocation/next', 'a next whose connection is closed');
close $next->{connection};
$next = expect('GET /invocation/next', '... is asked again');
syswrite $next->{connection}, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: cut\r\nContent-Length: 500\r\n\r\n{";
close $next->{connection};
invoke('after-cuts');
my $lost = expect('POST /invocation/after-cuts/response', 'an event cut short is not handled');
close $lost->{connection};
$answer = expect('POST /invocation/after-cuts/response', 'an answer that was lost is posted again');
is($answer->{body}, $lost->{body}, '... the same one');
say_to($answer, 400, '{"errorType":"InvalidRequestID"}');

$next = expect('GET /invocation/next', 'frozen while it waits');
kill STOP => $pid;
sleep 0.2;
setsockopt $next->{connection}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);    # the peer forgets: RST
close $next->{connection};
sleep 0.2;
kill CONT => $pid;
my $kept = invoke('thawed');
say_to(expect('POST /invocation/thawed/response', 'after the thaw it works on'), 202);
$next = expect('GET /invocation/next');
kill STOP => $pid;
say_to($next, 200, $test_event, 'Lambda-Runtime-Aws-Request-Id' => 'while-frozen');
close $_->{connection} for $kept, $answer;
sleep 0.2;
kill CONT => $pid;
say_to(expect('POST /invocation/while-frozen/response', 'an event that came during the freeze is handled'), 202);

invoke('bad-event', '{"x":1}');
$answer = say_to(expect('POST /invocation/bad-event/error', 'an event that is none'), 202);
like($answer->{head}, qr/^Lambda-Runtime-Function-Error-Type: Function\.BadEvent\r?$/mi, '... with its type in the header');
is(decode_json($answer->{body})->{errorType}, 'Function.BadEvent', '... and in the body');
like(decode_json($answer->{body})->{errorMessage}, qr/S3 notification/, '... and what was expected');

# -- the deadline: nobody answers at the S3 endpoint
my $began = time;
invoke('deadline', $object_event, 'Lambda-Runtime-Deadline-Ms' => int($began * 1000) + 2500);
$answer = say_to(expect('POST /invocation/deadline/error', 'a deadline that comes near'), 202);
my $took = time - $began;
cmp_ok($took, '<', 2.5, sprintf '... is answered before it passes (%.2f s)', $took);
is(decode_json($answer->{body})->{errorType}, 'Function.Deadline', '... as such') or diag($answer->{body});
invoke('late', $object_event, 'Lambda-Runtime-Deadline-Ms' => 1000);
$answer = say_to(expect('POST /invocation/late/error', 'a deadline that has passed'), 202);
is(decode_json($answer->{body})->{errorType}, 'Function.Deadline', '... is told at once');

# -- after what it must end
say_to(expect('GET /invocation/next'), 403, '{"errorType":"InvalidStateTransition"}');
ends_badly('403 to next');
for my $case ([ 403, 'response' ], [ 500, 'response' ])
{
	start();
	invoke('e-1');
	say_to(expect("POST /invocation/e-1/$case->[1]"), $case->[0]);
	ends_badly("$case->[0] to $case->[1]");
}
start();
say_to(expect('GET /invocation/next'), 500);
ends_badly('500 to next');
for my $id ('', '../../x', "a%0Ab", 'x' x 129)
{
	start();
	say_to(expect('GET /invocation/next'), 200, $test_event, 'Lambda-Runtime-Aws-Request-Id' => $id);
	ends_badly('the request id "' . substr($id, 0, 10) . '"');
}
start();
for (1 .. 4) { my $request = expect('GET /invocation/next', "no answer, $_"); close $request->{connection}; }
ends_badly('an API that never answers');

# -- what is wrong at the start
my %wrong = (
	'no queue' => [ qr/QUEUE_URL/, QUEUE_URL => '' ],
	'a standard queue' => [ qr/FIFO/, QUEUE_URL => 'https://sqs.eu-west-1.amazonaws.com/123456789012/q' ],
	'a bad program' => [ qr/program of output "default"/, JQ_PROGRAM => '.[' ],
	'a bad limit' => [ qr/MAX_OBJECT_BYTES/, MAX_OBJECT_BYTES => '1x' ],
	'a foreign endpoint over http' => [ qr/https/, AWS_ENDPOINT_URL => 'http://192.0.2.1' ]);
for my $name (sort keys %wrong)
{
	my ($reason, @environment) = @{ $wrong{$name} };
	start(@environment);
	$answer = say_to(expect('POST /init/error', "$name: init/error"), 202);
	like($answer->{head}, qr/^Lambda-Runtime-Function-Error-Type: Runtime\.Configuration\r?$/mi, '... its type');
	like(decode_json($answer->{body})->{errorMessage}, $reason, '... its reason');
	ends_badly($name);
}

my $text = do { local $/; open my $in, '<', $log or die "$log: $!"; <$in> };
unlike($text, qr/theSecretOfTheTest/, 'no secret in the log');
is(scalar(grep { !eval { decode_json($_) } } split /\n/, $text), 0, 'every log line is one JSON object');
done_testing;
