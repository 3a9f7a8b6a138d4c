//! An evaluation as one HTML page that needs nothing else: no script, nothing fetched, light and dark, with plots.

use std::fmt::Write;

use super::html::escape;
use crate::explain::evaluate::{Row, SURVIVES, Table};

const STYLE: &str = "\
:root{color-scheme:light dark;--page:#fff;--ink:#1d1d1f;--dim:#6e6e73;--line:#d2d2d7;\
--c0:#c2410c;--c1:#1d4ed8;--c2:#047857;--c3:#7c3aed;--c4:#b45309;--c5:#be185d;--c6:#0e7490;--c7:#4d7c0f;--c8:#6b7280;--c9:#111827;--c10:#9f1239;--c11:#4338ca;--c12:#a16207;--c13:#0f766e;--c14:#86198f}
@media(prefers-color-scheme:dark){:root{--page:#1c1c1e;--ink:#e5e5e7;--dim:#98989d;--line:#3a3a3c;\
--c0:#fb923c;--c1:#60a5fa;--c2:#34d399;--c3:#a78bfa;--c4:#fbbf24;--c5:#f472b6;--c6:#22d3ee;--c7:#a3e635;--c8:#9ca3af;--c9:#f3f4f6;--c10:#fda4af;--c11:#818cf8;--c12:#fde047;--c13:#5eead4;--c14:#e879f9}}
body{margin:2rem auto;max-width:82rem;padding:0 1rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin:2rem 0 .3rem}p{color:var(--dim);margin:.3rem 0 .8rem;max-width:48rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:0 2rem}
svg{width:100%;height:auto;display:block}
text{fill:var(--dim);font:12px system-ui,sans-serif}text.name{fill:var(--ink)}
.axis{stroke:var(--line);stroke-width:1}.curve{fill:none;stroke-width:2;stroke-linejoin:round}.chance{stroke-dasharray:5 4}
.ceiling{stroke:var(--dim);stroke-dasharray:1.5 4}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
.wide{overflow-x:auto}
th,td{padding:.3rem .5rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--dim);font-weight:500}th:first-child,td:first-child{text-align:left}
.grid td{text-align:center;border:1px solid var(--page);min-width:2.6rem;padding:.3rem .2rem}.grid th:not(:first-child){text-align:center;padding:.3rem .2rem;max-width:5rem;white-space:normal;vertical-align:bottom;font-size:.75rem}\
.grid td:first-child{text-align:right;padding-right:.7rem}\
.key{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.5em}.warn{color:var(--c0)}";

/// The page.
pub fn page(table: &Table) -> String {
    let title = format!("Faithfulness of explanations · {}", escape(&table.model));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n\
         <p>{}. Each method orders the words of a unit; the first of them are deleted, or all others are. Measured: \
         {}. Special tokens stay. Seed {}.</p>\n",
        table.extent(),
        table.measure,
        table.seed
    );
    page += "<h2>Comprehensiveness</h2>\n<p>Mean change without the first 5, 10, 20, 30 and 50 % of the words, with its 95 % interval. Higher is \
             better; random order is the floor.</p>\n";
    page += &dots(table);
    page += "<div class=\"plots\">\n<section>\n<h2>Deletion</h2>\n<p>The words of the highest scores are gone: a faithful order climbs \
             steeply.</p>\n";
    page += &curves(table, |row| row.deletion, true);
    page += "</section>\n<section>\n<h2>Insertion</h2>\n<p>Only they are left: a faithful order falls steeply.</p>\n";
    page += &curves(table, |row| row.insertion, false);
    page += "</section>\n</div>\n";
    page += &numbers(table);
    page += &agreement(table);
    page += "</html>\n";
    page
}

/// The width of a plot, and of the space left of its axis.
const WIDTH: f32 = 720.0;
const NAMES: f32 = 170.0;

