//! Converts scores to levels of heat, which are the same in every editor and terminal.

use crate::analysis::UnitReport;

/// The number of heat levels. A word with heat has a level from 1 to this number; a word without heat has level 0.
pub const LEVELS: u32 = 12;

/// The minimum coverage of a unit whose scores are meaningful.
pub const UNDERSTOOD: f32 = 0.5;

/// The level of each word of a unit, from 0 to [`LEVELS`].
///
/// The level is `clamp(round(4 + 4·log2(s·n/p)), 0, 12)` for a score s among n words whose positive scores sum to p. It compares a word
/// with the average word of its unit, whatever the length of the unit: 4 is average, 8 is twice the average, 12 is four times the average
/// or more, and 0 is half or less.
pub fn levels(report: &UnitReport) -> impl Iterator<Item = u32> {
    let scores: Vec<f32> = report.words.iter().map(|word| word.score).collect();
    levels_of(&scores).into_iter()
}

/// The level of each score of one passage, computed as in [`levels`].
pub fn levels_of(scores: &[f32]) -> Vec<u32> {
    let positive: f32 = scores.iter().map(|score| score.max(0.0)).sum();
    let count = scores.len() as f32;
    scores.iter().map(|score| level(score * count / positive)).collect()
}

/// The level of a word that scores `times` the average.
fn level(times: f32) -> u32 {
    if times.is_nan() || times <= 0.0 {
        return 0;
    }
    (4.0 + 4.0 * times.log2()).round().clamp(0.0, LEVELS as f32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_compare_a_word_with_the_average_word() {
        let of = [0.0, -1.0, 0.25, 0.5, 0.6, 1.0, 2.0, 4.0, 100.0, f32::NAN, f32::INFINITY].map(level);
        assert_eq!(of, [0, 0, 0, 0, 1, 4, 8, 12, 12, 0, 12]);
    }
}
