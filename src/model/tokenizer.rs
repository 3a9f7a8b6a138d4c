//! Tokens with the source bytes they stand for.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use tokenizers::{Encoding, ModelWrapper, NormalizedString, Normalizer};

use super::guarded::guarded;
use super::letter_case::{self, LetterCase};
use super::vetting::{Vetted, vet};
use crate::text::{ByteRange, ModelText, floor_char};

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

/// The most bytes that a text may become on its way to the model's vocabulary. Each of them costs the tokenizer some twenty bytes.
const MOST_BYTES: f64 = (32 << 20) as f64;

/// The same for a part of a text that is only measured.
const MOST_OF_PART: f64 = (1 << 20) as f64;

/// The length of a text of one letter, on which patterns that try every way to match are slow. A usual tokenizer takes microseconds.
const PROBE: usize = 256;

/// What all trials of a tokenizer may take, on a machine that is busy with other things.
const SLOWEST: Duration = Duration::from_secs(3);

/// How a tokenizer.json is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// The file is a part of the program, so that nothing of it has to be checked.
    pub trusted: bool,
    /// What the folder's other files say about upper and lower case.
    pub case: LetterCase,
}

/// A Hugging Face tokenizer that never truncates and never pads.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    unknown: Option<u32>,
    padding: Option<u32>,
    /// How texts may grow; `None` where nothing was checked.
    vetted: Option<Vetted>,
    /// WordPiece takes a word of more characters for unknown, whatever it is made of.
    longest_word: Option<usize>,
    /// Whether the folder's other files changed its treatment of upper and lower case.
    pub(super) recased: bool,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    ///
    /// # Errors
    /// What is wrong with which file, and what to do.
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
        // The parser of some model types panics instead of returning an error.
        let parsed = guarded(|| tokenizers::Tokenizer::from_bytes(json));
        let mut inner = match parsed {
            Some(Ok(inner)) => inner,
            Some(Err(error)) => return Err(refused(&error.to_string())),
            None => return Err(refused("its parts do not fit together")),
        };
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| refused(&error.to_string()))?;
        let (normalizer, recased) = letter_case::apply(inner.get_normalizer().cloned(), reading.case);
        if recased {
            inner
                .with_normalizer(normalizer)
                .map_err(|error| refused(&error.to_string()))?;
        }
        let unknown = ["[UNK]", "<unk>"].iter().find_map(|token| inner.token_to_id(token));
        let padding = ["[PAD]", "<pad>"].iter().find_map(|token| inner.token_to_id(token));
        let longest_word = match inner.get_model() {
            ModelWrapper::WordPiece(model) => Some(model.max_input_chars_per_word),
            _ => None,
        };
        Ok(Tokenizer {
            inner,
            unknown,
            padding,
            vetted,
            longest_word,
            recased,
        })
    }

    /// The token that says nothing: what pads a text, or without one what stands for a letter that the vocabulary does not know.
    pub fn blank(&self) -> Option<u32> {
        self.padding.or(self.unknown)
    }

    /// Tries some texts, so that a tokenizer that fails on any text is found out while it is loaded.
    ///
    /// # Errors
    /// What is wrong, without the name of the file. `rows` is how many tokens the weights know.
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
                return Err(format!("it gives the token {id}, and the weights know {rows}"));
            }
        }
        match start.elapsed() > SLOWEST {
            true => Err(format!("it takes {:.0?} for some hundred characters", start.elapsed())),
            false => Ok(()),
        }
    }

    /// The crate's reading of a text; `None` where it refuses, panics, or would take too much memory.
    fn encode(&self, text: &str, special: bool) -> Option<Encoding> {
        if !self.fits(text) {
            return None;
        }
        guarded(|| self.inner.encode(text, special))?.ok()
    }

    /// Whether a text stays small enough: by the bound that holds for all texts, else by what its parts become.
    fn fits(&self, text: &str) -> bool {
        let Some(vetted) = self.vetted else { return true };
        if text.len() as f64 * vetted.normalized * vetted.split <= MOST_BYTES {
            return true;
        }
        let Some(normalizer) = self.inner.get_normalizer() else {
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
        self.inner.get_vocab_size(true)
    }

    /// The text of some tokens, without special ones; nothing where the tokenizer cannot say.
    pub fn decode(&self, ids: &[u32]) -> String {
        guarded(|| self.inner.decode(ids, true))
            .and_then(Result::ok)
            .unwrap_or_default()
    }

    /// The text of one token as the vocabulary has it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The token that the vocabulary writes so.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The mask of a masked model, as it is written, and its id.
    pub fn mask(&self) -> Option<(&'static str, u32)> {
        let masks = ["[MASK]", "<mask>"].into_iter();
        masks.filter_map(|mask| Some((mask, self.id(mask)?))).next()
    }

    /// The ids of a text without special tokens; nothing where the tokenizer refuses it.
    pub fn pieces(&self, text: &str) -> Vec<u32> {
        self.encode(text, false)
            .map_or_else(Vec::new, |encoding| encoding.get_ids().to_vec())
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

    /// A question and a text as the tokenizer joins them: all tokens, where only those of the text are not special, and their types. `read` is
    /// the model's reading of `source`, of which spans are byte ranges.
    ///
    /// # Errors
    /// [`TokenizeError`] if the tokenizer refuses a text, or joins none.
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

    /// Share of letters covered by a token other than the unknown one. A word that is unknown for its length alone counts as its parts do:
    /// the vocabulary may well have its letters.
    fn coverage(&self, source: &str, ids: &[u32], spans: &[ByteRange]) -> f32 {
        let mut seen = vec![false; source.len()];
        for (id, span) in ids.iter().zip(spans) {
            let own = &mut seen[span.clone()];
            match Some(*id) == self.unknown {
                false => own.fill(true),
                true => self.mark_parts(&source[span.clone()], own),
            }
        }
        let letters = source.char_indices().filter(|(_, c)| c.is_alphabetic());
        let (total, seen) = letters.fold((0u32, 0u32), |(total, read), (at, _)| {
            (total + 1, read + u32::from(seen[at]))
        });
        if total == 0 { 1.0 } else { seen as f32 / total as f32 }
    }

    /// Marks what the vocabulary can read of a word that is over the limit on characters, part by part.
    fn mark_parts(&self, word: &str, seen: &mut [bool]) {
        // Normalization may make two characters of one, so parts have half of the limit.
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