/// One line for each method: the mean as a dot on its interval.
fn dots(table: &Table) -> String {
    let ceiling = table.ceiling.map(|bins| bins.iter().sum::<f32>() / bins.len() as f32);
    let most = table
        .methods
        .iter()
        .map(|row| row.interval[1])
        .fold(ceiling.unwrap_or(0.0), f32::max);
    let most = top(most);
    let (height, right) = (table.methods.len() as f32 * 26.0 + 34.0, WIDTH - 40.0);
    let x = |value: f32| NAMES + (value / most).clamp(0.0, 1.0) * (right - NAMES);
    let mut out =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Comprehensiveness by method\">\n");
    for tick in ticks(most) {
        let (at, bottom) = (x(tick), height - 26.0);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"4\" y2=\"{bottom}\"/><text x=\"{at:.1}\" y=\"{}\" \
             text-anchor=\"middle\">{}</text>",
            height - 8.0,
            short(tick)
        );
    }
    if let Some(ceiling) = ceiling {
        let at = x(ceiling);
        let _ = writeln!(
            out,
            "<line class=\"ceiling\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"4\" y2=\"{}\"><title>greedy search: {ceiling:.3}</title></line>\
             <text x=\"{:.1}\" y=\"{}\">greedy search</text>",
            height - 26.0,
            at + 4.0,
            height - 30.0
        );
    }
    for (number, row) in table.methods.iter().enumerate() {
        let y = number as f32 * 26.0 + 18.0;
        let [low, high] = row.interval.map(x);
        let at = x(row.comprehensiveness);
        let color = color(number);
        let _ = writeln!(
            out,
            "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <line x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <circle cx=\"{at:.1}\" cy=\"{y}\" r=\"5\" fill=\"{color}\"><title>{} {:.3} ({:.3} to {:.3})</title></circle>\
             <text x=\"{:.1}\" y=\"{}\">{:.3}</text>",
            NAMES - 12.0,
            y + 4.0,
            row.method,
            row.method,
            row.comprehensiveness,
            row.interval[0],
            row.interval[1],
            high + 8.0,
            y + 4.0,
            row.comprehensiveness
        );
    }
    out + "</svg>\n"
}

/// The top of a plot of curves, and the space for a name beside it.
const TOP: f32 = -24.0;
const LABEL: f32 = 15.0;

/// One curve for each method over the bins, named at its end.
fn curves(table: &Table, of: impl Fn(&Row) -> [f32; 5], climbs: bool) -> String {
    let (width, height, left, right, bottom) = (560.0f32, 384.0f32, 36.0f32, 400.0f32, 330.0f32);
    let lines: Vec<(String, String, &str, [f32; 5])> = table
        .methods
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let class = if row.method == "random" {
                "curve chance"
            } else {
                "curve"
            };
            (row.method.to_owned(), color(number), class, of(row))
        })
        .chain(table.ceiling.filter(|_| climbs).map(|bins| {
            (
                "greedy search".to_owned(),
                "var(--dim)".to_owned(),
                "curve ceiling",
                bins,
            )
        }))
        .collect();
    let most = top(lines.iter().flat_map(|(.., bins)| *bins).fold(0.0, f32::max));
    let last = table.bins[table.bins.len() - 1];
    let x = |share: f32| left + share / last * (right - left);
    let y = |turn: f32| bottom - (turn / most).clamp(0.0, 1.0) * (bottom - 10.0);
    let mut out =
        format!("<svg viewBox=\"0 {TOP} {width} {height}\" role=\"img\" aria-label=\"Change by share of words\">\n");
    for tick in ticks(most) {
        let at = y(tick);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            left - 6.0,
            at + 4.0,
            short(tick)
        );
    }
    for share in table.bins {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{:.0} %</text>",
            x(share),
            bottom + 18.0,
            share * 100.0
        );
    }
    // The deletion curve starts at 0, where nothing is deleted. The insertion curve has no point there, because an empty text has no
    // embedding.
    let start = |bins: &[f32; 5]| {
        if climbs {
            vec![(0.0, 0.0)]
        } else {
            vec![(table.bins[0], bins[0])]
        }
    };
    let mut ends: Vec<(f32, &str, &str)> = Vec::new();
    for (name, color, class, bins) in &lines {
        let points = start(bins).into_iter().chain(table.bins.into_iter().zip(*bins));
        let points: Vec<String> = points
            .map(|(share, turn)| format!("{:.1},{:.1}", x(share), y(turn)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline class=\"{class}\" stroke=\"{color}\" points=\"{}\"><title>{name}</title></polyline>",
            points.join(" ")
        );
        ends.push((y(bins[bins.len() - 1]), name, color));
    }
    // Overlapping names move apart, first from the bottom up, then down again if they would leave the plot.
    ends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut free = bottom + 8.0;
    let mut places: Vec<f32> = Vec::with_capacity(ends.len());
    for (at, ..) in &ends {
        places.push(at.min(free));
        free = places[places.len() - 1] - LABEL;
    }
    let mut least = TOP + LABEL;
    for place in places.iter_mut().rev() {
        *place = place.max(least);
        least = *place + LABEL;
    }
    for ((at, name, color), place) in ends.into_iter().zip(places) {
        let _ = writeln!(
            out,
            "<line x1=\"{right}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{place:.1}\" stroke=\"{color}\" opacity=\".5\"/>\
             <text x=\"{}\" y=\"{:.1}\" style=\"fill:{color}\">{name}</text>",
            right + 14.0,
            right + 18.0,
            place + 4.0
        );
    }
    out + "</svg>\n"
}

