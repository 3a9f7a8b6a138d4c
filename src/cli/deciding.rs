//! The words that decided a result, as JSON and in a terminal, for `predict` and `classify`.

use serde::Serialize;

use crate::explain::{Method, Parts};
use crate::render::decided::Section;
use crate::render::json::{ExplainWord, JsonPosition};
use crate::render::terminal::printable;
use crate::text::{ByteRange, Snapshot};

/// Maximum words of a list in a terminal.
const TOP: usize = 12;

/// The explanation of a number.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Deciding {
    /// The kind of the number: `logit`, `log_probability`, `difference`.
    pub target: &'static str,
    /// The method that explains it.
    pub method: &'static str,
    /// The number.
    pub value: f32,
    /// What belongs to no word: the contribution of the model's constants; the number for a text of padding (integrated gradients) or without
    /// words (shap).
    pub bias: f32,
    /// The contribution of special tokens.
    pub special: f32,
    /// |value - (words + special + bias)|; absent if the method does not sum to the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual: Option<f32>,
    /// Milliseconds.
    pub ms: f32,
    /// The words, in order.
    pub words: Vec<ExplainWord>,
}

impl Deciding {
    /// Explains a number with its parts in a document.
    pub(super) fn new(
        parts: Parts,
        document: &Snapshot,
        (target, method, ms): (&'static str, &'static str, f32),
    ) -> Deciding {
        Deciding {
            target,
            method,
            value: parts.value as f32,
            bias: parts.bias as f32,
            special: parts.special as f32,
            residual: parts.residual.map(|residual| residual as f32),
            ms,
            words: words(document, parts.ranges.into_iter(), &parts.scores),
        }
    }

    /// The words in an excerpt of their document that begins at a byte, and the line about the sum.
    pub(super) fn section(&self, heading: String, (text, first): (String, usize)) -> Section {
        let end = first + text.len();
        let inside = self
            .words
            .iter()
            .filter(|word| word.start.byte >= first && word.end.byte <= end);
        let against = self.words.iter().any(|word| word.score < 0.0);
        let legend = against.then(|| "Underlined words speak against it.".to_owned());
        Section {
            heading,
            words: inside
                .map(|word| (word.start.byte - first..word.end.byte - first, word.score))
                .collect(),
            text,
            notes: legend.into_iter().chain([self.sum()]).collect(),
            ..Section::default()
        }
    }

    /// What belongs to no word.
    fn left(&self) -> &'static str {
        match Method::from_name(self.method) {
            Some(Method::IntegratedGradients) => "a text of padding",
            Some(Method::Shap) => "a text without words",
            _ => "biases",
        }
    }

    /// The words with the largest contributions, positive or negative, the largest first.
    pub(super) fn most(&self, count: usize) -> Vec<&ExplainWord> {
        let mut order: Vec<&ExplainWord> = self.words.iter().filter(|word| word.score != 0.0).collect();
        order.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
        order.truncate(count);
        order
    }

    /// Writes the words with the largest positive and negative contributions, and the rest in one line.
    pub(super) fn in_words(&self, out: &mut String) {
        let order = self.most(usize::MAX);
        let most = order.first().map_or(1.0, |word| word.score.abs());
        for word in order.iter().take(TOP) {
            let bar = "█".repeat(((word.score.abs() / most * 10.0).round() as usize).max(1));
            let text = printable(&word.text);
            let line = word.start.line + 1;
            *out += &format!("  {:>+8.3}  {bar:<10}  {text:<24}  line {line}\n", word.score);
        }
        if order.len() > TOP {
            let rest: f32 = order[TOP..].iter().map(|word| word.score).sum();
            *out += &format!("  {rest:>+8.3}  {} other words\n", order.len() - TOP);
        }
        *out += &format!("  {}\n", self.sum());
    }

    /// The sum of words, special tokens and biases, in a line.
    pub(super) fn sum(&self) -> String {
        match self.residual {
            Some(residual) => format!(
                "special tokens {:+.3}, {} {:+.3}; all sum to {:+.3} but for {residual:.0e} ({}, {:.0} ms)",
                self.special,
                self.left(),
                self.bias,
                self.value,
                self.method,
                self.ms
            ),
            None => format!(
                "special tokens {:+.3}; these do not sum to the {} {:+.3} ({}, {:.0} ms)",
                self.special,
                self.target.replace('_', "-"),
                self.value,
                self.method,
                self.ms
            ),
        }
    }
}

/// Words of a document with their scores and ranks.
fn words(document: &Snapshot, ranges: impl Iterator<Item = ByteRange>, scores: &[f32]) -> Vec<ExplainWord> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut ranks = vec![0; scores.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as u32 + 1;
    }
    let word = |(range, (score, rank)): (ByteRange, (&f32, u32))| ExplainWord {
        text: document.text(range.clone()).into_owned(),
        start: JsonPosition::new(document, range.start),
        end: JsonPosition::new(document, range.end),
        score: *score,
        rank,
    };
    ranges.zip(scores.iter().zip(ranks)).map(word).collect()
}
