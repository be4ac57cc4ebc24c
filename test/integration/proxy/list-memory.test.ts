// Long lists lie in memory that is used again for later ones. Whatever else goes on, a client must get the bytes that
// the backends gave for its own call, and a snapshot must stay what it was.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Switchyard, startSwitchyard } from '../../../src/app.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { encodeField, forEachRecord, readString } from '../../../src/cri/wire.ts';
import { backendRequestFields } from '../../../src/grpc/metadata.ts';
import { ClientConnection } from '../../../src/http2/client.ts';
import { CriClient } from '../../support/cri-client.ts';
import { clientLog, Recorder } from '../../support/http2-recorder.ts';
import { configOf, recorder } from '../../support/proxy-world.ts';
import { type ScriptedBackend, scriptedBackend } from '../../support/scripted-backend.ts';
import { SocketPipe } from '../../support/socket-pipe.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const NAMES = ['one', 'two'] as const;
const FILLER = 'x'.repeat(600);
const LIST = '/runtime.v1.RuntimeService/ListContainers';
const text = (field: number, value: string) => encodeField(field, Buffer.from(value));

describe('long lists', () => {
  let dir: TempDir;
  let backends: ScriptedBackend[];
  /** What lies between Switchyard and the second backend. */
  let pipe: SocketPipe;
  let switchyard: Switchyard;
  let client: CriClient;
  let lines: Parameters<typeof recorder>[0];
  let calls = 0;

  beforeEach(async () => {
    dir = await tempDir();
    const sockets = [dir.file('one.sock'), dir.file('behind-the-pipe.sock')];
    backends = await Promise.all(sockets.map((socket) => scriptedBackend(socket)));
    pipe = await SocketPipe.open(dir.file('two.sock'), dir.file('behind-the-pipe.sock'));
    for (const [index, backend] of backends.entries()) {
      backend.answer('Version', { messages: [encodeVersionResponse('scripted', '1.0.0', 'v1')] });
      backend.answer('ListPodSandbox', { messages: [new Uint8Array(0)] });
      backend.answer('ListContainers', () => ({ messages: [listOf(NAMES[index] ?? '', ++calls)] }));
    }
    lines = [];
    const config = configOf(dir, [
      { name: 'one', profile: 'cri-o' },
      { name: 'two', profile: 'cri-o', handlers: { two: '' } },
    ]);
    switchyard = await startSwitchyard({ config, log: recorder(lines) });
    client = new CriClient(switchyard.socket);
    await until(
      () => lines.filter((line) => line.text === 'backend is ready').length === 2,
      'both are ready',
    );
  });

  afterEach(async () => {
    client.close();
    await switchyard.close();
    for (const one of [pipe, ...backends]) await one[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const list = async () => {
    const { messages } = await client.rawCall(LIST, new Uint8Array(0));
    return stampsOf(messages[0] ?? Buffer.alloc(0));
  };
  const lists = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      for (const stamps of await Promise.all([list(), list(), list(), list()])) {
        expect([...stamps.keys()].map((stamp) => stamp.split(' ')[0])).toEqual(['one', 'two']);
      }
    }
  };

  it('are whole, and each its own, when many are on their way', async () => {
    await lists(12);
  });

  it('show once what two backends show, wherever it stands in them', async () => {
    await lists(1);
    const shared = sharedRecord();
    backends[1]?.answer('ListContainers', () => {
      const own = listOf('two', 1);
      const borders = bordersOf(own);
      const middle = borders[borders.length >> 1] ?? 0;
      const parts = [shared, own.subarray(0, middle), shared, own.subarray(middle), shared];
      return { messages: [Buffer.concat(parts)] };
    });
    await lists(3);
  });

  it('are whole when the connection to a backend breaks in the middle of one', async () => {
    await lists(1);
    // What is dropped lies elsewhere when the list is asked for again.
    backends[1]?.answer('ListContainers', () => {
      const shared = Array.from({ length: ++calls % 3 }, sharedRecord);
      return { messages: [Buffer.concat([...shared, listOf('two', calls)])] };
    });
    for (const cutAfterBytes of [90_000, 200_000]) {
      let leftBytes = cutAfterBytes;
      pipe.onBytes = (bytes, direction) => {
        if (direction === 'to target' || leftBytes <= 0) return true;
        leftBytes -= bytes.length;
        if (leftBytes <= 0) pipe.cut();
        return true;
      };
      await lists(2);
      expect(leftBytes).toBeLessThanOrEqual(0);
    }
  });

  it('do not change under a client that reads slowly, or not to the end', async () => {
    const slow: Recorder[] = [];
    for (let index = 0; index < 4; index++) {
      const connection = ClientConnection.connect(
        switchyard.socket,
        clientLog({ limits: { initialWindowBytes: 65_536 } }),
      );
      const call = new Recorder();
      call.consumes = false;
      call.stream = connection.open(call);
      call.stream.sendHeaders(backendRequestFields(LIST, [], undefined), false);
      call.stream.sendData(Buffer.alloc(5), 0, 5, true);
      slow.push(call);
    }
    await until(() => slow.every(({ body }) => body.length === 65_536), 'all have read what they may');
    await lists(4);
    slow[0]?.stream?.reset(8);
    await lists(4);
    for (const call of slow.slice(1)) {
      call.consumes = true;
      call.stream?.consume(65_536);
    }
    for (const call of slow.slice(1)) {
      await call.whole();
      expect([...stampsOf(call.body.subarray(5)).keys()]).toHaveLength(2);
      call.stream?.reset(0);
    }
  });

  it('do not change the snapshot that stands for a backend', async () => {
    await lists(2);
    const before = [...(await list()).keys()][1];
    await backends[1]?.[Symbol.asyncDispose]();
    await until(() => lines.some((line) => line.text === 'backend is absent'), 'the backend is absent');
    for (let round = 0; round < 12; round++) {
      const results = await Promise.all([list(), list(), list()]);
      for (const stamps of results) expect([...stamps.keys()][1]).toBe(before);
    }
  });
});

/** One backend's answer to one call: every record carries both in its stamp, and how many records there are. */
function listOf(name: string, call: number): Buffer {
  const count = 100 + ((call * 7919) % 6) * 200;
  const filler = text(4, FILLER);
  const stamp = text(3, `${name} ${call} ${count}`);
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      const id = text(1, idOf(name, index));
      return encodeField(1, Buffer.concat([id, stamp, filler]));
    }),
  );
}

