//! `fovea compare` in a terminal: both passages with what their words add, the strongest pairs, the corresponding words.

use std::collections::HashMap;
use std::fmt::Write;

use super::paint::{Paint, Palette, printable};
use crate::explain::{PairReport, Side};
use crate::render::heat::{UNDERSTOOD, levels_of};
use crate::text::{ByteRange, Snapshot};

/// How many lines the lists of pairs and of corresponding words have.
const TOP: usize = 16;

/// The comparison of two passages, each a range of a snapshot.
pub fn compare(
    report: &PairReport,
    (a, in_a): (&Snapshot, &ByteRange),
    (b, in_b): (&Snapshot, &ByteRange),
    palette: Palette,
) -> String {
    let paint = Paint(palette);
    let (text_a, text_b) = (a.text(in_a.clone()), b.text(in_b.clone()));
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint.bold(&format!("cosine {:.4}", report.cosine)));
    passage(&mut out, "a", &report.a, &text_a, paint);
    passage(&mut out, "b", &report.b, &text_b, paint);
    pairs(&mut out, report, &text_a, &text_b, paint);
    correspondence(&mut out, report, &text_a, &text_b, paint);
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
fn pairs(out: &mut String, report: &PairReport, a: &str, b: &str, paint: Paint) {
    let mut sums: HashMap<(&str, &str), (f32, usize)> = HashMap::new();
    for (i, left) in report.a.words.iter().enumerate() {
        for (right, value) in report.b.words.iter().zip(report.row(i)) {
            let (sum, count) = sums.entry((&a[left.clone()], &b[right.clone()])).or_default();
            (*sum, *count) = (*sum + value, *count + 1);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(x, (more, _)), (y, (less, _))| less.total_cmp(more).then_with(|| x.cmp(y)));
    let _ = writeln!(out, "\n{}", paint.bold("pairs of words that add most"));
    for ((left, right), (sum, count)) in sums.into_iter().take(TOP) {
        let places = if count > 1 {
            paint.dim(&format!("  {count} pairs"))
        } else {
            String::new()
        };
        let _ = writeln!(out, "  {sum:+.4}  {} × {}{places}", printable(left), printable(right));
    }
}

/// The corresponding words, those that add most first.
fn correspondence(out: &mut String, report: &PairReport, a: &str, b: &str, paint: Paint) {
    let mut links: Vec<_> = report
        .alignment
        .iter()
        .map(|link| (report.row(link.a)[link.b], link))
        .collect();
    links.sort_by(|(x, _), (y, _)| y.abs().total_cmp(&x.abs()));
    let _ = writeln!(out, "\n{}", paint.bold("corresponding words"));
    for (weight, link) in links.iter().take(TOP) {
        let (left, right) = (&a[report.a.words[link.a].clone()], &b[report.b.words[link.b].clone()]);
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
