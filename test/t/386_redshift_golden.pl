# The same values in both databases: one set of messages goes through pg_sqs
# into PostgreSQL and through sqs_to_redshift into its stand-in: by literals in
# SQL, where a backslash escapes in them and where not, and by COPY.  Every column
# of every row is compared, and so is what was refused.
use strict;
use warnings;

use JSON::PP;
use POSIX ();
use PgSqs::RedshiftFunction;
use PgSqs::Test;
use Test::More;

my $vectors = 'test/vectors/redshift';

sub read_file
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

my @columns = @{ JSON::PP->new->utf8->decode(read_file("$vectors/golden.json"))->{columns} };
my (@messages, %expected);
for (grep { !/^#/ } split /\n/, read_file("$vectors/golden.tsv"))
{
	my ($id, $fate, $body) = split /\t/, $_, 3;
	$body =~ s/%ID%/$id/;
	# each in a group of its own, so that none waits for another
	push @messages, [ "group-$id", $id, Encode::decode_utf8($body) ];
	$expected{$id} = $fate;
}

# Texts that are not for a file: such as leave room in a statement, and such as do not.
my $awkward = "it's \\ \"x\" \$\$ -- /* :name ? ~^|#@`! \x{1f4b6}\t\n";
my %long = (long1 => $awkward x 400, long2 => substr($awkward x 2000, 0, 60000), long3 => q{'} x 65535, long4 => '\\' x 65535);
for (sort keys %long)
{
	push @messages, [ "group-$_", $_, Encode::decode_utf8(JSON::PP->new->utf8->encode({ id => $_, note => $long{$_} })) ];
	$expected{$_} = 'loaded';
}

my $f = PgSqs::RedshiftFunction->new('golden', table => 'public.golden', key => ['id'], version => 'version', stage => 's3://bucket/stage/',
	columns => [ map { my %column = %$_; delete $column{postgres}; \%column } @columns ]);
my $lab = $f->lab;
my $t = bless { node => PgSqs::Test::start_node('golden_postgres', "autovacuum = off\n"), lab => $lab, name => 'golden', queue => {} }, 'PgSqs::Test';
$t->install('postgres');

# -- into PostgreSQL -----------------------------------------------------------
my $table = join ', ', map { "$_->{name} $_->{postgres}" . ($_->{not_null} ? ' NOT NULL' : '') . (defined $_->{default} ? " DEFAULT $_->{default}" : '') } @columns;
$t->sql("SET ROLE payments; CREATE TABLE golden ($table, PRIMARY KEY (id))");
my $postgres_queue = $t->{queue}{golden} = $lab->create_queue('postgres.fifo');
$t->sql(qq{SELECT sqs.create_subscription('golden', '$postgres_queue', 'aws', owner => 'payments');
	SELECT sqs.add_route('golden', 'default', 'golden', key => ARRAY['id'], version => 'version')});
$lab->send_messages($postgres_queue, @messages);
$t->wait_for(q{SELECT (SELECT count(*) FROM sqs.ledger) + (SELECT count(*) FROM sqs.quarantine)}, scalar @messages);
my %quarantined = map { ($_ => 1) } split /\n/, $t->sql('SELECT dedup_key FROM sqs.quarantine');
is(join(' ', sort keys %quarantined), join(' ', sort grep { $expected{$_} eq 'refused' } keys %expected), 'PostgreSQL refuses what the set says');

# -- into Redshift, twice -------------------------------------------------------
# The row of each id, a column at a time, null marked.
my $row = q{SELECT id || E'\t' || } . join(q{ || E'\t' || }, map { "coalesce(replace(replace(replace(\"$_->{name}\"::text, E'\\\\', '<bs>'), E'\\t', '<tab>'), E'\\n', '<lf>'), '<null>')" } @columns) . q{ FROM golden};

sub rows_of { return map { my ($id, @values) = split /\t/, $_, -1; ($id => \@values) } split /\n/, $_[0] }
my %postgres = rows_of($t->sql("SET timezone = 'UTC'; $row"));

sub compare
{
	my ($how, @refused) = @_;
	is(join(' ', sort @refused), join(' ', sort keys %quarantined), "$how: it refuses what PostgreSQL refuses");
	my %redshift = rows_of($f->sql("SET timezone = 'UTC'; SET datestyle = 'ISO'; $row"));
	is(join(' ', sort keys %redshift), join(' ', sort keys %postgres), "$how: both have the same rows");
	for my $n (0 .. $#columns)
	{
		my @wrong = grep { ($redshift{$_}[$n] // '<none>') ne $postgres{$_}[$n] } sort keys %postgres;
		my $values = () = grep { $_->[$n] ne '<null>' } values %postgres;
		ok(!@wrong, "$how: $columns[$n]{name} is equal, $values values");
		diag("$_: PostgreSQL $postgres{$_}[$n], Redshift " . ($redshift{$_}[$n] // 'no row')) for @wrong;
	}
	return;
}

# A queue's worth through the function, where literals are read so or so.
sub by_function
{
	my ($how, $conforming) = @_;
	$f->sql("ALTER DATABASE dev SET standard_conforming_strings = $conforming");
	$f->sql('DELETE FROM golden; DELETE FROM sqs_ledger');
	$f->write_config(reject => "s3://bucket/$conforming/", token_salt => $how);
	my $pid = $f->start;
	my $queue = $f->map_queue("$conforming.fifo");
	$lab->send_messages($queue, @messages);
	my $rejects = sub { return map { JSON::PP->new->utf8->decode($lab->s3(GET => 'bucket', $_)->{content}) } $lab->s3_keys('bucket', "$conforming/") };
	$f->wait_until("$how: all messages are settled", sub { return $f->sql('SELECT count(*) FROM sqs_ledger') + $rejects->() == @messages });
	compare($how, map { $_->{dedupId} } $rejects->());
	my @submitted = map { $_->{event} // '' } $lab->journal_news;
	cmp_ok(scalar(grep { $_ eq 'redshift.submitted' } @submitted), '>', scalar(grep { $_ eq 'redshift.copy' } @submitted), "$how: COPY is for what is too long");
	kill TERM => $pid;
	waitpid $pid, 0;
	return;
}
by_function('the function, backslashes plain', 'on');
by_function('the function, backslashes escaping', 'off');
$f->sql('ALTER DATABASE dev RESET standard_conforming_strings');

# The same again by the daemon, which always loads by COPY.
$f->sql('DELETE FROM golden; DELETE FROM sqs_ledger');
$f->write_config(reject => 's3://bucket/again/', poll => { max_age_seconds => 1 });
my $polled = $lab->create_queue('daemon.fifo');
$lab->send_messages($polled, @messages);
my $daemon = fork() // die "fork: $!";
if ($daemon == 0)
{
	%ENV = (PATH => '/nonexistent', AWS_REGION => $lab->{region}, AWS_ACCESS_KEY_ID => $lab->{access_key}, AWS_SECRET_ACCESS_KEY => $lab->{secret_key},
		AWS_ENDPOINT_URL => $lab->endpoint, SQS_TO_REDSHIFT_CONFIG => $f->{file}, PROGRAM => $f->program);
	open STDOUT, '>>', $f->{log};
	open STDERR, '>&', \*STDOUT;
	exec { $ENV{PROGRAM} } $ENV{PROGRAM}, '--poll', $polled or POSIX::_exit(127);
}
sub again { return map { JSON::PP->new->utf8->decode($lab->s3(GET => 'bucket', $_)->{content}) } $lab->s3_keys('bucket', 'again/') }
$f->wait_until('the daemon has all messages', sub { return $f->sql('SELECT count(*) FROM sqs_ledger') + again() == @messages });
compare('the daemon', map { $_->{dedupId} } again());
cmp_ok(scalar(grep { ($_->{event} // '') eq 'redshift.copy' } $lab->journal), '>=', 1, 'the daemon: by COPY');
kill TERM => $daemon;
waitpid $daemon, 0;
is($?, 0, 'the daemon ends when it is told to');

$f->stop;
$t->{node}->stop;
done_testing();
