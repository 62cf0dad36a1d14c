// Paths in the trees of RFC 6962: receipts, batches and renewals all lead to a root by one.
import { equal } from "./cbor";
import { sha256 } from "./signatures";

// RFC 9162 section 2.1.3.2: the leaf's data stand at this index of a tree of this size and root.
export function leadsTo(root: Uint8Array, leaf: Uint8Array, index: bigint, size: bigint, path: Uint8Array[]): boolean {
  let node = sha256(Uint8Array.of(0), leaf);
  let last = size - 1n;
  for (const step of path) {
    if (last <= 0n) return false;
    const left = (index & 1n) === 1n || index === last;
    node = left ? sha256(Uint8Array.of(1), step, node) : sha256(Uint8Array.of(1), node, step);
    while (left && index && !(index & 1n)) [index, last] = [index >> 1n, last >> 1n];
    [index, last] = [index >> 1n, last >> 1n];
  }
  return index === 0n && last === 0n && equal(node, root);
}
