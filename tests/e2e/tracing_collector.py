"""Spans of trace-injection whose collector goes or hangs, and comes back: which arrive, and which are counted.

    .venv/bin/python tests/e2e/tracing_collector.py [-v] [CLASS[.TEST]]
"""

import asyncio
import faulthandler
import unittest

from breakers import until
from clients import eventually
from envoy import Envoy
from load import Load, get
from traces import Collector, collectors, export, proxy, tracing, upstream

WORKERS = 2
CONNECTIONS, PACE_SECONDS = 16, 0.33
"""48 requests a second in all."""
DOWN_SECONDS = 20
QUEUE = 100
"""A small one, for each worker."""
BACK_SECONDS = 20
"""The longest pause between two tries that there may be after so long, and some more."""
DEADLINE_SECONDS = 180


def place(seen):
    """The trace and the span that the upstream was told of."""
    return tuple(seen.get("traceparent").split("-")[1:3])


class Exporting(unittest.TestCase):
    """With an upstream that notes the ids which it is sent."""

    connections, pace, headers = CONNECTIONS, PACE_SECONDS, ()

    def setUp(self):
        self.upstream = self.enterContext(upstream())
        self.envoys = {}

    def collector(self):
        it = self.enterContext(Collector())
        it.start()
        return it

    def start(self, name, config, options=()):
        """Starts an Envoy; requests for the path `/name` are for it."""
        config["node"] = {"id": name, "cluster": name}
        self.envoys[name] = self.enterContext(Envoy(config, WORKERS, options))
        self.addCleanup(self.assert_calm, self.envoys[name])

    def assert_calm(self, envoy):
        self.assertNotIn("Function: ", envoy.log(), "the log of a trap")
        workers = envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total")
        self.assertTrue(len(workers) == WORKERS and all(workers.values()), workers)

    def under_load(self, script):
        """Lets requests arrive while `script` runs; all have to pass."""
        answers = asyncio.run(self._under_load(script))
        self.assertEqual({it.status for it in answers}, {200})

    async def _under_load(self, script):
        loads = [self.load(name) for name in self.envoys]
        asking = [asyncio.create_task(it.run()) for it in loads]
        try:
            await script()
        finally:
            for load in loads:
                load.stop()
            answers = await asyncio.gather(*asking)
        return [it for some in answers for it in some]

    def load(self, name):
        request = get(f"/{name}", self.headers)
        return Load(self.envoys[name].port, [(name, request)], self.connections, self.pace)

    def sent(self, name):
        """The ids that the upstream was sent by an Envoy."""
        places = [place(it) for it in self.upstream.seen if it.path == f"/{name}"]
        self.assertEqual(len(set(places)), len(places))
        return set(places)

    def printed(self, name, collector):
        """The ids that a collector has printed for an Envoy, and how often it has printed one again."""
        places = [(it.trace, it.id) for it in collector.spans() if it.resource["service.name"] == name]
        return set(places), len(places) - len(set(places))

    def counted(self, name, what):
        """A counter of spans."""
        return sum(self.envoys[name].stats(rf"wasmcustom\.portcullis_trace_injection_spans_{what}_total").values())

    def dropped(self, name):
        """How many spans were dropped, by reason, where any were."""
        reasons = {it: self.counted(name, f"dropped_{it}") for it in ("queue_full", "refused", "failed", "stopped")}
        return {reason: count for reason, count in reasons.items() if count}

    def accounted_for(self, name, collector, seconds):
        """Waits until each span of an Envoy is either printed or dropped."""
        sent = len(self.sent(name))

        def are_all():
            return len(self.printed(name, collector)[0]) + sum(self.dropped(name).values()) >= sent

        eventually(are_all, seconds, f"all of {name}")

    def assert_all_arrive(self, name, collector, seconds=5):
        sent = self.sent(name)
        eventually(lambda: sent <= self.printed(name, collector)[0], seconds, f"all of {name}")
        printed, again = self.printed(name, collector)
        print(f"\n{name}: {len(printed)} of {len(sent)} spans, {again} of them twice", end="", flush=True)
        self.assertEqual(printed, sent)
        self.assertEqual(self.dropped(name), {})
        return again


class Outage(Exporting):
    """20 s without a collector."""

    def test_what_the_queue_holds_arrives_and_the_rest_is_counted(self):
        gone, hung = self.collector(), self.collector()
        for name, collector, exports in (
            ("steady", gone, export("grpc", delay="1s")),
            ("small", gone, export("http_protobuf", delay="1s", queue=QUEUE, batch=20)),
            ("hung", hung, export("http_json", delay="1s", timeout="2s")),
        ):
            self.start(name, proxy(self.upstream.server_port, tracing(export=exports), **collectors(collector)))

        async def script():
            await asyncio.sleep(2)
            await asyncio.to_thread(gone.end)
            hung.stop()
            await asyncio.sleep(DOWN_SECONDS)
            await asyncio.to_thread(gone.start)
            hung.go_on()
            await asyncio.sleep(2)

        self.under_load(script)
        self.assert_all_arrive("steady", gone, BACK_SECONDS)
        self.assert_all_arrive("hung", hung, BACK_SECONDS)
        self.assertGreater(len(self.sent("steady")), DOWN_SECONDS * CONNECTIONS / PACE_SECONDS / 2, "not enough load")
        self.assert_rest_is_counted(gone)

    def assert_rest_is_counted(self, collector):
        sent = self.sent("small")
        self.accounted_for("small", collector, BACK_SECONDS)
        (printed, again), dropped = self.printed("small", collector), self.dropped("small")
        what = f"{len(printed)} of {len(sent)} spans, {again} of them twice; dropped {dropped}"
        print(f"\nsmall: {what}", end="", flush=True)
        self.assertLessEqual(printed, sent)
        self.assertEqual(dropped, {"queue_full": len(sent - printed)})
        eventually(lambda: self.counted("small", "exported") == len(printed), 3, "what has arrived is counted")
        # The queues held what came first.
        order = [place(it) in printed for it in self.upstream.seen if it.path == "/small"]
        lost = len(order) - order[::-1].index(False) - order.index(False)
        self.assertGreater(lost, 2 * QUEUE, "not enough load")


class Large(Exporting):
    """Spans as long as clients can make them: servers take no more than 4 MiB at once."""

    connections, pace = CONNECTIONS, 0
    names = [f"x-long-{number}" for number in range(8)]
    headers = [(name, "a" * 1024) for name in ("user-agent", *names, *names)]

    def test_all_arrive(self):
        collector = self.collector()
        it = tracing(spans={"request_headers": self.names}, export=export("grpc", delay="2s"))
        self.start("large", proxy(self.upstream.server_port, it, **collectors(collector)))

        async def script():
            # More than a batch for each worker, unless one of them gets nearly all connections.
            await until(lambda: len(self.upstream.seen) > WORKERS * 700, 30, "enough requests")

        self.under_load(script)
        self.assert_all_arrive("large", collector, 20)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
    unittest.main()
