# Keys by the shared files, as a host's chain finds them: roles that the lab's
# STS hands out over ten hours, through an outage and with wrong clocks; a web
# identity whose token is replaced; a process; files that change.
use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use PgSqs::Client;
use PgSqs::Lab;
use Test::More;

my $lab = PgSqs::Lab->start(journal => "$ENV{TESTDATADIR}/profiles.ndjson", arguments => [ '--clock', 'virtual' ]);
my $queue = $lab->create_queue('q.fifo');
my $home = "$ENV{TESTDATADIR}/home";
my $role = 'arn:aws:iam::123456789012:role';
my $keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";
my $program = "$ENV{PG_SQS_STAGE}/bin/lab_client";
my $ahead = 0;
mkdir $_ for $home, "$home/.aws";

# A file is replaced at once, as careful programs do.
sub put
{
	my ($name, $text) = @_;
	open my $file, '>', "$home/$name.new" or die "$name: $!";
	print $file $text;
	close $file;
	rename "$home/$name.new", "$home/$name" or die "$name: $!";
	return;
}

# -- a client in an environment of its own, and what it answers to a line
sub start_client
{
	my (%environment) = @_;
	my $client = PgSqs::Client->start([ $program, 'default', $queue ],
		AWS_ENDPOINT_URL => $lab->endpoint, AWS_REGION => $lab->{region}, AWS_EC2_METADATA_DISABLED => 'true', PATH => $ENV{PATH}, HOME => $home, %environment);
	$client->ask("awake $ahead");
	return $client;
}

# Time passes for the lab, its services' clocks and the client.
sub let_pass
{
	my ($client, $seconds) = @_;
	$ahead += $seconds;
	$lab->control(POST => 'clock', { advance_seconds => $seconds, skew_seconds => $ahead });
	return $client->ask("awake $seconds");
}

# What STS heard since the last call, as "action status".
sub asked { return map { "$_->{action} $_->{status}" } grep { $_->{request} && $_->{service} eq 'sts' } $lab->journal_news }

# Calls so many times, so many seconds apart; the answers that are no success.
sub call_often
{
	my ($client, $times, $seconds) = @_;
	my @wrong;
	for (1 .. $times)
	{
		my $answer = $client->call;
		push @wrong, $answer if $answer ne 'ok called';
		let_pass($client, $seconds);
	}
	return \@wrong;
}

# -- a role of a role, over ten hours
put('.aws/credentials', "[base]\n$keys");
put('.aws/config', "[profile app]\nrole_arn = $role/app\nsource_profile = hub\nrole_session_name = app\n"
	. "[profile hub]\nrole_arn = $role/hub\nsource_profile = base\nexternal_id = a/b\n");
my $client = start_client(AWS_PROFILE => 'app');
asked();
is($client->call, 'ok called', 'a call signed with the keys of a role, which another role assumed');
is_deeply([ asked() ], [ 'AssumeRole 200', 'AssumeRole 200' ], 'two calls of STS');
like(join("\n", $client->news), qr/^AWS credentials from profile "app" obtained, valid until 2[^\n]+$/, 'one line tells of the keys');
is_deeply(call_often($client, 120, 300), [], 'ten hours of calls, not one refused');
my @news = $client->news;
my @asked = asked();
is(scalar(grep { !/renewed/ } @news), 0, 'one line for each renewal') or diag(join "\n", @news);
cmp_ok(scalar(@news), '>=', 10, 'which came ahead of the end of each hour');
cmp_ok(scalar(@news), '<=', 15, 'and not more often');
is(scalar(@asked), 2 * @news, 'each by two calls of STS') or diag(join ', ', @asked);
is(scalar(grep { $_->{request} && $_->{status} != 200 } $lab->journal), 0, 'nobody refused anything');

