use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{EmbeddedItem, FilePosition, IndexedItem};
use super::*;
use crate::similar::Center;
use crate::similar::words::WordCounts;
use crate::text::Snapshot;

/// Deterministic pseudorandom numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }

    fn unit(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
    }
}

const WIDTH: usize = 24;

/// A copy of one of few base texts with random changes and some frequent lines.
fn text(numbers: &mut Numbers, heading: bool) -> String {
    let (base, changes) = (numbers.below(5), numbers.below(6));
    let changed: Vec<usize> = (0..changes).map(|_| numbers.below(12)).collect();
    let name = ["left", "right", "other"][numbers.below(3)];
    let line = |line: usize| match (changed.contains(&line), line % 4) {
        (true, _) => format!("    {name}.push({line} + {changes} * {base}, {name}{line}, [{base}]);\n"),
        (false, 0) => format!("    if {name}.is_empty() {{ return Err({name}); }}\n"),
        (false, 1) => format!("    for v in 0..{base} {{ {name} += v * {line}; }}\n"),
        (false, 2) => format!(
            "    let {name}{line} = step{base}(a, b{}) {};\n",
            ", c".repeat(base),
            "+ d".repeat(line)
        ),
        (false, _) => format!(
            "    while {name}{line} < {base} {{ m{} }}\n",
            ".next()".repeat(line + base)
        ),
    };
    let words = |line: usize| {
        format!(
            "The {name} says number {line} of part {base} {} again.\n",
            "and on ".repeat(base)
        )
    };
    (0..12).map(|at| if heading { words(at) } else { line(at) }).collect()
}

/// An item near one of a few directions.
fn item(numbers: &mut Numbers, line: usize) -> (Language, EmbeddedItem) {
    let languages = [
        Language::Rust,
        Language::Rust,
        Language::JavaScript,
        Language::TypeScript,
        Language::Go,
    ];
    let mut language = languages[numbers.below(5)];
    let kind = match numbers.below(8) {
        0 => ItemKind::Type,
        1 => ItemKind::Heading,
        _ => ItemKind::Function,
    };
    if kind == ItemKind::Heading {
        language = Language::Markdown;
    }
    let topic = numbers.below(6);
    let vector: Vec<f32> = (0..WIDTH)
        .map(|axis| numbers.unit() * 0.25 + if axis % 6 == topic { 0.5 } else { 0.0 })
        .collect();
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    let vector: Arc<[f32]> = vector.iter().map(|v| v / length).collect();
    let snapshot = Snapshot::new(&"x\n".repeat(line + 40), 0, language);
    let (start, end) = (
        FilePosition::new(&snapshot, line * 2),
        FilePosition::new(&snapshot, (line + 15) * 2),
    );
    let names = ["load_config", "loadConfig", "new", "readRows", "run"];
    let item = IndexedItem {
        name: names[numbers.below(5)].into(),
        kind,
        language,
        start,
        end,
        name_start: start,
        name_end: start,
    };
    let text = text(numbers, kind == ItemKind::Heading);
    let embedded = EmbeddedItem {
        item,
        vector,
        words: WordCounts::default(),
        fingerprint: Arc::new(Fingerprint::of(&text, language)),
    };
    (language, embedded)
}

fn vector_index(seed: u64, count: usize) -> VectorIndex {
    let mut numbers = Numbers(seed);
    let mut files: Vec<(PathBuf, Vec<EmbeddedItem>)> = Vec::new();
    while files.iter().map(|(_, items)| items.len()).sum::<usize>() < count {
        let path = format!("{}{:04}.x", ["src/a", "tests/b"][numbers.below(8) / 7], files.len());
        let items = (0..1 + numbers.below(4)).map(|at| item(&mut numbers, at * 40).1);
        files.push((path.into(), items.collect()));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let files: Vec<(PathBuf, &[EmbeddedItem])> = files
        .iter()
        .map(|(path, items)| (path.clone(), items.as_slice()))
        .collect();
    VectorIndex::of_items(&files, &Center::default(), WIDTH)
}

/// The result of a plain loop over all pairs.
fn plain_loop(vector_index: &VectorIndex, base: Option<f32>, seeks: &[bool]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for a in (0..seeks.len()).filter(|a| seeks[*a]) {
        let near = (0..seeks.len()).filter(|b| *b != a && seeks[*b]).filter_map(|b| {
            let score = vector_index.cosine(a, b);
            let reached = score >= vector_index.needed(a, b, base)?;
            let accepted = base.is_some() || vector_index.decide(a, b, score).is_some();
            (reached && accepted).then_some((b, score))
        });
        let mut near: Vec<(usize, f32)> = near.collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        near.truncate(NEAREST);
        pairs.extend(near.into_iter().map(|(b, score)| (a.min(b), a.max(b), score)));
    }
    pairs.sort_by(|(a, b, x), (c, d, y)| y.total_cmp(x).then((a, b).cmp(&(c, d))));
    pairs.dedup();
    pairs
}

#[test]
fn neighbors_equal_a_plain_loop_over_all_pairs() {
    for (seed, count) in [(1, 0), (2, 1), (3, 70), (4, 400)] {
        let vector_index = vector_index(seed, count);
        let seeks: Vec<bool> = (0..vector_index.items.len()).map(|item| item % 9 != 3).collect();
        for base in [None, Some(-1.0), Some(0.3), Some(0.6), Some(0.8), Some(1.0)] {
            let found = vector_index.neighbors(base, &seeks);
            assert_eq!(
                found,
                plain_loop(&vector_index, base, &seeks),
                "{count} items, {base:?}"
            );
            let shows = count < 400 || base == Some(1.0) || found.len() > 100;
            assert!(shows, "{base:?}: {}", found.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn neighbors_of_random_items_equal_a_plain_loop(seed in any::<u64>(), base in proptest::option::of(-1.0f32..1.0)) {
        let vector_index = vector_index(seed, 90);
        let seeks = vec![true; vector_index.items.len()];
        prop_assert_eq!(vector_index.neighbors(base, &seeks), plain_loop(&vector_index, base, &seeks));
    }
}
