//! Serialization of results. A result that is read back equals the stored one bit by bit; a damaged row is not read back at all.
//!
//! A row begins with a checksum over its address and the rest. Numbers are little-endian: integers in groups of seven bits, lowest
//! first; scores and embeddings as `f32`, because `f16` would not be equal.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::super::address::Key;
use super::super::{Read, SourcesReport, UnitReport, WordScore};
use crate::explain::Method;

const SUM: usize = 8;
const UNIT: u8 = 1;
const SOURCES: u8 = 2;

/// A stored result.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// An explanation.
    Unit(Arc<UnitReport>),
    /// The sources of the words of a text.
    Sources(Arc<SourcesReport>),
}

/// Serializes a result.
pub fn encode(key: Key, entry: &Entry) -> Vec<u8> {
    let mut bytes = vec![0; SUM];
    match entry {
        Entry::Unit(report) => {
            bytes.push(UNIT);
            unit(report, &mut bytes);
        }
        Entry::Sources(report) => {
            bytes.push(SOURCES);
            whole(report.words as u64, &mut bytes);
            floats(&report.shares, &mut bytes);
        }
    }
    let sum = checksum(key, &bytes[SUM..]);
    bytes[..SUM].copy_from_slice(&sum);
    bytes
}

/// Deserializes a result; `None` if the bytes are not those written at this address.
pub fn decode(key: Key, bytes: &[u8]) -> Option<Entry> {
    let (sum, rest) = bytes.split_at_checked(SUM)?;
    if sum != checksum(key, rest) {
        return None;
    }
    let mut rest = Rest(rest);
    let entry = match rest.take(1)? {
        [UNIT] => Entry::Unit(Arc::new(rest.unit()?)),
        [SOURCES] => {
            let words = usize::try_from(rest.whole()?).ok()?;
            let shares = rest.floats()?;
            // Rows of the report are slices of `shares`, which must not run over its end.
            (words.checked_mul(words)? == shares.len())
                .then(|| Entry::Sources(SourcesReport { shares, words }.into()))?
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(entry)
}

fn checksum(key: Key, bytes: &[u8]) -> [u8; SUM] {
    let mut hash = Sha256::new();
    hash.update(key.bytes());
    hash.update(bytes);
    let mut sum = [0; SUM];
    sum.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    sum
}

fn unit(report: &UnitReport, bytes: &mut Vec<u8>) {
    let name = report.method.name();
    bytes.push(name.len() as u8);
    bytes.extend_from_slice(name.as_bytes());
    whole(report.tokens as u64, bytes);
    whole(report.special as u64, bytes);
    for number in [
        report.coverage,
        report.bias_share,
        report.special_share,
        report.residual,
        report.ms,
    ] {
        float(number, bytes);
    }
    floats(&report.embedding, bytes);
    bytes.push(u8::from(report.multilingual.is_some()));
    if let Some(read) = report.multilingual {
        whole(read.tokens as u64, bytes);
        float(read.coverage, bytes);
    }
    whole(report.words.len() as u64, bytes);
    let mut last = 0;
    for word in &report.words {
        // Words are in order, so that differences are small; wrapping also handles words out of order.
        whole((word.range.start as u64).wrapping_sub(last), bytes);
        whole((word.range.end as u64).wrapping_sub(word.range.start as u64), bytes);
        last = word.range.end as u64;
        whole(u64::from(word.rank), bytes);
        float(word.score, bytes);
    }
}

fn whole(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn float(number: f32, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn floats(numbers: &[f32], bytes: &mut Vec<u8>) {
    whole(numbers.len() as u64, bytes);
    numbers.iter().for_each(|number| float(*number, bytes));
}

/// The bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn whole(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let &[byte] = self.take(1)? else { return None };
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn float(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn floats(&mut self) -> Option<Vec<f32>> {
        let count = usize::try_from(self.whole()?).ok()?;
        let bytes = self.take(count.checked_mul(4)?)?;
        let float = |four: &[u8]| Some(f32::from_le_bytes(four.try_into().ok()?));
        bytes.chunks_exact(4).map(float).collect()
    }

    fn unit(&mut self) -> Option<UnitReport> {
        let &[length] = self.take(1)? else { return None };
        let name = std::str::from_utf8(self.take(length.into())?).ok()?;
        let method = Method::from_name(name)?;
        let tokens = usize::try_from(self.whole()?).ok()?;
        let special = usize::try_from(self.whole()?).ok()?;
        let [coverage, bias_share, special_share, residual, ms] = [
            self.float()?,
            self.float()?,
            self.float()?,
            self.float()?,
            self.float()?,
        ];
        let embedding = self.floats()?.into();
        let multilingual = match self.take(1)? {
            [0] => None,
            [1] => Some(Read {
                tokens: usize::try_from(self.whole()?).ok()?,
                coverage: self.float()?,
            }),
            _ => return None,
        };
        let count = usize::try_from(self.whole()?).ok()?;
        // A word takes at least seven bytes, so that a damaged count cannot reserve more memory than that.
        let mut words = Vec::with_capacity(count.min(self.0.len() / 7));
        let mut last = 0u64;
        for _ in 0..count {
            let start = last.wrapping_add(self.whole()?);
            let end = start.wrapping_add(self.whole()?);
            last = end;
            words.push(WordScore {
                range: usize::try_from(start).ok()?..usize::try_from(end).ok()?,
                rank: u32::try_from(self.whole()?).ok()?,
                score: self.float()?,
            });
        }
        Some(UnitReport {
            method,
            words,
            tokens,
            special,
            coverage,
            bias_share,
            special_share,
            residual,
            embedding,
            ms,
            multilingual,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::address::{Kind, Setting};
    use crate::text::Language;

    fn key() -> Key {
        let setting = Setting {
            model: "m".into(),
            method: Method::Decomposition,
            heads: crate::explain::Heads::default(),
            identifier_aware: true,
        };
        setting.key(Kind::Unit, "text", Language::Rust)
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    proptest! {
        /// Floats of any bits, including NaN; ranges in any order.
        #[test]
        fn a_report_is_read_back_bit_by_bit(
            words in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..50),
            embedding in prop::collection::vec(any::<u32>(), 0..400),
            numbers in any::<[u32; 5]>(),
            (tokens, special) in any::<(usize, usize)>(),
            method in 0..Method::ALL.len(),
            multilingual in prop::option::of(any::<(usize, u32)>()),
        ) {
            let float = f32::from_bits;
            let report = UnitReport {
                method: Method::ALL[method],
                words: words
                    .iter()
                    .map(|(start, end, rank, score)| WordScore {
                        range: *start as usize..*end as usize,
                        score: float(*score),
                        rank: *rank,
                    })
                    .collect(),
                tokens,
                special,
                coverage: float(numbers[0]),
                bias_share: float(numbers[1]),
                special_share: float(numbers[2]),
                residual: float(numbers[3]),
                ms: float(numbers[4]),
                embedding: embedding.iter().map(|bits| float(*bits)).collect(),
                multilingual: multilingual.map(|(tokens, coverage)| Read { tokens, coverage: float(coverage) }),
            };
            let bytes = encode(key(), &Entry::Unit(Arc::new(report.clone())));
            let Some(Entry::Unit(read)) = decode(key(), &bytes) else { panic!("not read back") };
            prop_assert_eq!(bits(&read.embedding), embedding);
            prop_assert_eq!((read.tokens, read.special), (report.tokens, report.special));
            prop_assert_eq!(read.method, report.method);
            let by_chosen = |r: &UnitReport| r.multilingual.map(|read| (read.tokens, read.coverage.to_bits()));
            prop_assert_eq!(by_chosen(&read), multilingual);
            let all = |r: &UnitReport| bits(&[r.coverage, r.bias_share, r.special_share, r.residual, r.ms]);
            prop_assert_eq!(all(&read), numbers.to_vec());
            prop_assert_eq!(read.words.len(), report.words.len());
            for (a, b) in read.words.iter().zip(&report.words) {
                prop_assert_eq!((&a.range, a.rank, a.score.to_bits()), (&b.range, b.rank, b.score.to_bits()));
            }
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(key(), &bytes).is_none());
            // Also with a valid checksum.
            let mut row = vec![0; SUM];
            row.extend_from_slice(&bytes);
            let sum = checksum(key(), &bytes);
            row[..SUM].copy_from_slice(&sum);
            let _ = decode(key(), &row);
        }
    }

    #[test]
    fn a_row_with_another_address_or_a_changed_bit_is_not_read() {
        let sources = SourcesReport {
            shares: vec![0.25; 9],
            words: 3,
        };
        let entry = Entry::Sources(Arc::new(sources));
        let bytes = encode(key(), &entry);
        assert_eq!(decode(key(), &bytes), Some(entry));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert_eq!(decode(key(), &changed), None, "byte {at}");
            assert_eq!(decode(key(), &bytes[..at]), None, "cut at {at}");
        }
        assert_eq!(decode(Key::from_bytes([7; 16]), &bytes), None);
    }
}
