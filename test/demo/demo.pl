#!/usr/bin/perl
# demo.pl [--shell] [--redshift]: the whole pipeline on this machine, one line a hop.
#
# Runs on a stage (see test/with_stage): starts the lab, a PostgreSQL with
# pg_sqs preloaded, and the real s3_to_sqs; makes bucket, queue, the three
# tables of docs/examples, subscription and routes; uploads the files; and
# tells what the lab's journal, the function and the database say happened.  Every number printed was measured
# or read in this run.  With --redshift the same transactions also go through a
# queue of their own and the real sqs_to_redshift into a second PostgreSQL, which
# stands in for Redshift behind the lab's Data API.
use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Find;
use lib dirname(__FILE__) . '/../lib';
use JSON::PP;
use PgSqs::Lab;
use PgSqs::Psql;
use POSIX ();
use Time::HiRes qw(sleep time);

my $shell = grep { $_ eq '--shell' } @ARGV;
my $with_redshift = grep { $_ eq '--redshift' } @ARGV;
my $run = $ENV{TESTDATADIR};
my $example = 'docs/examples/transaction.json';
my $bucket = 'ledger-l0';
my $color = -t STDOUT;
my $json = JSON::PP->new->utf8->canonical;
# The forms that a transaction takes here: a table and a route each.
my @forms = qw(transactions confirmations regulatory_reports);
my ($lab, $postgres, $sql, $watcher, $queue_url, @other_queues);
my ($stand_in, $redshift_url);    # the second server, and its queue
my $problems = 0;
$| = 1;
# The first signal ends the demo, the next ones must not disturb its END.
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { $SIG{INT} = $SIG{TERM} = $SIG{HUP} = 'IGNORE'; exit 130 };

sub bold { return $color ? "\e[1m$_[0]\e[0m" : $_[0] }
sub say_title { print "\n", bold($_[0]), "\n"; return }
# File names, keys and reasons come from outside: nothing of them may steer a terminal.
sub printable { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text =~ s/[\x00-\x1f\x7f]/?/gr }
# An id as long as a hash is told by its beginning.
sub short { my ($id) = @_; return length $id > 40 ? substr($id, 0, 12) . "\x{2026}" : $id }
sub slurp { my ($file) = @_; open my $in, '<:raw', $file or return ''; local $/; return scalar <$in> }

# Show what psql answers, as it is: of PostgreSQL, or of the stand-in for Redshift.
sub show { my ($query, @options) = @_; return show_of($run, 'postgres', $query, @options) }
sub show_redshift { my ($query, @options) = @_; return show_of("$run/redshift", 'dev', $query, @options) }
sub show_of
{
	my ($host, $database, $query, @options) = @_;
	my $status = system('psql', '-X', '-h', $host, '-U', 'postgres', '-d', $database, '-P', 'pager=off', @options, '-c', $query);
	exit 130 if ($status & 127) == POSIX::SIGINT;
	$problems++ if $status;
	return;
}

# -- starting ---------------------------------------------------------------

# A server whose socket lies in its folder; returns its process.
sub start_server
{
	my ($data, $sockets, $log, $settings) = @_;
	system("initdb -D '$data' -U postgres -A trust -E UTF8 --no-locale -N >'$run/initdb.log' 2>&1") == 0
	  or die "initdb failed:\n" . slurp("$run/initdb.log");
	open my $conf, '>>', "$data/postgresql.conf" or die "postgresql.conf: $!";
	print $conf "${settings}listen_addresses = ''\nunix_socket_directories = '$sockets'\n";
	close $conf;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		# Even if this program is killed, the server does not outlive it.
		exec 'setpriv', '--pdeathsig', 'INT', 'postgres', '-D', $data or POSIX::_exit(127);
	}
	for (1 .. 200)
	{
		last if system("pg_isready -q -h '$sockets' -U postgres") == 0;
		die "PostgreSQL did not start.\n" if waitpid($pid, POSIX::WNOHANG());
		sleep 0.05;
	}
	return $pid;
}

sub start_postgres
{
	$postgres = start_server("$run/data", $run, "$run/postgres.log", "shared_preload_libraries = 'pg_sqs'\n");
	$sql = PgSqs::Psql->new(host => $run);
	$watcher = PgSqs::Psql->new(host => $run);
	return;
}

