#!/usr/bin/env python3
"""What sqs_to_redshift says to Redshift, read by a parser of that dialect which nobody here wrote: sqlglot.

Every statement of every kind of table must be one statement of the kind that it
is meant to be; the texts that the parser finds in literals, put together, must
be those that went in. LOCK and COPY, which the parser does not know, are held to
their documented grammar here.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "..", "build")
DEBIAN = "/usr/bin/python3"

try:
    import sqlglot
    from sqlglot import exp
    from sqlglot.dialects.redshift import Redshift
    from sqlglot.errors import ErrorLevel, SqlglotError
except ImportError:
    # Debian's package is for Debian's Python only.
    if os.path.exists(DEBIAN) and "SQLGLOT_TRIED" not in os.environ:
        os.environ["SQLGLOT_TRIED"] = "1"
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    print("1..0 # SKIP sqlglot is not installed (Debian: python3-sqlglot)")
    sys.exit(0)



class Dialect(Redshift):
    """Its early versions know a backslash in a literal, but not a doubled quote."""

    class Tokenizer(Redshift.Tokenizer):
        if hasattr(Redshift.Tokenizer, "STRING_ESCAPES"):
            STRING_ESCAPES = ["\\", "'"]
        else:
            ESCAPES = ["\\", "'"]


TYPES = ["smallint", "integer", "bigint", "decimal(38,18)", "real", "double precision", "boolean", "char(3)", "varchar(max)", "date",
         "timestamp", "timestamptz", "super"]
COLUMNS = [{"name": "id", "type": "varchar(64)", "not_null": True}, {"name": "Odd name; --", "type": "integer", "default": 1}] + [
    {"name": f"c{n}", "type": name} for n, name in enumerate(TYPES)]
TABLES = {
    "append": {},
    "key": {"key": ["id"]},
    "key and version": {"key": ["id"], "version": "Odd name; --"},
    "two keys": {"key": ["id", "c2"], "version": "c11", "distkey": "c2", "sortkey": ["c9", "id"]},
    "all key": {"key": ["id"], "columns": COLUMNS[:1]},
}
TEXTS = [
    "plain", "", "it's", "'", "''", "\\", "\\\\'", "x\\'; DROP TABLE t; --", "$$ $tag$ /* -- */ ; :name ? {}", "a\nb\tc\r", "\x01\x7f",
    "\"quoted\"", "Überweisung 💶", "~^|#@`!$%&*+-/<=>?_.,()[]{} \\", "".join(map(chr, range(32, 127))) * 3, "\\" * 500, "'" * 500,
]
LOCK = re.compile(r'LOCK ("([^"]|"")+"\."([^"]|"")+")(, "([^"]|"")+"\."([^"]|"")+")*\Z')
COPY = re.compile(r"COPY \w+ \(\w+(, \w+)*\) FROM '([^'\\]|'')+' IAM_ROLE (default|'([^'\\]|'')+') FORMAT AS JSON 'auto'"
                  r"( (TIMEFORMAT 'auto'|DATEFORMAT 'auto'|COMPUPDATE OFF|STATUPDATE OFF))*\Z")
KINDS = {
    "append": "LOCK Create Insert Select Delete Insert Insert",
    "key": "LOCK Create Insert Select Delete Insert Create Merge",
    "key and version": "LOCK Create Insert Select Delete Create Select Insert Create Merge",
    "all key": "LOCK Create Insert Select Delete Insert Create Insert",
}
KINDS["two keys"] = KINDS["key and version"]
count = 0
failed = 0


def ok(good, name, why=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good and why:
        print("\n".join("# " + line for line in str(why).splitlines()[:20]))


def run(program, *arguments, messages=()):
    text = "".join(f"{key}\n{body}\n" for key, body in messages)
    done = subprocess.run([os.path.join(BUILD, program), *arguments], input=text.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.stderr.decode()}")
    return done.stdout.decode()


def statements(mode, config, messages, *more):
    return [json.loads(line) for line in run("unit/load_client", mode, config, *more, messages=messages).splitlines()]


def parse(sql):
    """The one statement's tree; LOCK and COPY as their names."""
    if sql.startswith("LOCK "):
        return "LOCK" if LOCK.match(sql) else f"no LOCK: {sql}"
    if sql.startswith("COPY "):
        return "COPY" if COPY.match(sql) else f"no COPY: {sql}"
    trees = sqlglot.parse(sql, read=Dialect, error_level=ErrorLevel.RAISE)
    if len(trees) != 1 or trees[0] is None:
        return f"{len(trees)} statements: {sql}"
    return trees[0]


