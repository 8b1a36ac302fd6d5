# kill -9 of the daemon and of the function at every step of both: when a
# request of theirs arrives, while it is answered, or with its answer lost.
# However many steps, nothing is lost, nothing is loaded twice, the order of
# groups is held, no message is both loaded and rejected, and the stage is left
# empty, or with what its lifecycle rule removes.
#
# A step is an action and a moment; now and then one such request passes before.
# Each comes with messages of several groups, some of which can never be loaded: by
# their value, by what SQL says of it, or because their id was used before.
# PG_SQS_CRASH_POINTS=N and PG_SQS_SEED=S repeat or prolong a run.
use strict;
use warnings;

use List::Util qw(shuffle);
use PgSqs::Load;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{PG_SQS_SEED} || (time ^ $$);
srand $seed;
note "seed $seed";

my %actions = (
	daemon => [
		[ sqs => 'ReceiveMessage' ], [ s3 => 'PutObject' ], [ 'redshift-data' => 'BatchExecuteStatement' ], [ 'redshift-data' => 'DescribeStatement' ],
		[ 'redshift-data' => 'GetStatementResult' ], [ s3 => 'DeleteObject' ], [ sqs => 'DeleteMessageBatch' ] ],
	function => [
		[ lambda => 'next' ], [ s3 => 'PutObject' ], [ 'redshift-data' => 'BatchExecuteStatement' ], [ 'redshift-data' => 'DescribeStatement' ],
		[ 'redshift-data' => 'GetStatementResult' ], [ lambda => 'response' ] ]);

for my $kind (qw(daemon function))
{
	my $load = PgSqs::Load->new("load_crash_$kind", queue => { VisibilityTimeout => '20' });
	my $lab = $load->{lab};
	my ($id, $number) = (0, 0);
	my (@good, %bad, @old, %done, $pid);

	# Messages of five groups.  Among them one of each kind that cannot be loaded.
	my $send_some = sub {
		my ($conflict, $reject) = @_;
		my @messages = map { $id++; $number++; push @good, $id; [ 'g' . int rand 5, "d$number", { id => $id, note => "note $id" } ] } 1 .. 4 + int rand 8;
		push @old, map { [ $_->[0], $_->[1], { %{ $_->[2] } } ] } @messages;
		for my $more ({ note => 'x' x 21 }, { amount => '1234567.00' })
		{
			next if rand() < ($more->{note} ? 0.6 : 0.8) && !($reject && $more->{note});
			$number++;
			splice @messages, int rand @messages, 0, [ 'g' . int rand 5, "d$number", { id => 1_000_000 + $number, %$more } ];
			$bad{"d$number"} = 1;
		}
		if ($conflict && @old > 20)
		{
			# SQS has forgotten them
			my ($again, $other) = @old[ int rand 10, 10 + int rand 10 ];
			$lab->advance(301);
			$bad{ $other->[1] } = 1;
			push @messages, $again, [ $other->[0], $other->[1], { %{ $other->[2] }, note => 'other content' } ];
		}
		$load->send(@messages);
		return;
	};
	my $alive = sub { return $pid && waitpid($pid, WNOHANG) == 0 };
	my $start = sub { $pid = $kind eq 'daemon' ? $load->start_daemon : $load->start_function; return };
	my $faults_fired = sub { return scalar grep { ($_->{event} // '') eq 'fault' } $lab->journal_news };

	my @steps = shuffle map {
		my ($service, $action) = @$_;
		map { [ $service, $action, $_ ] } qw(drop_before pass drop_after)
	} @{ $actions{$kind} };
	$send_some->() for 1 .. 3;
	my $points = $ENV{PG_SQS_CRASH_POINTS} || scalar @steps;
	my $fired = 0;
	my @todo = map { $steps[ $_ % @steps ] } 0 .. $points - 1;
	for (my $try = 0; @todo && $try < 2 * $points; $try++)
	{
		my $step = shift @todo;
		my ($service, $action, $do) = @$step;
		my $skip = $action =~ /GetStatementResult|PutObject/ ? 0 : int rand 2;
		my $conflict = $action eq 'GetStatementResult' || rand() < 0.2;
		$start->() unless $alive->();
		$faults_fired->();
		$lab->fault(service => $service, action => $action, do => $do, skip => $skip, times => 1, kill => $pid + 0);
		my $hit = 0;
		my $more = 0;
		for (my $end = time + 15; !$hit && time < $end; sleep 0.02)
		{
			if (time > $more)
			{
				$send_some->($conflict, $action eq 'PutObject');
				$more = time + 1.5;
			}
			$hit = $faults_fired->();
		}
		$lab->clear_faults;
		push @todo, $step unless $hit;
		next unless $hit;
		$fired++;
		$done{"$action, $do"}++;
		waitpid $pid, 0;
		$pid = 0;
		$lab->advance(31);		# what it had in hand comes again
	}

	# Everything ends somewhere.
	my $settled = $load->wait_until("$kind: the queue is empty", sub {
		return 1 if $load->depth eq '0 0';
		$start->() unless $alive->();
		if ($load->depth =~ /^0 / && $kind eq 'function' && $lab->control(GET => 'functions/f')->{running} == 0) { $lab->advance(31); sleep 0.2 }
		return 0;
	}, 120);
	is($fired, $points, "$kind: every step was reached") or diag(join "\n", map { "@$_" } @steps);
	note join ', ', map { "$_: $done{$_}" } sort keys %done;
	my $lost = $load->sql("SELECT count(*) FROM generate_series(1, $id) i WHERE NOT EXISTS (SELECT FROM t WHERE t.id = i)");
	is($lost, '0', "$kind: nothing lost of $id messages");
	is($load->sql('SELECT count(*) - count(DISTINCT id) FROM t'), '0', "$kind: nothing loaded twice");
	$load->in_order("$kind: order within each group held");
	is($load->sql('SELECT count(*) FROM t WHERE id > 1000000'), '0', "$kind: what cannot be loaded was not");
	is($load->sql('SELECT count(*) - (SELECT count(*) FROM sqs_ledger) FROM t'), '0', "$kind: the ledger has what the table has");
	my %rejects = $load->rejects;
	my %rejected = map { $_->{dedupId} => 1 } values %rejects;
	is(join(' ', sort keys %rejected), join(' ', sort keys %bad), "$kind: it was rejected, and nothing else");
	cmp_ok(scalar(keys %bad), '>', 5, "$kind: ... " . keys(%bad) . ' messages');
	my @wrong = grep { $_->{code} ne 'DedupConflict' && $load->sql("SELECT count(*) FROM t WHERE id = " . ($_->{body} =~ /"id":(\d+)/)[0]) ne '0' } values %rejects;
	is(scalar @wrong, 0, "$kind: nothing is both loaded and rejected");

	# What a killed process leaves in the stage is at most one object a kill.
	my $left = () = $load->stage;
	cmp_ok($left, '<=', grep({ /PutObject|Statement|DeleteObject/ } map { ($_) x $done{$_} } keys %done), "$kind: the stage keeps no more than was killed ($left)");
	is($left, 0, 'function: nothing was staged') if $kind eq 'function';
	$load->stop($pid) if $alive->();
	$load->finish;
}
done_testing;
