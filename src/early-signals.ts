// Signals that come while the program is being loaded: kept here until a command listens for them. Without this they
// would end the process without a word, and SIGUSR1 would have Node open its debugger on a TCP port. The first thing
// that boot.ts loads, so it loads nothing itself.

/** Of a command that serves; any other one may be ended by them. */
const SERVING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR2'];
const names: readonly NodeJS.Signals[] = ['SIGUSR1', ...(process.argv[2] === 'serve' ? SERVING : [])];
const kept = new Set<string | symbol>();

const keep = (name: NodeJS.Signals): void => {
  // Alone: nobody else hears it yet.
  if (process.listenerCount(name) === 1) kept.add(name);
};
for (const name of names) process.on(name, keep);
process.on('newListener', (name: string | symbol) => {
  if (kept.delete(name)) setImmediate(() => process.emit(name as NodeJS.Signals, name as NodeJS.Signals));
});
