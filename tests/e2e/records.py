"""Audit records against the schema that they say they follow: OCSF by `metadata.version`, or ECS by `ecs.version`.

    .venv/bin/python tests/e2e/records.py FILE...

Each file has one record a line. What is wrong is printed, and the program fails; so it does when there is no record.
"""

import json
import sys
from pathlib import Path

import ecs
import ocsf


def validate(record, version=None):
    """What is wrong with a record: a line for each; none when it is valid. Without a version it is taken by its word."""
    if "ecs" in record:
        return ecs.validate(record, version or record["ecs"].get("version"))
    return ocsf.validate(record, version or record.get("metadata", {}).get("version"))


def problems_in(path):
    """What is wrong with the records of a file, each with its place."""
    lines = Path(path).read_text().splitlines()
    if not lines:
        yield f"{path}: no record"
    for number, line in enumerate(lines, 1):
        yield from (f"{path}:{number}: {it}" for it in validate(json.loads(line)))


if __name__ == "__main__":
    found = [it for path in sys.argv[1:] for it in problems_in(path)]
    print("\n".join(found))
    sys.exit(bool(found) or len(sys.argv) < 2)
