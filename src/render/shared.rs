//! Finds the words that two passages share: corresponding words with large contributions on both sides.

use std::collections::HashMap;

use super::aside::aside;
use super::compared::Compared;
use super::markdown::listed;
use super::telling::has_content;
use crate::text::ByteRange;

/// Maximum number of shared words.
const MOST: usize = 12;

/// Minimum score of a shared word, as a share of the best score.
const NEGLIGIBLE: f32 = 0.05;

/// Maximum number of shared words in the sentence.
const NAMED: usize = 4;

/// Names of types that many languages have. They describe how values are stored, not what the code does.
const TYPES: [&str; 40] = [
    "any", "array", "bool", "boolean", "box", "byte", "bytes", "callable", "char", "dict", "double", "err", "error",
    "float", "int", "integer", "iterable", "iterator", "list", "long", "map", "none", "number", "object", "ok",
    "option", "optional", "promise", "result", "short", "some", "str", "string", "tuple", "typing", "unknown", "usize",
    "vec", "vector", "void",
];

/// A word, or two corresponding words, that both passages contain.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Shared {
    /// The word; `a ~ b` for two different words.
    pub text: String,
    /// Its occurrences in the first passage, as indices into the words.
    pub a: Vec<usize>,
    /// Its occurrences in the second passage.
    pub b: Vec<usize>,
    /// Its contribution: the smaller of the sums on both sides.
    pub score: f32,
}

/// The words that both passages share, most important first.
///
/// Words correspond by the model's alignment. They are ranked by their contribution to the similarity on both sides: to the centered cosine
/// if it is known. Keywords, punctuation, names of common types, type annotations and imports are omitted.
pub(super) fn shared(compared: Compared) -> Vec<Shared> {
    let report = compared.report;
    let scores = match &report.centered {
        Some(centered) => [&centered.a.scores, &centered.b.scores],
        None => [&report.a.scores, &report.b.scores],
    };
    let aside = [aside(compared.a), aside(compared.b)];
    let says = |text: &str, range: &ByteRange, aside: &[ByteRange]| {
        let word = &text[range.clone()];
        let known_type = TYPES.binary_search(&&*word.to_lowercase()).is_ok();
        has_content(word) && !known_type && !aside.iter().any(|aside| aside.contains(&range.start))
    };
    let mut found: HashMap<(String, String), Shared> = HashMap::new();
    for link in &report.alignment {
        let (at_a, at_b) = (&report.a.words[link.a], &report.b.words[link.b]);
        if !says(compared.a, at_a, &aside[0]) || !says(compared.b, at_b, &aside[1]) {
            continue;
        }
        let (a, b) = (&compared.a[at_a.clone()], &compared.b[at_b.clone()]);
        let key = (a.to_lowercase(), b.to_lowercase());
        let text = if key.0 == key.1 {
            a.to_owned()
        } else {
            format!("{a} ~ {b}")
        };
        let (a, b) = (Vec::new(), Vec::new());
        let shared = found.entry(key).or_insert(Shared { text, a, b, score: 0.0 });
        shared.a.push(link.a);
        shared.b.push(link.b);
    }
    let sum = |indices: &[usize], scores: &[f32]| indices.iter().map(|index| scores[*index]).sum::<f32>();
    let mut found: Vec<Shared> = found.into_values().collect();
    for shared in &mut found {
        // A word that corresponds to two others counts only once.
        for side in [&mut shared.a, &mut shared.b] {
            side.sort_unstable();
            side.dedup();
        }
        shared.score = sum(&shared.a, scores[0]).min(sum(&shared.b, scores[1]));
    }
    found.sort_by(|x, y| y.score.total_cmp(&x.score).then_with(|| x.a.cmp(&y.a)));
    let least = found.first().map_or(0.0, |best| best.score * NEGLIGIBLE);
    found.retain(|shared| shared.score > 0.0 && shared.score >= least);
    found.truncate(MOST);
    found
}

