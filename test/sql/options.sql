-- Options of servers and user mappings.
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pg_sqs;
CREATE ROLE regress_sqs_options;
GRANT USAGE ON FOREIGN DATA WRAPPER sqs TO regress_sqs_options;

-- the wrapper itself takes none
ALTER FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1');
\echo :LAST_ERROR_SQLSTATE

-- a server: region
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (regoin 'eu-west-1');
\echo :LAST_ERROR_SQLSTATE
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (region '');
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (region 'EU (Ireland)');
\echo :LAST_ERROR_SQLSTATE
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (region '-eu');
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (access_key_id 'AKIDEXAMPLE');
CREATE SERVER regress_sqs_server FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1');

-- endpoint: https, or http on loopback only; nothing but scheme, host and port
\set VERBOSITY terse
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'nonsense');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'http://sqs.example.com');
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'https://user@sqs.example.com');
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'https://sqs.example.com/path');
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'https://sqs.example.com?x=y');
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'file:///etc/passwd');
\set VERBOSITY default
ALTER SERVER regress_sqs_server OPTIONS (ADD endpoint 'http://127.0.0.1:9324');
ALTER SERVER regress_sqs_server OPTIONS (SET endpoint 'https://sqs.example.com:8443');
ALTER SERVER regress_sqs_server OPTIONS (ADD s3_endpoint 'http://s3.example.com');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (ADD s3_endpoint 'https://s3.example.com');

-- ... unless a superuser allows plain http
ALTER SERVER regress_sqs_server OPTIONS (ADD allow_http 'perhaps');
ALTER SERVER regress_sqs_server OPTIONS (ADD allow_http 'true', SET s3_endpoint 'http://s3.example.com');
ALTER SERVER regress_sqs_server OPTIONS (SET allow_http 'false');
ALTER SERVER regress_sqs_server OPTIONS (DROP allow_http, DROP s3_endpoint);

-- AWS's own endpoints: not together with another
ALTER SERVER regress_sqs_server OPTIONS (ADD use_fips_endpoint 'true');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (DROP endpoint, ADD use_fips_endpoint 'true', ADD use_dualstack_endpoint 'on');
ALTER SERVER regress_sqs_server OPTIONS (DROP use_fips_endpoint, DROP use_dualstack_endpoint);

-- proxy: an error does not repeat the value, which may hold a password
ALTER SERVER regress_sqs_server OPTIONS (ADD proxy 'ftp://me:secret@proxy.example.com');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (ADD proxy 'http://me:secret@proxy.example.com:3128');
ALTER SERVER regress_sqs_server OPTIONS (DROP proxy);

-- credentials, the host's files, ca_bundle
ALTER SERVER regress_sqs_server OPTIONS (ADD credentials 'somewhere');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (ADD credentials 'environment');
ALTER SERVER regress_sqs_server OPTIONS (ADD profile 'payments');
ALTER SERVER regress_sqs_server OPTIONS (SET credentials 'host', ADD profile '');
ALTER SERVER regress_sqs_server OPTIONS (SET credentials 'host', ADD config_file 'config');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (SET credentials 'host', ADD profile 'payments', ADD config_file '/etc/aws/config', ADD credentials_file '/etc/aws/credentials');
ALTER SERVER regress_sqs_server OPTIONS (SET credentials 'environment');
ALTER SERVER regress_sqs_server OPTIONS (SET credentials 'environment', DROP profile, DROP config_file, DROP credentials_file);
ALTER SERVER regress_sqs_server OPTIONS (ADD ca_bundle 'certificates.pem');
\echo :LAST_ERROR_SQLSTATE
ALTER SERVER regress_sqs_server OPTIONS (ADD ca_bundle '/etc/ssl/certs/ca-certificates.crt', ADD endpoint 'https://sqs.example.com:8443');

-- a user mapping: keys come in pairs, and are never shown
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server OPTIONS (password 'x');
\echo :LAST_ERROR_SQLSTATE
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKIDEXAMPLE');
\echo :LAST_ERROR_SQLSTATE
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (secret_access_key 'x');
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (session_token 'x');
\set VERBOSITY sqlstate
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key E'two\nlines');
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKID EXAMPLE', secret_access_key 'x');
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (access_key_id '', secret_access_key '');
\set VERBOSITY default
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');
ALTER USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (DROP secret_access_key);
ALTER USER MAPPING FOR regress_sqs_options SERVER regress_sqs_server
	OPTIONS (ADD session_token 'y');

-- what only a superuser may set; also through ALTER of what a superuser has set
SET ROLE regress_sqs_options;
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (endpoint 'https://sqs.example.com');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (s3_endpoint 'https://s3.example.com');
\echo :LAST_ERROR_SQLSTATE
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (credentials 'environment');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (profile 'payments');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (config_file '/etc/passwd');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (credentials_file '/etc/passwd');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (proxy 'http://proxy.example.com:3128');
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (allow_http 'true');
\echo :LAST_ERROR_SQLSTATE
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (ca_bundle '/etc/passwd');
\echo :LAST_ERROR_SQLSTATE
CREATE SERVER regress_sqs_own FOREIGN DATA WRAPPER sqs OPTIONS (region 'eu-west-1', use_fips_endpoint 'true');
CREATE USER MAPPING FOR regress_sqs_options SERVER regress_sqs_own
	OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x', session_token 'y');
RESET ROLE;
ALTER SERVER regress_sqs_server OWNER TO regress_sqs_options;
SET ROLE regress_sqs_options;
ALTER SERVER regress_sqs_server OPTIONS (SET region 'eu-west-3');
RESET ROLE;

DROP SERVER regress_sqs_server CASCADE;
DROP SERVER regress_sqs_own CASCADE;
REVOKE USAGE ON FOREIGN DATA WRAPPER sqs FROM regress_sqs_options;
DROP ROLE regress_sqs_options;
