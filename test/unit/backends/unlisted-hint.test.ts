import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { NAME_ANOTHER, SILENT } from '../../../src/backends/foreign-peer.ts';
import type { BackendState } from '../../../src/backends/state.ts';
import { type UnlistedCause, unlistedHint } from '../../../src/backends/unlisted-hint.ts';

const SOCKET = '/run/two.sock';

/** The hint about a backend that is absent so. */
function hint(kind: 'unreachable' | 'not-ready' | 'hanging', reason: string, cause: UnlistedCause): string {
  const state: BackendState = { kind, reason, sinceMs: 0 };
  return unlistedHint({ name: 'two', state, config: { socket: SOCKET } } as Backend, cause);
}

const TAKE_OUT = /If this node has no such runtime, take backend two out of the config/;
const CAUTION = /Do not take backend two out .*: pods that run there would go on running, unknown to all/;

describe('what to do about a backend without a list', () => {
  it('is to take it out of the config only where nothing says that it ever was there', () => {
    const reason = `there is no ${SOCKET}`;
    expect(hint('unreachable', reason, 'never-listed')).toMatch(TAKE_OUT);
    for (const cause of ['journal-lost', 'incomplete'] as const) {
      expect(hint('unreachable', reason, cause)).not.toMatch(TAKE_OUT);
      expect(hint('unreachable', reason, cause)).toMatch(CAUTION);
    }
  });

  it.each([
    ['unreachable', `there is no ${SOCKET}`, /^Start the container runtime behind \/run\/two\.sock/],
    [
      'unreachable',
      `${SILENT} within 1000 ms`,
      /^The runtime behind .* accepts connections, but answers nothing/,
    ],
    ['hanging', 'it answers nothing', /^The runtime behind .* accepts connections, but answers nothing/],
    ['not-ready', 'its Version call ends UNAVAILABLE: starting', /^The runtime behind .* is not ready: wait/],
    ['unreachable', `it is a web server or another API. ${NAME_ANOTHER}`, /^Do what its reason says\./],
  ] as const)('fits one that is %s because %s', (kind, reason, expected) => {
    expect(hint(kind, reason, 'never-listed')).toMatch(expected);
  });
});
