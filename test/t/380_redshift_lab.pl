# The lab's Redshift Data API: statements and their statuses, batches as one
# transaction, tokens, results, faults; and what a loader has to know of
# Redshift: without LOCK two transactions double a row, and all of them go on
# when their callers are gone.
use strict;
use warnings;

use PgSqs::Redshift;
use Test::More;
use Time::HiRes qw(sleep time);

my $redshift = PgSqs::Redshift->new('redshift_lab');
my $lab = $redshift->start_lab(journal => "$ENV{TESTDATADIR}/redshift_lab.ndjson");
my @place = $redshift->place;
my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

sub refused
{
	my ($name, $action, $parameters, $code, $message) = @_;
	my $answer = $redshift->call($action => $parameters);
	is("$answer->{status} $answer->{error}", "400 $code", "$name: $code");
	like($answer->{message}, $message, "$name: its message") if $message;
	return;
}

sub statuses { my ($id) = @_; return join ' ', map { $_->{Status} } @{ $redshift->describe($id)->{SubStatements} } }

# Until the statements of a batch, which then are not committed yet, are done; false: one waits for a lock meanwhile.
sub wait_for_parts
{
	my ($id) = @_;
	my $end = time + 60;
	while (time < $end)
	{
		return 1 if statuses($id) =~ /^FINISHED( FINISHED)*$/;
		return 0 if $redshift->sql('SELECT count(*) FROM pg_locks WHERE NOT granted') > 0;
		sleep 0.02;
	}
	die "the statements of $id did not end: " . statuses($id) . "\n";
}

# The journal's lines of one event that came since the last call.
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal_news }

# Until so many sessions wait for a lock.
sub wait_for_lock
{
	my $end = time + 30;
	while (time < $end)
	{
		return 1 if $redshift->sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'awslab' AND wait_event_type = 'Lock'}) >= 1;
		sleep 0.05;
	}
	return 0;
}

# -- one statement ------------------------------------------------------------
my $made = $redshift->run('CREATE TABLE t (id VARCHAR(8) NOT NULL, amount DECIMAL(38,18), n BIGINT, ok BOOLEAN, PRIMARY KEY (id)) DISTKEY(id) SORTKEY(id)');
is($made->{Status}, 'FINISHED', 'a table is made');
ok(!$made->{HasResultSet}, '... and has no result');
my $answer = $redshift->call(ExecuteStatement => { @place, Sql => q{INSERT INTO t VALUES (:id, :amount, :n::bigint, true)},
		Parameters => [ { name => 'n', value => '9007199254740993' }, { name => 'id', value => "it's" },
			{ name => 'amount', value => '12345678901234567890.123456789012345678' } ] });
like($answer->{Id}, qr/^$uuid$/, 'the answer has an id');
is("$answer->{WorkgroupName} $answer->{Database}", 'default dev', '... and the place');
my $done = $redshift->wait_for($answer->{Id});
is("$done->{Status} $done->{ResultRows}", 'FINISHED 1', 'it inserted a row');
is($done->{QueryParameters}[1]{value}, "it's", 'the description has the parameters');
my $id = $redshift->submit('SELECT id, amount, n, ok, NULL::varchar AS nothing, 1.5::double precision AS f FROM t');
$redshift->wait_for($id);
my $result = $redshift->call(GetStatementResult => { Id => $id });
is_deeply([ map { join '=', %$_ } @{ $result->{Records}[0] }[0 .. 2] ],
	[ "stringValue=it's", 'stringValue=12345678901234567890.123456789012345678', 'longValue=9007199254740993' ], 'values, none through a double');
ok($result->{Records}[0][3]{booleanValue} && $result->{Records}[0][4]{isNull} && $result->{Records}[0][5]{doubleValue} == 1.5, 'a boolean, a null, a double');
is(join(' ', map { "$_->{name}:$_->{typeName}" } @{ $result->{ColumnMetadata} }), 'id:varchar amount:numeric n:int8 ok:bool nothing:varchar f:float8', 'columns');
is("$result->{ColumnMetadata}[1]{precision},$result->{ColumnMetadata}[1]{scale} $result->{ColumnMetadata}[0]{length}", '38,18 8', 'their sizes');
is($result->{TotalNumRows}, 1, 'the number of rows');

