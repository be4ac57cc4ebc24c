// Random numbers that a seed repeats, and what fuzzers do with them: choose, damage, splice.

/** A generator of random numbers (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** An integer from 0 up to below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => this.below(256)));
  }
}

/** Bytes with so many damages: changed, removed, doubled, inserted or moved. */
export function damage(random: Random, bytes: Buffer, times: number): Buffer {
  let damaged: Buffer = Buffer.from(bytes);
  for (let left = times; left > 0 && damaged.length > 0; left--) damaged = damageOnce(random, damaged);
  return damaged;
}

const ODD_BYTES = [0, 1, 0x7f, 0x80, 0xff];

function damageOnce(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + random.below(24));
  const part = bytes.subarray(at, end);
  switch (random.below(6)) {
    case 0: {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << random.below(8));
      return changed;
    }
    case 1: {
      const changed = Buffer.from(bytes);
      changed[at] = random.pick(ODD_BYTES);
      return changed;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, end), part, bytes.subarray(end)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(12)), bytes.subarray(at)]);
    default: {
      const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      const to = random.below(rest.length + 1);
      return Buffer.concat([rest.subarray(0, to), part, rest.subarray(to)]);
    }
  }
}
