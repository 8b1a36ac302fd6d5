# Bench::Ledger: the consumer beside a ledger that has grown, and beside its
# pruning.
#
# The rows are made by one INSERT, as s3_to_sqs's messages leave them: ids that
# are digests, and so spread over the whole index.  Indexes are built after it.
package Bench::Ledger;

use strict;
use warnings;

use Bench::World;
use Carp;
use Time::HiRes qw(sleep time);

# So many more rows, that old at least and at most, in days.
sub fill
{
	my ($drain, $count, $youngest, $oldest) = @_;
	my $world = $drain->{world};
	my $began = time;
	my $first = $drain->{filled} // 0;
	$drain->{filled} = $first + $count;
	my $many = $count >= 500_000;
	my $index = $world->sql(q{SELECT pg_get_indexdef('sqs.ledger_applied'::regclass)});
	$world->sql('ALTER TABLE sqs.ledger DROP CONSTRAINT ledger_pkey; DROP INDEX sqs.ledger_applied') if $many;
	$world->sql(<<"SQL");
SET synchronous_commit = off;
SET maintenance_work_mem = '1GB';
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source, applied_at)
SELECT s.id, encode(sha256(('filled ' || i)::bytea), 'hex'), sha256(i::text::bytea), gen_random_uuid()::text, (18849496460467696128 + i)::text, '',
	now() - interval '$oldest days' + (i - $first)::double precision / $count * interval '1 day' * ($oldest - $youngest)
FROM sqs.subscription s, generate_series($first + 1, $first + $count) AS i WHERE s.name = '$drain->{queue}'
SQL
	$world->sql("ALTER TABLE sqs.ledger ADD CONSTRAINT ledger_pkey PRIMARY KEY (subscription, dedup_key); $index") if $many;
	$world->sql('VACUUM ANALYZE sqs.ledger; CHECKPOINT');
	return time - $began;
}

# Stop the consumers and start them again: so pruning begins ten seconds later.
sub restart
{
	my ($drain) = @_;
	my $world = $drain->{world};
	$world->sql("SELECT sqs.disable('$drain->{queue}')");
	$world->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'", '0');
	$world->sql("SELECT sqs.enable('$drain->{queue}')");
	$world->wait_for("SELECT state, cardinality(pids) FROM sqs.status WHERE subscription = '$drain->{queue}'", 'running|1');
	return;
}

# $rate messages a second, a tenth of them each tenth of a second, for so many
# seconds: what the consumer takes of a core, and the most that waited when the
# next tenth came.
sub steady
{
	my ($drain, $rate, $seconds) = @_;
	my $world = $drain->{world};
	my ($pid) = $drain->pids;
	my ($cpu, $wal, $began) = (Bench::World::cpu_us($pid), $world->wal, time);
	my $waiting = 0;
	for my $tick (1 .. 10 * $seconds)
	{
		my $left = $world->left($drain->{queue})->{messages_count};
		$waiting = $left if $left > $waiting;
		$drain->fill($rate / 10);
		my $pause = $began + $tick / 10 - time;
		sleep $pause if $pause > 0;
	}
	my $took = time - $began;
	return { seconds => $took, messages_per_second => $rate * $seconds / $took, core_percent => (Bench::World::cpu_us($pid) - $cpu) / $took / 1e4,
		waiting_most => $waiting, wal_bytes_per_second => ($world->wal - $wal) / $took };
}

# The rate on its own, and while rows that are older than dedup_retention are
# pruned.
sub sustained
{
	my ($drain, $rate, $expired, $seconds) = @_;
	my $world = $drain->{world};
	my $old = "FROM sqs.ledger WHERE applied_at < now() - interval '30 days'";
	fill($drain, $expired, 31, 40);
	restart($drain);
	my $alone = steady($drain, $rate, 8);
	my $end = time + 60;
	until ((my $left = $world->sql("SELECT count(*) $old")) < $expired)
	{
		croak "pruning does not begin: $left rows are old\n" . $world->trouble if time > $end;
		sleep 0.05;
	}
	my $before = $world->sql("SELECT count(*) $old");
	my $pruning = steady($drain, $rate, $seconds);
	my $after = $world->sql("SELECT count(*) $old");
	$pruning->{pruned_per_second} = ($before - $after) / $pruning->{seconds};
	$drain->{filled} -= $expired - $after;
	$world->wait_drained($drain->{queue});
	return { alone => $alone, pruning => $pruning, left => $after, expired => $expired };
}

1;
