# What goes wrong around sqs_to_redshift, as a function and as a daemon: Redshift
# asks for a repetition or slows down, answers get lost before and after they
# were applied, S3 refuses the stage or the rejects, SQL finds fault with a value
# that was well by all that was known, a table is missing.  Each message ends in
# the table or in a reject, once and in order, and an outage costs none of them
# a reject.
use strict;
use warnings;

use PgSqs::Load;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep);

my $id = 0;
my $messages = 0;

# As many messages as asked for, of three groups; gives their ids.
sub send_some
{
	my ($load, $count, %more) = @_;
	my @ids = map { ++$id } 1 .. $count;
	$load->send(map { [ 'g' . $_ % 3, 'd' . ++$messages, { id => $_, note => "note $_", %more } ] } @ids);
	return @ids;
}

for my $kind (qw(function daemon))
{
	# A message comes again soon.
	($id, $messages) = (0, 0);
	my $load = PgSqs::Load->new("load_failures_$kind", queue => { VisibilityTimeout => '20' });
	my $lab = $load->{lab};
	my $pid = $kind eq 'function' ? $load->start_function : $load->start_daemon;
	my @good;

	# What a function leaves comes again when its visibility ends.
	my $settle = sub {
		my ($name, $rejected) = @_;
		$load->wait_until("$kind, $name", sub {
			return 1 if $load->depth eq '0 0';
			return 0 if $kind eq 'daemon';
			# an invocation that met the clock just then is over, and its process
			$pid = $load->start_function if waitpid($pid, WNOHANG) > 0;
			if ($load->depth =~ /^0 / && $lab->control(GET => 'functions/f')->{running} == 0) { $lab->advance(21); sleep 0.2 }
			return 0;
		});
		is(join(',', sort { $a <=> $b } split /,/, $load->sql(q{SELECT string_agg(id::text, ',') FROM t})), join(',', sort { $a <=> $b } @good), "$kind, $name: all is loaded once");
		is(scalar(keys %{ { $load->rejects } }), $rejected // 0, "$kind, $name: ... and as much rejected as should be") if defined $rejected;
		is(join(' ', $load->stage), '', "$kind, $name: ... and the stage is empty") unless $name =~ /removed/;
		return;
	};

	push @good, send_some($load, 12);
	$settle->('all is well', 0);

	$load->{redshift}->control(fail => { times => 2 });
	push @good, send_some($load, 7);
	$settle->('serializable isolation violation', 0);

	for my $do (qw(throttle drop_before drop_after error))
	{
		for my $action (qw(BatchExecuteStatement DescribeStatement))
		{
			$lab->fault(service => 'redshift-data', action => $action, do => $do, times => 2);
			push @good, send_some($load, 4);
			$settle->("$do of $action", 0);
			$lab->clear_faults;
		}
	}

	# a message of each kind that cannot be loaded, amid others
	push @good, send_some($load, 3);
	my ($wide) = send_some($load, 1, note => 'x' x 21);
	push @good, send_some($load, 3);
	my ($large) = send_some($load, 1, amount => '1234567.00');
	push @good, send_some($load, 3);
	$settle->('messages that can never be loaded', 2);
	my %rejects = $load->rejects;
	my ($by_value) = grep { $_->{body} =~ /"id":$wide\b/ } values %rejects;
	my ($by_sql) = grep { $_->{body} =~ /"id":$large\b/ } values %rejects;
	like($by_value->{reason}, qr/note/, "$kind: a value that is too long is told by its column");
	is($by_sql->{code}, 'SqlError', "$kind: what SQL refuses is found among its neighbours");
	ok($by_sql->{reason} =~ /\S/ && $by_sql->{dedupId} && $by_sql->{groupId}, "$kind: ... and told");

	# the same id with other content, after SQS has forgotten it
	$lab->advance(301);
	$load->send([ 'g0', 'd1', { id => 1, note => 'another' } ]);
	$settle->('a conflict', 3);
	my ($conflict) = grep { $_->{code} eq 'DedupConflict' } values %{ { $load->rejects } };
	is($conflict->{dedupId}, 'd1', "$kind: a conflict is rejected");
	$lab->advance(301);
	$load->send([ 'g1', 'd1', { g => 'g1', id => 1, note => 'note 1' } ]);
	$settle->('a duplicate', 3);

	# S3 refuses what is to be rejected: it stays, and comes again
	$lab->fault(service => 's3', action => 'PutObject', resource => 'load', do => 'error', status => 403, code => 'AccessDenied', times => 1);
	send_some($load, 1, note => 'y' x 21);
	push @good, send_some($load, 3);
	$settle->('a reject that could not be written', 4);
	$lab->clear_faults;

	if ($kind eq 'daemon')
	{
		for my $do (qw(error throttle drop_before drop_after))
		{
			$lab->fault(service => 's3', action => 'PutObject', resource => 'load', do => $do, times => 4);
			push @good, send_some($load, 4);
			$settle->("$do of the stage", 4);
			$lab->clear_faults;
		}
		$lab->fault(service => 's3', action => 'DeleteObject', resource => 'load', do => 'error', status => 403, code => 'AccessDenied', times => 1);
		push @good, send_some($load, 2);
		$settle->('a stage that could not be removed', 4);
		is(scalar(() = $load->stage), 1, 'daemon: ... is left, and that is said');
		like($load->log_text, qr/stage object could not be removed/, 'daemon: ... in the log');
		$lab->clear_faults;
		$lab->s3(DELETE => 'load', $_) for $load->stage;

		for my $do (qw(drop_before drop_after error throttle))
		{
			$lab->fault(service => 'sqs', action => $_, do => $do, times => 2) for qw(ReceiveMessage DeleteMessageBatch);
			push @good, send_some($load, 4);
			$settle->("$do of SQS", 4);
			$lab->clear_faults;
		}
		$lab->fault(service => 'sqs', action => 'DeleteMessageBatch', do => 'fail_entries', entries => [ 0, 2 ], code => 'InternalError', times => 2);
		push @good, send_some($load, 6);
		$settle->('entries of a delete that fail', 4);
		$lab->clear_faults;
	}

	# a missing table is an outage: everything waits for it
	$load->sql('ALTER TABLE t RENAME TO away');
	push @good, send_some($load, 5);
	$load->wait_until("$kind: the missing table is told", sub { $load->log_text =~ /sqs_to_redshift check/ });
	is(scalar(keys %{ { $load->rejects } }), 4, "$kind: a missing table costs no message a reject");
	$load->sql('ALTER TABLE away RENAME TO t');
	$settle->('a missing table that is there again', 4);

	is($load->sql('SELECT count(*) FROM sqs_ledger'), $load->count, "$kind: the ledger has what the table has");
	is($load->sql(q{SELECT count(*) FROM t WHERE id IN (} . join(',', map { $_->{body} =~ /"id":(\d+)/ } grep { $_->{code} ne 'DedupConflict' } values %{ { $load->rejects } }) . ')'),
		'0', "$kind: nothing is both loaded and rejected");
	$load->in_order("$kind: order within each group held");
	my ($status) = $kind eq 'daemon' ? $load->stop($pid) : 0;
	is($status, 0, 'daemon: ends well') if $kind eq 'daemon';
	$load->finish;
}
done_testing;
