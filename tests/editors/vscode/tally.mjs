// Counts tests and prints them as the other editors' tests do.
export function tally() {
  const state = { failed: async () => undefined };
  const counts = { passed: 0, failed: 0 };
  const tell = (name, error) => {
    counts[error ? 'failed' : 'passed']++;
    console.log(`${error ? 'FAILED' : 'ok    '}  ${name}`);
    if (error) {
      console.log(`        ${String(error).replaceAll('\n', '\n        ')}`);
    }
  };
  return {
    tell,
    /** What else is to be done when a test has failed. */
    onFailure(act) {
      state.failed = act;
    },
    async test(name, body) {
      try {
        await body();
        tell(name);
      } catch (error) {
        tell(name, error.stack ?? error);
        await state.failed(name);
      }
    },
    finish() {
      console.log(`${counts.passed} passed, ${counts.failed} failed`);
      return counts.failed === 0;
    },
  };
}
