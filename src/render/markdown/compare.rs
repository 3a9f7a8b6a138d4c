//! A comparison of two passages as Markdown, for reviews and editors.

use std::fmt::Write;

use super::code;
use crate::explain::{CenteredSide, PairReport};
use crate::render::compared::{Compared, OwnWord, score};
use crate::render::heat::UNDERSTOOD;
use crate::render::shared::{shared, summary};
use crate::text::{ByteRange, Snapshot};

/// Maximum lines of each list.
const TOP: usize = 10;

/// Writes the comparison of two passages, each a range of a snapshot. It has the cosine, the strongest pairs and the corresponding words.
/// If means were given, it also has the centered comparison.
pub fn compare(report: &PairReport, (a, in_a): (&Snapshot, &ByteRange), (b, in_b): (&Snapshot, &ByteRange)) -> String {
    let (text_a, text_b) = (a.text(in_a.clone()), b.text(in_b.clone()));
    let compared = Compared {
        report,
        a: &text_a,
        b: &text_b,
    };
    let shared = shared(compared);
    let mut out = format!(
        "**{}**\n\nCosine {:.4}, by {}.\n",
        summary(compared, &shared, code),
        report.cosine,
        code(&report.model)
    );
    for (name, side) in [("a", &report.a), ("b", &report.b)] {
        if side.coverage < UNDERSTOOD {
            let percent = side.coverage * 100.0;
            let _ = writeln!(
                out,
                "\nPassage {name} is not understood: the model's vocabulary reads {percent:.0} % of its letters."
            );
        }
    }
    if !shared.is_empty() {
        out += "\nWords that both share, with what they add at least on either side:\n\n";
    }
    for word in shared.iter().take(TOP) {
        let _ = writeln!(out, "- {:+.4} {}", word.score, code(&word.text));
    }
    if let (Some(pairs), Some(links)) = (compared.pairs(), compared.links()) {
        out += "\nPairs of words that add most:\n\n";
        for pair in pairs.iter().take(TOP) {
            let places = if pair.count > 1 {
                format!(" ({} pairs)", pair.count)
            } else {
                String::new()
            };
            let _ = writeln!(out, "- {:+.4} {} × {}{places}", pair.sum, code(pair.a), code(pair.b));
        }
        out += "\nCorresponding words:\n\n";
        for (left, right, weight, link) in links.iter().take(TOP) {
            let (left, right) = (code(left), code(right));
            let _ = writeln!(out, "- {left} ~ {right}, cosine {:.2}, adds {weight:+.4}", link.cosine);
        }
    }
    if let (Some(centered), Some(common), Some([own_a, own_b])) = (
        &report.centered,
        compared.common([a.language(), b.language()]),
        compared.own_words(),
    ) {
        let _ = writeln!(out, "\n**{}**: {common}\n", score(centered));
        own(&mut out, "a", &own_a, &centered.a);
        own(&mut out, "b", &own_b, &centered.b);
        let _ = writeln!(
            out,
            "\nResidual {:.0e}, centered {:.0e}.",
            report.residual, centered.residual
        );
    } else {
        let _ = writeln!(out, "\nResidual {:.0e}.", report.residual);
    }
    out
}

/// Writes the contributions of one passage's words to the centered cosine.
fn own(out: &mut String, name: &str, words: &[OwnWord], side: &CenteredSide) {
    let words = words.iter().take(TOP);
    let words: Vec<String> = words
        .map(|word| format!("{} {:+.4}", code(word.word), word.centered))
        .collect();
    let _ = writeln!(
        out,
        "- {name}: {} · the language {:+.4}, special tokens {:+.4}, biases {:+.4}",
        words.join(" · "),
        side.common,
        side.special,
        side.bias
    );
}
