#!/usr/bin/perl
# test/bench/s3_to_sqs.pl [--quick]: s3_to_sqs beside a function of the usual
# kind (boto3_function.py), in turns, against the same lab:
#
#   cold start   from exec to the first call of the runtime API
#   invocation   from an event without work to its answer
#   throughput   records a second of an NDJSON object, from the invocation to
#                its answer; and the function's own CPU time a record
#   memory       the most that the process had resident
#
# Medians.  Prints a table and writes build/bench/results.json.  The lab and the
# function share the machine, so wall-clock figures of a busy one say little;
# the load is told.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Select;
use IO::Socket::INET;
use lib dirname(__FILE__) . '/../lib';
use JSON::PP;
use List::Util ();
use PgSqs::Lab;
use PgSqs::Records;
use POSIX ();
use Time::HiRes qw(sleep time);

chdir dirname(__FILE__) . '/../..' or die "chdir: $!";
my $quick = grep { $_ eq '--quick' } @ARGV;
my $json = JSON::PP->new->canonical->pretty;
my $python = qx{python3 -c 'import sys, boto3; print(sys.executable)' 2>/dev/null} =~ s/\n//r;
$ENV{PG_SQS_AWSLAB} //= 'build/awslab';
my $program = $ENV{PG_SQS_S3_TO_SQS} // 'build/s3_to_sqs';
my $event_test = '{"Service":"Amazon S3","Event":"s3:TestEvent"}';

# Each program: its command, its environment, rounds of cold starts, records;
# and the one that does the same work.
my %ours = (command => [$program], cold => $quick ? 5 : 21, records => $quick ? 5_000 : 50_000);
my %theirs = (command => [ $python, 'test/bench/boto3_function.py' ], cold => $quick ? 2 : 7, records => $quick ? 1_000 : 5_000);
my @functions = (
	{ name => 's3_to_sqs', %ours, beside => 'boto3' },
	{ name => 's3_to_sqs, transaction.jq', %ours, environment => { JQ_FILE => 'worker/examples/transaction.jq' }, beside => 'boto3, the same enrichment' },
	$python ? ({ name => 'boto3', %theirs, environment => { ENRICH => 0 } }, { name => 'boto3, the same enrichment', %theirs }) : ());
my $rounds = $quick ? 1 : 3;

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }
sub slurp { my ($file) = @_; open my $in, '<', $file or return ''; local $/; return scalar <$in> }

