//! Notebooks: their cells as a text, and where each place of it stands in the file.

#![no_main]

use fovea::similar::index::fuzzed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(places) = fuzzed::places_of_notebook(fovea_fuzz::model(), text) else {
        return;
    };
    for place in places {
        assert!(text.is_char_boundary(place), "{place} of {}", text.len());
    }
});
