//! Words longer than WordPiece's limit: they become unknown because of their length, not because of the vocabulary.
//!
//! See tests/reported/04-longword.

use std::path::Path;

use fovea::analysis::analyze;
use fovea::explain::Method;
use fovea::model::UNSTOPPED;
use fovea::text::Language;

use super::embedded;

fn reported(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reported/04-longword");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_long_word_does_not_silence_its_function() {
    let model = embedded();
    for (file, language) in [("icons.py", Language::Python), ("keys.go", Language::Go)] {
        let text = reported(file);
        for model in [model.clone(), model.clone().identifier_aware(false)] {
            let tokens = model.tokenize(&text, language).unwrap();
            assert!(tokens.coverage > 0.99, "{file}: {}", tokens.coverage);
            // The word stays one token, as in the reference pipeline.
            let longest = tokens.spans.iter().map(|span| span.len()).max().unwrap();
            assert!(longest > 100, "{file}: {longest}");
        }
        let report = analyze(&model, &[(&text, language)], Method::Decomposition, UNSTOPPED).unwrap();
        assert!(report[0].coverage > 0.99 && report[0].residual < 1e-4);
    }
}

#[test]
fn a_long_word_of_letters_that_the_vocabulary_lacks_stays_unknown() {
    let model = embedded();
    let coverage = |text: &str| model.tokenize(text, Language::Prose).unwrap().coverage;
    // The vocabulary contains none of its characters.
    let unknown = "ꙮ".repeat(150);
    assert_eq!(coverage(&unknown), 0.0);
    let half = format!("{} {unknown}", "ab".repeat(75));
    assert!((coverage(&half) - 0.5).abs() < 0.01, "{}", coverage(&half));
    // A short unknown word stays unknown.
    assert_eq!(coverage("ꙮꙮ"), 0.0);
    for known in ["a".repeat(101), "acgt".repeat(500), "é".repeat(120)] {
        assert_eq!(coverage(&known), 1.0, "{known:.10}");
    }
}
