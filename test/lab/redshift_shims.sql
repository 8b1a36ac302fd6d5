-- What Redshift has and PostgreSQL has not, in pg_catalog, where names are
-- looked up first.  Run by awslab when it starts, by a superuser, in a database
-- of its own in SQL_ASCII, where a varchar's length counts bytes as Redshift's
-- does.  May be run again.
SET allow_system_table_mods = on;
SET client_min_messages = warning;
SELECT pg_catalog.pg_advisory_xact_lock(4022007);

DO $$
BEGIN
	CREATE DOMAIN pg_catalog.super AS jsonb;
	CREATE DOMAIN pg_catalog.varbyte AS bytea;
EXCEPTION WHEN duplicate_object THEN NULL;
END
$$;

-- In a database without an encoding PostgreSQL's JSON takes no \u escape beyond
-- ASCII: they become UTF-8 first.
CREATE OR REPLACE FUNCTION pg_catalog.awslab_utf8(point int) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT AS
$$
	SELECT convert_from(decode(CASE
		WHEN point < 128 THEN lpad(to_hex(point), 2, '0')
		WHEN point < 2048 THEN to_hex(192 + (point >> 6)) || to_hex(128 + (point & 63))
		WHEN point < 65536 THEN to_hex(224 + (point >> 12)) || to_hex(128 + ((point >> 6) & 63)) || to_hex(128 + (point & 63))
		ELSE to_hex(240 + (point >> 18)) || to_hex(128 + ((point >> 12) & 63)) || to_hex(128 + ((point >> 6) & 63)) || to_hex(128 + (point & 63))
	END, 'hex'), 'SQL_ASCII')
$$;

CREATE OR REPLACE FUNCTION pg_catalog.awslab_unescape(document text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
DECLARE
	piece text;
	result text := '';
	high int := 0;
	point int;
BEGIN
	IF strpos(document, E'\\u') = 0 THEN
		RETURN document;
	END IF;
	FOR piece IN SELECT m[1] FROM regexp_matches(document, E'(\\\\u[0-9a-fA-F]{4}|\\\\.|[^\\\\]+|\\\\)', 'g') AS m
	LOOP
		IF piece !~ E'^\\\\u[0-9a-fA-F]{4}$' THEN
			result := result || piece;
			CONTINUE;
		END IF;
		point := get_byte(decode(substr(piece, 3, 2), 'hex'), 0) * 256 + get_byte(decode(substr(piece, 5, 2), 'hex'), 0);
		IF point BETWEEN 55296 AND 56319 THEN
			high := point;
		ELSIF point BETWEEN 56320 AND 57343 AND high > 0 THEN
			result := result || awslab_utf8(65536 + (high - 55296) * 1024 + point - 56320);
			high := 0;
		ELSIF point < 128 THEN
			result := result || piece;
		ELSE
			result := result || awslab_utf8(point);
		END IF;
	END LOOP;
	RETURN result;
END
$$;

-- What it is given is a varchar, of 65535 bytes at most.
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(document text) RETURNS pg_catalog.super
	LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
	IF octet_length(document) > 65535 THEN
		RAISE string_data_right_truncation USING MESSAGE = 'value too long for type character varying(65535)';
	END IF;
	RETURN awslab_unescape(document)::jsonb;
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.can_json_parse(document text) RETURNS boolean
	LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
	PERFORM json_parse(document);
	RETURN true;
EXCEPTION WHEN data_exception OR statement_too_complex THEN
	RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.is_valid_json(document text) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT AS $$SELECT can_json_parse(document) AND ltrim(document) LIKE '{%'$$;

-- Without blanks, as Redshift writes it; the members of an object are in
-- PostgreSQL's order.  Its name is always with its schema, for without it is a
-- key word of PostgreSQL 17's.
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize(value pg_catalog.super) RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT AS
$$
BEGIN
	CASE jsonb_typeof(value)
		WHEN 'object' THEN
			RETURN (SELECT '{' || coalesce(string_agg(to_json(m.key)::text || ':' || pg_catalog.json_serialize(m.value), ','), '') || '}' FROM jsonb_each(value) AS m);
		WHEN 'array' THEN
			RETURN (SELECT '[' || coalesce(string_agg(pg_catalog.json_serialize(m.value), ',' ORDER BY m.n), '') || ']'
				FROM jsonb_array_elements(value) WITH ORDINALITY AS m(value, n));
		ELSE
			RETURN value::text;
	END CASE;
END
$$;

CREATE OR REPLACE FUNCTION pg_catalog.json_serialize_to_varbyte(value pg_catalog.super) RETURNS pg_catalog.varbyte
	LANGUAGE sql IMMUTABLE STRICT AS $$SELECT convert_to(pg_catalog.json_serialize(value), 'SQL_ASCII')::varbyte$$;

CREATE OR REPLACE FUNCTION pg_catalog.json_typeof(value pg_catalog.super) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT AS 'SELECT jsonb_typeof(value)';

-- Redshift's: to the second, and that of the transaction's begin; neither has a zone.
CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp
	LANGUAGE sql STABLE AS $$SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')$$;
CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp
	LANGUAGE sql STABLE AS $$SELECT transaction_timestamp() AT TIME ZONE 'UTC'$$;

CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, amount bigint, moment timestamp) RETURNS timestamp
	LANGUAGE sql IMMUTABLE STRICT AS $$SELECT moment + (amount || ' ' || part)::interval$$;
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, amount bigint, moment timestamptz) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT AS $$SELECT moment + (amount || ' ' || part)::interval$$;
-- How many limits of the unit lie between the two.
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, first timestamp, second timestamp) RETURNS bigint
	LANGUAGE sql IMMUTABLE STRICT AS
