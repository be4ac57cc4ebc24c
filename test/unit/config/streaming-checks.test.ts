import { expect, test } from 'vitest';
import { aConfig } from '../../support/a-config.ts';
import { configText, problemsOf } from '../../support/config-problems.ts';

const BACKENDS = 'backends: [{ name: containerd, endpoint: unix:///run/a.sock }]\n';
const relayAt = (address: string) =>
  problemsOf(
    configText(`${BACKENDS}streaming: relay
streamingAddress: "${address}"
`),
  );

test.each(['127.0.0.1:0', '127.8.9.1:9441', '[::1]:9441', 'localhost:0'])(
  'relays streams on %s without a word, because only this machine can reach it',
  (address) => {
    expect(relayAt(address)).toEqual([]);
  },
);

test('relays streams on any free port of the loopback address unless told', () => {
  expect(aConfig({ streaming: 'relay' }).streamRelay).toEqual({ host: '127.0.0.1', port: 0 });
});

test('warns of an address that other machines can reach, and says why', () => {
  expect(relayAt('10.0.0.7:9441')).toEqual([
    'c.yaml:5:19: warning: streamingAddress can be reached from other machines, and nothing is encrypted: whoever reads along sees what is typed into containers. Write 127.0.0.1:0 unless clients live in another network of this node alone',
  ]);
});

test.each(['0.0.0.0:9441', '[::]:9441', '[0:0::0]:0'])(
  'refuses %s, because the address stands in URLs and nobody can connect to it',
  (address) => {
    expect(relayAt(address)).toEqual([
      expect.stringMatching(
        /^c\.yaml:5:19: streamingAddress is the address in the URLs of streams, and nobody can connect to .* Name one address of this node/,
      ),
    ]);
  },
);

test.each([
  ['9441', '127.0.0.1:9441'],
  ['unix:///run/x.sock', '127.0.0.1:0'],
  ['127.0.0.1', '127.0.0.1:0'],
  ['http://127.0.0.1:1', '127.0.0.1:1'],
  ['::1:9441', '"[::1]:9441"'],
])('refuses %s, because it is no host and port, and says to write %s', (text, meant) => {
  expect(relayAt(text)).toEqual([
    `c.yaml:5:19: streamingAddress must be host:port, not "${text}". Write ${meant}`,
  ]);
});

test('refuses a way of streaming that there is not, and a base of URLs that is none', () => {
  expect(problemsOf(configText(`${BACKENDS}streaming: redirect\n`))).toEqual([
    expect.stringContaining('streaming'),
  ]);
  for (const base of ['127.0.0.1:10010', 'http://127.0.0.1:10010/cri', 'ftp://x:1']) {
    const backends = `backends: [{ name: a, endpoint: unix:///run/a.sock, streamingBase: "${base}" }]\n`;
    expect(problemsOf(configText(backends))).toEqual([
      expect.stringContaining('must be a URL without a path, such as http://127.0.0.1:10010'),
    ]);
  }
});
