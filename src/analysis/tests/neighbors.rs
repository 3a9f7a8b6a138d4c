//! Similar items among the open documents.

use super::super::lenses::{DocumentVectors, Lenses, Opened};
use super::*;
use crate::segment::{Item, ItemKind, Segments, Unit, UnitKind};
use crate::similar::Center;

const LOAD: &str =
    "fn load_config(path: Path) { let file = open(path); let text = read(file); parse(text, path, file) }\n";
const READ: &str =
    "fn read_config(path: Path) { let file = open(path); let text = read(file); parse(text, path, file) }\n";
const DRAW: &str =
    "fn draw() -> u32 { sides * sides + sides * width + sides * height + width * height + width + height }\n";

fn lenses(bench: &Bench) {
    bench.event(|event| matches!(event, Event::Neighbors).then_some(()));
}

#[test]
fn similar_functions_in_two_documents_are_neighbors_until_one_is_closed() {
    // The punctuation that all functions have makes them similar, too.
    let above = Options {
        min_similarity: 0.9,
        ..options(NEVER)
    };
    let bench = Bench::with(Arc::default(), above);
    let (a, _) = bench.open("a", &format!("{LOAD}\n{DRAW}"));
    bench.completed(1);
    let (b, _) = bench.open("b", READ);
    bench.completed(1);
    until(|| bench.analysis.neighbors(&a, 1).is_some_and(|items| !items.is_empty()));
    let items = bench.analysis.neighbors(&a, 1).expect("analyzed");
    assert_eq!(items.len(), 1, "`draw` has no neighbors: {items:?}");
    let near = &items[0].neighbors[0];
    let (id, version) = (b.clone(), 1);
    assert_eq!(near.home, Home::Document { id, version });
    let item = &near.item;
    assert_eq!((item.name.as_str(), item.kind), ("read_config", ItemKind::Function));
    assert!(near.score > 0.6 && near.score <= 1.0);
    assert_eq!(&READ[item.name_start.byte..item.name_end.byte], "read_config");
    assert!(
        bench.analysis.neighbors(&a, 2).is_none(),
        "another version is not analyzed"
    );
    while bench.events.try_recv().is_ok() {}
    bench.analysis.close(&b);
    assert!(
        bench.analysis.neighbors(&a, 1).is_some_and(|items| items.is_empty()),
        "gone at once"
    );
    lenses(&bench);
    assert!(bench.analysis.neighbors(&a, 1).is_some_and(|items| items.is_empty()));
    assert!(bench.analysis.neighbors(&b, 1).is_none());
}

#[test]
fn a_cursor_in_the_indentation_means_the_function_that_follows() {
    let bench = Bench::new(NEVER);
    let text = format!(
        "impl Loader {{\n    {}\n    fn other() {{ pass() }}\n}}\n",
        LOAD.trim_end()
    );
    let (a, _) = bench.open("a", &text);
    bench.open("b", READ);
    let around = |offset| bench.analysis.neighbors_at(&a, 1, offset).unwrap_or_default();
    let (line, name) = (
        text.find("    fn load").expect("there"),
        text.find("load_config").expect("there"),
    );
    until(|| !around(name).is_empty());
    assert_eq!(
        around(line).first().map(|found| found.item),
        around(name).first().map(|found| found.item)
    );
    assert_ne!(
        around(0).first().map(|found| found.item),
        around(name).first().map(|found| found.item)
    );
}

#[test]
fn a_higher_threshold_removes_neighbors() {
    let bench = Bench::new(NEVER);
    let (a, _) = bench.open("a", LOAD);
    bench.open("b", READ);
    until(|| bench.analysis.neighbors(&a, 1).is_some_and(|items| !items.is_empty()));
    while bench.events.try_recv().is_ok() {}
    bench.analysis.configure(Options {
        min_similarity: 0.9999,
        ..options(NEVER)
    });
    until(|| bench.analysis.neighbors(&a, 1).is_some_and(|items| items.is_empty()));
}

#[test]
fn neighbors_of_three_hundred_items_among_five_thousand_are_computed_once() {
    let document = |name: &str, items: usize, seed: usize| {
        let mut state = seed as u64;
        let mut random = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let range = |i: usize| i * 100..i * 100 + 100;
        let units = (0..items).map(|i| Unit {
            range: range(i),
            kind: UnitKind::Function,
            name: None,
            language: Language::Rust,
        });
        let named = (0..items).map(|i| Item {
            name: format!("item{i}"),
            kind: ItemKind::Function,
            range: range(i),
            name_range: range(i),
            units: i..i + 1,
        });
        let unit = |_| {
            let embedding = (0..384).map(|_| random()).collect();
            Some(Arc::new(UnitReport {
                tokens: 50,
                special: 2,
                embedding,
                ..report_of("", Method::Decomposition)
            }))
        };
        let segments = Arc::new(Segments {
            units: units.collect(),
            items: named.collect(),
            unparsed: None,
        });
        let units = (0..items).map(unit).collect();
        let report = DocumentReport {
            id: id(name),
            snapshot: rust("", 1),
            segments,
            units,
        };
        let vectors = Arc::new(DocumentVectors::of(&report));
        Opened { vectors, file: None }
    };
    let opened = vec![document("large", 4700, 1), document("asked", 300, 2)];
    let lenses = Lenses::new(opened, &[], Arc::default(), &Center::default(), None, 0.0, Detail::All);
    let first = lenses.neighbors(&id("asked"), 1).expect("known");
    assert!(first.iter().any(|item| !item.neighbors.is_empty()));
    let again = lenses.neighbors(&id("asked"), 1).expect("known");
    assert!(Arc::ptr_eq(&first, &again), "nothing is computed twice");
}

#[test]
fn only_neighbors_that_are_news_count_unless_all_are_wanted() {
    let lines = |text: &str| {
        text.replace("; ", ";\n    ")
            .replace("{ ", "{\n    ")
            .replace(" }", "\n}")
    };
    let useful = || Options {
        detail: Detail::Useful,
        ..options(NEVER)
    };
    let bench = Bench::with(Arc::default(), useful());
    let (a, _) = bench.open("a", &format!("{}\n{}", lines(LOAD), lines(DRAW)));
    let (b, _) = bench.open("b", &lines(READ));
    let (c, _) = bench.open("c", LOAD);
    let found = |id| bench.analysis.neighbors(id, 1);
    until(|| found(&a).is_some_and(|items| !items.is_empty()) && found(&c).is_some());
    let [near] = &found(&a).unwrap()[..] else {
        panic!("one item has news")
    };
    let documents: Vec<_> = near.neighbors.iter().map(|near| near.home.clone()).collect();
    assert!(near.item == 0 && documents.len() == 1, "{documents:?}");
    assert!(
        matches!(&documents[0], Home::Document { id, .. } if *id == b),
        "{documents:?}"
    );
    assert!(found(&c).unwrap().is_empty(), "one line is too short");
    bench.analysis.configure(options(NEVER));
    until(|| found(&c).is_some_and(|items| !items.is_empty()));
}