$$
	SELECT CASE lower(part)
		WHEN 'second' THEN extract(epoch FROM date_trunc('second', second) - date_trunc('second', first))
		WHEN 'minute' THEN extract(epoch FROM date_trunc('minute', second) - date_trunc('minute', first)) / 60
		WHEN 'hour' THEN extract(epoch FROM date_trunc('hour', second) - date_trunc('hour', first)) / 3600
		WHEN 'day' THEN second::date - first::date
		WHEN 'month' THEN (extract(year FROM second) - extract(year FROM first)) * 12 + extract(month FROM second) - extract(month FROM first)
		WHEN 'year' THEN extract(year FROM second) - extract(year FROM first)
	END::bigint
$$;
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(target text, moment timestamp) RETURNS timestamp
	LANGUAGE sql STABLE STRICT AS $$SELECT moment AT TIME ZONE 'UTC' AT TIME ZONE target$$;

CREATE OR REPLACE FUNCTION pg_catalog.nvl(anycompatible, anycompatible) RETURNS anycompatible
	LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, $2)';
-- Characters, where octet_length counts bytes.
CREATE OR REPLACE FUNCTION pg_catalog.len(value text) RETURNS int
	LANGUAGE sql IMMUTABLE STRICT AS
$$
	SELECT length(regexp_replace(regexp_replace(replace(encode(convert_to(value, 'SQL_ASCII'), 'escape'), E'\\\\', 'x'),
		E'\\\\2[0-7]{2}', '', 'g'), E'\\\\3[0-7]{2}', 'x', 'g'))
$$;
CREATE OR REPLACE FUNCTION pg_catalog.sha2(value text, bits int) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT AS
$$
	SELECT encode(CASE bits
		WHEN 0 THEN sha256(convert_to(value, 'SQL_ASCII')) WHEN 224 THEN sha224(convert_to(value, 'SQL_ASCII'))
		WHEN 256 THEN sha256(convert_to(value, 'SQL_ASCII')) WHEN 384 THEN sha384(convert_to(value, 'SQL_ASCII'))
		WHEN 512 THEN sha512(convert_to(value, 'SQL_ASCII'))
	END, 'hex')
$$;
CREATE OR REPLACE FUNCTION pg_catalog.to_varbyte(value text, format text) RETURNS pg_catalog.varbyte
	LANGUAGE sql IMMUTABLE STRICT AS
$$SELECT CASE WHEN lower(format) IN ('utf8', 'utf-8') THEN convert_to(value, 'SQL_ASCII') ELSE decode(value, format) END::varbyte$$;
CREATE OR REPLACE FUNCTION pg_catalog.from_varbyte(value pg_catalog.varbyte, format text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT AS
$$SELECT CASE WHEN lower(format) IN ('utf8', 'utf-8') THEN convert_from(value, 'SQL_ASCII') ELSE encode(value, format) END$$;

-- Redshift's view of columns: SUPER and VARBYTE by their own names.
CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
	SELECT c.table_catalog::text, c.table_schema::text, c.table_name::text, c.column_name::text, c.ordinal_position::int,
		c.column_default::text, c.is_nullable::text,
		(CASE WHEN c.domain_schema = 'pg_catalog' AND c.domain_name IN ('super', 'varbyte') THEN c.domain_name ELSE c.data_type END)::text AS data_type,
		c.character_maximum_length::int, c.numeric_precision::int, c.numeric_precision_radix::int, c.numeric_scale::int,
		c.datetime_precision::int, c.interval_type::text, c.interval_precision::text, c.character_set_catalog::text,
		c.character_set_schema::text, c.character_set_name::text, c.collation_catalog::text, c.collation_schema::text,
		c.collation_name::text, c.domain_name::text, ''::text AS remarks
	FROM information_schema.columns AS c;
GRANT SELECT ON pg_catalog.svv_columns TO PUBLIC;

-- The documented view of a redshift's own tables, with the sizes within the type.
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_columns AS
	SELECT s.table_catalog AS database_name, s.table_schema AS schema_name, s.table_name, s.column_name, s.ordinal_position,
		CASE s.data_type
			WHEN 'numeric' THEN 'numeric(' || s.numeric_precision || ',' || s.numeric_scale || ')'
			WHEN 'character varying' THEN 'character varying(' || s.character_maximum_length || ')'
			WHEN 'character' THEN 'character(' || s.character_maximum_length || ')'
			ELSE s.data_type
		END AS data_type, s.column_default, s.is_nullable, ''::text AS encoding, false AS distkey, 0 AS sortkey, ''::text AS column_acl, s.remarks
	FROM pg_catalog.svv_columns AS s;
GRANT SELECT ON pg_catalog.svv_redshift_columns TO PUBLIC;
