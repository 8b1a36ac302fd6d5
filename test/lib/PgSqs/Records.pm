# PgSqs::Records: NDJSON as benchmark and profile send it.
package PgSqs::Records;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(records);

# So many records; another prefix makes other ids.
sub records
{
	my ($count, $prefix) = @_;
	$prefix //= 'TX';
	return join '', map {
		sprintf qq({"transaction_id": "%s-%06d", "account_id": "A-%d", "booked_at": "2026-01-31T23:59:58.123+01:00", "amount": %d.%02d, "fee": 1.10, "currency": "EUR", "counterparty": {"name": "Zoë & Søn", "reference": "%d"}, "description": "a record of the usual size, neither long nor short"}\n),
		$prefix, $_, $_ % 1000, 1000 + $_ * 7, $_ % 100, $_
	} 1 .. $count;
}

1;
