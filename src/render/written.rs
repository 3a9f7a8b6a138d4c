//! What a written text draws on, in words.

/// By how much less likely a text is, from nats: `8259 times`.
pub fn times(nats: f32) -> String {
    match f64::from(nats).exp() {
        factor if factor >= 1e6 => "over a million times".to_owned(),
        factor if factor >= 10.0 => format!("{factor:.0} times"),
        factor => format!("{factor:.1} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::times;

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
