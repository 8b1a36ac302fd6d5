# Bench::Peers: the consumers that somebody would write or install instead,
# each one process, with one batch under way or with several, draining the same
# messages from the same lab into a table like the consumer's and a table of ids,
# on the same server.
#
# Like the consumer, each of them runs and has drained a few messages before
# the clock starts.
package Bench::Peers;

use strict;
use warnings;

use Bench::Drain;
use Bench::World;
use Carp;
use File::Basename qw(dirname);
use Time::HiRes qw(sleep time);

my $folder = dirname(__FILE__) . '/../..';
my $warm_up = 200;
my @workers = (1, 4);		# of one process

# The columns of Bench::Drain's table, read by PostgreSQL.  The ids and bodies
# are %s for psycopg2, and $1 and $2 for pg.
my $statement = <<'SQL';
WITH batch AS (SELECT * FROM unnest(IDS::text[], BODIES::text[]) WITH ORDINALITY AS b (dedup_id, body, n)),
	fresh AS (INSERT INTO TABLE_seen SELECT dedup_id FROM batch ON CONFLICT DO NOTHING RETURNING dedup_id)
INSERT INTO TABLE
SELECT r.* FROM batch JOIN fresh USING (dedup_id), json_to_record(body::json) AS r (transaction_id text, account_id text, booked_at timestamptz,
	amount numeric, fee numeric, currency text, counterparty text, reference text, description text)
ORDER BY n
SQL

# Those that this machine has; prints what it lacks.
sub available
{
	my $peers = $ENV{PG_SQS_PEERS} // '';
	my @found;
	my ($python) = grep { system("PYTHONPATH=$peers/python $_ -c 'import boto3, psycopg2' 2>/dev/null") == 0 } '/usr/bin/python3', 'python3';
	push @found, { name => 'boto3 + psycopg2', key => 'boto3', command => [ $python, "$folder/boto3_consumer.py" ],
		environment => { PYTHONPATH => "$peers/python" }, ids => '%s', bodies => '%s',
		versions => scalar qx{PYTHONPATH=$peers/python $python -c 'import sys, boto3, psycopg2; print("Python", sys.version.split()[0] + ", boto3", boto3.__version__ + ", psycopg2", psycopg2.__version__.split()[0], end="")'} } if $python;
	push @found, { name => 'sqs-consumer + pg', key => 'sqs_consumer', command => [ 'node', "$folder/sqs_consumer.mjs" ], environment => { BENCH_PEERS => $peers },
		ids => '$1', bodies => '$2',
		versions => scalar qx{cd $peers && node -p '"Node.js " + process.versions.node + ["sqs-consumer", "pg", "\@aws-sdk/client-sqs"].map(p => ", " + p + " " + JSON.parse(fs.readFileSync("node_modules/" + p + "/package.json")).version).join("")'} =~ s/\n//r }
	  if -d "$peers/node_modules/sqs-consumer" && system('node --version >/dev/null 2>&1') == 0;
	print "boto3 or psycopg2 is not installed (make bench-peers says more): not measured\n" unless $python;
	print "sqs-consumer and pg are not installed (make bench-peers does it): not measured\n" unless grep { $_->{key} eq 'sqs_consumer' } @found;
	return map { my $peer = $_; map { { %$peer, workers => $_, name => $peer->{name} . ($_ > 1 ? ", $_ side by side" : '') } } @workers } @found;
}

sub start
{
	my ($world, $peer, $name, $url) = @_;
	my $text = $statement =~ s/TABLE/$name/gr =~ s/IDS/$peer->{ids}/r =~ s/BODIES/$peer->{bodies}/r;
	return Bench::World::spawn("$world->{folder}/peers.log", { PGHOST => $world->{folder}, PGUSER => 'postgres', PGDATABASE => 'postgres',
			AWS_ENDPOINT_URL => $world->{lab}->endpoint, AWS_REGION => $world->{lab}{region}, AWS_DEFAULT_REGION => $world->{lab}{region},
			AWS_ACCESS_KEY_ID => $world->{lab}{access_key}, AWS_SECRET_ACCESS_KEY => $world->{lab}{secret_key},
			AWS_EC2_METADATA_DISABLED => 'true', QUEUE_URL => $url, BENCH_STATEMENT => $text, BENCH_WORKERS => $peer->{workers}, %{ $peer->{environment} } }, @{ $peer->{command} });
}

sub drain_all
{
	my ($world, $name, $pid, $count, $first) = @_;
	$world->prefill($name, count => $count, first => $first, groups => 1000, body => Bench::Drain::body_of());
	my $end = time + 300;
	my $state;
	until (($state = $world->left($name))->{messages_count} == 0)
	{
		croak "a peer does not drain its queue: " . Bench::World::slurp("$world->{folder}/peers.log") if time > $end || !kill 0, $pid;
		sleep 0.02;
	}
	return $state;
}

sub measure
{
	my ($world, $peer, $count) = @_;
	my $name = $world->new_name('peer');
	my $url = $world->{lab}->create_queue("$name.fifo");
	$world->sql("CREATE TABLE ${name}_seen (dedup_id text COLLATE \"C\" PRIMARY KEY)");
	$world->sql(sprintf Bench::Drain::table_sql(), $name);
	my $pid = start($world, $peer, $name, $url);
	drain_all($world, $name, $pid, $warm_up, 1);
	my @backends = split /\n/, $world->sql(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'bench peer'});
	my ($cpu, $cpu_backend) = (Bench::World::cpu_us($pid), Bench::World::sum_cpu_us(@backends));
	my $state = drain_all($world, $name, $pid, $count, $warm_up + 1);
	my %measured = (messages => $count, versions => $peer->{versions},
		messages_per_second => 1000 * $count / ($state->{last_deleted_ms} - $state->{first_received_ms} || 1),
		client_us => (Bench::World::cpu_us($pid) - $cpu) / $count, backend_us => (Bench::World::sum_cpu_us(@backends) - $cpu_backend) / $count);
	Bench::World::end_process($pid);
	$world->wait_for("SELECT count(*) FROM $name", $count + $warm_up);
	$world->wait_for("SELECT count(*) FROM ${name}_seen", $count + $warm_up);
	$world->sql("DROP TABLE $name, ${name}_seen");
	return \%measured;
}

1;
