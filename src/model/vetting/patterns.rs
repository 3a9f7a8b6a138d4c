//! Bounds for the cost of compiling the regular expressions of a tokenizer.json.
//!
//! The crate compiles each part of an expression between look-arounds separately, up to ten megabytes, and a Unicode letter class takes
//! seventy kilobytes per repetition: some hundred times `(?=\pL{60})` take more than a gigabyte and half a minute.

use serde_json::Value;

/// Maximum total length of all expressions in bytes. Published tokenizers have some hundred.
const ALL_BYTES: usize = 4096;
/// Maximum number of expressions. Published tokenizers have up to ten.
const MOST: usize = 64;
/// Maximum number of counted repetitions; nested ones multiply. Published tokenizers have `{1,3}`.
const MOST_REPEATED: f64 = 512.0;

/// The cost of all expressions of a tokenizer.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    count: usize,
    bytes: usize,
    repeated: f64,
}

impl Patterns {
    /// Adds all expressions anywhere in a part.
    ///
    /// # Errors
    /// Says which limit is exceeded.
    pub(super) fn add(&mut self, part: &Value) -> Result<(), String> {
        match part {
            Value::Object(fields) => fields.iter().try_for_each(|(key, value)| match value {
                Value::String(pattern) if key == "Regex" => self.count(pattern),
                _ => self.add(value),
            }),
            Value::Array(values) => values.iter().try_for_each(|value| self.add(value)),
            _ => Ok(()),
        }
    }

    fn count(&mut self, pattern: &str) -> Result<(), String> {
        self.count += 1;
        self.bytes += pattern.len();
        // The minimum keeps the number in the message readable.
        self.repeated += repetitions(pattern).min(1e9);
        for (what, found, most) in [
            ("patterns", self.count as f64, MOST as f64),
            ("bytes of patterns", self.bytes as f64, ALL_BYTES as f64),
            ("repetitions in patterns", self.repeated, MOST_REPEATED),
        ] {
            if found > most {
                return Err(format!("it has {found} {what}, over the limit of {most}"));
            }
        }
        Ok(())
    }
}

/// Product of all counted repetitions, as if each contained the next; 1 if there are none.
fn repetitions(pattern: &str) -> f64 {
    let repetition = |(at, _): (usize, &str)| {
        let before = &pattern[..at];
        // `\p{L}` and `\x{1F600}` are not repetitions.
        if [r"\p", r"\P", r"\x", r"\u", r"\U"]
            .iter()
            .any(|name| before.ends_with(name))
        {
            return 1.0;
        }
        let inner = pattern[at..].split('}').next().unwrap_or_default();
        let numbers = inner.split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|digits| digits.parse().ok()).fold(1.0, f64::max)
    };
    pattern.match_indices('{').map(repetition).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn add(patterns: &[&str]) -> Result<(), String> {
        let split = |pattern: &&str| json!({"type": "Split", "pattern": {"Regex": pattern}});
        let splits: Vec<Value> = patterns.iter().map(split).collect();
        Patterns::default().add(&json!({"type": "Sequence", "pretokenizers": splits}))
    }

    #[test]
    fn patterns_of_published_tokenizers_are_allowed() {
        let gpt4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        let all = [gpt4, r"\p{N}{1,3}", " {2,}", r"[一-龥\x{3040}-\u{30FF}]+"];
        assert_eq!(add(&all), Ok(()));
    }

    #[test]
    fn patterns_that_are_expensive_to_compile_are_refused() {
        let one = |pattern: &str| vec![pattern.to_owned()];
        for (patterns, says) in [
            (one(r"\pL{600}"), "600 repetitions"),
            (one(r"(?:\pL{30}){30}"), "900 repetitions"),
            (one("(?x)a{ 1, 999 }"), "999 repetitions"),
            (one("a{99999999999999999999}"), "repetitions"),
            (vec![r"\pL{60}".to_owned(); 9], "540 repetitions"),
            (one(&r"(?=\pL)".repeat(600)), "4200 bytes of patterns"),
            (vec![String::new(); 65], "65 patterns"),
        ] {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let error = add(&patterns).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
