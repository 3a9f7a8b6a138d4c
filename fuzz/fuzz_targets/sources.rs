//! A text in a language, parsed in this process, and what is made of its syntax. A grammar that aborts ends the process here; in the
//! program it ends a child. Run it with `-fork=1 -ignore_crashes=1`.

#![no_main]

use fovea::segment::{InProcess, Parser, Purpose, segment};
use fovea::text::Snapshot;
use fovea_fuzz::LANGUAGES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let language = LANGUAGES[usize::from(*which) % LANGUAGES.len()];
    let snapshot = Snapshot::new(text, 0, language);
    let mut syntax = InProcess.parse(&snapshot, Purpose::Document);
    // As somebody types: a stretch is taken out, and stands there again.
    if let Ok(before) = &syntax {
        let third = (text.len() / 3..)
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        let shorter = Snapshot::new(&text[third..], 1, language);
        if let Ok(other) = before.tree().parse_again(&shorter) {
            assert!(other.outline().fits(&text[third..]));
            syntax = other.tree().parse_again(&snapshot);
        }
    }
    if let Ok(syntax) = &syntax {
        assert!(syntax.outline().fits(text));
    }
    let tokens = |text: &str, _| 2 + fovea::text::source_words(text).len();
    let budget = fovea::segment::Budget {
        tokens: &tokens,
        window: 32,
    };
    let segments = segment(&snapshot, &syntax, &budget);
    let mut covered = 0;
    for unit in &segments.units {
        assert_eq!(unit.range.start, covered);
        assert!(text.get(unit.range.clone()).is_some_and(|text| !text.is_empty()));
        covered = unit.range.end;
    }
    assert_eq!(covered, text.len());
});