/// Describes in one sentence what two passages share; `quote` writes a word of the passages.
pub(super) fn summary(compared: Compared, shared: &[Shared], quote: impl Fn(&str) -> String) -> String {
    let own: Vec<String> = shared
        .iter()
        .filter(|word| !word.text.contains(" ~ "))
        .take(NAMED)
        .map(|word| quote(&word.text))
        .collect();
    if let Some(words) = listed(&own) {
        return format!("Both use {words}.");
    }
    let alike: Vec<String> = shared
        .iter()
        .take(NAMED)
        .filter_map(|word| {
            let (a, b) = word.text.split_once(" ~ ")?;
            Some(format!("{} with {}", quote(a), quote(b)))
        })
        .collect();
    if let Some(words) = listed(&alike) {
        return format!("They share no word, but the model compares {words}.");
    }
    let strongest = |side: &crate::explain::Side, text: &str| {
        let scored = side
            .words
            .iter()
            .zip(&side.scores)
            .filter(|(range, _)| has_content(&text[(*range).clone()]));
        let best = scored.max_by(|x, y| x.1.total_cmp(y.1))?;
        Some(quote(&text[best.0.clone()]))
    };
    let report = compared.report;
    match (strongest(&report.a, compared.a), strongest(&report.b, compared.b)) {
        (Some(a), Some(b)) => format!(
            "They share no telling word; most of the similarity comes from {a} in the first and {b} in the second."
        ),
        _ => "They share no telling word.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Link, PairReport, Side};
    use crate::render::markdown::code;
    use crate::text::source_words;

    #[test]
    fn the_list_of_types_is_sorted() {
        assert!(TYPES.is_sorted());
    }

    /// A comparison in which words of the same text correspond and score as their length.
    fn compared(a: &str, b: &str) -> PairReport {
        let side = |text: &str| {
            let words: Vec<ByteRange> = source_words(text).into_iter().map(|word| word.range).collect();
            Side {
                scores: words.iter().map(|word| word.len() as f32 * 0.01).collect(),
                words,
                special: 0.0,
                bias: 0.0,
                coverage: 1.0,
            }
        };
        let (side_a, side_b) = (side(a), side(b));
        let mut alignment = Vec::new();
        for (i, left) in side_a.words.iter().enumerate() {
            let same = |right: &ByteRange| a[left.clone()] == b[right.clone()];
            if let Some(j) = side_b.words.iter().position(same) {
                alignment.push(Link {
                    a: i,
                    b: j,
                    cosine: 1.0,
                });
            }
        }
        PairReport {
            cosine: 0.8,
            residual: 0.0,
            a: side_a,
            b: side_b,
            pairs: None,
            alignment,
            centered: None,
            model: "fake".to_owned(),
            ms: 0.0,
        }
    }

    const OPEN: &str =
        "def open_session(self, app: Flask) -> Session | None:\n    import hashlib\n    return cookie.load(str(app))\n";
    const SAVE: &str = "def save_session(self, app: Flask) -> Session:\n    import hashlib\n    cookie.dump(str(app))\n    return True\n";

    #[test]
    fn annotations_imports_and_common_types_are_not_shared_words() {
        let report = compared(OPEN, SAVE);
        let compared = Compared {
            report: &report,
            a: OPEN,
            b: SAVE,
        };
        let shared = shared(compared);
        let words: Vec<&str> = shared.iter().map(|word| &*word.text).collect();
        assert_eq!(words, ["cookie", "app"]);
        assert_eq!(summary(compared, &shared, code), "Both use `cookie` and `app`.");
    }

    #[test]
    fn passages_without_a_common_word_say_so() {
        let report = compared("alpha beta", "gamma delta");
        let compared = Compared {
            report: &report,
            a: "alpha beta",
            b: "gamma delta",
        };
        let said = summary(compared, &shared(compared), code);
        assert_eq!(
            said,
            "They share no telling word; most of the similarity comes from `alpha` in the first and `delta` in the second."
        );
    }
}
