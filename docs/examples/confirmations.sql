-- The second form: what the customer is told, one row for each version of a
-- transaction, so that a correction is confirmed as well. It takes the few
-- members for which it has columns.
CREATE TABLE confirmations (
	transaction_id text,
	version integer DEFAULT 1,
	account_id text,
	amount numeric NOT NULL,
	fee numeric NOT NULL DEFAULT 0,
	currency char(3),
	total numeric GENERATED ALWAYS AS (amount + fee) STORED,
	confirmed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (transaction_id, version)
);
