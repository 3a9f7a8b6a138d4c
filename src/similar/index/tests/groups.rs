//! Groups of similar items.

use super::*;
use crate::similar::Center;
use crate::similar::words::WordCounts;
use crate::text::Snapshot;

/// An item on some lines of its file, with a vector at an angle (degrees).
fn item(name: &str, kind: ItemKind, lines: std::ops::Range<usize>, angle: f32) -> EmbeddedItem {
    let text = "x\n".repeat(lines.end + 1);
    let snapshot = Snapshot::new(&text, 0, Language::Rust);
    let (start, end) = (
        FilePosition::new(&snapshot, lines.start * 2),
        FilePosition::new(&snapshot, lines.end * 2),
    );
    let item = IndexedItem {
        name: name.into(),
        kind,
        language: Language::Rust,
        start,
        end,
        name_start: start,
        name_end: start,
    };
    let (sin, cos) = angle.to_radians().sin_cos();
    let vector = vec![cos, sin].into();
    let words = WordCounts::default();
    EmbeddedItem {
        item,
        vector,
        words,
        fingerprint: Arc::default(),
    }
}

/// A path with its items.
type File<'a> = (&'a str, Vec<EmbeddedItem>);

/// The groups of some files: scores in hundredths, and the names of members.
fn groups(files: &[File], base: f32, lines: u32) -> Vec<(f32, Vec<String>)> {
    let files = files
        .iter()
        .map(|(path, items)| (PathBuf::from(path), items.as_slice()));
    let files: Vec<(PathBuf, &[EmbeddedItem])> = files.collect();
    // One vector gives a zero mean, so vectors are not centered.
    let center = Center::of(
        std::iter::once((Language::Rust, [1.0f32, 0.0].as_slice())),
        Arc::default(),
    );
    let vector_index = VectorIndex::of_items(&files, &center, 2);
    let found = vector_index.groups(&Grouping {
        base: Some(base),
        lines,
        filter: Filter::default(),
    });
    let name = |member: &Found| format!("{}:{}", member.path.display(), member.item.name);
    let summary = |group: &Group| ((group.score * 100.0).round(), group.members.iter().map(name).collect());
    found.iter().map(summary).collect()
}

use ItemKind::{Function, Type};

#[test]
fn all_pairs_of_a_group_are_similar_so_a_chain_is_not_a_group() {
    let chain: Vec<_> = (0..6)
        .map(|i| item(&format!("f{i}"), Function, i * 10..i * 10 + 9, i as f32 * 28.0))
        .collect();
    let found = groups(&[("a.rs", chain)], 0.85, 1);
    // 28 degrees are similar (.88), 56 are not. Rounding decides which of the equal pairs is first.
    assert!(
        found.len() >= 2 && found.iter().all(|(score, names)| *score == 88.0 && names.len() == 2),
        "{found:?}"
    );
    let near: Vec<_> = (0..6)
        .map(|i| item(&format!("f{i}"), Function, i * 10..i * 10 + 9, i as f32 * 5.0))
        .collect();
    let found = groups(&[("a.rs", near)], 0.85, 1);
    assert_eq!((found.len(), found[0].1.len(), found[0].0), (1, 6, 91.0));
}

#[test]
fn another_file_needs_a_higher_score_and_overloads_are_not_grouped() {
    let at = |name: &str, kind, line: usize, angle| item(name, kind, line..line + 9, angle);
    let pair = |name: &str, kind| {
        let here = vec![at("load", Function, 0, 0.0), at(name, kind, 20, 33.0)];
        groups(&[("a.rs", here)], 0.8, 1).len()
    };
    assert_eq!(
        (pair("read", Function), pair("load", Function), pair("Load", Type)),
        (1, 0, 0)
    );
    let apart = |angle| {
        let there = vec![at("load", Function, 0, angle)];
        groups(&[("a.rs", vec![at("load", Function, 0, 0.0)]), ("b.rs", there)], 0.8, 1).len()
    };
    // .84 is too low, .88 is enough; the same name in another file is not an overload.
    assert_eq!((apart(33.0), apart(27.0)), (0, 1));
}

#[test]
fn items_inside_a_larger_group_are_not_reported_again() {
    let class = |angle: f32| {
        vec![
            item("Store", Type, 0..40, angle),
            item("load_all", Function, 1..19, 40.0 + angle),
            item("keep_all", Function, 20..39, 90.0 + angle),
        ]
    };
    let found = groups(&[("a.rs", class(0.0)), ("b.rs", class(3.0))], 0.8, 10);
    assert_eq!(found, [(100.0, vec!["a.rs:Store".into(), "b.rs:Store".into()])]);
    // A function that one class contains twice is reported.
    let mut twice = class(0.0);
    twice.push(item("load_more", Function, 50..69, 40.0));
    let found = groups(&[("a.rs", twice), ("b.rs", class(3.0))], 0.8, 10);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1].1, ["a.rs:load_all", "a.rs:load_more", "b.rs:load_all"]);
}

