# Key and version: whatever the order in which messages come, and however they
# are cut into batches, Redshift's stand-in ends with the rows that PostgreSQL
# has when it applies them one by one, and the same messages are refused.  All orders of five messages of one
# key: an old version, two of one version that disagree, a repetition of the
# first of those, a new one.
use strict;
use warnings;

use JSON::PP;
use PgSqs::RedshiftFunction;
use PgSqs::Test;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my @variants = ([ old => 1, 'a' ], [ one => 2, 'b' ], [ other => 2, 'c' ], [ again => 2, 'b' ], [ new => 3, undef ]);

sub orders
{
	my (@left) = @_;
	return [] unless @left;
	return map { my $n = $_; my @rest = @left; my ($first) = splice @rest, $n, 1; map { [ $first, @$_ ] } orders(@rest) } 0 .. $#left;
}

my $f = PgSqs::RedshiftFunction->new('upsert', columns => [ { name => 'id', type => 'varchar(16)', not_null => JSON::PP::true }, { name => 'v', type => 'integer' },
		{ name => 'amount', type => 'decimal(18,2)' }, { name => 'note', type => 'varchar(20)' }, { name => 'more', type => 'super' } ]);
my $lab = $f->lab;
my $t = bless { node => PgSqs::Test::start_node('upsert_postgres', "autovacuum = off\n"), lab => $lab, name => 'upsert', queue => {} }, 'PgSqs::Test';
$t->install('postgres');
$t->sql('SET ROLE payments; CREATE TABLE t (id varchar(16) PRIMARY KEY, v integer, amount numeric(18,2), note varchar(20), more jsonb)');
my $queue = $lab->create_queue('q.fifo');
$t->sql(qq{SELECT sqs.create_subscription('upsert', '$queue', 'aws', owner => 'payments', enabled => false, dedup_scope => 'queue');
	SELECT sqs.add_route('upsert', 'default', 't', key => ARRAY['id'], version => 'v')});

# Of every order one key: p1, p2, ... of which some have a row before: of no
# version, of the old one, of the one that is in dispute.
my @messages;
my $n = 0;
my %before = (0 => undef, 1 => "NULL, 1, 'null', NULL", 2 => "1, 0.01, 'a', NULL", 3 => "2, 0.02, 'b', '[2]'", 4 => "2, 0.02, 'x', '[2]'");
my @rows;
for my $order (orders(@variants))
{
	my $key = 'p' . ++$n;
	my $row = $before{ $n % 5 };
	push @rows, "('$key', $row)" if $row;
	for my $variant (@$order)
	{
		my ($name, $version, $note) = @$variant;
		push @messages, [ $key, "$key-$name", $json->encode({ id => $key, v => $version, amount => sprintf('%.2f', $version / 100), note => $note, more => [$version] }) ];
	}
}
$_->sql('INSERT INTO t VALUES ' . join ', ', @rows) for $t, $f;

# One by one, in their order.
my $all = $json->encode([ map { { group_id => $_->[0], dedup_id => $_->[1], body => $_->[2] } } @messages ]);
$t->sql(qq{CREATE TABLE refused (dedup_id text);
	DO \$do\$
	DECLARE message json;
	BEGIN
		FOR message IN SELECT json_array_elements(\$all\$$all\$all\$) LOOP
			BEGIN
				PERFORM sqs.ingest('upsert', json_build_array(message));
			EXCEPTION WHEN unique_violation THEN
				INSERT INTO refused VALUES (message->>'dedup_id');
			END;
		END LOOP;
	END
	\$do\$});
my $state = q{SELECT string_agg(id || ' ' || coalesce(v::text, '-') || ' ' || coalesce(amount::text, '-') || ' ' || coalesce(note, '-') || ' ' || coalesce(more::text, '-'), E'\n' ORDER BY id) FROM t};
my $wanted = $t->sql($state);
my $refused = $t->sql(q{SELECT string_agg(dedup_id, ' ' ORDER BY dedup_id) FROM refused});
is(scalar(split /\n/, $wanted), $n, "PostgreSQL has $n keys");
like($refused, qr/-other\b/, 'and refused what disagrees');

sub compare
{
	my ($how, $prefix) = @_;
	is($f->sql($state), $wanted, "$how: the same rows");
	my @rejects = map { $json->decode($lab->s3(GET => 'bucket', $_)->{content}) } $lab->s3_keys('bucket', $prefix);
	is(join(' ', sort map { $_->{dedupId} } @rejects), $refused, "$how: the same messages are refused");
	is(join(' ', sort keys %{ { map { ($_->{code} => 1) } @rejects } }), 'VersionConflict', "$how: because of their version");
	is($f->sql('SELECT count(*) FROM sqs_ledger'), @messages - @rejects, "$how: the ledger has all others");
	return;
}

# In batches of so many messages; before each round all is as it was.
my $number = 0;
for my $size (60, 7, 2)
{
	my $prefix = "rejected-$size/";
	$f->sql('DELETE FROM t; DELETE FROM sqs_ledger; INSERT INTO t VALUES ' . join ', ', @rows);
	$f->write_config(reject => "s3://bucket/$prefix", token_salt => "size $size");
	kill KILL => $f->{pid} if $f->{pid};
	waitpid $f->{pid}, 0 if $f->{pid};
	$f->start;
	my @left = @messages;
	my $answers = 0;
	while (my @batch = splice @left, 0, $size)
	{
		my $answer = $f->invoke(map { $f->record('m' . ++$number, $_->[0], $_->[2], dedup => $_->[1]) } @batch);
		$answers++ if @{ $answer->{batchItemFailures} // [1] };
	}
	is($answers, 0, "batches of $size: all are settled");
	compare("batches of $size", $prefix);
}

$f->stop;
$t->{node}->stop;
done_testing();