# The function, with the three forms of worker/examples as outputs.
sub start_function
{
	my $config = $json->decode(slurp('worker/examples/s3_to_sqs.json'));
	push @{ $config->{outputs} }, { %{ $config->{outputs}[0] }, name => 'redshift' } if $with_redshift;
	$_->{queue_url} = $lab->create_queue("$_->{name}.fifo") for @{ $config->{outputs} };
	($queue_url) = map { $_->{queue_url} } grep { $_->{name} eq 'transactions' } @{ $config->{outputs} };
	($redshift_url) = map { $_->{queue_url} } grep { $_->{name} eq 'redshift' } @{ $config->{outputs} };
	@other_queues = map { [ $_->{name}, $_->{queue_url} ] } grep { $_->{name} !~ /^(?:transactions|redshift)$/ } @{ $config->{outputs} };
	$config->{reject} = "s3://$bucket/rejected/";
	$config->{receipts} = "s3://$bucket/receipts/";
	$lab->start_function('s3_to_sqs', "$run/s3_to_sqs.log", S3_TO_SQS_CONFIG => $json->encode($config));
	# The bucket's test event is the first that it handles; from then on the
	# times are those of a warm function.
	for (1 .. 250)
	{
		last if grep { ($_->{event} // '') eq 'lambda.result' } $lab->journal_news;
		sleep 0.02;
	}
	return;
}

# One statement through the Data API, to its end, as an administrator would run it.
sub run_in_redshift
{
	my ($statement) = @_;
	my $call = sub {
		my ($action, $parameters) = @_;
		my $answer = $lab->request('redshift-data', 'POST', '/', content => $json->encode($parameters),
			headers => { 'Content-Type' => 'application/x-amz-json-1.1', 'X-Amz-Target' => "RedshiftData.$action" });
		die "Redshift: $answer->{content}\n" unless $answer->{success};
		return $json->decode($answer->{content});
	};
	my $id = $call->(ExecuteStatement => { WorkgroupName => 'default', Database => 'dev', Sql => $statement })->{Id};
	for (1 .. 500)
	{
		my $is = $call->(DescribeStatement => { Id => $id });
		return if $is->{Status} eq 'FINISHED';
		die "Redshift: $is->{Error}\n" if $is->{Status} =~ /FAILED|ABORTED/;
		sleep 0.02;
	}
	die "Redshift does not answer.\n";
}

# The tables that "sqs_to_redshift ddl" prints, the function, and the queue that triggers it.
sub start_redshift
{
	my $config = $json->decode(slurp('worker/examples/sqs_to_redshift.json'));
	my $program = "$ENV{PG_SQS_STAGE}/bin/sqs_to_redshift";
	my $file = "$run/sqs_to_redshift.json";

	$config->{$_} =~ s{^s3://[^/]+}{s3://$bucket} for qw(stage reject);
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $json->encode($config);
	close $out;
	run_in_redshift($_) for grep { /\S/ } split /;\n/, qx{$program ddl '$file'};
	$lab->start_function('sqs_to_redshift', "$run/sqs_to_redshift.log", program => $program, SQS_TO_REDSHIFT_CONFIG => $file);
	$lab->control(PUT => 'functions/sqs_to_redshift', { timeout_seconds => 30 });
	my $mapped = $lab->request('lambda', 'POST', '/2015-03-31/event-source-mappings', content => $json->encode({
		FunctionName => 'sqs_to_redshift', EventSourceArn => "arn:aws:sqs:$lab->{region}:123456789012:redshift.fifo", BatchSize => 10,
		FunctionResponseTypes => ['ReportBatchItemFailures'], ScalingConfig => { MaximumConcurrency => 2 } }));
	die "event source mapping: $mapped->{content}\n" unless $mapped->{success};
	return;
}

# The tables and routes of docs/examples, and the subscription.
sub create_subscription
{
	my $endpoint = $lab->endpoint;
	my $log = $sql->query(join ";\n",
		'CREATE ROLE payments',
		(map { slurp("docs/examples/$_.sql"), "ALTER TABLE $_ OWNER TO payments" } @forms),
		'CREATE EXTENSION pg_sqs',
		"CREATE SERVER aws FOREIGN DATA WRAPPER sqs OPTIONS (region '$lab->{region}', endpoint '$endpoint', s3_endpoint '$endpoint')",
		'GRANT USAGE ON FOREIGN SERVER aws TO payments',
		"CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id '$lab->{access_key}', secret_access_key '$lab->{secret_key}')",
		"SELECT sqs.create_subscription('transactions', '$queue_url', 'aws', owner => 'payments', receipts => 's3://$bucket/receipts/', enabled => false)",
		slurp('docs/examples/routes.sql'),
		"SELECT sqs.enable('transactions')",
		# The moment at which so many messages are visible, or null.
		'CREATE FUNCTION wait_for_messages(rows bigint, seconds integer) RETURNS numeric LANGUAGE plpgsql AS $$
		 DECLARE give_up timestamptz := clock_timestamp() + make_interval(secs => seconds);
		 BEGIN
		   WHILE clock_timestamp() < give_up LOOP
		     IF (SELECT count(*) FROM sqs.ledger) >= rows THEN
		       RETURN extract(epoch FROM clock_timestamp());
		     END IF;
		     PERFORM pg_sleep(0.0002);
		   END LOOP;
		   RETURN NULL;
		 EXCEPTION WHEN query_canceled THEN
		   RETURN NULL;
		 END $$');
	wait_for_state('running');
	return;
}

# Disabled is who has no process any more.
sub wait_for_state
{
	my ($wanted) = @_;
	my $state = '';
	for (1 .. 500)
	{
		$state = $sql->query("SELECT state || CASE WHEN state = 'disabled' AND pid IS NOT NULL THEN ' soon' ELSE '' END FROM sqs.status");
		return if $state eq $wanted;
		sleep 0.02;
	}
	die "the consumer is \"$state\", not $wanted.\n";
}

# -- telling ----------------------------------------------------------------

# What one journal line says to a person; undef when it is no hop.
sub hop_text
{
	my ($line, $seen) = @_;
	my $event = $line->{event} // return undef;
	$seen->{ $line->{request_id} } = $line->{real} if $event eq 'lambda.invoke';
	return "S3      s3://$line->{bucket}/$line->{key}  $line->{size} bytes"
	  . ($line->{version_id} ? ", version $line->{version_id}" : '')
	  if $event eq 's3.put';
	return "Lambda  $line->{function} request $line->{request_id}" if $event eq 'lambda.invoke';
	return sprintf('Lambda  %s in %.1f ms: %s', $line->{request_id},
		$line->{real} - $seen->{ $line->{request_id} }, $line->{outcome})
	  if $event eq 'lambda.result';
	return "SQS     $line->{queue} group " . short($line->{group}) . ' dedup ' . short($line->{dedup}) . " sequence $line->{sequence}"
	  . ($line->{duplicate} ? '  (duplicate: absorbed by SQS)' : '')
	  if $event eq 'sqs.sent';
	return "Redshift transaction $line->{id} of $line->{statements} statements: " . ($line->{status} eq 'FINISHED' ? 'committed' : 'rolled back')
	  if $event eq 'redshift.transaction' && $line->{token};
	return "SQS     message $line->{message_id} received, count $line->{receive_count}" if $event eq 'sqs.received';
	return "SQS     message $line->{message_id} deleted" if $event eq 'sqs.deleted';
	return undef;
}

# Tell the hops that are new, in the order of their times, in milliseconds
# since $start; @more are further [time, text].  Notes in $seen what matters
# for the outcome.
sub tell_hops
{
	my ($start, $seen, @more) = @_;
	my @hops = @more;
	for my $line ($lab->journal_news)
	{
		my $text = hop_text($line, $seen) // next;
		push @hops, [ $line->{real} / 1000, printable($text) ];
		$seen->{done} = 1 if $line->{event} eq 'lambda.result' && $line->{outcome} eq 'response' && $line->{function} eq 's3_to_sqs';
		$seen->{absorbed} = 1 if $line->{event} eq 'sqs.sent' && $line->{duplicate};
	}
	printf "%8.1f ms  %s\n", ($_->[0] - $start) * 1000, $_->[1] for sort { $a->[0] <=> $b->[0] } @hops;
	return;
}

# What the world looks like, to see what an upload changed.
sub look
{
	my ($ledger, $duplicates, $quarantined, $errors) = split /\|/,
	  $sql->query('SELECT (SELECT count(*) FROM sqs.ledger), duplicates, (SELECT count(*) FROM sqs.quarantined), blocked FROM sqs.status');
	return { ledger => $ledger, duplicates => $duplicates, quarantined => $quarantined, errors => $errors,
		rejects => [ $lab->s3_keys($bucket, 'rejected/') ] };
}

# What became of an upload: row, absorbed, duplicate, rejected, quarantined,
# stuck; or undef while it is on its way.
sub outcome
{
	my ($before, $after, $seen) = @_;
	return undef unless $seen->{done};
	return 'row' if $after->{ledger} > $before->{ledger};
	return 'absorbed' if $seen->{absorbed};
	return 'duplicate' if $after->{duplicates} > $before->{duplicates};
	return 'rejected' if @{ $after->{rejects} } > @{ $before->{rejects} };
	return 'quarantined' if $after->{quarantined} > $before->{quarantined};
	return 'stuck' if $after->{errors} > $before->{errors};
	return undef;
}

# Upload one file and tell its way until it is clear what became of it; times
# count from the start of the PUT.  Returns what became of it and new rejects.
sub upload
{
	my ($file, $key) = @_;
	my $content = slurp($file);
	my $before = look();
	my (%seen, $kind, $after, $row_at);

	$lab->journal_news;
	$watcher->send("SELECT wait_for_messages($before->{ledger} + 1, 30)");
	my $start = time;
	$lab->s3(PUT => $bucket, $key, content => $content);
	until ($kind || time > $start + 30)
	{
		if (!defined $row_at && $watcher->ready(0.01)) { $row_at = row_seen($start, \%seen) }
		else { tell_hops($start, \%seen) }
		$after = look();
		$kind = outcome($before, $after, \%seen);
	}
	$kind //= 'stuck';
	if ($kind ne 'row')
	{
		$sql->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT wait_for_messages%' AND pid <> pg_backend_pid()");
	}
	$row_at //= row_seen($start, \%seen);
	for (1 .. 50)
	{
		tell_hops($start, \%seen);
		last if $kind eq 'stuck' || join(' ', $lab->queue_depth($queue_url)) eq '0 0';
		sleep 0.02;
	}
	drain_redshift();
	tell_hops($start, \%seen);
	my %old = map { $_ => 1 } @{ $before->{rejects} };
	return ($kind, [ grep { !$old{$_} } @{ $after->{rejects} } ]);
}

# Until all is loaded there, too; what is under way must not see the clock jump.
sub drain_redshift
{
	return unless $redshift_url;
	for (1 .. 3000)
	{
		return if join(' ', $lab->queue_depth($redshift_url)) eq '0 0';
		sleep 0.02;
	}
	$problems++;
	print "Redshift's queue is not empty after a minute.\n";
	return;
}

# The watcher's answer, told: when the row became visible, if it did.
sub row_seen
{
	my ($start, $seen) = @_;
	my $at = $watcher->answer;
	tell_hops($start, $seen, $at ? [ $at, sprintf('rows    visible in all three tables, %.1f ms after the PUT began', ($at - $start) * 1000) ] : ());
	return $at;
}

# The newest transaction in its three forms, as psql shows them; of one that
# would fill the screen many times, the beginnings.
sub show_row
{
	my $newest = 'SELECT t.* FROM transactions t ORDER BY landed_at DESC LIMIT 1';
	my $same = "transaction_id = (SELECT transaction_id FROM ($newest) n)";
	print "\n";
	if ($sql->query("SELECT length(t::text) < 10000 FROM ($newest) t") eq 't')
	{
		show($newest, '-x', '-P', 'footer=off', '-P', 'title=transactions');
		show("SELECT version, account_id, amount, fee, currency, total FROM confirmations WHERE $same ORDER BY version",
			'-P', 'footer=off', '-P', 'title=confirmations');
		show("SELECT transaction_id, version, status, total, counterparty FROM regulatory_reports WHERE $same",
			'-P', 'footer=off', '-P', 'title=regulatory_reports');
		return;
	}
	show("SELECT key AS column, length(value) AS characters, left(value, 60) AS beginning FROM ($newest) t, json_each_text(row_to_json(t))");
	return;
}

sub tell_outcome
{
	my ($file, $kind, $rejects) = @_;
	if ($kind eq 'rejected')
	{
		for my $key (@$rejects)
		{
			my $reject = $json->decode($lab->s3(GET => $bucket, $key)->{content});
			print "\nRejected: ", printable($reject->{reason}), "\nKept with its reason at s3://$bucket/", printable($key), "\n";
		}
		return;
	}
	return if $kind =~ /^(row|absorbed|duplicate)$/;
	$problems++;
	if ($kind eq 'quarantined')
	{
		print "\nNothing came of ", printable(basename($file)), ". The message is in the quarantine, as it was, with the reason:\n";
		show('SELECT group_id, reason, error_sqlstate, error, body_bytes FROM sqs.quarantined ORDER BY id DESC LIMIT 1', '-x');
		return;
	}
	print "\nNothing came of ", printable(basename($file)), ". The message stays on the queue; sqs.status says:\n";
	show('SELECT state, last_error_sqlstate, last_error, last_error_hint, blocked FROM sqs.status', '-x');
	return;
}

sub tail { my @lines = split /^/, slurp($_[0]); return @lines > 10 ? @lines[-10 .. -1] : @lines }

# -- the story --------------------------------------------------------------

sub input_files
{
	my $input = "$ENV{PG_SQS_STAGE}/src/input";
	return ($example) unless -d $input;
	my @files;
	find({ wanted => sub { push @files, $File::Find::name if -f }, no_chdir => 1 }, $input);
	die "There is no file in that folder (hidden ones do not count).\n" unless @files;
	return sort @files;
}

# A correction: another object of the same transaction, of a higher version.
sub correct_story
{
	say_title('A correction: the same transaction, version 2');
	my ($kind) = upload('docs/examples/transaction_corrected.json', 'in/transaction_corrected.json');
	$kind eq 'row' or ($problems++, print "expected the correction to be applied, got: $kind\n");
	show_row();
	return;
}

sub repeat_story
{
	my ($file, $key) = @_;
	say_title('The same object again, at once: SQS knows the deduplication id');
	my ($kind) = upload($file, $key);
	$kind eq 'absorbed' or ($problems++, print "expected SQS to absorb it, got: $kind\n");

	say_title('The same object again, six minutes later on the lab\'s clock: SQS has forgotten, the ledger has not');
	$lab->advance(360);
	($kind) = upload($file, $key);
	$kind eq 'duplicate' or ($problems++, print "expected the ledger to absorb it, got: $kind\n");
	print "\n";
	show('SELECT subscription, state, received, applied, duplicates, deleted, (SELECT count(*) FROM transactions) AS rows FROM sqs.status');
	show("SELECT (SELECT count(*) FROM transactions) AS transactions, (SELECT count(*) FROM confirmations) AS confirmations, (SELECT count(*) FROM regulatory_reports) AS regulatory_reports");
	return;
}

# What the two other consumers of the same object would get.
sub other_forms
{
	say_title('The other forms of the same object, for other consumers, each on its queue');
	for my $other (@other_queues)
	{
		my ($name, $url) = @$other;
		my $messages = $lab->sqs(ReceiveMessage => { QueueUrl => $url, MaxNumberOfMessages => 10 })->{Messages} // [];
		print "  $name.fifo\n", map { '    ' . printable($_->{Body}) . "\n" } @$messages;
	}
	return;
}

# Upload three records while nobody consumes, remove the second's message from
# the queue, and let the consumer go on.
sub lose_one_of_three
{
	my ($key, $content) = @_;
	$sql->query("SELECT sqs.disable('transactions')");
	wait_for_state('disabled');
	$lab->s3(PUT => $bucket, $key, content => $content);
	for (1 .. 250)
	{
		last if ($lab->queue_depth($queue_url))[0] == 3;
		sleep 0.02;
	}
	my $messages = $lab->sqs(ReceiveMessage => { QueueUrl => $queue_url, MaxNumberOfMessages => 10, VisibilityTimeout => 30 })->{Messages} // [];
	for my $message (@$messages)
	{
		if ($message->{Body} =~ /T-2026-000102/)
		{
			$lab->sqs(DeleteMessage => { QueueUrl => $queue_url, ReceiptHandle => $message->{ReceiptHandle} });
			print "  removed from transactions.fifo: ", printable($message->{Body}), "\n\n";
		}
		else { $lab->sqs(ChangeMessageVisibility => { QueueUrl => $queue_url, ReceiptHandle => $message->{ReceiptHandle}, VisibilityTimeout => 0 }) }
	}
	$sql->query("SELECT sqs.enable('transactions')");
	return;
}

# One message of an object is removed behind the pipeline's back: the receipt
# that the function left in S3, held against the ledger, names it.
sub loss_story
{
	my $key = 'in/day.ndjson';
	my $content = join '', map { qq({"transaction_id": "T-2026-00010$_", "account_id": "A-$_", "amount": 10$_.10, "currency": "EUR"}\n) } 1 .. 3;
	my $missing = "SELECT object_key, record, output, group_id, place FROM sqs.reconcile('transactions', now() - interval '1 day', now() + interval '1 day')";
	my $ledger = $sql->query('SELECT count(*) FROM sqs.ledger');

	say_title('An object of three records, of which somebody removes one from the queue');
	$watcher->send("SELECT wait_for_messages($ledger + 2, 30)");
	lose_one_of_three($key, $content);
	$watcher->answer or ($problems++, print "expected the two others to be applied\n");
	show($missing, '-P', 'title=sqs.reconcile: what was sent and is not in the database', '-P', 'footer=off');
	$sql->query("SELECT count(*) FROM ($missing) m WHERE object_key = '$key' AND record = 2") eq '1' or ($problems++, print "expected that record\n");

	# SQS would take the same id for a duplicate for five minutes.
	drain_redshift();
	$lab->advance(360);
	$watcher->send("SELECT wait_for_messages($ledger + 3, 30)");
	$lab->s3(PUT => $bucket, $key, content => $content);
	$watcher->answer or ($problems++, print "expected the record to be applied\n");
	print "The object is uploaded again: what was applied is a duplicate, what was missing is applied.\n";
	show("SELECT count(*) AS missing_now FROM ($missing) m", '-P', 'footer=off');
	return;
}

# The transactions of both databases beside each other, and whether a column differs.
sub both_databases
{
	my $all = q{SELECT string_agg(concat_ws('|', transaction_id, version, account_id, booked_at, booked_on, trim_scale(amount), trim_scale(fee),
		currency, counterparty, description), E'\\n' ORDER BY transaction_id COLLATE "C") FROM transactions};
	say_title('The same transactions in both databases');
	drain_redshift();
	my $short = q{SELECT transaction_id, version, left(account_id, 40) AS account_id, booked_at, amount, fee, currency FROM transactions ORDER BY 1 LIMIT 20};
	show("SET timezone = 'UTC'; $short", '-q', '-P', 'title=PostgreSQL, loaded by pg_sqs', '-P', 'footer=off');
	show_redshift("SET timezone = 'UTC'; $short", '-q', '-P', 'title=Redshift (a PostgreSQL stands in), loaded by sqs_to_redshift', '-P', 'footer=off');
	my ($here, $there) = map { ask(@$_, "SET timezone = 'UTC'; $all") } [ $run, 'postgres' ], [ "$run/redshift", 'dev' ];
	my $rows = () = $here =~ /^.+$/mg;
	my @rejects = map { $json->decode($lab->s3(GET => $bucket, $_)->{content}) } $lab->s3_keys($bucket, 'rejected-by-redshift/');
	print 'Rejected by Redshift: ', printable($_->{reason}), "\n" for @rejects;
	if (@rejects && !grep { index("$here\n", "$_\n") < 0 } split /\n/, $there)
	{
		print "What Redshift has is the same in both, in every column.\n";
	}
	elsif ($rows && $here eq $there) { print "All $rows rows are the same in both, in every column.\n" }
	else { $problems++; print "The two differ:\n$here\n--\n$there\n" }
	show_redshift('SELECT count(*) AS messages_in_the_ledger, count(DISTINCT dedup_key) AS different FROM sqs_ledger', '-P', 'footer=off');
	return;
}

# What a database answers, unaligned; an error counts as a problem.
sub ask
{
	my ($host, $database, $query) = @_;
	open my $psql, '-|', 'psql', '-X', '-q', '-At', '-h', $host, '-U', 'postgres', '-d', $database, '-c', $query or die "psql: $!";
	local $/;
	my $answer = <$psql> // '';
	close $psql or $problems++;
	return $answer;
}

sub main
{
	my @files = input_files();
	my @arguments;
	if ($with_redshift)
	{
		mkdir "$run/redshift" or die "$run/redshift: $!";
		$stand_in = start_server("$run/redshift/data", "$run/redshift", "$run/redshift.log", '');
		@arguments = ('--redshift', "host=$run/redshift user=postgres dbname=dev");
	}
	$lab = PgSqs::Lab->start(journal => "$run/journal.ndjson", arguments => \@arguments);
	start_postgres();
	$lab->s3(PUT => $bucket, undef);
	$lab->s3(PUT => $bucket, undef, query => { versioning => '' },
		content => '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
	$lab->s3_notify($bucket, "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", 'in/');
	start_function();
	start_redshift() if $with_redshift;
	create_subscription();
	print bold('pg_sqs demo'), ': ', $sql->query('SELECT split_part(version(), \' on \', 1)'),
	  ', s3_to_sqs as the Lambda function, the lab as AWS at ', $lab->endpoint, "\n";

	my @rows;
	for my $file (@files)
	{
		my $key = 'in/' . ($file =~ m{/src/input/(.*)}s ? $1 : basename($file));
		say_title('Uploading ' . printable(basename($file)));
		if (!utf8::decode(my $name = $key) || length $key > 1024)
		{
			print "An S3 key is UTF-8 of up to 1024 bytes, and this path is not. Give the file another name.\n";
			$problems++;
			next;
		}
		my ($kind, $rejects) = upload($file, $key);
		tell_outcome($file, $kind, $rejects);
		push @rows, [ $file, $key ] if $kind eq 'row';
		show_row() if $kind eq 'row';
	}
	correct_story() if $files[0] eq $example && @rows == 1;
	other_forms() if $files[0] eq $example && @rows == 1;
	repeat_story(@{ $rows[0] }) if @files == 1 && @rows == 1;
	loss_story() if $files[0] eq $example && @rows == 1;
	both_databases() if $with_redshift && @rows;
	if (@files > 1)
	{
		say_title(scalar(@rows) . ' of ' . scalar(@files) . ' files became rows');
	}
	open_shell() if $shell;
	return;
}

sub open_shell
{
	local %ENV = (%ENV, DEMO_ENDPOINT => $lab->endpoint, DEMO_BUCKET => $bucket,
		AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key});
	say_title('Everything is up until you leave psql');
	print <<"TEXT";
  AWS endpoint  @{[ $lab->endpoint ]}   (region $lab->{region})
  queue         $queue_url
  upload        \\! perl test/demo/put docs/examples/transaction.json
                AWS_ACCESS_KEY_ID=$lab->{access_key} AWS_SECRET_ACCESS_KEY=$lab->{secret_key} \\
                  aws --region $lab->{region} --endpoint-url @{[ $lab->endpoint ]} s3 cp FILE s3://$bucket/in/
  PostgreSQL    psql -h $run -U postgres postgres
  logs          $run/postgres.log  $run/s3_to_sqs.log  $run/journal.ndjson

TEXT
	own_terminal('psql', '-X', '-h', $run, '-U', 'postgres', '-d', 'postgres');
	return;
}

# Run a program as the terminal's foreground process group, so that its Ctrl-C
# is its own and does not end make.
sub own_terminal
{
	my @command = @_;
	my $terminal = -t STDIN;
	local $SIG{TTOU} = 'IGNORE';
	my $pid = fork() // die "fork: $!\n";
	if ($pid == 0)
	{
		if ($terminal)
		{
			setpgrp;
			POSIX::tcsetpgrp(fileno(STDIN), $$);
			# Nobody would wake it again.
			$SIG{TSTP} = 'IGNORE';
		}
		$SIG{TTOU} = 'DEFAULT';
		exec @command or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	POSIX::tcsetpgrp(fileno(STDIN), getpgrp) if $terminal;
	return;
}

END
{
	my $status = $?;
	undef $sql;
	undef $watcher;
	$lab->stop if $lab;
	for (grep { $_ } $postgres, $stand_in)
	{
		kill 'INT', $_;
		waitpid $_, 0;
	}
	$? = $status;
}

exit($problems ? 1 : 0) if eval { main(); 1 };
my $error = $@ =~ s/ at \S+ line \d+\.?$//mr;
print STDERR "The demo could not go on: $error";
print STDERR "The server's log ends with:\n", map { "  $_" } tail("$run/postgres.log") if -s "$run/postgres.log";
exit 1;
