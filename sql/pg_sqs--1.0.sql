/*
 * pg_sqs--1.0.sql
 *	  The schema sqs: configuration, ledger, and the functions over them.
 *
 * Everything is revoked from PUBLIC.  Two roles, which belong to the cluster
 * and not to the database, receive what operators and monitoring need; they
 * are made when missing and stay when the extension goes.  (They are not
 * named pg_...: PostgreSQL reserves such names.)
 */
\echo Use "CREATE EXTENSION pg_sqs" to load this file. \quit

-- A schema that was here before belongs to somebody; that must be a superuser.
DO $$
BEGIN
	IF NOT (SELECT r.rolsuper
			FROM pg_catalog.pg_namespace n
			JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
			WHERE n.nspname OPERATOR(pg_catalog.=) 'sqs') THEN
		RAISE EXCEPTION 'schema "sqs" exists and is not owned by a superuser'
			USING ERRCODE = 'insufficient_privilege',
			HINT = 'Rename that schema, then create the extension.';
	END IF;
END
$$;

DO $$
DECLARE
	wanted pg_catalog.name;
BEGIN
	FOREACH wanted IN ARRAY ARRAY['sqs_monitor', 'sqs_admin']::pg_catalog.name[] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
					   WHERE r.rolname OPERATOR(pg_catalog.=) wanted) THEN
			BEGIN
				EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
			EXCEPTION
				-- another database's CREATE EXTENSION was faster
				WHEN duplicate_object OR unique_violation THEN NULL;
			END;
		END IF;
	END LOOP;
	IF NOT pg_catalog.pg_has_role('sqs_admin', 'sqs_monitor', 'MEMBER') THEN
		GRANT sqs_monitor TO sqs_admin;
	END IF;
END
$$;

--
-- Tables
--

CREATE TABLE sqs.subscription (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name name NOT NULL UNIQUE CHECK (name OPERATOR(pg_catalog.<>) ''),
	owner regrole NOT NULL,
	server name NOT NULL,
	queue_url text NOT NULL,
	enabled boolean NOT NULL DEFAULT true,
	dedup_scope text CHECK (dedup_scope IN ('queue', 'messageGroup')),
	visibility_timeout integer NOT NULL DEFAULT 30 CHECK (visibility_timeout BETWEEN 1 AND 43200),
	max_batch integer NOT NULL DEFAULT 1000 CHECK (max_batch BETWEEN 1 AND 10000),
	max_polls integer NOT NULL DEFAULT 4 CHECK (max_polls BETWEEN 1 AND 32),
	consumers integer NOT NULL DEFAULT 1 CHECK (consumers BETWEEN 1 AND 16),
	policy text NOT NULL DEFAULT 'quarantine'
		CHECK (policy IN ('quarantine', 'quarantine_group', 'block')),
	dedup_key text CHECK (dedup_key OPERATOR(pg_catalog.<>) ''),
	dedup_retention interval NOT NULL DEFAULT '30 days'
		CHECK (dedup_retention OPERATOR(pg_catalog.>) '0'),
	quarantine_retention interval NOT NULL DEFAULT '90 days'
		CHECK (quarantine_retention OPERATOR(pg_catalog.>) '0'),
	unwrap_sns boolean NOT NULL DEFAULT false,
	receipts text CHECK (receipts OPERATOR(pg_catalog.<>) ''),
	-- the fence: where this row is at home
	system bigint NOT NULL,
	database oid NOT NULL,
	timeline bigint NOT NULL,
	node_id text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE sqs.subscription IS 'Queues that this database consumes; change it through the functions of schema sqs only';
COMMENT ON COLUMN sqs.subscription.id IS 'Never given to another subscription';
COMMENT ON COLUMN sqs.subscription.name IS 'By which the functions know it';
COMMENT ON COLUMN sqs.subscription.owner IS 'The role that routes act as; never a superuser';
COMMENT ON COLUMN sqs.subscription.server IS 'A server of the foreign data wrapper sqs';
COMMENT ON COLUMN sqs.subscription.queue_url IS 'As SQS gives it: https://host/account/name';
COMMENT ON COLUMN sqs.subscription.enabled IS 'Shall it run?';
COMMENT ON COLUMN sqs.subscription.dedup_scope IS 'DeduplicationScope of the queue; null until the queue was asked';
COMMENT ON COLUMN sqs.subscription.visibility_timeout IS 'Seconds for which SQS hides what was received; extended while it is worked on';
COMMENT ON COLUMN sqs.subscription.max_batch IS 'Messages in one transaction at most';
COMMENT ON COLUMN sqs.subscription.max_polls IS 'ReceiveMessage calls open at once at most';
COMMENT ON COLUMN sqs.subscription.consumers IS 'Processes that consume the queue side by side';
COMMENT ON COLUMN sqs.subscription.policy IS 'What becomes of a message that PostgreSQL refuses: quarantine it, quarantine what follows it in its group as well, or block the group and leave it in the queue';
COMMENT ON COLUMN sqs.subscription.dedup_key IS 'What identifies a message in the ledger instead of its MessageDeduplicationId: a message attribute by name, or a member of the body by path ($.a.b)';
COMMENT ON COLUMN sqs.subscription.dedup_retention IS 'For how long the ledger remembers a message';
COMMENT ON COLUMN sqs.subscription.quarantine_retention IS 'For how long the record of a message that left the quarantine is kept';
COMMENT ON COLUMN sqs.subscription.unwrap_sns IS 'Do bodies come wrapped in a notification of SNS?';
COMMENT ON COLUMN sqs.subscription.receipts IS 'Where s3_to_sqs leaves its receipts: s3://bucket/prefix';
COMMENT ON COLUMN sqs.subscription.system IS 'Fence: system identifier of the cluster it was enabled in';
COMMENT ON COLUMN sqs.subscription.database IS 'Fence: the database it was enabled in';
COMMENT ON COLUMN sqs.subscription.timeline IS 'Fence: the timeline it was enabled on';
COMMENT ON COLUMN sqs.subscription.node_id IS 'Fence: pg_sqs.node_id of the server it was enabled on';
COMMENT ON COLUMN sqs.subscription.created_at IS 'When it was created';

-- (No foreign keys between tables that a dump carries: a parallel restore fills
-- them in any order.)
CREATE TABLE sqs.route (
	subscription integer NOT NULL,
	name name NOT NULL,
	target regclass,
	statement text,
	search_path text,
	key name[],
	version name,
	rescue_column name,
	on_error text NOT NULL DEFAULT 'message' CHECK (on_error IN ('message', 'route')),
	stopped_since timestamptz,
	stopped_sqlstate text,
	stopped_reason text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subscription, name),
	CHECK ((target IS NULL) OPERATOR(pg_catalog.<>) (statement IS NULL))
);

