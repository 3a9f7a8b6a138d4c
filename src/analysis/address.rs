//! Content addresses: what a result depends on, in 128 bits.

use sha2::{Digest, Sha256};

use crate::explain::{Heads, Method};
use crate::model::simd;
use crate::text::Language;

/// Version of the computation. Raise it whenever results for the same text change: reading, explaining, ranking.
pub const RESULTS: u32 = 8;

/// The content address of a result: 128 bits of SHA-256 over everything the result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The bytes that are stored.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Any address, for tests.
    #[cfg(test)]
    pub fn from_bytes(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }
}

/// The kind of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The explanation of one text in one forward pass.
    Unit,
    /// The explanation of a text longer than the window, merged from its parts.
    Merged,
    /// The sources of each word.
    Sources,
    /// The number of tokens.
    Count,
}

/// What every current result depends on besides its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Content hash of the model.
    pub model: String,
    /// The method of the scores.
    pub method: Method,
    /// The attention maps for [`Method::Attention`]; other methods ignore them.
    pub heads: Heads,
    /// Whether identifiers are split into words.
    pub identifier_aware: bool,
}

impl Setting {
    /// Any setting, for tests.
    #[cfg(test)]
    pub fn for_tests() -> Setting {
        Setting {
            model: "m".into(),
            method: Method::Decomposition,
            heads: Heads::default(),
            identifier_aware: true,
        }
    }

    /// The language under which the model reads a text. Whether identifiers are split depends on the language, so that with splitting
    /// switched off the model reads code as prose.
    pub fn effective_language(&self, language: Language) -> Language {
        if self.identifier_aware {
            language
        } else {
            Language::Prose
        }
    }

    /// The address of a result. It contains the language, because the text that the model reads depends on it.
    pub fn key(&self, kind: Kind, text: &str, language: Language) -> Key {
        let mut hash = Sha256::new();
        hash.update(RESULTS.to_le_bytes());
        // Kernels of another processor round differently: on a shared disk, a machine must not show what another computed.
        let kernels = simd::path().name();
        hash.update([kernels.len() as u8]);
        hash.update(kernels.as_bytes());
        // Lengths precede the fields, so that no two questions have the same encoding.
        hash.update((self.model.len() as u64).to_le_bytes());
        hash.update(self.model.as_bytes());
        let method = match (kind, self.heads) {
            (Kind::Sources | Kind::Count, _) => String::new(),
            (_, Heads { layer, head }) if self.method == Method::Attention && (layer, head) != (None, None) => {
                let number = |index: Option<usize>| index.map_or_else(|| "*".to_owned(), |index| index.to_string());
                format!("{} {} {}", self.method.name(), number(layer), number(head))
            }
            _ => self.method.name().to_owned(),
        };
        hash.update([kind as u8, method.len() as u8]);
        hash.update(method.as_bytes());
        let language = self.effective_language(language).name();
        hash.update([language.len() as u8]);
        hash.update(language.as_bytes());
        hash.update(text.as_bytes());
        let mut key = [0; 16];
        key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_depends_on_model_kind_method_language_and_text() {
        let base = Setting::for_tests();
        let other_model = Setting {
            model: "n".into(),
            ..base.clone()
        };
        let other_method = Setting {
            method: Method::Alti,
            ..base.clone()
        };
        let attention = Setting {
            method: Method::Attention,
            ..Setting::for_tests()
        };
        let one_head = Setting {
            heads: Heads {
                layer: None,
                head: Some(1),
            },
            ..attention.clone()
        };
        let one_layer = Setting {
            heads: Heads {
                layer: Some(1),
                head: None,
            },
            ..attention.clone()
        };
        let plain = Setting {
            identifier_aware: false,
            ..base.clone()
        };
        let keys = [
            base.key(Kind::Unit, "a", Language::Rust),
            base.key(Kind::Merged, "a", Language::Rust),
            base.key(Kind::Sources, "a", Language::Rust),
            base.key(Kind::Count, "a", Language::Rust),
            base.key(Kind::Unit, "b", Language::Rust),
            base.key(Kind::Unit, "a", Language::Python),
            other_model.key(Kind::Unit, "a", Language::Rust),
            other_method.key(Kind::Unit, "a", Language::Rust),
            plain.key(Kind::Unit, "a", Language::Rust),
            attention.key(Kind::Unit, "a", Language::Rust),
            one_head.key(Kind::Unit, "a", Language::Rust),
            one_layer.key(Kind::Unit, "a", Language::Rust),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key), "address {i} is taken");
        }
        assert_eq!(
            keys[2],
            other_method.key(Kind::Sources, "a", Language::Rust),
            "sources do not depend on the method"
        );
    }
}
