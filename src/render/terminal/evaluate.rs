//! `fovea evaluate` in a terminal: one method per line, the most faithful first.

use std::fmt::Write;

use super::found::clean;
use super::paint::{Page, Palette};
use crate::explain::evaluate::{Row, SURVIVES, Table};

/// Characters of the longest bar.
const BAR: f32 = 16.0;

/// Writes the table, and explains its columns.
pub fn evaluation(table: &Table, palette: Palette) -> Page {
    let mut out = Page::new(palette);
    let Table {
        model, units, methods, ..
    } = table;
    out.bold(format_args!("{} · {}", clean(model), table.extent()));
    let (normalized, scrambled) = (
        methods.iter().any(|row| row.normalized.is_some()),
        methods.iter().any(|row| row.random_weights.is_some()),
    );
    let mut head = format!("\n\n{:<22}{:>6}  {:<13}", "", "compr.", "95 % interval");
    if normalized {
        head += &format!("{:>7}", "norm.");
    }
    head += &format!("{:>8}{:>8}", "suff.", "τ LOO");
    if scrambled {
        head += &format!("{:>10}", "random w.");
    }
    head += &format!("{:>10}\n", "ms");
    out.dim(head);
    let most = methods
        .iter()
        .map(|row| row.comprehensiveness)
        .fold(f32::MIN_POSITIVE, f32::max);
    for row in methods {
        line(&mut out, (row, *units), (normalized, scrambled), most);
    }
    notes(&mut out, table, (normalized, scrambled));
    out
}

fn line(out: &mut Page, (row, units): (&Row, usize), (normalized, scrambled): (bool, bool), most: f32) {
    let [low, high] = row.interval;
    let _ = write!(
        out,
        "{:<22}{:>6.3}  {low:.3} – {high:.3}",
        row.method, row.comprehensiveness
    );
    if normalized {
        let _ = match row.normalized {
            Some(share) => write!(out, "{share:>7.2}"),
            None => write!(out, "{:>7}", ""),
        };
    }
    let _ = write!(out, "{:>8.3}{:>8.2}", row.sufficiency, row.tau_loo);
    if scrambled {
        let _ = match row.random_weights {
            Some(tau) => write!(out, "{tau:>9.2}{}", if row.survives_random_weights { "!" } else { " " }),
            None => write!(out, "{:>10}", ""),
        };
    }
    let bar = "█".repeat((row.comprehensiveness / most * BAR).round().max(0.0) as usize);
    let _ = write!(out, "{:>10.1}  {bar}", row.ms);
    if row.units < units {
        out.dim(format_args!(" {} units", row.units));
    }
    let _ = writeln!(out);
}

fn notes(out: &mut Page, table: &Table, (normalized, scrambled): (bool, bool)) {
    let mut notes = format!(
        "\ncompr.: {} without the first 5, 10, 20, 30 and 50 % of the words, mean; higher is better\n\
         suff.: the same with only those words left; lower is better\n\
         τ LOO: rank correlation with deleting each word alone\n",
        table.measure
    );
    if normalized {
        notes += "norm.: compr. between random order (0) and a greedy search (1)\n";
    }
    if scrambled {
        notes += "random w.: rank correlation with the method's scores on the same model with random weights; should be near 0\n";
    }
    let survivors: Vec<&str> = table
        .methods
        .iter()
        .filter(|row| row.survives_random_weights)
        .map(|row| row.method)
        .collect();
    if table.methods.len() > 1 {
        notes += "JSON and HTML also have soft erasure, small edits, areas under curves, and how alike methods are\n";
    }
    if !survivors.is_empty() {
        notes += &format!(
            "! over {SURVIVES}: {} hardly depends on what the model learned\n",
            survivors.join(", ")
        );
    }
    out.dim(notes);
}
