"""Records of audit-log whose sink fails in every way, goes and comes back: which arrive, and which are counted and told.

    .venv/bin/python tests/e2e/audit_delivery.py [-v] [CLASS[.TEST]]

PORTCULLIS in the environment is the path of the command line, target/debug/portcullis by default.
"""

import asyncio
import faulthandler
import unittest

from audits import Audited, audit
from breakers import until
from clients import eventually
from recorded import chains, distinct, of_requests
from sinks import BUSY, HALF, HANGING, LIMITING, NO_HTTP, REFUSING, RESETTING, STORING, TAKING

PACE_SECONDS = 0.8
"""48 connections to each Envoy: 60 requests a second."""
MOODS = (BUSY, STORING, LIMITING, HALF, HANGING, RESETTING, STORING, NO_HTTP)
MOOD_SECONDS = 1.5
DOWN_SECONDS = 21
BACK_SECONDS = 32
"""The longest pause between two tries, and some more."""
QUEUE = "64KiB"
"""For about 50 records on each worker."""
WAIT_SECONDS = 0.3
SLACK_SECONDS = 0.01
CHECKPOINTS = {"checkpoint": {"records": 50, "interval": "1h"}}
DEADLINE_SECONDS = 240


def delivery(**members):
    """How records are delivered."""
    return {"delay": "200ms", "batch": 32} | members


class Delivery(Audited):
    """What is recorded arrives, and what is not is told."""

    pace = PACE_SECONDS

    def begin(self, name, sink, **members):
        it = audit(name, **{"integrity": CHECKPOINTS} | members)
        self.start(name, self.proxy(it, **{name: sink.port}))

    def lost(self, records):
        """How many requests were lost for want of room, as the records say."""
        losses = [it for it in records if it.kind == "loss"]
        self.assertEqual({it.audit["reason"] for it in losses} - {"queue_full"}, set())
        self.assertTrue(all("first_sequence" not in it.audit for it in losses))
        return sum(it.count for it in losses)

    def accounted_for(self, name, sink, asked):
        """Waits until each request has a record, or is told to be lost; all records."""

        def are_all():
            records = self.arrived(sink, name)
            told = len(of_requests(records)) + self.lost(records) >= asked
            return told and self.counted(name, "sent") == len(records) and self.waits(name) == 0

        eventually(are_all, BACK_SECONDS, f"all of {name}")
        records = self.arrived(sink, name)
        self.assertEqual(len(of_requests(records)) + self.lost(records), asked)
        self.assert_valid(records)
        return records

    def assert_counted(self, name, sink, records):
        """The counters say what has arrived."""
        checkpoints = sum(it.kind == "checkpoint" for it in records)
        counts = {"recorded": len(of_requests(records)), "sent": len(records), "checkpoints": checkpoints}
        self.assert_counts(name, dropped_queue_full=self.lost(records), **counts)

    def assert_all_verify(self, name, sink, records):
        """The file as the sink has it; copies and losses are told."""
        lines = [line for post in sink.stored if post.path == f"/{name}" for line in post.body.splitlines()]
        report = self.assert_verifies(lines)
        told = {it["chain"]: it for it in report["chains"]}
        self.assertEqual({uid: len(them) for uid, them in chains(records).items()}, {uid: it["records"] for uid, it in told.items()})
        self.assertEqual(sum(it["copies"] for it in told.values()), len(lines) - len(records))
        self.assertEqual(sum(it["lost_before"] for it in told.values()), self.lost(records))

    def assert_all_arrive(self, name, sink, answers):
        """None is lost."""
        records = self.accounted_for(name, sink, len(answers))
        self.assertEqual((self.lost(records), {it.status for it in answers}), (0, {200}))
        self.assert_each_has_one(answers, records)
        self.assertEqual({it.path for it in of_requests(records)}, self.reached(name))
        self.assert_counted(name, sink, records)
        self.assert_all_verify(name, sink, records)

    def assert_rest_is_told(self, name, sink, answers):
        """Of the others it is told exactly how many they are; all records."""
        records = self.accounted_for(name, sink, len(answers))
        print(f"\n{name}: {len(of_requests(records))} of {len(answers)}, {self.lost(records)} lost", end="", flush=True)
        self.assertGreater(self.lost(records), 100, "not enough load")
        recorded = of_requests(records)
        asked = {it.kind: it.status for it in answers}
        self.assertEqual(len({it.path for it in recorded}), len(recorded))
        self.assertEqual([it for it in recorded if asked.get(it.path) != it.status], [])
        self.assert_counted(name, sink, records)
        self.assert_all_verify(name, sink, records)
        return recorded

    def reached(self, name):
        """What has reached the upstream."""
        return {it.path for it in self.upstream.arrivals if it.path.startswith(f"/{name}/")}


