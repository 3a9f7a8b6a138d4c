//! The bytes of a file, as a text and as what a document is made of.

#![no_main]

use fovea::text::{Language, ModelText, Position, PositionEncoding, Snapshot, decode, source_words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = match decode(data.to_vec()) {
        Ok(text) => text,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let snapshot = Snapshot::new(&text, 0, Language::Prose);
    assert_eq!(snapshot.rope().to_string(), text);
    for word in source_words(&text) {
        assert!(text.get(word.range.clone()).is_some());
    }
    let _ = (ModelText::plain(&text), ModelText::identifier_aware(&text));
    for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32] {
        for byte in (0..=text.len()).filter(|byte| text.is_char_boundary(*byte)) {
            let position: Position = snapshot.position(byte, encoding);
            let _ = snapshot.offset(position, encoding);
        }
    }
});
