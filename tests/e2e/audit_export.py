"""Audit records as other programs get them: Parquet and CSV in DuckDB, ECS by its definitions, and a table on a terminal.

    .venv/bin/python tests/e2e/audit_export.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import struct
import subprocess
import tempfile
import termios
import unittest
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from envoy import ROOT
from records import validate

PORTCULLIS = os.environ.get("PORTCULLIS") or ROOT / "target/debug/portcullis"
START = 1790000000000
COUNT = 5000
TYPES = {
    "TIMESTAMP WITH TIME ZONE": ["time", "start_time", "end_time"],
    "INTEGER": ["status", "grpc_status", "class_uid", "source_port", "upstream_port"],
    "BIGINT": ["count", "request_bytes", "response_bytes", "sequence"],
    "DOUBLE": ["duration_ms"],
    "VARCHAR[]": ["forwarded_for"],
}
"""All other columns are texts."""
FORWARDED = [[], ["198.51.100.7"], ["198.51.100.7", "2001:db8::1"]]
ODD = ["alice", "bob", "Zoë \"z\" O'Hara, jr.\r\n", "日本", "=1+1", "a\u0001b"]
SGR = re.compile(rb"\x1b\[[\d;]*m")


def record(number, random):
    """A request, or one in fifty times a loss."""
    record = {
        "metadata": {
            "product": {"name": "Portcullis", "version": "0.1.0"},
            "profiles": ["host", "security_control", "trace"],
            "sequence": number,
            "uid": f"{'07' * 16}-{number}",
            "version": "1.5.0",
        },
        "severity_id": 1,
        "status_id": 1,
        "time": START + number * 1000,
        "unmapped": {"audit": {}, "integrity": {"chain": "07" * 16, "hash": f"{number:064x}", "previous": "0" * 64, "sequence": number}},
    }
    audit = record["unmapped"]["audit"]
    if number % 50 == 49:
        record |= {"activity_id": 99, "activity_name": "Loss", "category_uid": 1, "class_uid": 1008, "type_uid": 100899}
        record |= {"count": number, "end_time": record["time"], "start_time": record["time"] - 5, "log_name": "portcullis.audit", "log_type_id": 2}
        del record["metadata"]["profiles"]
        audit |= {"kind": "loss", "reason": "queue_full"}
        return record
    record |= {
        "action_id": 1,
        "activity_id": 3,
        "actor": {"app_uid": "web", "user": {"uid": random.choice(ODD)}},
        "category_uid": 4,
        "class_uid": 4002,
        "disposition_id": 1,
        "dst_endpoint": {"ip": "10.0.0.7", "port": 8080, "svc_name": "backend"},
        "duration": random.randrange(500),
        "http_request": {
            "http_method": "GET",
            "url": {"hostname": "shop.example", "path": f"/orders/{random.randrange(50)}", "scheme": "https"},
            "user_agent": "curl/8",
            "version": "HTTP/2",
        },
        "http_response": {"body_length": random.randrange(2**33), "code": 200},
        "src_endpoint": {"ip": "192.0.2.1", "port": random.randrange(1, 65536)},
        "trace": {"span": {"end_time": START, "start_time": START, "uid": "00f067aa0ba902b7"}, "uid": f"{random.getrandbits(128):032x}"},
        "type_uid": 400203,
    }
    if forwarded := random.choice(FORWARDED):
        record["http_request"]["x_forwarded_for"] = forwarded
    if number % 7 == 0:
        record |= {"action_id": 2, "disposition_id": 26, "status_detail": "portcullis_jwt_expired", "status_id": 2}
        record["http_response"]["code"] = 401
        audit["decisions"] = [{"action": "denied", "filter": "jwt-auth", "reason": "jwt_expired"}]
    return record


def run(*arguments, folder, status=0):
    it = subprocess.run([PORTCULLIS, "audit", *arguments], cwd=folder, capture_output=True, timeout=120)
    if it.returncode != status:
        raise AssertionError(f"{arguments}: {it.returncode}\n{it.stdout}{it.stderr}")
    return it


def on_a_terminal(*arguments, folder, columns=80):
    """What a run writes to a terminal of so many columns."""
    end, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [PORTCULLIS, "audit", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE
    )
    os.close(terminal)
    written = bytearray()
    # Linux says EIO where nobody writes any more.
    with contextlib.suppress(OSError):
        while some := os.read(end, 65536):
            written += some
    os.close(end)
    said = process.communicate(timeout=60)[1]
    return bytes(written), said, process.returncode


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        numbers = random.Random(7)
        cls.records = [record(number, numbers) for number in range(COUNT)]
        lines = [json.dumps(it, ensure_ascii=False, separators=(",", ":"), sort_keys=True) for it in cls.records]
        Path(cls.folder, "audit.jsonl").write_text("\n".join(lines))

    @classmethod
    def exported(cls, form, name, *further):
        run("export", "audit.jsonl", f"--{form}", name, *further, folder=cls.folder)
        return str(cls.folder / name)


class InDuckDb(Case):
    """Parquet, as an analyst has it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.exported("parquet", "audit.parquet")
        cls.duckdb = cls.enterClassContext(duckdb.connect())
        cls.duckdb.execute("SET timezone = 'UTC'")

    def ask(self, sql, *values):
        return self.duckdb.execute(sql.replace("AUDIT", f"'{self.path}'"), values).fetchall()

    def requests(self, holds=lambda it: True):
        return [it for it in self.records if it["class_uid"] == 4002 and holds(it)]

    def test_columns_have_their_types(self):
        found = {name: kind for name, kind, *_ in self.ask("DESCRIBE SELECT * FROM AUDIT")}
        typed = {name: kind for kind, names in TYPES.items() for name in names}
        self.assertEqual({name: kind for name, kind in found.items() if kind != "VARCHAR"}, typed)
        self.assertEqual(list(found)[:4], ["time", "kind", "decision", "status"])
        types = self.ask("SELECT typeof(time), typeof(status), typeof(count), typeof(duration_ms), typeof(subject), typeof(forwarded_for) FROM AUDIT LIMIT 1")
        self.assertEqual(types, [("TIMESTAMP WITH TIME ZONE", "INTEGER", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR[]")])

    def test_the_file_says_what_it_is(self):
        self.assertEqual(self.ask("SELECT key, value FROM parquet_kv_metadata(AUDIT)"), [(b"portcullis.audit.format", b"1")])
        self.assertEqual(self.ask("SELECT DISTINCT compression FROM parquet_metadata(AUDIT)"), [("ZSTD",)])
        ((logical,),) = self.ask("SELECT logical_type FROM parquet_schema(AUDIT) WHERE name = 'time'")
        self.assertIn("isAdjustedToUTC=1", logical)
        self.assertIn("MILLIS", logical)

    def test_every_value_is_what_it_was(self):
        found = self.ask("SELECT epoch_ms(time), subject, path, status, duration_ms, response_bytes, source_port, forwarded_for, trace_id, sequence, hash FROM AUDIT WHERE kind = 'request'")
        expected = [
            (
                it["time"],
                it["actor"]["user"]["uid"],
                it["http_request"]["url"]["path"],
                it["http_response"]["code"],
                float(it["duration"]),
                it["http_response"]["body_length"],
                it["src_endpoint"]["port"],
                it["http_request"].get("x_forwarded_for"),
                it["trace"]["uid"],
                it["metadata"]["sequence"],
                it["unmapped"]["integrity"]["hash"],
            )
            for it in self.requests()
        ]
        self.assertEqual(found, expected)
        found = self.ask("SELECT epoch_ms(start_time), epoch_ms(end_time), count, reason FROM AUDIT WHERE kind = 'loss'")
        losses = [it for it in self.records if it["class_uid"] == 1008]
        self.assertEqual(found, [(it["start_time"], it["end_time"], it["count"], "queue_full") for it in losses])

    def test_what_is_missing_is_null(self):
        self.assertEqual(self.ask("SELECT count(*) FROM AUDIT WHERE count IS NULL"), [(len(self.requests()),)])
        self.assertEqual(self.ask("SELECT count(*), count(subject), count(decision) FROM AUDIT WHERE kind = 'loss'"), [(100, 0, 0)])

    def test_questions_have_answers(self):
        half = datetime.fromtimestamp((START + 2_500_000) / 1000, UTC).isoformat()
        for condition, holds in [
            ("decision = 'denied'", lambda it: it["action_id"] == 2),
            ("subject = '日本' AND status = 401", lambda it: it["actor"]["user"]["uid"] == "日本" and it["http_response"]["code"] == 401),
            (f"time >= TIMESTAMPTZ '{half}' AND kind = 'request'", lambda it: it["time"] >= START + 2_500_000),
            ("len(forwarded_for) = 2", lambda it: len(it["http_request"].get("x_forwarded_for", [])) == 2),
            ("filter = 'jwt-auth' AND reason = 'jwt_expired'", lambda it: it["action_id"] == 2),
        ]:
            with self.subTest(condition):
                expected = len(self.requests(holds))
                self.assertGreater(expected, 0)
                self.assertEqual(self.ask(f"SELECT count(*) FROM AUDIT WHERE {condition}"), [(expected,)])

    def test_conditions_of_the_command_are_those_of_sql(self):
        until = datetime.fromtimestamp((START + 2_500_000) / 1000, UTC).isoformat()
        part = self.exported("parquet", "part.parquet", "--decision", "denied", "--subject", "bob", "--until", until)
        sql = f"SELECT * FROM AUDIT WHERE decision = 'denied' AND subject = 'bob' AND time < TIMESTAMPTZ '{until}'"
        self.assertGreater(len(self.ask(f"SELECT id FROM ({sql})")), 10)
        self.assertEqual(self.ask(f"SELECT count(*) FROM '{part}'"), self.ask(f"SELECT count(*) FROM ({sql})"))
        self.assertEqual(self.ask(f"({sql}) EXCEPT SELECT * FROM '{part}'"), [])

    def test_csv_says_the_same(self):
        csv = self.exported("csv", "audit.csv", "--raw")
        names = [name for name, *_ in self.ask("DESCRIBE SELECT * FROM AUDIT")]
        types = {name: "VARCHAR" for name in names} | {name: kind for kind, names in TYPES.items() for name in names if kind != "VARCHAR[]"}
        self.duckdb.execute(
            "CREATE OR REPLACE TABLE csv AS SELECT * FROM read_csv(?, types = ?, header = true, strict_mode = true, allow_quoted_nulls = false)",
            [csv, types],
        )
        parquet = "SELECT * REPLACE (array_to_string(forwarded_for, ', ') AS forwarded_for) FROM AUDIT"
        self.assertEqual(self.ask("SELECT count(*) FROM csv"), [(COUNT,)])
        self.assertEqual(self.ask(f"({parquet}) EXCEPT SELECT * FROM csv"), [])
        guarded = self.exported("csv", "guarded.csv", "--columns", "subject", "--kind", "request")
        found = self.ask(f"SELECT DISTINCT subject FROM read_csv('{guarded}', header = true, all_varchar = true)")
        self.assertEqual({it for (it,) in found}, {"'=1+1" if it == "=1+1" else it for it in ODD})

    def test_the_manual_is_right(self):
        manual = (ROOT / "docs/audit-trail.md").read_text()
        blocks = re.findall(r"```sql\n(.*?)```", manual, re.DOTALL)
        self.assertEqual(len(blocks), 3)
        for block in blocks:
            self.assertGreater(len(self.ask(block.replace("'audit.parquet'", "AUDIT"))), 0, block)
        columns = [name for name, *_ in self.ask("DESCRIBE SELECT * FROM AUDIT")]
        listed = manual.split("The columns: ")[1].split(". ")[0]
        self.assertEqual(re.findall(r"`(\w+)`", listed), columns)


class InEcs(Case):
    """The projection, by the definitions of ECS."""

    def test_every_record_is_valid(self):
        lines = Path(self.exported("ecs", "ecs.jsonl")).read_text().splitlines()
        self.assertEqual(len(lines), COUNT)
        for line in lines:
            it = json.loads(line)
            self.assertEqual(validate(it), [], line)
            self.assertEqual(it["ecs"]["version"], "9.4.0")
        for it in self.records:
            self.assertEqual(validate(it), [])


class OnATerminal(Case):
    """A table for people, whose terminal does what it is told."""

    def test_it_is_as_wide_as_the_terminal_and_coloured(self):
        for columns in (80, 120):
            out, _, status = on_a_terminal("show", "audit.jsonl", "--kind", "request", "--limit", "300", folder=self.folder, columns=columns)
            self.assertEqual(status, 0)
            self.assertIn(b"\x1b[1m\x1b[31mdenied", out)
            self.assertIn(b"\x1b[32mallowed", out)
            plain = SGR.sub(b"", out).replace(b"\r\n", b"\n").decode()
            rows = plain.split("\n\n")[0].splitlines()
            self.assertGreater(len(rows), 300)
            # A character from the Far East takes two columns.
            widths = [len(row) + sum(row.count(wide) for wide in "日本") for row in rows]
            self.assertLessEqual(max(widths), columns)
            self.assertGreater(max(widths), columns - 25)
            self.assertNotRegex(plain.replace("\n", ""), r"[\x00-\x1f\x7f]")
            self.assertIn("a\\u{1}b", plain)

    def test_nothing_is_exported_to_it(self):
        for form in ("csv", "parquet", "ocsf", "ecs"):
            out, said, status = on_a_terminal("export", "audit.jsonl", f"--{form}", "-", folder=self.folder)
            self.assertEqual((out, status), (b"", 2))
            self.assertIn(b"the standard output is a terminal; name a file", said)


if __name__ == "__main__":
    unittest.main()
