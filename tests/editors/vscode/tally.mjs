// Counts tests and prints them as the other editors' tests do.
export function tally() {
  const state = { failed: async () => undefined };
  const counts = { passed: 0, failed: 0 };
  /** Settings whose effect some test looks for. */
  const settings = new Set();
  /** `setting`: the one whose effect the test sees. */
  const tell = (name, error, setting) => {
    if (setting) {
      settings.add(setting);
    }
    counts[error ? 'failed' : 'passed']++;
    console.log(`${error ? 'FAILED' : 'ok    '}  ${name}`);
    if (error) {
      console.log(`        ${String(error).replaceAll('\n', '\n        ')}`);
    }
  };
  return {
    tell,
    settings,
    /** What else is to be done when a test has failed. */
    onFailure(act) {
      state.failed = act;
    },
    async test(name, body, setting) {
      try {
        await body();
        tell(name, undefined, setting);
      } catch (error) {
        tell(name, error.stack ?? error, setting);
        await state.failed(name);
      }
    },
    finish() {
      console.log(`${counts.passed} passed, ${counts.failed} failed`);
      return counts.failed === 0;
    },
  };
}
