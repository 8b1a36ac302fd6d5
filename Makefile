# pg_sqs: Amazon SQS FIFO messages into PostgreSQL.
#
# "make", "make install" and "make installcheck" build and test the extension
# alone, as PGXN users expect.  "make demo" and "make test" do the rest; see
# "make help".

# PGXS has a VERSION of its own: the server's.
PG_SQS_VERSION := $(shell sed -n 's/^  "version": "\([0-9.]*\)".*/\1/p' META.json)

EXTENSION = pg_sqs
MODULE_big = pg_sqs
DATA = sql/pg_sqs--1.0.sql
PGFILEDESC = "pg_sqs - Amazon SQS FIFO messages into PostgreSQL"

# One a line, so that two who add one do not meet.
AWS_OBJS = \
	aws/answer.o \
	aws/answer_code.o \
	aws/base64.o \
	aws/buf.o \
	aws/ca_bundle.o \
	aws/client.o \
	aws/client_call.o \
	aws/child.o \
	aws/clock.o \
	aws/credentials.o \
	aws/credentials_cache.o \
	aws/credentials_chain.o \
	aws/credentials_container.o \
	aws/credentials_default.o \
	aws/credentials_env.o \
	aws/credentials_imds.o \
	aws/credentials_json.o \
	aws/credentials_made.o \
	aws/credentials_process.o \
	aws/credentials_profile.o \
	aws/credentials_role.o \
	aws/credentials_static.o \
	aws/credentials_web_identity.o \
	aws/date.o \
	aws/digest.o \
	aws/endpoints.o \
	aws/envelope.o \
	aws/envelope_key.o \
	aws/error.o \
	aws/file.o \
	aws/http.o \
	aws/http_curl.o \
	aws/http_curl_exchange.o \
	aws/http_curl_multi.o \
	aws/http_curl_request.o \
	aws/http_curl_wire.o \
	aws/http_curl_wires.o \
	aws/http_endpoint.o \
	aws/http_reader.o \
	aws/identity.o \
	aws/imds.o \
	aws/imds_region.o \
	aws/ini.o \
	aws/json_scan.o \
	aws/metadata.o \
	aws/partitions.o \
	aws/profile.o \
	aws/redshift_sql.o \
	aws/redshift_table.o \
	aws/redshift_type.o \
	aws/retry.o \
	aws/s3.o \
	aws/s3_checksum.o \
	aws/s3_crc.o \
	aws/s3_list.o \
	aws/s3_object.o \
	aws/s3_region.o \
	aws/s3_write.o \
	aws/service.o \
	aws/sigmask.o \
	aws/sigv4.o \
	aws/sigv4_canonical.o \
	aws/sigv4_key.o \
	aws/skew.o \
	aws/sqs_attributes.o \
	aws/sqs_batch.o \
	aws/sqs_elements.o \
	aws/sqs_messages.o \
	aws/sqs_move.o \
	aws/sqs_raw.o \
	aws/sqs_receive.o \
	aws/sqs_send.o \
	aws/sqs_service.o \
	aws/sqs_wire.o \
	aws/sts.o \
	aws/sts_assume.o \
	aws/text.o \
	aws/timer.o \
	aws/xml.o

OBJS = \
	extension/applier.o \
	extension/apply.o \
	extension/apply_attempt.o \
	extension/apply_verdict.o \
	extension/apply_within.o \
	extension/batch.o \
	extension/batch_relation.o \
	extension/breaker.o \
	extension/connection.o \
	extension/connection_settings.o \
	extension/consumer.o \
	extension/deletes.o \
	extension/durable.o \
	extension/explain.o \
	extension/failure.o \
	extension/forget.o \
	extension/guard.o \
	extension/guc.o \
	extension/inbox.o \
	extension/ingest.o \
	extension/jsonscan.o \
	extension/jsontext.o \
	extension/launcher.o \
	extension/ledger.o \
	extension/ledger_entry.o \
	extension/ledger_insert.o \
	extension/ledger_key.o \
	extension/lifecycle.o \
	extension/message.o \
	extension/options.o \
	extension/peek.o \
	extension/pg_sqs.o \
	extension/poll.o \
	extension/prune.o \
	extension/quarantine.o \
	extension/quarantine_commands.o \
	extension/quarantine_rows.o \
	extension/queue_call.o \
	extension/queue_state.o \
	extension/receipt.o \
	extension/receipts_s3.o \
	extension/reconcile.o \
	extension/record.o \
	extension/redrive.o \
	extension/redrive_commands.o \
	extension/redshift_columns.o \
	extension/redshift_ddl.o \
	extension/redshift_type.o \
	extension/report.o \
	extension/ring.o \
	extension/route.o \
	extension/route_check.o \
	extension/route_commands.o \
	extension/route_statement.o \
	extension/route_target.o \
	extension/scanner.o \
	extension/scans.o \
	extension/send.o \
	extension/send_attributes.o \
	extension/session.o \
	extension/setup.o \
	extension/shmem.o \
	extension/slot_worker.o \
	extension/slots.o \
	extension/sns.o \
	extension/sql_version.o \
	extension/statement.o \
	extension/stats.o \
	extension/status.o \
	extension/subscription.o \
	extension/subscription_access.o \
	extension/subscription_check.o \
	extension/subscription_commands.o \
	extension/subscription_home.o \
	extension/subscription_settings.o \
	extension/subscription_write.o \
	extension/subtransaction.o \
	extension/target.o \
	extension/target_plan.o \
	extension/target_run.o \
	extension/trace.o \
	extension/trouble.o \
	extension/upsert.o \
	extension/upsert_batch.o \
	extension/visibility.o \
	$(AWS_OBJS)

