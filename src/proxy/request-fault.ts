// Whether a request is what every CRI request is: one message, whole and uncompressed.
import { MalformedMessageError, UnimplementedError } from '../errors.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';

/** What is wrong with the framed request of an RPC; undefined when nothing is. */
export function requestFault(rpc: string, body: Buffer): Error | undefined {
  if (body.length < PREFIX_BYTES) return new MalformedMessageError(`${rpc} came without a request message`);
  if (body[0] !== 0) {
    return new UnimplementedError(`the request of ${rpc} is compressed`, {
      hint: 'Switch compression off in the client: Switchyard reads the ids in a request',
    });
  }
  const said = body.readUInt32BE(1);
  const has = body.length - PREFIX_BYTES;
  if (said === has) return undefined;
  return new MalformedMessageError(`the request of ${rpc} says ${said} bytes and has ${has}`);
}
