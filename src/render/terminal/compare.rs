//! `fovea compare` in a terminal: shared words, both texts with contributions, strongest pairs (if requested), corresponding words.

use std::fmt::{Display, Write};

use super::found::clean;
use super::paint::{Page, Palette};
use crate::explain::{PairReport, Side};
use crate::render::compared::{Compared, WordPair, score};
use crate::render::heat::{UNDERSTOOD, levels_of};
use crate::render::shared::{shared, summary};
use crate::text::{ByteRange, Snapshot};

/// Maximum lines of the lists of pairs and of corresponding words.
const TOP: usize = 16;

/// Maximum words of each passage in the centered comparison.
const OWN: usize = 8;

/// The comparison of two passages, each a range of a snapshot.
pub fn compare(
    report: &PairReport,
    (a, in_a): (&Snapshot, &ByteRange),
    (b, in_b): (&Snapshot, &ByteRange),
    palette: Palette,
) -> Page {
    let (text_a, text_b) = (a.text(in_a.clone()), b.text(in_b.clone()));
    let compared = Compared {
        report,
        a: &text_a,
        b: &text_b,
    };
    let mut out = Page::new(palette);
    let shared = shared(compared);
    out.bold(summary(compared, &shared, clean));
    let _ = writeln!(out, "\ncosine {:.4}", report.cosine);
    let words: Vec<String> = shared
        .iter()
        .map(|word| format!("{} {:+.3}", clean(&word.text), word.score))
        .collect();
    if !words.is_empty() {
        let _ = writeln!(out, "shared: {}", words.join(" · "));
    }
    passage(&mut out, "a", &report.a, &text_a);
    passage(&mut out, "b", &report.b, &text_b);
    pairs(&mut out, compared);
    correspondence(&mut out, compared);
    if let Some(common) = compared.common([a.language(), b.language()]) {
        own(&mut out, compared, &common);
    }
    let _ = out.write_char('\n');
    dim_line(
        &mut out,
        format_args!(
            "{}, residual {:.0e}, {:.0} ms",
            clean(&report.model),
            report.residual,
            report.ms
        ),
    );
    out
}

fn heading(out: &mut Page, text: &str) {
    let _ = out.write_char('\n');
    out.bold(text);
    let _ = out.write_char('\n');
}

fn dim_line(out: &mut Page, text: impl Display) {
    out.dim(text);
    let _ = out.write_char('\n');
}

fn passage(out: &mut Page, name: &str, side: &Side, text: &str) {
    heading(out, name);
    let mut from = 0;
    for (range, level) in side.words.iter().zip(levels_of(&side.scores)) {
        let _ = out.write_str(&text[from..range.start]);
        out.heat(&text[range.clone()], level);
        from = range.end;
    }
    let _ = writeln!(out, "{}", text[from..].trim_end());
    dim_line(
        out,
        format_args!("special tokens {:+.3}, biases {:+.3}", side.special, side.bias),
    );
    if side.coverage < UNDERSTOOD {
        let percent = side.coverage * 100.0;
        let _ = writeln!(
            out,
            "not understood: the model's vocabulary reads {percent:.0} % of its letters"
        );
    }
}

/// Writes the pairs of words that contribute most. Words that occur several times are listed once, with the sum.
fn pairs(out: &mut Page, compared: Compared) {
    let Some(pairs) = compared.pairs() else { return };
    heading(out, "pairs of words that add most");
    for WordPair { a, b, sum, count } in pairs.into_iter().take(TOP) {
        let _ = write!(out, "  {sum:+.4}  {} × {}", clean(a), clean(b));
        if count > 1 {
            out.dim(format_args!("  {count} pairs"));
        }
        let _ = out.write_char('\n');
    }
}

/// Writes the corresponding words, largest contribution first.
fn correspondence(out: &mut Page, compared: Compared) {
    let Some(links) = compared.links() else { return };
    heading(out, "corresponding words");
    for (left, right, weight, link) in links.iter().take(TOP) {
        let _ = write!(out, "  {} ~ {}  ", clean(left), clean(right));
        dim_line(out, format_args!("cosine {:.2}, adds {weight:+.4}", link.cosine));
    }
    if links.len() > TOP {
        let _ = out.write_str("  ");
        dim_line(out, format_args!("and {} more that add less", links.len() - TOP));
    }
}

/// Writes the centered comparison.
fn own(out: &mut Page, compared: Compared, common: &str) {
    let (Some(centered), Some([a, b])) = (&compared.report.centered, compared.own_words()) else {
        return;
    };
    heading(out, &score(centered));
    let _ = writeln!(out, "{common}");
    for (name, words, side) in [("a", a, &centered.a), ("b", b, &centered.b)] {
        let _ = writeln!(out, "words of {name} that add most to it");
        for word in words.iter().take(OWN) {
            let _ = write!(out, "  {:+.4}  {}", word.centered, clean(word.word));
            dim_line(out, format_args!("  {:+.4} to the raw cosine", word.raw));
        }
        let rest = format!(
            "the language {:+.3}, special tokens {:+.3}, biases {:+.3}",
            side.common, side.special, side.bias
        );
        let _ = out.write_str("  ");
        dim_line(out, rest);
    }
    dim_line(out, format_args!("residual {:.0e}", centered.residual));
}