# -- a batch is one transaction ------------------------------------------------
$id = $redshift->submit([ q{INSERT INTO t (id) VALUES ('a'), ('b')}, q{SELECT id FROM t WHERE id < 'c' ORDER BY id}, q{UPDATE t SET n = 1 WHERE id = 'a'} ]);
$done = $redshift->wait_for($id);
is($done->{Status}, 'FINISHED', 'a batch');
is(join(' ', map { "$_->{Id}=$_->{ResultRows}" } @{ $done->{SubStatements} }), "$id:1=2 $id:2=2 $id:3=1", 'rows of its statements, returned or affected');
is(join(' ', map { $_->{HasResultSet} ? 1 : 0 } @{ $done->{SubStatements} }), '0 1 0', 'who has a result');
is(join(' ', map { $_->[0] } $redshift->rows("$id:2")), 'a b', 'the result of one of them');
is($redshift->describe("$id:3")->{ResultRows}, 1, 'one of them described');
refused('the whole has no result', GetStatementResult => { Id => $id }, 'ValidationException', qr/^BatchExecuteStatement result can only be retrieved with sub-statement id/);
refused('no result', GetStatementResult => { Id => "$id:1" }, 'ResourceNotFoundException', qr/^Query does not have result/);

$id = $redshift->submit([ q{INSERT INTO t (id) VALUES ('c')}, q{INSERT INTO t (id) VALUES ('nine bytes')}, 'SELECT 1', 'SELECT 2' ]);
$done = $redshift->wait_for($id);
is("$done->{Status}: " . statuses($id), 'FAILED: FINISHED FAILED ABORTED ABORTED', 'the first failure ends a batch');
like($done->{Error}, qr/^Query #2 failed with ERROR: Value too long for character type\n/, '... and names it');
like($done->{SubStatements}[1]{Error}, qr/^ERROR: Value too long for character type\n.*type character varying\(8\)\n/s, '... as the statement does');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'c'}), '0', 'nothing of it stays');
my @ran = events('redshift.statement');
is(join(' ', map { "$_->{number}:$_->{status}" } grep { $_->{id} eq $id } @ran), '1:FINISHED 2:FAILED', 'the journal has what was begun');

# -- pages
$redshift->control(page_rows => 3);
$id = $redshift->submit([ 'SELECT id FROM (' . join(' UNION ALL ', map { "SELECT $_ AS id" } 1 .. 8) . ') x ORDER BY id' ]);
$redshift->wait_for($id);
my $page = $redshift->call(GetStatementResult => { Id => "$id:1" });
is(@{ $page->{Records} } . " $page->{TotalNumRows}", '3 8', 'a page');
is(join(' ', map { $_->[0] } $redshift->rows("$id:1")), '1 2 3 4 5 6 7 8', 'all pages');
refused('a token of nobody', GetStatementResult => { Id => "$id:1", NextToken => 'eHh4' }, 'ValidationException');

