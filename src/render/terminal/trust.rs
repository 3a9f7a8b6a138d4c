//! Draws the curve of a verdict: how far the embedding moves as words are deleted.

use crate::explain::trust::Trust;

/// Characters of the longest bar.
const BAR: f32 = 30.0;

/// Writes one bar for each point.
pub fn curve(trust: &Trust) -> String {
    let most = trust
        .curve
        .iter()
        .map(|(_, turn)| *turn)
        .fold(f32::MIN_POSITIVE, f32::max);
    let line = |(words, turn): &(usize, f32)| {
        let bar = "█".repeat((turn / most * BAR).round().max(0.0) as usize);
        let noun = if *words == 1 { "word " } else { "words" };
        format!("{words:>5} {noun} gone {turn:>7.3}  {bar}\n")
    };
    trust.curve.iter().map(line).collect()
}
