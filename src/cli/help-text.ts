// Every word of --help, in one place.

/** Briefs and descriptions: the text of --help. */
export const HELP = {
  program: {
    brief: 'One CRI endpoint in front of several container runtimes.',
    description: [
      'Switchyard listens on one CRI socket and sends each pod to the container runtime its rules choose.',
      'Point the kubelet or crictl at that socket.',
      '',
      'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 config refused.',
    ].join('\n'),
  },
  serve: {
    brief: 'Serve the CRI socket until told to stop',
    description: [
      'Serves on the config given with --config. SIGTERM, SIGINT and SIGQUIT let calls in flight finish within',
      'shutdownGrace of the config; a second signal ends at once. SIGUSR1 writes the state of all backends and the',
      'oldest calls in flight to the log.',
      '',
      'With --discover and without --config it looks for runtimes at their well-known sockets, or at those that',
      'SWITCHYARD_RUNTIME_SOCKETS names with colons between. Without any it starts three simulated runtimes inside',
      'this process, plays a short kubelet session and shows what went where.',
    ].join('\n'),
    config: 'Config file to serve on',
    discover: 'Without --config: serve the runtimes found on this machine, else simulated ones',
    once: 'Stop after the first look: exit 0 when all was as expected, else 1',
  },
  check: {
    brief: 'Check a config file and sum it up',
    description:
      'Prints each problem as file:line:column and exits 3, or prints what the config does and exits 0. Needs no runtime.',
    config: (name: string) => `The same as file; without either: ${name}`,
    file: 'Config file to check',
  },
  explain: {
    brief: 'Tell where a pod would go, and why',
    description: [
      'Decides as a running Switchyard with this config would, and prints the rule that won, the rules tried before it',
      'and what the backend would be sent. The pod is described by flags, or by a Pod manifest: then it is what the',
      'kubelet would send, with runtimeClassName taken as the runtime handler. Flags win over the manifest.',
      'Needs no runtime. Exits 1 when the pod would be refused.',
    ].join('\n'),
    config: 'Config file to decide with',
    pod: 'Pod manifest to take the pod from',
    usage: [
      { input: '--pod pod.yaml', brief: 'for the pod of a manifest' },
      { input: '--handler gvisor --namespace shop --annotation tier=gold', brief: 'for a pod in words' },
    ],
    handler: 'Runtime handler; empty when left out',
    namespace: 'Namespace of the pod; default: default',
    name: 'Name of the pod; default: pod',
    uid: 'UID of the pod; splits depend on it',
    annotation: 'Annotation of the pod; may be given several times',
    label: 'Label of the pod; may be given several times',
    privileged: 'A container of the pod is privileged',
    hostNetwork: 'The pod uses the network of the host',
    hostPid: 'The pod uses the process ids of the host',
    hostIpc: 'The pod uses the IPC of the host',
  },
  simulate: {
    brief: 'Run one simulated container runtime',
    description:
      'A whole CRI runtime in memory, with the quirks of the named one, until SIGTERM or SIGINT. No container is really started.',
    usage: [{ input: '--profile cri-o --socket /tmp/crio.sock', brief: 'for example' }],
    profile: 'Which runtime to play',
    socket: 'Path of the unix socket to serve on',
    handlers: 'Runtime handlers it knows besides the empty one; default: those of the profile',
  },
  version: { brief: 'Print the version of Switchyard and of Node' },
  help: { brief: 'Print help for a command, or for all of them', command: 'Command to explain' },
  output: 'Text for people or JSON for programs',
  flagHelp: 'Print help and exit',
  flagVersion: 'Print the version and exit; -V does the same',
  flagsEnd: 'What follows is no flag',
} as const;
