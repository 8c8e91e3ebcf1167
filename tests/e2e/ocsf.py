"""OCSF records against the definitions of their class, which the package ocsf-json-schema brings."""

import functools

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema, get_packaged_versions

DRAFT, DRAFT_IS_LIKE = "1.9.0-dev", "1.8.0"
"""A version without a release, and the release whose definitions hold for it but for the profile `record_integrity`."""
INTEGRITY = "record_integrity"
SHA_256, HEX, JCS = 3, 1, 2
OTHER = 99


def validate(record, version):
    """What is wrong with a record that has to follow a version of OCSF: a line for each; none when it is valid."""
    if version == DRAFT:
        return _draft(record)
    if version not in get_packaged_versions():
        return [f"OCSF {version} is not among the versions of ocsf-json-schema"]
    return _released(record, version, record.get("metadata", {}).get("version") == version)


def _draft(record):
    """As `validate`, with attestations in place of what the release does not know."""
    metadata = record.get("metadata", {})
    profiles = [it for it in metadata.get("profiles", []) if it != INTEGRITY]
    without = {key: value for key, value in record.items() if key != "attestation_list"}
    without["metadata"] = metadata | {"profiles": profiles}
    problems = _released(without, DRAFT_IS_LIKE, metadata.get("version") == DRAFT)
    if (INTEGRITY in metadata.get("profiles", [])) != ("attestation_list" in record):
        problems.append(f"attestation_list goes with the profile {INTEGRITY}, and neither without the other")
    attestations = enumerate(record.get("attestation_list", []))
    return problems + [f"attestation_list/{at}: {it}" for at, one in attestations for it in _attestation(one)]


def _attestation(it):
    """What is wrong with an attestation; in the words of the draft, where a signature is no must beside a fingerprint."""
    fingerprint, before = it.get("fingerprint"), it.get("prev_event", {"uid": ""})
    problems = [f"{key} is unknown" for key in it.keys() - {"authority_uid", "chain_uid", "fingerprint", "prev_event"}]
    problems += [f"{key} is no string" for key in ("authority_uid", "chain_uid") if not isinstance(it.get(key), str)]
    problems += [f"prev_event/{key} is unknown" for key in before.keys() - {"fingerprint", "type_uid", "uid"}]
    if not isinstance(before.get("uid"), str):
        problems.append("prev_event/uid is required")
    for path, one in (("fingerprint", fingerprint), ("prev_event/fingerprint", before.get("fingerprint", fingerprint))):
        expected = {"algorithm_id": SHA_256, "encoding_id": HEX, "serialization_id": JCS}
        if not isinstance(one, dict) or one | expected != one or one.keys() != expected.keys() | {"value"}:
            problems.append(f"{path} is no SHA-256 in hex of canonical JSON")
        elif len(one["value"]) != 64 or set(one["value"]) - set("0123456789abcdef"):
            problems.append(f"{path}/value has not 64 lower hex digits")
    return problems


def _released(record, version, says_so):
    """As `validate`, for a version that the package has; `says_so`: the record names the version that was asked for."""
    definitions = definitions_of(version)
    classes = {it["uid"]: it for it in definitions["classes"].values()}
    if record.get("class_uid") not in classes:
        return [f"class_uid: {record.get('class_uid')} is no class"]
    definition = classes[record["class_uid"]]
    profiles = record.get("metadata", {}).get("profiles", [])
    problems = [] if says_so else ["metadata/version: not the one that is asked for"]
    strange = [it for it in profiles if it not in definition["profiles"]]
    problems += [f"metadata/profiles: {it} is none of {definition['name']}" for it in strange]
    problems += [_problem(it) for it in _validator(version, definition["name"], tuple(profiles)).iter_errors(record)]
    if record.get("type_uid") != record["class_uid"] * 100 + record.get("activity_id", 0):
        problems.append("type_uid: not class_uid * 100 + activity_id")
    return problems + list(_advice(record, definition, definitions["objects"], ""))


def _problem(error):
    """An error of the validator; for a choice of members, which they are."""
    at = "/".join(map(str, error.instance_path)) or "record"
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.AnyOf):
        return f"{at}: " + ", or ".join(it.message for branch in error.kind.context for it in branch)
    return f"{at}: {error.message[:300]}"


def _advice(it, definition, objects, path):
    """What the schema only warns of: deprecated members, and names that are not those of their ids."""
    for name, value in it.items():
        attribute = definition["attributes"].get(name)
        if attribute is None:
            continue
        if "@deprecated" in attribute:
            yield f"{path}{name}: deprecated since {attribute['@deprecated']['since']}"
        sibling = it.get(attribute.get("sibling"))
        caption = attribute.get("enum", {}).get(str(value), {}).get("caption") if sibling is not None else None
        if caption and (value == OTHER) == (caption == sibling):
            yield f"{path}{attribute['sibling']}: {sibling} beside {name} {value}, {caption}"
        if attribute["type"] == "object_t":
            for at, one in enumerate(value if isinstance(value, list) else [value]):
                inner = f"{path}{name}/{at}/" if isinstance(value, list) else f"{path}{name}/"
                if isinstance(one, dict):
                    yield from _advice(one, objects[attribute["object_type"]], objects, inner)


@functools.cache
def definitions_of(version):
    """All classes and objects of a version."""
    return get_ocsf_schema(version)


@functools.cache
def _validator(version, name, profiles):
    """A JSON Schema for a class with profiles: what it does not name is an error, but in `unmapped`."""
    schemas = OcsfJsonSchemaEmbedded(definitions_of(version))
    return jsonschema_rs.Draft202012Validator(schemas.get_class_schema(name, list(profiles)))
