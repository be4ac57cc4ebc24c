// What each family of runtimes answers for ids it does not hold, RPC by RPC. Facts, measured or read from the runtimes.

import type { Refusal, UnknownIdAnswers } from './profile.ts';

const notFound = (text: string): Refusal => ({ status: 'NOT_FOUND', text });
const unknown = (text: string): Refusal => ({ status: 'UNKNOWN', text });

const findContainer = notFound('an error occurred when try to find container "{id}": not found');

/** containerd from 1.7 on: NOT_FOUND, but Stop* and Remove* are content. */
export const CONTAINERD_UNKNOWN_IDS: UnknownIdAnswers = {
  StopPodSandbox: 'ok',
  RemovePodSandbox: 'ok',
  StopContainer: 'ok',
  RemoveContainer: 'ok',
  PodSandboxStatus: notFound('an error occurred when try to find sandbox: not found'),
  PodSandboxStats: notFound('an error occurred when trying to find sandbox {id}: not found'),
  PortForward: notFound('failed to find sandbox "{id}": not found'),
  UpdatePodSandboxResources: notFound('failed to find sandbox: not found'),
  CheckpointPod: notFound('failed to find sandbox "{id}": not found'),
  CreateContainer: notFound('failed to find sandbox id "{id}": not found'),
  StartContainer: findContainer,
  ContainerStatus: findContainer,
  ReopenContainerLog: findContainer,
  UpdateContainerResources: notFound('failed to find container: not found'),
  ExecSync: notFound('failed to exec in container: failed to find container "{id}" in store: not found'),
  Exec: notFound('failed to find container "{id}" in store: not found'),
  Attach: notFound('failed to find container in store: not found'),
  ContainerStats: notFound('failed to find container: not found'),
  CheckpointContainer: notFound('failed to find container "{id}": not found'),
};

/** containerd up to 1.6: as later ones, but both Stop* say NOT_FOUND (measured on 1.6.20). */
export const CONTAINERD_OLD_UNKNOWN_IDS: UnknownIdAnswers = {
  ...CONTAINERD_UNKNOWN_IDS,
  StopPodSandbox: notFound('an error occurred when try to find sandbox "{id}": not found'),
  StopContainer: findContainer,
};

const crioContainer = 'container with ID starting with {id} not found: ID does not exist';
const crioPod = 'PodSandbox with ID starting with {id} not found: ID does not exist';

/** CRI-O: NOT_FOUND for some, UNKNOWN with a text for others, and a URL for PortForward. */
export const CRIO_UNKNOWN_IDS: UnknownIdAnswers = {
  StopPodSandbox: 'ok',
  RemovePodSandbox: 'ok',
  StopContainer: 'ok',
  RemoveContainer: 'ok',
  PodSandboxStatus: notFound(`could not find pod "{id}": ${crioPod}`),
  PodSandboxStats: unknown(crioPod),
  PortForward: 'ok',
  UpdatePodSandboxResources: unknown(crioPod),
  CheckpointPod: notFound(`could not find pod "{id}": ${crioPod}`),
  CreateContainer: unknown(`specified sandbox not found: {id}: ${crioPod}`),
  StartContainer: notFound(`could not find container "{id}": ${crioContainer}`),
  ContainerStatus: notFound(`could not find container "{id}": ${crioContainer}`),
  ReopenContainerLog: unknown(`could not find container {id}: ${crioContainer}`),
  UpdateContainerResources: unknown(crioContainer),
  ExecSync: notFound(`could not find container "{id}": ${crioContainer}`),
  Exec: unknown(`could not find container "{id}": ${crioContainer}`),
  Attach: unknown(`could not find container "{id}": ${crioContainer}`),
  ContainerStats: unknown(crioContainer),
  CheckpointContainer: notFound(`could not find container "{id}": ${crioContainer}`),
};

const noSuchContainer = 'Error response from daemon: No such container: {id}';

/** cri-dockerd: the engine's own text under UNKNOWN nearly everywhere. */
export const DOCKER_UNKNOWN_IDS: UnknownIdAnswers = {
  StopPodSandbox: 'ok',
  RemovePodSandbox: 'ok',
  StopContainer: notFound(noSuchContainer),
  RemoveContainer: unknown(`failed to remove container "{id}": ${noSuchContainer}`),
  PodSandboxStatus: unknown(noSuchContainer),
  PodSandboxStats: unknown(noSuchContainer),
  PortForward: unknown(noSuchContainer),
  UpdatePodSandboxResources: unknown(noSuchContainer),
  CheckpointPod: unknown(noSuchContainer),
  CreateContainer: unknown(`unable to get container's sandbox ID: ${noSuchContainer}`),
  StartContainer: unknown(`failed to start container "{id}": ${noSuchContainer}`),
  ContainerStatus: unknown(noSuchContainer),
  ReopenContainerLog: unknown('docker does not support reopening container log files'),
  UpdateContainerResources: unknown(noSuchContainer),
  ExecSync: unknown(noSuchContainer),
  Exec: unknown(noSuchContainer),
  Attach: unknown(noSuchContainer),
  ContainerStats: unknown(noSuchContainer),
  CheckpointContainer: unknown(noSuchContainer),
};
