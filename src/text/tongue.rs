//! Detects the natural language of a text, to select the model that reads it.

use std::borrow::Cow;

use whatlang::{Detector, Lang};

use super::Language;

/// Minimum number of words. Headings, names and lists of options are too short to detect a language.
const MIN_WORDS: usize = 6;

/// Minimum share of letters and spaces in a line of prose. Tables, listings and unlabeled code have a smaller share.
const MIN_LETTERS: f32 = 0.8;

/// Languages in Latin script that the detector distinguishes from English.
///
/// Other scripts need no detection. Fewer candidates give more confidence than all languages that the trigrams cover.
const LANGUAGES: [Lang; 16] = [
    Lang::Eng,
    Lang::Deu,
    Lang::Fra,
    Lang::Spa,
    Lang::Por,
    Lang::Ita,
    Lang::Nld,
    Lang::Pol,
    Lang::Ces,
    Lang::Tur,
    Lang::Swe,
    Lang::Vie,
    Lang::Ind,
    Lang::Hun,
    Lang::Ron,
    Lang::Fin,
];

/// Starts of comment lines, in any programming language.
const COMMENTS: [&str; 6] = ["//", "#", "*", "/*", "--", "<!--"];

/// The share of letters in non-Latin scripts, 0 to 1. A text without letters has 0.
pub fn share_of_other_scripts(text: &str) -> f32 {
    if text.is_ascii() {
        return 0.0;
    }
    let (mut letters, mut others) = (0usize, 0usize);
    for letter in text.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        others += usize::from(!is_latin(letter));
    }
    match letters {
        0 => 0.0,
        _ => others as f32 / letters as f32,
    }
}

/// Latin with its extensions, and single letters common in formulas: µ, ª, º.
fn is_latin(letter: char) -> bool {
    matches!(letter, '\0'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' | '\u{2C60}'..='\u{2C7F}' | '\u{A720}'..='\u{A7FF}' | '\u{FB00}'..='\u{FB06}')
}

/// Whether the prose of a text is English. In code, comments count if they are most of it.
///
/// `None` if the detector is not confident, as for a few words or for code.
pub fn is_english(text: &str, language: Language) -> Option<bool> {
    let prose = match language.is_code() {
        true => Cow::Owned(comments(text)?),
        false => Cow::Borrowed(text),
    };
    let words = plain_words(&prose);
    if words.len() < MIN_WORDS {
        return None;
    }
    let found = Detector::with_allowlist(LANGUAGES.to_vec()).detect(&words.join(" "))?;
    match found.lang() {
        Lang::Eng => Some(true),
        _ if found.is_reliable() => Some(false),
        _ => None,
    }
}

/// The comment lines, if they contain most of the letters.
fn comments(text: &str) -> Option<String> {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
    let is_comment = |line: &&str| COMMENTS.iter().any(|start| line.trim_start().starts_with(start));
    let lines: Vec<&str> = text.lines().filter(is_comment).collect();
    let comments = lines.join("\n");
    (letters(&comments) * 2 > letters(text)).then_some(comments)
}

/// Words of prose: only letters, no inner capitals, in lines that are mostly letters.
fn plain_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_start_matches(['/', '*', '#', '-', '!', '<', '>', ' ']);
        let (all, letters) = line.chars().fold((0usize, 0usize), |(all, letters), c| {
            (all + 1, letters + usize::from(c.is_alphabetic() || c.is_whitespace()))
        });
        if (letters as f32) < MIN_LETTERS * all as f32 {
            continue;
        }
        let marks: &[char] = &[
            '.', ',', ';', ':', '!', '?', '(', ')', '"', '\'', '*', '_', '„', '“', '”', '«', '»', '¿', '¡',
        ];
        let split = line.split_whitespace().map(|word| word.trim_matches(marks));
        words.extend(split.filter(|word| is_plain(word)));
    }
    words
}

fn is_plain(word: &str) -> bool {
    let letters = |c: char| c.is_alphabetic() || matches!(c, '\'' | '’');
    !word.is_empty() && word.chars().all(letters) && !word.chars().skip(1).any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_other_scripts_counts_only_letters() {
        let cases = [
            ("", 0.0),
            ("plain English, naïve café, µ", 0.0),
            ("我爱编程", 1.0),
            ("🦀 → ✓ 12", 0.0),
            ("Привет hi", 0.75),
            ("let x = 1; // 读取", 2.0 / 6.0),
        ];
        for (text, expected) in cases {
            assert!((share_of_other_scripts(text) - expected).abs() < 1e-6, "{text}");
        }
    }

    #[test]
    fn other_languages_are_distinguished_from_english_and_from_code() {
        let english = |text: &str| is_english(text, Language::Prose);
        assert_eq!(
            english("Die Konfiguration wird beim Start aus einer Datei gelesen und danach nicht mehr geändert."),
            Some(false)
        );
        assert_eq!(
            english("Le serveur lit la configuration au démarrage et la garde en mémoire jusqu'à sa fin."),
            Some(false)
        );
        assert_eq!(
            english("El servidor lee la configuración al arrancar y la guarda en memoria hasta que termina."),
            Some(false)
        );
        assert_eq!(
            english("The server reads its configuration when it starts and keeps it in memory until it ends."),
            Some(true)
        );
        assert_eq!(english("Installation"), None);
        assert_eq!(
            english("fn main() { let x: Vec<u8> = Vec::new(); println!(\"{x:?}\"); }"),
            None
        );
        assert_eq!(
            english("--stdio --model DIR --format json --top 10 --kind function"),
            None
        );
    }

    #[test]
    fn the_comments_of_code_decide_if_they_are_most_of_it() {
        let german =
            "/// Liest die Einstellungen des Benutzers aus einer Datei und prüft jede von ihnen.\nfn load() {}";
        assert_eq!(is_english(german, Language::Rust), Some(false));
        let english = "// Reads the settings of the user from a file and checks each of them before use.\nfn load() {}";
        assert_eq!(is_english(english, Language::Rust), Some(true));
        let code = "// Liest\nfn load_settings_of_the_user(path: &Path) -> Result<Settings, Error> { todo() }";
        assert_eq!(is_english(code, Language::Rust), None);
    }
}
