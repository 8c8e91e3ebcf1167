"""Records of audit-log, of OCSF and of ECS, as tests look at them."""

import collections
import json
from dataclasses import dataclass
from functools import cached_property

from records import validate


@dataclass(frozen=True)
class Record:
    """A record, of OCSF or of ECS."""

    line: bytes

    @cached_property
    def all(self):
        return json.loads(self.line)

    @property
    def is_ecs(self):
        return "ecs" in self.all

    @property
    def ours(self):
        """What no schema has a place for."""
        return self.all["portcullis" if self.is_ecs else "unmapped"]

    @property
    def audit(self):
        return self.ours["audit"]

    @property
    def uid(self):
        return self.all["event"]["id"] if self.is_ecs else self.all["metadata"]["uid"]

    @property
    def chain(self):
        return self.uid.split("-")[0]

    @property
    def sequence(self):
        return int(self.uid.split("-")[1])

    @property
    def hash(self):
        return self.ours["integrity"]["hash"]

    @property
    def kind(self):
        return self.audit.get("kind", "request")

    @property
    def count(self):
        """How many requests it stands for."""
        return self.ours.get("count", 1) if self.is_ecs else self.all.get("count", 1)

    @property
    def url(self):
        return self.all["url"] if self.is_ecs else self.all["http_request"]["url"]

    @property
    def path(self):
        return self.url.get("path")

    @property
    def query(self):
        return self.url.get("query" if self.is_ecs else "query_string")

    @property
    def trace(self):
        """The ids of its trace and its span; none without."""
        if "trace" not in self.all:
            return None
        if self.is_ecs:
            return self.all["trace"]["id"], self.all["span"]["id"]
        return self.all["trace"]["uid"], self.all["trace"]["span"]["uid"]

    @property
    def who(self):
        """Who has asked, as tokens say."""
        if self.is_ecs:
            found = {
                "subject": self.all.get("user", {}).get("id"),
                "issuer": self.audit.get("issuer"),
                "client": self.audit.get("client_id"),
                "session": self.audit.get("session"),
                "tenant": self.all.get("organization", {}).get("id"),
            }
        else:
            actor, metadata = self.all.get("actor", {}), self.all["metadata"]
            found = {
                "subject": actor.get("user", {}).get("uid"),
                "issuer": actor.get("idp", {}).get("uid"),
                "client": actor.get("app_uid"),
                "session": actor.get("session", {}).get("uid"),
                "tenant": metadata.get("tenant_uid"),
            }
        return {name: value for name, value in found.items() if value is not None}

    @property
    def tls(self):
        """The version and the name that was asked for."""
        if self.is_ecs:
            tls = self.all["tls"]
            return f"{tls['version_protocol'].upper()}v{tls['version']}", tls["client"].get("server_name")
        tls = self.all.get("tls") or self.audit["tls"]
        return tls["version"], tls.get("sni")

    @property
    def is_denied(self):
        return "denied" in self.all["event"]["type"] if self.is_ecs else self.all["action_id"] == 2

    @property
    def status(self):
        """The status of the response; 0 for none."""
        response = self.all.get("http", {}).get("response") if self.is_ecs else self.all.get("http_response")
        return (response or {}).get("status_code" if self.is_ecs else "code", 0)


def distinct(lines):
    """The records in their order, each once; that it comes again in the same bytes is looked at."""
    found = {}
    for line in lines:
        record = Record(line)
        if found.setdefault(record.uid, record).line != line:
            raise AssertionError(f"two records with the id {record.uid}:\n{found[record.uid].line}\n{line}")
    return list(found.values())


def problems(records):
    """What schemas say against records: each problem once, with a record that has it."""
    return {problem: it.line for it in records for problem in validate(it.all)}


def of_requests(records):
    """Those of requests."""
    return [it for it in records if it.kind == "request"]


def chains(records):
    """The records by their chains."""
    found = collections.defaultdict(list)
    for record in records:
        found[record.chain].append(record)
    return dict(found)
