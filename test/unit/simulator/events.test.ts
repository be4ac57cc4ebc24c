import { describe, expect, it } from 'vitest';
import { EventHub } from '../../../src/simulator/events.ts';

const event = (name: string) => Buffer.from(name);
const collector = () => {
  const got: string[] = [];
  return { got, listener: (bytes: Buffer) => got.push(bytes.toString()) };
};

describe('the event hub', () => {
  it('keeps the newest thousand events or so for a first subscriber', () => {
    const hub = new EventHub('shared-queue', true);
    for (let nth = 0; nth < 5000; nth++) hub.publish(event(`e${nth}`));
    const { got, listener } = collector();
    hub.subscribe(listener);
    expect(got.length).toBe(1000);
    expect(got.at(-1)).toBe('e4999');
  });

  it('wants no events that nobody would ever get', () => {
    expect(new EventHub('broadcast', true).isWanted).toBe(false);
    expect(new EventHub('broadcast-with-backlog', true).isWanted).toBe(true);
    expect(new EventHub('shared-queue', false).isWanted).toBe(false);
  });

  it('gives nothing more to who unsubscribed', () => {
    const hub = new EventHub('broadcast', true);
    const { got, listener } = collector();
    const unsubscribe = hub.subscribe(listener);
    hub.publish(event('one'));
    unsubscribe();
    unsubscribe();
    hub.publish(event('two'));
    expect(got).toEqual(['one']);
    expect(hub.subscribers).toBe(0);
  });

  it('forgets its backlog when told so', () => {
    const hub = new EventHub('broadcast-with-backlog', true);
    hub.publish(event('one'));
    hub.dropBacklog();
    const { got, listener } = collector();
    hub.subscribe(listener);
    expect(got).toEqual([]);
  });
});
