// How much memory a list will need, as far as earlier ones tell: what a ListQueue lets in is measured by that.

/** What is expected of a list of which none was seen: the longest that clients take. */
const UNKNOWN_BYTES = 16 * 1024 * 1024;

/** What is expected falls by such a part when a list is shorter: sizes vary with what clients ask for. */
const FALL = 64;

export class ListSizes {
  private readonly byRpc = new Map<string, number>();

  /** What a list will bring, from all backends together. */
  expected(rpc: string): number {
    return this.byRpc.get(rpc) ?? UNKNOWN_BYTES;
  }

  /** A list has brought so much. */
  saw(rpc: string, sizeBytes: number): void {
    const expected = this.byRpc.get(rpc) ?? 0;
    this.byRpc.set(rpc, Math.max(sizeBytes, expected - Math.ceil(expected / FALL)));
  }
}
