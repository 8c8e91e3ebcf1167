"""Signed records of four workers, and what is done to them afterwards: all of it is found, and where it was done.

    .venv/bin/python tests/e2e/audit_tamper.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default; SEED repeats a run.
"""

import asyncio
import base64
import faulthandler
import hashlib
import itertools
import json
import os
import random
import secrets
import unittest

from audits import Audited, audit, verify
from clients import eventually
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from recorded import Record, chains, distinct, of_requests
from tampering import edit, forged, integrity, ours, rewritten, sealed, with_other_byte

PACE_SECONDS = 0.2
CHECKPOINTS = {"records": 16, "interval": "1h", "log": True}
SINGLE_BYTES, LINES, CUTS = 200, 40, 15
"""How often a byte is changed, lines are, and a part of a chain is cut off or written anew."""
FORGED = {"checkpoint_root", "checkpoint_size", "epoch", "kept_checkpoint", "note", "rewritten", "wrong_mac", "wrong_signature"}
DEADLINE_SECONDS = 180


class Edits:
    """What is done to a file that is right. Each gives the lines, the one that has to be named, and the codes for that."""

    def single_bytes(self):
        for _ in range(SINGLE_BYTES):
            lines, at = list(self.lines), self.chance.randrange(len(self.lines))
            lines[at] = with_other_byte(lines[at], self.chance)
            yield lines, at, {"changed", "not_json", "half_record", "not_a_record"}

    def deletions(self):
        for _ in range(LINES):
            places, _ = self.known_part()
            which = self.chance.randrange(len(places) - 1)
            lines = self.without({places[which]})
            yield lines, places[which + 1] - 1, {"missing"} if which else {"head_cut"}

    def copies_with_an_edit(self):
        for _ in range(LINES):
            at = self.chance.randrange(len(self.lines))
            to = self.chance.randrange(at + 1, len(self.lines) + 1)
            yield self.with_line(to, with_other_byte(self.lines[at], self.chance)), to, None
            yield self.with_line(to, forged(self.lines[at])), to, {"conflict"}

    def swaps(self):
        for _ in range(LINES):
            places = self.any_chain()
            a, b = sorted(self.chance.sample(range(len(places)), 2))
            lines = list(self.lines)
            lines[places[a]], lines[places[b]] = lines[places[b]], lines[places[a]]
            # It is too early; who comes after it is too late.
            yield lines, places[a + 1], {"reordered"}

    def insertions(self):
        for _ in range(LINES):
            to = self.chance.randrange(1, len(self.lines))
            line = self.lines[to]
            yield self.with_line(to, json.dumps({"who": "eve"}).encode()), to, {"not_a_record"}
            yield self.with_line(to, line[: self.chance.randrange(1, len(line))]), to, {"half_record"}
            places = self.any_chain()
            which = self.chance.randrange(len(places) - 1)
            before = Record(self.lines[places[which]])
            made_up = forged(before.line, previous=before.hash, sequence=before.sequence + 1)
            # Its id is still that of the record that it was made of.
            yield self.with_line(places[which] + 1, made_up), places[which] + 1, {"mixed_writers"}

    def mixtures(self):
        for _ in range(LINES):
            one, other = self.chance.sample(list(self.places), 2)
            at, of = self.chance.choice(self.places[one]), self.chance.choice(self.places[other])
            lines = list(self.lines)
            lines[at] = sealed(json.loads(lines[of]), **integrity(json.loads(lines[at])))
            yield lines, at, {"mixed_writers"}

    def heads(self):
        for _ in range(CUTS):
            places, _ = self.known_part()
            cut = self.chance.randrange(1, len(places))
            yield self.without(set(places[:cut])), places[cut] - cut, {"head_cut"}

    def tails(self):
        for _ in range(CUTS):
            known, all_of_it = self.known_part()
            cut = set(all_of_it[self.chance.randrange(1, len(known)) :])
            last = max(set(all_of_it) - cut)
            yield self.without(cut), last - sum(it < last for it in cut), {"tail_cut"}

    def forgeries(self):
        """All hashes are right; the signatures are not."""
        for roots, change in itertools.product((False, True), (self.edit, self.drop)):
            for _ in range(CUTS):
                places, which = self.somewhere()
                lines, checkpoints = self.written_anew(places, which, change, roots)
                # The log has the hashes of checkpoints as well.
                yield lines, places[which] if self.is_checkpoint(places[which]) else checkpoints[0], FORGED

    def forgeries_without_a_log(self):
        """Likewise, and there is nothing but the signatures."""
        for roots, change in itertools.product((False, True), (self.edit, self.drop)):
            for _ in range(CUTS):
                places, which = self.somewhere()
                lines, checkpoints = self.written_anew(places, which, change, roots)
                # A checkpoint says nothing of itself.
                at = [it for it in checkpoints if it != places[which] or change == self.drop]
                if at:
                    yield lines, at[0], FORGED

    def somewhere(self):
        """The places of a chain, and which of them is changed: neither the first nor the last of the part that is known."""
        known, places = self.known_part()
        return places, self.chance.randrange(1, len(known) - 1)

    def written_anew(self, places, which, change, roots):
        """All lines with a chain written anew, and the places of its checkpoints from the change on."""
        anew = rewritten([self.lines[it] for it in places], lambda records: change(records, which), roots=roots)
        lines = list(self.lines)
        for place, line in itertools.zip_longest(places, anew, fillvalue=b""):
            lines[place] = line
        checkpoints = [places[it] for it in range(which, len(anew)) if Record(anew[it]).kind == "checkpoint"]
        return lines, checkpoints

    @staticmethod
    def edit(records, which):
        edit(records[which])

    @staticmethod
    def drop(records, which):
        del records[which]

    def any_chain(self):
        """The places of the records of a chain."""
        return self.chance.choice(list(self.places.values()))

    def known_part(self):
        """The places of those up to the last checkpoint, which Envoy's log has, and of all."""
        places = self.any_chain()
        last = max(it for it, place in enumerate(places) if self.is_checkpoint(place))
        return places[: last + 1], places

    def without(self, cut):
        return [line for at, line in enumerate(self.lines) if at not in cut]

    def with_line(self, at, line):
        return [*self.lines[:at], line, *self.lines[at:]]