COMMENT ON TABLE sqs.route IS 'What becomes of the messages of a subscription; each route writes one form of every message';
COMMENT ON COLUMN sqs.route.subscription IS 'id in sqs.subscription';
COMMENT ON COLUMN sqs.route.name IS 'default: the one that the target argument stands for';
COMMENT ON COLUMN sqs.route.target IS 'Table or view whose columns are filled by name';
COMMENT ON COLUMN sqs.route.statement IS 'Instead of a target: a statement that reads the relation batch and writes';
COMMENT ON COLUMN sqs.route.search_path IS 'Under which the statement was added, and runs';
COMMENT ON COLUMN sqs.route.key IS 'Columns that identify a row of the target: makes the route an upsert';
COMMENT ON COLUMN sqs.route.version IS 'Column that says which of two rows of one key is newer';
COMMENT ON COLUMN sqs.route.rescue_column IS 'Column of type jsonb that receives the members for which there is no column';
COMMENT ON COLUMN sqs.route.on_error IS 'message: all routes write a message or none does; route: what this one refuses goes to the quarantine while the others commit';
COMMENT ON COLUMN sqs.route.stopped_since IS 'Since when the route is stopped by a broken definition and its messages wait in the quarantine; null: it runs';
COMMENT ON COLUMN sqs.route.stopped_sqlstate IS 'Why it was stopped';
COMMENT ON COLUMN sqs.route.stopped_reason IS 'Why it was stopped, in words';
COMMENT ON COLUMN sqs.route.created_at IS 'When it was added';

CREATE TABLE sqs.ledger (
	subscription integer NOT NULL,
	dedup_key text COLLATE "C" NOT NULL,
	content_hash bytea NOT NULL,
	message_id text NOT NULL,
	sequence_number text NOT NULL,
	source text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subscription, dedup_key)
);

CREATE INDEX ledger_applied ON sqs.ledger (subscription, applied_at);

