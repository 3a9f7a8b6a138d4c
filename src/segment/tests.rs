//! Units and items of whole documents, in each language and in broken text.

use proptest::prelude::*;

use super::*;
use crate::segment::fixtures;

/// Approximates a tokenizer for English: words and punctuation, plus two special tokens.
fn fake_tokens(text: &str, _: Language) -> usize {
    2 + crate::text::source_words(text).len()
}

/// Approximates byte-pair encoding: white space has tokens, and a word has fewer after a space.
fn byte_pairs(text: &str, _: Language) -> usize {
    let mut tokens = 1;
    let mut end = 0;
    for word in crate::text::source_words(text) {
        let before = &text[end..word.range.start];
        tokens += match before.strip_suffix(' ') {
            Some(before) => before.len() + 1,
            None => before.len() + word.range.len().min(2),
        };
        end = word.range.end;
    }
    tokens + text.len() - end
}

fn segments(text: &str, language: Language, window: usize) -> Segments {
    segments_by(&fake_tokens, text, language, window)
}

fn segments_by(tokens: &dyn Fn(&str, Language) -> usize, text: &str, language: Language, window: usize) -> Segments {
    let snapshot = Snapshot::new(text, 1, language);
    segment(&snapshot, &parse(&snapshot), &Budget { tokens, window })
}

/// One line per unit, then one per item. Units show kind, name, first and last line; items show kind, name and number of units.
fn summary(text: &str, language: Language, window: usize) -> String {
    let segments = segments(text, language, window);
    let mut lines = Vec::new();
    for unit in &segments.units {
        let content = text[unit.range.clone()].trim();
        let (first, last) = (
            content.lines().next().unwrap_or(""),
            content.lines().last().unwrap_or(""),
        );
        let language = if unit.language == language {
            String::new()
        } else {
            format!(" ({})", unit.language.name())
        };
        let name = unit.name.as_deref().unwrap_or("-");
        lines.push(format!(
            "{:?}{language} {name}: {} … {}",
            unit.kind,
            first.trim(),
            last.trim()
        ));
    }
    for item in &segments.items {
        assert!(!item.units.is_empty());
        lines.push(format!("{:?} {} {}", item.kind, item.name, item.units.len()));
    }
    lines.join("\n")
}

fn check(segments: &Segments, text: &str, window: usize) {
    let mut covered = 0;
    for unit in &segments.units {
        assert_eq!(unit.range.start, covered);
        assert!(unit.range.end > covered && text.is_char_boundary(unit.range.end));
        covered = unit.range.end;
        let content = &text[unit.range.clone()];
        let tokens = fake_tokens(content, unit.language);
        assert!(tokens <= window, "{tokens} tokens in {content:?}");
    }
    assert_eq!(covered, text.len());
    let mut last = (0, usize::MAX);
    for item in &segments.items {
        assert!(!item.name.is_empty() && item.range.start < item.range.end && item.range.end <= text.len());
        assert!(
            item.range.start <= item.name_range.start && item.name_range.end <= item.range.end,
            "{item:?}"
        );
        assert!(item.units.start < item.units.end && item.units.end <= segments.units.len());
        let units = segments.units[item.units.start].range.start..segments.units[item.units.end - 1].range.end;
        assert!(
            units.start <= item.range.start && item.range.end <= units.end,
            "{item:?}"
        );
        assert!(
            (item.range.start, usize::MAX - item.range.end) >= (last.0, usize::MAX - last.1),
            "outer before inner: {item:?}"
        );
        last = (item.range.start, item.range.end);
    }
}

#[test]
fn each_language_has_its_units_and_items() {
    for (language, text) in fixtures::all() {
        insta::assert_snapshot!(language.name(), summary(text, language, 256));
    }
}

#[test]
fn fixtures_are_partitioned_at_every_window() {
    for (language, text) in fixtures::all() {
        for window in [8, 9, 16, 40, 128, 256] {
            check(&segments(text, language, window), text, window);
        }
    }
}

#[test]
fn units_fit_where_white_space_has_tokens() {
    let blank = format!("word{}", " \n".repeat(500));
    let fixtures = fixtures::all().map(|(language, text)| (language, text.to_owned()));
    for (language, text) in fixtures.chain([(Language::Prose, blank)]) {
        for window in [9, 16, 40, 128] {
            for unit in segments_by(&byte_pairs, &text, language, window).units {
                let tokens = byte_pairs(&text[unit.range.clone()], language);
                assert!(tokens <= window, "{tokens} in {:?} of {language:?}", &text[unit.range]);
            }
        }
    }
}

#[test]
fn an_empty_document_has_no_units_and_a_blank_one_has_one() {
    for (language, _) in fixtures::all() {
        assert_eq!(segments("", language, 8), Segments::default());
        let blank = " \n\t\r\n\r".repeat(500);
        assert_eq!(segments(&blank, language, 8).units.len(), 1, "{language:?}");
    }
}

