// A look inside, and a hand in, another Node process: code that it loads first and that acts on SIGUSR2. Only what
// cannot be done from outside is done so: its wall clock set, and its memory counted without garbage.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { TempDir } from '../support/temp-dir.ts';
import { until } from '../support/until.ts';

/** What the process loads: the order is read from one file, what it says is written to another one. */
const PRELOADED = `
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const RealDate = Date;
let shiftMs = 0;
const now = () => RealDate.now() + shiftMs;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now());
    else super(...args);
  }
  static now() {
    return now();
  }
};
process.on('SIGUSR2', () => {
  const order = JSON.parse(readFileSync(process.env.SY_TEST_ORDER, 'utf8'));
  shiftMs = order.shiftMs;
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const draft = process.env.SY_TEST_REPLY + '.draft';
  writeFileSync(draft, JSON.stringify({ heldBytes: heapUsed + arrayBuffers, wallMs: Date.now() }));
  renameSync(draft, process.env.SY_TEST_REPLY);
});
`;

/** What the process says of itself. */
export interface InsideView {
  /** Memory in use, after a garbage collection. */
  readonly heldBytes: number;
  /** Its wall clock. */
  readonly wallMs: number;
}

export class InsideProcess {
  /** The environment in which the process must be started. */
  readonly env: Readonly<Record<string, string>>;
  private readonly order: string;
  private readonly reply: string;

  constructor(dir: TempDir) {
    this.order = dir.file('inside-order.json');
    this.reply = dir.file('inside-reply.json');
    const preloaded = dir.file('inside.cjs');
    writeFileSync(preloaded, PRELOADED);
    this.env = {
      NODE_OPTIONS: `--expose-gc --require ${preloaded}`,
      SY_TEST_ORDER: this.order,
      SY_TEST_REPLY: this.reply,
    };
  }

  /** Sets the wall clock of the process off by `shiftMs`, of this process alone, and looks at its memory. */
  async look(pid: number, shiftMs = 0): Promise<InsideView> {
    writeFileSync(this.order, JSON.stringify({ shiftMs }));
    process.kill(pid, 'SIGUSR2');
    let view: InsideView | undefined;
    await until(() => {
      view = this.takeReply();
      return view !== undefined;
    }, `process ${pid} tells of itself`);
    if (view === undefined) throw new Error('no reply');
    return view;
  }

  private takeReply(): InsideView | undefined {
    try {
      renameSync(this.reply, `${this.reply}.taken`);
    } catch {
      return undefined; // not there yet
    }
    return JSON.parse(readFileSync(`${this.reply}.taken`, 'utf8')) as InsideView;
  }
}
