//! What a process that parses tells its parent: a text may have taken it over.

#![no_main]

use fovea::parser::fuzzed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = "fn é() {\n    1\n}\n\nstruct A;\n".repeat(40);
    for segments in fuzzed::segments(data, &text) {
        let mut covered = 0;
        for unit in &segments.units {
            assert_eq!(unit.range.start, covered);
            assert!(text.get(unit.range.clone()).is_some_and(|text| !text.is_empty()));
            covered = unit.range.end;
        }
        assert_eq!(covered, text.len());
        for item in &segments.items {
            assert!(text.get(item.range.clone()).is_some() && text.get(item.name_range.clone()).is_some());
            assert!(item.units.start < item.units.end && item.units.end <= segments.units.len());
        }
    }
});
