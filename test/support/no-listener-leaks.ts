// Runs before each test file. An emitter or signal that gathers listeners is a leak, or a test that makes one listener
// for each call where one is enough: either fails the run, where Node would only print a warning.
process.on('warning', (warning) => {
  if (warning.name === 'MaxListenersExceededWarning') throw warning;
});
