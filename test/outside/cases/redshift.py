"""The Redshift Data API: statements, batches, tokens, results. moto runs no SQL, so it is asked only about ids."""
import time
import uuid

import boto3
from botocore.config import Config

import lab as support
from cloud import refused
from lab import equal, until
from registry import case

PLACE = {"WorkgroupName": "default", "Database": "dev"}


def client(c):
    return c.client("redshift-data")


def careless(c):
    """A client that sends what the service must refuse."""
    return boto3.client("redshift-data", endpoint_url=c.url, region_name=support.REGION, aws_access_key_id=support.ACCESS_KEY,
                        aws_secret_access_key=support.SECRET_KEY,
                        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))


def finished(c, statement):
    """Its description, when it has ended."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        description = client(c).describe_statement(Id=statement)
        if description["Status"] in ("FINISHED", "FAILED", "ABORTED"):
            return description
        time.sleep(0.02)
    raise AssertionError("the statement did not end")


def execute(c, sql, **options):
    return finished(c, client(c).execute_statement(**{**PLACE, "Sql": sql, **options})["Id"])


def batch(c, *sqls, **options):
    return finished(c, client(c).batch_execute_statement(**{**PLACE, "Sqls": list(sqls), **options})["Id"])


def rows(c, statement):
    """All pages, as lists of values."""
    pages = client(c).get_paginator("get_statement_result").paginate(Id=statement)
    return [[None if value.get("isNull") else next(iter(value.values())) for value in record]
            for page in pages for record in page["Records"]]


def table(c, columns="id VARCHAR(20), n INT"):
    name = c.name().replace("-", "_")
    equal(execute(c, f"CREATE TABLE {name} ({columns})")["Status"], "FINISHED")
    return name


def settings(**changes):
    """During the case the control call says this of Redshift."""
    def declare(function):
        def run(c):
            before = c.lab.control("GET", "redshift")
            c.lab.control("PUT", "redshift", changes)
            try:
                function(c)
            finally:
                c.lab.control("PUT", "redshift", {name: before[name] for name in changes if name != "fail"})
        run.__doc__ = function.__doc__
        return run
    return declare


@case("Redshift: a statement that is executed")
def _(c):
    """ExecuteStatement answers at once with Id, CreatedAt, Database, WorkgroupName; DescribeStatement tells the end [documented]"""
    answer = client(c).execute_statement(**PLACE, Sql="SELECT 1")
    equal(str(uuid.UUID(answer["Id"])), answer["Id"])
    equal((answer["Database"], answer["WorkgroupName"]), ("dev", "default"))
    equal(answer["CreatedAt"].tzinfo is not None, True)
    told = finished(c, answer["Id"])
    equal((told["Status"], told["HasResultSet"], told["ResultRows"], told["QueryString"]), ("FINISHED", True, 1, "SELECT 1"))


@case("Redshift: values of a result")
def _(c):
    """longValue, doubleValue, stringValue, booleanValue, isNull; numerics and times are strings [documented]"""
    done = execute(c, "SELECT 9007199254740993::bigint, 1.5::float8, 12345678901234567.890::decimal(20,3), true, NULL::int, "
                   "'2026-01-02T03:04:05+01:00'::timestamptz, JSON_PARSE('[1, 2]'), 'é😀'")
    got = client(c).get_statement_result(Id=done["Id"])
    equal(got["Records"], [[{"longValue": 9007199254740993}, {"doubleValue": 1.5}, {"stringValue": "12345678901234567.890"},
                            {"booleanValue": True}, {"isNull": True}, {"stringValue": "2026-01-02 02:04:05+00"},
                            {"stringValue": "[1,2]"}, {"stringValue": "é😀"}]])
    equal([column["typeName"] for column in got["ColumnMetadata"]],
          ["int8", "float8", "numeric", "bool", "int4", "timestamptz", "super", "varchar"])
    equal(got["TotalNumRows"], 1)


@case("Redshift: parameters")
def _(c):
    """:name stands for a text, which becomes what the place wants; a name may be used twice [documented]"""
    name = table(c)
    done = execute(c, f"INSERT INTO {name} VALUES (:id, :n), (:id || '2', :n::int + 1)",
                   Parameters=[{"name": "n", "value": "42"}, {"name": "id", "value": "it's :n"}])
    equal((done["ResultRows"], done["QueryParameters"][0]), (2, {"name": "n", "value": "42"}))
    equal(rows(c, execute(c, f"SELECT id, n FROM {name} ORDER BY n")["Id"]), [["it's :n", 42], ["it's :n2", 43]])


@case("Redshift: a parameter is not empty and not null")
def _(c):
    """a value has at least one character [documented]"""
    for value in ("", None):
        refused("ValidationException", careless(c).execute_statement, **PLACE, Sql="SELECT :x", Parameters=[{"name": "x", "value": value}], status=400)


@case("Redshift: a batch is one transaction")
def _(c):
    """either all statements of a batch are committed or none; those behind the one that failed are not run [documented]"""
    name = table(c)
    done = batch(c, f"INSERT INTO {name} VALUES ('a', 1), ('b', 2)", f"SELECT n FROM {name} ORDER BY n", f"DELETE FROM {name} WHERE n = 1")
    equal([(part["Status"], part["ResultRows"], part["HasResultSet"]) for part in done["SubStatements"]],
          [("FINISHED", 2, False), ("FINISHED", 2, True), ("FINISHED", 1, False)])
    equal(rows(c, done["Id"] + ":2"), [[1], [2]])
    failed = batch(c, f"INSERT INTO {name} VALUES ('c', 3)", f"INSERT INTO {name} VALUES ('d', 'x')", "SELECT 1")
    equal((failed["Status"], [part["Status"] for part in failed["SubStatements"]]), ("FAILED", ["FINISHED", "FAILED", "ABORTED"]))
    equal(rows(c, execute(c, f"SELECT count(*) FROM {name}")["Id"]), [[1]])


@case("Redshift: the error of a batch")
def _(c):
    """names the statement by its number: "Query #2 failed with ERROR: ..." [recorded]"""
    equal(batch(c, "SELECT 1", "SELECT * FROM nothing")["Error"], 'Query #2 failed with ERROR: relation "nothing" does not exist')


@case("Redshift: the result of a batch")
def _(c):
    """is had by the id of one of its statements only [recorded]"""
    answer = refused("ValidationException", client(c).get_statement_result, Id=batch(c, "SELECT 1")["Id"], status=400)
    equal(answer["Error"]["Message"], "BatchExecuteStatement result can only be retrieved with sub-statement id.")


@case("Redshift: one of a batch described")
def _(c):
    """ID:N is the N-th statement [documented]"""
    done = batch(c, "SELECT 1", "SELECT 2 UNION ALL SELECT 3")
    told = client(c).describe_statement(Id=done["Id"] + ":2")
    equal((told["Id"], told["ResultRows"], told["QueryString"]), (done["Id"] + ":2", 2, "SELECT 2 UNION ALL SELECT 3"))


@case("Redshift: limits of a batch")
def _(c):
    """1 to 40 statements, a statement of up to 100 KB, a ClientToken of up to 64 characters [documented]"""
    equal(len(batch(c, *["SELECT 1"] * 40)["SubStatements"]), 40)
    for sqls in ([], ["SELECT 1"] * 41):
        refused("ValidationException", careless(c).batch_execute_statement, **PLACE, Sqls=sqls, status=400)
    refused("ValidationException", careless(c).execute_statement, **PLACE, Sql="SELECT '" + "x" * 102400 + "'", status=400)
    refused("ValidationException", careless(c).execute_statement, **PLACE, Sql="SELECT 1", ClientToken="x" * 65, status=400)


@case("Redshift: a token within eight hours")
def _(c):
    """the same ClientToken is not executed again and gets the same id [documented]"""
    name = table(c)
    call = {"ClientToken": c.name(), "Sqls": [f"INSERT INTO {name} VALUES ('x', 1)"]}
    first = finished(c, client(c).batch_execute_statement(**PLACE, **call)["Id"])["Id"]
    c.wait(8 * 3600 - 60)
    equal(client(c).batch_execute_statement(**PLACE, **call)["Id"], first)
    equal(rows(c, execute(c, f"SELECT count(*) FROM {name}")["Id"]), [[1]])
    c.wait(61)
    equal(client(c).batch_execute_statement(**PLACE, **call)["Id"] == first, False)


@case("Redshift: the token of a statement that failed")
def _(c):
    """gives the failed statement, not another try [assumed]"""
    token = c.name()
    first = execute(c, "SELECT 1/0", ClientToken=token)
    equal(first["Status"], "FAILED")
    equal(client(c).execute_statement(**PLACE, Sql="SELECT 1/0", ClientToken=token)["Id"], first["Id"])


@case("Redshift: pages of a result")
@settings(page_rows=2)
def _(c):
    """NextToken leads to the next rows; TotalNumRows counts all [documented]"""
    done = execute(c, "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 ORDER BY 1")
    first = client(c).get_statement_result(Id=done["Id"])
    equal((len(first["Records"]), first["TotalNumRows"]), (2, 3))
    equal(rows(c, done["Id"]), [[1], [2], [3]])


@case("Redshift: a result that is not there")
def _(c):
    """of a statement without rows, and before it has ended [recorded]"""
    name = table(c)
    answer = refused("ResourceNotFoundException", client(c).get_statement_result, Id=execute(c, f"DELETE FROM {name}")["Id"], status=400)
    equal(answer["Error"]["Message"], "Query does not have result. Please check query status with DescribeStatement.")


@case("Redshift: statuses")
@settings(submitted_ms=60000, picked_ms=60000, hold=True)
def _(c):
    """SUBMITTED, PICKED, STARTED, FINISHED [documented]"""
    def status():
        return client(c).describe_statement(Id=statement)["Status"]
    statement = client(c).execute_statement(**PLACE, Sql="SELECT 1")["Id"]
    equal(status(), "SUBMITTED")
    c.wait(60)
    equal(status(), "PICKED")
    c.wait(60)
    until(lambda: status() == "STARTED")
    c.lab.control("PUT", "redshift", {"hold": False})
    equal(finished(c, statement)["Status"], "FINISHED")


@case("Redshift: a statement is cancelled")
@settings(hold=True)
def _(c):
    """CancelStatement answers Status true, the statement becomes ABORTED, and cannot be cancelled again [documented]"""
    name = table_without_waiting(c)
    statement = client(c).batch_execute_statement(**PLACE, Sqls=[f"LOCK {name}", f"INSERT INTO {name} VALUES ('x', 1)"])["Id"]
    until(lambda: client(c).describe_statement(Id=statement)["Status"] == "STARTED")
    equal(client(c).cancel_statement(Id=statement)["Status"], True)
    equal(finished(c, statement)["Status"], "ABORTED")
    refused("ValidationException", client(c).cancel_statement, Id=statement, status=400)


def table_without_waiting(c):
    c.lab.control("PUT", "redshift", {"hold": False})
    name = table(c)
    c.lab.control("PUT", "redshift", {"hold": True})
    return name


@case("Redshift: a workgroup that is not there")
def _(c):
    """is an endpoint that does not exist [recorded]"""
    answer = refused("ValidationException", client(c).execute_statement, WorkgroupName="other", Database="dev", Sql="SELECT 1", status=400)
    equal(answer["Error"]["Message"], "Redshift endpoint doesn't exist in this region.")


@case("Redshift: neither workgroup nor cluster")
def _(c):
    """one of them must be named [recorded]"""
    answer = refused("ValidationException", client(c).execute_statement, Database="dev", Sql="SELECT 1", status=400)
    equal(answer["Error"]["Message"], "Either ClusterIdentifier, WorkgroupName or SessionId must be provided.")


@case("Redshift: too many active statements")
@settings(active_max=0)
def _(c):
    """ActiveStatementsExceededException, to be tried again later [documented]"""
    refused("ActiveStatementsExceededException", client(c).execute_statement, **PLACE, Sql="SELECT 1", status=400)


@case("Redshift: a signature that is wrong")
def _(c):
    """InvalidSignatureException, as of every JSON service [documented]"""
    wrong = c.client("redshift-data", secret="wrong")
    refused("InvalidSignatureException", wrong.execute_statement, **PLACE, Sql="SELECT 1", status=400)


@case("Redshift: COPY from S3")
def _(c):
    """FORMAT JSON 'auto' takes members by the names of columns, and all objects whose keys begin so [documented]"""
    name = table(c, "id VARCHAR(20), amount DECIMAL(38,18), at TIMESTAMPTZ, doc SUPER")
    c.bucket()
    c.put("stage/1", b'{"id":"a","amount":12345678901234567890.123456789012345678,"at":"2026-01-01T00:00:00+01:00"}\n{"id":"b"}')
    c.put("stage/2", '{"doc":{"é":"\\u00e9"},"other":1}'.encode())
    done = execute(c, f"COPY {name} FROM 's3://{c.last_bucket}/stage/' IAM_ROLE default FORMAT JSON 'auto' TIMEFORMAT 'auto'")
    equal((done["Status"], done["ResultRows"]), ("FINISHED", 3))
    equal(rows(c, execute(c, f"SELECT id, amount, at, doc FROM {name} ORDER BY id")["Id"]),
          [["a", "12345678901234567890.123456789012345678", "2025-12-31 23:00:00+00", None], ["b", None, None, None],
           [None, None, None, '{"é":"é"}']])


@case("Redshift: COPY of what is not there, and of what does not fit")
def _(c):
    """the errors name the prefix, or the table whose load failed; nothing is loaded [recorded]"""
    name = table(c)
    c.bucket()
    c.put("bad", b'{"id":"a"}\n{"n":"x"}')
    copy = f"COPY {name} FROM 's3://{c.last_bucket}/%s' IAM_ROLE default FORMAT JSON 'auto'"
    equal(execute(c, copy % "none")["Error"], "ERROR: The specified S3 prefix 'none' does not exist")
    equal(execute(c, copy % "bad")["Error"], f"ERROR: Load into table '{name}' failed. Check 'sys_load_error_detail' system table for details.")
    equal(rows(c, execute(c, f"SELECT count(*) FROM {name}")["Id"]), [[0]])


@case("Redshift id: an id that nobody has")
def _(c):
    """is a statement that does not exist [recorded]"""
    for call in (client(c).describe_statement, client(c).get_statement_result, client(c).cancel_statement):
        answer = refused("ResourceNotFoundException", call, Id="d9b6c0c9-0747-4bf4-b142-e8883122f766", status=400)
        equal(answer["Error"]["Message"], "Query does not exist.")


@case("Redshift id: an id that is none")
def _(c):
    """ids are UUIDs in lower case, with the number of a statement of a batch behind a colon [documented]"""
    for wrong in ("x", "D9B6C0C9-0747-4BF4-B142-E8883122F766", "d9b6c0c9-0747-4bf4-b142-e8883122f766:x"):
        refused("ValidationException", careless(c).describe_statement, Id=wrong, status=400)


@case("Redshift id: what a description says of what was submitted")
def _(c):
    """Id, QueryString, Database [documented]"""
    answer = client(c).execute_statement(**PLACE, Sql="SELECT 'described'")
    told = client(c).describe_statement(Id=answer["Id"])
    equal((told["Id"], told["QueryString"], told["Database"]), (answer["Id"], "SELECT 'described'", "dev"))
