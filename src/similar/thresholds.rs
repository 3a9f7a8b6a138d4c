//! Scores from which an item is worth showing.
//!
//! With the defaults, fewer than 1 of 20 shown items is unrelated, according to manually read pairs: see `benches/similarity/README.md`.
//! Within a file, a lower score suffices than across files, where constructors and getters look alike.

use crate::text::ModelText;

/// Default threshold for an item of the same file.
pub const DEFAULT: f32 = 0.6;

/// Default threshold of a report for items of the same file. It is higher because no user asked about a specific item.
pub const REPORTED: f32 = 0.8;

/// Added for an item of another file.
const OTHER_FILE: f32 = 0.15;

/// Added for an item in another language. After centering by language, the vectors describe the task.
const OTHER_LANGUAGE: f32 = 0.05;

/// Subtracted if two items in different languages have the same name of several words.
const SAME_NAME: f32 = 0.2;

/// Raw cosine (not centered) from which two items are almost the same.
pub const ALMOST_SAME: f32 = 0.97;

/// The share of the squared length that most vectors keep after centering by language.
///
/// Two functions of a language have a raw cosine of .39 on average.
pub const LEFT_OF_MOST: f32 = 0.61;

/// The score of two items that are almost the same.
///
/// It is the centered cosine they would have at the usual distance from the mean of their language.
pub fn of_almost_same(cosine: f32) -> f32 {
    1.0 - (1.0 - cosine) / LEFT_OF_MOST
}

/// Properties that two items share besides similar vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ties {
    /// They are in one file.
    pub file: bool,
    /// They are in one language.
    pub language: bool,
    /// They have the same name of several words.
    pub name: bool,
}

/// The score from which an item is shown, if `base` suffices in the same file.
///
/// Above the default the differences shrink in proportion, so a copy is shown at any threshold.
pub fn needed(base: f32, ties: Ties) -> f32 {
    let room = room(base);
    match ties {
        Ties { file: true, .. } => base,
        Ties { language: true, .. } => base + OTHER_FILE * room,
        Ties { name: true, .. } => base - SAME_NAME * room,
        _ => base + OTHER_LANGUAGE * room,
    }
}

/// The room above a score: 1 at the default, 0 at a score of 1.
fn room(base: f32) -> f32 {
    ((1.0 - base) / (1.0 - DEFAULT)).clamp(0.0, 1.0)
}

/// Added in a report for two types of one file (half of it at [`REPORTED`]). It is also the minimum for types anywhere.
///
/// The vector of a type is the mean of its members, and means of one topic are close to each other. If two types miss this score, the
/// functions in them are reported instead.
const TYPES: f32 = 0.16;

/// The score from which a report lists two items of one kind. `base` suffices for functions of one file.
pub fn needed_in_report(base: f32, ties: Ties, types: bool) -> f32 {
    let needed = needed(base, ties);
    let namesakes = ties.name && !ties.language && !ties.file;
    match types && !namesakes {
        true => needed.max(base + TYPES * room(base)),
        false => needed,
    }
}

/// The normalized words of a name, so that `loadConfig` equals `load_config`.
///
/// `None` for a name of one word, which is too common to mean anything.
pub fn words(name: &str) -> Option<String> {
    let words = ModelText::identifier_aware(name).as_str().to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    (words.len() > 1).then(|| words.join(" "))
}

/// Factor on the minimum length of items that are similar by convention.
const BY_CUSTOM: u32 = 3;

/// Names that a language, its library or a habit prescribes. These are constructors, conversions, comparisons, callbacks of loops and
/// printers.
const CUSTOMARY: [&str; 60] = [
    "new",
    "default",
    "from",
    "into",
    "try_from",
    "try_into",
    "from_str",
    "fmt",
    "eq",
    "ne",
    "cmp",
    "partial_cmp",
    "hash",
    "clone",
    "drop",
    "deref",
    "deref_mut",
    "as_ref",
    "as_mut",
    "borrow",
    "index",
    "index_mut",
    "next",
    "iter",
    "into_iter",
    "serialize",
    "deserialize",
    "main",
    "init",
    "constructor",
    "toString",
    "equals",
    "hashCode",
    "compareTo",
    "compare",
    "iterator",
    "close",
    "ToString",
    "Equals",
    "GetHashCode",
    "CompareTo",
    "Dispose",
    "GetEnumerator",
    "String",
    "Error",
    "Len",
    "Less",
    "Swap",
    "MarshalJSON",
    "UnmarshalJSON",
    "Unwrap",
    "initialize",
    "inspect",
    "to_s",
    "to_h",
    "setUp",
    "tearDown",
    "operator==",
    "operator=",
    "operator<<",
];

