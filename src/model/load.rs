//! Loads models: the embedded one, a Hugging Face folder, or a GGUF file.

use std::sync::Arc;

use super::bert::Bert;
use super::chat::{self, ChatFormat};
use super::config::{self, Config, ConfigError, Sentences};
use super::embedded::EmbeddedModel;
use super::families;
use super::files::Files;
use super::load_error::LoadError;
use super::modules::{self, Modules};
use super::prompts::{self, Prompts, Role};
use super::readers::Second;
use super::source::Source;
use super::spec::{ModelSpec, Task};
use super::tape::Network;
use super::tokenizer::Reading;
use super::weights::Weights;
use super::{Ability, Encoder, Model, ModelInfo, Pooling, Tokenizer};
use crate::text::ModelText;

/// The encoder's settings for texts, under all names that sentence-transformers has used.
const SENTENCE_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The engine that runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// Fused operations if they can run it, else the interpreter.
    Fastest,
    /// The interpreter.
    Interpreter,
}

/// Loads a model.
pub(super) fn load(source: &Source, engine: Engine, scrambled: Option<u64>) -> Result<Model, LoadError> {
    read(source, engine, scrambled).map_err(|error| match source {
        Source::Embedded(_) => error,
        Source::Folder(path) | Source::File(path) => error.of(path),
    })
}

fn read(source: &Source, engine: Engine, scrambled: Option<u64>) -> Result<Model, LoadError> {
    let root = Files::open(source)?;
    let listed = root.read(modules::FILE)?;
    let modules = Modules::read(listed.as_deref())?;
    let files = root.within(&modules.transformer);
    let mut plan = Plan::of(&files, engine)?;
    let pooling_file = format!("{}/config.json", modules.pooling);
    // Another pooling would give other embeddings, so that one which is named and missing has no default.
    let pooling_json = match listed.is_some() {
        true => Some(root.required(&pooling_file)?),
        false => root.read(&pooling_file)?,
    };
    let (pooling, includes_prompt) = match &pooling_json {
        Some(json) => config::parse_pooling(json, &pooling_file)?,
        None => (Pooling::Mean, true),
    };
    let prompts = Prompts::read(root.read(prompts::FILE)?.as_deref(), &root.names())?;
    let tokenizer_config = files.read("tokenizer_config.json")?;
    let sentences = read_sentences(&files, tokenizer_config.as_deref())?;
    let longest = plan.spec.window;
    // Parsing the tokenizer and expanding the weights are independent.
    let (tokenizer, weights) = rayon::join(
        || load_tokenizer(&files, plan.spec.vocabulary, sentences),
        || Weights::read(&files, plan.parameters()),
    );
    let (tokenizer, mut weights) = (tokenizer?, weights?);
    weights.scrambled = scrambled;
    let (projection, steps) = modules.projection(&root, plan.spec.stack.hidden)?;
    let window = sentences.window.unwrap_or(longest).clamp(longest.min(8), longest);
    let window = plan.usual_window(window, &sentences);
    let text_window = text_window(&tokenizer, &prompts, window)?;
    let mut content = weights.checksum.clone();
    if let Some(seed) = scrambled {
        content += &format!("scrambled {seed}");
    }
    for (differs, part) in [
        (!steps.is_empty(), steps),
        (tokenizer.recased, format!("{:?}", sentences.case)),
        (
            sentences.window_of_tokenizer && window != longest,
            format!("window {window}"),
        ),
    ] {
        if differs {
            content += &part;
        }
    }
    let abilities = plan.abilities(&weights);
    let chat = match abilities.contains(&Ability::Generate) {
        true => ChatFormat::read(
            files.read(chat::FILE)?.as_deref(),
            tokenizer_config.as_deref(),
            &tokenizer,
        ),
        false => None,
    };
    let end = chat.and_then(|format| tokenizer.id(format.end()?));
    plan.spec.ends.extend(end);
    let second = second_beside(source, engine).filter(|_| scrambled.is_none());
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
        text_window,
        identifier_aware: true,
        chat,
        reference: Arc::default(),
    })
}

