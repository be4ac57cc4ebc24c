// What listens on a backend's socket is no CRI service: its state says what it is and what to do.
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Backend } from '../../../src/backends/backend.ts';
import { encodeVersionResponse } from '../../../src/cri/own-messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { answerStatus, answerWith, type Http2Call, http2Backend } from '../../support/http2-backend.ts';
import { configOf } from '../../support/proxy-world.ts';
import { type TempDir, tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400';
// As Go's net/http answers plain text on a port for TLS, and as its crypto/tls does.
const HTTPS = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
const TLS_ALERT = Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]);
const UNKNOWN_SERVICE = 'unknown service runtime.v1.RuntimeService';

describe('what is no CRI service', () => {
  let dir: TempDir;
  let clock: FakeClock;
  let opened: AsyncDisposable[];
  let reasons: string[];

  beforeEach(async () => {
    dir = await tempDir();
    clock = new FakeClock();
    opened = [];
    reasons = [];
  });

  afterEach(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** Says `parts` to whoever connects, one by one, and closes unless it `staysOpen`. */
  const rawServer = async (file: string, parts: readonly (string | Buffer)[], staysOpen = false) => {
    const server = net.createServer((socket) => {
      socket.setNoDelay();
      socket.on('error', () => undefined);
      socket.once('data', async () => {
        for (const part of parts) await new Promise<void>((sent) => socket.write(part, () => sent()));
        if (!staysOpen) socket.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(dir.file(file), resolve));
    opened.push({ [Symbol.asyncDispose]: async () => void server.close() });
  };
  const http2Server = async (file: string, serve: (call: Http2Call) => void) => {
    opened.push(await http2Backend(dir.file(file), serve));
  };

  /** The reason why a backend on that socket is absent. */
  const reasonOn = async (file: string): Promise<string> => {
    const [config] = configOf(dir, [{ name: 'one', profile: 'reference' }]).backends;
    if (config === undefined) throw new Error('no backend');
    const errors: unknown[] = [];
    const backend = new Backend({
      config: { ...config, socket: dir.file(file) },
      ...{ clock, ownSocket: dir.file('cri.sock'), messageSizeBytes: 1_000_000, callsInFlight: 100 },
      events: {
        onState: (_, state) => 'reason' in state && reasons.push(state.reason),
        onImageState: () => undefined,
        onError: (_, error) => errors.push(error),
      },
    });
    opened.push({ [Symbol.asyncDispose]: async () => backend.stop() });
    backend.start();
    await until(() => {
      clock.advance(50);
      return backend.isAbsent;
    }, 'the backend is absent');
    expect(errors).toEqual([]);
    expect(backend.absenceError().message).toContain(reasons[0]);
    return String(reasons[0]).replaceAll(dir.file(''), '');
  };

  it.each([
    ['whole', [BAD_REQUEST]],
    ['byte by byte', [...BAD_REQUEST]],
  ])('is named when it speaks HTTP/1.1, which comes %s', async (_, parts) => {
    await rawServer('web.sock', parts);
    expect(await reasonOn('web.sock')).toBe(
      '/web.sock speaks HTTP/1.1, not gRPC: it is a web server or another API. Name the socket of a container runtime',
    );
  });

  it('is named when it is the API of Docker', async () => {
    await rawServer('docker.sock', [BAD_REQUEST]);
    expect(await reasonOn('docker.sock')).toBe(
      "/docker.sock speaks HTTP/1.1, not gRPC: this is Docker's own API. Docker needs cri-dockerd, whose socket is usually /run/cri-dockerd.sock",
    );
  });

  it.each([
    ['an alert', TLS_ALERT],
    ['the words of a web server', HTTPS],
  ])('is named when it speaks TLS, as %s tells', async (_, bytes) => {
    await rawServer('tls.sock', [bytes]);
    expect(await reasonOn('tls.sock')).toBe(
      '/tls.sock speaks TLS, and CRI on a unix socket goes without. Name the socket of a container runtime',
    );
  });

  it('is shown by its first bytes when it speaks something else', async () => {
    await rawServer('ssh.sock', ['SSH-2.0-OpenSSH_9.2p1\x1b[31m Debian\r\n']);
    expect(await reasonOn('ssh.sock')).toBe(
      '/ssh.sock does not speak gRPC: its first bytes are "SSH-2.0-OpenSSH_9.2p1.[31m Debia". Name the socket of a container runtime',
    );
  });

  it.each([
    ['nri.sock', 'this is the socket of NRI plugins'],
    ['containerd.sock.ttrpc', "this is containerd's ttrpc socket"],
  ])('is known by its name when it says nothing: %s', async (file, words) => {
    await rawServer(file, [], true);
    expect(await reasonOn(file)).toContain(words);
  });

  it('is named when it is a web server on HTTP/2', async () => {
    await http2Server('web.sock', ({ stream }) => {
      stream.respond({ ':status': 503, 'content-type': 'text/html' });
      stream.end('<html><body>503 Service Unavailable</body></html>');
    });
    expect(await reasonOn('web.sock')).toBe(
      'backend one answered HTTP 503 with text/html, not gRPC: a web server, or a proxy without its own server, is on its socket. Name the socket of a container runtime',
    );
  });

  it('is named when it refuses without a body', async () => {
    await http2Server('web.sock', ({ stream }) => {
      stream.respond({ ':status': 404 }, { endStream: true });
    });
    expect(await reasonOn('web.sock')).toContain('answered HTTP 404, not gRPC');
  });

  it('is named when it is a containerd without its CRI plugin', async () => {
    await http2Server('containerd.sock', (call) => answerStatus(call, 12, UNKNOWN_SERVICE));
    expect(await reasonOn('containerd.sock')).toBe(
      `its Version call ends UNIMPLEMENTED: ${UNKNOWN_SERVICE}: it serves no CRI. Is it containerd? Then take "cri" out of disabled_plugins in its config.toml and restart it`,
    );
  });

  it('is named when its Version cannot be read', async () => {
    await http2Server('odd.sock', (call) => answerWith(call, Buffer.from([0x0a, 0x7f, 1])));
    expect(await reasonOn('odd.sock')).toMatch(/its answer to Version cannot be read: /);
  });

  it('does not put odd characters, or too many, into the name and version of a node', async () => {
    const [name, version] = [`run\x1b[31m\u202ec\n${'x'.repeat(1_000)}`, '1.2\u00853'];
    await http2Server('odd.sock', (call) => answerWith(call, encodeVersionResponse(name, version, 'v1')));
    const [config] = configOf(dir, [{ name: 'odd', profile: 'reference' }]).backends;
    if (config === undefined) throw new Error('no backend');
    const backend = new Backend({
      ...{ config, clock, ownSocket: dir.file('cri.sock'), messageSizeBytes: 1_000_000, callsInFlight: 100 },
      events: { onState: () => undefined, onImageState: () => undefined, onError: () => undefined },
    });
    opened.push({ [Symbol.asyncDispose]: async () => backend.stop() });
    backend.start();
    await until(() => backend.state.kind === 'ready', 'it is ready');
    expect(backend.version?.runtimeName).toBe(`run[31mc${'x'.repeat(120)}`);
    expect(backend.version?.runtimeVersion).toBe('1.23');
  });
});
