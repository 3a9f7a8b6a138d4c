//! The table of settings: the one place that names them. It drives parsing, the warnings and the documentation.

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Whole(u64, u64),
    /// A number within bounds.
    Number(f64, f64),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// A text; empty stands for none.
    Text,
    /// A list of texts.
    List,
}

impl Kind {
    /// What may stand there, as the end of "should be …".
    pub fn allowed(self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Kind::Number(low, high) => format!("a number from {low} to {high}"),
            Kind::Choice(words) => format!(
                "one of {}",
                words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
            ),
            Kind::Text => "a text".to_owned(),
            Kind::List => "a list of texts".to_owned(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name, without the `fovea.` in front.
    pub name: &'static str,
    /// The form of its value.
    pub kind: Kind,
    /// Its default, as JSON.
    pub default: &'static str,
    /// What it does, in a sentence or two of Markdown.
    pub description: &'static str,
}

/// The names of [`Method::ALL`]; a test holds them together.
const METHODS: &[&str] = &["decomposition", "alti", "attention", "rollout", "norm"];

/// The encodings a client can be held to.
const ENCODINGS: &[&str] = &["auto", "utf-8", "utf-16", "utf-32"];

/// How much heat is shown; the names of [`HeatPreset`](super::HeatPreset).
const PRESETS: &[&str] = &["quiet", "full", "off"];

/// When document highlights contain attention words; the names of [`Attention`](super::Attention).
const ATTENTION: &[&str] = &["auto", "always", "never"];

/// What lenses show.
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
pub const KEYS: [Key; 32] = [
    key("enable", Kind::Bool, "true", "Whether documents are analysed at all."),
    key(
        "languages",
        Kind::List,
        "[]",
        "LSP language identifiers to analyse, such as `\"rust\"`; all of them when empty.",
    ),
    key(
        "excludePatterns",
        Kind::List,
        "[]",
        "Globs over absolute paths of files that are never analysed, such as `\"**/vendor/**\"`.",
    ),
    key(
        "maxFileBytes",
        Kind::Whole(1_000, 100_000_000),
        "1000000",
        "Longer documents are not analysed.",
    ),
    key(
        "maxLineBytes",
        Kind::Whole(100, 100_000_000),
        "20000",
        "Documents with a longer line (minified files) are not analysed.",
    ),
    key(
        "threads",
        Kind::Whole(0, 256),
        "0",
        "Threads of the model; 0 chooses half of the cores, at least two where there are two, at most four.",
    ),
    key(
        "debounceMs",
        Kind::Whole(0, 10_000),
        "250",
        "Milliseconds without an edit before the whole document is analysed anew.",
    ),
    key(
        "method",
        Kind::Choice(METHODS),
        "\"decomposition\"",
        "How words are scored in heat and hover.",
    ),
    key(
        "identifierAware",
        Kind::Bool,
        "true",
        "Whether `parseHTTPConfig` reaches the model as the words parse, HTTP and config.",
    ),
    key(
        "hover.enable",
        Kind::Bool,
        "true",
        "Whether hovering a word explains it.",
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
        "How many of the words that a word draws on the hover names.",
    ),
    key(
        "hover.deadlineMs",
        Kind::Whole(0, 60_000),
        "1500",
        "How long a hover or highlight may wait for text that is not analysed yet; analysed text is answered within 150 ms.",
    ),
    key(
        "codeLens.enable",
        Kind::Bool,
        "true",
        "Whether lenses name the most similar item of the open documents and of the workspace.",
    ),
    key(
        "codeLens.minSimilarity",
        Kind::Number(0.0, 1.0),
        "0.6",
        "The least language-centred cosine that counts as similar in the same file; in another file of the language 0.15 more, in \
         another language 0.05 more, or 0.2 less where both have the same name of several words.",
    ),
    key(
        "lens.detail",
        Kind::Choice(DETAILS),
        "\"useful\"",
        "What lenses, actions and the peek show: `useful` is what the reader does not know (copies, variants, parallel \
         implementations, the same task elsewhere), `all` is every item that reaches `codeLens.minSimilarity`.",
    ),
    key(
        "index.enable",
        Kind::Bool,
        "true",
        "Whether the folders that are open are indexed in the background, so that similar items and search know all of their files: in \
         `fovea/index.sqlite` of your cache folder, or in memory where `cache.disk` is off. The index has names, vectors and hashes of words, no text.",
    ),
    key(
        "index.onBattery",
        Kind::Bool,
        "false",
        "Whether indexing goes on while the machine runs on its battery, where that can be known, as on Linux.",
    ),
    key(
        "inlayHint.enable",
        Kind::Bool,
        "false",
        "Whether the most similar item is named at the end of an item's line as well, for editors that show no lenses. Takes effect at \
         once where the editor takes registrations, else when the server starts.",
    ),
    key(
        "documentColor.enable",
        Kind::Bool,
        "false",
        "Whether the words that carry nearly three times the average or more are told as document colours, for editors that draw no heat. Takes \
         effect at once where the editor takes registrations, else when the server starts.",
    ),
    key(
        "diagnostics.enable",
        Kind::Bool,
        "false",
        "Whether an item that is nearly the same as another gets a diagnostic, of severity hint.",
    ),
    key(
        "diagnostics.minSimilarity",
        Kind::Number(0.0, 1.0),
        "0.9",
        "The least language-centred cosine of such items. Items that count as similar are compared, so less than \
         `codeLens.minSimilarity` changes nothing.",
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
        "A Hugging Face folder to load instead of the built-in model.",
    ),
    key(
        "cache.disk",
        Kind::Bool,
        "true",
        "Whether results outlive the server, in `fovea/results.sqlite` of your cache folder (or in `FOVEA_CACHE_DIR`): scores and \
         embeddings under a hash of the text, never the text.",
    ),
    key(
        "cache.diskMegabytes",
        Kind::Whole(1, 1_000_000),
        "256",
        "The most of them that is kept; what was longest of no use goes first.",
    ),
    key(
        "positionEncoding",
        Kind::Choice(ENCODINGS),
        "\"auto\"",
        "Holds the client to one position encoding; read at start only. `auto` takes the first one that the client offers.",
    ),
    key(
        "log.level",
        Kind::Choice(LOG_LEVELS),
        "\"warn\"",
        "How much is written to stderr; never any document text.",
    ),
    key(
        "log.slowMs",
        Kind::Whole(0, 3_600_000),
        "1000",
        "Requests that took longer are logged at `info`; 0 logs none.",
    ),
];

/// The first parts of the names of settings that are the editor's own and reach us along with ours.
pub const CLIENT_PREFIXES: [&str; 3] = ["server", "trace", "client"];

/// The settings as a page of documentation.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n<!-- Written by the test `the_page_of_settings_is_current`; edit src/server/settings/table.rs instead. -->\n\n\
         Every editor sends the same settings: as `initializationOptions`, by `workspace/didChangeConfiguration`, or when the\n\
         server asks for the section `fovea`. Objects may be nested (`{\"hover\": {\"enable\": false}}`) or not\n\
         (`{\"hover.enable\": false}`), and may stand inside `{\"fovea\": …}`. All but `positionEncoding` take effect at once. A key\n\
         that does not exist or a value that does not fit is named in a message, and the former value stays.\n\n\
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
    fn the_methods_are_those_of_the_explanations() {
        assert_eq!(METHODS, Method::ALL.map(Method::name));
    }

    #[test]
    fn the_page_of_settings_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
        if std::fs::read_to_string(&path).unwrap_or_default() == markdown() {
            return;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, markdown()).unwrap();
        panic!("docs/settings.md did not match the table; it is written anew, commit it");
    }
}
