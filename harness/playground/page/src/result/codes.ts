/** What the codes of denials say, one sentence each: the tables of the filters' READMEs. */

export const CODES: Record<string, string> = {
  portcullis_jwt_missing: "There is no token where the provider expects one.",
  portcullis_jwt_malformed: "The token is not a JWS in compact form.",
  portcullis_jwt_too_large: "The token, its header or its kid is too long.",
  portcullis_jwt_unsupported: "The token uses crit, b64, zip or enc, or has another token in it.",
  portcullis_jwt_alg_not_allowed: "The algorithm is none, unknown, or not in the provider's list.",
  portcullis_jwt_typ_not_allowed: "It is a token of another kind.",
  portcullis_jwt_iss_not_allowed: "The token is from another issuer.",
  portcullis_jwt_claims_invalid: "A registered claim has the wrong type.",
  portcullis_jwt_exp_missing: "The token has no exp.",
  portcullis_jwt_expired: "The token has expired; the skew is counted in.",
  portcullis_jwt_lifetime_too_long: "The token lives longer than max_lifetime allows, or for ever.",
  portcullis_jwt_not_yet_valid: "The token is not valid yet: nbf or iat is still to come.",
  portcullis_jwt_aud_not_allowed: "The token is meant for another audience.",
  portcullis_jwt_sub_not_allowed: "The token's subject is none of subjects.",
  portcullis_jwt_keys_unavailable: "The keys cannot be fetched, and those that were are too old.",
  portcullis_jwt_revocation_unavailable: "The list of revoked tokens cannot be fetched.",
  portcullis_jwt_too_many_waiting: "Too many requests wait already for something to be fetched.",
  portcullis_jwt_key_not_found: "No key fits the token's kid and alg.",
  portcullis_jwt_signature_invalid: "The signature does not fit.",
  portcullis_jwt_revoked: "The token, its subject, its client or its key is revoked.",
  portcullis_jwt_not_authorized: "The token is good, but its claims are not those that the rule asks for.",
  portcullis_jwt_claim_not_a_header: "A claim that was to become a header cannot be one.",
  portcullis_jwt_bound: "The token is bound to its sender in a way that is unknown or not configured.",
  portcullis_jwt_unbound: "The token is not bound to its sender as sender_constraint asks.",
  portcullis_jwt_binding_mismatch: "The client has not shown the certificate that the token is bound to.",
  portcullis_jwt_dpop_binding_mismatch: "The proof of possession is by another key, or the scheme is not that of the token.",
  portcullis_jwt_dpop_proof_missing: "The token asks for a proof of possession, and there is none.",
  portcullis_jwt_dpop_proof_invalid: "The proof of possession breaks a rule of RFC 9449.",
  portcullis_jwt_dpop_nonce: "The proof lacks a nonce that is still good; the answer has one.",
  portcullis_jwt_dpop_replayed: "The proof has been used before.",
  portcullis_jwt_dpop_replay_unchecked: "Whether the proof was used before cannot be told.",
  portcullis_jwt_inactive: "The authorization server says that the token is not active.",
  portcullis_jwt_introspection_unavailable: "The authorization server cannot be asked about the token.",
  portcullis_jwt_multiple: "There is more than one token.",
  portcullis_jwt_denied: "The rule lets nobody pass.",
  portcullis_host_ambiguous: "A rule decides by host, and the request's is not a plain one.",
  portcullis_path_ambiguous: "A rule decides by path, and the request's is not in normal form.",
  portcullis_rate_limit_exceeded: "A limit has no tokens left.",
  portcullis_rate_limit_key_missing: "The request lacks a part of the limit's key.",
  portcullis_rate_limit_unavailable: "The buckets, or the rate limit service, cannot be had.",
  portcullis_rate_limit_ambiguous_host: "A limit goes by the host, which can be read in two ways.",
  portcullis_rate_limit_ambiguous_path: "A limit goes by the path, which can be read in two ways.",
  portcullis_rate_limit_ambiguous_key: "A limit goes by a cookie or parameter that is there twice with different values.",
  portcullis_circuit_open: "The breaker is open.",
  portcullis_circuit_half_open: "The breaker is half open, and other requests are trying the upstream.",
  portcullis_circuit_ramp_up: "The breaker closed a short time ago, and not everybody passes yet.",
  portcullis_circuit_throttled: "The throttle has chosen this request.",
  portcullis_circuit_forced_open: "The breaker is held open by its mode.",
  portcullis_circuit_reserved_header: "The client has sent a header that only the breaker may set.",
  portcullis_circuit_snapshot: "The breaker is open; this is an earlier answer of the upstream.",
  portcullis_host_refused: "Envoy has refused a call that the filter cannot do without.",
  portcullis_audit_log_no_room: "There is no room for the record of this request, and without one nothing passes.",
};

