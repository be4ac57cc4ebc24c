// The version of the program: written in by the bundler from package.json; 'dev' when run from the sources.

declare const SWITCHYARD_VERSION: string | undefined;

/** Version of this build, for example 0.1.0. */
export const VERSION: string = typeof SWITCHYARD_VERSION === 'undefined' ? 'dev' : SWITCHYARD_VERSION;
