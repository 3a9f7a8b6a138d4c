//! Where models come from: the embedded one, a Hugging Face folder, or a GGUF file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::bert::Bert;
use super::config::{self, Config, ConfigError, Sentences};
use super::embedded::EmbeddedModel;
use super::families;
use super::files::{Files, hex};
use super::hub;
use super::modules::{self, Modules};
use super::prompts::{self, Prompts, Role};
use super::readers::Second;
use super::spec::{ModelSpec, Task};
use super::tape::Network;
use super::tokenizer::Reading;
use super::weights::Weights;
use super::{Ability, Encoder, Model, ModelInfo, Pooling, Tokenizer};
use crate::places::cache_folders;
use crate::text::ModelText;

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Inside the program.
    Embedded(EmbeddedModel),
    /// A folder with config.json, tokenizer.json and model.safetensors (one file or shards) or model.gguf.
    Folder(PathBuf),
    /// A single GGUF file as llama.cpp writes it, with configuration and tokenizer in it.
    File(PathBuf),
}

impl Source {
    /// The embedded model for English and code, which everything begins with.
    pub const EMBEDDED: Source = Source::Embedded(EmbeddedModel::English);

    /// The model at a path: a file if one is there, or if the name is that of a GGUF file; a folder otherwise. `OWNER/NAME` that is no
    /// path names a model of the Hugging Face Hub that this machine has ([`hub::downloaded`]).
    pub fn at(path: &Path) -> Source {
        if !path.exists()
            && let Some(found) = path.to_str().and_then(hub::downloaded)
        {
            return match found.is_dir() {
                true => Source::Folder(found),
                false => Source::File(found),
            };
        }
        let named = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        match !path.is_dir() && (named || path.exists()) {
            true => Source::File(path.to_owned()),
            false => Source::Folder(path.to_owned()),
        }
    }
}

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The binary was built without the feature `embedded-model`.
    #[error(
        "this build of fovea contains no model; name a model folder with --model DIR, FOVEA_MODEL or fovea.model.dir, or put the model into \
             fovea/models/all-MiniLM-L6-v2 of your cache folder"
    )]
    NotEmbedded,
    /// The folder is not there.
    #[error(
        "{0}: no such folder; name a model folder with config.json, tokenizer.json and model.safetensors, or a GGUF file with its whole path"
    )]
    NoFolder(PathBuf),
    /// A name of the Hugging Face Hub that this machine does not have.
    #[error(
        "{0}: no such folder, and the model is not on this machine; download it with `fovea model pull {0}` (needs a build with the \
         feature hub) or with `hf download {0}`, or name a model folder"
    )]
    NotDownloaded(String),
    /// A file of the folder is not there.
    #[error(
        "{folder}: {file} is missing; a Hugging Face model folder contains config.json, tokenizer.json and model.safetensors"
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A pipe, a device or a folder where a file is expected.
    #[error("cannot read {path}: it is {kind}, not a regular file; put the model's file in its place")]
    Irregular {
        /// The path.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// Weights in a form that may run code.
    #[error(
        "{0} is the only weight file; fovea does not read it, because such files may run code: convert it with save_pretrained(…, \
         safe_serialization=True), or download model.safetensors"
    )]
    Pickle(PathBuf),
    /// A text that names a file of Git LFS, instead of the file.
    #[error("{0} is only a Git LFS pointer to the file; run `git lfs pull` in the model's folder to fetch it")]
    LfsPointer(PathBuf),
    /// A file too large to be what its name says.
    #[error(
        "{path}: the file has {bytes} bytes, over the limit of {limit} for a model file; check that it belongs to the model"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most.
        limit: u64,
    },
    /// A GGUF file that cannot be used.
    #[error("cannot use {path} as a model: {reason}")]
    Gguf {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A damaged or truncated weight file.
    #[error("cannot read {path}: damaged or incomplete ({reason}); download the model again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The weights lack a tensor.
    #[error("the weights contain no tensor `{0}`; check that they belong to the model that config.json describes")]
    NoTensor(String),
    /// A tensor of another shape.
    #[error(
        "tensor `{name}` has the shape {found:?}, but config.json requires {expected:?}; check that both belong to the same model"
    )]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What config.json implies.
        expected: Vec<usize>,
    },
    /// A tensor with numbers that nothing can be computed from.
    #[error(
        "tensor `{name}` contains {count} values that are no finite numbers (NaN or infinite); the weights are damaged, download the model again"
    )]
    NotFinite {
        /// The tensor.
        name: String,
        /// How many of its values.
        count: usize,
    },
    /// tokenizer.json cannot be read.
    #[error("{0}")]
    Tokenizer(String),
    /// The tokenizer's vocabulary is not the weights'.
    #[error(
        "tokenizer.json has {tokenizer} entries, but the weights have {weights}: they belong to different models; download the model again"
    )]
    Mismatch {
        /// Entries of tokenizer.json.
        tokenizer: usize,
        /// Rows of the embedding table.
        weights: usize,
    },
    /// A configuration this version cannot run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A tensor operation failed.
    #[error("a tensor operation failed while the model was loading: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Whether the binary carries a model.
