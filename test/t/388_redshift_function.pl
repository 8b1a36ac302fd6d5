# sqs_to_redshift as a Lambda function: batches of several groups, what the
# answer leaves in the queue, duplicates, corrections, rejects and conflicts by
# both policies, damaged records, other kinds of events, its log and metrics.
use strict;
use warnings;

use JSON::PP;
use PgSqs::RedshiftFunction;
use Test::More;

my $f = PgSqs::RedshiftFunction->new('redshift_function');
my $lab = $f->lab;
$lab->create_queue('q.fifo');
my $pid = $f->start;
sub rows { return $f->sql(q{SELECT string_agg(id || '=' || v || ':' || coalesce(amount::text, '-'), ' ' ORDER BY id) FROM t}) }
sub ledger { return $f->sql('SELECT count(*) FROM sqs_ledger') }
sub scope_asked { return $lab->stats->{counts}{'sqs.GetQueueAttributes'}{requests} // 0 }

# -- as it should be
my $answer = $f->invoke($f->record(m1 => 'g1', { id => 'a', v => 1, amount => '1.10' }), $f->record(m2 => 'g2', { id => 'b', amount => '20000000000000.05' }),
	$f->record(m3 => 'g1', '{"id": "a", "v": 2, "amount": 1.20, "other": [1.5]}'));
is_deeply($answer, { batchItemFailures => [] }, 'a batch of two groups is loaded') or diag(explain [ $f->told ]);
is(rows(), 'a=2:1.20 b=1:20000000000000.05', 'its rows are there: the newest version, a default, decimals as they were sent');
is(ledger(), '3', 'and the ledger has three messages');
is($f->sql(q{SELECT subscription || ' ' || dedup_key || ' ' || message_id FROM sqs_ledger WHERE message_id = 'm1'}), 't d-m1 m1', 'under the table\'s name');
my ($metrics) = $f->metrics;
is_deeply([ @{$metrics}{qw(Messages Loaded Duplicates Superseded Rejects Left Transactions Faults)} ], [ 3, 2, 0, 1, 0, 0, 1, 0 ], 'metrics in the embedded format') or diag(explain $metrics);
is($metrics->{FunctionName}, 'sqs_to_redshift', '... of the function');
my ($done) = grep { $_->{message} eq 'the invocation is done' } $f->told;
is_deeply([ @{$done}{qw(messages loaded superseded left)} ], [ 3, 2, 1, 0 ], 'a log line tells the same');

# -- again, as after a lost answer, and in another grouping
my $before = () = grep { ($_->{event} // '') eq 'redshift.submitted' } $lab->journal;
$f->{sequence} = 0;
$answer = $f->invoke($f->record(m1 => 'g1', { id => 'a', v => 1, amount => '1.10' }), $f->record(m2 => 'g2', { id => 'b', amount => '20000000000000.05' }),
	$f->record(m3 => 'g1', '{"id": "a", "v": 2, "amount": 1.20, "other": [1.5]}'));
is_deeply($answer, { batchItemFailures => [] }, 'the same invocation again succeeds');
my @submitted = grep { ($_->{event} // '') eq 'redshift.submitted' } $lab->journal;
my @repeated = grep { ($_->{event} // '') eq 'redshift.repeated' } $lab->journal;
is(scalar(@submitted), $before, 'and runs no transaction: its token was known');
cmp_ok(scalar(@repeated), '>=', 1, '... to Redshift');
$answer = $f->invoke($f->record(m3 => 'g1', '{"id": "a", "v": 2, "amount": 1.20, "other": [1.5]}'), $f->record(m4 => 'g1', { id => 'c' }));
is_deeply($answer, { batchItemFailures => [] }, 'another grouping of old and new messages');
is(rows() . ' ' . ledger(), 'a=2:1.20 b=1:20000000000000.05 c=1:- 4', 'doubles nothing');
($metrics) = ($f->metrics)[-1];
is("$metrics->{Loaded} $metrics->{Duplicates}", '1 1', '... and counts the duplicate');
is(scope_asked(), 1, 'the queue was asked for its scope once');

# -- a replay, as the runbook tells: the ledger's rows go, and the tokens get another salt
sub again { $f->{sequence} = 90; return $f->invoke($f->record(p1 => 'g9', { id => 'p1' }), $f->record(p2 => 'g9', { id => 'p2' })) }
sub there { return $f->sql(q{SELECT count(*) FROM t WHERE id LIKE 'p_'}) }
sub restart { kill KILL => $_[0]; waitpid $_[0], 0; return $f->start }
again();
is(there(), '2', 'messages that will be loaded again');
$f->sql(q{DELETE FROM sqs_ledger WHERE message_id LIKE 'p_'; DELETE FROM t WHERE id LIKE 'p_'});
is_deeply($f->left(again()), [], 'without another salt they are done');
is(there(), '0', '... for Redshift knows their token, and runs nothing');
$f->write_config(token_salt => '2026-01-31');
$pid = restart($pid);
is_deeply($f->left(again()), [], 'with another salt');
is(there(), '2', '... they are loaded again');

# -- what can never be loaded goes to the reject location, and nothing waits for it
$answer = $f->invoke($f->record(r1 => 'g1', 'no JSON'), $f->record(r2 => 'g1', { id => 'd', v => 'x' }), $f->record(r3 => 'g2', { v => 1 }),
	$f->record(r4 => 'g3', { id => 'much longer than sixteen bytes' }), $f->record(r5 => 'g1', { id => 'e' }), $f->record(r6 => 'g4', { id => 'other' }, dedup => 'd-m1'));
is_deeply($answer, { batchItemFailures => [] }, 'bad messages are no failures');
my %reject = map { ($_->{messageId} => $_) } $f->rejects;
is(join(' ', sort keys %reject), 'r1 r2 r3 r4 r6', 'they are in the reject location');
is($reject{r6}{code}, 'DedupConflict', 'a known id with other content is a conflict');
is($reject{r1}{body}, 'no JSON', 'with the body as it came');
like($reject{r4}{reason}, qr/"?id"?/, 'a reason names the column');
is($f->sql(q{SELECT count(*) FROM t WHERE id = 'e'}), '1', 'what is behind one in its group is loaded');
is($f->sql(q{SELECT count(*) FROM t WHERE id = 'other'}), '0', 'the conflict is not');
ok(!(grep { JSON::PP->new->canonical->encode($_) =~ /much longer/ } $f->told), 'the log does not quote a payload');

# -- a damaged record stays, and what is behind it in its group
$answer = $f->invoke($f->record(x1 => 'g1', { id => 'x1' }, md5OfBody => '0' x 32), $f->record(x2 => 'g2', { id => 'x2' }), $f->record(x3 => 'g1', { id => 'x3' }));
is_deeply($f->left($answer), [ 'x1', 'x3' ], 'a body that is not what its digest says stays in the queue, and its group behind it');
is($f->sql(q{SELECT string_agg(id, ' ' ORDER BY id) FROM t WHERE id LIKE 'x_'}), 'x2', 'the other group is loaded');

# -- what is no event of a queue
$answer = $f->invoke_event({ Records => [ { eventSource => 'aws:s3', s3 => {} } ] });
is($answer->{errorType}, 'Function.BadEvent', 'another kind of event fails the invocation');
like($answer->{errorMessage}, qr/not one of an SQS event source mapping/, '... and is told what was expected');
is($f->invoke_event('"x"')->{errorType}, 'Function.BadEvent', 'so does a text');
is_deeply($f->invoke_event({ Records => [] }), { batchItemFailures => [] }, 'an event without messages succeeds');
$lab->control(PUT => 'functions/sqs_to_redshift', { pid => $pid });
is(kill(0, $pid), 1, 'the process lives');

# -- policy fail: they stay for the dead-letter queue, and hold their group back
kill KILL => $pid;
waitpid $pid, 0;
$f->write_config(on_reject => 'fail');
$f->start;
$answer = $f->invoke($f->record(f1 => 'g1', { id => 'f1' }), $f->record(f2 => 'g2', { id => 'f2', v => 'x' }), $f->record(f3 => 'g2', { id => 'f3' }),
	$f->record(f4 => 'g1', { id => 'f4' }), $f->record(f5 => 'g3', { id => 'other' }, dedup => 'd-m1'), $f->record(f6 => 'g2', { id => 'f6' }));
is_deeply($f->left($answer), [ 'f2', 'f3', 'f5', 'f6' ], 'the first failure of a group and all behind it are left');
is($f->sql(q{SELECT string_agg(id, ' ' ORDER BY id) FROM t WHERE id LIKE 'f_'}), 'f1 f4', 'the others are loaded');
is(scalar(grep { $_->{messageId} =~ /^f/ } $f->rejects), 0, 'nothing is written to the reject location');
($metrics) = ($f->metrics)[-1];
is($metrics->{Left}, 4, 'metrics count what is left');
$f->stop;
done_testing;
