//! The contents of a comparison for any markup: strongest pairs, corresponding words, the common part.

use std::collections::HashMap;

use crate::explain::{Centered, Link, PairReport, Side};
use crate::text::Language;

/// The centered cosine, followed by the similarity that lenses show if it differs. It differs for models other than the embedded one, and
/// between two languages.
pub(super) fn score(centered: &Centered) -> String {
    let cosine = format!("centered cosine {:.4}", centered.cosine);
    match (centered.similarity - centered.cosine).abs() < 5e-5 {
        true => cosine,
        false => format!("{cosine}, similarity {:.4}", centered.similarity),
    }
}

/// A comparison with the texts of its passages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared<'a> {
    pub report: &'a PairReport,
    pub a: &'a str,
    pub b: &'a str,
}

/// Two words of the passages, with the contribution of all their pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WordPair<'a> {
    pub a: &'a str,
    pub b: &'a str,
    pub sum: f32,
    /// The number of their pairs.
    pub count: usize,
}

/// A word of one passage, with the contribution of all its occurrences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OwnWord<'a> {
    pub word: &'a str,
    /// To the raw cosine.
    pub raw: f32,
    /// To the centered one.
    pub centered: f32,
}

impl<'a> Compared<'a> {
    /// The pairs of words that contribute most. Words that occur several times are listed once, with the sum. `None` if the matrix was not
    /// requested.
    pub fn pairs(self) -> Option<Vec<WordPair<'a>>> {
        let mut sums: HashMap<(&str, &str), (f32, usize)> = HashMap::new();
        for (i, left) in self.report.a.words.iter().enumerate() {
            for (right, value) in self.report.b.words.iter().zip(self.report.row(i)?) {
                let (sum, count) = sums.entry((&self.a[left.clone()], &self.b[right.clone()])).or_default();
                (*sum, *count) = (*sum + value, *count + 1);
            }
        }
        let pairs = sums
            .into_iter()
            .map(|((a, b), (sum, count))| WordPair { a, b, sum, count });
        let mut pairs: Vec<WordPair> = pairs.collect();
        pairs.sort_by(|x, y| y.sum.total_cmp(&x.sum).then_with(|| (x.a, x.b).cmp(&(y.a, y.b))));
        Some(pairs)
    }

    /// The corresponding words with the contribution of each pair, largest first. `None` if the matrix was not requested.
    pub fn links(self) -> Option<Vec<(&'a str, &'a str, f32, Link)>> {
        let (a, b) = (&self.report.a.words, &self.report.b.words);
        let links = self.report.alignment.iter().map(|link| {
            let (left, right) = (&self.a[a[link.a].clone()], &self.b[b[link.b].clone()]);
            Some((left, right, self.report.row(link.a)?[link.b], *link))
        });
        let mut links: Vec<_> = links.collect::<Option<_>>()?;
        links.sort_by(|(.., x, _), (.., y, _)| y.abs().total_cmp(&x.abs()));
        Some(links)
    }

    /// The words of each passage by their contribution to the centered cosine, largest first. `None` if no means were given.
    pub fn own_words(self) -> Option<[Vec<OwnWord<'a>>; 2]> {
        let centered = self.report.centered.as_ref()?;
        let words = |side: &Side, own: &[f32], text: &'a str| {
            let mut sums: HashMap<&str, (f32, f32)> = HashMap::new();
            for ((range, raw), centered) in side.words.iter().zip(&side.scores).zip(own) {
                let sum = sums.entry(&text[range.clone()]).or_default();
                *sum = (sum.0 + raw, sum.1 + centered);
            }
            let words = sums
                .into_iter()
                .map(|(word, (raw, centered))| OwnWord { word, raw, centered });
            let mut words: Vec<OwnWord> = words.collect();
            words.sort_by(|x, y| y.centered.total_cmp(&x.centered).then_with(|| x.word.cmp(y.word)));
            words
        };
        Some([
            words(&self.report.a, &centered.a.scores, self.a),
            words(&self.report.b, &centered.b.scores, self.b),
        ])
    }

    /// A sentence that splits the cosine into the languages' common part and the rest.
    pub fn common(self, languages: [Language; 2]) -> Option<String> {
        let centered = self.report.centered.as_ref()?;
        let [a, b] = languages.map(Language::name);
        let known = [(a, centered.a.known), (b, centered.b.known)];
        let mut missing: Vec<&str> = known
            .iter()
            .filter(|(_, known)| !known)
            .map(|(name, _)| *name)
            .collect();
        missing.dedup();
        let languages = if a == b { a.to_owned() } else { format!("{a}, {b}") };
        let own = self.report.cosine - centered.common;
        let mut said = format!(
            "of the cosine, {:+.4} is common to the language ({languages}), {own:+.4} the passages' own",
            centered.common
        );
        if !missing.is_empty() {
            said += &format!("; the index knows no mean of {}", missing.join(" and "));
        }
        Some(said)
    }
}
