// A simulated container runtime on a unix socket: the door to everything in this folder.

import { type Clock, systemClock } from '../clock.ts';
import type { CallScope } from './call-scope.ts';
import { Endpoint } from './endpoint.ts';
import { Faults } from './faults.ts';
import { createIdSource } from './ids.ts';
import type { ImageSeed } from './image.ts';
import { imageHandlers } from './image-service.ts';
import { Journal, type JournalEntry } from './journal.ts';
import type { ProfileName } from './profile.ts';
import { profileOf } from './quirks.ts';
import { runtimeHandlers } from './runtime-service.ts';
import { createServer } from './services.ts';
import { StreamUrls } from './stream-urls.ts';
import { World } from './world.ts';

/** How to start a simulated runtime. Only the profile and the socket must be given. */
export interface SimulatedRuntimeOptions {
  readonly profile: ProfileName;
  /** Path of the unix socket. A socket file left behind is removed; the folder must exist. */
  readonly socket: string;
  /** Path of a second socket, which then serves the images, and the first no more. */
  readonly imageSocket?: string | undefined;
  /** Runtime handlers known besides the empty name. Default: those the played runtime has out of the box. */
  readonly handlers?: readonly string[];
  /** Images present at the start, besides a pause image and a busybox. */
  readonly images?: readonly ImageSeed[];
  /** What PullImage can find. Default: every reference is an image, made up from its name. */
  readonly registry?: readonly ImageSeed[];
  /** Whether GetContainerEvents works. Default: as the played runtime is installed; CRI-O has it off. */
  readonly podEvents?: boolean;
  /** The same seed makes the same ids. Default: random ids. */
  readonly seed?: number;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Port in the streaming URLs. Nothing listens there. Default 10010. */
  readonly streamPort?: number;
  /** Calls the journal keeps at least; 0 keeps none. Default 10,000. */
  readonly journalLimit?: number;
}

/** A simulated runtime that listens. */
export interface SimulatedRuntime extends AsyncDisposable {
  readonly profile: ProfileName;
  readonly socket: string;
  /** Its state, for looking and for changing behind the clients' backs. */
  readonly world: World;
  readonly faults: Faults;
  /** The calls that came, oldest first. */
  readonly journal: readonly JournalEntry[];
  /** Clients connected now. */
  readonly connections: number;
  /** Stops in peace: calls in flight get a second to end, the socket file goes away. Calling it again does nothing. */
  close(): Promise<void>;
  /** Cuts all connections and goes on listening. */
  cut(): void;
  /** Dies: connections are cut and the socket file stays behind. The state survives for restart(). */
  crash(): void;
  /** What serves the images on their own socket dies; the rest goes on. */
  crashImages(): void;
  /** Listens again after crash() or close(), with the state of before, as a runtime does whose containers outlived it. */
  restart(): Promise<void>;
}

/** Images every simulated runtime has from the start. */
const PAUSE_IMAGE = 'localhost/pause:3.10';
const FIRST_IMAGE = 'localhost/busybox:1.36';

/** Starts a simulated runtime and resolves when its socket takes calls. Throws when the socket cannot be bound. */
export async function startSimulatedRuntime(options: SimulatedRuntimeOptions): Promise<SimulatedRuntime> {
  const profile = profileOf(options.profile);
  const ids = createIdSource(options.seed);
  const world = new World({
    profile,
    ids,
    clock: options.clock ?? systemClock,
    registry: options.registry,
    podEvents: options.podEvents ?? profile.events.enabled,
  });
  world.images.add({ references: [PAUSE_IMAGE], pinned: profile.images.pausePinned });
  world.images.add({ references: [FIRST_IMAGE] });
  for (const image of options.images ?? []) world.images.add(image);

  const faults = new Faults();
  const journal = new Journal(options.journalLimit ?? 10_000);
  const scopes = new Set<CallScope>();
  const urls = new StreamUrls(profile, ids, options.streamPort ?? 10_010);
  const handlerNames = (options.handlers ?? profile.handlers).filter((name) => name !== '');
  const ofRuntime = runtimeHandlers(world, handlerNames, urls);
  const ofImages = imageHandlers(world);
  const around = { world, faults, journal, scopes, cut: () => endpoint?.cut(), crash: () => runtime.crash() };
  let endpoint: Endpoint | undefined;
  let imageEndpoint: Endpoint | undefined;
  const endCalls = () => {
    for (const scope of scopes) scope.close();
  };

  const runtime: SimulatedRuntime = {
    profile: options.profile,
    socket: options.socket,
    world,
    faults,
    journal: journal.entries,
    get connections() {
      return endpoint?.connections ?? 0;
    },
    async close() {
      const closing = [endpoint, imageEndpoint];
      endpoint = undefined;
      imageEndpoint = undefined;
      endCalls();
      await Promise.all(closing.map((one) => one?.close()));
    },
    cut: () => endpoint?.cut(),
    crash() {
      endpoint?.crash();
      endpoint = undefined;
      runtime.crashImages();
      endCalls();
    },
    crashImages() {
      imageEndpoint?.crash();
      imageEndpoint = undefined;
    },
    async restart() {
      const { socket, imageSocket } = options;
      if (endpoint === undefined) {
        world.forgetProcess();
        const services = { runtime: ofRuntime, ...(imageSocket === undefined && { image: ofImages }) };
        endpoint = await Endpoint.open(socket, createServer(around, services));
      }
      if (imageSocket !== undefined)
        imageEndpoint ??= await Endpoint.open(imageSocket, createServer(around, { image: ofImages }));
    },
    [Symbol.asyncDispose]: () => runtime.close(),
  };
  await runtime.restart();
  return runtime;
}
