# A credential_process below a background worker of PostgreSQL: it inherits
# nothing of the server, disturbs nothing, and goes when the worker goes.
use strict;
use warnings;

use PgSqs::Test qw(timed);
use Test::More;

my $files = "$ENV{TESTDATADIR}/process";
mkdir $files;
my $t = PgSqs::Test->new('process', env => sub { return (FROM_THE_SERVER => 'yes') });
my ($lab, $node) = @$t{qw(lab node)};
my $keys = qq({"Version": 1, "AccessKeyId": "$lab->{access_key}", "SecretAccessKey": "$lab->{secret_key}"});
my $sent = 0;

sub spit { my ($name, $text) = @_; open my $out, '>', "$files/$name.new" or die "$name: $!"; print $out $text; close $out; rename "$files/$name.new", "$files/$name" or die $!; return }
sub slurp { my ($name) = @_; return -s "$files/$name" ? PostgreSQL::Test::Utils::slurp_file("$files/$name") : '' }
sub lives { my ($pid) = @_; open my $stat, '<', "/proc/$pid/stat" or return 0; return readline($stat) !~ /^\d+ \(.*\) [ZX] / }

# The script tells of itself, then prints keys; what it starts tells its pid.
sub write_script
{
	my ($body) = @_;
	spit('keys', "echo \$\$ \$PPID >'$files/pids.new'; mv '$files/pids.new' '$files/pids'\n$body\n");
	return;
}
spit('config', "[profile tool]\ncredential_process = sh '$files/keys' # for the test\n");
write_script(<<"SH");
(ls /proc/\$\$/fd | tr '\\n' ' '; echo; grep -h '^Sig[BC]' /proc/\$\$/status; cut -d' ' -f5 /proc/\$\$/stat; echo "\$FROM_THE_SERVER"; pwd) >'$files/seen.new'
mv '$files/seen.new' '$files/seen'
echo for nobody >&2
sleep 0.3
echo '$keys'
SH

$t->sql("DROP USER MAPPING FOR payments SERVER aws; ALTER SERVER aws OPTIONS (ADD credentials 'host', ADD profile 'tool', ADD config_file '$files/config', ADD credentials_file '/dev/null')");
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');

sub arrives
{
	my ($name) = @_;
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
	return ok($t->wait_for('SELECT count(*) FROM t', $sent), $name);
}

# -- keys that a process prints
arrives('messages arrive with the keys that a process printed');
my ($descriptors, $blocked, $caught, $group, $environment, $folder) = split /\n/, slurp('seen');
like($descriptors, qr/^0 1 (?:10 )?2 (?:255 )?$/, 'the script has three descriptors, and the one by which its shell reads it');
like($blocked, qr/^SigBlk:\s+0+$/, 'no blocked signal');
like($caught, qr/^SigCgt:\s+0+[0-9a-f]{0,5}$/, 'no handler of the server') or diag($caught);
my ($shell, $worker) = split ' ', slurp('pids');
isnt($group, $t->status('s')->{pid}, 'a process group of its own');
is($environment, 'yes', "the server's environment");
is($folder, $node->data_dir, "and its directory");
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/for nobody|\Q$lab->{secret_key}\E/, 'nothing that it prints is in the log');
my $pid = $t->status('s')->{pid};
my $children = `cat /proc/$pid/task/$pid/children 2>/dev/null`;
is($children, '', 'the worker has no child, living or dead');

# -- a process that hangs: whoever stops the consumer does not wait for it
sub hang
{
	write_script("sleep 1000 & echo \$! >'$files/left.new'; mv '$files/left.new' '$files/left'; wait");
	unlink "$files/pids", "$files/left";
	$t->sql("SELECT sqs.disable('s')");
	$t->wait_for('SELECT state FROM sqs.status', 'disabled');
	$t->sql("SELECT sqs.enable('s')");
	$t->wait_until('the process hangs', sub { -s "$files/left" && -s "$files/pids" });
	return (slurp('left') + 0, split(' ', slurp('pids')));
}

my @hanging = hang();
cmp_ok(timed(sub { $t->sql("SELECT sqs.disable('s')"); $t->wait_for('SELECT state FROM sqs.status', 'disabled') }), '<', 10, 'a consumer is stopped while its process hangs');
ok($t->wait_until('it is gone', sub { !lives($hanging[0]) && !lives($hanging[1]) }), 'and the process is gone, with what it had started');

# -- and a statement of its own that waits for the process, and is cancelled
@hanging = hang();
unlink "$files/left", "$files/pids";
my ($code, $out, $err) = $node->psql('postgres', "SET statement_timeout = '5s'; SELECT * FROM sqs.queue_state('s')");
like($err, qr/canceling statement due to statement timeout/, 'a statement that waits for a process can be cancelled');
my @own = (slurp('left') + 0, split(' ', slurp('pids')));
ok($t->wait_until('it is gone', sub { !lives($own[0]) && !lives($own[1]) }), 'and its process ends with it');

cmp_ok(timed(sub { $node->stop('fast') }), '<', 10, 'so is the server');
ok($t->wait_until('it is gone', sub { !lives($hanging[0]) && !lives($hanging[1]) }), 'and the process with it');
write_script("echo '$keys'");
$node->start;
arrives('after a start the process is run again');

# -- a process that fails: said once, with what to do, and looked for again
write_script('exit 5');
$t->sql("SELECT sqs.disable('s')");
$t->wait_for('SELECT state FROM sqs.status', 'disabled');
$t->sql("SELECT sqs.enable('s')");
ok($t->wait_until('it is told', sub { PostgreSQL::Test::Utils::slurp_file($node->logfile) =~ /profile "tool": the credential_process ended with status 5; run it as this user/ }),
	'a process that fails is in the log, with its status');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/terminated by signal|server process .* exited|PANIC|TRAP/, 'and nothing of all this was a crash');
write_script("echo '$keys'");
arrives('when it works again, so does the consumer');

$t->finish;
done_testing;
