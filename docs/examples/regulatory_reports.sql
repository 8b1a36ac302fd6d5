-- The third form: what the regulator is told, made by a statement. One row for
-- each transaction, in its newest version; a correction may withdraw a report.
CREATE TABLE regulatory_reports (
	transaction_id text PRIMARY KEY,
	version integer NOT NULL,
	status text NOT NULL CHECK (status IN ('reported', 'below threshold')),
	total numeric NOT NULL,
	currency char(3),
	counterparty text,
	source text
);
