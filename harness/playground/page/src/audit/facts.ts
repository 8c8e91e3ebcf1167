/** What is known of a record at a glance: label, where it is in OCSF and in ECS. */
type Fact = [label: string, ...places: string[]];

/** The places are those of `harness/audit/src/field.rs`. */
const FACTS: Fact[] = [
  ["Time", "time", "@timestamp"],
  ["Kind", "unmapped.audit.kind", "portcullis.audit.kind"],
  ["Reason", "unmapped.audit.reason", "portcullis.audit.reason"],
  ["Status", "http_response.code", "http.response.status_code"],
  ["Details", "status_detail", "event.reason"],
  ["Decisions", "unmapped.audit.decisions", "portcullis.audit.decisions"],
  ["Method", "http_request.http_method", "http.request.method"],
  ["Host", "http_request.url.hostname", "url.domain"],
  ["Path", "http_request.url.path", "url.path"],
  ["Subject", "actor.user.uid", "user.id"],
  ["Issuer", "actor.session.issuer", "actor.idp.uid", "portcullis.audit.issuer"],
  ["Tenant", "metadata.tenant_uid", "organization.id"],
  ["Client", "actor.app_uid", "portcullis.audit.client_id"],
  ["Session", "actor.session.uid", "portcullis.audit.session"],
  ["Certificate", "src_endpoint.svc_name", "unmapped.audit.peer.uri", "portcullis.audit.peer.uri"],
  ["Source", "src_endpoint.ip", "source.ip", "source.address"],
  ["Forwarded for", "http_request.x_forwarded_for", "portcullis.audit.forwarded_for", "network.forwarded_ip"],
  ["Stands for", "count", "portcullis.count"],
  ["Route", "unmapped.audit.route", "portcullis.audit.route"],
  ["Cluster", "dst_endpoint.svc_name", "unmapped.audit.cluster", "portcullis.audit.cluster"],
  ["Trace", "trace.uid", "trace.id"],
  ["Request ID", "http_request.uid", "http.request.id"],
  ["Record", "metadata.uid", "event.id"],
  ["Hash", "unmapped.integrity.hash", "portcullis.integrity.hash", "event.hash"],
  ["Hash before", "unmapped.integrity.previous", "portcullis.integrity.previous"],
];

/** The record of a line of a file: all of it, or, in a log, what is behind the first brace. Null where there is none. */
export function recordOf(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line.slice(Math.max(0, line.indexOf("{"))));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The facts that a record has, as texts. */
export function factsOf(record: Record<string, unknown>): [label: string, text: string][] {
  return FACTS.flatMap(([label, ...places]): [string, string][] => {
    const value = places.map((place) => at(record, place)).find((value) => value !== undefined && value !== null);
    return value === undefined ? [] : [[label, told(label, value)]];
  });
}

/** ECS may have its members nested, or with the dots in their names. */
function at(value: unknown, place: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const members = value as Record<string, unknown>;
  if (Object.hasOwn(members, place)) return members[place];
  for (let dot = place.indexOf("."); dot >= 0; dot = place.indexOf(".", dot + 1)) {
    const name = place.slice(0, dot);
    const found = Object.hasOwn(members, name) ? at(members[name], place.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function told(label: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => told(label, one)).join(", ");
  if (label === "Time" && typeof value === "number" && Math.abs(value) <= 8.64e15) return new Date(value).toISOString();
  if (typeof value !== "object" || value === null) return visible(String(value));
  return Object.values(value).map((one) => told(label, one)).join(" ");
}

/** With what nobody would see in a name written out: `al\u{200b}ice` is not `alice`. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);
}
