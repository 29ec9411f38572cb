import { BlockList, isIP } from 'node:net';

/** A list of CIDR networks. */
export function networks(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', prefix] = cidr.split('/');
    const version = isIP(address);
    if (version === 0) continue;
    list.addSubnet(address, Number(prefix ?? (version === 4 ? 32 : 128)), version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function canonical(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/**
 * Who is asking: the last address that is not a trusted proxy in [peer, ...X-Forwarded-For], or the peer when all are trusted.
 * The header is split on commas WITHOUT trimming, so an element after `, ` does not parse and is dropped, and it counts even when the
 * peer is no proxy (crates/cli/src/app_state.rs `infer_client_ip`).
 */
export function clientIp(peer: string | undefined, forwardedFor: string | undefined, trusted: BlockList): string | undefined {
  const claimed = (forwardedFor ?? '').split(',').filter((part) => isIP(part) !== 0);
  const chain = [...(peer === undefined || peer === '' ? [] : [peer]), ...claimed].map(canonical);
  return chain.findLast((address) => !trusted.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')) ?? chain[0];
}
