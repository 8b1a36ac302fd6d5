# The third form of a transaction: what the regulator is told.
#
# From 10 000 on a transaction is reported.  A correction is always sent, for
# it may withdraw what was reported before.  jq compares as doubles, which is
# exact enough for a threshold; the amount itself leaves digit by digit.
(.version // 1) as $version
| select(.amount >= 10000 or $version > 1)
| {
    report_id: "\(.transaction_id)/\($version)",
    transaction_id,
    version: $version,
    status: (if .amount >= 10000 and .reversed != true then "reported" else "withdrawn" end),
    booked_at,
    amount,
    currency,
    counterparty: .counterparty.name
}
