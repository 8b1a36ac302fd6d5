# Bench::Drain: what waits in a queue, drained by the consumers of a
# subscription.
#
#   my $drain = Bench::Drain->new($world, Bench::Drain::scenario('1 000 groups'));
#   my $measured = $drain->run;           # a hash of figures
#   my $floor = $drain->floor;            # the same rows by COPY
#   $drain->end;
#
# The consumers run and wait before the queue is filled, and have drained a few
# messages, so that neither start-up nor first plans are counted.
package Bench::Drain;

use strict;
use warnings;

use Bench::World;
use Carp;

# A transaction in 280 bytes, and the table that takes it.  It has no index:
# whatever a user's table costs beyond that, it costs COPY as well.
my $body = '{"transaction_id":"TX-########","account_id":"DE02120300000000######","booked_at":"2026-01-31T23:59:58.######+01:00",'
  . '"amount":1####.##,"fee":1.10,"currency":"EUR","counterparty":"Zoe & Son GmbH","reference":"RF18-########",'
  . '"description":"a record of the usual size, neither long nor short"}';
my $table = <<'SQL';
CREATE TABLE %s (transaction_id text, account_id text, booked_at timestamptz, amount numeric, fee numeric,
	currency text, counterparty text, reference text, description text)
SQL
my $three_routes = <<'SQL';
SET ROLE payments;
CREATE TABLE %1$s_confirmations (transaction_id text, account_id text, amount numeric NOT NULL, fee numeric NOT NULL DEFAULT 0,
	currency text, total numeric GENERATED ALWAYS AS (amount + fee) STORED);
CREATE TABLE %1$s_reports (transaction_id text, status text, total numeric, currency text, counterparty text);
RESET ROLE;
SELECT sqs.add_route('%1$s', 'confirmations', '%1$s_confirmations');
SELECT sqs.add_route('%1$s', 'reports', statement => $$
	INSERT INTO %1$s_reports
	SELECT body->>'transaction_id', CASE WHEN (body->>'amount')::numeric >= 15000 THEN 'reported' ELSE 'below threshold' END,
		(body->>'amount')::numeric + (body->>'fee')::numeric, body->>'currency', body->>'counterparty'
	FROM batch$$);
SQL

