//! From text to tokens and back: the steps of a tokenizer.json, by the tokenizers crate; its unigram model by [`super::unigram`].

use serde::Deserialize;
use serde_json::value::RawValue;
use tokenizers::{
    AddedToken, DecoderWrapper, Encoding, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerImpl,
};

use super::unigram::{Unigram, UnigramFile};

type WithUnigram = TokenizerImpl<Unigram, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// The steps of a tokenizer.
pub(super) enum Pipeline {
    /// With a model of the crate: WordPiece, byte-pair encoding, whole words.
    Crate(Box<tokenizers::Tokenizer>),
    /// With a unigram model.
    Unigram(Box<WithUnigram>),
}

/// A tokenizer.json with a unigram model.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    post_processor: Option<PostProcessorWrapper>,
    decoder: Option<DecoderWrapper>,
}

/// The kind of model of a tokenizer.json.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    version: Option<std::borrow::Cow<'a, str>>,
    model: ModelKind,
}

#[derive(Deserialize)]
struct ModelKind {
    #[serde(rename = "type")]
    name: Option<String>,
}

impl Pipeline {
    /// Reads a tokenizer.json, without truncation and padding.
    ///
    /// # Errors
    /// Those of the crate.
    pub(super) fn parse(json: &[u8]) -> tokenizers::Result<Pipeline> {
        if is_unigram(json) {
            let file: File = serde_json::from_slice(json)?;
            let model: UnigramFile = serde_json::from_str(file.model.get())?;
            if !model.samples() {
                let mut inner = WithUnigram::new(Unigram::new(model)?);
                inner.with_pre_tokenizer(file.pre_tokenizer);
                inner.with_post_processor(file.post_processor);
                inner.with_decoder(file.decoder);
                inner.with_normalizer(file.normalizer)?;
                inner.add_tokens(file.added_tokens)?;
                return Ok(Pipeline::Unigram(Box::new(inner)));
            }
        }
        let mut inner = tokenizers::Tokenizer::from_bytes(json)?;
        inner.with_padding(None);
        inner.with_truncation(None)?;
        Ok(Pipeline::Crate(Box::new(inner)))
    }

    /// The tokens of a text, or of a pair of texts.
    ///
    /// # Errors
    /// Those of the crate.
    pub(super) fn encode<'s>(
        &self,
        text: impl Into<tokenizers::EncodeInput<'s>>,
        special: bool,
    ) -> tokenizers::Result<Encoding> {
        match self {
            Pipeline::Crate(inner) => inner.encode(text, special),
            Pipeline::Unigram(inner) => inner.encode(text, special),
        }
    }

    /// The text of tokens without special ones.
    ///
    /// # Errors
    /// Those of the crate.
    pub(super) fn decode(&self, ids: &[u32]) -> tokenizers::Result<String> {
        match self {
            Pipeline::Crate(inner) => inner.decode(ids, true),
            Pipeline::Unigram(inner) => inner.decode(ids, true),
        }
    }

    /// Number of entries, added tokens included.
    pub(super) fn vocabulary(&self) -> usize {
        match self {
            Pipeline::Crate(inner) => inner.get_vocab_size(true),
            Pipeline::Unigram(inner) => inner.get_vocab_size(true),
        }
    }

    /// The entry of an id.
    pub(super) fn token(&self, id: u32) -> Option<String> {
        match self {
            Pipeline::Crate(inner) => inner.id_to_token(id),
            Pipeline::Unigram(inner) => inner.id_to_token(id),
        }
    }

    /// The id of an entry.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        match self {
            Pipeline::Crate(inner) => inner.token_to_id(token),
            Pipeline::Unigram(inner) => inner.token_to_id(token),
        }
    }

    /// The special tokens that a text can spell, longest first.
    pub(super) fn special(&self) -> Vec<String> {
        let added = match self {
            Pipeline::Crate(inner) => inner.get_added_tokens_decoder(),
            Pipeline::Unigram(inner) => inner.get_added_tokens_decoder(),
        };
        let special = added
            .into_values()
            .filter(|token| token.special && !token.content.is_empty());
        let mut texts: Vec<String> = special.map(|token| token.content).collect();
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts
    }

    pub(super) fn normalizer(&self) -> Option<&NormalizerWrapper> {
        match self {
            Pipeline::Crate(inner) => inner.get_normalizer(),
            Pipeline::Unigram(inner) => inner.get_normalizer(),
        }
    }

    /// Replaces the normalizer.
    ///
    /// # Errors
    /// Those of the crate.
    pub(super) fn set_normalizer(&mut self, normalizer: Option<NormalizerWrapper>) -> tokenizers::Result<()> {
        match self {
            Pipeline::Crate(inner) => inner.with_normalizer(normalizer).map(|_| ()),
            Pipeline::Unigram(inner) => inner.with_normalizer(normalizer).map(|_| ()),
        }
    }

    /// Maximum number of characters in a word; WordPiece treats longer words as unknown.
    pub(super) fn longest_word(&self) -> Option<usize> {
        match self {
            Pipeline::Crate(inner) => match inner.get_model() {
                ModelWrapper::WordPiece(model) => Some(model.max_input_chars_per_word),
                _ => None,
            },
            Pipeline::Unigram(_) => None,
        }
    }
}

