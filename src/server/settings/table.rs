//! The table of settings. Parsing, warnings and documentation all use it.

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// One of a fixed set of words.
    Choice(&'static [&'static str]),
    /// A string; an empty one means none.
    Text,
    /// A list of strings.
    List,
}

impl Kind {
    /// The allowed values, worded to follow "should be …".
    pub fn allowed(self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Number(low, high) => format!("a number from {low} to {high}"),
            Kind::Choice(words) => format!(
                "one of {}",
                words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
            ),
            Kind::Text => "a string".to_owned(),
            Kind::List => "a list of strings".to_owned(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name, without the prefix `fovea.`.
    pub name: &'static str,
    /// The form of its value.
    pub kind: Kind,
    /// Its default, as JSON.
    pub default: &'static str,
    /// A sentence or two of Markdown that say what it does.
    pub description: &'static str,
}

/// The names of [`Method::OFFERED`]; a test compares them.
const METHODS: &[&str] = &["decomposition", "alti", "attention", "rollout", "norm", "surprisal"];

/// The position encodings that a setting can force.
const ENCODINGS: &[&str] = &["auto", "utf-8", "utf-16", "utf-32"];

/// How much heat is shown; the names of [`HeatPreset`](super::HeatPreset).
const PRESETS: &[&str] = &["quiet", "full", "off"];

/// When document highlights contain attention words; the names of [`Attention`](super::Attention).
const ATTENTION: &[&str] = &["auto", "always", "never"];

/// Which items lenses show; the names of [`Detail`](crate::similar::decision::Detail).
const DETAILS: &[&str] = &["useful", "all"];

/// The levels of the log.
pub const LOG_LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

const fn key(name: &'static str, kind: Kind, default: &'static str, description: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        description,
    }
}

/// Every setting.
pub const KEYS: [Key; 34] = [
    key("enable", Kind::Bool, "true", "Whether Fovea analyzes documents at all."),
    key(
        "languages",
        Kind::List,
        "[]",
        "LSP language identifiers to analyze, such as `\"rust\"`. An empty list means all languages.",
    ),
    key(
        "excludePatterns",
        Kind::List,
        "[]",
        "Globs of absolute paths. Fovea never analyzes files that match one, for example `\"**/vendor/**\"`.",
    ),
    key(
        "maxFileBytes",
        Kind::Whole(1_000, 100_000_000),
        "1000000",
        "Maximum size of a document in bytes. Fovea does not analyze larger ones.",
    ),
    key(
        "maxLineBytes",
        Kind::Whole(100, 100_000_000),
        "20000",
        "Maximum length of a line in bytes. Fovea does not analyze documents with a longer line (minified files).",
    ),
    key(
        "threads",
        Kind::Whole(0, 256),
        "0",
        "Number of threads for the model. 0 uses half of the cores: at least two if the machine has two, at most four.",
    ),
    key(
        "debounceMs",
        Kind::Whole(0, 10_000),
        "250",
        "Milliseconds without an edit before Fovea analyzes the whole document again.",
    ),
    key(
        "method",
        Kind::Choice(METHODS),
        "\"decomposition\"",
        "The method that scores words in heat and hover. `surprisal` says how unexpected a word is after those before it; it needs a model that predicts the next token (`model.dir`).",
    ),
    key(
        "identifierAware",
        Kind::Bool,
        "true",
        "Whether the model reads identifiers as words: `parseHTTPConfig` as parse, HTTP and config.",
    ),
    key(
        "hover.enable",
        Kind::Bool,
        "true",
        "Whether a hover over a word explains it.",
    ),
    key(
        "hover.details",
        Kind::Bool,
        "false",
        "Adds the numbers to a hover: the word's share, its rank, the method and what the word draws on.",
    ),
    key(
        "hover.words",
        Kind::Whole(0, 10),
        "3",
        "Maximum number of words that a hover lists among those that the word draws on.",
    ),
    key(
        "hover.deadlineMs",
        Kind::Whole(0, 60_000),
        "1500",
        "Milliseconds that a hover or highlight may wait for text that is not analyzed yet. For analyzed text, Fovea answers within 150 ms.",
    ),
    key(
        "codeLens.enable",
        Kind::Bool,
        "true",
        "Whether lenses show the most similar item in the open documents and the workspace.",
    ),
    key(
        "codeLens.minSimilarity",
        Kind::Number(0.0, 1.0),
        "0.6",
        "Minimum similarity (language-centered cosine) for items of the same file. Items in another file of the same language need 0.15 \
         more. Items in another language need 0.05 more, or 0.2 less if both have the same name of several words.",
    ),
    key(
        "lens.detail",
        Kind::Choice(DETAILS),
        "\"useful\"",
        "Which items lenses, actions and the peek show. `useful` shows items that tell the reader something new: copies, variants, \
         parallel implementations, the same task elsewhere. `all` shows every item that reaches `codeLens.minSimilarity`.",
    ),
    key(
        "index.enable",
        Kind::Bool,
        "true",
        "Whether Fovea indexes the open folders in the background, so that search and similar items cover all their files. The index is \
         in `fovea/index.sqlite` of your cache folder, or in memory if `cache.disk` is off. It contains names, vectors and hashes of words, but no text.",
    ),
    key(
        "index.onBattery",
        Kind::Bool,
        "false",
        "Whether indexing continues on battery power. Fovea can detect battery power on some systems only, such as Linux.",
    ),
    key(
        "inlayHint.enable",
        Kind::Bool,
        "false",
        "Whether an inlay hint at the end of an item's line names the most similar item, for editors that show no lenses. The change takes \
         effect at once if the editor supports dynamic registration, otherwise when the server starts.",
    ),
    key(
        "documentColor.enable",
        Kind::Bool,
        "false",
        "Whether Fovea sends words with nearly three times the average score or more as document colors, for editors that draw no heat. The \
         change takes effect at once if the editor supports dynamic registration, otherwise when the server starts.",
    ),
    key(
        "diagnostics.enable",
        Kind::Bool,
        "false",
        "Whether Fovea reports a diagnostic (severity: hint) for an item that is nearly identical to another.",
    ),
    key(
        "diagnostics.minSimilarity",
        Kind::Number(0.0, 1.0),
        "0.9",
        "Minimum similarity (language-centered cosine) for a diagnostic of `diagnostics.enable`. Only items that count as similar are \
         considered, so a value below `codeLens.minSimilarity` has no effect.",
    ),
    key(
        "highlight.enable",
        Kind::Bool,
        "true",
        "Whether Fovea highlights the other occurrences of the word under the cursor and the words that it draws on.",
    ),
    key(
        "highlight.attention",
        Kind::Choice(ATTENTION),
        "\"auto\"",
        "Whether document highlights contain the words that the word under the cursor draws on. `auto` leaves them out where the \
         editor draws them separately (VS Code, Neovim, Emacs) and where highlights become a selection (Helix).",
    ),
    key(
        "heat.preset",
        Kind::Choice(PRESETS),
        "\"quiet\"",
        "How many words get heat: `quiet` marks the few most telling words of each function or paragraph, `full` colors every word \
         by its score, `off` shows none. Data files get heat in `full` only.",
    ),
    key(
        "heat.enable",
        Kind::Bool,
        "true",
        "`false` is the same as `heat.preset` set to `off`.",
    ),
    key(
        "model.dir",
        Kind::Text,
        "\"\"",
        "A Hugging Face model folder or a GGUF file to load instead of the built-in model.",
    ),
    key(
        "model.generator",
        Kind::Text,
        "\"\"",
        "A Hugging Face model folder or a GGUF file of a model that writes text. It writes answers to questions and predicts what comes next, and \
         the built-in model does the rest. Fovea loads it when you first ask, and unloads it after ten minutes without a question.",
    ),
    key(
        "classify.probe",
        Kind::Text,
        "\"\"",
        "A probe that `fovea probe train` made, by its name or its file (`….json`): a lens names the class of each function or section, such as \
         `security-relevant .91`, if its probability is at least 0.8. Labels called `other` or `none` have no lens. Fovea reads the file again \
         when it changes.",
    ),
    key(
        "cache.disk",
        Kind::Bool,
        "true",
        "Whether Fovea keeps results for the next start, in `fovea/results.sqlite` of your cache folder (or in `FOVEA_CACHE_DIR`). The file \
         contains scores and embeddings under a hash of the text, never the text.",
    ),
    key(
        "cache.diskMegabytes",
        Kind::Whole(1, 1_000_000),
        "256",
        "Maximum size of `fovea/results.sqlite` in megabytes. Fovea removes the least recently used results first.",
    ),
    key(
        "positionEncoding",
        Kind::Choice(ENCODINGS),
        "\"auto\"",
        "Position encoding to use. `auto` uses the first one that the client offers. Fovea reads this setting only when it starts.",
    ),
    key(
        "log.level",
        Kind::Choice(LOG_LEVELS),
        "\"warn\"",
        "Amount of log output on stderr. The log never contains document text.",
    ),
    key(
        "log.slowMs",
        Kind::Whole(0, 3_600_000),
        "1000",
        "Fovea logs requests that take longer than this many milliseconds, at level `info`. 0 logs none.",
    ),
];

/// Prefixes of settings that belong to the editor plugin and arrive together with ours.
pub const CLIENT_PREFIXES: [&str; 3] = ["server", "trace", "client"];

/// The settings as a page of documentation.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n<!-- Written by the test `the_page_of_settings_is_current`; edit src/server/settings/table.rs instead. -->\n\n\
         Every editor sends the same settings: as `initializationOptions`, with `workspace/didChangeConfiguration`, or when the\n\
         server asks for the section `fovea`. Keys may be nested (`{\"hover\": {\"enable\": false}}`) or dotted\n\
         (`{\"hover.enable\": false}`), and the object may be wrapped in `{\"fovea\": …}`. All settings except `positionEncoding` take\n\
         effect at once. If a key does not exist or a value does not fit, a message names it, and the previous value stays.\n\n\
         | setting | values | default | meaning |\n| --- | --- | --- | --- |\n",
    );
    for key in KEYS {
        let row = format!(
            "| `fovea.{}` | {} | `{}` | {} |\n",
            key.name,
            key.kind.allowed(),
            key.default,
            key.description
        );
        page.push_str(&row);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Method;

    #[test]
    fn the_methods_match_those_of_the_explanations() {
        assert_eq!(METHODS, Method::OFFERED.map(Method::name));
    }

    #[test]
    fn the_page_of_settings_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
        if std::fs::read_to_string(&path).unwrap_or_default() == markdown() {
            return;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, markdown()).unwrap();
        panic!("docs/settings.md did not match the table; this test has rewritten it, commit it");
    }
}
