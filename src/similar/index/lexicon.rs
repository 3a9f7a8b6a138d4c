//! An inverted index from words to passages in memory, with BM25 scores.
//!
//! Robertson & Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond* (2009). The name of a passage, of its file and of its
//! folders count as further words (BM25F with integer weights).

use std::collections::HashMap;
use std::path::Path;

use super::super::words::{Term, Word, parts, words};

/// Saturation of word counts.
const K1: f32 = 1.2;

/// Influence of the length of a passage.
const B: f32 = 0.75;

/// Weight of the words of a passage's name.
const NAME: u8 = 3;

/// Weight of the words of its file's name.
const FILE: u8 = 2;

/// Number of folders whose names count, from the innermost up.
const FOLDERS: usize = 3;

/// Maximum number of passages with words. A posting has 24 bits for the passage and 8 for the count.
const MAX_PASSAGES: usize = 1 << 24;

/// Minimum letters of a word of a path that prefixes can match.
pub(super) const BEGINNING: usize = 3;

/// The words of all passages.
#[derive(Debug, Default)]
pub struct Lexicon {
    /// All terms, ascending.
    terms: Vec<Term>,
    /// The start of each term's postings; at the end, the end of the last.
    starts: Vec<usize>,
    /// Passage × 256 + count, ascending within a term.
    postings: Vec<u32>,
    /// Damping of each passage (see [`damping`]).
    damping: Vec<f32>,
    files: usize,
    /// The words in names of files and innermost folders, each with the files, ascending.
    places: Vec<(String, Vec<u32>)>,
}

/// Builds a lexicon passage by passage.
#[derive(Debug, Default)]
pub struct Builder {
    /// Term, passage and count in one number, which makes the sort fast.
    entries: Vec<u64>,
    lengths: Vec<u32>,
    places: HashMap<String, Vec<u32>>,
    /// The words of the current file's path.
    path: Vec<(Term, u8)>,
    files: u32,
}

impl Builder {
    /// Starts the next file.
    pub fn file(&mut self, path: PathWords) {
        self.path = path.counts;
        for place in path.places {
            let files = self.places.entry(place).or_default();
            if files.last() != Some(&self.files) {
                files.push(self.files);
            }
        }
        self.files += 1;
    }

    /// Adds a passage of the current file.
    pub fn passage(&mut self, name: &str, content: impl Iterator<Item = (Term, u8)>) {
        let number = self.lengths.len();
        let mut length = 0;
        let path = std::mem::take(&mut self.path);
        for (term, count) in content.chain(name_counts(name)).chain(path.iter().copied()) {
            length += u32::from(count);
            if number < MAX_PASSAGES {
                self.entries
                    .push(u64::from(term) << 32 | (number as u64) << 8 | u64::from(count));
            }
        }
        self.path = path;
        self.lengths.push(length);
    }

    /// Builds the lexicon.
    pub fn finish(mut self) -> Lexicon {
        use rayon::slice::ParallelSliceMut;
        self.entries.par_sort_unstable();
        let mut lexicon = Lexicon::default();
        lexicon.postings.reserve_exact(self.entries.len());
        for entry in self.entries {
            let (term, posting) = ((entry >> 32) as Term, entry as u32);
            if lexicon.terms.last() != Some(&term) {
                lexicon.terms.push(term);
                lexicon.starts.push(lexicon.postings.len());
            } else if let Some(last) = lexicon.postings.last_mut().filter(|last| **last >> 8 == posting >> 8) {
                // The same word in another field.
                *last = (*last & !0xff) | (*last & 0xff).saturating_add(posting & 0xff).min(0xff);
                continue;
            }
            lexicon.postings.push(posting);
        }
        lexicon.starts.push(lexicon.postings.len());
        lexicon.postings.shrink_to_fit();
        let total: u64 = self.lengths.iter().map(|length| u64::from(*length)).sum();
        let mean = mean_length(total, self.lengths.len() as u64);
        lexicon.damping = self.lengths.iter().map(|length| damping(*length, mean)).collect();
        lexicon.places = self.places.into_iter().collect();
        lexicon.places.sort_unstable();
        lexicon.files = self.files as usize;
        lexicon
    }
}

impl Lexicon {
    /// The BM25 score of each passage, 0 to 1. It is a share of the highest possible score.
    ///
    /// A dense vector, because a search reads the scores of all passages.
    pub fn bm25(&self, words: &[Word]) -> Vec<f32> {
        let mut scores = vec![0f32; self.damping.len()];
        let mut ideal = 0.0;
        for word in words {
            let postings = self.postings(word.term);
            let most = most_of_word(self.damping.len() as u64, postings.len() as u64);
            ideal += most;
            for posting in postings {
                let (passage, count) = ((posting >> 8) as usize, posting & 0xff);
                scores[passage] += of_word(most, count, self.damping[passage]);
            }
        }
        if ideal > 0.0 {
            scores.iter_mut().for_each(|score| *score /= ideal);
        }
        scores
    }

