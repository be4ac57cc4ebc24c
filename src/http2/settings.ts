// The SETTINGS of a connection (RFC 9113 section 6.5): what the peer asks of us, checked, and what we ask.
import { ConnectionError, ERROR_CODE } from './connection-error.ts';
import { MAX_PAYLOAD_BYTES, MAX_WINDOW_BYTES, readUint32, SETTING, writeUint32 } from './frame.ts';

const SETTING_BYTES = 6;
/** HTTP/2 has six settings, and peers send a few of their own; more are an attack. */
const MOST_SETTINGS = 32;

/** Settings in the order in which they go out. */
export type Settings = readonly (readonly [setting: number, value: number])[];

/**
 * Calls `apply` for the last value of each setting in the payload, all values checked, and for every HEADER_TABLE_SIZE,
 * because the smallest matters too (RFC 7541 section 4.2). Throws ConnectionError.
 */
export function readSettings(
  buffer: Buffer,
  start: number,
  end: number,
  apply: (setting: number, value: number) => void,
): void {
  if ((end - start) % SETTING_BYTES !== 0) {
    throw new ConnectionError(ERROR_CODE.FRAME_SIZE_ERROR, 'a SETTINGS frame has a wrong length');
  }
  if (end - start > MOST_SETTINGS * SETTING_BYTES) {
    throw new ConnectionError(ERROR_CODE.ENHANCE_YOUR_CALM, `over ${MOST_SETTINGS} settings in one frame`);
  }
  for (let at = start; at < end; at += SETTING_BYTES) {
    const setting = buffer.readUInt16BE(at);
    const value = readUint32(buffer, at + 2);
    check(setting, value);
    if (setting === SETTING.HEADER_TABLE_SIZE || isLastOf(setting, buffer, at, end)) apply(setting, value);
  }
}

function isLastOf(setting: number, buffer: Buffer, at: number, end: number): boolean {
  for (let later = at + SETTING_BYTES; later < end; later += SETTING_BYTES) {
    if (buffer.readUInt16BE(later) === setting) return false;
  }
  return true;
}

function check(setting: number, value: number): void {
  switch (setting) {
    case SETTING.ENABLE_PUSH:
      if (value > 1) throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, `ENABLE_PUSH cannot be ${value}`);
      break;
    case SETTING.INITIAL_WINDOW_SIZE:
      if (value > MAX_WINDOW_BYTES) {
        throw new ConnectionError(ERROR_CODE.FLOW_CONTROL_ERROR, `INITIAL_WINDOW_SIZE cannot be ${value}`);
      }
      break;
    case SETTING.MAX_FRAME_SIZE:
      if (value < MAX_PAYLOAD_BYTES || value > 0xffffff) {
        throw new ConnectionError(ERROR_CODE.PROTOCOL_ERROR, `MAX_FRAME_SIZE cannot be ${value}`);
      }
      break;
    default:
      break; // any value, or a setting we do not know: to be ignored
  }
}

/** The payload of a SETTINGS frame. */
export function settingsPayload(settings: Settings): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * SETTING_BYTES);
  let at = 0;
  for (const [setting, value] of settings) {
    at = payload.writeUInt16BE(setting, at);
    at = writeUint32(payload, at, value);
  }
  return payload;
}
