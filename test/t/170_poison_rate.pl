# Poison in one group leaves the other groups nine tenths of their rate, even as
# fast as a consumer can go: their messages are not tried again and again
# because of it.  Seconds would depend on what else the machine does, so what is
# measured is work: rows that were written into the ledger and those that stayed.
use strict;
use warnings;

use PgSqs::Test;
use Test::More;

my $t = PgSqs::Test->new('rate');
my $lab = $t->{lab};

# Rows ever inserted into a table, also by transactions that were undone.
sub inserted
{
	my ($table) = @_;
	$t->wait_for(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_sqs consumer%' OR application_name LIKE 'pg_sqs consumer%'}, '0');
	return $t->sql("SELECT pg_stat_clear_snapshot(); SELECT n_tup_ins FROM pg_stat_all_tables WHERE relid = '$table'::regclass") =~ s/^\n//r;
}

# A backlog of innocent messages with culprits of one group among them: how
# much of what was done for the innocent ones had to be done?
sub drain
{
	my ($policy, $innocent, $poison) = @_;
	my $queue = $t->subscribe($policy, "$policy.fifo", "CREATE TABLE $policy (id integer)", $policy, more => "policy => '$policy'");
	$t->sql(qq{SELECT sqs.disable('$policy')});
	my $before = inserted('sqs.ledger');
	my @messages = map { [ 'g' . $_ % 40, "$policy$_", qq({"id": $_}) ] } 1 .. $innocent;
	splice @messages, 1 + $_ * $innocent / $poison, 0, [ 'poisoned', "$policy-p$_", '{"id": "poison"}' ] for reverse 0 .. $poison - 1;
	while (my @some = splice @messages, 0, 500) { $lab->send_messages($queue, @some) }
	$t->sql(qq{SELECT sqs.enable('$policy')});
	$t->wait_for("SELECT count(*) FROM $policy", $innocent);
	is($t->sql("SELECT state FROM sqs.status WHERE subscription = '$policy'"), 'running', "$policy: it runs");
	$t->sql(qq{SELECT sqs.disable('$policy')});
	return $innocent / (inserted('sqs.ledger') - $before);
}

for my $policy (qw(quarantine quarantine_group block))
{
	my $share = drain($policy, 5000, 40);
	cmp_ok($share, '>=', 0.9, sprintf('%s: %.0f %% of the work was needed', $policy, 100 * $share));
}
$t->finish;
done_testing;
