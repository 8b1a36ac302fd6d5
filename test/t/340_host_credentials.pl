# Credentials that the server's host hands out: a consumer signs with them,
# takes the next ones before or when they end, outlives a source that does not
# answer, and writes one line to the log for each change.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $files = "$ENV{TESTDATADIR}/host";
my $home = "$files/home";
mkdir $_ for $files, $home;
my $t = PgSqs::Test->new('host', env => sub { environment(@_) });
my ($lab, $node) = @$t{qw(lab node)};
my $sent = 0;
my $queue;

# What the PostgreSQL server finds on its host: instance metadata, and no files.
sub environment
{
	my ($lab) = @_;
	return (HOME => $home, AWS_EC2_METADATA_SERVICE_ENDPOINT => $lab->endpoint, AWS_ENDPOINT_URL_STS => $lab->endpoint, AWS_REGION => 'eu-west-1');
}
sub lines { my ($what) = @_; return scalar grep { /LOG: .*$what/ } split /\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile) }
sub spit { my ($name, $text) = @_; open my $out, '>', "$files/$name" or die "$name: $!"; print $out $text; close $out; return "$files/$name" }
sub arrives
{
	my ($name) = @_;
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
	return ok($t->wait_for('SELECT count(*) FROM t', $sent), $name);
}
sub state_is { my ($state) = @_; return $t->wait_for('SELECT state FROM sqs.status', $state) }
sub requests { my ($what) = @_; return $lab->stats->{counts}{$what}{requests} // 0 }
sub restart_with
{
	my (%more) = @_;
	local %ENV = (%ENV, environment($lab), %more);
	return $node->restart;
}

$t->sql("DROP USER MAPPING FOR payments SERVER aws; ALTER SERVER aws OPTIONS (ADD credentials 'host')");
$queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');

# -- instance metadata: ten hours
arrives('with the keys of instance metadata messages are received');
cmp_ok(requests('metadata.token'), '>=', 1, 'with a token, as version 2 has it');
my $pid = $t->status('s')->{pid};
for my $hours (1 .. 10)
{
	$lab->advance(3600);
	arrives("... after $hours hours");
}
is($t->status('s')->{pid}, $pid, 'in one process');
is(lines('needs help'), 0, 'nobody was called');
cmp_ok(lines('AWS credentials'), '>=', 1, 'a change of keys is told');
cmp_ok(lines('AWS credentials'), '<=', 3, 'once a change: ' . lines('AWS credentials'));

# -- an outage of ten minutes, in which the keys go on to be good
$lab->control(PUT => 'credentials', { lifetime_seconds => 6 });
$lab->fault(service => 'sqs', action => 'ReceiveMessage', do => 'error', status => 403, code => 'ExpiredToken', message => 'the token has expired');
$lab->advance(20);
arrives('keys for six seconds');
my $told = lines('AWS credentials');
$lab->fault(service => 'metadata', times => -1, do => 'error', status => 503);
$t->wait_until('the log says that they cannot be renewed', sub { lines('cannot be renewed|could not be renewed') == 1 });
state_is('running');
$lab->clear_faults;
$lab->control(PUT => 'credentials', { lifetime_seconds => 0 });
$lab->advance(20);
arrives('when the source answers again, it goes on');
is(lines('could not be renewed|cannot be renewed'), 1, 'the outage was told once');
is($t->status('s')->{pid}, $pid, 'in the same process');

# -- a container's endpoint, whose token rotates
my $token_file = spit('token', 'first-token');
$lab->control(PUT => 'credentials', { container_token => 'first-token', lifetime_seconds => 0 });
restart_with(AWS_CONTAINER_CREDENTIALS_FULL_URI => $lab->endpoint . '/v2/credentials/x', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $token_file);
state_is('running');
arrives('with the keys of a container');
spit('token', 'second-token');
$lab->control(PUT => 'credentials', { container_token => 'second-token' });
$lab->advance(7 * 3600);
arrives('... and with the next ones, asked for with the new token');
is(lines('needs help'), 0, 'nobody was called');

# -- a web identity, whose token rotates
require MIME::Base64;
sub jwt
{
	my ($n) = @_;
	my $b64 = sub { my $text = MIME::Base64::encode_base64($_[0], ''); $text =~ tr{+/=}{-_}d; return $text };
	return join '.', $b64->('{"alg":"RS256"}'), $b64->(qq({"sub":"s$n","iss":"https://issuer.example","aud":"sts.amazonaws.com","exp":4102444800})), $b64->("signature$n");
}
spit('identity', jwt(1));
restart_with(AWS_WEB_IDENTITY_TOKEN_FILE => "$files/identity", AWS_ROLE_ARN => 'arn:aws:iam::123456789012:role/reader', AWS_ROLE_SESSION_NAME => 'pg');
state_is('running');
arrives('with the keys of a web identity');
spit('identity', jwt(2));
$lab->advance(2 * 3600);
arrives('... and with the next ones');
my $before = lines('needs help');
unlink "$files/identity";
$lab->advance(2 * 3600);
state_is('error');
$t->wait_for("SELECT last_error LIKE '%others cannot be had%' FROM sqs.status", 't');
like($t->status('s')->{last_error}, qr{host/identity}, 'a token file that is gone is named: ' . $t->status('s')->{last_error});
is(lines('needs help') - $before, 1, '... once in the log');
spit('identity', jwt(3));
state_is('running');
arrives('... and when it is back, it goes on');

# -- a profile: a role to assume with the keys of another
spit('config', <<"CONFIG");
[profile reader]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = base
region = eu-west-1

[profile base]
region = eu-west-1
CONFIG
spit('credentials', "[base]\naws_access_key_id = $lab->{access_key}\naws_secret_access_key = $lab->{secret_key}\n");
restart_with();
$t->sql("ALTER SERVER aws OPTIONS (ADD profile 'reader', ADD config_file '$files/config', ADD credentials_file '$files/credentials')");
state_is('running');
arrives('with the keys of a role of a profile');
$lab->advance(2 * 3600);
arrives('... and with the next ones');
$t->sql("ALTER SERVER aws OPTIONS (SET profile 'nobody')");
state_is('error');
like($t->status('s')->{last_error}, qr/nobody/, 'a profile that is missing is named: ' . $t->status('s')->{last_error});
$t->sql("ALTER SERVER aws OPTIONS (SET profile 'base')");
state_is('running');
arrives('plain keys of a profile');

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/first-token|second-token|signature\d|SessionToken/, 'no token in the log');
$t->finish;
done_testing();