#[test]
fn short_items_are_skipped_and_most_lines_come_first() {
    let at = |name: &str, from: usize, to: usize, angle| item(name, Function, from..to, angle);
    let file = vec![
        at("short_a", 0, 5, 0.0),
        at("short_b", 6, 11, 0.0),
        at("middle_a", 20, 32, 90.0),
        at("middle_b", 40, 52, 90.0),
        at("new", 60, 80, 180.0),
        at("long_a", 100, 140, 270.0),
        at("long_b", 150, 180, 272.0),
    ];
    let mut twice = file.clone();
    twice.truncate(5);
    twice.retain(|embedded| embedded.item.name == "new");
    let found = groups(&[("a.rs", file), ("b.rs", twice)], 0.8, 10);
    let names: Vec<&str> = found.iter().map(|(_, names)| &*names[0]).collect();
    assert_eq!(names, ["a.rs:long_a", "a.rs:middle_a"], "constructors must be longer");
}

#[test]
fn copies_in_many_files_are_one_group() {
    let files: Vec<(String, _)> = (0..100)
        .map(|i| (format!("f{i:03}.rs"), vec![item("copied", Function, 0..20, 45.0)]))
        .collect();
    let files: Vec<(&str, _)> = files
        .iter()
        .map(|(path, items)| (path.as_str(), items.clone()))
        .collect();
    let found = groups(&files, 0.8, 10);
    assert_eq!((found.len(), found[0].1.len()), (1, 100));
}

#[test]
fn without_a_score_the_decision_groups_and_classifies_copies() {
    let body = |name: &str| {
        (0..14)
            .map(|line| format!("    let {name}{line} = {name}.field{line}(\"{name}\", {line});\n"))
            .collect::<String>()
    };
    let copy = |name: &str, path: &'static str, angle: f32, text: &str| {
        let mut item = item(name, Function, 0..16, angle);
        item.fingerprint = Arc::new(crate::similar::fingerprint::Fingerprint::of(text, Language::Rust));
        (path, vec![item])
    };
    let files = [
        copy("load", "a.rs", 0.0, &body("one")),
        copy("read", "b.rs", 20.0, &body("other")),
        copy(
            "fetch",
            "c.rs",
            10.0,
            "fn fetch() {\n    a();\n    b();\n    c();\n    d();\n    e();\n}\n",
        ),
    ];
    let listed = files
        .iter()
        .map(|(path, items)| (PathBuf::from(path), items.as_slice()));
    let listed: Vec<(PathBuf, &[EmbeddedItem])> = listed.collect();
    let center = Center::of(
        std::iter::once((Language::Rust, [1.0f32, 0.0].as_slice())),
        Arc::default(),
    );
    let found = VectorIndex::of_items(&listed, &center, 2).groups(&Grouping {
        base: None,
        lines: 1,
        filter: Filter::default(),
    });
    let [group] = &found[..] else { panic!("{found:?}") };
    let names: Vec<&str> = group.members.iter().map(|member| &*member.item.name).collect();
    assert_eq!(
        (names, group.clone),
        (vec!["load", "read"], crate::similar::decision::CloneType::Renamed)
    );
}

#[test]
fn copies_count_in_the_mean_score_of_each_member_and_lines_in_the_size_of_a_group() {
    // Two at the same angle, one 20 degrees apart.
    let files = [("a.rs", 0.0), ("b.rs", 0.0), ("c.rs", 20.0)];
    let files = files.map(|(path, angle)| (path, vec![item("load", Function, 0..10, angle)]));
    let listed: Vec<(PathBuf, &[EmbeddedItem])> = files
        .iter()
        .map(|(path, items)| (PathBuf::from(path), items.as_slice()))
        .collect();
    let center = Center::of(std::iter::empty(), Arc::default());
    let found = VectorIndex::of_items(&listed, &center, 2).groups(&Grouping {
        base: Some(0.5),
        lines: 1,
        filter: Filter::default(),
    });
    let [group] = &found[..] else { panic!("{found:?}") };
    let apart = 20f32.to_radians().cos();
    let mut scores: Vec<f32> = group.members.iter().map(|member| member.score).collect();
    scores.sort_by(f32::total_cmp);
    let expected = [apart, (1.0 + apart) / 2.0, (1.0 + apart) / 2.0];
    assert!(
        scores.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3),
        "{scores:?} {expected:?}"
    );
    assert!((group.score - apart).abs() < 1e-3);
    // The lines of all but the longest member.
    assert_eq!(group.lines, 20);
}