COMMENT ON INDEX sqs.ledger_applied IS 'By age: for dedup_retention, sqs.forget and sqs.reconcile';
COMMENT ON TABLE sqs.ledger IS 'Messages that were applied, written in the transaction of their effects: what makes a redelivery a duplicate';
COMMENT ON COLUMN sqs.ledger.subscription IS 'id in sqs.subscription; no foreign key, for speed';
COMMENT ON COLUMN sqs.ledger.dedup_key IS 'MessageDeduplicationId, within its group where the queue says so';
COMMENT ON COLUMN sqs.ledger.content_hash IS 'SHA-256 of the content: the same key with another one is a conflict, not a duplicate';
COMMENT ON COLUMN sqs.ledger.message_id IS 'MessageId that SQS gave';
COMMENT ON COLUMN sqs.ledger.sequence_number IS 'SequenceNumber that SQS gave';
COMMENT ON COLUMN sqs.ledger.source IS 'Object and record that the message was made of, or empty';
COMMENT ON COLUMN sqs.ledger.applied_at IS 'Start of the transaction that applied it';

CREATE TABLE sqs.quarantined (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subscription integer NOT NULL,
	route name NOT NULL DEFAULT '',
	dedup_key text COLLATE "C" NOT NULL,
	content_hash bytea NOT NULL,
	message_id text NOT NULL,
	group_id text COLLATE "C" NOT NULL,
	dedup_id text NOT NULL,
	sequence_number text COLLATE "C" NOT NULL,
	sent_at timestamptz,
	receive_count integer,
	attributes json NOT NULL,
	source text NOT NULL,
	body bytea,
	body_bytes integer NOT NULL,
	reason text NOT NULL CHECK (reason IN ('data', 'dedup_conflict', 'parked', 'route_stopped')),
	error_sqlstate text,
	error text,
	strikes integer NOT NULL DEFAULT 1,
	state text NOT NULL DEFAULT 'waiting'
		CHECK (state IN ('waiting', 'applied', 'duplicate', 'superseded', 'discarded')),
	quarantined_at timestamptz NOT NULL DEFAULT now(),
	settled_at timestamptz,
	settled_by name,
	note text
);

CREATE UNIQUE INDEX quarantined_waiting ON sqs.quarantined (subscription, dedup_key, content_hash, route)
	WHERE state OPERATOR(pg_catalog.=) 'waiting';
CREATE INDEX quarantined_group ON sqs.quarantined (subscription, group_id)
	WHERE state OPERATOR(pg_catalog.=) 'waiting' AND route OPERATOR(pg_catalog.=) '';

CREATE INDEX quarantined_settled ON sqs.quarantined (subscription, settled_at)
	WHERE settled_at IS NOT NULL;

COMMENT ON INDEX sqs.quarantined_settled IS 'By age: for quarantine_retention';
COMMENT ON TABLE sqs.quarantined IS 'Messages, or single routes of them, that could not be applied and were taken from the queue; read sqs.quarantine';
COMMENT ON COLUMN sqs.quarantined.id IS 'By which sqs.retry and sqs.discard know it';
COMMENT ON COLUMN sqs.quarantined.subscription IS 'id in sqs.subscription';
COMMENT ON COLUMN sqs.quarantined.route IS 'The route that is missing, or empty: all of them, and the row of the ledger';
COMMENT ON COLUMN sqs.quarantined.dedup_key IS 'As in sqs.ledger';
COMMENT ON COLUMN sqs.quarantined.content_hash IS 'As in sqs.ledger';
COMMENT ON COLUMN sqs.quarantined.message_id IS 'MessageId that SQS gave';
COMMENT ON COLUMN sqs.quarantined.group_id IS 'MessageGroupId, or empty';
COMMENT ON COLUMN sqs.quarantined.dedup_id IS 'MessageDeduplicationId, or empty';
COMMENT ON COLUMN sqs.quarantined.sequence_number IS 'SequenceNumber that SQS gave, or empty';
COMMENT ON COLUMN sqs.quarantined.sent_at IS 'When it was sent';
COMMENT ON COLUMN sqs.quarantined.receive_count IS 'How often SQS had handed it out';
COMMENT ON COLUMN sqs.quarantined.attributes IS 'Its message attributes by name, each with type and value';
COMMENT ON COLUMN sqs.quarantined.source IS 'Object and record that it was made of, or empty';
COMMENT ON COLUMN sqs.quarantined.body IS 'The body as it was, UTF-8; null after sqs.discard';
COMMENT ON COLUMN sqs.quarantined.body_bytes IS 'Length of the body';
COMMENT ON COLUMN sqs.quarantined.reason IS 'data: PostgreSQL refused it; dedup_conflict: its id is known with other content; parked: it follows a refused one in its group; route_stopped: its route is stopped';
COMMENT ON COLUMN sqs.quarantined.error_sqlstate IS 'SQLSTATE of the last failure';
COMMENT ON COLUMN sqs.quarantined.error IS 'The last failure in words, without values';
COMMENT ON COLUMN sqs.quarantined.strikes IS 'How often it failed';
COMMENT ON COLUMN sqs.quarantined.state IS 'waiting; or how it was settled: applied, duplicate (it had been applied otherwise), superseded (a corrected message of its id was applied, or all of its routes again), discarded';
COMMENT ON COLUMN sqs.quarantined.quarantined_at IS 'When it came';
COMMENT ON COLUMN sqs.quarantined.settled_at IS 'When it left';
COMMENT ON COLUMN sqs.quarantined.settled_by IS 'Who settled it; null: a consumer';
COMMENT ON COLUMN sqs.quarantined.note IS 'Why it was discarded';