/// The second model for the model from `source`. Only the embedded model has one, in builds that contain it.
fn second_beside(source: &Source, engine: Engine) -> Option<Arc<Second>> {
    let has = *source == Source::EMBEDDED && engine == Engine::Fastest && EmbeddedModel::Multilingual.available();
    let multilingual = || load(&Source::Embedded(EmbeddedModel::Multilingual), Engine::Fastest, None);
    has.then(|| Arc::new(Second::loaded_by(multilingual)))
}

/// Loads a model for the interpreter without a tokenizer, for callers that have token ids.
///
/// # Errors
/// Those of [`Model::load`].
pub fn network(source: &Source) -> Result<Network, LoadError> {
    let files = Files::open(source)?;
    let spec = read_spec(&files, &files.required("config.json")?)?;
    let mut weights = Weights::read(&files, spec.parameters())?;
    Network::load(spec, &mut weights)
}

/// The description of a model, with its weights laid out as they are stored.
fn read_spec(files: &Files, json: &[u8]) -> Result<ModelSpec, LoadError> {
    let spec = families::read(json);
    let Files::File(file) = files else { return Ok(spec?) };
    // The user has no config.json to look at, so that the error must not name it.
    let refuse = |error: ConfigError| file.refuse(error.to_string().replace("config.json: ", ""));
    let mut spec = spec.map_err(refuse)?;
    file.lay_out(&mut spec);
    Ok(spec)
}

/// The description of a model, and the engine that runs it.
struct Plan {
    spec: ModelSpec,
    /// The configuration for the fused operations, if they can run the model.
    fused: Option<Config>,
}

/// Window of the interpreter for models whose folder does not state one.
/// They may accept longer texts, but the cost of explanations grows with the square of the length.
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

    /// The window for splitting texts.
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

    /// The model's abilities, given the head that the weights contain.
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

fn read_sentences(files: &Files, tokenizer_config: Option<&[u8]>) -> Result<Sentences, LoadError> {
    for name in SENTENCE_FILES {
        if let Some(json) = files.read(name)? {
            return Ok(Sentences::read(Some(&json), name, tokenizer_config)?);
        }
    }
    Ok(Sentences::read(None, "", tokenizer_config)?)
}

/// Number of tokens that the longest prompt leaves for a text: at least half the window.
fn text_window(tokenizer: &Tokenizer, prompts: &Prompts, window: usize) -> Result<usize, LoadError> {
    let mut longest = 0;
    for role in [Role::Plain, Role::Query, Role::Passage] {
        let prompt = prompts.of(role);
        let tokens = tokenizer.tokenize("", &ModelText::plain(""), prompt);
        let tokens = tokens.map_err(|error| LoadError::Tokenizer(format!("cannot read a prompt: {error}")))?;
        longest = longest.max(tokens.prompt.len());
    }
    let text_window = window - longest.min(window);
    if longest > 0 && text_window < window / 2 {
        return Err(ConfigError::Prompt(format!(
            "a prompt has {longest} tokens, more than half of the model's window of {window}; shorten it"
        ))
        .into());
    }
    Ok(text_window)
}

fn load_tokenizer(files: &Files, vocabulary: usize, sentences: Sentences) -> Result<Tokenizer, LoadError> {
    let origin = files.path("tokenizer.json");
    let reading = Reading {
        trusted: matches!(files, Files::Embedded(_)),
        case: sentences.case,
    };
    let tokenizer =
        Tokenizer::parse(&files.required("tokenizer.json")?, &origin, reading).map_err(LoadError::Tokenizer)?;
    // Weights are often padded by a few rows, but never by a tenth.
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

/// The result of checking a file of a model.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileCheck {
    /// The file's name in the folder.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// SHA-256 recorded with the model; `None` if there is none.
    pub expected: Option<String>,
}

impl FileCheck {
    /// Whether the file matches the recorded checksum, if there is one.
    pub fn holds(&self) -> bool {
        self.expected.as_ref().is_none_or(|expected| *expected == self.sha256)
    }
}

/// Compares the checksums of a model's files with those in its sha256.json.
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
        let sha256 = files.sha256(&file, &files.weight_file(&file)?)?;
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
