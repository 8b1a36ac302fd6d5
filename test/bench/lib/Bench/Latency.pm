# Bench::Latency: from SendMessage's answer to the row that another session
# sees, one message at a time.
#
# The other session asks for the row again and again, within one function so
# that nothing but the query lies between two looks, and tells by the machine's
# clock when it saw it; the sender reads the same clock when it has its answer.
# The next message is sent when the one before is deleted.
package Bench::Latency;

use strict;
use warnings;

use Bench::Drain;
use Carp;
use Time::HiRes qw(sleep time);

sub measure
{
	my ($world, $count) = @_;
	my $drain = Bench::Drain->new($world, Bench::Drain::scenario('main'));
	my $table = $drain->{tables}[0];
	my $url = $world->{lab}->sqs(GetQueueUrl => { QueueName => "$drain->{queue}.fifo" })->{QueueUrl};
	my $observer = $world->session;
	$world->sql("CREATE INDEX ON $table (transaction_id)");
	$world->sql(<<"SQL");
CREATE FUNCTION seen_at(id text) RETURNS numeric LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	until timestamptz := clock_timestamp() + interval '30 s';
BEGIN
	LOOP
		PERFORM FROM $table WHERE transaction_id = id;
		IF FOUND THEN RETURN extract(epoch FROM clock_timestamp()); END IF;
		IF clock_timestamp() > until THEN RETURN NULL; END IF;
	END LOOP;
END \$\$
SQL
	my @ms;
	for my $n (1 .. $count)
	{
		my $id = sprintf 'LONE-%06d', $n;
		$observer->send("SELECT seen_at('$id')");
		$world->{lab}->sqs(SendMessage => { QueueUrl => $url, MessageGroupId => 'g' . $n % 100, MessageDeduplicationId => $id,
				MessageBody => Bench::Drain::body_of() =~ s/TX-########/$id/r =~ tr/#/7/r });
		my $answered = time;
		my $seen = $observer->answer;
		croak "a message did not arrive within 30 s\n" . $world->trouble if $seen eq '';
		push @ms, 1000 * ($seen - $answered);
		until ($world->left($drain->{queue})->{messages_count} == 0) { sleep 0.0005 }
	}
	$drain->{rows} += $count;
	$drain->check;
	undef $observer;
	$world->sql('DROP FUNCTION seen_at');
	$drain->end;
	my @sorted = sort { $a <=> $b } @ms;
	my $of = sub { return $sorted[ int($_[0] * $#sorted + 0.5) ] };
	return { messages => $count, p50 => $of->(0.5), p90 => $of->(0.9), p99 => $of->(0.99), max => $sorted[-1],
		curve => [ map { [ $_, $of->($_ / 100) ] } 0 .. 100 ] };
}

1;
