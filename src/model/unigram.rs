//! The unigram language model of SentencePiece (Kudo, ACL 2018), as the tokenizers crate reads it, in a small part of its memory.
//!
//! The crate keeps a tree with a hash map at each byte: 80 MB for the 101,074 entries of multilingual-e5-small. Here the entries stand one
//! after the other in the order of their bytes. Each byte of a text narrows the range of entries that begin like it, and an entry of that
//! length comes first in the range.
//!
//! A text is divided into the entries with the largest sum of scores (Viterbi 1967). A character that no entry covers costs ten more than the
//! least likely entry; such characters in a row are one unknown token, or the entries of their bytes (`<0x41>`).

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenizers::models::unigram::UnigramTrainer;
use tokenizers::{Model, Token};

/// What an uncovered character costs beyond the least likely entry.
const PENALTY: f64 = 10.0;

/// The model in a tokenizer.json.
#[derive(Debug, Deserialize)]
pub(super) struct UnigramFile {
    unk_id: Option<u32>,
    vocab: Vec<(String, f64)>,
    #[serde(default)]
    byte_fallback: bool,
    /// Sampling, which makes tokens a matter of chance. Fovea leaves that to the crate.
    alpha: Option<f64>,
}

/// A vocabulary with scores.
pub(super) struct Unigram {
    /// The entries' texts by id, one after the other.
    texts: String,
    /// The end of each text.
    ends: Vec<u32>,
    /// Logarithms of probabilities by id.
    scores: Vec<f64>,
    /// Ids in the order of their texts. Of equal texts, only the last id.
    order: Vec<u32>,
    /// The entries in `order` by their first byte: those of byte b stand before `first[b + 1]`.
    first: Vec<u32>,
    /// The score of an uncovered character.
    uncovered: f64,
    unknown: Option<u32>,
    byte_fallback: bool,
}

/// The best division of a text up to a byte: its score, and its last entry.
#[derive(Debug, Clone, Copy)]
struct Best {
    score: f64,
    start: usize,
    /// The last entry; `None` for an uncovered character.
    id: Option<u32>,
}

