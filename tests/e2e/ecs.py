"""ECS records against the definitions of its fields, which the npm package @elastic/ecs brings."""

import functools
import ipaddress
import json
import re

from envoy import ROOT

VERSION = "9.4.0"
DEFINITIONS = ROOT / f".venv/ecs-{VERSION}.json"
OURS = "portcullis"
"""What is below a name of one's own is free: ECS leaves the place for it."""
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
REQUIRED = ("@timestamp", "ecs.version", "event.category", "event.kind", "event.type")


def validate(record, version=VERSION):
    """What is wrong with a record that has to follow ECS: a line for each; none when it is valid."""
    if version != VERSION:
        return [f"ECS {version} is not the version that was installed, {VERSION}"]
    values = dict(_flat(record))
    problems = [f"{it}: required" for it in REQUIRED if it not in values]
    problems += [it for name, value in values.items() for it in _field(name, value)]
    if values.get("ecs.version", version) != version:
        problems.append("ecs.version: not the one that is asked for")
    return problems + _unexpected_types(values)


def _flat(it, path=""):
    """The fields of a record by their full names."""
    for key, value in it.items():
        name = f"{path}{key}"
        if name == OURS:
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _field(name, value):
    """What is wrong with a field."""
    definition = _fields().get(name)
    if definition is None:
        return [f"{name}: unknown"]
    is_list = isinstance(value, list)
    if is_list != ("array" in definition["normalize"]):
        return [f"{name}: {'one value' if is_list else 'a list'} is due"]
    values = value if is_list else [value]
    problems = [f"{name}: {it!r} is no {definition['type']}" for it in values if not _is_a(definition["type"], it)]
    allowed = [it["name"] for it in definition.get("allowed_values", [])]
    return problems + [f"{name}: {it!r} is not allowed" for it in values if allowed and it not in allowed]


def _is_a(kind, value):
    """Whether a value is of a type of Elasticsearch."""
    match kind:
        case "long":
            return type(value) is int and -(2**63) <= value < 2**63
        case "boolean":
            return type(value) is bool
        case "date":
            return isinstance(value, str) and DATE.fullmatch(value) is not None
        case "ip":
            return isinstance(value, str) and _is_ip(value)
        case "keyword" | "wildcard" | "match_only_text" | "constant_keyword":
            return isinstance(value, str)
    return False


def _is_ip(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _unexpected_types(values):
    """The types of the event that none of its categories expects."""
    kinds = _fields()["event.category"]["allowed_values"]
    categories = values.get("event.category", [])
    expected = {it for kind in kinds if kind["name"] in categories for it in kind["expected_event_types"]}
    return [f"event.type: {it} is not expected of {categories}" for it in values.get("event.type", []) if it not in expected]


@functools.cache
def _fields():
    """Every field of ECS by its full name."""
    if not DEFINITIONS.exists():
        raise SystemExit(f"{DEFINITIONS} is missing: run `make test`, or `make {DEFINITIONS.relative_to(ROOT)}`")
    return json.loads(DEFINITIONS.read_text())
