//! What a written text draws on, in words.

/// By how much less likely a text is, from nats: `8259 times`.
pub fn times(nats: f32) -> String {
    match f64::from(nats).exp() {
        factor if factor >= 1e6 => "over a million times".to_owned(),
        factor if factor >= 10.0 => format!("{factor:.0} times"),
        factor => format!("{factor:.1} times"),
    }
}

/// How likely a text is without what it was written from, in words, from the nats by which it is less likely.
pub fn less_likely(nats: f32) -> String {
    // Below 1.05 times, one decimal place shows no difference.
    match nats {
        nats if nats.abs() < 1.05f32.ln() => "as likely".to_owned(),
        nats if nats < 0.0 => format!("{} more likely", times(-nats)),
        nats => format!("{} less likely", times(nats)),
    }
}

/// A sentence without line breaks.
pub fn one_line(sentence: &str) -> String {
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{less_likely, times};

    #[test]
    fn a_text_may_be_more_likely_without_what_it_was_written_from() {
        assert_eq!(
            [-0.7, 0.01, 0.7].map(less_likely),
            ["2.0 times more likely", "as likely", "2.0 times less likely"]
        );
    }

    #[test]
    fn nats_are_told_as_a_factor() {
        let told = [-0.7, 0.0, 3.0, 8.1, 20.0].map(times);
        assert_eq!(
            told,
            [
                "0.5 times",
                "1.0 times",
                "20 times",
                "3294 times",
                "over a million times"
            ]
        );
    }
}
