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
import {
  ImageFsInfoResponseSchema,
  ImageStatusRequestSchema,
  ImageStatusResponseSchema,
  ListImagesRequestSchema,
  ListImagesResponseSchema,
} from './gen/runtime/v1/image_service_pb.ts';
import {
  ListMetricDescriptorsResponseSchema,
  ListPodSandboxMetricsResponseSchema,
} from './gen/runtime/v1/metrics_pb.ts';
import {
  RuntimeConfigResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
  UpdateRuntimeConfigRequestSchema,
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
export const decodeVersionResponse = decoder(VersionResponseSchema, 'backend');
/** What we say we are. No field may be empty, or the kubelet refuses it. */
export const encodeVersionResponse = encoder(VersionResponseSchema);

/** Asks a backend whether it is ready. */
export const encodeStatusRequest = encoder(StatusRequestSchema);
/** Conditions, runtime handlers and features of a backend. */
export const decodeStatusResponse = decoder(StatusResponseSchema, 'backend');
/** Those of the node. */
export const encodeStatusResponse = encoder(StatusResponseSchema);

/** The cgroup driver of a backend; without `linux` it says nothing. */
export const decodeRuntimeConfigResponse = decoder(RuntimeConfigResponseSchema, 'backend');
/** The cgroup driver of the node. An empty `linux` means systemd and is written as such. */
export const encodeRuntimeConfigResponse = encoder(RuntimeConfigResponseSchema);

/** The pod CIDR a kubelet hands down. */
export const decodeUpdateRuntimeConfigRequest = decoder(UpdateRuntimeConfigRequestSchema, 'client');
/** The same for a backend. */
export const encodeUpdateRuntimeConfigRequest = encoder(UpdateRuntimeConfigRequestSchema);

/** Which image a client asks about. */
export const decodeImageStatusRequest = decoder(ImageStatusRequestSchema, 'client');
/** Asks a backend about an image. */
export const encodeImageStatusRequest = encoder(ImageStatusRequestSchema);
/** What a backend knows about an image; without `image` it has none. */
export const decodeImageStatusResponse = decoder(ImageStatusResponseSchema, 'backend');
/** An image status of ours: an empty one says that there is no such image. */
export const encodeImageStatusResponse = encoder(ImageStatusResponseSchema);

/** Asks a backend for its images; for all without an argument. */
export const encodeListImagesRequest = encoder(ListImagesRequestSchema);
/** The images of a backend. */
export const decodeListImagesResponse = decoder(ListImagesResponseSchema, 'backend');
/** The images of the node, those with one id made one. */
export const encodeListImagesResponse = encoder(ListImagesResponseSchema);

/** The file systems a backend keeps images on. */
export const decodeImageFsInfoResponse = decoder(ImageFsInfoResponseSchema, 'backend');
/** Those of the node; the kubelet looks at the first alone. */
export const encodeImageFsInfoResponse = encoder(ImageFsInfoResponseSchema);

/** The metrics a backend describes. */
export const decodeListMetricDescriptorsResponse = decoder(ListMetricDescriptorsResponseSchema, 'backend');
/** The metrics of the node, each with one order of labels. */
export const encodeListMetricDescriptorsResponse = encoder(ListMetricDescriptorsResponseSchema);
/** The metrics of a backend's pods; label values are in the order of that backend's descriptors. */
export const decodeListPodSandboxMetricsResponse = decoder(ListPodSandboxMetricsResponseSchema, 'backend');
/** The metrics of the node's pods, label values in the order of our descriptors. */
export const encodeListPodSandboxMetricsResponse = encoder(ListPodSandboxMetricsResponseSchema);

/** Takes a message as decoded, with its unknown fields, or any part of one: what is left out is empty. */
function encoder<Desc extends DescMessage>(schema: Desc): (message?: MessageInitShape<Desc>) => Uint8Array {
  return (message) => toBinary(schema, create(schema, message));
}

/** Throws MalformedMessageError, which blames the side such a message comes from. */
function decoder<Desc extends DescMessage>(
  schema: Desc,
  from: 'client' | 'backend',
): (bytes: Uint8Array) => MessageShape<Desc> {
  return (bytes) => {
    try {
      return fromBinary(schema, bytes);
    } catch (cause) {
      throw new MalformedMessageError(`the ${schema.name} cannot be read`, { from, cause });
    }
  };
}