/// The properties of an item that a report uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name of the innermost item around it.
    pub around: Option<&'a str>,
    /// Whether it is a type with fields but without functions.
    pub data: bool,
    /// Number of its lines.
    pub lines: u32,
}

/// Whether an item is long enough for a report; `fewest` lines suffice for most items.
///
/// Trait implementations, items with customary names and pure data types are similar by convention, so they must be longer.
pub fn reported(fewest: u32, shape: Shape) -> bool {
    let Shape {
        name,
        around,
        data,
        lines,
    } = shape;
    let by_custom = data || customary(name, around);
    lines
        >= if by_custom {
            fewest.saturating_mul(BY_CUSTOM)
        } else {
            fewest
        }
}

/// Whether a name is prescribed (language, library, habit) or belongs to a trait implementation.
pub fn customary(name: &str, around: Option<&str>) -> bool {
    // `Display for Error` is the name of an implementation.
    let implements = |name: &str| name.contains(" for ");
    let special = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    special || CUSTOMARY.contains(&name) || implements(name) || around.is_some_and(implements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_if_their_words_are() {
        let same_name = |a, b| words(a).is_some_and(|a| words(b) == Some(a));
        assert!(same_name("loadConfig", "load_config") && same_name("LoadHTTPConfig", "load_http_config"));
        assert!(!same_name("load", "load"), "one word is no news");
        assert!(!same_name("load_config", "load_configs") && !same_name("", ""));
    }

    #[test]
    fn another_file_needs_a_higher_score_and_the_same_name_in_another_language_a_lower_one() {
        let ties = |file, language, name| Ties { file, language, name };
        let order = [
            needed(DEFAULT, ties(false, false, true)),
            needed(DEFAULT, ties(true, true, false)),
            needed(DEFAULT, ties(false, false, false)),
            needed(DEFAULT, ties(false, true, true)),
        ];
        assert_eq!(order.map(|score| (score * 100.0).round()), [40.0, 60.0, 65.0, 75.0]);
    }

    #[test]
    fn types_need_a_higher_score_than_functions_unless_they_share_a_name() {
        let ties = |file, language, name| Ties { file, language, name };
        let both = |ties| [false, true].map(|types| (needed_in_report(REPORTED, ties, types) * 1000.0).round());
        assert_eq!(both(ties(true, true, false)), [800.0, 880.0]);
        assert_eq!(both(ties(false, true, false)), [875.0, 880.0]);
        assert_eq!(both(ties(false, false, false)), [825.0, 880.0]);
        assert_eq!(both(ties(false, false, true)), [700.0, 700.0]);
    }

    #[test]
    fn conventional_items_are_reported_only_if_they_are_long() {
        let shape = |name, around, data, lines| Shape {
            name,
            around,
            data,
            lines,
        };
        let plain = shape("load_config", Some("Config"), false, 10);
        assert!(reported(10, plain) && !reported(11, plain));
        for custom in [
            shape("new", Some("Config"), false, 29),
            shape("__repr__", Some("Config"), false, 29),
            shape("Display for Config", None, false, 29),
            shape("serialize_field", Some("Serializer for Json"), false, 29),
            shape("Config", None, true, 29),
        ] {
            assert!(!reported(10, custom), "{custom:?}");
            assert!(reported(10, Shape { lines: 30, ..custom }), "{custom:?}");
        }
        assert!(reported(0, shape("new", None, true, 0)));
        for plain in ["__private", "name__", "____", "name"] {
            assert!(reported(10, shape(plain, None, false, 10)), "{plain}");
        }
    }

    #[test]
    fn the_score_of_almost_the_same_is_one_for_a_copy_and_none_at_the_usual_cosine() {
        assert_eq!(of_almost_same(1.0), 1.0);
        assert!(of_almost_same(1.0 - LEFT_OF_MOST).abs() < 1e-6);
        assert!((of_almost_same(ALMOST_SAME) - (1.0 - 0.03 / 0.61)).abs() < 1e-6);
    }

    #[test]
    fn a_copy_is_shown_at_any_threshold() {
        let elsewhere = Ties {
            file: false,
            language: true,
            name: false,
        };
        assert_eq!((needed(0.8, elsewhere) * 1000.0).round(), 875.0);
        assert!(needed(0.99, elsewhere) < 1.0 && needed(1.0, elsewhere) <= 1.0);
        assert!(needed(1.1, elsewhere) > 1.0);
    }
}