# -- what a call may not say
my %sql = (@place, Sql => 'SELECT 1');
refused('another workgroup', ExecuteStatement => { %sql, WorkgroupName => 'other' }, 'ValidationException', qr/^Redshift endpoint doesn't exist in this region\.$/);
refused('no workgroup', ExecuteStatement => { Sql => 'SELECT 1', Database => 'dev' }, 'ValidationException', qr/^Either ClusterIdentifier, WorkgroupName or SessionId/);
refused('no statement', ExecuteStatement => {@place}, 'ValidationException');
refused('an empty value', ExecuteStatement => { %sql, Parameters => [ { name => 'x', value => '' } ] }, 'ValidationException', qr/greater than or equal to 1/);
refused('a null', ExecuteStatement => { %sql, Parameters => [ { name => 'x', value => undef } ] }, 'ValidationException', qr/must not be null/);
refused('41 statements', BatchExecuteStatement => { @place, Sqls => [ ('SELECT 1') x 41 ] }, 'ValidationException');
refused('100 KB and a byte', ExecuteStatement => { %sql, Sql => "SELECT '" . ('x' x (102401 - 9)) . "'" }, 'ValidationException');
refused('a token of 65', ExecuteStatement => { %sql, ClientToken => 'x' x 65 }, 'ValidationException');
refused('an id that is none', DescribeStatement => { Id => 'x' }, 'ValidationException', qr/regex pattern/);
refused('an unknown id', DescribeStatement => { Id => '00000000-0000-0000-0000-000000000000' }, 'ResourceNotFoundException', qr/^Query does not exist\.$/);
refused('a part too many', DescribeStatement => { Id => "$id:2" }, 'ResourceNotFoundException');
is($redshift->run("SELECT '" . ('x' x 51190) . "', '" . ('x' x (102400 - 51190 - 13)) . "'")->{Status}, 'FINISHED', '100 KB are allowed');
is($redshift->wait_for($redshift->submit([ ('SELECT 1') x 40 ]))->{Status}, 'FINISHED', '... and 40 statements');
is($redshift->wait_for($redshift->submit('SELECT 1', Database => 'other'))->{Error}, 'FATAL: database "other" does not exist', 'another database');

# -- tokens
$lab->journal_news;
my %token = (ClientToken => 'a' x 64);
$id = $redshift->submit([q{INSERT INTO t (id) VALUES ('once')}], %token);
$redshift->wait_for($id);
is($redshift->submit([q{INSERT INTO t (id) VALUES ('once')}], %token), $id, 'the same token, the same id');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'once'}), '1', '... and executed once');
my $failed = $redshift->submit('SELECT 1/0', ClientToken => 'fails');
like($redshift->wait_for($failed)->{Error}, qr/^ERROR: division by zero/, 'one that fails');
is($redshift->submit('SELECT 1/0', ClientToken => 'fails'), $failed, '... is not tried again under its token');
$lab->advance(8 * 3600 - 60);
is($redshift->submit([q{INSERT INTO t (id) VALUES ('once')}], %token), $id, 'so for eight hours');
$lab->advance(61);
isnt(my $again = $redshift->submit([q{INSERT INTO t (id) VALUES ('once')}], %token), $id, '... and no longer');
$redshift->wait_for($again);
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'once'}), '2', 'executed again; no key is enforced');
$lab->advance(16 * 3600);
refused('the next day', DescribeStatement => { Id => $id }, 'ResourceNotFoundException');

# -- statuses, by the lab's clock
$redshift->control(submitted_ms => 60_000, picked_ms => 60_000, started_ms => 60_000);
$id = $redshift->submit([ q{INSERT INTO t (id) VALUES ('slow')}, 'SELECT 1' ]);
is($redshift->describe($id)->{Status} . ': ' . statuses($id), 'SUBMITTED: SUBMITTED SUBMITTED', 'submitted');
is($redshift->describe($id)->{ResultRows}, -1, '... without a number of rows');
$lab->advance(60);
is($redshift->describe($id)->{Status}, 'PICKED', 'picked');
$lab->advance(60);
is($redshift->wait_for($id, qr/STARTED/)->{Status}, 'STARTED', 'started');
wait_for_parts($id);
$redshift->control(submitted_ms => 0, picked_ms => 0, started_ms => 0);
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'slow'}), '0', 'its statements are done, and not committed');
refused('not over', GetStatementResult => { Id => "$id:2" }, 'ResourceNotFoundException');
$lab->advance(60);
is($redshift->wait_for($id)->{Status}, 'FINISHED', 'finished');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'slow'}), '1', '... and committed');

# -- a statement belongs to nobody
$redshift->control(hold => \1);
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	$redshift->submit([q{INSERT INTO t (id) VALUES ('orphan')}], ClientToken => 'orphan');
	kill KILL => $$;
}
waitpid $pid, 0;
is($? & 127, 9, 'a caller is killed');
$redshift->control(hold => \0);
$id = $redshift->submit(['SELECT 1'], ClientToken => 'orphan');
is($redshift->wait_for($id)->{SubStatements}[0]{ResultRows}, 1, 'its token finds what it submitted');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'orphan'}), '1', '... which went on');

