// Heads and bodies of HTTP/1.1 as the stream relay takes them from clients and backends: what goes on is one message, with
// nothing in it that the next server could take for a second one, and ends at the same byte however it comes in pieces.

import { SwitchyardError } from '../../../src/errors.ts';
import { AnswerBody, parseAnswer } from '../../../src/streaming/answer.ts';
import { HEAD_END, parseRequest, redirectRequest, toLastResponse } from '../../../src/streaming/head.ts';
import { toTarget, toWholeUrl } from '../../../src/streaming/stream-url.ts';
import { damage } from '../random.ts';
import { type FuzzTarget, must } from '../target.ts';

const LINES = [
  'Host: 127.0.0.1:1',
  'host:other',
  'Connection: Upgrade',
  'Upgrade: SPDY/3.1',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'X-Stream-Protocol-Version: v4.channel.k8s.io',
  ' folded: 1',
  'Keep-Alive: timeout=1',
];
const FIRST_LINES = [
  'POST /exec/Ab_-9 HTTP/1.1',
  'GET /attach/x?tty=1 HTTP/1.0',
  'HTTP/1.1 101 Switching Protocols',
  'HTTP/1.1 404 Not Found',
  'HTTP/1.0 100 Continue',
];
const BODIES = [
  '',
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
];
const URLS = [
  'http://127.0.0.1:1234/exec/x',
  'https://[::]:1/a?b=c#d',
  '//0.0.0.0:99/x',
  '/exec/y',
  'ftp://x/',
];

/** The input: how it is cut, a URL as a backend gives it, a line feed, a head, and what follows it. */
export const head: FuzzTarget = {
  name: 'head',
  make(random) {
    const lines = Array.from({ length: random.below(6) }, () => random.pick(LINES));
    const whole = [random.pick(FIRST_LINES), ...lines, '', random.pick(BODIES)].join('\r\n');
    return Buffer.concat([
      random.bytes(1),
      damage(random, Buffer.from(random.pick(URLS)), random.below(3)),
      Buffer.from('\n'),
      damage(random, Buffer.from(whole, 'latin1'), random.below(4)),
    ]);
  },
  check(input) {
    const [cut = 0] = input;
    const feed = Math.max(1, input.indexOf('\n'));
    checkUrl(input.toString('utf8', 1, feed));
    const bytes = input.subarray(feed + 1);
    const end = bytes.indexOf(HEAD_END, 0, 'latin1');
    if (end < 0) return;
    const bodyStart = end + HEAD_END.length;
    checkRequest(bytes.toString('latin1', 0, bodyStart));
    checkAnswer(bytes.toString('latin1', 0, bodyStart), bytes.subarray(bodyStart), 1 + (cut % 16));
  },
};

function checkRequest(given: string): void {
  if (parseRequest(given).kind !== 'request') return;
  const sent = redirectRequest(given, '/exec/token', '127.0.0.1:7');
  must(isOneMessage(sent), 'a request became more than one');
  must((sent.match(/^host[ \t]*:/gim) ?? []).length === 1, 'a request has not just one Host');
  must(!/^content-length[ \t]*:[ \t]*[^0\s]/im.test(sent), 'a request has a body');
  must(/^[^ ]+ \/exec\/token HTTP\/1\.[01]\r\n/.test(sent), 'a request goes elsewhere');
}

function checkAnswer(given: string, rest: Buffer, cut: number): void {
  const answer = parseAnswer(given);
  if (answer === undefined) return;
  must(answer.status >= 100 && answer.status <= 999, `status ${answer.status}`);
  const last = toLastResponse(given);
  must(isOneMessage(last), 'an answer became more than one');
  must((last.match(/^connection:/gim) ?? []).length === 1, 'an answer has not just one Connection');
  const atOnce = new AnswerBody(answer.body);
  const whole = atOnce.take(rest);
  const inPieces = new AnswerBody(answer.body);
  let taken = 0;
  for (let at = 0; at < rest.length && inPieces.end === 'open'; at += cut) {
    taken += inPieces.take(rest.subarray(at, at + cut));
  }
  must(atOnce.end === inPieces.end, 'a body ends otherwise when it comes in pieces');
  if (atOnce.end === 'whole') must(taken === whole, `a body ends at ${whole}, in pieces at ${taken}`);
}

/** One empty line, at the end; also for servers that let a line end with a line feed alone, as Go's do. */
function isOneMessage(message: string): boolean {
  return /\n\r?\n/.exec(message)?.index === message.length - HEAD_END.length + 1;
}

function checkUrl(url: string): void {
  try {
    const target = toTarget(toWholeUrl(url, 'http://127.0.0.1:5', 'red'), 'red');
    must(target.path.startsWith('/') && !/[\s\p{Cc}]/u.test(target.path), `path ${target.path}`);
    must(!/[\s\p{Cc}]/u.test(target.authority), `authority ${target.authority}`);
    must(target.port >= 1 && target.port <= 65_535, `port ${target.port}`);
  } catch (error) {
    if (!(error instanceof SwitchyardError)) throw error;
  }
}