/// Whether the crate would read a unigram model. Files of other versions and without the name of a model are left to the crate.
fn is_unigram(json: &[u8]) -> bool {
    let kind: Result<Kind, _> = serde_json::from_slice(json);
    kind.is_ok_and(|kind| {
        kind.version.is_none_or(|version| version == "1.0") && kind.model.name.as_deref() == Some("Unigram")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tokenizer.json by the crate alone, and by this module.
    fn both(json: &[u8]) -> (tokenizers::Tokenizer, Pipeline) {
        let mut own = tokenizers::Tokenizer::from_bytes(json).unwrap();
        own.with_padding(None);
        own.with_truncation(None).unwrap();
        let pipeline = Pipeline::parse(json).unwrap();
        assert!(matches!(pipeline, Pipeline::Unigram(_)));
        (own, pipeline)
    }

    fn same((own, pipeline): &(tokenizers::Tokenizer, Pipeline), text: &str) {
        match (own.encode(text, true), pipeline.encode(text, true)) {
            (Ok(own), Ok(found)) => {
                assert_eq!(own.get_ids(), found.get_ids(), "{text:?}");
                assert_eq!(own.get_tokens(), found.get_tokens(), "{text:?}");
                assert_eq!(own.get_offsets(), found.get_offsets(), "{text:?}");
                assert_eq!(own.get_special_tokens_mask(), found.get_special_tokens_mask());
            }
            (Err(_), Err(_)) => {}
            (own, found) => panic!("{text:?}: {:?} {:?}", own.is_ok(), found.is_ok()),
        }
    }

    /// A small vocabulary with an empty entry, an entry twice, and the unknown token's own text; with or without entries for bytes.
    fn small(byte_fallback: bool, unknown: Option<u32>) -> Vec<u8> {
        let entries = [
            "<unk>", "", "a", "ab", "abc", "b", "c", "bc", "▁", "▁a", "é", "我爱", "爱", "ab", "x\0y", "\0",
        ];
        let mut vocab: Vec<(String, f64)> = entries
            .iter()
            .map(|text| text.to_string())
            .zip([
                0.0, -1.0, -2.0, -2.5, -9.0, -2.0, -3.0, -2.2, -1.0, -4.0, -5.0, -3.0, -6.0, -2.1, -4.0, -7.0,
            ])
            .collect();
        if byte_fallback {
            vocab.extend((0..=255u8).map(|byte| (format!("<0x{byte:02X}>"), -20.0)));
        }
        serde_json::to_vec(&serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [{"id": 0, "content": "<unk>", "single_word": false, "lstrip": false, "rstrip": false,
                              "normalized": false, "special": true}],
            "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
            "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocab, "byte_fallback": byte_fallback},
        }))
        .unwrap()
    }

    fn fixture() -> Vec<u8> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/tiny-xlm-roberta/tokenizer.json"
        );
        std::fs::read(path).unwrap()
    }

    #[test]
    fn published_vocabularies_divide_texts_as_the_crate_does() {
        let mut files = vec![fixture()];
        files.extend(
            crate::model::embedded::EmbeddedModel::Multilingual
                .file("tokenizer.json")
                .map(<[u8]>::to_vec),
        );
        for json in files {
            let both = both(&json);
            for text in [
                "",
                " ",
                "hello world",
                "我爱编程，也爱读书。",
                "Die Brücke über dem Fluß",
                "Мост через реку",
                "川は一晩で増水した",
                "def parse_http_config(self, *, timeout=3.0): return None",
                "😀 🧑‍💻\0 x",
                "<mask> </s><s>",
                "e\u{301}é",
                "\r\n\t  \u{a0}",
            ] {
                same(&both, text);
            }
            let (own, pipeline) = &both;
            assert_eq!(pipeline.vocabulary(), own.get_vocab_size(true));
            for id in (0..pipeline.vocabulary() as u32 + 3).step_by(37) {
                assert_eq!(pipeline.token(id), own.id_to_token(id));
                let token = pipeline.token(id).unwrap_or_default();
                assert_eq!(pipeline.id(&token), own.token_to_id(&token), "{token:?}");
            }
            let ids = own.encode("hello 我爱编程 world", true).unwrap().get_ids().to_vec();
            assert_eq!(pipeline.decode(&ids).unwrap(), own.decode(&ids, true).unwrap());
        }
    }

    #[test]
    fn a_model_that_draws_tokens_at_random_is_left_to_the_crate() {
        let mut file: serde_json::Value = serde_json::from_slice(&small(false, Some(0))).unwrap();
        file["model"]["alpha"] = 0.1.into();
        let pipeline = Pipeline::parse(&serde_json::to_vec(&file).unwrap()).unwrap();
        assert!(matches!(pipeline, Pipeline::Crate(_)));
    }

    #[test]
    fn an_unknown_token_that_does_not_exist_is_refused() {
        assert!(Pipeline::parse(&small(false, Some(99))).is_err());
        // Without an unknown token, texts are refused that the vocabulary does not cover.
        let pipeline = Pipeline::parse(&small(false, None)).unwrap();
        assert!(pipeline.encode("abc", true).is_ok() && pipeline.encode("abcz", true).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_divided_as_the_crate_does(text in "([abcx▁é我爱\u{0}z]|<unk>|<0x41>){0,40}", byte_fallback: bool) {
            same(&both(&small(byte_fallback, Some(0))), &text);
        }

        #[test]
        fn any_text_is_divided_by_a_larger_vocabulary_as_the_crate_does(text in "\\PC{0,60}") {
            static BOTH: std::sync::OnceLock<(tokenizers::Tokenizer, Pipeline)> = std::sync::OnceLock::new();
            same(BOTH.get_or_init(|| both(&fixture())), &text);
        }
    }
}