# -- cancel
$redshift->control(hold => \1);
$id = $redshift->submit([ q{LOCK t}, q{INSERT INTO t (id) VALUES ('held')} ]);
wait_for_parts($id);
my $waiter = $redshift->submit([ q{LOCK t}, 'SELECT 1' ]);
ok(wait_for_lock(), 'one holds the lock, another waits for it');
ok($redshift->call(CancelStatement => { Id => $waiter })->{Status}, 'the one that waits is cancelled');
is($redshift->wait_for($waiter)->{Status} . ': ' . statuses($waiter), 'ABORTED: ABORTED ABORTED', '... is aborted');
$redshift->call(CancelStatement => { Id => $id });
is($redshift->wait_for($id)->{Status}, 'ABORTED', 'so is the one that holds it');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'held'}), '0', '... and rolled back');
$redshift->control(hold => \0, submitted_ms => 1000_000);
$id = $redshift->submit('SELECT 1');
$redshift->call(CancelStatement => { Id => $id });
is($redshift->describe($id)->{Status}, 'ABORTED', 'one that was not begun');
refused('twice', CancelStatement => { Id => $id }, 'ValidationException', qr/^Could not cancel a query that is already in ABORTED state/);

# -- too many
$redshift->control(active_max => 2);
my @active = map { $redshift->submit("SELECT $_") } 1, 2;
refused('a third', ExecuteStatement => {%sql}, 'ActiveStatementsExceededException');
$redshift->call(CancelStatement => { Id => $_ }) for @active;
$redshift->control(active_max => 500, submitted_ms => 0);

# -- transactions that fail by will
$redshift->control(fail => { times => 1 });
$id = $redshift->submit([ q{INSERT INTO t (id) VALUES ('1023')}, 'SELECT 1' ]);
like($redshift->wait_for($id)->{Error}, qr/ERROR: 1023\n.*Serializable isolation violation/, '1023 by will');
is($redshift->run(q{INSERT INTO t (id) VALUES ('1023')}, 'SELECT 1')->{Status}, 'FINISHED', '... once');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = '1023'}), '1', '... and rolled back');
$redshift->control(fail => { times => 1, statement => 1, error => 'ERROR: disk full' });
$id = $redshift->submit([ 'SELECT 1', 'SELECT 2' ]);
is($redshift->wait_for($id)->{SubStatements}[0]{Error} . ': ' . statuses($id), 'ERROR: disk full: FAILED ABORTED', 'another error, at the first statement');

# -- fault scripts
my %call = (@place, Sqls => [ q{INSERT INTO t (id) VALUES ('faults')} ], ClientToken => 'faults');
$lab->fault(service => 'redshift-data', action => 'BatchExecuteStatement', do => 'error', code => 'InternalServerException');
is($redshift->call(BatchExecuteStatement => \%call)->{status}, 500, 'an internal error');
$lab->fault(service => 'redshift-data', do => 'throttle');
is($redshift->call(BatchExecuteStatement => \%call)->{error}, 'ThrottlingException', 'throttled');
$lab->fault(service => 'redshift-data', do => 'drop_before');
is($redshift->call(BatchExecuteStatement => \%call)->{status}, 599, 'the connection closed before it was applied');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'faults'}), '0', '... it is not');
$lab->fault(service => 'redshift-data', do => 'drop_after');
is($redshift->call(BatchExecuteStatement => \%call)->{status}, 599, '... and after');
$redshift->wait_for($redshift->submit($call{Sqls}, ClientToken => 'faults'));
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'faults'}), '1', '... it is, once');
my $victim = fork() // die "fork: $!";
if ($victim == 0) { sleep 60; exit 0 }
$lab->fault(service => 'redshift-data', action => 'DescribeStatement', kill => $victim);
$redshift->describe($id);
waitpid $victim, 0;
is($? & 127, 9, 'a process is killed at a step');

# -- a row doubled, and not
# Two transactions that each insert what is not there, side by side: neither
# commits before both have read, or one waits for the other.
sub insert_twice
{
	my ($key, @before) = @_;
	my @sqls = (@before, "INSERT INTO t (id) SELECT '$key' WHERE NOT EXISTS (SELECT 1 FROM t WHERE id = '$key')");
	$redshift->control(hold => \1);
	my $first = $redshift->submit(\@sqls);
	wait_for_parts($first);
	my $second = $redshift->submit(\@sqls);
	$redshift->wait_for($second, qr/STARTED/);
	wait_for_parts($second);
	$redshift->control(hold => \0);
	$redshift->wait_for($_) for $first, $second;
	return $redshift->sql("SELECT count(*) FROM t WHERE id = '$key'");
}
is(insert_twice('plain'), '2', 'two concurrent INSERT ... WHERE NOT EXISTS double a row');
is(insert_twice('locked', 'LOCK t'), '1', '... and do not behind a LOCK');
is(insert_twice('late', 'SELECT count(*) FROM t', 'LOCK TABLE t'), '2', '... unless something has been read before it');