#[test]
fn a_long_function_is_split_between_its_statements_and_keeps_its_name() {
    let body: String = (0..40)
        .map(|i| format!("    if a[{i}] > b {{\n        total += a[{i}] * weight;\n    }}\n"))
        .collect();
    let text = format!("fn short() {{}}\n\nfn sum_of_weights(a: &[i32], b: i32) -> i32 {{\n{body}    total\n}}\n");
    let segments = segments(&text, Language::Rust, 128);
    check(&segments, &text, 128);
    let parts: Vec<_> = segments
        .units
        .iter()
        .filter(|unit| unit.name.as_deref() == Some("sum_of_weights"))
        .collect();
    assert!(parts.len() > 4);
    for part in &parts[1..] {
        assert_eq!(part.kind, UnitKind::Function);
        let content = text[part.range.clone()].trim_start();
        assert!(
            content.starts_with("if ") || content.starts_with("total\n"),
            "{content}"
        );
    }
    assert_eq!(segments.items[1].units.len(), parts.len());
}

#[test]
fn a_closing_bracket_is_alone_only_if_it_does_not_fit() {
    let text = "impl A {\n    fn f() { a(b, c, d) }\n}\n";
    let last = |window| {
        let unit = segments(text, Language::Rust, window).units.pop().unwrap();
        text[unit.range].trim().to_owned()
    };
    // The function has 14 words and signs, plus two special tokens.
    assert_eq!(last(17), "fn f() { a(b, c, d) }\n}");
    assert_eq!(last(16), "}");
}

#[test]
fn prose_is_split_at_sentences_in_every_script() {
    let english = "It rains. ".repeat(10) + "The last sentence has more words than that, hasn't it?";
    for part in segments(&english, Language::Prose, 16).units {
        assert!(english[part.range].trim_end().ends_with(['.', '?']));
    }
    let chinese = "我爱编程。你呢？".repeat(10);
    for part in segments(&chinese, Language::Prose, 16).units {
        assert!(chinese[part.range].ends_with(['。', '？']));
    }
}

#[test]
fn a_long_line_is_split_at_words_then_at_characters() {
    let words = "lorem ".repeat(300);
    for unit in segments(&words, Language::Prose, 16).units {
        assert!(words[unit.range.clone()].starts_with("lorem") && words[unit.range].ends_with(' '));
    }
    let signs = "é!".repeat(3000);
    check(&segments(&signs, Language::JavaScript, 8), &signs, 8);
    let emoji = "👩‍👩‍👧".repeat(300);
    check(&segments(&emoji, Language::Prose, 8), &emoji, 8);
}

#[test]
fn a_heading_stays_with_the_text_below_it() {
    let text = format!("# A\n\n{}\n\n## B\n\n- x\n- y\n", "Some words here. ".repeat(20));
    let units = segments(&text, Language::Markdown, 32).units;
    assert!(text[units[0].range.clone()].starts_with("# A\n\nSome"));
    assert_eq!(text[units.last().unwrap().range.clone()].trim(), "## B\n\n- x\n- y");
}

#[test]
fn an_edit_at_the_start_keeps_most_units() {
    let text: String = (0..3000)
        .map(|i| format!("register({i}, \"handler {}\", {});\n", i * 7 % 13, i % 5))
        .collect();
    let texts = |text: &str| {
        let units = segments(text, Language::JavaScript, 128).units;
        units
            .into_iter()
            .map(|unit| text[unit.range].to_owned())
            .collect::<std::collections::HashSet<_>>()
    };
    let (before, after) = (texts(&text), texts(&format!("register(-1, \"first\", 0);\n{text}")));
    let new = after.difference(&before).count();
    assert!(new * 10 < after.len(), "{new} of {} units are new", after.len());
}

#[test]
fn an_edit_measures_only_the_block_it_touches() {
    let rust = fixtures::of(Language::Rust);
    let text: String = (0..200)
        .map(|i| rust.replace("Config", &format!("Config{i}")))
        .collect();
    let measured = std::cell::Cell::new(0);
    let tokens = |text: &str, language| {
        measured.set(measured.get() + text.len());
        fake_tokens(text, language)
    };
    // The text contains functions longer than the window.
    let budget = Budget {
        tokens: &tokens,
        window: 32,
    };
    let first = Reading::new(Snapshot::new(&text, 1, Language::Rust), None, &budget);
    measured.set(0);
    let edited = text.replace("Config100", "Configuration100");
    let next = Reading::new(Snapshot::new(&edited, 2, Language::Rust), Some(&first), &budget);
    assert!(next.segments().units.len() > 1000);
    let new = next.kept().iter().filter(|kept| kept.is_none()).count();
    assert!(new < 30, "{new} units are new");
    assert!(measured.get() < 4 * rust.len(), "{} bytes measured", measured.get());
}

