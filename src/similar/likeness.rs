//! From which score on an item is worth a person's attention.
//!
//! The default shows something unrelated in fewer than 1 of 20 cases, by pairs that were read one by one: see
//! `benches/similarity/README.md`. Inside a file a lower score is enough than in another, where constructors and getters look alike.

use crate::text::ModelText;

/// The default for an item of the same file.
pub const DEFAULT: f32 = 0.6;

/// How much more an item of another file needs.
const OTHER_FILE: f32 = 0.15;

/// How much more an item in another language needs: the mean of each is taken away, and what is left is about what they do.
const OTHER_LANGUAGE: f32 = 0.05;

/// How much less it needs where both have the same name of several words.
const SAME_NAME: f32 = 0.2;

/// What two items have in common besides their vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ties {
    /// They stand in one file.
    pub file: bool,
    /// They are in one language.
    pub language: bool,
    /// They have the same name, of several words.
    pub name: bool,
}

/// The score from which an item is shown, where `base` is enough in the same file.
pub fn needed(base: f32, ties: Ties) -> f32 {
    match ties {
        Ties { file: true, .. } => base,
        Ties { language: true, .. } => base + OTHER_FILE,
        Ties { name: true, .. } => base - SAME_NAME,
        _ => base + OTHER_LANGUAGE,
    }
}

/// The words of a name, in which two names are the same however their languages join words (`loadConfig` and `load_config`); `None`
/// for a name of one word, which is no news.
pub fn words(name: &str) -> Option<String> {
    let words = ModelText::identifier_aware(name).as_str().to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    (words.len() > 1).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_their_words_are_joined() {
        let same_name = |a, b| words(a).is_some_and(|a| words(b) == Some(a));
        assert!(same_name("loadConfig", "load_config") && same_name("LoadHTTPConfig", "load_http_config"));
        assert!(!same_name("load", "load"), "one word is no news");
        assert!(!same_name("load_config", "load_configs") && !same_name("", ""));
    }

    #[test]
    fn another_file_needs_more_and_the_same_name_in_another_language_less() {
        let ties = |file, language, name| Ties { file, language, name };
        let order = [
            needed(DEFAULT, ties(false, false, true)),
            needed(DEFAULT, ties(true, true, false)),
            needed(DEFAULT, ties(false, false, false)),
            needed(DEFAULT, ties(false, true, true)),
        ];
        assert_eq!(order.map(|score| (score * 100.0).round()), [40.0, 60.0, 65.0, 75.0]);
    }
}
