// The memory for statuses: what it holds, its bounds, and what is left of a status where there is no room for it.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { StatusBudget, StatusMemory } from '../../../src/backends/status-memory.ts';
import { ContainerState, ContainerStatusSchema } from '../../../src/cri/gen/runtime/v1/container_pb.ts';
import { encodeField, readVarint } from '../../../src/cri/wire.ts';

const at = (atMs: number) => ({ atMs, wallMs: 1_700_000_000_000 + atMs });

const aStatus = (reason = '', exitCode = 0) =>
  Buffer.from(
    toBinary(
      ContainerStatusSchema,
      create(ContainerStatusSchema, {
        ...{
          id: 'c',
          metadata: { name: 'main', attempt: 2 },
          createdAt: 1n,
          startedAt: 2n,
          imageRef: 'app@sha256:d',
        },
        ...{ image: { image: 'localhost/app:1' }, state: ContainerState.CONTAINER_EXITED, reason, exitCode },
        ...{ labels: { app: 'web' }, annotations: { note: 'n'.repeat(10_000) }, logPath: '/var/log/c.log' },
      }),
    ),
  );

describe('the memory for statuses', () => {
  /** A status with metadata of about so many bytes. */
  const statusOf = (sizeBytes: number) => Buffer.from(encodeField(2, Buffer.alloc(sizeBytes)));
  const keep = (memory: StatusMemory, id: string, sizeBytes: number) =>
    memory.keep('container', id, { status: statusOf(sizeBytes), checksum: 1, given: at(1), seen: at(1) });
  const see = (memory: StatusMemory, id: string, exitCode: number, reason: string) => {
    const bytes = aStatus(reason, exitCode);
    return memory.see('container', id, bytes, 0, bytes.length, at(1));
  };

  it('holds those of 5,000 containers with 10 KB of annotations', () => {
    const memory = new StatusMemory();
    const bytes = aStatus();
    for (let i = 0; i < 5_000; i++) {
      expect(memory.see('container', `c${i}`, bytes, 0, bytes.length, at(i))).toBe(true);
      expect(memory.see('container', `c${i}`, bytes, 0, bytes.length, at(i))).toBe(false);
    }
    expect([...memory.entries()]).toHaveLength(5_000);
    expect(memory.get('container', 'c7')?.status.length).toBeLessThan(300);
  });

  it('is bounded for each status, in count and for a backend, and has room again', () => {
    const memory = new StatusMemory();
    expect(keep(memory, 'long', 33 * 1024)).toBe(false);
    const sizeBytes = statusOf(32_000).length;
    let count = 0;
    while (keep(memory, `c${count}`, 32_000)) count++;
    expect(count).toBe(Math.floor((16 * 1024 * 1024) / (sizeBytes + 256)));
    memory.forget('container', 'c0');
    expect(keep(memory, 'c0', 32_000)).toBe(true);

    const small = new StatusMemory();
    for (let i = 0; i < 20_000; i++) expect(keep(small, `c${i}`, 1)).toBe(true);
    expect(keep(small, 'one more', 1)).toBe(false);
  });

  it('has room for a thousand statuses of a backend, whatever others take', () => {
    const budget = new StatusBudget();
    const hostile = Array.from({ length: 3 }, () => new StatusMemory(budget));
    for (const memory of hostile) for (let i = 0; keep(memory, `c${i}`, 32_000); ) i++;
    const good = new StatusMemory(budget);
    for (let i = 0; i < 1_000; i++) expect(keep(good, `c${i}`, 1_700)).toBe(true);
    expect(keep(good, 'long', 32_000)).toBe(true);
    for (let i = 0; keep(good, `long${i}`, 32_000); ) i++;
    // Nothing is left for whole ones: of the next ones, how they ended.
    for (let i = 0; i < 1_000; i++) expect(see(good, `new${i}`, 3, `Error${'x'.repeat(10_000)}`)).toBe(true);
    const stub = good.get('container', 'new7')?.status ?? expect.unreachable('it is kept');
    expect(readVarint(stub, 0, stub.length, [7])).toBe(3);
  });

  it('has room for a thousand sandboxes, whatever their containers take', () => {
    const memory = new StatusMemory();
    for (let i = 0; keep(memory, `long${i}`, 32_000); ) i++;
    for (let i = 0; keep(memory, `c${i}`, 1); ) i++;
    for (let i = 0; i < 1_000; i++) {
      const kept = { status: statusOf(1_700), checksum: 1, given: at(1), seen: at(1) };
      expect(memory.keep('sandbox', `s${i}`, kept)).toBe(true);
    }
    for (let i = 0; i < 1_000; i++) memory.forget('sandbox', `s${i}`);
    // What was given back is the sandboxes' own.
    expect(keep(memory, 'one more', 32_000)).toBe(false);
  });

  it('has no old status where the new one finds no room, which is news', () => {
    const memory = new StatusMemory();
    expect(see(memory, 'c', 3, 'Error')).toBe(true);
    for (let i = 0; see(memory, `stub${i}`, 3, 'x'.repeat(40_000)); ) i++;
    expect(memory.get('container', 'c')).toBeDefined();
    expect(see(memory, 'c', 4, 'x'.repeat(40_000))).toBe(true);
    expect(memory.get('container', 'c')).toBeUndefined();
    expect(see(memory, 'c', 4, 'x'.repeat(40_000))).toBe(false);
  });
});