def kind(sql):
    try:
        tree = parse(sql)
    except SqlglotError as error:
        return f"refused ({error}): {sql}"
    return tree if isinstance(tree, str) else type(tree).__name__


def text_of(node):
    """What an expression of literals means."""
    if isinstance(node, exp.Paren):
        return text_of(node.this)
    if isinstance(node, exp.Literal):
        return node.this
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.Neg):
        return "-" + text_of(node.this)
    if isinstance(node, (exp.DPipe, exp.Concat, exp.SafeConcat if hasattr(exp, "SafeConcat") else exp.DPipe)):
        return "".join(text_of(part) for part in (node.expressions or [node.left, node.right]))
    name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
    arguments = node.expressions if isinstance(node, exp.Anonymous) else [node.this]
    if name.upper() == "CHR":
        return chr(int(text_of(arguments[0])))
    if name.upper() == "REPLACE":
        text, old, new = (text_of(one) for one in arguments)
        return text.replace(old, new)
    if name.upper() in ("JSON_PARSE", "PARSEJSON"):
        return text_of(arguments[0])
    raise ValueError(f"{name} in a row of values: {node.sql()}")


def rows_of(insert):
    return [[text_of(value) for value in row.expressions] for row in insert.expression.expressions]


def same_texts(config):
    messages = [(f"d{n}", json.dumps({"id": f"i{n}", "c8": text, "c12": text}, ensure_ascii=False)) for n, text in enumerate(TEXTS)]
    wanted = [json.loads(line) for line in run("unit/load_client", "rows", config, messages=messages).splitlines()]
    found = rows_of(parse(statements("sql", config, messages)[2]))
    wrong = []
    for row, values, text in zip(wanted, found, TEXTS):
        if row["values"] != values[6:] or values[1] != row["key"] or values[6 + 2 + 8] != text or json.loads(values[-1]) != text:
            wrong.append(f"{text!r}: {values!r}")
    ok(not wrong and len(found) == len(TEXTS), f"{len(TEXTS)} awkward texts are read as they were meant", "\n".join(wrong))


def main():
    values = {"id": "a", "c0": 1, "c1": -2, "c2": 3, "c3": "-0.5", "c4": 1.5, "c5": "1e-7", "c6": True, "c7": "x", "c8": "it's \\", "c9": "2026-01-31",
              "c10": "2026-01-31T10:00", "c11": "2026-01-31T10:00Z", "c12": {"a": ["\\", None]}}
    messages = [("d1", json.dumps(values)), ("d2", json.dumps({**dict.fromkeys(values), "id": "b", "c2": 4, "c11": "2026-01-31"}))]
    with tempfile.TemporaryDirectory() as folder:
        for name, more in TABLES.items():
            config = os.path.join(folder, "config.json")
            with open(config, "w", encoding="utf-8") as file:
                json.dump({"table": "\"Odd schema\".\"it's\"", "columns": COLUMNS, "subscription": "it's \\", **more}, file)
            found = [kind(sql) for sql in statements("sql", config, messages)]
            ok(" ".join(found) == KINDS[name], f"{name}: {len(found)} statements", "\n".join(found))
            found = [kind(sql) for sql in statements("copy", config, messages, "s3://bucket/it's/key")]
            ok(" ".join(found) == KINDS[name].replace("Insert", "COPY", 1), f"{name}: {len(found)} with COPY", "\n".join(found))
            found = [kind(sql) for sql in statements("prune", config, [])]
            ok(found == ["Delete"], f"{name}: the ledger is pruned", "\n".join(found))
            found = [kind(sql) for sql in run("sqs_to_redshift", "ddl", config).split(";\n") if sql.strip()]
            ok(bool(found) and set(found) == {"Create"}, f"{name}: {len(found)} tables are created", "\n".join(found))
            if name == "append":
                same_texts(config)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