pub const fn embedded_available() -> bool {
    EmbeddedModel::English.available()
}

/// Where the model is when nobody says: in the binary, or for one built without it in the user's cache folder under
/// `fovea/models/all-MiniLM-L6-v2`.
pub fn default_source() -> Source {
    if embedded_available() {
        return Source::EMBEDDED;
    }
    let model = |folder: PathBuf| folder.join("models/all-MiniLM-L6-v2");
    let found = cache_folders().into_iter().map(model).find(|place| place.is_dir());
    found.map_or(Source::EMBEDDED, Source::Folder)
}

/// The configuration of the encoder's reading, under all names that sentence-transformers gave it.
const SENTENCE_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// Who is to run a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// The fused operations where they can.
    Fastest,
    /// The interpreter.
    Interpreter,
}

/// Loads a model.
pub(super) fn load(source: &Source, engine: Engine, scrambled: Option<u64>) -> Result<Model, LoadError> {
    let root = Files::open(source)?;
    let modules = Modules::read(root.read(modules::FILE)?.as_deref())?;
    let files = root.within(&modules.transformer);
    let plan = Plan::of(&files, engine)?;
    let pooling_file = format!("{}/config.json", modules.pooling);
    let pooling_json = root.read(&pooling_file)?;
    let (pooling, includes_prompt) = match &pooling_json {
        Some(json) => config::parse_pooling(json, &pooling_file)?,
        None => (Pooling::Mean, true),
    };
    let prompts = Prompts::read(root.read(prompts::FILE)?.as_deref(), &root.names())?;
    let sentences = read_sentences(&files)?;
    let longest = plan.spec.window;
    // The tokenizer is text to parse and the weights are numbers to expand: neither waits for the other.
    let (tokenizer, weights) = rayon::join(
        || load_tokenizer(&files, plan.spec.vocabulary, sentences),
        || Weights::read(&files, plan.parameters()),
    );
    let (tokenizer, mut weights) = (tokenizer?, weights?);
    weights.scrambled = scrambled;
    let (projection, told) = modules.projection(&root, plan.spec.stack.hidden)?;
    let window = sentences.window.unwrap_or(longest).clamp(longest.min(8), longest);
    let window = plan.usual_window(window, &sentences);
    let room = room(&tokenizer, &prompts, window)?;
    let mut content = weights.checksum.clone();
    if let Some(seed) = scrambled {
        content += &format!("scrambled {seed}");
    }
    for (differs, told) in [
        (!told.is_empty(), told),
        (tokenizer.recased, format!("{:?}", sentences.case)),
        (
            sentences.window_of_tokenizer && window != longest,
            format!("window {window}"),
        ),
    ] {
        if differs {
            content += &told;
        }
    }
    let abilities = plan.abilities(&weights);
    let second = Second::beside(source, engine).filter(|_| scrambled.is_none());
    let info = ModelInfo {
        name: root.name(),
        id: files.content_id(&content, pooling_json.as_deref(), &prompts)?,
        architecture: plan.spec.family.clone(),
        layers: plan.spec.stack.blocks.len(),
        heads: plan.heads(),
        hidden: plan.spec.stack.hidden,
        window,
        vocabulary: plan.spec.vocabulary,
        pooling,
        prompts,
        abilities,
        weights: weights.format.clone(),
        multilingual: second.as_ref().map(|second| second.name()),
    };
    let (encoder, network): (Arc<dyn Encoder>, _) = match plan.fused {
        Some(config) => (Arc::new(Bert::load(config, &mut weights)?), None),
        None => {
            let network = Arc::new(Network::load(plan.spec, &mut weights)?);
            (network.clone(), Some(network))
        }
    };
    Ok(Model {
        info,
        tokenizer: Arc::new(tokenizer),
        encoder,
        network,
        pooling,
        projection: Arc::new(projection),
        includes_prompt,
        second,
        embedded: *source == Source::EMBEDDED && scrambled.is_none(),
        room,
        identifier_aware: true,
        reference: Arc::default(),
    })
}

