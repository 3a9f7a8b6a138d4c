//! `fovea compare` in a terminal: what the passages share, both texts with what their words add, the strongest pairs where they were
//! asked for, the corresponding words.

use std::fmt::Write;

use super::paint::{Paint, Palette, printable};
use crate::explain::{PairReport, Side};
use crate::render::compared::{Compared, WordPair, score};
use crate::render::heat::{UNDERSTOOD, levels_of};
use crate::render::shared::{shared, summary};
use crate::text::{ByteRange, Snapshot};

/// How many lines the lists of pairs and of corresponding words have.
const TOP: usize = 16;

/// How many words of each passage are named without what its language has in common.
const OWN: usize = 8;

/// The comparison of two passages, each a range of a snapshot.
pub fn compare(
    report: &PairReport,
    (a, in_a): (&Snapshot, &ByteRange),
    (b, in_b): (&Snapshot, &ByteRange),
    palette: Palette,
) -> String {
    let paint = Paint(palette);
    let (text_a, text_b) = (a.text(in_a.clone()), b.text(in_b.clone()));
    let compared = Compared {
        report,
        a: &text_a,
        b: &text_b,
    };
    let mut out = String::new();
    let shared = shared(compared);
    let _ = writeln!(out, "{}", paint.bold(&summary(compared, &shared)));
    let _ = writeln!(out, "cosine {:.4}", report.cosine);
    let words: Vec<String> = shared
        .iter()
        .map(|word| format!("{} {:+.3}", printable(&word.text), word.score))
        .collect();
    if !words.is_empty() {
        let _ = writeln!(out, "shared: {}", words.join(" · "));
    }
    passage(&mut out, "a", &report.a, &text_a, paint);
    passage(&mut out, "b", &report.b, &text_b, paint);
    pairs(&mut out, compared, paint);
    correspondence(&mut out, compared, paint);
    if let Some(common) = compared.common([a.language(), b.language()]) {
        own(&mut out, compared, &common, paint);
    }
    let figures = format!("residual {:.0e}, {:.0} ms", report.residual, report.ms);
    let _ = writeln!(out, "\n{}", paint.dim(&figures));
    out
}

fn passage(out: &mut String, name: &str, side: &Side, text: &str, paint: Paint) {
    let _ = writeln!(out, "\n{}", paint.bold(name));
    let mut from = 0;
    for (range, level) in side.words.iter().zip(levels_of(&side.scores)) {
        out.push_str(&printable(&text[from..range.start]));
        out.push_str(&paint.heat(&printable(&text[range.clone()]), level));
        from = range.end;
    }
    let _ = writeln!(out, "{}", printable(text[from..].trim_end()));
    let rest = format!("special tokens {:+.3}, biases {:+.3}", side.special, side.bias);
    let _ = writeln!(out, "{}", paint.dim(&rest));
    if side.coverage < UNDERSTOOD {
        let percent = side.coverage * 100.0;
        let _ = writeln!(
            out,
            "not understood: the model's vocabulary reads {percent:.0} % of its letters"
        );
    }
}

/// The pairs of words that add most; words that stand in several places are named once, with the sum.
fn pairs(out: &mut String, compared: Compared, paint: Paint) {
    let Some(pairs) = compared.pairs() else { return };
    let _ = writeln!(out, "\n{}", paint.bold("pairs of words that add most"));
    for WordPair { a, b, sum, count } in pairs.into_iter().take(TOP) {
        let places = if count > 1 {
            paint.dim(&format!("  {count} pairs"))
        } else {
            String::new()
        };
        let _ = writeln!(out, "  {sum:+.4}  {} × {}{places}", printable(a), printable(b));
    }
}

/// The corresponding words, those that add most first.
fn correspondence(out: &mut String, compared: Compared, paint: Paint) {
    let Some(links) = compared.links() else { return };
    let _ = writeln!(out, "\n{}", paint.bold("corresponding words"));
    for (left, right, weight, link) in links.iter().take(TOP) {
        let detail = paint.dim(&format!("cosine {:.2}, adds {weight:+.4}", link.cosine));
        let _ = writeln!(out, "  {} ~ {}  {detail}", printable(left), printable(right));
    }
    if links.len() > TOP {
        let _ = writeln!(
            out,
            "  {}",
            paint.dim(&format!("and {} more that add less", links.len() - TOP))
        );
    }
}

/// What is left without what the languages have in common.
fn own(out: &mut String, compared: Compared, common: &str, paint: Paint) {
    let (Some(centred), Some([a, b])) = (&compared.report.centred, compared.own_words()) else {
        return;
    };
    let _ = writeln!(out, "\n{}\n{common}", paint.bold(&score(centred)));
    for (name, words, side) in [("a", a, &centred.a), ("b", b, &centred.b)] {
        let _ = writeln!(out, "words of {name} that add most to it");
        for word in words.iter().take(OWN) {
            let raw = paint.dim(&format!("  {:+.4} to the raw cosine", word.raw));
            let _ = writeln!(out, "  {:+.4}  {}{raw}", word.centred, printable(word.word));
        }
        let rest = format!(
            "the language {:+.3}, special tokens {:+.3}, biases {:+.3}",
            side.common, side.special, side.bias
        );
        let _ = writeln!(out, "  {}", paint.dim(&rest));
    }
    let _ = writeln!(out, "{}", paint.dim(&format!("residual {:.0e}", centred.residual)));
}
