# Hundreds of messages that were under way when the server went down are tried
# one by one, and it takes no more stack than one does: an innocent message that
# came up too deep would fail for that.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('suspects', conf => "max_stack_depth = '300kB'\n");
my $lab = $t->{lab};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer, nr bigint GENERATED ALWAYS AS IDENTITY)', 't', more => 'max_polls => 32, enabled => false', state => 'disabled');

my @messages = map { [ "g$_", "m$_", qq({"id": $_}) ] } 1 .. 1500;
while (my @some = splice @messages, 0, 500) { $lab->send_messages($queue, @some) }
$t->sql(q{INSERT INTO sqs.attempt (subscription, consumer, dedup_key, message_id, group_id, under_way, deaths)
	SELECT s.id, 1, 'm' || n, 'x', 'g' || n, false, 1 FROM sqs.subscription s, generate_series(501, 1500) AS n});
$t->sql(q{SELECT sqs.enable('s')});
$t->wait_for('SELECT count(*) FROM t', '1500');
$t->wait_drained('s');
is($t->sql('SELECT count(*), count(DISTINCT id) FROM t'), '1500|1500', 'all are applied once');
is($t->sql('SELECT count(*) FROM sqs.quarantine'), '0', 'and none is blamed');
is($t->sql('SELECT count(DISTINCT xmin::text) FROM t WHERE id > 500'), '1000', 'each suspect by itself');
is($t->sql(q{SELECT count(*) FROM sqs.attempt WHERE dedup_key <> ''}), '0', 'nobody is suspected any longer');
$t->finish;
done_testing;
