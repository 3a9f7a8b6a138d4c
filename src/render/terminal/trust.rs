//! A verdict on an explanation: its sentence, what it rests on, and how the change grows as words are deleted.

use crate::explain::trust::{Judged, Trust};

/// Characters of the longest bar.
const BAR: f32 = 30.0;

/// Writes the sentence, the numbers behind it and one bar for each point of the curve.
pub fn trust(trust: &Trust) -> String {
    if trust.sets == 0 {
        return format!("{}\n", trust.sentence);
    }
    let what = match trust.target {
        Judged::Embedding => "turn",
        Judged::Similarity | Judged::Answer => "fall",
    };
    format!(
        "{}\n{} · {what} {:.3} without these words, {:.3} without random ones (mean of {} sets), {:.0} ms\n{}",
        trust.sentence,
        trust.method,
        trust.marked,
        trust.random,
        trust.sets,
        trust.ms,
        curve(trust)
    )
}

fn curve(trust: &Trust) -> String {
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