    /// Whether a passage contains a word.
    pub fn holds(&self, passage: u32, term: Term) -> bool {
        self.postings(term)
            .binary_search_by_key(&passage, |posting| posting >> 8)
            .is_ok()
    }

    /// Per file, the share of the words that match names of files and folders ([`is_place`]).
    pub fn places(&self, words: &[Word]) -> Vec<f32> {
        let mut shares = vec![0f32; self.files];
        let mut files: Vec<u32> = Vec::new();
        for word in words {
            files.clear();
            let found = self.places.iter().filter(|(place, _)| is_place(word, place));
            files.extend(found.flat_map(|(_, files)| files));
            files.sort_unstable();
            files.dedup();
            for file in &files {
                shares[*file as usize] += 1.0 / words.len() as f32;
            }
        }
        shares
    }

    fn postings(&self, term: Term) -> &[u32] {
        match self.terms.binary_search(&term) {
            Ok(at) => &self.postings[self.starts[at]..self.starts[at + 1]],
            Err(_) => &[],
        }
    }
}

/// The words of a file's path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathWords {
    /// Words added to each passage of the file, with their weights; may contain duplicates.
    pub counts: Vec<(Term, u8)>,
    /// The stems in the names of the file and its innermost folder.
    pub places: Vec<String>,
}

impl PathWords {
    /// Extracts the words of a path below the indexed folder.
    pub fn of(path: &Path) -> PathWords {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folders = path.parent().into_iter().flat_map(Path::components);
        let folders: Vec<String> = folders
            .map(|folder| folder.as_os_str().to_string_lossy().into_owned())
            .collect();
        let last = &folders[folders.len().saturating_sub(FOLDERS)..];
        let stem_words = words(stem(&name));
        let folder_words = words(&last.join(" "));
        let of_stem = stem_words.iter().map(|word| (word.term, FILE));
        let counts = of_stem.chain(folder_words.iter().map(|word| (word.term, 1))).collect();
        let innermost = last.last().map(|folder| words(folder)).unwrap_or_default();
        let places = stem_words.into_iter().chain(innermost).map(|word| word.stem);
        PathWords {
            counts,
            places: places.collect(),
        }
    }
}

/// The words of a passage's name, with their weights.
pub fn name_counts(name: &str) -> impl Iterator<Item = (Term, u8)> {
    words(name).into_iter().map(|word| (word.term, NAME))
}

/// The name that an item defines. It is `Config` for `Display for Config` and `Config<T>`, and `run` for `Server::run`. The name of a test or
/// a heading is a title of several words, and whole.
pub(super) fn defined(name: &str) -> &str {
    if is_title(name) {
        return name;
    }
    let of = name.rsplit(" for ").next().unwrap_or(name);
    let plain = of
        .split(['<', '>', '(', ')', '[', ']', ' '])
        .find(|part| !part.is_empty())
        .unwrap_or(of);
    plain.rsplit(['.', ':']).next().unwrap_or(plain)
}

/// Whether a name has several words that no syntax joins, as `Display for Config` and `Map<K, V>` have.
fn is_title(name: &str) -> bool {
    let mut words = name.split_whitespace();
    let first = words.next().unwrap_or_default();
    let second = words.next();
    second.is_some_and(|second| second != "for") && !first.contains(['<', '(', '[', '{'])
}

/// The file name up to its first period, except a leading one: `config` for `config.test.ts`.
pub fn stem(name: &str) -> &str {
    let end = name.char_indices().skip(1).find(|(_, c)| *c == '.');
    end.map_or(name, |(end, _)| &name[..end])
}

/// Whether a word matches a word of a path. They are equal, or one is a prefix of the other.
pub fn is_place(word: &Word, place: &str) -> bool {
    let shorter = place.len().min(word.stem.len());
    place == word.stem || (shorter >= BEGINNING && (place.starts_with(&word.stem) || word.stem.starts_with(place)))
}

/// The mean length of passages, at least 1.
pub fn mean_length(total: u64, passages: u64) -> f32 {
    (total as f32 / passages.max(1) as f32).max(1.0)
}

/// 1 / (K1 · (1 - B + B · length / mean length)).
pub fn damping(length: u32, mean: f32) -> f32 {
    (K1 * (1.0 - B + B * length as f32 / mean)).recip()
}

/// The upper limit of a word's BM25 contribution, if `holders` of `passages` contain it.
pub fn most_of_word(passages: u64, holders: u64) -> f32 {
    let (number, holders) = (passages as f32, holders as f32);
    (1.0 + (number - holders + 0.5) / (holders + 0.5)).ln() * (K1 + 1.0)
}

/// A word's BM25 contribution to a passage. It is [`most_of_word`] times count / (count + K1 · norm), where damping is 1 / (K1 · norm).
pub fn of_word(most: f32, count: u32, damping: f32) -> f32 {
    let damped = count as f32 * damping;
    most * damped / (damped + 1.0)
}

