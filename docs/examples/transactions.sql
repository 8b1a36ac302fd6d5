-- The first form of a transaction: one row for each transaction, by column
-- name, in its newest version. A member without a column is ignored, a column
-- without a member takes its default.
CREATE TABLE transactions (
	transaction_id text PRIMARY KEY,
	version integer NOT NULL DEFAULT 1,
	account_id text,
	booked_at timestamptz,
	booked_on date,
	amount numeric NOT NULL,
	fee numeric,
	currency char(3),
	counterparty jsonb,
	description text,
	landed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
