# L1 enrichment of a raw transaction.
#
# Keeps every field, and adds
#   schema     the version of this form
#   booked_on  the calendar day of booked_at, as written there (no time zone
#              is converted); null where booked_at is missing
# No arithmetic on money: amounts pass as the literals they came in.
. + {
    schema: "transaction.v1",
    booked_on: (
        if .booked_at == null then null
        elif (.booked_at | type) == "string"
            and (.booked_at | test("^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])([T ]|$)"))
        then .booked_at[0:10]
        else error("booked_at must begin with a date such as 2026-01-31")
        end
    )
}
