// The few messages the proxy reads as a whole, merges or writes itself, typed by the generated code. All others stay bytes.
// What a newer peer added (unknown fields) is kept from decode to encode.
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { MalformedMessageError } from '../errors.ts';
import { ImageSchema } from './gen/runtime/v1/image_pb.ts';
import {
  ListMetricDescriptorsResponseSchema,
  ListPodSandboxMetricsResponseSchema,
} from './gen/runtime/v1/metrics_pb.ts';
import {
  RuntimeConfigResponseSchema,
  StatusResponseSchema,
  VersionRequestSchema,
  VersionResponseSchema,
} from './gen/runtime/v1/status_pb.ts';
import { encodeField } from './wire.ts';

/** The version that VersionRequest and VersionResponse carry; a kubelet stops at any other. */
export const RUNTIME_INTERFACE_VERSION = '0.1.0';

/** A VersionRequest as a kubelet sends it. */
export function encodeVersionRequest(): Uint8Array {
  return toBinary(VersionRequestSchema, create(VersionRequestSchema, { version: RUNTIME_INTERFACE_VERSION }));
}

/** A request of ListPodSandbox or ListContainers for one id: in both the filter is field 1, and the id its field 1. */
export function encodeIdFilter(id: string): Uint8Array {
  return encodeField(1, encodeField(1, Buffer.from(id)));
}

/** What a backend is. */
export const decodeVersionResponse = decoder(VersionResponseSchema);
/** What we say we are. No field may be empty, or the kubelet refuses it. */
export const encodeVersionResponse = encoder(VersionResponseSchema);

/** Conditions, runtime handlers and features of a backend. */
export const decodeStatusResponse = decoder(StatusResponseSchema);
/** Those of the node. */
export const encodeStatusResponse = encoder(StatusResponseSchema);

/** The cgroup driver of a backend; without `linux` it says nothing. */
export const decodeRuntimeConfigResponse = decoder(RuntimeConfigResponseSchema);

/** One image of a backend's list. */
export const decodeImage = decoder(ImageSchema);
/** One image of the node's list. */
export const encodeImage = encoder(ImageSchema);

/** The metrics a backend describes. */
export const decodeMetricDescriptors = decoder(ListMetricDescriptorsResponseSchema);
/** The metrics of the node, each with one order of labels. */
export const encodeMetricDescriptors = encoder(ListMetricDescriptorsResponseSchema);
/** The metrics of a backend's pods; label values are in the order of that backend's descriptors. */
export const decodePodSandboxMetrics = decoder(ListPodSandboxMetricsResponseSchema);
/** The metrics of the node's pods, label values in the order of our descriptors. */
export const encodePodSandboxMetrics = encoder(ListPodSandboxMetricsResponseSchema);

/** Takes a message as decoded, with its unknown fields, or any part of one: what is left out is empty. */
function encoder<Desc extends DescMessage>(schema: Desc): (message: MessageInitShape<Desc>) => Uint8Array {
  return (message) => toBinary(schema, create(schema, message));
}

/** Throws MalformedMessageError, which blames the backend: all that is decoded here comes from one. */
function decoder<Desc extends DescMessage>(schema: Desc): (bytes: Uint8Array) => MessageShape<Desc> {
  return (bytes) => {
    try {
      return fromBinary(schema, bytes);
    } catch (cause) {
      throw new MalformedMessageError(`a backend's ${schema.name} cannot be read`, {
        from: 'backend',
        cause,
      });
    }
  };
}
