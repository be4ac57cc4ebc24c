// Thrown by a handler where the played runtime is known to crash: the whole process goes, not one call.

/** Ends the simulated process: all connections are cut, the socket file stays behind. */
export class ProcessCrash extends Error {
  constructor() {
    super('the simulated process crashed');
    this.name = 'ProcessCrash';
  }
}