# The lineage that s3_to_sqs sends with each message.
my %lineage = (source_bucket => 'ledger-l0', source_key => 'in/2026/01/31/transactions-0001.ndjson', source_version => '0618daba17abcccd55416f1af0e795ed',
	source_sequencer => '0065B8D9C0A1B2C3D4', source_record => '12345', source_sha256 => 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

# count and quick: messages of a run, and of one for a first look.
my @scenarios = (
	{ name => '1 000 groups', key => 'main', groups => 1000, count => 50_000, quick => 10_000 },
	{ name => '1 000 groups, two consumers', key => 'two_consumers', groups => 1000, count => 50_000, quick => 10_000, consumers => 2 },
	{ name => '1 group', key => 'one_group', groups => 1, count => 10_000, quick => 1_000 },
	{ name => '100 000 groups', key => 'many_groups', groups => 100_000, count => 50_000, quick => 10_000 },
	{ name => '4 KB bodies', key => 'large', groups => 1000, count => 10_000, quick => 3_000, body_bytes => 4096 },
	{ name => '10 % duplicates', key => 'duplicates', groups => 1000, count => 50_000, quick => 10_000, again_every => 10 },
	{ name => 'three routes', key => 'three_routes', groups => 1000, count => 30_000, quick => 5_000, routes => $three_routes, tables => [qw(_confirmations _reports)] },
	{ name => 'with lineage attributes', key => 'lineage', groups => 1000, count => 30_000, quick => 5_000, attributes => \%lineage });

my $warm_up = 2000;

sub table_sql { return $table }
sub scenarios { return @scenarios }
sub scenario { my ($key) = @_; my ($found) = grep { $_->{key} eq $key } @scenarios; return $found // croak "no scenario $key" }

# A body of so many bytes: the description is filled up.
sub body_of
{
	my ($bytes) = @_;
	my $more = ($bytes // length $body) - length $body;
	return $more > 0 ? $body =~ s/("description":")/$1 . 'x' x $more/er : $body;
}

# options: count, more (arguments of create_subscription, as SQL)
sub new
{
	my ($class, $world, $scenario, %options) = @_;
	my $name = $world->new_name('s');
	my $self = bless { %$scenario, world => $world, queue => $name, next => 1, rows => 0, %options }, $class;
	$self->{tables} = [ map { "$name$_" } '_t', @{ $scenario->{tables} // [] } ];
	my $url = $world->{lab}->create_queue("$name.fifo");
	my $more = join ', ', '', ($self->{consumers} ? "consumers => $self->{consumers}" : ()), ($self->{more} ? $self->{more} : ());
	$world->sql(sprintf "SET ROLE payments; $table; RESET ROLE", $self->{tables}[0]);
	$world->sql("SELECT sqs.create_subscription('$name', '$url', 'aws', '$self->{tables}[0]'" . ($more =~ s/, \z//r) . ')');
	$world->sql(sprintf $scenario->{routes}, $name) if $scenario->{routes};
	$self->warm_up;
	return $self;
}

# So many more messages into its queue.
sub fill
{
	my ($self, $count) = @_;
	$self->{world}->prefill($self->{queue}, count => $count, first => $self->{next}, groups => $self->{groups}, body => body_of($self->{body_bytes}),
		again_every => $self->{again_every} // 0,
		($self->{attributes} ? (attributes => { map { $_ => { DataType => 'String', StringValue => $self->{attributes}{$_} } } keys %{ $self->{attributes} } }) : ()));
	$self->{next} += $count;
	$self->{rows} += $count - ($self->{again_every} ? int(($count - 1) / $self->{again_every}) : 0);
	return;
}

# A benchmark that lost a message is none.  What the ledger was filled with is
# older.
sub check
{
	my ($self) = @_;
	my $id = $self->{world}->sql("SELECT id FROM sqs.subscription WHERE name = '$self->{queue}'");
	$self->{world}->wait_for("SELECT count(*) FROM sqs.ledger WHERE subscription = $id AND applied_at > now() - interval '12 hours'", $self->{rows});
	$self->{world}->wait_for("SELECT count(*) FROM $_", $self->{rows}) for @{ $self->{tables} };
	return;
}

sub pids { my ($self) = @_; return split /,/, $self->{world}->sql("SELECT array_to_string(pids, ',') FROM sqs.status WHERE subscription = '$self->{queue}'") }

# Fill the queue and let it be drained.  All but messages_per_second are for
# each message.
sub run
{
	my ($self, $count) = @_;
	my $world = $self->{world};
	my @pids = $self->pids;
	$world->sql('CHECKPOINT');
	my ($cpu, $wal, $calls) = (Bench::World::sum_cpu_us(@pids), $world->wal, $self->calls);
	$self->fill($count);
	my $lab_cpu = Bench::World::cpu_us($world->{lab}{pid});
	my $state = $world->wait_drained($self->{queue});
	my $lab_took = Bench::World::cpu_us($world->{lab}{pid}) - $lab_cpu;
	my %measured = (
		messages => $count,
		messages_per_second => 1000 * $count / ($state->{last_deleted_ms} - $state->{first_received_ms} || 1),
		consumer_us => (Bench::World::sum_cpu_us(@pids) - $cpu) / $count,
		lab_us => $lab_took / $count,
		wal_bytes => ($world->wal - $wal) / $count,
		api_calls => ($self->calls - $calls) / $count);
	$self->check;
	@measured{qw(table_bytes ledger_bytes)} = map { $world->sql("SELECT pg_total_relation_size('$_')") / ($self->{rows} + ($self->{filled} // 0)) } $self->{tables}[0], 'sqs.ledger';
	croak 'the consumer was restarted: ' . $world->trouble unless "@pids" eq join ' ', $self->pids;
	return \%measured;
}

sub calls { my ($self) = @_; return $self->{world}->sql("SELECT api_calls FROM sqs.status WHERE subscription = '$self->{queue}'") }

# The subscription, its ledger rows and its tables go.
sub end
{
	my ($self) = @_;
	my $world = $self->{world};
	$self->stop_consumers;
	$world->sql('TRUNCATE sqs.ledger');
	$world->sql("SELECT sqs.drop_subscription('$self->{queue}')");
	$world->sql("DROP TABLE $_") for @{ $self->{tables} };
	return;
}

sub stop_consumers
{
	my ($self) = @_;
	$self->{world}->sql("SELECT sqs.disable('$self->{queue}')");
	$self->{world}->wait_for("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_sqs consumer'", '0');
	return;
}

# They drain a few messages before it returns.
sub start_consumers
{
	my ($self) = @_;
	$self->{world}->sql("SELECT sqs.enable('$self->{queue}')");
	$self->warm_up;
	return;
}

sub warm_up
{
	my ($self) = @_;
	$self->{world}->wait_for("SELECT state, cardinality(pids) FROM sqs.status WHERE subscription = '$self->{queue}'", 'running|' . ($self->{consumers} // 1));
	$self->fill($warm_up);
	$self->{world}->wait_drained($self->{queue});
	$self->check;
	return;
}

1;
