//! Tokenization that maps each token to its bytes in the source.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use tokenizers::{Encoding, NormalizedString, Normalizer};

use super::guarded::guarded;
use super::letter_case::{self, LetterCase};
use super::pipeline::Pipeline;
use super::vetting::{Vetted, vet};
use crate::text::{ByteRange, ModelText, floor_char};

/// The tokens of one text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tokens {
    /// Ids in the model's vocabulary, special tokens included.
    pub ids: Vec<u32>,
    /// The range of each token in the source; empty for special tokens.
    pub spans: Vec<ByteRange>,
    /// Whether the tokenizer added the token ([CLS], [SEP], `<s>` …).
    pub special: Vec<bool>,
    /// Share of the text's letters that the vocabulary contains, 0 to 1; 1 if the text has none.
    pub coverage: f32,
    /// The range of the prompt's tokens, which count as special; empty without a prompt.
    pub prompt: std::ops::Range<usize>,
}

impl Tokens {
    /// Number of tokens, special tokens included.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Number of tokens of the text: without special tokens and those of the prompt.
    pub fn of_text(&self) -> usize {
        self.special.iter().filter(|special| !**special).count()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Truncates to `window` tokens and keeps the closing special token, as sentence-transformers does.
    /// The coverage remains that of the whole text.
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

/// Maximum number of bytes of a text after normalization and splitting. Each costs the tokenizer some twenty bytes of memory.
const MOST_BYTES: f64 = (32 << 20) as f64;

/// The same maximum for a part of a text while its growth is measured.
const MOST_OF_PART: f64 = (1 << 20) as f64;

/// Length of a test text of one repeated letter, on which backtracking patterns are slow. A usual tokenizer takes microseconds.
const PROBE: usize = 256;

/// Maximum time for all test texts, on a busy machine.
const SLOWEST: Duration = Duration::from_secs(3);

/// Settings for reading a tokenizer.json.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether the file is embedded in the program, so that no checks are needed.
    pub trusted: bool,
    /// The settings of the folder's other files about upper and lower case.
    pub case: LetterCase,
}

/// A Hugging Face tokenizer that never truncates and never pads.
pub struct Tokenizer {
    inner: Pipeline,
    unknown: Option<u32>,
    padding: Option<u32>,
    /// Bounds for the growth of texts; `None` for a trusted file.
    vetted: Option<Vetted>,
    /// Maximum number of characters in a word; WordPiece treats longer words as unknown.
    longest_word: Option<usize>,
    /// Whether the folder's other files changed the treatment of upper and lower case.
    pub(super) recased: bool,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    ///
    /// # Errors
    /// Says what is wrong with which file, and what to do.
    pub fn parse(json: &[u8], origin: &Path, reading: Reading) -> Result<Tokenizer, String> {
        let refused = |reason: &str| {
            format!(
                "cannot read {} as a tokenizer: {reason}; download the model again",
                origin.display()
            )
        };
        let vetted = match reading.trusted {
            true => None,
            false => Some(vet(json).map_err(|reason| refused(&reason))?),
        };
        // The parser panics on some model types instead of returning an error.
        let parsed = guarded(|| Pipeline::parse(json));
        let mut inner = match parsed {
            Some(Ok(inner)) => inner,
            Some(Err(error)) => return Err(refused(&error.to_string())),
            None => return Err(refused("its parts do not fit together")),
        };
        let (normalizer, recased) = letter_case::apply(inner.normalizer().cloned(), reading.case);
        if recased {
            inner
                .set_normalizer(normalizer)
                .map_err(|error| refused(&error.to_string()))?;
        }
        let unknown = ["[UNK]", "<unk>"].iter().find_map(|token| inner.id(token));
        let padding = ["[PAD]", "<pad>"].iter().find_map(|token| inner.id(token));
        let longest_word = inner.longest_word();
        Ok(Tokenizer {
            inner,
            unknown,
            padding,
            vetted,
            longest_word,
            recased,
        })
    }

