// The messages that Switchyard makes itself, small enough to be written field by field: a start that loads no protobuf
// library answers its first call sooner.
import { encodeField, readString } from './wire.ts';
import { encodeText } from './wire-writer.ts';

/** The version that VersionRequest and VersionResponse carry; a kubelet stops at any other. */
const RUNTIME_INTERFACE_VERSION = '0.1.0';

/** A VersionRequest as a kubelet sends it. */
export function encodeVersionRequest(): Uint8Array {
  return encodeText(1, RUNTIME_INTERFACE_VERSION);
}

/** An ImageStatusRequest for an image that cannot exist: .invalid is no domain (RFC 6761), so nothing is pulled from it. */
export function encodeImageProbe(): Uint8Array {
  return encodeField(1, encodeText(1, 'switchyard.invalid/probe:none'));
}

/** What we say we are. No field may be empty, or the kubelet refuses it. */
export function encodeVersionResponse(
  runtimeName: string,
  runtimeVersion: string,
  apiVersion: string,
): Uint8Array {
  return Buffer.concat([
    encodeText(1, RUNTIME_INTERFACE_VERSION),
    encodeText(2, runtimeName),
    encodeText(3, runtimeVersion),
    encodeText(4, apiVersion),
  ]);
}

/** What a backend says it is. Throws MalformedMessageError. */
export function readVersionResponse(reply: Buffer): { runtimeName: string; runtimeVersion: string } {
  const text = (field: number) => readString(reply, 0, reply.length, [field]) ?? '';
  return { runtimeName: text(2), runtimeVersion: text(3) };
}

/** A request of ListPodSandbox or ListContainers for one id: in both the filter is field 1, and the id its field 1. */
export function encodeIdFilter(id: string): Uint8Array {
  return encodeField(1, encodeText(1, id));
}
