# quarantine_group: what follows a refused message in its group is parked in
# order, other groups go on, and sqs.release replays it and lets the group go
# live without a gap or a swap, while messages come in.
use strict;
use warnings;

use PgSqs::Psql;
use PgSqs::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $t = PgSqs::Test->new('group');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (grp text, id integer, nr bigint GENERATED ALWAYS AS IDENTITY)', 't',
	more => q{visibility_timeout => 5, policy => 'quarantine_group'});
sub ids { return $t->sql(qq{SELECT coalesce(string_agg(id::text, ',' ORDER BY nr), '') FROM t WHERE grp = '$_[0]'}) }
sub waiting { return $t->sql(qq{SELECT string_agg(dedup_id || ':' || reason, ' ' ORDER BY sequence_number) FROM sqs.quarantine WHERE group_id = '$_[0]' AND state = 'waiting'}) }
sub message { my ($group, $id, $text) = @_; return [ $group, "$group$id", sprintf '{"grp": "%s", "id": %s}', $group, $text // $id ] }

# -- in one batch, and in the batches after it
$lab->send_messages($queue, message('a', 1), message('a', 2, '"poison"'), message('a', 3), message('b', 1), message('a', 4), message('b', 2));
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine}, '3');
$lab->send_messages($queue, message('a', 5), message('b', 3));
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine}, '4');
$t->wait_drained('s');
is(ids('a'), '1', 'what was before it is applied');
is(ids('b'), '1,2,3', 'other groups go on');
is(waiting('a'), 'a2:data a3:parked a4:parked a5:parked', 'what follows is parked');
is($t->sql('SELECT group_id FROM sqs.held_group'), 'a', 'and the group is held');
is($t->sql(q{SELECT count(*) FROM sqs.ledger WHERE dedup_key LIKE 'a%'}), '1', 'parked messages are not in the ledger');

# -- delivered again: no second row, no strike
$lab->advance(360);
$lab->send_messages($queue, message('a', 4), message('a', 2, '"poison"'), message('a', 1));
$t->wait_drained('s');
is(waiting('a'), 'a2:data a3:parked a4:parked a5:parked', 'parked once');
is($t->sql('SELECT sum(strikes) FROM sqs.quarantine'), '1', 'and no strike more');
is($t->status('s')->{duplicates}, 1, 'what the ledger has is a duplicate still');

# -- released while it is not mended: all stays
my ($code, $out, $err) = $t->{node}->psql('postgres', q{SELECT sqs.release('s', 'a')});
like($err, qr/message \d+ of the quarantine could not be applied.*Nothing was released.*sqs\.discard/s, 'a failing release says what to do');
is(ids('a'), '1', '... and releases nothing');

# -- released under traffic
my $stop = 0;
my $sent = 5;
$t->sql(q{SELECT sqs.discard('s', 'nobody needs it', ids => ARRAY(SELECT id FROM sqs.quarantine WHERE dedup_id = 'a2'))});
$ENV{PGPORT} = $t->{node}->port;
my $slow = PgSqs::Psql->new(host => $t->{node}->host);
# A release that takes its time: the last statement before its commit waits.
$slow->query('BEGIN');
for my $round (1 .. 30)
{
	$lab->send_messages($queue, map { message('a', $_) } $sent + 1 .. $sent + 3);
	$sent += 3;
	if ($round == 10) { $slow->send(q{SELECT sqs.release('s', 'a')}); $slow->ready(0.1); }
	if ($round == 20) { $slow->send('COMMIT'); }
	sleep 0.02;
}
$slow->answer;
$slow->answer;
$t->wait_for(q{SELECT count(*) FROM t WHERE grp = 'a'}, $sent - 1);
$t->wait_drained('s');
is(ids('a'), join(',', 1, 3 .. $sent), 'nothing is missing and nothing is out of order');
is($t->sql(q{SELECT count(*) FROM sqs.quarantine WHERE state = 'waiting'}), '0', 'nothing waits any longer');
cmp_ok($t->sql(q{SELECT count(*) FROM sqs.quarantine WHERE state = 'applied'}), '>', 6, 'some were parked until then');
is($t->sql('SELECT count(*) FROM sqs.held_group'), '0', 'no group is held');

# -- a standard queue has no groups to hold
my $standard = $t->subscribe('n', 'n', 'CREATE TABLE n (id integer)', 'n', more => q{policy => 'quarantine_group'});
$lab->sqs(SendMessage => { QueueUrl => $standard, MessageBody => $_ }) for '{"id": 1}', '{"id": "poison"}', '{"id": 3}';
$t->wait_for('SELECT count(*) FROM n', '2');
$t->wait_for(q{SELECT count(*) FROM sqs.quarantine WHERE subscription = 'n'}, '1');
is($t->sql('SELECT count(*) FROM sqs.held_group'), '0', 'a standard queue holds no group');
$t->finish;
done_testing;
