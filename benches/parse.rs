//! The cost of parsing in a separate process: first a whole text, then after each typed key.
//!
//! `cargo bench --bench parse -- FILE…` prints the median and the 99th percentile of both ways, measured in turn in one run.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark")]

use std::time::{Duration, Instant};

use fovea::parser::{Processes, Program};
use fovea::segment::{InProcess, Parser, Purpose, Syntax};
use fovea::text::{Language, Snapshot};

/// The number of keys typed into each file.
const KEYS: usize = 400;

fn main() {
    let children = Processes::new(Program {
        path: env!("CARGO_BIN_EXE_fovea").into(),
        arguments: vec!["parser".into()],
    });
    println!(
        "{:<40} {:>8}  {:>23}  {:>23}",
        "file", "bytes", "here: first, p50, p99", "child: first, p50, p99"
    );
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let language = Language::from_path(path.as_ref());
        let mut first = Snapshot::new(&text, 0, language);
        let (here, here_first) = timed(|| InProcess.parse(&first, Purpose::Document));
        let (there, there_first) = timed(|| children.parse(&first, Purpose::Document));
        let (Ok(mut here), Ok(mut there)) = (here, there) else {
            continue;
        };
        let mut times: [Vec<Duration>; 2] = Default::default();
        for key in 0..KEYS {
            // Bursts of eight letters, from the beginning to the end.
            let rope = first.rope();
            let burst = rope.len_chars() * (key / 8) * 8 / KEYS;
            let at = rope.char_to_byte((burst + key % 8).min(rope.len_chars()));
            let letter = ["l", "e", "t", " ", "x", "=", "1", ";"][key % 8];
            let Some(next) = first.replaced(at..at, letter) else {
                continue;
            };
            // The order alternates, because the second way has warm caches.
            for way in [key % 2, 1 - key % 2] {
                let tree: &mut Syntax = if way == 0 { &mut here } else { &mut there };
                let (syntax, took) = timed(|| tree.tree().parse_again(&next));
                times[way].push(took);
                if let Ok(syntax) = syntax {
                    *tree = syntax;
                }
            }
            first = next;
        }
        let [here, there] = times.map(|mut times| {
            times.sort();
            (times[times.len() / 2], times[times.len() * 99 / 100])
        });
        let shown = |first: Duration, (median, late): (Duration, Duration)| {
            format!("{:>7.2} {:>7.2} {:>7.2}", ms(first), ms(median), ms(late))
        };
        println!(
            "{path:<40} {:>8}  {}  {}",
            text.len(),
            shown(here_first, here),
            shown(there_first, there)
        );
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
