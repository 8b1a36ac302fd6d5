# sqs_to_redshift behind an event source mapping of a FIFO queue: what the
# function does not name is deleted, what it names comes back in order; the
# queue's own scope; many groups, a dead-letter queue, a killed process.
use strict;
use warnings;

use PgSqs::RedshiftFunction;
use Test::More;

my $f = PgSqs::RedshiftFunction->new('redshift_mapping', on_reject => 'fail', key => [], version => undef);
my $lab = $f->lab;
my $redshift = $f->redshift;
my $dead = $lab->create_queue('dead.fifo');
my $queue = $f->map_queue('in.fifo', VisibilityTimeout => '5', DeduplicationScope => 'messageGroup', FifoThroughputLimit => 'perMessageGroupId',
	RedrivePolicy => qq({"deadLetterTargetArn":"arn:aws:sqs:$lab->{region}:123456789012:dead.fifo","maxReceiveCount":"3"}));
$f->start;
sub depth { return join ' ', $lab->queue_depth($queue) }
sub notes { my ($like) = @_; return $f->sql("SELECT string_agg(note, ' ' ORDER BY note COLLATE \"C\") FROM t WHERE note LIKE '$like'") }
sub events { my ($event) = @_; return grep { ($_->{event} // '') eq $event } $lab->journal }

# -- many groups
$lab->send_messages($queue, map { my $n = $_; map { [ "g$n", "d$_", qq({"id": "g$n", "v": $_, "note": "a$n-$_"}) ] } 1 .. 4 } 1 .. 10);
$f->wait_until('all is loaded', sub { $f->sql(q{SELECT count(*) FROM t WHERE note LIKE 'a%'}) eq '40' && depth() eq '0 0' });
is($f->sql(q{SELECT count(*) || ' ' || count(DISTINCT note) FROM t}), '40 40', 'every message of ten groups is loaded once');
is($f->sql(q{SELECT count(*) FROM sqs_ledger}), '40', 'though groups share deduplication ids: the queue says that each has its own');
is(depth(), '0 0', 'and the queue is empty');
is($f->sql(q{SELECT count(*) FROM (SELECT applied_at, lag(applied_at) OVER (PARTITION BY regexp_replace(dedup_key, 'd[0-9]+$', '') ORDER BY sequence_number) AS before
	FROM sqs_ledger) AS s WHERE before > applied_at}), '0', 'in the order of each group');

# -- one that can never be loaded holds its group, until the dead-letter queue has it
$lab->send_messages($queue, [ 'p', 'p1', '{"id": "p", "note": "p1"}' ], [ 'p', 'p2', '{"id": "p", "v": "no number", "note": "p2"}' ],
	[ 'p', 'p3', '{"id": "p", "note": "p3"}' ], [ 'q', 'q1', '{"id": "q", "note": "q1"}' ]);
$f->wait_until('the others are loaded', sub { (notes('p_') // '') eq 'p1' && (notes('q_') // '') eq 'q1' });
is(notes('p_'), 'p1', 'what is before it is loaded, what is behind it waits');
$f->wait_until('it is in the dead-letter queue', sub { ($lab->queue_depth($dead))[0] >= 1 });
my ($moved) = @{ $lab->sqs(ReceiveMessage => { QueueUrl => $dead, MaxNumberOfMessages => 10 })->{Messages} };
like($moved->{Body}, qr/"p2"/, 'it goes to the dead-letter queue');

# -- an invocation that dies behind its transaction: the redelivery finds everything done
$redshift->control(fail => { times => 0 });
$lab->fault(service => 'lambda', action => 'response', times => 1, do => 'drop_before', kill => $f->{pid});
$lab->send_messages($queue, [ 'k', 'k1', '{"id": "k", "note": "k1"}' ], [ 'k', 'k2', '{"id": "k", "note": "k2"}' ]);
$f->wait_until('it is killed', sub { waitpid($f->{pid}, 1) == $f->{pid} });
is($? & 127, 9, 'a process is killed before it could answer');
is(notes('k_'), 'k1 k2', '... when all was loaded');
$f->start;
$f->wait_until('the messages are deleted', sub { depth() eq '0 0' });
is(notes('k_'), 'k1 k2', 'the next one loads nothing twice');
my @repeated = events('redshift.repeated');
my ($metrics) = ($f->metrics)[-1];
ok(@repeated > 0 || $metrics->{Duplicates} == 2, 'for it finds the same transaction, or the ledger');

# -- it breaks in the middle: 1023, twice
my $batches = events('lambda.batch');
$redshift->control(fail => { times => 2 });
$lab->send_messages($queue, [ 's', 's1', '{"id": "s", "note": "s1"}' ]);
$f->wait_until('it is loaded', sub { (notes('s_') // '') eq 's1' && depth() eq '0 0' });
is($f->sql(q{SELECT count(*) FROM t WHERE note = 's1'}), '1', 'a transaction that Redshift wants repeated is, and is not doubled');
my @batch = events('lambda.batch');
is(@batch - $batches, 1, '... in the same invocation');
is($batch[-1]{failed}, 0, '... which leaves nothing');

# -- after all of it
is($f->sql(q{SELECT count(*) - count(DISTINCT note) FROM t}), '0', 'no row is doubled');
is($f->sql(q{SELECT count(*) FROM t}) . ' rows', $f->sql(q{SELECT count(*) FROM sqs_ledger}) . ' rows', 'rows and ledger agree');
$f->stop;
done_testing;
