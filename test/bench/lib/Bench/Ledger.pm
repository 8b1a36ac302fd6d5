# Bench::Ledger: the consumer beside a ledger that has grown, and beside its
# pruning.
#
# The rows are as s3_to_sqs's messages leave them: ids that are digests, and so
# spread over the whole index, whose pages are seven tenths full after a while
# (what random inserts make of them); older rows stand before younger ones.
# Two sessions make them, and of many the indexes are built afterwards.
package Bench::Ledger;

use strict;
use warnings;

use Bench::World;
use Carp;
use Time::HiRes qw(sleep time);

my $many = 500_000;
my $sessions = 2;

# What one of the sessions adds, every second row: number i of so many is
# that old.
sub insert_sql
{
	my ($drain, $first, $count, $youngest, $oldest, $session) = @_;
	return <<"SQL";
SET synchronous_commit = off;
INSERT INTO sqs.ledger (subscription, dedup_key, content_hash, message_id, sequence_number, source, applied_at)
SELECT s.id, encode(sha256(('filled ' || i)::bytea), 'hex'), sha256(i::text::bytea), gen_random_uuid()::text, (18849496460467696128 + i)::text, '',
	now() - interval '$oldest days' + (i - $first)::double precision / $count * interval '1 day' * ($oldest - $youngest)
FROM sqs.subscription s, generate_series($first + 1 + $session, $first + $count, $sessions) AS i WHERE s.name = '$drain->{queue}'
SQL
}

sub insert_rows
{
	my ($drain, @how) = @_;
	my @sessions = map { $drain->{world}->session } 1 .. $sessions;
	$sessions[$_]->send(insert_sql($drain, @how, $_)) for 0 .. $#sessions;
	$_->answer for @sessions;
	return;
}

# So many more rows, that old at least and at most, in days; returns the seconds
# it took.  None is younger than a day, by which the drained ones are told.
sub fill
{
	my ($drain, $count, $youngest, $oldest) = @_;
	my $world = $drain->{world};
	my $began = time;
	my $first = $drain->{filled} // 0;
	croak 'filled rows are a day old at least' if $youngest < 1;
	$drain->{filled} = $first + $count;
	if ($count >= $many)
	{
		fill_without_indexes($drain, $first, $count, $youngest, $oldest);
	}
	else
	{
		insert_rows($drain, $first, $count, $youngest, $oldest);
	}
	$world->sql('VACUUM ANALYZE sqs.ledger; CHECKPOINT');
	my $there = $world->sql("SELECT count(*) FROM sqs.ledger WHERE subscription = (SELECT id FROM sqs.subscription WHERE name = '$drain->{queue}')");
	croak "the ledger has $there rows of $drain->{filled} and $drain->{rows}\n" . $world->trouble if $there != $drain->{filled} + $drain->{rows};
	$drain->start_consumers if $count >= $many;
	return time - $began;
}

# Consumers need the indexes.
sub fill_without_indexes
{
	my ($drain, @how) = @_;
	my $world = $drain->{world};
	my $by_age = $world->sql(q{SELECT pg_get_indexdef('sqs.ledger_applied'::regclass)});
	$drain->stop_consumers;
	$world->sql('ALTER TABLE sqs.ledger DROP CONSTRAINT ledger_pkey; DROP INDEX sqs.ledger_applied');
	insert_rows($drain, @how);
	$world->sql(<<"SQL");
SET maintenance_work_mem = '1GB';
CREATE UNIQUE INDEX ledger_pkey ON sqs.ledger (subscription, dedup_key) WITH (fillfactor = 70);
ALTER TABLE sqs.ledger ADD CONSTRAINT ledger_pkey PRIMARY KEY USING INDEX ledger_pkey;
ALTER INDEX sqs.ledger_pkey RESET (fillfactor);
$by_age;
SQL
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
	my $id = $world->sql("SELECT id FROM sqs.subscription WHERE name = '$drain->{queue}'");
	my $old = "FROM sqs.ledger WHERE subscription = $id AND applied_at < now() - interval '30 days'";
	fill($drain, $expired, 31, 40);
	$drain->stop_consumers;		# pruning begins ten seconds after their start
	$drain->start_consumers;
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