class Failures(Delivery):
    """Many sinks at once, each with an Envoy or more of its own."""

    def test_nothing_is_lost_unless_it_is_told(self):
        moody, gone = self.sink("moody"), self.sink("gone")
        self.begin("moody", moody, delivery=delivery())
        self.begin("steady", gone, delivery=delivery(), schema="ocsf-1.8")
        self.begin("small", gone, delivery=delivery(queue=QUEUE))
        self.begin("strict", gone, delivery=delivery(queue=QUEUE, mode="required"), schema="ecs")
        wait = f"{round(1000 * WAIT_SECONDS)}ms"
        patient = delivery(queue=QUEUE, mode="bounded_block", wait=wait)
        self.begin("patient", gone, delivery=patient, integrity=CHECKPOINTS | {"record_integrity": True})
        moods = []

        async def be_moody():
            for mood in MOODS:
                moody.mode = mood
                await asyncio.sleep(MOOD_SECONDS)
                moods.append((mood, len(moody.seen)))
                before, moody.mode = len(moody.stored), TAKING
                await until(lambda before=before: len(moody.stored) >= before + 4, 15, f"records after {mood}")

        async def be_gone():
            await asyncio.sleep(2)
            await asyncio.to_thread(self.wait, gone.stop())
            await asyncio.sleep(DOWN_SECONDS)
            await asyncio.to_thread(self.wait, gone.start())

        async def script():
            await asyncio.gather(be_moody(), be_gone())

        answers = self.under_load(script)
        for name, sink, check in (
            ("moody", moody, self.assert_all_arrive),
            ("steady", gone, self.assert_all_arrive),
            ("small", gone, self.assert_small),
            ("strict", gone, self.assert_strict),
            ("patient", gone, self.assert_patient),
        ):
            with self.subTest(name):
                check(name, sink, answers[name])
        self.assertGreater(moody.repeats(), len(MOODS))
        self.assertGreaterEqual(self.counted("moody", "retried"), moody.repeats())
        self.assertGreater(len(moody.lines()), len(set(moody.lines())), "nothing came twice")

    def assert_small(self, name, sink, answers):
        self.assert_rest_is_told(name, sink, answers)
        self.assertEqual({it.status for it in answers}, {200})

    def assert_strict(self, name, sink, answers):
        recorded = self.assert_rest_is_told(name, sink, answers)
        denied = [it for it in answers if it.status == 503]
        self.assertEqual(len(denied), self.counted(name, "denied"))
        self.assertEqual({it.status for it in answers}, {200, 503})
        self.assertTrue(all(b"\r\nretry-after: 1\r\n" in it.head for it in denied))
        reached = {it.path for it in recorded if it.status == 200}
        self.assertEqual(self.reached(name), reached)
        self.assertEqual({it.kind for it in answers if it.status == 200}, reached)

    def assert_patient(self, name, sink, answers):
        recorded = {it.path for it in self.assert_rest_is_told(name, sink, answers)}
        self.assertEqual({it.status for it in answers}, {200})
        waited = {it.kind for it in answers if it.ended - it.begun >= WAIT_SECONDS - SLACK_SECONDS}
        lost = {it.kind for it in answers} - recorded
        print(f", {len(waited)} have waited", end="", flush=True)
        self.assertEqual(lost - waited, set())
        self.assertGreaterEqual(self.counted(name, "waited"), len(lost))


class Refusals(Delivery):
    """A sink that does not want some records: nobody sends them again."""

    def test_what_is_refused_is_told_by_its_numbers(self):
        sink = self.sink("picky")
        self.begin("picky", sink, delivery=delivery())

        async def script():
            for _ in range(2):
                await until(lambda before=len(sink.stored): len(sink.stored) > before + 8, 10, "records are stored")
                sink.mode = REFUSING
                await asyncio.sleep(1)
                sink.mode = TAKING
            await until(lambda before=len(sink.stored): len(sink.stored) > before + 8, 10, "records are stored again")

        answers = self.under_load(script)["picky"]
        eventually(lambda: self.is_declared(sink), 10, "what is missing is told")
        records, missing = self.arrived(sink, "picky"), self.refused(sink)
        print(f"\npicky: {len(of_requests(records))} of {len(answers)}, {len(missing)} refused", end="", flush=True)
        self.assertGreater(len(missing), 20, "not enough load")
        self.assert_valid(records)
        self.assert_each_has_one(answers, [*records, *missing])
        self.assert_counts("picky", dropped_refused=len(missing), recorded=len(answers), sent=len(records))
        self.assertEqual(sum(it.count for it in records if it.kind == "loss"), len(missing))
        report = self.assert_verifies(sink.lines())
        self.assertEqual(sum(it["declared_missing"] for it in report["chains"]), len(missing))

    def refused(self, sink):
        """Records that the sink has seen, and not stored."""
        stored = {it.uid for it in self.arrived(sink, "picky")}
        return [it for it in distinct(line for post in sink.seen for line in post.body.splitlines()) if it.uid not in stored]

    def is_declared(self, sink):
        losses = [it for it in self.arrived(sink, "picky") if it.kind == "loss"]
        declared = {(it.chain, it.audit["first_sequence"], it.audit["last_sequence"]) for it in losses}
        return all(any(uid == it.chain and a <= it.sequence <= b for uid, a, b in declared) for it in self.refused(sink))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
