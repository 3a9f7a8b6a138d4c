// Counts tests and prints results like the tests of the other editors.
export function tally() {
  const state = { failed: async () => undefined };
  const counts = { passed: 0, failed: 0 };
  /** The settings whose effects tests check. */
  const settings = new Set();
  /** `setting`: the setting whose effect the test checks. */
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
    /** Sets an additional action for failed tests. */
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
