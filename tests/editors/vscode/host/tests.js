// The tests that run in VS Code's extension host, in order, as the session of one user.
const { end } = require('./session');
const suites = {
  keys: require('./keys'),
  reading: require('./reading'),
  similarity: require('./similarity'),
  asking: require('./asking'),
  classes: require('./classes'),
  settings: require('./settings'),
  beside: require('./beside'),
  life: require('./life'),
};

/** Runs only some suites, for work on them: `FOVEA_TEST_SUITES=reading,life`. */
const wanted = process.env.FOVEA_TEST_SUITES?.split(',') ?? Object.keys(suites);

exports.run = async () => {
  for (const name of wanted) {
    await suites[name].run();
  }
  end();
};
