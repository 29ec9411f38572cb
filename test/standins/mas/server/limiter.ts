import type { Bucket, RateLimits } from '../config/rate-limits.ts';

/** Buckets by key, in memory and per process like MAS's (crates/handlers/src/rate_limit.rs). */
class KeyedLimiter {
  readonly #bucket: Bucket;
  readonly #full = new Map<string, number>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** Takes one from the bucket of `key`; false when it is empty. */
  take(key: string): boolean {
    const now = Date.now() / 1000;
    const interval = 1 / this.#bucket.perSecond;
    // The generic cell rate algorithm, as the `governor` crate has it.
    const next = Math.max(now, this.#full.get(key) ?? now);
    if (next - now > interval * (this.#bucket.burst - 1) + 1e-6) return false;
    this.#full.set(key, next + interval);
    return true;
  }
}

/** Limits on password checks, by requester first, then by person. */
export class Limiter {
  readonly #perIp: KeyedLimiter;
  readonly #perAccount: KeyedLimiter;

  constructor(limits: RateLimits) {
    this.#perIp = new KeyedLimiter(limits.loginPerIp);
    this.#perAccount = new KeyedLimiter(limits.loginPerAccount);
  }

  /** True when this password may be checked. */
  allowPassword(clientIp: string | undefined, userId: string): boolean {
    return this.#perIp.take(clientIp ?? '') && this.#perAccount.take(userId);
  }
}