CREATE TABLE sqs.held_group (
	subscription integer NOT NULL,
	group_id text COLLATE "C" NOT NULL,
	held_since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subscription, group_id)
);

COMMENT ON TABLE sqs.held_group IS 'Message groups whose messages are parked in the quarantine until sqs.release';
COMMENT ON COLUMN sqs.held_group.subscription IS 'id in sqs.subscription';
COMMENT ON COLUMN sqs.held_group.group_id IS 'MessageGroupId';
COMMENT ON COLUMN sqs.held_group.held_since IS 'When its first message was refused';

CREATE TABLE sqs.attempt (
	subscription integer NOT NULL REFERENCES sqs.subscription ON DELETE CASCADE,
	consumer integer NOT NULL,
	dedup_key text COLLATE "C" NOT NULL DEFAULT '',
	message_id text NOT NULL DEFAULT '',
	group_id text NOT NULL DEFAULT '',
	under_way boolean NOT NULL DEFAULT true,
	deaths integer NOT NULL DEFAULT 0,
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subscription, consumer, dedup_key)
);

COMMENT ON TABLE sqs.attempt IS 'Consumers that run or ended without a farewell, and what they were applying: the crash guard';
COMMENT ON COLUMN sqs.attempt.subscription IS 'id in sqs.subscription';
COMMENT ON COLUMN sqs.attempt.consumer IS 'Which of its consumers, from 1';
COMMENT ON COLUMN sqs.attempt.dedup_key IS 'Empty: the consumer runs; else, as in sqs.ledger, a message it tries while the guard is awake, or under which it died';
COMMENT ON COLUMN sqs.attempt.message_id IS 'MessageId of that message';
COMMENT ON COLUMN sqs.attempt.group_id IS 'MessageGroupId of that message';
COMMENT ON COLUMN sqs.attempt.under_way IS 'Is it being tried, as far as the table knows?';
COMMENT ON COLUMN sqs.attempt.deaths IS 'How often the server went down while it was being tried';
COMMENT ON COLUMN sqs.attempt.since IS 'When this was written';

