// An input made small: parts are left out as long as it still shows the fault.

const TRIES_AT_MOST = 2_000;

/** A part of `input` for which `isFaulty` still holds. */
export async function smallest(
  input: Buffer,
  isFaulty: (bytes: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  let small = input;
  let tries = 0;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < small.length && tries < TRIES_AT_MOST; tries++) {
      const without = Buffer.concat([small.subarray(0, at), small.subarray(at + size)]);
      if (await isFaulty(without)) small = without;
      else at += size;
    }
  }
  return small;
}
