//! Web links to items of a store.

use std::fmt::Write;
use std::path::Path;

use super::super::encoding::bytes;
use super::BadAddress;

/// Placeholder for a file's path.
const PATH: &str = "{path}";
/// Placeholder for the line, counted from one.
const LINE: &str = "{line}";

/// A pattern of web addresses, such as `https://git.example/backend/blob/main/{path}#L{line}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// Parses and validates a pattern.
    ///
    /// # Errors
    /// If it is not a web address, or lacks the placeholder for the path.
    pub fn new(pattern: &str) -> Result<Link, BadAddress> {
        let pattern_error = |why: &str| {
            BadAddress(format!(
                "--link: {why}, as in https://git.example/backend/blob/main/{PATH}#L{LINE}"
            ))
        };
        let host = ["https://", "http://"]
            .iter()
            .find_map(|scheme| pattern.strip_prefix(scheme));
        // Users open links in a browser, so a link must lead to a fixed host, whatever the path is.
        let named = host
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(host, _)| !host.is_empty() && !host.contains(['{', '}', '@']));
        if !named || pattern.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(pattern_error(
                "the pattern must begin with https://HOST/ or http://HOST/ and contain no spaces",
            ));
        }
        if !pattern.contains(PATH) {
            return Err(pattern_error(
                "the pattern must contain the placeholder for the path of a file",
            ));
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
        for byte in bytes(path).iter() {
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
    fn a_link_leads_to_a_line_of_any_file_name() {
        let link = Link::new("https://git.example/backend/blob/main/{path}#L{line}").unwrap();
        assert_eq!(
            link.of(Path::new("src/a b#1?{line}.rs"), 39),
            "https://git.example/backend/blob/main/src/a%20b%231%3F%7Bline%7D.rs#L40"
        );
    }

    #[test]
    fn a_pattern_without_a_fixed_host_or_a_path_is_rejected() {
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
