/** Claims of a token that suits a policy. */

import { parse } from "yaml";
import type { Policy } from "./policy";

export type Claims = Record<string, unknown>;

const HOUR = 3600;

/** When a token is good, as seen from a time in seconds since the epoch. */
export const VALIDITIES = {
  good: { said: "good for an hour", times: (now: number): Claims => ({ iat: now, exp: now + HOUR }) },
  expired: { said: "expired three minutes ago", times: (now: number): Claims => ({ iat: now - HOUR, exp: now - 180 }) },
  early: { said: "good in an hour", times: (now: number): Claims => ({ iat: now, nbf: now + HOUR, exp: now + 2 * HOUR }) },
};

export type Validity = keyof typeof VALIDITIES;

/** Claims that the first provider takes, as far as its issuer and audience say; without times. */
export function claimsFor(config: string): Claims {
  const { issuer, issuers, audiences } = firstProvider(config);
  const iss = [issuer, issuers].flat().find((one) => typeof one === "string") ?? "https://issuer.example";
  const aud = [audiences].flat().find((one) => typeof one === "string");
  return { iss, ...(aud === undefined ? {} : { aud }), sub: "alice" };
}

/** The claims with other times. */
export function timed({ iat: _iat, nbf: _nbf, exp: _exp, ...claims }: Claims, validity: Validity, { clock }: Policy): Claims {
  const now = Math.floor((clock ? Date.parse(clock) : Date.now()) / 1000);
  return { ...claims, ...VALIDITIES[validity].times(now) };
}

function firstProvider(config: string): Claims {
  const root = membersOf(parsed(config));
  const providers = root["providers"] ?? membersOf(root["jwt_auth"])["providers"];
  return membersOf(Array.isArray(providers) ? providers[0] : null);
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
