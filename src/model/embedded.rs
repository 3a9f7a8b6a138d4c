//! The files of the embedded models.

/// A model embedded in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedModel {
    /// all-MiniLM-L6-v2: English and code. Feature `embedded-model`.
    English,
    /// multilingual-e5-small: a hundred languages, at three times the cost. Feature `multilingual`.
    Multilingual,
}

impl EmbeddedModel {
    /// The model's name, which is also the name of its folder under `assets/`.
    pub const fn name(self) -> &'static str {
        match self {
            EmbeddedModel::English => "all-MiniLM-L6-v2",
            EmbeddedModel::Multilingual => "multilingual-e5-small",
        }
    }

    /// Whether this build contains the model.
    pub const fn available(self) -> bool {
        match self {
            EmbeddedModel::English => cfg!(feature = "embedded-model"),
            EmbeddedModel::Multilingual => cfg!(feature = "multilingual"),
        }
    }

    /// The bytes of one of its files.
    pub(super) fn file(self, name: &str) -> Option<&'static [u8]> {
        match self {
            EmbeddedModel::English => english(name),
            EmbeddedModel::Multilingual => multilingual(name),
        }
    }
}

/// Defines a function from names to embedded files of a folder under `assets/`.
macro_rules! files {
    ($function:ident, $feature:literal, $folder:literal, $($name:literal),*) => {
        #[cfg(feature = $feature)]
        fn $function(name: &str) -> Option<&'static [u8]> {
            match name {
                $($name => Some(include_bytes!(concat!("../../assets/", $folder, "/", $name)).as_slice()),)*
                _ => None,
            }
        }

        #[cfg(not(feature = $feature))]
        fn $function(_: &str) -> Option<&'static [u8]> {
            None
        }
    };
}

files!(
    english,
    "embedded-model",
    "all-MiniLM-L6-v2",
    "config.json",
    "tokenizer.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "sha256.json",
    "model.gguf"
);

files!(
    multilingual,
    "multilingual",
    "multilingual-e5-small",
    "config.json",
    "tokenizer.json",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "sha256.json",
    "model.gguf"
);