/// Loads what the interpreter runs, without a tokenizer: for those who have token ids.
///
/// # Errors
/// As [`Model::load`].
pub fn network(source: &Source) -> Result<Network, LoadError> {
    let files = Files::open(source)?;
    let spec = read_spec(&files, &files.required("config.json")?)?;
    let mut weights = Weights::read(&files, spec.parameters())?;
    Network::load(spec, &mut weights)
}

/// Describes a model as its weights are stored.
fn read_spec(files: &Files, json: &[u8]) -> Result<ModelSpec, LoadError> {
    let spec = families::read(json);
    let Files::File(file) = files else { return Ok(spec?) };
    // Nobody has seen this config.json.
    let refuse = |error: ConfigError| file.refuse(error.to_string().replace("config.json: ", ""));
    let mut spec = spec.map_err(refuse)?;
    file.lay_out(&mut spec);
    Ok(spec)
}

/// What a model is made of, and who runs it.
struct Plan {
    spec: ModelSpec,
    /// For the fused operations, where they can run it.
    fused: Option<Config>,
}

/// Tokens of a text that the interpreter reads at once, where a model could read more and its folder does not say how many are usual:
/// explanations of a text cost by the square of its length.
const USUAL: usize = 512;

impl Plan {
    fn of(files: &Files, engine: Engine) -> Result<Plan, LoadError> {
        let json = files.required("config.json")?;
        let spec = read_spec(files, &json)?;
        let fused = engine == Engine::Fastest
            && ["bert", "roberta", "xlm-roberta", "camembert"].contains(&spec.family.as_str())
            // Only the interpreter runs the head that such a model is made for.
            && !spec.head.as_ref().is_some_and(|head| matches!(head.task, Task::Span));
        let fused = match Config::parse(&json) {
            Ok(config) if fused => Some(config),
            Err(error @ ConfigError::Dimensions(_)) if fused => return Err(error.into()),
            _ => None,
        };
        Ok(Plan { spec, fused })
    }

    /// The window that texts are split by.
    fn usual_window(&self, window: usize, sentences: &Sentences) -> usize {
        let stated = sentences.window.is_some() && !sentences.window_of_tokenizer;
        match self.fused.is_some() || stated {
            true => window,
            false => window.min(USUAL),
        }
    }

    fn parameters(&self) -> usize {
        self.fused
            .as_ref()
            .map_or_else(|| self.spec.parameters(), Config::parameters)
    }

    fn heads(&self) -> usize {
        self.spec.first_attention().map_or(0, |attention| attention.heads)
    }

    /// What the model can do with the head that its weights have.
    fn abilities(&self, weights: &Weights) -> Vec<Ability> {
        let mut abilities = vec![Ability::Embed];
        let Some(head) = &self.spec.head else { return abilities };
        if !head.matrices().all(|name| weights.contains(name)) {
            return abilities;
        }
        abilities.extend(match &head.task {
            Task::MaskedToken => vec![Ability::FillMask],
            Task::NextToken if self.spec.decoder.is_some() => vec![Ability::Generate],
            Task::NextToken => vec![Ability::NextToken, Ability::Generate],
            Task::Sequence { .. } => vec![Ability::ClassifyText],
            Task::Token { .. } => vec![Ability::ClassifyTokens],
            Task::Span => vec![Ability::Answer],
        });
        abilities
    }
}

