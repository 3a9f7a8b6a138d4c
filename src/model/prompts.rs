//! The prompts of sentence-transformers, which a model expects before a text.
//!
//! Models that were trained with `query: ` and `passage: ` (E5, Wang et al. 2022) or with an instruction reach their published quality
//! only with these prompts. A folder lists them in config_sentence_transformers.json. A query gets the prompt `query`; a passage gets the
//! first of `document`, `passage` and `corpus`, as in `encode_query` and `encode_document` of sentence-transformers 5. If the needed
//! prompt is missing, the default prompt is used, if there is one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::ConfigError;

/// The file that lists the prompts.
pub(super) const FILE: &str = "config_sentence_transformers.json";

/// Maximum length of a prompt in bytes. Published instructions have some three hundred.
const LONGEST: usize = 2000;

/// The role of a text, which selects its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// A text that is neither query nor passage, with the model's default prompt; few models have one.
    #[default]
    Plain,
    /// A search query.
    Query,
    /// A text to be found: an item of a document, or a passage around items.
    Passage,
}

/// The prompts of a model; an empty prompt adds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Prompts {
    /// The prompt for queries.
    pub query: String,
    /// The prompt for passages.
    pub passage: String,
    /// The prompt for other texts.
    pub plain: String,
}

#[derive(Deserialize)]
struct Raw {
    prompts: Option<BTreeMap<String, Option<String>>>,
    default_prompt_name: Option<String>,
}

impl Prompts {
    /// Reads config_sentence_transformers.json, if it exists.
    /// If it has no prompts and one of `names`, the model's possible names, is that of an E5 model, the prompts of E5's model card apply.
    ///
    /// # Errors
    /// [`ConfigError`] if the JSON is invalid, a prompt is too long, or the default is not one of the prompts.
    pub(super) fn read(json: Option<&[u8]>, names: &[String]) -> Result<Prompts, ConfigError> {
        let raw = match json {
            Some(json) => serde_json::from_slice(json).map_err(|error| ConfigError::Json {
                file: FILE.to_owned(),
                error,
            })?,
            None => Raw {
                prompts: None,
                default_prompt_name: None,
            },
        };
        let named = raw.prompts.unwrap_or_default();
        for (name, prompt) in &named {
            let bytes = prompt.as_ref().map_or(0, String::len);
            if bytes > LONGEST {
                return Err(ConfigError::Prompt(format!(
                    "the prompt `{name}` has {bytes} bytes, over the limit of {LONGEST}; shorten it"
                )));
            }
        }
        let prompt = |name: &str| named.get(name).map(|prompt| prompt.clone().unwrap_or_default());
        let plain = match raw.default_prompt_name.as_deref() {
            None | Some("") => String::new(),
            Some(name) => prompt(name).ok_or_else(|| {
                ConfigError::Prompt(format!(
                    "default_prompt_name is `{name}`, which is not one of the prompts; add it to them or set it to null"
                ))
            })?,
        };
        if named.is_empty() && names.iter().any(|name| is_e5(name)) {
            return Ok(Prompts {
                query: "query: ".to_owned(),
                passage: "passage: ".to_owned(),
                plain,
            });
        }
        let passage = ["document", "passage", "corpus"].iter().find_map(|name| prompt(name));
        Ok(Prompts {
            query: prompt("query").unwrap_or_else(|| plain.clone()),
            passage: passage.unwrap_or_else(|| plain.clone()),
            plain,
        })
    }

    /// The prompt for a role.
    pub fn of(&self, role: Role) -> &str {
        match role {
            Role::Plain => &self.plain,
            Role::Query => &self.query,
            Role::Passage => &self.passage,
        }
    }

    /// Whether all prompts are empty.
    pub fn is_empty(&self) -> bool {
        [&self.query, &self.passage, &self.plain]
            .iter()
            .all(|prompt| prompt.is_empty())
    }
}

/// The possible names of a model's folder: its own, and the repository of a snapshot in Hugging Face's cache
/// (`models--intfloat--multilingual-e5-small/snapshots/HASH`).
pub(super) fn names_of(folder: &Path) -> Vec<String> {
    let last = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let repository = whole.parent().and_then(Path::parent).and_then(last);
    let repository = repository.filter(|name| name.starts_with("models--"));
    last(&whole).into_iter().chain(repository).collect()
}

/// Whether an E5 model of this name needs `query: ` and `passage: `. Instruction-tuned models have other prompts.
fn is_e5(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    parts.clone().any(|part| part == "e5") && !parts.any(|part| part == "instruct" || part == "mistral")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Prompts, String> {
        Prompts::read(Some(json.as_bytes()), &[]).map_err(|error| error.to_string())
    }

    fn prompts(query: &str, passage: &str, plain: &str) -> Prompts {
        Prompts {
            query: query.into(),
            passage: passage.into(),
            plain: plain.into(),
        }
    }

    #[test]
    fn queries_and_passages_get_the_prompts_of_sentence_transformers() {
        for (json, expected) in [
            (
                r#"{"prompts": {"query": "query: ", "passage": "passage: "}}"#,
                prompts("query: ", "passage: ", ""),
            ),
            (
                r#"{"prompts": {"query": "q ", "corpus": "c ", "document": "d "}}"#,
                prompts("q ", "d ", ""),
            ),
            (
                r#"{"prompts": {"a": "b ", "query": null}, "default_prompt_name": "a"}"#,
                prompts("", "b ", "b "),
            ),
            (
                r#"{"__version__": {"pytorch": "2"}, "prompts": {}, "default_prompt_name": null}"#,
                Prompts::default(),
            ),
            ("{}", Prompts::default()),
        ] {
            assert_eq!(read(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn an_invalid_file_is_refused_with_what_to_do() {
        let long = format!(r#"{{"prompts": {{"query": "{}"}}}}"#, "x".repeat(LONGEST + 1));
        for (json, says) in [
            ("{", "config_sentence_transformers.json"),
            (r#"{"prompts": ["query: "]}"#, "config_sentence_transformers.json"),
            (r#"{"prompts": {"query": 5}}"#, "config_sentence_transformers.json"),
            (r#"{"prompts": {}, "default_prompt_name": "query"}"#, "set it to null"),
            (&long, "shorten it"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn an_e5_folder_without_prompts_gets_those_of_its_model_card() {
        let card = prompts("query: ", "passage: ", "");
        let read = |json: Option<&str>, name: &str| Prompts::read(json.map(str::as_bytes), &[name.to_owned()]).unwrap();
        for name in ["multilingual-e5-small", "e5-base-v2", "models--intfloat--e5-large"] {
            assert_eq!(read(None, name), card, "{name}");
        }
        for name in [
            "multilingual-e5-large-instruct",
            "e5-mistral-7b-instruct",
            "bge-small",
            "me5",
            "",
        ] {
            assert!(read(None, name).is_empty(), "{name}");
        }
        assert_eq!(read(Some(r#"{"prompts": {}}"#), "e5-base"), card);
        assert!(read(Some(r#"{"prompts": {"query": "", "passage": ""}}"#), "e5-base").is_empty());
    }

    #[test]
    fn a_snapshot_in_the_hugging_face_cache_has_the_name_of_its_repository() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = folder.path().join("models--intfloat--e5-small/snapshots/0123");
        std::fs::create_dir_all(&snapshot).unwrap();
        assert_eq!(names_of(&snapshot), ["0123", "models--intfloat--e5-small"]);
        assert_eq!(names_of(&folder.path().join("e5-base")), ["e5-base"]);
    }
}