/** A record of the first backend that is not in its lists twice. */
function sharedRecord(): Uint8Array {
  const id = text(1, idOf('one', 3));
  return encodeField(1, Buffer.concat([id, text(3, 'shown twice'), text(4, FILLER)]));
}

/** Where the records of a list begin. */
function bordersOf(message: Buffer): number[] {
  const borders: number[] = [];
  forEachRecord(message, 0, message.length, 1, (recordStart) => borders.push(recordStart));
  return borders;
}

/** How often each stamp occurs; throws when the list does not parse, or has other records than the stamps say. */
function stampsOf(message: Buffer): Map<string, number> {
  const stamps = new Map<string, number>();
  forEachRecord(message, 0, message.length, 1, (_, start, end) => {
    const stamp = readString(message, start, end, [3]) ?? '';
    const index = stamps.get(stamp) ?? 0;
    const id = readString(message, start, end, [1]);
    if (id !== idOf(stamp.split(' ')[0] ?? '', index) || readString(message, start, end, [4]) !== FILLER) {
      throw new Error(`record ${index} of "${stamp}" is not as it was sent: ${id}`);
    }
    stamps.set(stamp, index + 1);
  });
  for (const [stamp, seen] of stamps) expect(Number(stamp.split(' ')[2])).toBe(seen);
  return stamps;
}

function idOf(name: string, index: number): string {
  return `${name}${index}`.padStart(64, '0');
}