fn numbers(table: &Table) -> String {
    let mut out = String::from(
        "<h2>Numbers</h2>\n<div class=\"wide\"><table>\n<tr><th>method</th><th>units</th><th>compr.</th><th>95 % interval</th>\
         <th>over the default</th><th>normalized</th><th>suff.</th><th>soft compr.</th><th>soft suff.</th><th>moved</th><th>τ LOO</th>\
         <th>random w.</th><th>ms</th></tr>\n",
    );
    let maybe = |value: Option<f32>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    for (number, row) in table.methods.iter().enumerate() {
        let lead = row
            .over_default
            .map_or("–".to_owned(), |[low, high]| format!("{low:+.3} to {high:+.3}"));
        let warn = if row.survives_random_weights {
            " class=\"warn\""
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<tr><td><span class=\"key\" style=\"background:{}\"></span><span title=\"explains: {}\">{}</span></td><td>{}</td><td>{:.3}</td><td>{:.3} – {:.3}</td><td>{lead}</td>\
             <td>{}</td><td>{:.3}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td{warn}>{}</td><td>{:.1}</td></tr>",
            color(number),
            row.target,
            row.method,
            row.units,
            row.comprehensiveness,
            row.interval[0],
            row.interval[1],
            maybe(row.normalized),
            row.sufficiency,
            maybe(row.soft_comprehensiveness),
            maybe(row.soft_sufficiency),
            maybe(row.sensitivity),
            row.tau_loo,
            maybe(row.random_weights),
            row.ms
        );
    }
    let _ = writeln!(
        out,
        "</table></div>\n<p>Normalized: between random order (0) and a greedy search (1), which is no optimum, so that \
         a method may be above 1. Soft: numbers of the words' rows are erased at random instead, the more the higher (compr.) or the lower \
         (suff.) the score. Moved: how far scores move, as a part of their length, when a word that hardly matters is deleted. τ LOO: rank correlation with deleting each word alone. Random w.: rank correlation of a method's scores with \
         those on the same model with random weights; from {SURVIVES} on the explanation hardly depends on what the model learned. \
         Milliseconds: median of a unit, its pass included.</p>"
    );
    out
}