#[test]
fn most_text_is_measured_once() {
    let rust = fixtures::of(Language::Rust);
    let text: String = (0..200)
        .map(|i| rust.replace("Config", &format!("Config{i}")))
        .collect();
    let measured = std::cell::Cell::new(0);
    let tokens = |text: &str, language| {
        measured.set(measured.get() + text.len());
        fake_tokens(text, language)
    };
    let snapshot = Snapshot::new(&text, 1, Language::Rust);
    segment(
        &snapshot,
        &parse(&snapshot),
        &Budget {
            tokens: &tokens,
            window: 64,
        },
    );
    assert!(
        measured.get() < 2 * text.len(),
        "{} bytes measured of {}",
        measured.get(),
        text.len()
    );
}

#[test]
fn the_syntax_of_a_longer_text_is_not_trusted() {
    let long = Snapshot::new(fixtures::of(Language::Rust), 1, Language::Rust);
    let syntax = parse(&long);
    let short = "fn é() {}";
    let budget = Budget {
        tokens: &fake_tokens,
        window: 8,
    };
    check(
        &segment(&Snapshot::new(short, 2, Language::Rust), &syntax, &budget),
        short,
        8,
    );
}

fn any_language() -> impl Strategy<Value = Language> {
    let languages: Vec<_> = fixtures::all().map(|(language, _)| language).collect();
    prop::sample::select(languages)
}

/// Real code with some ranges deleted, doubled or replaced.
fn broken_code() -> impl Strategy<Value = (Language, String)> {
    (any_language(), any_language(), prop::collection::vec(any_edit(), 0..6)).prop_map(|(language, source, edits)| {
        // Sometimes the code is labeled with another language.
        let source = if edits.len() == 5 { source } else { language };
        let mut text = fixtures::of(source).to_owned();
        edits.iter().for_each(|edit| apply_edit(&mut text, edit));
        (language, text)
    })
}

/// Position, number of removed characters, inserted text, and whether to double the range instead.
type Edit = (prop::sample::Index, usize, String, bool);

fn any_edit() -> impl Strategy<Value = Edit> {
    let insert = "[{}()\\[\\]\"'`;:,.#/*\r\n a-zé编😀=<>-]{0,8}";
    (any::<prop::sample::Index>(), 0usize..120, insert, any::<bool>())
}

fn apply_edit(text: &mut String, (at, length, insert, double): &Edit) {
    let borders: Vec<_> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let from = at.index(borders.len());
    let range = borders[from]..borders[(from + length).min(borders.len() - 1)];
    let insert = if *double {
        text[range.clone()].repeat(2)
    } else {
        insert.clone()
    };
    text.replace_range(range, &insert);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn broken_code_is_partitioned((language, text) in broken_code(), window in 8usize..200) {
        check(&segments(&text, language, window), &text, window);
    }

    #[test]
    fn any_text_is_partitioned(
        language in any_language(), text in "(\\PC|[\r\n\t #`\\-a-z.。]){0,200}", window in 8usize..40,
    ) {
        check(&segments(&text, language, window), &text, window);
    }

    #[test]
    fn other_line_ends_are_partitioned(language in any_language(), window in 8usize..64) {
        for ends in ["\r", "\r\n"] {
            let text = fixtures::of(language).replace('\n', ends);
            check(&segments(&text, language, window), &text, window);
        }
    }
}

#[test]
fn reading_after_edits_equals_a_fresh_reading() {
    let edits = || prop::collection::vec(any_edit(), 1..8);
    proptest!(ProptestConfig::with_cases(600), |(language in any_language(), times in 1usize..4, edits in edits(), window in 8usize..200)| {
        let budget = Budget { tokens: &fake_tokens, window };
        let mut text = fixtures::of(language).repeat(times);
        let mut reading = Reading::new(Snapshot::new(&text, 0, language), None, &budget);
        for (version, edit) in (1..).zip(&edits) {
            let before = text.clone();
            apply_edit(&mut text, edit);
            let snapshot = Snapshot::new(&text, version, language);
            let next = Reading::new(snapshot.clone(), Some(&reading), &budget);
            let fresh = segment(&snapshot, next.syntax(), &budget);
            prop_assert_eq!(&**next.segments(), &fresh);
            prop_assert_eq!(next.kept().len(), fresh.units.len());
            for (unit, kept) in fresh.units.iter().zip(next.kept()) {
                let Some(kept) = kept else { continue };
                let old = &reading.segments().units[*kept];
                prop_assert_eq!((&text[unit.range.clone()], unit.language), (&before[old.range.clone()], old.language));
            }
            reading = next;
        }
    });
}
