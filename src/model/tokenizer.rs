//! Tokens with the source bytes they stand for.

use std::borrow::Cow;
use std::path::Path;

use crate::text::{ByteRange, ModelText};

/// The tokens of one text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tokens {
    /// Ids in the model's vocabulary, special tokens included.
    pub ids: Vec<u32>,
    /// The source bytes each token stands for; empty for special tokens.
    pub spans: Vec<ByteRange>,
    /// Whether the tokenizer added it ([CLS], [SEP], `<s>` …).
    pub special: Vec<bool>,
    /// Share of the text's letters that the vocabulary can read, 0 to 1; 1 where there is no letter.
    pub coverage: f32,
    /// Where the tokens of the prompt stand; they count as special. Empty where there is none.
    pub prompt: std::ops::Range<usize>,
}

impl Tokens {
    /// Number of tokens, special ones included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Number of tokens without those of the prompt, special ones included.
    pub fn of_text(&self) -> usize {
        self.len() - self.prompt.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Leaves the first tokens and the closing special one where there are more than `window`, as sentence-transformers truncates.
    /// The coverage stays that of the whole text.
    pub fn cut(&mut self, window: usize) {
        if self.len() <= window {
            return;
        }
        let beyond = window.saturating_sub(1)..self.len() - 1;
        self.ids.drain(beyond.clone());
        self.spans.drain(beyond.clone());
        self.special.drain(beyond);
    }
}

/// The tokenizer refused a text. Its message does not repeat the text.
#[derive(Debug, thiserror::Error)]
#[error("the tokenizer could not read a text of {bytes} bytes; check that tokenizer.json belongs to this model")]
pub struct TokenizeError {
    /// Length of the text.
    bytes: usize,
}

/// A Hugging Face tokenizer that never truncates and never pads.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unknown: Option<u32>,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    ///
    /// # Errors
    /// The reason in the parser's words.
    pub fn parse(json: &[u8], origin: &Path) -> Result<Tokenizer, String> {
        // The parser of some model types panics instead of returning an error.
        let parsed = std::panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(json));
        let mut inner = match parsed {
            Ok(Ok(inner)) => inner,
            Ok(Err(error)) => {
                return Err(format!(
                    "cannot read {} as a tokenizer: {error}; download the model again",
                    origin.display()
                ));
            }
            Err(_) => {
                return Err(format!(
                    "cannot read {} as a tokenizer; download the model again",
                    origin.display()
                ));
            }
        };
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| format!("{}: {error}", origin.display()))?;
        let unknown = ["[UNK]", "<unk>"].iter().find_map(|token| inner.token_to_id(token));
        Ok(Tokenizer { inner, unknown })
    }

    /// Number of entries, added tokens included.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Tokens of a prompt and then of `read`, the model's reading of `source`; spans are byte ranges of `source`.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses the text.
    pub fn tokenize(&self, source: &str, read: &ModelText, prompt: &str) -> Result<Tokens, TokenizeError> {
        let refused = || TokenizeError { bytes: source.len() };
        // Both in one text, as sentence-transformers joins them: some vocabularies have words with the space before them.
        let text = match prompt.is_empty() {
            true => Cow::Borrowed(read.as_str()),
            false => Cow::Owned(format!("{prompt}{}", read.as_str())),
        };
        let encoding = self.inner.encode(&*text, true).map_err(|_| refused())?;
        let mut special: Vec<bool> = encoding
            .get_special_tokens_mask()
            .iter()
            .map(|mask| *mask == 1)
            .collect();
        let begins = prompt.len();
        let in_prompt = |token: &usize| !special[*token] && encoding.get_offsets()[*token].1 <= begins;
        let first = special.iter().take_while(|special| **special).count();
        let count = match begins {
            0 => 0,
            _ => (first..special.len()).take_while(in_prompt).count(),
        };
        let prompt = first..first + count;
        special[prompt.clone()].fill(true);
        let spans: Vec<ByteRange> = encoding
            .get_offsets()
            .iter()
            .zip(&special)
            .map(|((start, end), special)| {
                if *special {
                    0..0
                } else {
                    read.source_range(start.saturating_sub(begins)..end.saturating_sub(begins))
                }
            })
            .collect();
        let ids = encoding.get_ids().to_vec();
        let coverage = self.coverage(source, &ids, &spans);
        Ok(Tokens {
            ids,
            spans,
            special,
            coverage,
            prompt,
        })
    }

    /// Share of letters covered by a token other than the unknown one.
    fn coverage(&self, source: &str, ids: &[u32], spans: &[ByteRange]) -> f32 {
        let known = ids
            .iter()
            .zip(spans)
            .filter(|(id, _)| Some(**id) != self.unknown)
            .map(|(_, span)| span);
        let mut read = vec![false; source.len()];
        for span in known {
            read[span.clone()].fill(true);
        }
        let letters = source.char_indices().filter(|(_, c)| c.is_alphabetic());
        let (total, seen) = letters.fold((0u32, 0u32), |(total, seen), (at, _)| {
            (total + 1, seen + u32::from(read[at]))
        });
        if total == 0 { 1.0 } else { seen as f32 / total as f32 }
    }
}
