# The second form of a transaction: what the customer is told.
#
# Takes the few members that a customer should see, and says whether this is
# the first confirmation or a correction.  A reversed transaction is not
# confirmed: there is no result, so no message.
select(.reversed != true)
| (.version // 1) as $version
| {
    transaction_id,
    version: $version,
    kind: (if $version > 1 then "correction" else "confirmation" end),
    account_id,
    booked_at,
    amount,
    fee,
    currency,
    text: .description
}
