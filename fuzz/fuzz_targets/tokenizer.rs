//! tokenizer.json, by itself and then on texts of several scripts.

#![no_main]

use std::path::Path;

use fovea::model::{LetterCase, Reading, Tokenizer};
use fovea::text::ModelText;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let case = LetterCase {
        before: data.len() % 2 == 1,
        bert: Some(data.len() % 3 == 0),
    };
    let reading = Reading { trusted: false, case };
    let Ok(tokenizer) = Tokenizer::parse(data, Path::new("tokenizer.json"), reading) else {
        return;
    };
    for text in [
        "",
        "Hello, World! 42",
        "naïve café 我爱编程 😀",
        "x\ty\r\n\0\u{feff}\u{301}",
        &"a".repeat(300),
    ] {
        for prompt in ["", "query: "] {
            let Ok(tokens) = tokenizer.tokenize(text, &ModelText::identifier_aware(text), prompt) else {
                continue;
            };
            assert_eq!(
                (tokens.ids.len(), tokens.special.len()),
                (tokens.spans.len(), tokens.spans.len())
            );
            for span in &tokens.spans {
                assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}");
            }
        }
    }
});
