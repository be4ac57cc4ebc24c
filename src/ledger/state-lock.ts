// One Switchyard for a state folder: of two that write one journal, each would lose what the other has on record.
import { mkdir, stat } from 'node:fs/promises';
import net from 'node:net';
import { StartError } from '../errors.ts';

/** A state folder that is ours alone. */
export interface StateLock {
  release(): void;
}

/**
 * Takes the folder, which is made if there is none. The lock is the name of an abstract socket, made of the folder's
 * device and inode: the kernel gives it to one process only and takes it back when that ends, however it ends. So
 * nothing is ever left behind, and another path to the folder is no way around it; processes in other network
 * namespaces do not see it. Without a lock, a lock that says nothing: where the folder cannot be made, nothing is
 * written either, and systems other than Linux have no such sockets. Throws StartError when another process has it.
 */
export async function lockState(stateDir: string): Promise<StateLock> {
  const server = net.createServer((visitor) => visitor.destroy());
  server.unref();
  try {
    await mkdir(stateDir, { recursive: true });
    const { dev, ino } = await stat(stateDir);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`\0switchyard-state-${dev}-${ino}`, resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new StartError(`another Switchyard already keeps its state in ${stateDir}`, {
        hint: 'Stop it first, or give this one another stateDir in its config',
      });
    }
  }
  return { release: () => server.close() };
}
