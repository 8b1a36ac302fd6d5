-- The first form of a transaction: one row for each message, by column name.
-- A key without a column is ignored, a column without a key takes its default.
CREATE TABLE transactions (
	transaction_id text NOT NULL,
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
