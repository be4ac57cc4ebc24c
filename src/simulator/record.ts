// The encoded form of one element of a list reply, kept beside the object it shows.
// Lists of thousands of containers are asked for every second, so they are joined from these, not encoded anew.

import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';

/** Tag of a length-delimited field 1: where each CRI list keeps its elements. */
const ELEMENT_TAG = 0x0a;

/** One list element with its tag and length, ready to be joined with others into a list reply. */
export function encodeElement<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Buffer {
  const body = toBinary(schema, create(schema, message));
  const head: number[] = [ELEMENT_TAG];
  let length = body.length;
  while (length > 0x7f) {
    head.push((length & 0x7f) | 0x80);
    length >>>= 7;
  }
  head.push(length);
  const element = Buffer.allocUnsafe(head.length + body.length);
  element.set(head, 0);
  element.set(body, head.length);
  return element;
}

/** The elements of a Stream* reply in messages of at most `perMessage` elements; no message is empty. */
export function chunkElements(elements: readonly Buffer[], perMessage: number): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < elements.length; at += perMessage) {
    messages.push(Buffer.concat(elements.slice(at, at + perMessage)));
  }
  return messages;
}