class Tampered(Edits, Audited):
    """With a file of four chains, and their checkpoints in Envoy's log."""

    pace = PACE_SECONDS

    def begin(self, sign, trusted, others, **members):
        seed = os.environ.get("SEED") or secrets.token_hex(8)
        print(f"\nSEED={seed}", end="", flush=True)
        self.chance, self.trusted, self.others = random.Random(seed), trusted, others
        sink = self.sink()
        it = audit(integrity={"checkpoint": CHECKPOINTS, "sign": sign}, **members)
        envoy = self.start("signed", self.proxy(it, sink=sink.port))
        [answers] = self.under_load(lambda: asyncio.sleep(2)).values()
        eventually(lambda: self.waits("signed") == 0 and len(of_requests(distinct(sink.lines()))) == len(answers), 10, "all")
        self.log = self.file(line.encode() for line in envoy.log().splitlines())
        self.lines = sink.lines()
        self.places = {uid: [self.lines.index(it.line) for it in them] for uid, them in chains(distinct(self.lines)).items()}
        self.path = self.directory / "edited"

    def verified(self, lines, *options, log=None):
        """What is found."""
        self.path.write_bytes(b"".join(line + b"\n" for line in lines))
        log = ["--checkpoints", self.log] if log is None else log
        code, report = verify([self.path], *log, *options)
        self.assertEqual((code, report["intact"]), (bool(report["findings"]), not report["findings"]))
        return report

    def check(self):
        self.check_nothing()
        self.check_all()
        self.check_keys()
        for edits in (
            self.single_bytes,
            self.deletions,
            self.copies_with_an_edit,
            self.swaps,
            self.insertions,
            self.mixtures,
            self.heads,
            self.tails,
            self.forgeries,
            self.forgeries_without_a_log,
        ):
            count, log = 0, [] if edits == self.forgeries_without_a_log else ["--checkpoints", self.log]
            for lines, at, codes in edits():
                with self.subTest(edits.__name__, number=count):
                    self.assert_found(lines, at, codes, log)
                count += 1
            print(f"\n{edits.__name__}: {count}", end="", flush=True)

    def check_nothing(self):
        """What has not been changed, or only looks otherwise."""
        report = self.verified(self.lines, "--require-signed", *self.trusted)
        self.assertEqual((report["findings"], len(report["chains"])), ([], self.workers))
        told = [it["checkpoints"] for it in report["chains"]]
        self.assertTrue(all(it["total"] == it["vouched"] == it["kept"] > 1 for it in told), told)
        reports = [
            self.verified(sorted(self.lines, key=lambda line: (Record(line).chain, Record(line).sequence)), *self.trusted),
            self.verified([*self.lines, *self.lines[-9:]], *self.trusted),
            self.verified([json.dumps(json.loads(line), indent=None).encode() for line in self.lines], *self.trusted),
        ]
        self.assertEqual([it["findings"] for it in reports], [[], [], []])
        self.assertEqual(sum(it["copies"] for it in reports[1]["chains"]), 9)
        self.assertEqual(sum(it["rendered_anew"] for it in reports[2]["chains"]), len(self.lines))

    def check_all(self):
        """A whole chain that is not there."""
        for uid, places in self.places.items():
            [finding] = self.verified(self.without(set(places)), *self.trusted)["findings"]
            self.assertEqual((finding["code"], finding["chain"], finding["file"]), ("chain_missing", uid, str(self.log)))

    def check_keys(self):
        """Other keys, and no signatures."""
        firsts = [min(it for it in places if self.is_checkpoint(it)) for places in self.places.values()]
        findings = self.verified(self.lines, "--require-signed", *self.others)["findings"]
        places = {it["line"] - 1 for it in findings if it["code"] in ("wrong_key", "wrong_mac") and it["file"] == str(self.path)}
        self.assertLessEqual(set(firsts), places)
        chains = [self.unsigned([self.lines[it] for it in places]) for places in self.places.values()]
        ends = itertools.accumulate(map(len, chains), initial=0)
        findings = self.verified(itertools.chain(*chains), *self.trusted)["findings"]
        found = [it["line"] - 1 for it in findings if it["code"] == "unsigned"]
        kinds = [[Record(line).kind for line in chain] for chain in chains]
        self.assertEqual(found, [end + it.index("checkpoint") for it, end in zip(kinds, ends, strict=False)])

    def is_checkpoint(self, place):
        return Record(self.lines[place]).kind == "checkpoint"

    @staticmethod
    def unsigned(lines):
        """A chain without signatures."""

        def change(records):
            for record in records:
                for member in ("epoch", "mac", "note"):
                    ours(record)["audit"].pop(member, None)

        return rewritten(lines, change)

    def assert_found(self, lines, at, codes, log):
        findings = self.verified(lines, *self.trusted, log=log)["findings"]
        self.assertTrue(findings, "nothing")
        self.assertTrue(all(it["file"] == str(self.path) for it in findings), findings)
        # Where the last record of a chain is damaged, the one before it is its end.
        edits = [it for it in findings if it["code"] != "tail_cut"] or findings
        first = min(edits, key=lambda it: it["line"])
        self.assertEqual(first["line"], at + 1, findings)
        if codes:
            self.assertIn(first["code"], codes, findings)


class Signed(Tampered):
    """By Ed25519."""

    def test_all_of_it_is_found(self):
        key, other = NoteKey("audit.example"), NoteKey("audit.example")
        self.begin({"ed25519": key.secret}, ["--key", key.verifier], ["--key", other.verifier])
        self.check()


class Coded(Tampered):
    """By HMAC with keys that are forgotten; in ECS."""

    def test_all_of_it_is_found(self):
        key, other = (self.directory / name for name in ("key", "other"))
        for path in (key, other):
            path.write_bytes(base64.b64encode(secrets.token_bytes(32)))
        self.begin({"hmac": key.read_text()}, ["--mac-key", key], ["--mac-key", other], schema="ecs")
        self.check()


class NoteKey:
    """A key of C2SP signed notes."""

    def __init__(self, name):
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        digest = hashlib.sha256(name.encode() + b"\n\x01" + public).hexdigest()[:8]

        def text(raw):
            return f"{name}+{digest}+{base64.b64encode(bytes([1]) + raw).decode()}"

        self.secret, self.verifier = f"PRIVATE+KEY+{text(key.private_bytes_raw())}", text(public)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