fn read_sentences(files: &Files) -> Result<Sentences, LoadError> {
    let tokenizer = files.read("tokenizer_config.json")?;
    for name in SENTENCE_FILES {
        if let Some(json) = files.read(name)? {
            return Ok(Sentences::read(Some(&json), name, tokenizer.as_deref())?);
        }
    }
    Ok(Sentences::read(None, "", tokenizer.as_deref())?)
}

/// Tokens of a window that are left for a text beside the longest prompt: half of them at least.
fn room(tokenizer: &Tokenizer, prompts: &Prompts, window: usize) -> Result<usize, LoadError> {
    let mut longest = 0;
    for role in [Role::Plain, Role::Query, Role::Passage] {
        let prompt = prompts.of(role);
        let tokens = tokenizer.tokenize("", &ModelText::plain(""), prompt);
        let tokens = tokens.map_err(|error| LoadError::Tokenizer(format!("cannot read a prompt: {error}")))?;
        longest = longest.max(tokens.prompt.len());
    }
    let room = window - longest.min(window);
    if longest > 0 && room < window / 2 {
        return Err(ConfigError::Prompt(format!(
            "a prompt has {longest} tokens, more than half of the model's window of {window}; shorten it"
        ))
        .into());
    }
    Ok(room)
}

fn load_tokenizer(files: &Files, vocabulary: usize, sentences: Sentences) -> Result<Tokenizer, LoadError> {
    let origin = files.path("tokenizer.json");
    let reading = Reading {
        trusted: matches!(files, Files::Embedded(_)),
        case: sentences.case,
    };
    let tokenizer =
        Tokenizer::parse(&files.required("tokenizer.json")?, &origin, reading).map_err(LoadError::Tokenizer)?;
    // Weights are often padded by some rows, never by a tenth.
    let (entries, rows) = (tokenizer.vocabulary(), vocabulary);
    if entries > rows || entries * 10 < rows * 9 {
        return Err(match files {
            Files::File(file) => file.refuse(format!(
                "its tokenizer has {entries} entries and its weights have {rows}; download the model again"
            )),
            _ => LoadError::Mismatch {
                tokenizer: entries,
                weights: rows,
            },
        });
    }
    if !reading.trusted {
        tokenizer.probe(rows).map_err(|reason| {
            let origin = origin.display();
            LoadError::Tokenizer(format!(
                "cannot use {origin} as a tokenizer: {reason}; download the model again"
            ))
        })?;
    }
    Ok(tokenizer)
}

/// One checked file of a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileCheck {
    /// Its name in the folder.
    pub file: String,
    /// SHA-256 of what is there, in hexadecimal.
    pub sha256: String,
    /// SHA-256 as recorded beside the model; `None` where nothing is recorded.
    pub expected: Option<String>,
}

impl FileCheck {
    /// Whether the file is what was recorded, or nothing was.
    pub fn holds(&self) -> bool {
        self.expected.as_ref().is_none_or(|expected| *expected == self.sha256)
    }
}

/// Computes the checksums of a model's files and sets them beside those recorded in its sha256.json.
///
/// # Errors
/// If a file is missing or cannot be read.
pub fn verify(source: &Source) -> Result<Vec<FileCheck>, LoadError> {
    let files = Files::open(source)?;
    let recorded = files.recorded()?;
    let mut names: Vec<String> = match files {
        Files::File(_) => Vec::new(),
        _ => vec!["config.json".into(), "tokenizer.json".into()],
    };
    names.extend(files.weight_files()?);
    names.extend(
        recorded
            .keys()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let check = |file: String| {
        let sha256 = hex(&Sha256::digest(&files.required(&file)?));
        Ok(FileCheck {
            expected: recorded.get(&file).cloned(),
            file: match &files {
                Files::File(_) => files
                    .path(&file)
                    .file_name()
                    .map_or(file, |name| name.to_string_lossy().into_owned()),
                _ => file,
            },
            sha256,
        })
    };
    names.into_iter().map(check).collect()
}