# -- two that write one row
$redshift->control(hold => \1);
my $first = $redshift->submit([q{UPDATE t SET n = 2 WHERE id = 'a'}]);
wait_for_parts($first);
my $second = $redshift->submit([q{UPDATE t SET n = 3 WHERE id = 'a'}]);
ok(wait_for_lock(), 'one waits for the row of another');
$redshift->control(hold => \0);
like($redshift->wait_for($second)->{Error}, qr/ERROR: 1023\n.*Serializable isolation violation/, '... and fails when that has committed');
is($redshift->wait_for($first)->{Status}, 'FINISHED', '... which does');

# -- many side by side, and the lab goes on
$redshift->run('CREATE TABLE counter (n INT)', 'INSERT INTO counter VALUES (0)');
my @many = map { $redshift->submit([ 'LOCK counter', 'UPDATE counter SET n = n + 1' ]) } 1 .. 60;
my $queue = $lab->create_queue('aside.fifo');
is(join(' ', $lab->queue_depth($queue)), '0 0', 'SQS answers meanwhile');
my @ended = map { $redshift->wait_for($_)->{Status} } @many;
is(scalar(grep { $_ eq 'FINISHED' } @ended), 60, '60 transactions at once');
is($redshift->sql('SELECT n FROM counter'), '60', '... one after the other');
ok($redshift->{node}->poll_query_until('dev', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'awslab'}), 'no connection is left');

# -- Redshift goes away
$redshift->control(hold => \1);
$id = $redshift->submit([q{INSERT INTO t (id) VALUES ('gone')}]);
wait_for_parts($id);
$redshift->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'awslab'});
$redshift->control(hold => \0);
is($redshift->wait_for($id)->{Status}, 'FAILED', 'a transaction whose connection is lost has failed');
is($redshift->sql(q{SELECT count(*) FROM t WHERE id = 'gone'}), '0', '... and is rolled back');
$redshift->control(hold => \1);
my @lost = $redshift->submit([ 'LOCK t', q{INSERT INTO t (id) VALUES ('gone')} ]);
wait_for_parts($lost[0]);
push @lost, $redshift->submit([ 'LOCK t', 'SELECT 1' ]);
ok(wait_for_lock(), 'one transaction waits for another');
$redshift->{node}->stop('immediate');
$redshift->control(hold => \0);
is(join(' ', map { $redshift->wait_for($_)->{Status} } @lost), 'FAILED FAILED', '... and the server ends at once');
$done = $redshift->run('SELECT 1');
like("$done->{Status} $done->{Error}", qr/^FAILED ERROR: connection to server/, 'so has one that finds no server');
$redshift->{node}->start;
is($redshift->run('SELECT 1')->{Status}, 'FINISHED', '... until there is one again');

# -- the checker: of this journal, and of one made wrong
my @check = ('test/lab/check', "$ENV{TESTDATADIR}/redshift_lab.ndjson");
like(`@check`, qr/ 0 problems$/, 'the checker finds nothing in the journal');
my %wrong = (
	unended => [ '"event":"redshift.submitted","id":"a","statements":1' ],
	token => [ map { (qq("event":"redshift.submitted","id":"$_","token":"x","statements":1), qq("event":"redshift.transaction","id":"$_","status":"FINISHED")) } 'a', 'b' ],
	together => [ '"event":"redshift.submitted","id":"a","statements":1', '"event":"redshift.statement","id":"a","number":1,"status":"FAILED"',
		'"event":"redshift.transaction","id":"a","status":"FINISHED"' ]);
for my $kind (sort keys %wrong)
{
	my $n = 0;
	open my $file, '>', "$ENV{TESTDATADIR}/wrong.ndjson" or die "wrong.ndjson: $!";
	print $file map { $n++; qq({"n":$n,"t":$n,"real":$n,$_}\n) } @{ $wrong{$kind} };
	close $file;
	like(`test/lab/check $ENV{TESTDATADIR}/wrong.ndjson`, qr/^$kind: .*\n.* 1 problems$/, "... and $kind where it is");
}

$redshift->stop;
done_testing;