sub environment
{
	my ($function, %more) = @_;
	return (AWS_REGION => 'eu-west-1', AWS_DEFAULT_REGION => 'eu-west-1', AWS_ACCESS_KEY_ID => 'AKIDEXAMPLE', AWS_LAMBDA_LOG_LEVEL => 'FATAL',
		AWS_SECRET_ACCESS_KEY => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', AWS_EC2_METADATA_DISABLED => 'true',
		%{ $function->{environment} // {} }, %more);
}

sub start
{
	my ($function, %environment) = @_;
	my $pid = fork() // die "fork: $!";
	return $pid if $pid;
	%ENV = environment($function, %environment);
	open STDOUT, '>', '/dev/null';
	open STDERR, '>>', 'build/bench/functions.log';
	exec { $function->{command}[0] } @{ $function->{command} } or POSIX::_exit(127);
}

sub finish { my ($pid) = @_; kill KILL => $pid; waitpid $pid, 0; return }

# -- cold start and invocation: the runtime API is played here ----------------
my $api = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $!";

# The next request; the function may keep its connection or open another.
sub hear
{
	my ($kept) = @_;
	my $select = IO::Select->new($api, $kept // ());
	while (1)
	{
		my @ready = $select->can_read(60) or die "the function makes no call; see build/bench/functions.log\n";
		my $connection = $ready[0] == $api ? $api->accept : $ready[0];
		my $text = '';
		while ($text !~ /\r\n\r\n/ || length($text) < $+[0] + ($text =~ /^content-length: *(\d+)/mi ? $1 : 0))
		{
			sysread($connection, $text, 65536, length $text) or last;
		}
		return $connection if length $text;
		$select->remove($connection);
	}
}

sub answer
{
	my ($connection, $status, $body, $id) = @_;
	syswrite $connection, "HTTP/1.1 $status X\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
	  . (defined $id ? "\r\nLambda-Runtime-Aws-Request-Id: $id\r\nLambda-Runtime-Deadline-Ms: " . int(1000 * time + 60000) : '') . "\r\n\r\n$body";
	return;
}

sub measure_start
{
	my ($function) = @_;
	my $began = time;
	my $pid = start($function, AWS_LAMBDA_RUNTIME_API => '127.0.0.1:' . $api->sockport,
		QUEUE_URL => 'https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo');
	my $next = hear();
	push @{ $function->{cold_ms} }, 1000 * (time - $began);
	for my $id (1 .. 20)
	{
		my $sent = time;
		answer($next, 200, $event_test, "id-$id");
		my $response = hear($next);
		push @{ $function->{invocation_ms} }, 1000 * (time - $sent);
		answer($response, 202, '{}');
		$next = hear($response);
	}
	finish($pid);
	return;
}

# -- throughput and memory: the lab plays everything --------------------------
sub cpu_seconds { my ($pid) = @_; return List::Util::sum(map { (split ' ', slurp($_))[0] / 1e9 } glob "/proc/$pid/task/*/schedstat") }

sub measure_throughput
{
	my ($lab, $function, $round) = @_;
	my $name = 'f' . $function->{number} . "-$round";
	my $queue = $lab->create_queue("$name.fifo", FifoThroughputLimit => 'perMessageGroupId', DeduplicationScope => 'messageGroup');
	my $content = records($function->{records});
	$lab->s3(PUT => 'bench', "$name.ndjson", content => $content);
	$lab->control(PUT => "functions/$name", { timeout_seconds => 600 });
	my $pid = start($function, AWS_LAMBDA_RUNTIME_API => $lab->address . "/runtime/$name", AWS_ENDPOINT_URL => $lab->endpoint, QUEUE_URL => $queue);
	my $invoke = sub { return $lab->request('lambda', POST => "/2015-03-31/functions/$name/invocations", content => $_[0]) };
	$invoke->($event_test);
	my ($began, $cpu) = (time, cpu_seconds($pid));
	my $answer = $invoke->(encode_json({ Records => [ { eventSource => 'aws:s3', eventName => 'ObjectCreated:Put', eventTime => '2026-01-02T03:04:05Z',
					s3 => { bucket => { name => 'bench' }, object => { key => "$name.ndjson", size => length $content, sequencer => '01' } } } ] }));
	my $took = time - $began;
	my $sent = eval { decode_json($answer->{content})->{sent} } // 0;
	die "$function->{name}: $sent of $function->{records} sent: $answer->{content}\n" unless $sent == $function->{records};
	push @{ $function->{records_per_second} }, $sent / $took;
	push @{ $function->{cpu_us_per_record} }, 1e6 * (cpu_seconds($pid) - $cpu) / $sent;
	my ($rss) = slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
	push @{ $function->{rss_mb} }, $rss / 1024;
	finish($pid);
	$lab->sqs(DeleteQueue => { QueueUrl => $queue });
	return;
}

# -- the run ------------------------------------------------------------------
sub main
{
	make_path('build/bench');
	$functions[$_]{number} = $_ for 0 .. $#functions;
	print "boto3 is not installed: s3_to_sqs alone\n" unless $python;
	my $load = slurp('/proc/loadavg');
	for my $round (1 .. $functions[0]{cold})
	{
		measure_start($_) for grep { $round <= $_->{cold} } @functions;
	}
	my $lab = PgSqs::Lab->start(arguments => ['--no-auth']);
	$lab->{http}{timeout} = 600;
	$lab->s3(PUT => 'bench', undef);
	for my $round (1 .. $rounds)
	{
		measure_throughput($lab, $_, $round) for @functions;
	}
	$lab->stop;
	report($load);
	return;
}

sub report
{
	my ($load) = @_;
	my @figures = qw(cold_ms invocation_ms records_per_second cpu_us_per_record rss_mb);
	my %results = (load_before => (split ' ', $load)[0] + 0, load_after => (split ' ', slurp('/proc/loadavg'))[0] + 0, cores => 0 + qx{nproc}, functions => {});
	printf "%-28s %12s %15s %11s %12s %9s\n", '', 'to next (ms)', 'invocation (ms)', 'records/s', 'CPU us/rec', 'RSS (MB)';
	for my $function (@functions)
	{
		my %median = map { $_ => 0 + sprintf '%.4g', median(@{ $function->{$_} }) } @figures;
		$results{functions}{ $function->{name} } = { %median, records => $function->{records} };
		printf "%-28s %12.1f %15.2f %11.0f %12.1f %9.1f\n", $function->{name}, @median{@figures};
	}
	if ($python)
	{
		for my $own (@functions[ 0, 1 ])
		{
			my $other = $results{functions}{ $own->{beside} };
			my $mine = $results{functions}{ $own->{name} };
			my %ratio = (records_per_second => $mine->{records_per_second} / $other->{records_per_second}, cold_start => $other->{cold_ms} / $mine->{cold_ms},
				cpu => $other->{cpu_us_per_record} / $mine->{cpu_us_per_record});
			$mine->{times_boto3} = { map { $_ => 0 + sprintf '%.3g', $ratio{$_} } keys %ratio };
			printf "%-28s beside %s: %.1f x its records/s, %.1f x less CPU, cold start %.1f x as fast\n", $own->{name}, $own->{beside}, @ratio{qw(records_per_second cpu cold_start)};
		}
	}
	printf "load before %.1f, after %.1f, on %d cores\n", @results{qw(load_before load_after cores)};
	open my $out, '>', 'build/bench/results.json' or die "results.json: $!\n";
	print $out $json->encode(\%results);
	close $out;
	return;
}

main();
