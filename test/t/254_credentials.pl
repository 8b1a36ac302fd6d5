# Credentials that end, and clocks that are wrong: the log hears of each
# change of the state once, and consumption goes on without a restart of the
# server as soon as it can.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('credentials');
my ($lab, $node) = @$t{qw(lab node)};
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
my $sent = 0;

sub lines { my ($what) = @_; return scalar grep { /LOG: .*$what/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }
sub arrives
{
	my ($name) = @_;
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
	return ok($t->wait_for('SELECT count(*) FROM t', $sent), $name);
}
sub requests { return $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} }

# Keys of a role for so many seconds; pg_sqs gets them by ALTER USER MAPPING.
sub take_keys
{
	my ($seconds, $verb) = @_;
	my $answer = $lab->request('sts', 'POST', '/', headers => { 'Content-Type' => 'application/x-www-form-urlencoded' },
		content => "Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&DurationSeconds=$seconds&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftest");
	my %key = $answer->{content} =~ m{<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<}g;
	is(scalar keys %key, 3, 'keys of a role') or diag $answer->{content};
	$t->sql("SET log_statement = 'none'; SET log_min_error_statement = panic; ALTER USER MAPPING FOR payments SERVER aws OPTIONS (SET access_key_id '$key{AccessKeyId}', SET secret_access_key '$key{SecretAccessKey}', $verb session_token '$key{SessionToken}')");
	return $key{SessionToken};
}

# -- keys of a role, which end
my $token = take_keys(900, 'ADD');
$t->wait_for('SELECT state FROM sqs.status', 'running');
arrives('keys of a role work');
$lab->advance(1000);
$t->wait_for('SELECT state FROM sqs.status', 'error');
my $status = $t->status('s');
is($status->{last_error_sqlstate}, '28000', "they have ended: $status->{last_error}");
ok($status->{last_error_hint}, 'and the hint says what to do: ' . ($status->{last_error_hint} // ''));
is(lines('subscription "s" needs help'), 1, 'one line in the log says so');
my $before = requests();
$lab->send_messages($queue, [ 'g', 'd' . ++$sent, qq({"id": $sent}) ]);
$t->wait_until('it tries again', sub { requests() > $before });
is(lines('subscription "s" needs help'), 1, 'and no more, however often it fails');
$token .= take_keys(900, 'SET');
ok($t->wait_for('SELECT count(*) FROM t', $sent), 'new keys are used at once');
$t->wait_for('SELECT state FROM sqs.status', 'running');

# -- refused for a while, then not: without anybody
my $pid = $t->status('s')->{pid};
my $help = lines('needs help');
$t->wait_until('a poll is open', sub { $lab->stats->{waiting_polls} == 1 });
$lab->fault(service => 'sqs', times => -1, do => 'error', status => 403, code => 'ExpiredToken', message => 'the token has expired');
$lab->advance(20);
$t->wait_for('SELECT state FROM sqs.status', 'error');
$lab->clear_faults;
arrives('it goes on by itself');
$t->wait_for('SELECT state FROM sqs.status', 'running');
is($t->status('s')->{pid}, $pid, 'in the same process');
is(lines('needs help') - $help, 1, 'one line when it began');
is(lines('runs again'), 1, 'one line when it was over');

# -- clocks
my $clocks = 0;
for my $skew (1200, -1200)
{
	$lab->control(POST => 'clock', { skew_seconds => $skew });
	$lab->advance(20);
	$sent++;
	$t->sql(qq{SELECT sqs.send('s', '{"id": $sent}', 'g', 'd$sent')});
	ok($t->wait_for('SELECT count(*) FROM t', $sent), "with a clock that is $skew seconds off messages are sent and received");
	is($t->status('s')->{state}, 'running', '... which is no trouble');
	is(lines('clock'), ++$clocks, '... and told in one line: ' . (grep { /clock/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile))[-1]);
}
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/\Q$token\E|SessionToken/, 'no token in the log');
$t->finish;
done_testing;