/// A part of a text.
struct Part {
    range: Range<usize>,
    /// Its entry; `None` for uncovered characters.
    id: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
#[error("the text has a character that the vocabulary does not cover, and the vocabulary has no unknown token")]
struct Uncovered;

impl UnigramFile {
    /// Whether tokens are drawn at random.
    pub(super) fn samples(&self) -> bool {
        self.alpha.is_some_and(|alpha| alpha != 0.0)
    }
}

impl Unigram {
    /// Builds the model.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub(super) fn new(file: UnigramFile) -> Result<Unigram, String> {
        let count = file.vocab.len();
        if file.unk_id.is_some_and(|id| id as usize >= count) {
            return Err(format!("its unknown token is entry {:?} of {count}", file.unk_id));
        }
        let bytes: usize = file.vocab.iter().map(|(text, _)| text.len()).sum();
        if u32::try_from(bytes.max(count)).is_err() {
            return Err("its vocabulary is larger than 4 GB".to_owned());
        }
        let mut unigram = Unigram {
            texts: String::with_capacity(bytes),
            ends: Vec::with_capacity(count),
            scores: Vec::with_capacity(count),
            order: (0..count as u32).collect(),
            first: vec![0; 257],
            uncovered: file.vocab.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min) - PENALTY,
            unknown: file.unk_id,
            byte_fallback: file.byte_fallback,
        };
        for (text, score) in &file.vocab {
            unigram.texts.push_str(text);
            unigram.ends.push(unigram.texts.len() as u32);
            unigram.scores.push(*score);
        }
        let mut order = std::mem::take(&mut unigram.order);
        order.sort_unstable_by(|a, b| unigram.text(*a).cmp(unigram.text(*b)).then(b.cmp(a)));
        order.dedup_by(|later, kept| unigram.text(*later) == unigram.text(*kept));
        for id in &order {
            if let Some(byte) = unigram.byte(*id, 0) {
                unigram.first[usize::from(byte) + 1] += 1;
            }
        }
        // An empty entry is first, and no text begins with it.
        let empty = order.first().is_some_and(|id| unigram.text(*id).is_empty());
        unigram.first[0] = u32::from(empty);
        (1..257).for_each(|byte| unigram.first[byte] += unigram.first[byte - 1]);
        unigram.order = order;
        Ok(unigram)
    }

    fn text(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] as usize };
        &self.texts[start..self.ends[id] as usize]
    }

    fn byte(&self, id: u32, at: usize) -> Option<u8> {
        self.text(id).as_bytes().get(at).copied()
    }

    fn id(&self, text: &str) -> Option<u32> {
        let found = self.order.binary_search_by(|id| self.text(*id).cmp(text));
        found.ok().map(|place| self.order[place])
    }

    /// Calls `f` with the length and id of each entry that the bytes begin with, shortest first.
    fn prefixes(&self, bytes: &[u8], mut f: impl FnMut(usize, u32)) {
        let Some(byte) = bytes.first() else { return };
        let mut range = self.first[usize::from(*byte)] as usize..self.first[usize::from(*byte) + 1] as usize;
        for length in 1.. {
            let Some(shortest) = self.order.get(range.clone()).and_then(<[u32]>::first) else {
                return;
            };
            if self.text(*shortest).len() == length {
                f(length, *shortest);
            }
            let Some(byte) = bytes.get(length) else { return };
            range = self.narrowed(range, length, *byte);
        }
    }

    /// Those entries of a range that have a byte at a place.
    fn narrowed(&self, range: Range<usize>, at: usize, byte: u8) -> Range<usize> {
        let own = &self.order[range.clone()];
        let start = own.partition_point(|id| self.byte(*id, at) < Some(byte));
        let count = own[start..].partition_point(|id| self.byte(*id, at) == Some(byte));
        range.start + start..range.start + start + count
    }

    /// The best division of a text.
    fn divided(&self, text: &str) -> Result<Vec<Part>, Uncovered> {
        let mut best: Vec<Option<Best>> = vec![None; text.len() + 1];
        let put = |best: &mut Vec<Option<Best>>, end: usize, own: Best| {
            if best[end].is_none_or(|known| own.score > known.score) {
                best[end] = Some(own);
            }
        };
        for (start, character) in text.char_indices() {
            let before = best[start].map_or(0.0, |known| known.score);
            let width = character.len_utf8();
            let mut covered = false;
            self.prefixes(&text.as_bytes()[start..], |length, id| {
                covered |= length == width;
                let score = self.scores[id as usize] + before;
                put(
                    &mut best,
                    start + length,
                    Best {
                        score,
                        start,
                        id: Some(id),
                    },
                );
            });
            if !covered {
                if self.unknown.is_none() {
                    return Err(Uncovered);
                }
                let score = self.uncovered + before;
                put(&mut best, start + width, Best { score, start, id: None });
            }
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut end = text.len();
        while let Some(own) = best[end].filter(|_| end > 0) {
            // The entry of the unknown token, should a text contain it, joins unknown characters as well.
            let id = own.id.filter(|id| Some(*id) != self.unknown);
            match parts.last_mut() {
                Some(last) if last.id.is_none() && id.is_none() => last.range.start = own.start,
                _ => parts.push(Part {
                    range: own.start..end,
                    id,
                }),
            }
            end = own.start;
        }
        parts.reverse();
        Ok(parts)
    }

    /// The entries of a text's bytes, if the vocabulary has all of them.
    fn bytes(&self, text: &str) -> Option<Vec<(u32, String)>> {
        let entry = |byte: u8| {
            let name = format!("<0x{byte:02X}>");
            self.id(&name).map(|id| (id, name))
        };
        text.bytes().map(entry).collect()
    }
}

impl Model for Unigram {
    type Trainer = UnigramTrainer;

    fn tokenize(&self, text: &str) -> tokenizers::Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for Part { range, id } in self.divided(text)? {
            let own = &text[range.clone()];
            let offsets = (range.start, range.end);
            // Joined unknown characters may be an entry together.
            match id.or_else(|| self.id(own)) {
                Some(id) => tokens.push(Token::new(id, own.to_owned(), offsets)),
                None => match self.byte_fallback.then(|| self.bytes(own)).flatten() {
                    Some(bytes) => {
                        let token = |(id, name)| Token::new(id, name, offsets);
                        tokens.extend(bytes.into_iter().map(token));
                    }
                    None => tokens.push(Token::new(self.unknown.ok_or(Uncovered)?, own.to_owned(), offsets)),
                },
            }
        }
        Ok(tokens)
    }

    fn token_to_id(&self, token: &str) -> Option<u32> {
        self.id(token)
    }

    fn id_to_token(&self, id: u32) -> Option<String> {
        ((id as usize) < self.ends.len()).then(|| self.text(id).to_owned())
    }

    fn get_vocab(&self) -> HashMap<String, u32> {
        self.order.iter().map(|id| (self.text(*id).to_owned(), *id)).collect()
    }

    fn get_vocab_size(&self) -> usize {
        self.ends.len()
    }

    fn save(&self, _: &Path, _: Option<&str>) -> tokenizers::Result<Vec<PathBuf>> {
        Err("Fovea only reads vocabularies".into())
    }

    fn get_trainer(&self) -> UnigramTrainer {
        UnigramTrainer::default()
    }
}
