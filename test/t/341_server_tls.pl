# A consumer over https, with an authority of our own named by ca_bundle: every
# certificate but the right one stops it with an error that says what to do,
# no request reaches a server that cannot prove who it is, and it goes on by
# itself when that is mended.
use strict;
use warnings;

use PgSqs::Test;
use PgSqs::Tls;
use Test::More;

my $t = PgSqs::Test->new('server_tls');
my ($lab, $node) = @$t{qw(lab node)};
my $tls = PgSqs::Tls->new($lab->address);
my $sent = 0;

# PostgreSQL must be able to read the authority's file: it runs as this user.
$t->sql("ALTER SERVER aws OPTIONS (SET endpoint '@{[ $tls->endpoint('good') ]}', ADD ca_bundle '@{[ $tls->authority('right') ]}')");
my $queue = $t->subscribe('s', 'q.fifo', 'CREATE TABLE t (id integer)', 't');
sub state_is { my ($state) = @_; return $t->wait_for('SELECT state FROM sqs.status', $state) }
sub arrives
{
	my ($name) = @_;
	$sent++;
	$lab->send_messages($queue, [ 'g', "d$sent", qq({"id": $sent}) ]);
	return ok($t->wait_for('SELECT count(*) FROM t', $sent), $name);
}
sub answered { return $lab->stats->{counts}{'sqs.ReceiveMessage'}{requests} + ($lab->stats->{counts}{'sqs.GetQueueAttributes'}{requests} // 0) }

# With another certificate, or another authority: what the status says.
sub refused
{
	my ($name, $expected, $endpoint, $authority) = @_;
	$t->sql("ALTER SERVER aws OPTIONS (SET endpoint '$endpoint', SET ca_bundle '" . $tls->authority($authority) . "')");
	$t->wait_for("SELECT last_error LIKE '%$endpoint%' FROM sqs.status", 't');
	my $before = answered();
	my $status = $t->status('s');
	like($status->{last_error}, $expected, "$name: $status->{last_error}");
	is($status->{last_error_sqlstate}, '08006', "$name: a failure of the connection, not of the data");
	my ($code, $out, $err) = $node->psql('postgres', "SELECT * FROM sqs.queue_state('s')");
	like($err, $expected, "$name: a caller of sqs.queue_state is told the same");
	is(answered(), $before, "$name: no request arrives");
	$t->sql("ALTER SERVER aws OPTIONS (SET endpoint '@{[ $tls->endpoint('good') ]}', SET ca_bundle '@{[ $tls->authority('right') ]}')");
	state_is('running');
	return arrives("$name: mended, it goes on");
}

arrives('with the right authority messages arrive');
refused('the wrong authority', qr/certificate.*ca_bundle/, $tls->endpoint('good'), 'wrong');
refused('an expired certificate', qr/expired.*renew/, $tls->endpoint('expired'), 'right');
refused('a certificate for another host', qr/name/, $tls->endpoint('other'), 'right');
refused('a server of an old TLS', qr/TLS 1\.2 or later/, $tls->endpoint('old'), 'right');

# A file that PostgreSQL cannot read, or that holds no certificate.
$t->sql("ALTER SERVER aws OPTIONS (SET ca_bundle '/nonexistent/ca.pem')");
$t->wait_for(q{SELECT last_error LIKE '%/nonexistent/ca.pem%' FROM sqs.status}, 't');
$t->sql("ALTER SERVER aws OPTIONS (SET ca_bundle '@{[ $tls->authority('right') ]}')");
state_is('running');
arrives('a missing file is named; when it is there, it goes on');

$tls->stop;
$t->finish;
done_testing();
