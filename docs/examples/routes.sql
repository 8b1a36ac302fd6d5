-- The three forms of every message of the subscription "transactions". They
-- are written in one database transaction: all three, or none.
SELECT sqs.add_route('transactions', 'transactions', 'transactions',
	key => ARRAY['transaction_id'], version => 'version');

SELECT sqs.add_route('transactions', 'confirmations', 'confirmations',
	key => ARRAY['transaction_id', 'version']);

SELECT sqs.add_route('transactions', 'regulatory_reports', statement => $$
	INSERT INTO regulatory_reports AS r
	SELECT DISTINCT ON (1)
		body->>'transaction_id',
		coalesce((body->>'version')::integer, 1) AS version,
		CASE WHEN (body->>'amount')::numeric >= 10000 THEN 'reported' ELSE 'below threshold' END,
		(body->>'amount')::numeric + coalesce((body->>'fee')::numeric, 0),
		body->>'currency',
		body->'counterparty'->>'name',
		attributes->'source_key'->>'value'
	FROM batch
	ORDER BY 1, version DESC
	ON CONFLICT (transaction_id) DO UPDATE
	SET version = EXCLUDED.version, status = EXCLUDED.status, total = EXCLUDED.total,
		currency = EXCLUDED.currency, counterparty = EXCLUDED.counterparty, source = EXCLUDED.source
	WHERE r.version < EXCLUDED.version
$$);
