//! From which score on an item is worth a person's attention.
//!
//! The default shows something unrelated in fewer than 1 of 20 cases, by pairs that were read one by one: see
//! `benches/similarity/README.md`. Inside a file a lower score is enough than in another, where constructors and getters look alike.

use crate::text::ModelText;

/// The default for an item of the same file.
pub const DEFAULT: f32 = 0.6;

/// The default of a report, for items of the same file: there is no person who asked about one of them.
pub const REPORTED: f32 = 0.8;

/// How much more an item of another file needs.
const OTHER_FILE: f32 = 0.15;

/// How much more an item in another language needs: the mean of each is taken away, and what is left is about what they do.
const OTHER_LANGUAGE: f32 = 0.05;

/// How much less it needs where both have the same name of several words.
const SAME_NAME: f32 = 0.2;

/// The cosine, nothing taken away, from which on one item is almost the other.
pub const ALMOST_SAME: f32 = 0.97;

/// What is left of the squared length of most vectors without the mean of their language: two functions of a language have a cosine of
/// .39 on the whole.
pub const LEFT_OF_MOST: f32 = 0.61;

/// The score of two items that are almost the same: what their cosine would be if they lay as far from the mean of their language as
/// most do.
pub fn of_almost_same(cosine: f32) -> f32 {
    1.0 - (1.0 - cosine) / LEFT_OF_MOST
}

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

/// The score from which an item is shown, where `base` is enough in the same file. Above the default the differences shrink in
/// proportion, so that a copy is shown whatever is asked.
pub fn needed(base: f32, ties: Ties) -> f32 {
    let room = room(base);
    match ties {
        Ties { file: true, .. } => base,
        Ties { language: true, .. } => base + OTHER_FILE * room,
        Ties { name: true, .. } => base - SAME_NAME * room,
        _ => base + OTHER_LANGUAGE * room,
    }
}

/// How much room there is over a score: all of it at the default, none at 1.
fn room(base: f32) -> f32 {
    ((1.0 - base) / (1.0 - DEFAULT)).clamp(0.0, 1.0)
}

/// How much more two types of one file need in a report than two functions (half of it at [`REPORTED`]), and types anywhere at least: the
/// vector of a type is the mean of what is in it, and means of one topic are near each other sooner. Where they do not reach it, the
/// functions in them are reported instead.
const TYPES: f32 = 0.16;

/// The score from which two items of one kind are reported, where `base` is enough for functions of the same file.
pub fn needed_in_report(base: f32, ties: Ties, types: bool) -> f32 {
    let needed = needed(base, ties);
    let namesakes = ties.name && !ties.language && !ties.file;
    match types && !namesakes {
        true => needed.max(base + TYPES * room(base)),
        false => needed,
    }
}

/// The words of a name, in which two names are the same however their languages join words (`loadConfig` and `load_config`); `None`
/// for a name of one word, which is no news.
pub fn words(name: &str) -> Option<String> {
    let words = ModelText::identifier_aware(name).as_str().to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    (words.len() > 1).then(|| words.join(" "))
}

/// How many times as long an item has to be to be reported that is alike by custom.
const BY_CUSTOM: u32 = 3;

/// Names that a language, its library or a habit prescribes: constructors, conversions, comparisons, what a loop or a printer calls.
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

/// What an item is, as far as it matters to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape<'a> {
    /// Its name.
    pub name: &'a str,
    /// The name of the innermost item around it.
    pub around: Option<&'a str>,
    /// Whether it is a type without functions: what it holds.
    pub data: bool,
    /// Its lines.
    pub lines: u32,
}

/// Whether an item is long enough to be reported, where `fewest` lines are enough for most. What implements a trait, is called as custom
/// has it, or says no more than which fields there are is alike for that alone, and has to be longer.
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

/// Whether a name is prescribed by a language, its library or a habit, or stands in the implementation of a trait.
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

    #[test]
    fn types_need_more_than_functions_unless_a_name_joins_them() {
        let ties = |file, language, name| Ties { file, language, name };
        let both = |ties| [false, true].map(|types| (needed_in_report(REPORTED, ties, types) * 1000.0).round());
        assert_eq!(both(ties(true, true, false)), [800.0, 880.0]);
        assert_eq!(both(ties(false, true, false)), [875.0, 880.0]);
        assert_eq!(both(ties(false, false, false)), [825.0, 880.0]);
        assert_eq!(both(ties(false, false, true)), [700.0, 700.0]);
    }

    #[test]
    fn what_is_alike_by_custom_is_reported_only_where_it_is_long() {
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
    }

    #[test]
    fn a_copy_is_shown_whatever_is_asked() {
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