/// The agreement of methods on the order of words, as a grid.
fn agreement(table: &Table) -> String {
    let mut out = String::from(
        "<h2>Agreement</h2>\n<p>Mean Kendall’s τ-b of two methods’ scores: 1 is the same order of words, 0 no relation.</p>\n\
         <div class=\"wide\"><table class=\"grid\">\n<tr><th></th>",
    );
    for name in &table.agreement.methods {
        let _ = write!(out, "<th>{name}</th>");
    }
    out += "</tr>\n";
    for (name, row) in table.agreement.methods.iter().zip(&table.agreement.tau) {
        let _ = write!(out, "<tr><td>{name}</td>");
        for tau in row {
            let _ = match tau {
                Some(tau) => write!(
                    out,
                    "<td style=\"background:color-mix(in srgb,var(--c1) {:.0}%,transparent)\">{tau:.2}</td>",
                    tau.clamp(0.0, 1.0) * 60.0
                ),
                None => write!(out, "<td>–</td>"),
            };
        }
        out += "</tr>\n";
    }
    out + "</table></div>\n"
}

/// Number of colors in the style; every method has its own.
const COLORS: usize = 15;

fn color(number: usize) -> String {
    format!("var(--c{})", number % COLORS)
}

/// The end of an axis: the maximum, rounded up to a round step.
fn top(most: f32) -> f32 {
    let step = step(most);
    (most / step).ceil().max(1.0) * step
}

fn step(most: f32) -> f32 {
    let power = 10f32.powf((most.max(1e-6) / 4.0).log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|times| most / (times * power) <= 5.0);
    times.unwrap_or(10.0) * power
}

fn ticks(top: f32) -> Vec<f32> {
    let step = step(top);
    (0..=(top / step).round() as usize)
        .map(|tick| tick as f32 * step)
        .collect()
}

/// A number of an axis, without trailing zeros.
fn short(value: f32) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::evaluate::{Aim, Measured, Ranker, UnitMeasures};

    #[test]
    fn the_names_of_all_methods_are_inside_the_plot_and_do_not_overlap() {
        let ranker = |method: &str, turn: f32| Measured {
            ranker: method.to_owned(),
            deleted: [turn; 5],
            kept: [turn; 5],
            tau: 0.0,
            scrambled: None,
            soft_comprehensiveness: None,
            soft_sufficiency: None,
            sensitivity: None,
            ms: 1.0,
        };
        let rankers = Ranker::all();
        // All curves end at nearly the same height, at the top.
        let measured = rankers.iter().enumerate();
        let unit = UnitMeasures {
            words: 10,
            tokens: 12,
            rankers: measured
                .map(|(n, own)| ranker(own.name(), 0.99 + n as f32 * 1e-4))
                .collect(),
            ..UnitMeasures::default()
        };
        let table = Table::of("m", (1, 0), (&rankers, Aim::Embedding), (&[unit], 1));
        let plot = curves(&table, |row| row.deletion, true);
        let labels = plot.split("<text ").filter(|text| text.contains("style=\"fill:"));
        let places = labels.filter_map(|text| text.split("y=\"").nth(1)?.split('"').next()?.parse::<f32>().ok());
        let mut places: Vec<f32> = places.collect();
        places.sort_by(f32::total_cmp);
        assert_eq!(places.len(), rankers.len());
        assert!(places[0] > TOP && places[places.len() - 1] < 340.0, "{places:?}");
        assert!(places.windows(2).all(|two| two[1] - two[0] > LABEL - 0.2), "{places:?}");
        let colors: std::collections::HashSet<String> = (0..rankers.len()).map(color).collect();
        assert_eq!(colors.len(), rankers.len());
    }

    #[test]
    fn axes_end_at_round_numbers_with_few_steps() {
        for (most, expected, steps) in [(0.437, 0.5, 5), (0.9, 1.0, 5), (0.012, 0.015, 3), (1.3, 1.5, 3)] {
            let end = top(most);
            assert!((end - expected).abs() < 1e-6, "{most}: {end}");
            assert_eq!(ticks(end).len(), steps + 1, "{most}: {:?}", ticks(end));
        }
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(0.0), "0");
    }
}
