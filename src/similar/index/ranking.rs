//! Ranks the passages that answer a search.
//!
//! A score is the cosine of passage and query plus bounded terms: shared words, definition of a name in the query, words of the path.
//! Passages that users rarely look for (tests, examples, re-exports, headings) have a lower weight. A file with many good passages raises
//! its best passage and lowers the others. Measured in `benches/search`; results depend little on the exact values.

use std::collections::{HashMap, HashSet};

use super::query::Asks;
use crate::segment::ItemKind;

/// Maximum contribution of shared words.
pub const WORDS: f32 = 0.6;

/// Contribution of the definition of the query's name. A file of the same name multiplies it by [`OWN_FILE`].
pub const DEFINITION: f32 = 0.4;

/// Maximum contribution of the words of the path.
pub const PATH: f32 = 0.3;

/// Bonus for the best passage of the most coherent file.
const COHERENCE: f32 = 0.15;

/// Normalizes reported scores: the highest possible score is 1.
pub const RELEVANCE: f32 = 1.0 / (1.0 + WORDS + DEFINITION * OWN_FILE + PATH + COHERENCE);

/// Factor for a definition in a file of the same name.
pub const OWN_FILE: f32 = 1.5;

/// Factor for each further passage of a file, cumulative.
const FURTHER: f32 = 0.8;

/// Number of best passages that are examined for coherent files.
const COHERENT: usize = 100;

/// Properties of a passage that lower its weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aside {
    /// It is a test.
    pub test: bool,
    /// It is an example, a benchmark, legacy or third-party code, or code in a folder of documentation.
    pub example: bool,
    /// It is prose in a folder of documentation.
    pub documentation: bool,
    /// It re-exports names that other files define.
    pub reexport: bool,
    /// It is prose.
    pub prose: bool,
    /// It is a change log or a license.
    pub record: bool,
    /// It is configuration.
    pub data: bool,
    /// A later version is next to it.
    pub superseded: bool,
}

impl Aside {
    /// The properties of a passage in a file with these properties. `test` means that it is a test or inside one.
    pub fn of_passage(self, kind: ItemKind, test: bool) -> Aside {
        Aside {
            test,
            prose: self.prose || kind == ItemKind::Heading,
            ..self
        }
    }

    /// The factor of its score, 0 to 1. Properties that the query asks for do not lower it.
    pub fn weight(self, asks: Asks) -> f32 {
        let mut weight = 1.0;
        for (lowered, asked, factor) in [
            (self.test, asks.tests, 0.3),
            (self.example, asks.aside, 0.3),
            (self.documentation, asks.prose, 0.3),
            (self.reexport, false, 0.5),
            (self.prose, asks.prose, 0.5),
            (self.record, asks.records, 0.5),
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

/// The parts of a score; part of the JSON answer of `fovea search`.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Why {
    /// Cosine of passage and query on the embedded model's scale, -1 to 1. It is 0 if one of them has no vector.
    pub cosine: f32,
    /// Contribution of shared words, 0 to [`WORDS`].
    pub words: f32,
    /// Contribution of the definition of a name in the query.
    pub definition: f32,
    /// Contribution of the words of the path, 0 to [`PATH`].
    pub path: f32,
    /// Factor of the score.
    pub weight: f32,
    /// The query's words in the passage, its name or its path, as typed.
    pub matched: Vec<String>,
}

impl Why {
    /// The score that results from these parts.
    pub fn score(&self) -> f32 {
        let sum = self.cosine + self.words + self.definition + self.path;
        if sum > 0.0 { sum * self.weight } else { sum }
    }
}

/// Parts of the ranking to disable, for measurements of their value.
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
    /// The bonus for coherent files.
    pub coherence: bool,
    /// The reduction for further passages of a file.
    pub saturation: bool,
    /// The weights of tests and similar passages.
    pub weights: bool,
    /// Passages of whole files.
    pub files: bool,
}

/// Ranks scored passages, given as (passage, file, score); returns passages with final scores, best first. The first of
/// a file that is `named`, the definition of the identifier that is the query, is not lowered for better passages of its file.
pub fn ordered(
    mut scored: Vec<(usize, u32, f32)>,
    named: impl Fn(usize) -> bool,
    without: Without,
) -> Vec<(usize, f32)> {
    let best_first = |a: &(usize, u32, f32), b: &(usize, u32, f32)| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0));
    scored.sort_unstable_by(best_first);
    if !without.coherence {
        lift_coherent(&mut scored);
        scored.sort_unstable_by(best_first);
    }
    let mut seen: HashMap<u32, i32> = HashMap::new();
    let mut defining: HashSet<u32> = HashSet::new();
    let lowered = scored.into_iter().map(|(passage, file, score)| {
        let before = seen.entry(file).or_insert(0);
        let factor = match without.saturation || (named(passage) && defining.insert(file)) {
            true => 1.0,
            false => FURTHER.powi(*before),
        };
        *before += 1;
        (passage, if score > 0.0 { score * factor } else { score })
    });
    let mut lowered: Vec<(usize, f32)> = lowered.collect();
    lowered.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    lowered
}