/// [`of_word`] in SQL, written as 1 - norm / (count + norm). The lookup of a count is the slowest part, so it occurs once.
#[cfg(feature = "postgres")]
pub fn of_word_in_sql(most: f32, count: &str, length: &str, mean: f32) -> String {
    let (fixed, share) = (K1 * (1.0 - B), K1 * B / mean);
    let norm = format!("({fixed}::float8 + {share}::float8 * {length})");
    format!("{most}::float8 * (1 - {norm} / ({count} + {norm}))")
}

/// A normalized name for comparison with file names: parts joined, lower case, singular.
pub fn bare(name: &str) -> String {
    let joined = parts(name).concat();
    joined.strip_suffix('s').map(str::to_owned).unwrap_or(joined)
}

#[cfg(test)]
mod tests {
    use super::super::super::words::{WordCounts, content_words};
    use super::*;

    #[test]
    fn the_defined_name_has_no_type_parameters_and_no_path() {
        for (name, expected) in [
            ("Display for Config", "Config"),
            ("Config<T>", "Config"),
            ("[Symbol.iterator]", "iterator"),
            ("Server::run", "run"),
            ("Foo.bar", "bar"),
            ("Picker:find", "find"),
            ("What Is Telescope?", "What Is Telescope?"),
            ("it waits for a lock", "it waits for a lock"),
            ("Map<K, V>", "Map"),
            ("load(path)", "load"),
        ] {
            assert_eq!(defined(name), expected, "{name}");
        }
    }

    #[test]
    fn weights_are_those_of_bm25() {
        let near = |a: f32, b: f32| (a - b).abs() < 1e-4;
        assert!(near(most_of_word(100, 10), (1.0 + 90.5 / 10.5f32).ln() * (K1 + 1.0)));
        let damped = damping(30, 20.0);
        assert!(near(damped, 1.0 / (K1 * (1.0 - B + B * 1.5))));
        // count / (count + K1 · norm)
        assert!(near(of_word(6.0, 2, damped), 6.0 * 2.0 / (2.0 + 1.0 / damped)));
        assert_eq!(
            (mean_length(30, 4), mean_length(3, 0), mean_length(0, 4)),
            (7.5, 3.0, 1.0)
        );
    }

    fn lexicon(files: &[(&str, &[(&str, &str)])]) -> Lexicon {
        let mut builder = Builder::default();
        for (path, passages) in files {
            builder.file(PathWords::of(Path::new(path)));
            for (name, text) in *passages {
                builder.passage(name, WordCounts::of(text).iter());
            }
        }
        builder.finish()
    }

    #[test]
    fn bm25_equals_the_plain_formula() {
        let texts = [
            "sign the cookie",
            "sign the cookie, then read the signed cookie",
            "close the file",
        ];
        let lexicon = lexicon(&[("", &texts.map(|text| ("", text)))]);
        let query = content_words("signed cookies");
        let found = lexicon.bm25(&query);
        let lengths = [3.0f32, 8.0, 3.0];
        let counts = [[1.0f32, 1.0], [2.0, 2.0], [0.0, 0.0]];
        let mean = lengths.iter().sum::<f32>() / 3.0;
        let idf = (1.0f32 + (3.0 - 2.0 + 0.5) / (2.0 + 0.5)).ln();
        for passage in 0..3 {
            let plain: f32 = counts[passage]
                .iter()
                .map(|c| idf * c * 2.2 / (c + 1.2 * (0.25 + 0.75 * lengths[passage] / mean)))
                .sum();
            let share = plain / (2.0 * idf * 2.2);
            let ours = found[passage];
            assert!((ours - share).abs() < 1e-5, "{passage}: {ours} {share}");
        }
        assert!(found[2] == 0.0 && found.iter().all(|score| *score <= 1.0));
    }

    #[test]
    fn words_of_names_and_paths_count_as_words_of_the_passage() {
        let lexicon = lexicon(&[
            ("src/cookies/session", &[("load_key", "x"), ("other", "load key")]),
            ("b", &[("c", "d")]),
        ]);
        for word in ["load", "session", "cookies", "x"] {
            assert!(lexicon.holds(0, content_words(word)[0].term), "{word}");
        }
        assert!(!lexicon.holds(2, content_words("load")[0].term));
        let found = lexicon.bm25(&content_words("load key"));
        assert!(found[0] > found[1], "a name counts more than the text");
    }

    #[test]
    fn words_match_names_of_files_and_innermost_folders() {
        let lexicon = lexicon(&[("app/auth/session_store", &[("", "")]), ("auth/x/readme", &[("", "")])]);
        let places = lexicon.places(&content_words("authentication session tokens"));
        assert_eq!(places[1], 0.0);
        assert!(
            (places[0] - 2.0 / 3.0).abs() < 1e-6,
            "auth by its prefix, session exactly"
        );
    }

    #[test]
    fn empty_lexicons_and_queries_find_nothing() {
        assert!(Lexicon::default().bm25(&content_words("x")).is_empty());
        let lexicon = lexicon(&[("a", &[("b", "c")])]);
        assert_eq!((lexicon.bm25(&[]), lexicon.places(&[])), (vec![0.0], vec![0.0]));
    }
}
