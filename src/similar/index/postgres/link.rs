//! Where an item of a store is shown on the web.

use std::fmt::Write;
use std::path::Path;

use super::super::encoding::bytes;
use super::BadAddress;

/// What stands for a file's path in a pattern.
const PATH: &str = "{path}";
/// What stands for the line, counted from one.
const LINE: &str = "{line}";

/// A pattern of web addresses, such as `https://git.example/backend/blob/main/{path}#L{line}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If it is no address of the web, or does not say where the path stands.
    pub fn new(pattern: &str) -> Result<Link, BadAddress> {
        let wrong = |why: &str| {
            BadAddress(format!(
                "--link: {why}, as in https://git.example/backend/blob/main/{PATH}#L{LINE}"
            ))
        };
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| pattern.strip_prefix(scheme));
        // Whoever reads it opens it in a browser: it is to lead to one host, whatever a path is.
        let named = host
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(host, _)| !host.is_empty() && !host.contains(['{', '}', '@']));
        if !named || pattern.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong(
                "the pattern must begin with https://HOST/ or http://HOST/ and contain no spaces",
            ));
        }
        if !pattern.contains(PATH) {
            return Err(wrong("the pattern must contain the placeholder for the path of a file"));
        }
        Ok(Link(pattern.to_owned()))
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.0
    }

    /// The address of a line of a file, counted from zero.
    pub fn of(&self, path: &Path, line: u32) -> String {
        let mut encoded = String::new();
        for byte in bytes(path) {
            match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(*byte)),
                byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(*byte)),
                byte => _ = write!(encoded, "%{byte:02X}"),
            }
        }
        self.0.replace(LINE, &(line + 1).to_string()).replace(PATH, &encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_line_of_a_file_whatever_its_name_holds() {
        let link = Link::new("https://git.example/backend/blob/main/{path}#L{line}").unwrap();
        assert_eq!(
            link.of(Path::new("src/a b#1?{line}.rs"), 39),
            "https://git.example/backend/blob/main/src/a%20b%231%3F%7Bline%7D.rs#L40"
        );
    }

    #[test]
    fn a_pattern_that_could_lead_elsewhere_or_nowhere_is_refused() {
        for pattern in [
            "",
            "git.example/{path}",
            "file:///{path}",
            "javascript:alert('{path}')",
            "https://{path}",
            "https:///{path}",
            "https://somebody@git.example/{path}",
            "https://git.example/main",
            "https://git.example/a b/{path}",
        ] {
            assert!(Link::new(pattern).is_err(), "{pattern}");
        }
    }
}
