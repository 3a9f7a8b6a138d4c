//! What several fuzz targets share: a model folder in memory, one file of which is the input.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fovea::model::{Model, Packed, Role, Source, TraceLevel, UNSTOPPED};
use fovea::text::{Language, Snapshot};

/// The folder of the fixtures of the program's own tests.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// A path of this process, in memory if the system has such a folder.
pub fn in_memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    root.join(format!("fovea-fuzz-{}", std::process::id()))
}

/// A model folder of this process, made of a fixture without some of its files.
pub struct Folder(PathBuf);

impl Folder {
    /// Copies a fixture, without these files.
    pub fn of(fixture: &str, without: &[&str]) -> Folder {
        let folder = in_memory();
        // Of an earlier process with this number.
        let _ = fs::remove_dir_all(&folder);
        copy(&fixtures().join(fixture), &folder);
        for name in without {
            fs::remove_file(folder.join(name)).expect("the fixture has the file");
        }
        Folder(folder)
    }

    /// Writes a file of the folder; returns what it was.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let path = self.0.join(name);
        let before = fs::read(&path).ok();
        fs::write(path, bytes).expect("the folder is ours");
        before
    }

    /// Gives a file what [`Folder::write`] returned.
    pub fn restore(&self, name: &str, before: Option<Vec<u8>>) {
        match before {
            Some(bytes) => drop(self.write(name, &bytes)),
            None => fs::remove_file(self.0.join(name)).expect("the file was written"),
        }
    }

    /// Gives a file another name.
    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).expect("the file is there");
    }

    /// Loads the model, and uses it if it can be loaded: a file that is refused is as good as one that works.
    pub fn load_and_use(&self) {
        match Model::load(&Source::Folder(self.0.clone())) {
            Ok(model) => use_model(&model),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder in memory can be made");
    for entry in fs::read_dir(from).expect("the fixtures are there") {
        let path = entry.expect("the fixtures are there").path();
        let name = path.file_name().expect("an entry has a name");
        // Vectors to compare with, which are no part of a model.
        if name == "golden.json" {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => fs::copy(&path, to.join(name)).map(drop).expect("a fixture can be read"),
        }
    }
}

/// The files of a model folder, beside its tokenizer and weights, that decide how they are used. The first byte of an input of the target
/// `config` chooses one of them.
pub const CONFIG_FILES: [&str; 11] = [
    "config.json",
    "modules.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "sha256.json",
    "model.safetensors.index.json",
    "2_Dense/model.safetensors",
    "tokenizer.json",
];

/// The languages with a grammar. The first byte of an input of the target `sources` chooses one of them.
pub const LANGUAGES: [Language; 18] = [
    Language::Rust,
    Language::Python,
    Language::JavaScript,
    Language::TypeScript,
    Language::Tsx,
    Language::Go,
    Language::Java,
    Language::C,
    Language::Cpp,
    Language::CSharp,
    Language::Ruby,
    Language::Php,
    Language::Lua,
    Language::Bash,
    Language::Markdown,
    Language::Json,
    Language::Toml,
    Language::Yaml,
];

/// What a process that parses answers for a text.
pub fn answer(text: &[u8], language: Language) -> Vec<u8> {
    let snapshot = Snapshot::new(&String::from_utf8_lossy(text), 0, language);
    fovea::parser::fuzzed::answer(&snapshot)
}

/// Texts that find out whether a model that was loaded also works.
const TEXTS: [&str; 5] = [
    "",
    "def f(a):\n    return a",
    "naïve 我爱 😀",
    "\u{301}\0\u{feff} x",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Reads texts with a model, and checks what it says of them.
pub fn use_model(model: &Model) {
    for text in TEXTS {
        for (role, language) in [(Role::Query, Language::Prose), (Role::Passage, Language::Python)] {
            let Ok(mut tokens) = model.tokenize_as(role, text, language) else {
                continue;
            };
            assert_eq!(
                (tokens.ids.len(), tokens.spans.len()),
                (tokens.special.len(), tokens.ids.len())
            );
            for span in &tokens.spans {
                assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}");
            }
            tokens.cut(model.window());
            let batch = Packed::new([tokens.ids.as_slice()]);
            let Ok(traces) = model.encoder().forward(&batch, TraceLevel::LastHidden, UNSTOPPED) else {
                continue;
            };
            if let Ok(embedding) = model.pool_of(&tokens, &traces[0]) {
                assert!(embedding.len() == model.hidden() && embedding.iter().all(|value| value.is_finite()));
            }
        }
    }
}

/// The model of a fixture, for targets that only need one.
pub fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL
        .get_or_init(|| Model::load(&Source::Folder(fixtures().join("tiny-sentence"))).expect("the fixture is a model"))
}