/** Details of Envoy itself, by how they begin. */
export const ENVOY: [start: string, sentence: string][] = [
  ["via_upstream", "The answer is the upstream's."],
  ["no_healthy_upstream", "The upstream has no healthy host."],
  ["upstream_reset_before_response_started", "The connection to the upstream broke before it answered."],
  ["upstream_reset_after_response_started", "The connection to the upstream broke within its answer."],
  ["upstream_response_timeout", "The upstream took longer than the route, or a timeout header, allows."],
  ["response_timeout", "The upstream took longer than the route, or a timeout header, allows."],
  ["route_not_found", "No route fits the request."],
  ["downstream_remote_disconnect", "The client has gone away."],
  ["request_payload_too_large", "The request's body is larger than may be held back."],
  ["request_headers_too_large", "The request's headers are too large."],
  ["wasm_fail_stream", "The plugin has broken down."],
  ["http1.invalid_url", "The path is none that HTTP/1 can carry: it begins with a slash and has no spaces."],
  ["http1.codec_error", "The request is no HTTP/1: its method or its path has letters that cannot stand there."],
  ["http1.invalid_characters", "The name or the value of a header has letters that cannot stand there."],
  ["http1.headers_too_large", "The request's headers are too large."],
  ["path_normalization_failed", "The path cannot be brought into normal form: it has a # in it, or goes up beyond its beginning."],
  ["absolute_path_rejected", "The path is a whole URL, which the listener does not take, or a relative one."],
  ["http1.too_many_headers", "The request has too many headers."],
  ["http2.invalid.header.field", "The name or the value of a header has letters that cannot stand there."],
  ["http2.violation.of.messaging.rule", "The request breaks a rule of HTTP/2."],
  ["http2.header_list_size_too_large", "The request's headers are too large."],
  ["http2.too_many_headers", "The request has too many headers."],
  ["http2.remote_reset", "The client has reset the stream."],
];

const BY: [start: string, filter: string][] = [
  ["portcullis_jwt_", "jwt-auth"],
  ["portcullis_host_ambiguous", "jwt-auth"],
  ["portcullis_path_ambiguous", "jwt-auth"],
  ["portcullis_rate_limit_", "token-bucket"],
  ["portcullis_circuit_", "circuit-breaker"],
  ["portcullis_audit_log_", "audit-log"],
  // Any of them may give this.
  ["portcullis_host_refused", "the filter"],
];

/** Whether the response is the upstream's, as nobody else's has these details. */
export function isUpstreams(details: string | null): boolean {
  return details?.startsWith("via_upstream") ?? false;
}

/** Whether the proxy has answered because the upstream did not, or not in time. */
export function isUpstreamFailure(details: string): boolean {
  return /^(upstream_|response_timeout|no_healthy_upstream)/.test(details);
}

/** The filter that gives this code, or null. */
export function filterOf(code: string): string | null {
  return BY.find(([start]) => code.startsWith(start))?.[1] ?? null;
}

/** What the details of a response say; empty where nobody knows. */
export function sentenceOf(details: string): string {
  return CODES[details] ?? ENVOY.find(([start]) => details.startsWith(start))?.[1] ?? "";
}
