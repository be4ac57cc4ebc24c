// The config file as it is written: every key, what it means and what it is when left out. The JSON Schema beside the
// samples is made from it. What one key alone cannot tell is checked in backend-checks.ts and rule-checks.ts.
import * as z from 'zod';
import { DURATION } from './duration.ts';
import { rule } from './rule-schema.ts';
import { backendName, duration, formed } from './schema-forms.ts';
import { SIZE } from './size.ts';

const EVENTS_PERIOD = new RegExp(`${DURATION.source}|^off$`);

const listen = z.strictObject({
  socket: z
    .string()
    .default('/run/switchyard/cri.sock')
    .describe('Path of the unix socket that the kubelet and crictl connect to. At most 107 bytes.'),
  mode: formed(/^0?[0-7]{3}$/, 'must be file mode bits in quotes, such as "0660"')
    .default('0660')
    .describe('File mode of the socket, in quotes. Whoever may write to it is as good as root on this node.'),
  group: z.string().min(1).optional().describe('Name or number of the group that owns the socket.'),
});

const admin = z.strictObject({
  address: z
    .string()
    .default('127.0.0.1:9440')
    .describe('Where /metrics, /livez and /readyz are served: host:port, or unix:///path.'),
});

const annotation = z.strictObject({
  key: formed(
    /^([a-z0-9]([-.a-z0-9]*[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$/,
    'must be an annotation key, such as switchyard.dev/backend',
  )
    .max(317)
    .default('switchyard.dev/backend')
    .describe('The pod annotation whose value is the name of a backend.'),
  namespaces: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Names or globs of the namespaces whose pods may choose. None unless said: annotations are user input.',
    ),
});

const backend = z.strictObject({
  name: backendName()
    .meta({ examples: ['containerd'] })
    .describe('What rules, annotations, logs and metrics call this container runtime.'),
  endpoint: z
    .string()
    .meta({ examples: ['unix:///run/containerd/containerd.sock'] })
    .describe('The CRI socket of the container runtime: unix:///absolute/path.'),
  imageEndpoint: z
    .string()
    .optional()
    .meta({ examples: ['unix:///run/containerd-stargz-grpc/containerd-stargz-grpc.sock'] })
    .describe(
      'The socket of its image service, where that is another one: of a snapshotter (stargz, nydus, SOCI) that learns the credentials of pulls in this way. Left out: `endpoint` serves both. As --image-service-endpoint of a kubelet.',
    ),
  default: z
    .boolean()
    .default(false)
    .describe(
      'Takes the pods that ask for no runtime handler and that no rule places. A single backend always does.',
    ),
  isolation: z
    .enum(['shared', 'sandboxed', 'vm'])
    .default('shared')
    .describe(
      'How far it keeps pods apart: shared (the kernel of the host), sandboxed (as gVisor does), vm. A pod whose runtime handler stands for one of these is never placed on a weaker one.',
    ),
  handlers: z
    .union([z.record(z.string(), z.string()), z.array(z.string())])
    .optional()
    .describe(
      'Runtime handlers that pods can ask for: a mapping from the name in the RuntimeClass to the name the backend knows ("" is its own default), or a list where both are the same. The default backend always has "". Unless given, the other backends have none: rules and the annotation alone reach them.',
    ),
  cgroupDriver: z
    .enum(['systemd', 'cgroupfs'])
    .optional()
    .describe(
      'The cgroup driver it is configured with. For runtimes that cannot say (containerd before 2.0): what one says itself counts. All backends must use the driver of the default one; a backend with another gets no new pods.',
    ),
  timeouts: z
    .strictObject({
      list: duration().default('2s').describe('How long it may take for its part of a list: 10ms to 2m.'),
      status: duration().default('1500ms').describe('How long it may take for its Status: 10ms to 10s.'),
    })
    .prefault({})
    .describe('How long merged answers wait for this backend.'),
  streamingBase: formed(
    /^https?:\/\/[^\s/?#@]+\/?$/,
    'must be a URL without a path, such as http://127.0.0.1:10010',
  )
    .optional()
    .describe(
      'Where its streaming server is, for a container runtime whose URLs of Exec, Attach and PortForward are a path alone.',
    ),
});

/** The whole file. */
export const configSchema = z
  .strictObject({
    apiVersion: z.literal('switchyard.dev/v1alpha1').describe('The version of this format.'),
    kind: z.literal('SwitchyardConfiguration').describe('What this file is.'),
    listen: listen.prefault({}).describe('The socket that clients connect to.'),
    admin: admin.optional().describe('Metrics and health over HTTP. Left out: neither is served.'),
    stateDir: z
      .string()
      .default('/var/lib/switchyard')
      .describe(
        'Folder for what must outlive a restart: the journal of which backend has what. Of one Switchyard alone.',
      ),
    runtimeName: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The runtime name that Version reports. Left out: the one of the default backend at first contact, kept.',
      ),
    annotation: annotation
      .optional()
      .describe('Lets pods choose a backend by name. It comes before the rules.'),
    backends: z
      .array(backend)
      .min(1)
      .meta({ examples: ['[{ name: containerd, endpoint: unix:///run/containerd/containerd.sock }]'] })
      .describe('The container runtimes.'),
    rules: z
      .array(rule)
      .default([])
      .describe(
        'The first that matches places the pod. Where none does, the backend that exposes its runtime handler takes it, or, when it asks for none, the default backend.',
      ),
    streaming: z
      .enum(['pass', 'relay'])
      .default('pass')
      .describe(
        'How the streams of Exec, Attach and PortForward go. pass: clients get the URL of the container runtime and connect to it. relay: they get one of streamingAddress, and Switchyard carries the bytes.',
      ),
    streamingAddress: z
      .string()
      .default('127.0.0.1:0')
      .describe(
        'Where the relay listens, which is also the address in its URLs: one of this node, and a port; 0 takes any free one.',
      ),
    events: z
      .enum(['merged', 'off'])
      .default('merged')
      .describe(
        'GetContainerEvents: merged (one stream of the events of all backends), or off (UNIMPLEMENTED; the kubelet lists instead).',
      ),
    eventsPeriod: formed(EVENTS_PERIOD, 'must be a duration such as 1s, or off')
      .default('1s')
      .describe(
        'How often a backend without events of its own is listed, to make events of what has changed: 100ms to 1m. off: never; then GetContainerEvents is UNIMPLEMENTED while there is such a backend.',
      ),
    limits: z
      .strictObject({
        messageSize: formed(SIZE, 'must be a size such as 16MiB')
          .default('16MiB')
          .describe(
            'The longest message, either way: 64KiB to 1GiB. Joined lists have at most 16MiB all the same: the kubelet takes no more.',
          ),
        callsInFlight: z
          .int()
          .min(1)
          .max(1_000_000)
          .default(10_000)
          .describe(
            'Calls that may be in flight at once; more are refused with RESOURCE_EXHAUSTED, but for a few of each client that has few.',
          ),
      })
      .prefault({})
      .describe('Protection against running out of memory.'),
    shutdownGrace: duration()
      .default('10s')
      .describe('How long calls in flight may go on after a SIGTERM: at most 10m.'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error'])
          .default('info')
          .describe('The least grave lines that are written.'),
        format: z
          .enum(['auto', 'json', 'pretty'])
          .default('auto')
          .describe('How lines are written; auto is pretty on a terminal and JSON elsewhere.'),
      })
      .prefault({})
      .describe('The log, on standard output.'),
  })
  .describe('The config file of Switchyard.');

/** The file with its defaults filled in. */
export type ConfigFile = z.output<typeof configSchema>;
/** The file as a person may write it. */
export type ConfigFileInput = z.input<typeof configSchema>;
export type BackendEntry = ConfigFile['backends'][number];
export type RuleEntry = ConfigFile['rules'][number];
