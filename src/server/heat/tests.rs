//! Compares the heat of a client that applies changes with the whole heat.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::analysis::WordScore;
use crate::segment::{Budget, Reading};
use crate::text::{Language, source_words};

/// A client that accepts changes.
#[derive(Default)]
struct Client {
    version: i32,
    words: Vec<[u32; 4]>,
    unread: Vec<Unread>,
}

impl Client {
    fn take(&mut self, heat: HeatParams) {
        if let Some(changed) = &heat.changed {
            assert_eq!(changed.since, self.version);
            let (start, was, end) = (changed.start, changed.was, changed.end);
            assert!(start <= was && start <= end);
            let moved = |line: u32| line - was + end;
            let below: Vec<_> = self.words.iter().filter(|word| word[0] >= was).copied().collect();
            self.words.retain(|word| word[0] < start);
            self.words.extend(&heat.words);
            self.words.extend(
                below
                    .iter()
                    .map(|[line, from, to, level]| [moved(*line), *from, *to, *level]),
            );
            let below: Vec<_> = self
                .unread
                .iter()
                .filter(|unread| unread.range.start.line >= was)
                .cloned()
                .collect();
            self.unread.retain(|unread| unread.range.start.line < start);
            self.unread.extend(heat.unread);
            self.unread.extend(below.into_iter().map(|unread| Unread {
                range: shifted(unread.range, moved),
                ..unread
            }));
        } else {
            (self.words, self.unread) = (heat.words, heat.unread);
        }
        self.version = heat.version;
    }
}

fn full(encoding: PositionEncoding, changes: bool) -> Style {
    Style {
        method: Method::Decomposition,
        preset: HeatPreset::Full,
        encoding,
        changes,
    }
}

/// Longer words get higher scores; text that is not ASCII counts as not understood.
fn explained(text: &str) -> UnitReport {
    let words = source_words(text);
    let ascii = text.chars().filter(char::is_ascii).count();
    UnitReport {
        method: Method::Decomposition,
        words: words
            .iter()
            .map(|word| WordScore {
                range: word.range.clone(),
                score: word.range.len() as f32,
                rank: 1,
            })
            .collect(),
        tokens: words.len() + 2,
        special: 2,
        coverage: ascii as f32 / text.chars().count().max(1) as f32,
        bias_share: 0.0,
        special_share: 0.0,
        residual: 0.0,
        embedding: Arc::from([]),
        ms: 0.0,
        multilingual: None,
    }
}

fn report(reading: &Reading, known: &mut HashMap<String, Arc<UnitReport>>, missing: &[usize]) -> DocumentReport {
    let units = &reading.segments().units;
    let mut told = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let text = reading.snapshot().text(unit.range.clone()).into_owned();
        let report = known
            .entry(text)
            .or_insert_with_key(|text| Arc::new(explained(text)))
            .clone();
        told.push(Some(report).filter(|_| !missing.iter().any(|at| at % units.len() == index)));
    }
    DocumentReport {
        id: "file:///a.md".into(),
        snapshot: reading.snapshot().clone(),
        segments: reading.segments().clone(),
        units: told,
    }
}

const TEXT: &str = "# One heading\n\nSome words in a row, and longer ones.\nAnother line of them.\n\n编程语言\n\n## Two\n\n- a\n- bb\n\n\
                    One heading again.\r\n\r\nIts text, here.\r\rAnd more of it; and more; and more again.\n\nSome words in a row, and longer ones.\n";

fn any_edit() -> impl Strategy<Value = (prop::sample::Index, usize, String, Vec<usize>)> {
    let missing = prop::collection::vec(any::<usize>(), 0..3);
    (
        any::<prop::sample::Index>(),
        0usize..30,
        "[a-c #\n\r编é-]{0,6}",
        missing,
    )
}

#[test]
fn applied_changes_equal_the_whole_heat() {
    let edits = || prop::collection::vec(any_edit(), 1..8);
    let languages = || prop::sample::select(vec![Language::Markdown, Language::Prose]);
    proptest!(ProptestConfig::with_cases(300), |(edits in edits(), window in 8usize..24, language in languages())| {
        let tokens = |text: &str, _| source_words(text).len() + 2;
        let budget = Budget { tokens: &tokens, window };
        let (mut text, mut known) = (TEXT.repeat(2), HashMap::new());
        let (mut diff, mut client) = (HeatDiff::default(), Client::default());
        let encoding = PositionEncoding::Utf16;
        for (version, (at, length, insert, missing)) in (1..).zip(&edits) {
            let borders: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(borders.len());
            text.replace_range(borders[from]..borders[(from + length).min(borders.len() - 1)], insert);
            let reading = Reading::new(Snapshot::new(&text, version, language), None, &budget);
            // At first some units are missing, as in the middle of a pass.
            for missing in [missing.as_slice(), &[]] {
                let report = report(&reading, &mut known, missing);
                client.take(diff.draw(&report, &full(encoding, true)).unwrap());
                let whole = HeatDiff::default().draw(&report, &full(encoding, false)).unwrap();
                prop_assert_eq!(&client.words, &whole.words);
                prop_assert_eq!(&client.unread, &whole.unread);
            }
        }
    });
}

#[test]
fn an_edit_in_a_long_document_sends_few_words() {
    let tokens = |text: &str, _| source_words(text).len() + 2;
    let budget = Budget {
        tokens: &tokens,
        window: 32,
    };
    let text: String = (0..500).map(|i| format!("Paragraph {i} has words.\n\n")).collect();
    let (mut diff, mut known) = (HeatDiff::default(), HashMap::new());
    let mut draw = |text: &str, version| {
        let reading = Reading::new(Snapshot::new(text, version, Language::Prose), None, &budget);
        let report = report(&reading, &mut known, &[]);
        diff.draw(&report, &full(PositionEncoding::Utf8, true)).unwrap()
    };
    let first = draw(&text, 1);
    assert!(first.changed.is_none() && first.words.len() > 1000);
    let next = draw(&text.replace("Paragraph 250 has", "Paragraph 250\nnow has"), 2);
    let changed = next.changed.unwrap();
    assert_eq!(
        (changed.since, changed.start, changed.was, changed.end),
        (1, 500, 502, 503)
    );
    assert!(next.words.len() < 8, "{:?}", next.words);
}
