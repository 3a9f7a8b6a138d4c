// A map of items by UMAP (McInnes et al. 2018). Near items stay near; large distances are not preserved.
import { UMAP } from 'umap-js';

/** Minimum items for a map; fewer have no neighborhoods to preserve. */
export const FEWEST = 5;

/** The number of neighbors that stay near an item, as in the paper's implementation. */
const NEIGHBORS = 15;

/** A seeded generator of numbers from 0 to 1 (mulberry32), so that a file always has the same map. */
function seeded(): () => number {
  let state = 0x2545f491;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Two coordinates per item, from the cosines (n, n) of their vectors. */
export function umap(cosines: Float32Array, n: number): Float32Array {
  const map = new UMAP({
    nComponents: 2,
    nNeighbors: Math.min(NEIGHBORS, n - 1),
    minDist: 0.1,
    random: seeded(),
    distanceFn: ([a], [b]) => Math.max(0, 1 - (cosines[(a as number) * n + (b as number)] as number)),
  });
  return Float32Array.from(map.fit(Array.from({ length: n }, (_, item) => [item])).flat());
}
