// Attacks with streams: opened to be reset, opened and left, never opened.
import type { ClientAttack } from '../attack.ts';
import { callOf, openOf, requestMessage, reset, text, times, windowUpdate } from '../attack-frames.ts';

const status = callOf('ContainerStatus', requestMessage(text(1, 'f'.repeat(64))));
const open = openOf('ListContainers');

export const STREAM_ATTACKS: readonly ClientAttack[] = [
  {
    attacker: 'client',
    name: 'rapid reset',
    source: 'CVE-2023-44487',
    connections: 2,
    burst: (connection) =>
      times(100, () => {
        const id = connection.nextId();
        return [...status(id), reset(id)];
      }),
    peakMiB: 200,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
  {
    attacker: 'client',
    name: 'resets from 27 connections, each below the limit of one',
    source: 'issue of rapid reset with many connections',
    connections: 27,
    burst: (connection) =>
      times(60, () => {
        const id = connection.nextId();
        return [...status(id), reset(id)];
      }),
    everyMs: 40,
    peakMiB: 200,
  },
  {
    attacker: 'client',
    name: 'resets that the server is made to send',
    source: 'CVE-2025-8671 (MadeYouReset)',
    connections: 4,
    burst: (connection) =>
      times(100, () => {
        const id = connection.nextId();
        const provoking = [
          windowUpdate(id, 0),
          times(2, () => windowUpdate(id, 2 ** 31 - 1)),
          [status(id)[1] as Buffer, status(id)[1] as Buffer],
          [status(id)[1] as Buffer, open(id)],
        ][connection.lane];
        return [open(id), ...[provoking ?? []].flat()];
      }),
    peakMiB: 200,
    outcome: { kind: 'refused', code: 'ENHANCE_YOUR_CALM' },
  },
];
