# PgSqs::Test: what the TAP tests share: a server with pg_sqs preloaded, a
# lab, a subscription between them, and waiting for a state.
#
#   my $t = PgSqs::Test->new('name');
#   $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id text, ...)', 't');
#   $t->{lab}->send_messages($t->{queue}{s}, ['g', 'd1', '{"id":"1"}']);
#   $t->wait_for('SELECT count(*) FROM t', '1');
package PgSqs::Test;

use strict;
use warnings;

use Encode ();
use Exporter 'import';
use JSON::PP ();
use PgSqs::Lab;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(timed);

# options: conf (lines for postgresql.conf), lab (options of the lab), env (a
# piece of Perl that is given the lab and returns what the server's environment
# has besides)
sub new
{
	my ($class, $name, %options) = @_;
	my $journal = "$ENV{TESTDATADIR}/$name.ndjson";
	my $lab = PgSqs::Lab->start(journal => $journal, %{ $options{lab} // {} });
	my %environment = $options{env} ? $options{env}->($lab) : ();
	local @ENV{ keys %environment } = values %environment;
	my $node = start_node($name, "autovacuum = off\n" . ($options{conf} // ''));
	my $self = bless { node => $node, lab => $lab, name => $name, queue => {} }, $class;
	$self->install('postgres');
	return $self;
}

# Its superuser is called postgres whoever runs the test, and its databases
# are in UTF-8 wherever.
sub init_node
{
	my ($node) = @_;
	$ENV{PGUSER} = 'postgres';
	$node->init(extra => [ '--username', 'postgres', '--encoding', 'UTF8', '--locale', 'C' ]);
	return;
}

# A running server with pg_sqs preloaded.
sub start_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	init_node($node);
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_sqs'\n$conf");
	$node->start;
	return $node;
}

# The extension, the owner and the server, in a database.
sub install
{
	my ($self, $database) = @_;
	my $lab = $self->{lab};
	$self->{node}->safe_psql($database, <<"SQL");
SET log_statement = 'none';
DO \$\$ BEGIN CREATE ROLE payments; EXCEPTION WHEN duplicate_object THEN NULL; END \$\$;
CREATE EXTENSION pg_sqs;
CREATE SERVER aws FOREIGN DATA WRAPPER sqs OPTIONS (region '$lab->{region}', endpoint '@{[ $lab->endpoint ]}');
GRANT USAGE ON FOREIGN SERVER aws TO payments;
CREATE USER MAPPING FOR payments SERVER aws OPTIONS (access_key_id '$lab->{access_key}', secret_access_key '$lab->{secret_key}');
GRANT CREATE ON SCHEMA public TO payments;
SQL
	return;
}

# Create a queue, a table of the owner's, and the subscription.  More
# arguments of create_subscription as SQL in $more.
sub subscribe
{
	my ($self, $name, $queue, $table_sql, $table, %options) = @_;
	my $database = $options{database} // 'postgres';
	my $url = $self->{queue}{$name} = $self->{lab}->create_queue($queue, %{ $options{attributes} // {} });
	my $more = $options{more} ? ", $options{more}" : '';
	$self->{node}->safe_psql($database, "SET ROLE payments; $table_sql; RESET ROLE;
		SELECT sqs.create_subscription('$name', '$url', 'aws', '$table'$more)");
	$self->wait_for("SELECT state FROM sqs.status WHERE subscription = '$name'", $options{state} // 'running', $database);
	return $url;
}

# Run SQL given as characters; returns what psql prints, as characters.
sub sql
{
	my ($self, $query, $database) = @_;
	return Encode::decode_utf8($self->{node}->safe_psql($database // 'postgres', Encode::encode_utf8($query)));
}

# Poll until the query answers what is expected; fails the test after 30 s.
sub wait_for
{
	my ($self, $query, $expected, $database, $name) = @_;
	my $answer = '';
	my $end = time + 30;
	while (time < $end)
	{
		my $out;
		my $code = $self->{node}->psql($database // 'postgres', $query, stdout => \$out);
		$answer = $code == 0 ? $out // '' : 'error';
		return 1 if $answer eq $expected;
		sleep 0.05;
	}
	fail(($name // "waiting for $query") . ": expected \"$expected\", last \"$answer\"");
	return 0;
}

# Poll a piece of Perl until it is true.
sub wait_until
{
	my ($self, $name, $code, $seconds) = @_;
	my $end = time + ($seconds // 30);
	while (time < $end)
	{
		return 1 if $code->();
		sleep 0.05;
	}
	fail("waiting until $name");
	return 0;
}

# The status row of a subscription, as a hash.
sub status
{
	my ($self, $name, $database) = @_;
	my $row = $self->sql("SELECT row_to_json(s) FROM sqs.status s WHERE subscription = '$name'", $database);
	return JSON::PP->new->decode($row);
}

# Wait until a queue holds nothing.
sub wait_drained
{
	my ($self, $name) = @_;
	return $self->wait_until("$name is drained", sub { join(' ', $self->{lab}->queue_depth($self->{queue}{$name})) eq '0 0' });
}

# Seconds that a piece of Perl takes.
sub timed
{
	my ($code) = @_;
	my $start = time;
	$code->();
	return time - $start;
}

# Every process of the cluster that names pg_sqs must be gone after a stop.
sub finish
{
	my ($self) = @_;
	$self->{node}->stop;
	$self->{lab}->stop;
	my @bad = grep { /PANIC|was terminated by signal (6|11)|TRAP:|wJalrXUtnFEMI/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($self->{node}->logfile);
	is("@bad", '', 'no crash and no secret in the server log');
	return;
}

1;