REGRESS = $(basename $(notdir $(sort $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test --outputdir=test
ISOLATION = $(basename $(notdir $(sort $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=test/isolation

PG_CPPFLAGS = -Iaws -Iextension -DPG_SQS_VERSION='"$(PG_SQS_VERSION)"' \
	$(shell pkg-config --cflags libcurl jansson libcrypto 2>/dev/null)
PG_CFLAGS = -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-Wno-declaration-after-statement
# PostgreSQL's own flags and headers are for the compiler it was built with.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
endif
SHLIB_LINK = $(shell pkg-config --libs libcurl jansson libcrypto 2>/dev/null || echo -lcurl -ljansson -lcrypto) \
	-Wl,--version-script=extension/exports.map
EXTRA_CLEAN = build test/results test/regression.diffs test/regression.out \
	test/isolation/results test/isolation/output_iso test/isolation/regression.diffs test/isolation/regression.out

# Nothing of ours is ever inlined into a query, so no bitcode.
override with_llvm = no

PG_CONFIG ?= pg_config
ifeq ($(shell command -v '$(PG_CONFIG)' 2>/dev/null),)
# Without PostgreSQL's development files only the targets that install them work.
all install uninstall installcheck:
	@echo '$(PG_CONFIG) was not found. Run test/deps, or name one: make PG_CONFIG=/path/to/pg_config' >&2
	@exit 1
clean distclean:
	rm -rf pg_sqs.so extension/*.o aws/*.o $(EXTRA_CLEAN)
.PHONY: all install uninstall installcheck clean distclean
else
PGXS := $(shell '$(PG_CONFIG)' --pgxs)
ifeq ($(wildcard $(PGXS)),)
$(error $(PG_CONFIG) knows no development files ($(PGXS) is missing). Run test/deps, or name another: make PG_CONFIG=/path/to/pg_config)
endif
include $(PGXS)
$(OBJS): $(wildcard aws/*.h extension/*.h) Makefile META.json build/built-for
pg_sqs.so: extension/exports.map

# Objects of another PostgreSQL or compiler must not be mixed in: this file
# changes when either does.
BUILT_FOR := $(shell '$(PG_CONFIG)' --version) $(PGXS) $(CC)
build/built-for: FORCE
	@mkdir -p build; echo '$(BUILT_FOR)' | cmp -s - $@ || echo '$(BUILT_FOR)' >$@
FORCE:
.PHONY: FORCE
endif

# ---------------------------------------------------------------------------
# The whole house
# ---------------------------------------------------------------------------

# A file name may hold anything, so it travels in the environment, unexpanded.
export PG_SQS_FILE := $(value FILE)
export PG_CONFIG

help:
	@sed -n 's/^#: //p' Makefile

#: make              build the extension (PG_CONFIG=... picks the PostgreSQL, 15-18)
#: make install      install the extension
#: make installcheck test the installed extension's SQL
#:
#: make demo         install what is missing, build, run the whole pipeline here, show the rows
#: make demo FILE=x  ... with your own JSON file or folder
#: make demo REDSHIFT=1  ... with sqs_to_redshift beside it: the same rows in both databases
#: make demo-shell   ... leave everything up and open psql
#: make test         build and pass every test
#: make test SUITE=x only one of: unit regress isolation tap outside fuzz lint
#: make test JOBS=1  one test file at a time, instead of two for each processor
#: make conformance  the lab against boto3's and moto's idea of AWS, one line a case
#: make crashpoints  kill at every step of the protocol (N=500 SEED=...), count what is lost
#: make bench        measure beside COPY and beside others (test/bench/results.json; BIG=1: for longer)
#: make bench-peers  ... install the npm packages it can measure beside, into build/bench
#: make bench-publish ... take the last run's figures and plots into docs/performance.md
#: make fuzz         every parser under libFuzzer (SECONDS_EACH=60), two at a time
#: make sanitize     the unit tests with address and undefined-behaviour sanitizers
#: make lint         who may look at whom, symbols, warnings, linters where installed
#: make indent       format the C sources
#: make lambda       the Lambda function's zip (build/s3_to_sqs-x86_64.zip, -arm64 with a cross compiler)
#: make lab          build the stand-in for AWS (build/awslab)
#: make deps         install what building and testing needs (Debian packages)
#: make clean        remove what was built

# A locale that every system has, and one language for all messages.
demo demo-shell test sanitize conformance crashpoints lint deps: export LC_ALL = C.UTF-8

# "exec", so that make's signals reach the one that cleans up.
demo:
	@test/deps && test/build && exec test/demo/run $(if $(REDSHIFT),--redshift)
demo-shell:
	@test/deps && test/build && exec test/demo/run --shell $(if $(REDSHIFT),--redshift)
test:
	@test/deps && test/build && exec perl test/run $(SUITE)
sanitize:
	@test/deps && test/build sanitize && exec perl test/run sanitize
conformance:
	@test/deps && test/build && exec python3 test/outside/conformance.py
crashpoints: export PG_SQS_CRASH_POINTS = $(or $(N),500)
crashpoints: export PG_SQS_SEED = $(SEED)
crashpoints:
	@test/deps && test/build && exec test/with_stage perl test/t/120_crash_points.pl
bench:
	@test/deps && test/build && exec test/bench/run
bench-peers:
	@test/bench/peers --install
bench-publish:
	@perl test/bench/report.pl --publish
fuzz:
	@$(MAKE) -C test/fuzz
lint:
	@test/deps && test/build && exec test/lint
indent:
	@test/indent
lambda:
	@worker/deploy/build
lab:
	@$(MAKE) -C test/lab
deps:
	@test/deps

.PHONY: help demo demo-shell test sanitize conformance crashpoints bench bench-peers bench-publish fuzz lint indent lambda lab deps
