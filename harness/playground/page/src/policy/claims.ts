/** Claims of a token that suits a policy. */

import { parse } from "yaml";
import type { Cluster, Policy } from "./policy";

export type Claims = Record<string, unknown>;

const HOUR = 3600;

/** When a token is good, as seen from a time in seconds since the epoch. */
export const VALIDITIES = {
  good: { said: "good for an hour", times: (now: number): Claims => ({ iat: now, exp: now + HOUR }) },
  expired: { said: "expired three minutes ago", times: (now: number): Claims => ({ iat: now - HOUR, exp: now - 180 }) },
  early: { said: "good in an hour", times: (now: number): Claims => ({ iat: now, nbf: now + HOUR, exp: now + 2 * HOUR }) },
};

export type Validity = keyof typeof VALIDITIES;

/** Who jwt-auth takes tokens of, as the configuration says. */
export interface Provider {
  name: string;
  /** Those that it takes, as far as its issuer and audience say; without times. */
  claims: Claims;
  /** Where its keys are, as it is written. */
  jwks: unknown;
}

/** The providers of a configuration; none where it cannot be read. */
export function providersIn(config: string): Provider[] {
  const root = membersOf(parsed(config));
  const providers = root["providers"] ?? membersOf(root["jwt_auth"])["providers"];
  return Array.isArray(providers) ? providers.map((provider, index) => providerOf(membersOf(provider), index)) : [];
}

function providerOf({ name, issuer, issuers, audiences, jwks }: Claims, index: number): Provider {
  const iss = [issuer, issuers].flat().find((one) => typeof one === "string") ?? ANYBODY["iss"];
  const aud = [audiences].flat().find((one) => typeof one === "string");
  return { name: typeof name === "string" ? name : `provider ${index + 1}`, claims: { iss, ...(aud === undefined ? {} : { aud }), sub: ANYBODY["sub"] }, jwks };
}

/** Claims where nothing is known of who takes them. */
export const ANYBODY: Claims = { iss: "https://issuer.example", sub: "alice" };

/** Who has to be told of the key of the page, so that a provider knows it: the configuration, or the cluster that it asks for keys; null where that is done. */
export function untold({ config, clusters }: Pick<Policy, "config" | "clusters">, provider: Provider | undefined): "configuration" | { cluster: string } | null {
  const isIn = (text: string) => text.includes("${jwks}");
  const answersIt = (of: Cluster) => of.answers.some(({ body }) => isIn(body));
  if (!provider) return isIn(config) || clusters.some(answersIt) ? null : "configuration";
  const { remote, discovery } = membersOf(provider.jwks);
  const cluster = [membersOf(remote)["cluster"], membersOf(discovery)["jwks_cluster"], membersOf(discovery)["cluster"]].find((name) => typeof name === "string");
  if (typeof cluster !== "string") return isIn(JSON.stringify(provider.jwks ?? null)) ? null : "configuration";
  return clusters.some((of) => of.name === cluster && answersIt(of)) ? null : { cluster };
}

/** The claims with other times; without any where the time at the start is none. */
export function timed({ iat: _iat, nbf: _nbf, exp: _exp, ...claims }: Claims, validity: Validity, { clock }: Pick<Policy, "clock">): Claims {
  const now = Math.floor((clock ? Date.parse(clock) : Date.now()) / 1000);
  return Number.isNaN(now) ? claims : { ...claims, ...VALIDITIES[validity].times(now) };
}

function parsed(config: string): unknown {
  try {
    return parse(config);
  } catch {
    return null;
  }
}

function membersOf(value: unknown): Claims {
  return typeof value === "object" && value !== null ? (value as Claims) : {};
}