CREATE TABLE sqs.forgotten (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subscription integer NOT NULL,
	applied_from timestamptz NOT NULL,
	applied_to timestamptz NOT NULL,
	rows bigint NOT NULL,
	reason text NOT NULL CHECK (reason OPERATOR(pg_catalog.<>) ''),
	forgotten_by name NOT NULL DEFAULT session_user,
	forgotten_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE sqs.forgotten IS 'What sqs.forget removed from the ledger';
COMMENT ON COLUMN sqs.forgotten.id IS 'Number of the removal';
COMMENT ON COLUMN sqs.forgotten.subscription IS 'id in sqs.subscription';
COMMENT ON COLUMN sqs.forgotten.applied_from IS 'From when, by applied_at';
COMMENT ON COLUMN sqs.forgotten.applied_to IS 'Until when, excluded';
COMMENT ON COLUMN sqs.forgotten.rows IS 'How many rows of the ledger went';
COMMENT ON COLUMN sqs.forgotten.reason IS 'Why, as given';
COMMENT ON COLUMN sqs.forgotten.forgotten_by IS 'Who';
COMMENT ON COLUMN sqs.forgotten.forgotten_at IS 'When';

-- A dump carries them; restored elsewhere they are fenced until sqs.enable.
SELECT pg_catalog.pg_extension_config_dump('sqs.subscription', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.subscription_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.route', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.ledger', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.quarantined', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.quarantined_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.held_group', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.forgotten', '');
SELECT pg_catalog.pg_extension_config_dump('sqs.forgotten_id_seq', '');

--
-- Connections
--

CREATE FUNCTION sqs.options_validator(options text[], catalog oid)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_options_validator'
LANGUAGE C STRICT;

COMMENT ON FUNCTION sqs.options_validator IS 'Checks the options of servers and user mappings of the foreign data wrapper sqs';

CREATE FOREIGN DATA WRAPPER sqs NO HANDLER VALIDATOR sqs.options_validator;

COMMENT ON FOREIGN DATA WRAPPER sqs IS 'Connections to Amazon SQS: region and credentials';

--
-- Subscriptions
--

CREATE FUNCTION sqs.create_subscription(
	name text,
	queue_url text,
	server text,
	target regclass DEFAULT NULL,
	owner regrole DEFAULT NULL,
	enabled boolean DEFAULT true,
	visibility_timeout integer DEFAULT 30,
	max_batch integer DEFAULT 1000,
	max_polls integer DEFAULT 4,
	dedup_scope text DEFAULT NULL,
	policy text DEFAULT 'quarantine',
	consumers integer DEFAULT 1,
	dedup_key text DEFAULT NULL,
	dedup_retention interval DEFAULT '30 days',
	quarantine_retention interval DEFAULT '90 days',
	unwrap_sns boolean DEFAULT false,
	receipts text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_create_subscription'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.create_subscription IS 'Registers a queue; consumption starts at commit';

CREATE FUNCTION sqs.alter_subscription(
	name text,
	queue_url text DEFAULT NULL,
	server text DEFAULT NULL,
	target regclass DEFAULT NULL,
	owner regrole DEFAULT NULL,
	visibility_timeout integer DEFAULT NULL,
	max_batch integer DEFAULT NULL,
	max_polls integer DEFAULT NULL,
	dedup_scope text DEFAULT NULL,
	policy text DEFAULT NULL,
	consumers integer DEFAULT NULL,
	dedup_key text DEFAULT NULL,
	dedup_retention interval DEFAULT NULL,
	quarantine_retention interval DEFAULT NULL,
	unwrap_sns boolean DEFAULT NULL,
	receipts text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_alter_subscription'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.alter_subscription IS 'Changes what is given and leaves the rest';

CREATE FUNCTION sqs.drop_subscription(name text, discard_quarantine boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_drop_subscription'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.drop_subscription IS 'Forgets a queue, its routes, its ledger and its quarantine; messages stay in the queue. Refused while messages wait in the quarantine, unless they shall go as well';

CREATE FUNCTION sqs.enable(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_enable'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.enable IS 'Starts a subscription and its stopped routes here, and lifts its fence';

CREATE FUNCTION sqs.disable(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_disable'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.disable IS 'Stops a subscription; messages stay in the queue';

--
-- Looking
--

CREATE FUNCTION sqs.is_loaded()
RETURNS boolean
AS 'MODULE_PATHNAME', 'sqs_is_loaded'
LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION sqs.is_loaded IS 'Is pg_sqs in shared_preload_libraries?';

CREATE FUNCTION sqs.fence_reason(system bigint, database oid, timeline bigint, node_id text)
RETURNS text
AS 'MODULE_PATHNAME', 'sqs_fence_reason'
LANGUAGE C VOLATILE STRICT;

COMMENT ON FUNCTION sqs.fence_reason IS 'Why a subscription from there must not run here; null if it may';

CREATE FUNCTION sqs.consumer_stats(
	OUT database oid,
	OUT subscription integer,
	OUT consumer integer,
	OUT pid integer,
	OUT state text,
	OUT state_since timestamptz,
	OUT last_commit timestamptz,
	OUT lag interval,
	OUT last_error text,
	OUT last_error_sqlstate text,
	OUT last_error_hint text,
	OUT last_error_at timestamptz,
	OUT received bigint,
	OUT applied bigint,
	OUT duplicates bigint,
	OUT superseded bigint,
	OUT quarantined bigint,
	OUT blocked bigint,
	OUT retried bigint,
	OUT deleted bigint,
	OUT api_calls bigint,
	OUT api_errors bigint,
	OUT stats_since timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_consumer_stats'
LANGUAGE C VOLATILE STRICT;

COMMENT ON FUNCTION sqs.consumer_stats IS 'The consumers of the whole cluster; read sqs.status instead';

CREATE FUNCTION sqs.status_rows(
	OUT subscription name,
	OUT state text,
	OUT since timestamptz,
	OUT attention text,
	OUT pid integer,
	OUT pids integer[],
	OUT consumers integer,
	OUT owner regrole,
	OUT queue_url text,
	OUT targets regclass[],
	OUT lag interval,
	OUT last_commit timestamptz,
	OUT last_error text,
	OUT last_error_sqlstate text,
	OUT last_error_hint text,
	OUT last_error_at timestamptz,
	OUT stopped_routes name[],
	OUT held_groups bigint,
	OUT waiting bigint,
	OUT received bigint,
	OUT applied bigint,
	OUT duplicates bigint,
	OUT superseded bigint,
	OUT quarantined bigint,
	OUT blocked bigint,
	OUT retried bigint,
	OUT deleted bigint,
	OUT api_calls bigint,
	OUT api_errors bigint,
	OUT stats_since timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_status_rows'
LANGUAGE C VOLATILE STRICT;

COMMENT ON FUNCTION sqs.status_rows IS 'The rows of sqs.status that the caller may see';

CREATE VIEW sqs.status AS SELECT * FROM sqs.status_rows();

COMMENT ON VIEW sqs.status IS 'One row a subscription of this database: does it run, how far is it, what went wrong';

CREATE FUNCTION sqs.queue_state(
	subscription text,
	OUT visible bigint,
	OUT in_flight bigint,
	OUT delayed bigint,
	OUT visibility_timeout interval,
	OUT retention interval,
	OUT max_message_bytes integer,
	OUT fifo boolean,
	OUT dedup_scope text,
	OUT throughput_mode text,
	OUT dead_letter_queue text,
	OUT max_receive_count integer,
	OUT dead_letter_visible bigint)
RETURNS record
AS 'MODULE_PATHNAME', 'sqs_queue_state'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.queue_state IS 'Asks SQS about the queue of a subscription and of its dead-letter queue, now';

--
-- Routes
--

CREATE FUNCTION sqs.add_route(
	subscription text,
	route text,
	target regclass DEFAULT NULL,
	statement text DEFAULT NULL,
	key text[] DEFAULT NULL,
	version text DEFAULT NULL,
	rescue_column text DEFAULT NULL,
	on_error text DEFAULT 'message')
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_add_route'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.add_route IS 'Adds one more form in which the messages of a subscription are written: rows of a target by column name, or a statement over the relation batch';

CREATE FUNCTION sqs.drop_route(subscription text, route text)
RETURNS void
AS 'MODULE_PATHNAME', 'sqs_drop_route'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.drop_route IS 'Ends one form in which messages are written; what it wrote stays';

CREATE FUNCTION sqs.explain(
	subscription text,
	body text,
	group_id text DEFAULT NULL,
	dedup_id text DEFAULT NULL,
	sequence_number text DEFAULT NULL,
	attributes json DEFAULT NULL)
RETURNS TABLE (
	route text,
	target regclass,
	"rows" bigint,
	superseded boolean,
	written json,
	plan text,
	error_sqlstate text,
	error text)
AS 'MODULE_PATHNAME', 'sqs_explain'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.explain IS 'What each route would write for a message; it is written and taken back, but sequences advance';

--
-- The quarantine
--

-- A reader sees the subscriptions he may look at, and bodies of those he may
-- operate; current_user in a view is its reader.
CREATE VIEW sqs.quarantine WITH (security_barrier) AS
	SELECT q.id, s.name AS subscription, nullif(q.route, '') AS route, q.state, q.reason,
		q.error_sqlstate, q.error, q.strikes, q.group_id, q.dedup_id, q.dedup_key, q.message_id,
		q.sequence_number, q.sent_at, q.receive_count, q.source, q.content_hash, q.body_bytes,
		q.quarantined_at, q.settled_at, q.settled_by, q.note,
		CASE WHEN reader.operates THEN q.attributes END AS attributes,
		CASE WHEN reader.operates THEN q.body END AS body
	FROM sqs.quarantined q
	JOIN sqs.subscription s ON s.id OPERATOR(pg_catalog.=) q.subscription
	CROSS JOIN LATERAL (SELECT pg_catalog.pg_has_role(s.owner, 'USAGE')
		OR pg_catalog.pg_has_role('sqs_admin', 'USAGE')) AS reader (operates)
	WHERE reader.operates OR pg_catalog.pg_has_role('sqs_monitor', 'USAGE');

COMMENT ON VIEW sqs.quarantine IS 'Messages, or single routes of them, that were taken from the queue and could not be applied: why, since when, and what became of them';
COMMENT ON COLUMN sqs.quarantine.id IS 'By which sqs.retry and sqs.discard know it';
COMMENT ON COLUMN sqs.quarantine.route IS 'The route that is missing; null: all of them';
COMMENT ON COLUMN sqs.quarantine.state IS 'waiting; or how it was settled: applied, duplicate, superseded, discarded';
COMMENT ON COLUMN sqs.quarantine.reason IS 'data, dedup_conflict, parked or route_stopped';
COMMENT ON COLUMN sqs.quarantine.body IS 'The body as it was, UTF-8: convert_from(body, ''UTF8'') where it is text; null for who may not operate the subscription, and after sqs.discard';

CREATE FUNCTION sqs.retry(
	subscription text,
	ids bigint[] DEFAULT NULL,
	route text DEFAULT NULL,
	group_id text DEFAULT NULL,
	"sqlstate" text DEFAULT NULL,
	older_than interval DEFAULT NULL)
RETURNS TABLE (id bigint, outcome text, error text)
AS 'MODULE_PATHNAME', 'sqs_retry'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.retry IS 'Applies what waits in the quarantine again, in the order in which it was sent; all of it, or what the conditions choose';

CREATE FUNCTION sqs.release(subscription text, group_id text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'sqs_release'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.release IS 'Replays what a held message group left in the quarantine, in order, and lets the group go on; all of it or nothing';

CREATE FUNCTION sqs.discard(
	subscription text,
	reason text,
	ids bigint[] DEFAULT NULL,
	route text DEFAULT NULL,
	group_id text DEFAULT NULL,
	"sqlstate" text DEFAULT NULL,
	older_than interval DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'sqs_discard'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.discard IS 'Gives up messages in the quarantine: their bodies are erased, the record with hash and reason stays';

--
-- Queue and ledger
--

CREATE FUNCTION sqs.peek(
	subscription text,
	n integer DEFAULT 10,
	OUT message_id text,
	OUT group_id text,
	OUT dedup_id text,
	OUT sequence_number text,
	OUT sent_at timestamptz,
	OUT receive_count integer,
	OUT attributes json,
	OUT body text,
	OUT body_bytes integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_peek'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.peek IS 'Looks at messages in the queue without locking them or their groups; each look counts as a receive';

CREATE FUNCTION sqs.send(
	subscription text,
	body text,
	group_id text DEFAULT NULL,
	dedup_id text DEFAULT NULL,
	attributes jsonb DEFAULT NULL,
	OUT message_id text,
	OUT sequence_number text)
RETURNS record
AS 'MODULE_PATHNAME', 'sqs_send'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.send IS 'Puts a message on the queue at once, whatever becomes of the transaction';

CREATE FUNCTION sqs.redrive(
	subscription text,
	max_per_second integer DEFAULT NULL,
	OUT dead_letter_queue text,
	OUT task_handle text)
RETURNS record
AS 'MODULE_PATHNAME', 'sqs_redrive'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.redrive IS 'Has SQS move the messages of the dead-letter queue back to the queue';

CREATE FUNCTION sqs.redrive_state(
	subscription text,
	OUT status text,
	OUT started_at timestamptz,
	OUT moved bigint,
	OUT to_move bigint,
	OUT max_per_second integer,
	OUT failure text,
	OUT destination text,
	OUT task_handle text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_redrive_state'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.redrive_state IS 'How far moving the dead-letter queue back is: the task under way and the last ones, the newest first';

CREATE FUNCTION sqs.redrive_cancel(subscription text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'sqs_redrive_cancel'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.redrive_cancel IS 'Stops moving the dead-letter queue back; returns how many messages were moved';

CREATE FUNCTION sqs.trace(
	subscription text,
	id text,
	OUT place text,
	OUT at timestamptz,
	OUT route name,
	OUT message_id text,
	OUT sequence_number text,
	OUT dedup_key text,
	OUT source text,
	OUT details text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_trace'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.trace IS 'Where a message is, by its deduplication id, message id, sequence number or source: object, ledger, routes, quarantine';

CREATE FUNCTION sqs.forget(subscription text, "from" timestamptz, "to" timestamptz, reason text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'sqs_forget'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.forget IS 'Removes from the ledger what was applied in a span of time, so that it can be replayed; returns how many messages that were';

CREATE FUNCTION sqs.reconcile(
	subscription text,
	"from" timestamptz,
	"to" timestamptz,
	receipts jsonb DEFAULT NULL,
	OUT bucket text,
	OUT object_key text,
	OUT version_id text,
	OUT record bigint,
	OUT output text,
	OUT dedup_id text,
	OUT group_id text,
	OUT place text,
	OUT details text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'sqs_reconcile'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.reconcile IS 'What s3_to_sqs says it has sent and the ledger does not have, by object and record; receipts are read from S3 unless given';

--
-- Redshift
--

CREATE FUNCTION sqs.redshift_ddl(target regclass, ledger text DEFAULT 'public.sqs_ledger')
RETURNS text
AS 'MODULE_PATHNAME', 'sqs_redshift_ddl'
LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION sqs.redshift_ddl IS 'The CREATE TABLEs of Redshift for the messages of a table here: the ledger of sqs_to_redshift, and the table';

CREATE FUNCTION sqs.redshift_table(target regclass, ledger text DEFAULT 'public.sqs_ledger')
RETURNS json
AS 'MODULE_PATHNAME', 'sqs_redshift_table'
LANGUAGE C STABLE STRICT;

COMMENT ON FUNCTION sqs.redshift_table IS 'The configuration of sqs_to_redshift for the messages of a table here: its columns, key, version and ledger';

--
-- Applying by hand
--

CREATE FUNCTION sqs.ingest(subscription text, messages json)
RETURNS TABLE ("position" integer, dedup_id text, outcome text)
AS 'MODULE_PATHNAME', 'sqs_ingest'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION sqs.ingest IS 'Applies messages given in SQL as the consumer would, in this transaction';

--
-- Privileges
--

REVOKE ALL ON SCHEMA sqs FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sqs FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sqs FROM PUBLIC;
REVOKE ALL ON FOREIGN DATA WRAPPER sqs FROM PUBLIC;

-- states, counters, metadata
GRANT USAGE ON SCHEMA sqs TO sqs_monitor;
GRANT SELECT ON sqs.subscription, sqs.route, sqs.status TO sqs_monitor;
GRANT SELECT ON sqs.forgotten TO sqs_monitor;
GRANT EXECUTE ON FUNCTION sqs.is_loaded TO sqs_monitor;
GRANT EXECUTE ON FUNCTION sqs.status_rows TO sqs_monitor;
GRANT EXECUTE ON FUNCTION sqs.queue_state TO sqs_monitor;
GRANT EXECUTE ON FUNCTION sqs.redrive_state TO sqs_monitor;
GRANT SELECT ON sqs.held_group TO sqs_monitor;
GRANT SELECT (id, subscription, route, state, reason, error_sqlstate, error, strikes, group_id, dedup_id,
	dedup_key, message_id, sequence_number, sent_at, receive_count, source, content_hash, body_bytes,
	quarantined_at, settled_at, settled_by, note) ON sqs.quarantine TO sqs_monitor;

-- operating (sqs_admin is a member of sqs_monitor)
GRANT USAGE ON SCHEMA sqs TO sqs_admin;
GRANT SELECT ON sqs.subscription, sqs.route, sqs.status, sqs.ledger TO sqs_admin;
GRANT USAGE ON FOREIGN DATA WRAPPER sqs TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.is_loaded TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.status_rows TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.queue_state TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.create_subscription TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.alter_subscription TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.drop_subscription TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.enable TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.disable TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.ingest TO sqs_admin;
GRANT SELECT ON sqs.held_group, sqs.quarantine TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.retry TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.release TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.discard TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.add_route TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.drop_route TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.explain TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.peek TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.send TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.redrive TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.redrive_state TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.redrive_cancel TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.trace TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.forget TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.reconcile TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.redshift_ddl TO sqs_admin;
GRANT EXECUTE ON FUNCTION sqs.redshift_table TO sqs_admin;