    /// A token without meaning: the padding token, or else the unknown token.
    pub fn blank(&self) -> Option<u32> {
        self.padding.or(self.unknown)
    }

    /// Tokenizes some test texts, which detects a tokenizer that always fails.
    ///
    /// # Errors
    /// Says what is wrong, without the name of the file. `rows` is the number of tokens in the weights.
    pub(super) fn probe(&self, rows: usize) -> Result<(), String> {
        let (start, same) = (Instant::now(), "a".repeat(PROBE));
        for text in [
            "",
            "a",
            "Hello, World! 42",
            "naïve café",
            "我爱编程 😀",
            "x\ty\r\n",
            "\u{1F9D1}\u{200D}\u{1F4BB}\0",
            &same,
        ] {
            let encoding = self
                .encode(text, true)
                .ok_or_else(|| format!("it cannot read {text:?}: its parts do not fit together"))?;
            if let Some(id) = encoding.get_ids().iter().find(|id| **id as usize >= rows) {
                return Err(format!("it produces token id {id}, but the weights have {rows} rows"));
            }
        }
        match start.elapsed() > SLOWEST {
            true => Err(format!("it takes {:.0?} for some hundred characters", start.elapsed())),
            false => Ok(()),
        }
    }

    /// The encoding by the tokenizers crate; `None` if it fails, panics, or would take too much memory.
    fn encode(&self, text: &str, special: bool) -> Option<Encoding> {
        if !self.fits(text) {
            return None;
        }
        guarded(|| self.inner.encode(text, special))?.ok()
    }

    /// Whether a text stays small enough: by the bound for all texts, or else by measuring its parts.
    fn fits(&self, text: &str) -> bool {
        let Some(vetted) = self.vetted else { return true };
        if text.len() as f64 * vetted.normalized * vetted.split <= MOST_BYTES {
            return true;
        }
        let Some(normalizer) = self.inner.normalizer() else {
            return false;
        };
        let part = (MOST_OF_PART / vetted.normalized) as usize;
        let (mut rest, mut bytes) = (text, 0.0);
        while !rest.is_empty() && bytes <= MOST_BYTES {
            let (now, later) = rest.split_at(floor_char(rest, part.max(4)));
            let mut normalized = NormalizedString::from(now);
            match guarded(|| normalizer.normalize(&mut normalized)) {
                Some(Ok(())) => bytes += normalized.len() as f64 * vetted.split,
                _ => return false,
            }
            rest = later;
        }
        bytes <= MOST_BYTES
    }

    /// Number of entries, added tokens included.
    pub fn vocabulary(&self) -> usize {
        self.inner.vocabulary()
    }

    /// The text of some tokens without special tokens; empty if the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> String {
        guarded(|| self.inner.decode(ids))
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    /// The special tokens that a text can spell, longest first.
    pub(super) fn special(&self) -> Vec<String> {
        self.inner.special()
    }

    /// The vocabulary entry of a token.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.token(id)
    }

