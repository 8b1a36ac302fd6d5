# The keys of an instance and of a container, as the lab's metadata service
# hands them out: over ten hours, through an outage, with tokens that end,
# and where there are none.
use strict;
use warnings;

use PgSqs::Client;
use PgSqs::Lab;
use Test::More;
use Time::HiRes qw(time);

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/places.ndjson", arguments => [ '--clock', 'virtual' ]);
my $queue = $lab->create_queue('q.fifo');
my $program = "$ENV{PG_SQS_STAGE}/bin/lab_client";
my $ahead = 0;

# -- a client in an environment of its own, and what it answers to a line
sub start_client
{
	my ($provider, %environment) = @_;
	my $client = PgSqs::Client->start([ $program, $provider, $queue ],
		AWS_REGION => $lab->{region}, AWS_ENDPOINT_URL => $lab->endpoint, PATH => '/nonexistent', HOME => '/nonexistent', %environment);
	$client->ask("awake $ahead");
	return $client;
}

# Time passes for the lab, its services' clocks and the client.
sub let_pass
{
	my ($client, $seconds, $how) = @_;
	$ahead += $seconds;
	$lab->control(POST => 'clock', { advance_seconds => $seconds, skew_seconds => $ahead });
	return $client->ask(($how // 'awake') . " $seconds");
}

# What was asked of the metadata service since the last call, as "action status".
sub asked { return map { "$_->{action} $_->{status}" } grep { $_->{request} && $_->{service} eq 'metadata' } $lab->journal_news }
sub metadata { my (%settings) = @_; return $lab->control(PUT => 'credentials', \%settings) }



my %instance = (AWS_EC2_METADATA_SERVICE_ENDPOINT => $lab->endpoint);
my $client = start_client('imds', %instance);

# -- the first keys
is($client->call, 'ok called', 'a call signed with the keys of the instance');
is_deeply([ asked() ], [ 'token 200', 'role 200', 'credentials 200' ], 'token, role, keys');
like(($client->news)[0], qr/^AWS credentials from instance metadata obtained, valid until 2/, 'one line tells of them');
is($client->call, 'ok called', 'another call');
is_deeply([ asked() ], [], 'needs no other keys');
is($client->ask('region'), "ok $lab->{region}", 'the region of the instance');

# -- ten hours, five minutes at a time
asked();
my @wrong;
for (1 .. 120)
{
	let_pass($client, 300);
	my $answer = $client->call;
	push @wrong, $answer if $answer ne 'ok called';
}
is_deeply(\@wrong, [], 'ten hours of calls, not one refused');
my @news = $client->news;
is(scalar(grep { /renewed/ } @news), 1, 'the keys were renewed, once') or diag(join "\n", @news);
is(scalar(@news), 1, 'and nothing else was to tell') or diag(join "\n", @news);
my @asked = asked();
is(scalar(grep { /^token/ } @asked), 0, 'the token was kept');
is(scalar(grep { !/ 200$/ } @asked), 0, 'nothing was refused') or diag(join ', ', @asked);
is(scalar(grep { $_->{request} && $_->{service} eq 'sqs' && $_->{status} != 200 } $lab->journal), 0, 'nor by SQS');

let_pass($client, 2 * 3600);
is($client->call, 'ok called', 'two more hours');
is_deeply([ asked() ], [ 'token 200', 'role 200', 'credentials 200' ], 'the token is not used beyond its end');
$client->news;

# -- asleep for seven hours: the token has ended unseen, and is replaced
let_pass($client, 7 * 3600, 'asleep');
is($client->call, 'ok called', 'a call after a long sleep');
is_deeply([ asked() ], [ 'role 401', 'token 200', 'role 200', 'credentials 200' ], 'the token was refused once, and a new one asked for');
like(($client->news)[0], qr/renewed/, 'the keys are new');

# -- an outage of ten minutes, while the keys are due
metadata(lifetime_seconds => 1800);
let_pass($client, 6 * 3600);
is($client->call, 'ok called', 'keys of half an hour');
like(($client->news)[0], qr/renewed/, 'are there');
asked();
$lab->fault(service => 'metadata', do => 'drop_before', times => -1);
let_pass($client, 1260);
@wrong = ();
for (1 .. 10)
{
	my $answer = $client->call;
	push @wrong, $answer if $answer ne 'ok called';
	let_pass($client, 50);
}
is_deeply(\@wrong, [], 'the old keys sign while the metadata service is down');
@news = $client->news;
is(scalar(@news), 1, 'one line tells of it') or diag(join "\n", @news);
like($news[0], qr/^AWS credentials from instance metadata cannot be renewed, the old ones stay in use, valid until .*: no answer from \Q@{[ $lab->endpoint ]}\E: /, 'and why');
cmp_ok(scalar(@asked = asked()), '>=', 3, 'it was asked again and again');
$lab->clear_faults;
for (1 .. 20)
{
	let_pass($client, 5);
	$client->call;
	last if @news = $client->news;
}
is(scalar(@news), 1, 'one line tells of the end');
like($news[0], qr/renewed/, 'of the outage');
is($client->stop, 0, 'the client ends');

# -- a machine without a role, without the service, with the service switched off
metadata(role => '', lifetime_seconds => 0);
$client = start_client('imds', %instance);
like($client->call, qr/^error credentials: .*has no role/, 'an instance without a role');
$client->stop;
metadata(role => 'lab-role');
asked();
$lab->fault(service => 'metadata', action => 'token', do => 'error', status => 403, times => -1);
$client = start_client('imds', %instance);
like($client->call, qr/^error credentials: .*gives no tokens \(status 403\)/, 'no token');
is_deeply([ asked() ], ['token 403'], 'is the end: version 1 is never asked');
$client->stop;
$lab->clear_faults;
$lab->fault(service => 'metadata', action => 'token', do => 'hang', times => -1);
$client = start_client('imds', %instance);
my $began = time;
like($client->call, qr/^error credentials: no answer from .*hop limit of 2/, 'a token that never arrives, as in a container behind a bridge');
cmp_ok(time - $began, '<', 6, 'is known for that in about a second');
like($client->ask('region'), qr/^error credentials: no answer from .*EC2 instance\?/, 'no region either');
$client->stop;
$lab->clear_faults;
$lab->fault(service => 'metadata', action => 'credentials', do => 'error', status => 200, code => 'AssumeRoleUnauthorizedAccess', message => 'EC2 cannot assume the role');
$client = start_client('imds', %instance);
like($client->call, qr/^error credentials: .*"AssumeRoleUnauthorizedAccess": EC2 cannot assume the role/, 'a role that nobody may assume');
$client->stop;
$client = start_client('imds', %instance, AWS_EC2_METADATA_DISABLED => 'true');
like($client->call, qr/AWS_EC2_METADATA_DISABLED is true/, 'switched off by the environment');
$client->stop;
is(scalar(grep { $_->{request} && $_->{service} eq 'metadata' && $_->{status} == 401 } $lab->journal), 1,
	'of all requests one was refused for its token: none came without');

# -- a container: its token is in a file, which is replaced under it
my $token_file = "$ENV{TESTDATADIR}/token";
sub put_token { my ($text) = @_; open my $file, '>', "$token_file.new" or die $!; print $file $text; close $file; rename "$token_file.new", $token_file or die $!; return }
my %container = (AWS_CONTAINER_CREDENTIALS_FULL_URI => $lab->endpoint . '/v2/credentials/x', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $token_file,
	AWS_CONTAINER_AUTHORIZATION_TOKEN => 'old');
metadata(container_token => 'first', lifetime_seconds => 3600);
put_token('first');
asked();
$client = start_client('container', %container);
is($client->call, 'ok called', 'a call signed with the keys of a container');
is_deeply([ asked() ], ['container_credentials 200'], 'by one request');
for my $token (qw(second third fourth))
{
	metadata(container_token => $token, lifetime_seconds => 3600);
	put_token($token);
	let_pass($client, 3650);
	is($client->call, 'ok called', "with its $token token");
}
is_deeply([ asked() ], [ ('container_credentials 200') x 3 ], 'which is read each time');
is(scalar(grep { /obtained|renewed/ } $client->news), 4, 'four lines for four pairs of keys');

$lab->fault(service => 'metadata', action => 'container_credentials', do => 'error', status => 500, times => 2);
let_pass($client, 3650);
is($client->call, 'ok called', 'two failures');
is_deeply([ asked() ], [ 'container_credentials 500', 'container_credentials 500', 'container_credentials 200' ], 'and a success: three attempts');
$client->stop;

put_token('wrong');
$client = start_client('container', %container);
like($client->call, qr/^error denied: the credentials endpoint \Q@{[ $lab->endpoint ]}\E: /, 'a wrong token');
$client->stop;
put_token("fourth\n");
$client = start_client('container', %container);
like($client->call, qr/^error configuration: .*line break/, 'a line break in the file');
$client->stop;

# -- the host's chain finds both; the container comes first
put_token('fourth');
asked();
$client = start_client('default', %container, %instance);
is($client->call, 'ok called', 'the chain of the host');
like(($client->news)[0], qr/^AWS credentials from container obtained/, 'asks the container');
$client->stop;
$client = start_client('default', %instance);
is($client->call, 'ok called', 'and without one');
like(($client->news)[0], qr/^AWS credentials from instance metadata obtained/, 'the instance');
$client->stop;
$client = start_client('default', AWS_EC2_METADATA_DISABLED => 'true');
like($client->call, qr/environment: .*; container: .*; instance metadata: AWS_EC2_METADATA_DISABLED is true/, 'and says whom it asked');
$client->stop;

# -- the function itself: keys of a container, region and endpoint of a profile
$lab->control(POST => 'clock', { skew_seconds => 0 });
my $config = "$ENV{TESTDATADIR}/config";
open my $file, '>', $config or die $!;
print $file "[profile work]\nregion = $lab->{region}\nservices = lab\nendpoint_url = http://127.0.0.1:1\n",
	"[services lab]\nsqs =\n  endpoint_url = @{[ $lab->endpoint ]}\ns3 =\n  endpoint_url = @{[ $lab->endpoint ]}\n";
close $file;
$lab->s3(PUT => 'ledger-l0', undef);
$lab->s3_notify('ledger-l0', "arn:aws:lambda:$lab->{region}:123456789012:function:s3_to_sqs", "");
my $log = "$ENV{TESTDATADIR}/s3_to_sqs.log";
$lab->start_function('s3_to_sqs', $log, %container, QUEUE_URL => $queue, AWS_CONFIG_FILE => $config, AWS_PROFILE => 'work',
	map { $_ => '' } qw(AWS_REGION AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY));
$lab->s3(PUT => 'ledger-l0', 'one.json', content => '{"transaction_id": "T1"}');
my @sent;
for (1 .. 600)
{
	last if @sent = grep { ($_->{event} // '') eq 'sqs.sent' } $lab->journal;
	select undef, undef, undef, 0.05;
}
is(scalar(@sent), 1, 's3_to_sqs with the keys of a container and the endpoints of a profile') or diag(do { local (@ARGV, $/) = ($log); <> });

done_testing;