# -- five minutes without STS, while the keys are due
$client->stop;
$client = start_client(AWS_PROFILE => 'app');
$client->call;
$client->news;
let_pass($client, 2800);
$lab->fault(service => 'sts', do => 'drop_before', times => -1);
is_deeply(call_often($client, 10, 30), [], 'the old keys sign while STS is down');
@news = $client->news;
is(scalar(@news), 1, 'one line tells of it') or diag(join "\n", @news);
like($news[0], qr/^AWS credentials from profile "app" cannot be renewed, the old ones stay in use, valid until .*: .*profile "app": cannot assume the role \Q$role\E\/app: /, 'and why');
$lab->clear_faults;
for (1 .. 30)
{
	last if @news = $client->news;
	$client->call;
	let_pass($client, 5);
}
like($news[0] // 'nothing', qr/renewed/, 'and one of the end');

# -- refused from now on: what STS says is handed on
$lab->fault(service => 'sts', do => 'error', status => 403, code => 'AccessDenied', message => 'not you', times => -1);
$client->stop;
$client = start_client(AWS_PROFILE => 'app');
like($client->call, qr{^error credentials: no AWS credentials found \(shared files: profile "app": cannot assume the role \Q$role\E/app: cannot assume the role \Q$role\E/hub: AccessDenied: not you; environment: },
	'a refusal names profile, roles and reason');
$lab->clear_faults;
$client->stop;

# -- clocks that are twenty minutes wrong, one way and the other
for my $skew (1200, -1200)
{
	$lab->control(POST => 'clock', { skew_seconds => $ahead + $skew });
	$client = start_client(AWS_PROFILE => 'app');
	is($client->call, 'ok called', "a clock that is $skew seconds off");
	like(join("\n", $client->news), qr/clock/, '... is told of');
	$client->stop;
}
$lab->control(POST => 'clock', { skew_seconds => $ahead });

# -- a web identity; its token ends and is replaced, and once is not
sub token
{
	my ($seconds) = @_;
	my $now = int($lab->control(GET => 'clock')->{now_ms} / 1000);
	return join('.', map { encode_base64url($_) } '{"alg":"none"}',
		qq({"sub":"system:serviceaccount:a:b","iss":"https://oidc.example","aud":["sts.amazonaws.com"],"exp":@{[ $now + $seconds ]}}), 'signature');
}
my %pod = (AWS_WEB_IDENTITY_TOKEN_FILE => "$home/token", AWS_ROLE_ARN => "$role/pod", AWS_ROLE_SESSION_NAME => 'pod');
put('token', token(1200));
asked();
$client = start_client(%pod);
is($client->call, 'ok called', 'a call signed with the keys of a web identity');
for (1 .. 20)
{
	my $answer = $client->call;
	is($answer, 'ok called', 'a call') if $answer ne 'ok called';
	let_pass($client, 900);
	put('token', token(1200));
}
@asked = asked();
cmp_ok(scalar(@asked), '>=', 5, 'five hours, and a token that is replaced every fifteen minutes');
is(scalar(grep { $_ ne 'AssumeRoleWithWebIdentity 200' } @asked), 0, 'each was read when it was sent') or diag(join ', ', @asked);
$client->call;
$client->news;
let_pass($client, 3000);
is($client->call, 'ok called', 'a token that has ended: the old keys stay');
like(join("\n", $client->news), qr/cannot be renewed.*cannot assume the role \Q$role\E\/pod: ExpiredTokenException: /, 'which is told');
put('token', token(1200));
let_pass($client, 120);
is($client->call, 'ok called', 'another token');
like(join("\n", $client->news), qr/renewed/, 'is found');
$client->stop;
put('token', "nonsense\n");
$client = start_client(%pod);
like($client->call, qr/^error credentials: .*InvalidIdentityToken: /, 'what is no token');
$client->stop;
unlink "$home/token";
$client = start_client(%pod);
like($client->call, qr{^error credentials: .*cannot open file "\Q$home\E/token"}, 'no token file');
$client->stop;

# -- a process, slow and without an end of its keys, then a failing one
my $json = '{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}';
my $script = "$home/keys";
sub runs { open my $file, '<', "$home/runs" or return 0; my @lines = <$file>; return scalar @lines }
put('keys', "echo x >>'$home/runs'\nsleep 0.2\necho '$json'\necho not for the log >&2\n");
put('.aws/config', "[default]\nrole_arn = $role/app\nsource_profile = tool\n[profile tool]\ncredential_process = sh '$script'\n");
$client = start_client();
asked();
is($client->call, 'ok called', 'a role with the keys that a process printed');
is_deeply([ runs(), asked() ], [ 1, 'AssumeRole 200' ], 'run once');
is_deeply(call_often($client, 24, 300), [], 'two hours');
cmp_ok(runs(), '>=', 3, 'run again for each renewal');
cmp_ok(runs(), '<=', 4, 'only then');
$client->news;
put('keys', "exit 7\n");
let_pass($client, 1700);
is($client->call, 'ok called', 'a process that fails leaves the old keys');
like(join("\n", $client->news), qr/cannot be renewed.*the credential_process ended with status 7/, 'which is told');
$client->stop;

# -- files that change under a client
put('.aws/config', '');
put('.aws/credentials', "[default]\n$keys");
$client = start_client();
is($client->call, 'ok called', 'keys of the default profile');
like(join("\n", $client->news), qr/^AWS credentials from profile "default" obtained$/, 'which have no end');
put('.aws/credentials', "[default\n$keys");
let_pass($client, 61);
is($client->call, 'ok called', 'a file that is broken');
like(join("\n", $client->news), qr{cannot be renewed.*file "\Q$home\E/.aws/credentials", line 1: }, 'is told, with its line, once');
put('.aws/credentials', "[default]\n$keys");
let_pass($client, 61);
$client->call;
like(join("\n", $client->news), qr/renewed/, 'so is that it is whole again');
$client->stop;
$client = start_client(AWS_PROFILE => 'nobody');
like($client->call, qr{^error credentials: .*there is no profile "nobody" in \Q$home\E/.aws/credentials or}, 'a profile that is not there');
is($client->stop, 0, 'the client ends');

done_testing;
