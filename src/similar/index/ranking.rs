//! In which order passages answer a search.
//!
//! A score is the cosine of passage and query and some terms that are bounded in units of it: the words that they share, the definition of
//! what the query names, the words of the path. What people rarely look for (tests, examples, re-exports, headings) counts in part. A file
//! with many good passages lifts its best one, and lowers the others. Measured in `benches/search`; the values are flat.

use std::collections::HashMap;

use super::query::Asks;
use crate::segment::ItemKind;

/// What the share of words found adds at most.
pub const WORDS: f32 = 0.3;

/// What the definition of the query's name adds; half again where the file is called so too.
pub const DEFINITION: f32 = 0.4;

/// What the words of the path add at most.
pub const PATH: f32 = 0.3;

/// What the best passage of the most coherent file gets.
const COHERENCE: f32 = 0.15;

/// What a score is multiplied by to be told: the highest that there can be is 1.
pub const RELEVANCE: f32 = 1.0 / (1.0 + WORDS + DEFINITION * OWN_FILE + PATH + COHERENCE);

/// What counts a definition in a file that is called so.
pub const OWN_FILE: f32 = 1.5;

/// What each further passage of a file counts, beside the one before.
const FURTHER: f32 = 0.7;

/// Passages whose files may be coherent.
const COHERENT: usize = 100;

/// What of a passage lowers its weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aside {
    /// It is a test.
    pub test: bool,
    /// It is an example, a benchmark, legacy or somebody else's code.
    pub example: bool,
    /// It names what others define.
    pub reexport: bool,
    /// It is prose.
    pub prose: bool,
    /// It is a change log or a license.
    pub record: bool,
    /// It is configuration.
    pub data: bool,
    /// A later version of it stands beside it.
    pub superseded: bool,
}

impl Aside {
    /// What lowers a passage of a file of which this holds; `test` tells whether it is one, or in one.
    pub fn of_passage(self, kind: ItemKind, test: bool) -> Aside {
        Aside {
            test,
            prose: self.prose || kind == ItemKind::Heading,
            ..self
        }
    }

    /// What its score is multiplied by, 0 to 1, where the query asks for some of it.
    pub fn weight(self, asks: Asks) -> f32 {
        let mut weight = 1.0;
        for (lowered, asked, factor) in [
            (self.test, asks.tests, 0.3),
            (self.example, asks.aside, 0.3),
            (self.reexport, false, 0.5),
            (self.prose, asks.prose, 0.5),
            (self.record, asks.prose, 0.5),
            (self.data, asks.data, 0.5),
            (self.superseded, asks.versions, 0.6),
        ] {
            if lowered && !asked {
                weight *= factor;
            }
        }
        weight
    }
}

/// Why a passage was found; as JSON part of the answer of `fovea search`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Why {
    /// Cosine of the passage and the query, on the scale of the embedded model's, -1 to 1; 0 where one of them has no vector.
    pub cosine: f32,
    /// What shared words added, 0 to [`WORDS`].
    pub words: f32,
    /// What the definition of a name of the query added.
    pub definition: f32,
    /// What the words of the path added, 0 to [`PATH`].
    pub path: f32,
    /// What the score was multiplied by.
    pub weight: f32,
    /// The query's words that stand in the passage, its name or its path, as they were typed.
    pub matched: Vec<String>,
}

impl Why {
    /// The score by these parts.
    pub fn score(&self) -> f32 {
        let sum = self.cosine + self.words + self.definition + self.path;
        if sum > 0.0 { sum * self.weight } else { sum }
    }
}

/// Parts of the ranking that are left out, to measure what each is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Without {
    /// The cosine.
    pub vector: bool,
    /// Shared words.
    pub words: bool,
    /// Definitions.
    pub definition: bool,
    /// Words of paths.
    pub path: bool,
    /// The lift of coherent files.
    pub coherence: bool,
    /// The lowering of a file's further passages.
    pub saturation: bool,
    /// The weights of tests and the like.
    pub weights: bool,
    /// Passages of whole files.
    pub files: bool,
}

/// Puts scored passages, each with its file, in order; the answer is their numbers with final scores, best first.
pub fn ordered(mut scored: Vec<(usize, u32, f32)>, without: Without) -> Vec<(usize, f32)> {
    let best_first = |a: &(usize, u32, f32), b: &(usize, u32, f32)| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0));
    scored.sort_unstable_by(best_first);
    if !without.coherence {
        lift_coherent(&mut scored);
        scored.sort_unstable_by(best_first);
    }
    let mut seen: HashMap<u32, i32> = HashMap::new();
    let lowered = scored.into_iter().map(|(passage, file, score)| {
        let before = seen.entry(file).or_insert(0);
        let factor = if without.saturation { 1.0 } else { FURTHER.powi(*before) };
        *before += 1;
        (passage, if score > 0.0 { score * factor } else { score })
    });
    let mut lowered: Vec<(usize, f32)> = lowered.collect();
    lowered.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    lowered
}

/// Lifts the best passage of each file by how many other good ones the file has.
fn lift_coherent(scored: &mut [(usize, u32, f32)]) {
    let number = COHERENT.min(scored.len());
    let best = &mut scored[..number];
    let Some(floor) = best.last().map(|(.., score)| *score) else {
        return;
    };
    let mut sums: HashMap<u32, f32> = HashMap::new();
    for (_, file, score) in best.iter() {
        *sums.entry(*file).or_default() += (score - floor).max(0.0);
    }
    let most = sums.values().copied().fold(0f32, f32::max);
    if most <= 0.0 {
        return;
    }
    for (_, file, score) in best {
        // The first of a file is its best.
        if let Some(sum) = sums.remove(file) {
            *score += COHERENCE * sum / most;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_examples_and_headings_weigh_less_unless_they_are_asked_for() {
        let test = Aside {
            test: true,
            ..Aside::default()
        };
        let asks = Asks {
            tests: true,
            ..Asks::default()
        };
        assert_eq!((test.weight(Asks::default()), test.weight(asks)), (0.3, 1.0));
        assert_eq!(Aside::default().weight(Asks::default()), 1.0);
        let record = Aside {
            prose: true,
            record: true,
            ..Aside::default()
        };
        assert_eq!(record.weight(Asks::default()), 0.25);
    }

    #[test]
    fn a_weight_never_lifts_a_negative_score() {
        let why = Why {
            cosine: -0.5,
            weight: 0.3,
            ..Why::default()
        };
        assert_eq!(why.score(), -0.5);
    }

    #[test]
    fn further_passages_of_a_file_come_after_the_best_of_others() {
        let scored = vec![(0, 0, 0.9), (1, 0, 0.85), (2, 1, 0.7), (3, 0, 0.8)];
        let plain = Without {
            coherence: true,
            ..Without::default()
        };
        let order: Vec<usize> = ordered(scored.clone(), plain)
            .into_iter()
            .map(|(passage, _)| passage)
            .collect();
        assert_eq!(order, [0, 2, 1, 3]);
        let without = Without {
            saturation: true,
            ..plain
        };
        let order: Vec<usize> = ordered(scored, without)
            .into_iter()
            .map(|(passage, _)| passage)
            .collect();
        assert_eq!(order, [0, 1, 3, 2]);
    }

    #[test]
    fn a_file_with_many_good_passages_lifts_its_best() {
        let scored = vec![(0, 0, 0.60), (1, 1, 0.58), (2, 1, 0.57), (3, 1, 0.56), (4, 2, 0.1)];
        assert_eq!(ordered(scored, Without::default())[0].0, 1);
        assert!(ordered(Vec::new(), Without::default()).is_empty());
    }
}