    /// The id of a vocabulary entry.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.id(token)
    }

    /// The mask token of a masked language model, and its id.
    pub fn mask(&self) -> Option<(&'static str, u32)> {
        let masks = ["[MASK]", "<mask>"].into_iter();
        masks.filter_map(|mask| Some((mask, self.id(mask)?))).next()
    }

    /// The ids of a text without special tokens; empty if the tokenizer refuses it.
    pub fn pieces(&self, text: &str) -> Vec<u32> {
        self.encode(text, false)
            .map_or_else(Vec::new, |encoding| encoding.get_ids().to_vec())
    }

    /// Tokens of a prompt followed by `read`, the model text of `source`; spans are byte ranges of `source`.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses the text.
    pub fn tokenize(&self, source: &str, read: &ModelText, prompt: &str) -> Result<Tokens, TokenizeError> {
        let refused = || TokenizeError { bytes: source.len() };
        // Prompt and text form one string, as in sentence-transformers, because some vocabularies have words with a leading space.
        let text = match prompt.is_empty() {
            true => Cow::Borrowed(read.as_str()),
            false => Cow::Owned(format!("{prompt}{}", read.as_str())),
        };
        let encoding = self.encode(&text, true).ok_or_else(refused)?;
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
                    let range = read.source_range(start.saturating_sub(begins)..end.saturating_sub(begins));
                    floor_char(source, range.start)..floor_char(source, range.end)
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

    /// The tokens of a question and a text as a pair, and their types; only the text's tokens are not special.
    /// `read` is the model text of `source`; spans are byte ranges of `source`.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses a text or does not support pairs.
    pub fn tokenize_pair(
        &self,
        question: &str,
        source: &str,
        read: &ModelText,
    ) -> Result<(Tokens, Vec<u32>), TokenizeError> {
        let refused = || TokenizeError { bytes: source.len() };
        if !self.fits(question) || !self.fits(read.as_str()) {
            return Err(refused());
        }
        let pair = (question.to_owned(), read.as_str().to_owned());
        let encoding = guarded(|| self.inner.encode(pair, true))
            .and_then(Result::ok)
            .ok_or_else(refused)?;
        let mut tokens = Tokens {
            ids: encoding.get_ids().to_vec(),
            coverage: 1.0,
            ..Tokens::default()
        };
        let mask = encoding
            .get_special_tokens_mask()
            .iter()
            .zip(encoding.get_sequence_ids());
        for ((mask, sequence), (start, end)) in mask.zip(encoding.get_offsets()) {
            let own = *mask == 0 && sequence == Some(1);
            tokens.special.push(!own);
            tokens.spans.push(match own {
                true => {
                    let range = read.source_range(*start..*end);
                    floor_char(source, range.start)..floor_char(source, range.end)
                }
                false => 0..0,
            });
        }
        Ok((tokens, encoding.get_type_ids().to_vec()))
    }

    /// Share of letters covered by a token other than the unknown token.
    /// A word that is unknown only because of its length counts by its parts, since the vocabulary may contain its letters.
    fn coverage(&self, source: &str, ids: &[u32], spans: &[ByteRange]) -> f32 {
        let mut seen = vec![false; source.len()];
        let is_unknown = |id: &u32| Some(*id) == self.unknown;
        for (_, span) in ids.iter().zip(spans).filter(|(id, _)| !is_unknown(id)) {
            seen[span.clone()].fill(true);
        }
        // Afterwards, because the mark of a word's beginning shares the place of its first letter.
        for (_, span) in ids.iter().zip(spans).filter(|(id, _)| is_unknown(id)) {
            let own = &mut seen[span.clone()];
            own.fill(false);
            self.mark_parts(&source[span.clone()], own);
        }
        let letters = source.char_indices().filter(|(_, c)| c.is_alphabetic());
        let (total, seen) = letters.fold((0u32, 0u32), |(total, read), (at, _)| {
            (total + 1, read + u32::from(seen[at]))
        });
        if total == 0 { 1.0 } else { seen as f32 / total as f32 }
    }

    /// Marks the readable parts of a word that exceeds the limit on characters.
    fn mark_parts(&self, word: &str, seen: &mut [bool]) {
        // Normalization may merge two characters into one, so that parts have half the limit.
        let Some(half) = self.longest_word.map(|longest| (longest / 2).max(1)) else {
            return;
        };
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).step_by(half).collect();
        if starts.len() < 2 {
            return;
        }
        for (index, &start) in starts.iter().enumerate() {
            let part = &word[start..starts.get(index + 1).copied().unwrap_or(word.len())];
            let Some(encoding) = self.encode(part, false) else {
                continue;
            };
            for (id, (from, to)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
                if Some(*id) != self.unknown
                    && let Some(own) = seen.get_mut(start + from..start + to)
                {
                    own.fill(true);
                }
            }
        }
    }
}