/// Raises the best passage of each file in proportion to the file's other good passages.
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
        // The first passage of a file is its best.
        if let Some(sum) = sums.remove(file) {
            *score += COHERENCE * sum / most;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No passage is the definition of the query.
    fn none(_: usize) -> bool {
        false
    }

    #[test]
    fn the_best_passage_of_a_file_gains_by_the_files_other_good_passages() {
        // File 0 has .9 and .7, file 1 has .8; the last one is the floor.
        let mut scored = [(10, 0, 0.9), (20, 1, 0.8), (11, 0, 0.7), (30, 2, 0.5)];
        lift_coherent(&mut scored);
        let gains: Vec<f32> = scored
            .iter()
            .zip([0.9, 0.8, 0.7, 0.5])
            .map(|((.., now), was)| now - was)
            .collect();
        // Above the floor, file 0 has .4 + .2 and file 1 .3: half as much.
        let expected = [COHERENCE, COHERENCE / 2.0, 0.0, 0.0];
        assert!(
            gains.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6),
            "{gains:?}"
        );
        let mut equal = [(1, 0, 0.5), (2, 1, 0.5)];
        lift_coherent(&mut equal);
        assert_eq!(equal, [(1, 0, 0.5), (2, 1, 0.5)]);
    }

    #[test]
    fn tests_and_records_weigh_less_unless_the_query_asks_for_them() {
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
        let prose = Asks {
            prose: true,
            ..Asks::default()
        };
        assert_eq!(record.weight(prose), 0.5);
        let page = Aside {
            prose: true,
            documentation: true,
            ..Aside::default()
        };
        assert_eq!((page.weight(Asks::default()), page.weight(prose)), (0.15, 1.0));
    }

    #[test]
    fn a_weight_never_raises_a_negative_score() {
        let why = Why {
            cosine: -0.5,
            weight: 0.3,
            ..Why::default()
        };
        assert_eq!(why.score(), -0.5);
    }

    #[test]
    fn further_passages_of_a_file_rank_below_the_best_of_others() {
        let scored = vec![(0, 0, 0.9), (1, 0, 0.85), (2, 1, 0.7), (3, 0, 0.8)];
        let plain = Without {
            coherence: true,
            ..Without::default()
        };
        let order: Vec<usize> = ordered(scored.clone(), none, plain)
            .into_iter()
            .map(|(passage, _)| passage)
            .collect();
        assert_eq!(order, [0, 2, 1, 3]);
        let scores: Vec<f32> = ordered(scored.clone(), none, plain)
            .into_iter()
            .map(|(_, score)| score)
            .collect();
        let expected = [0.9, 0.7, 0.85 * FURTHER, 0.8 * FURTHER * FURTHER];
        let near = |(a, b): (&f32, f32)| (a - b).abs() < 1e-6;
        assert!(scores.iter().zip(expected).all(near), "{scores:?}");
        // A negative score does not come nearer to zero.
        let negative = ordered(vec![(0, 0, 0.5), (1, 0, -0.5)], none, plain);
        assert_eq!(negative, [(0, 0.5), (1, -0.5)]);
        let without = Without {
            saturation: true,
            ..plain
        };
        let order: Vec<usize> = ordered(scored.clone(), none, without)
            .into_iter()
            .map(|(passage, _)| passage)
            .collect();
        assert_eq!(order, [0, 1, 3, 2]);
        let named = |passage: usize| passage == 3 || passage == 1;
        let found = ordered(scored, named, plain);
        let factor = FURTHER * FURTHER;
        assert_eq!(found[..2], [(0, 0.9), (1, 0.85)]);
        assert!((found[3].1 - 0.8 * factor).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn many_good_passages_of_a_file_raise_the_best_one() {
        let scored = vec![(0, 0, 0.60), (1, 1, 0.58), (2, 1, 0.57), (3, 1, 0.56), (4, 2, 0.1)];
        assert_eq!(ordered(scored, none, Without::default())[0].0, 1);
        assert!(ordered(Vec::new(), none, Without::default()).is_empty());
    }
}
