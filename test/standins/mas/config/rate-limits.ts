import type { ConfigValue } from './value.ts';

/** A bucket: `burst` requests at once, refilled by `perSecond`. */
export interface Bucket { readonly burst: number; readonly perSecond: number }

/** `rate_limiting`, the parts that are enforced (crates/config/src/sections/rate_limiting.rs). */
export interface RateLimits { readonly loginPerIp: Bucket; readonly loginPerAccount: Bucket }

function bucket(section: ConfigValue, fallback: Bucket): Bucket {
  if (!section.present) return fallback;
  const perSecond = section.required('per_second').number();
  if (!(perSecond > 0 && perSecond < 1e9)) {
    throw section.error('`per_second` must be a number that is more than zero and less than 1_000_000_000 (1e9)', ['per_second']);
  }
  return { burst: section.required('burst').integer('a nonzero u32', 1, 4294967295), perSecond };
}

export function parseRateLimits(section: ConfigValue): RateLimits {
  const login = section.at('login');
  return {
    loginPerIp: bucket(login.at('per_ip'), { burst: 3, perSecond: 3 / 60 }),
    loginPerAccount: bucket(login.at('per_account'), { burst: 1800, perSecond: 1800 / 3600 }),
  };
}
