# A message that is blocked comes back and fails again, as often as it likes:
# that is one message, not many that fail alike.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('blocked');
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer CHECK (id > 0))', 't', more => q{visibility_timeout => 5, policy => 'block'});
sub blocked { return $t->sql('SELECT blocked FROM sqs.status') }

$lab->send_messages($queue, [ 'bad', 'bad', '{"id": -1}' ]);
for my $round (1 .. 22)
{
	my $failed = $t->wait_until("it fails for the $round. time", sub {
		$lab->advance(20);
		return blocked() >= $round || $t->status('s')->{state} ne 'running';
	});
	last if !$failed || $t->status('s')->{state} ne 'running';
}
is($t->status('s')->{state}, 'running', 'one message that fails ' . blocked() . ' times stops nobody: ' . ($t->status('s')->{last_error} // ''));
$lab->send_messages($queue, [ 'good', 'good', '{"id": 1}' ]);
$t->wait_for('SELECT count(*) FROM t', '1');

# -- twenty messages are twenty, however often each has failed
$lab->send_messages($queue, map { [ "bad$_", "bad$_", "{\"id\": -$_}" ] } 1 .. 25);
$t->wait_for('SELECT state FROM sqs.status', 'error');
like($t->status('s')->{last_error}, qr/too many messages fail alike/, 'many are the fault of the world');
$t->sql(q{SET ROLE payments; ALTER TABLE t DROP CONSTRAINT t_id_check; RESET ROLE; SELECT sqs.enable('s')});
$t->wait_until('all are applied', sub { $lab->advance(60); return $t->sql('SELECT count(*) FROM t') eq '27' });
$t->wait_drained('s');
$t->finish;
done_testing;
