//! Path patterns that select files.

use std::path::Path;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns of paths below a folder, in the syntax of ignore files.
///
/// A pattern without a slash matches a name at any depth; a pattern that matches a folder also matches its contents.
#[derive(Debug, Clone)]
pub struct Globs {
    globs: Vec<Glob>,
    set: GlobSet,
}

impl Globs {
    /// Parses patterns; `None` if the list is empty.
    ///
    /// # Errors
    /// If a pattern is invalid; names the pattern and the reason.
    pub fn new(patterns: &[String]) -> Result<Option<Globs>, globset::Error> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let mut globs = Vec::new();
        for pattern in patterns {
            let pattern = pattern.trim_start_matches("./");
            let (anchored, pattern) = match pattern.strip_prefix('/') {
                Some(rest) => (true, rest),
                None => (pattern.trim_end_matches('/').contains('/'), pattern),
            };
            let pattern = pattern.trim_end_matches('/');
            let pattern = if anchored {
                pattern.to_owned()
            } else {
                format!("**/{pattern}")
            };
            // `*` does not cross a slash, `**` does.
            let glob = |pattern: &str| GlobBuilder::new(pattern).literal_separator(true).build();
            globs.extend([glob(&pattern)?, glob(&format!("{pattern}/**"))?]);
        }
        let mut builder = GlobSetBuilder::new();
        globs.iter().for_each(|glob| {
            builder.add(glob.clone());
        });
        let set = builder.build()?;
        Ok(Some(Globs { globs, set }))
    }

    /// The patterns as regular expressions over the bytes of a path. Each byte is one character (`\u00e4` for byte E4).
    #[cfg(feature = "postgres")]
    pub(super) fn expressions(&self) -> Vec<String> {
        let expression = |glob: &Glob| {
            let plain = glob.regex().trim_start_matches("(?-u)");
            // globset escapes a byte with two digits, Postgres expects four.
            plain.replace("\\x", "\\u00")
        };
        self.globs.iter().map(expression).collect()
    }

    /// Whether a path below the folder matches.
    pub fn matches(&self, path: &Path) -> bool {
        self.set.is_match(path)
    }
}

impl PartialEq for Globs {
    fn eq(&self, other: &Globs) -> bool {
        self.globs == other.globs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_follow_the_syntax_of_ignore_files() {
        let matches = |pattern: &str, path: &str| {
            let globs = Globs::new(&[pattern.to_owned()]).unwrap().unwrap();
            globs.matches(Path::new(path))
        };
        let globs = |pattern: &str| Globs::new(&[pattern.to_owned()]).unwrap();
        assert!(globs("*.rs") == globs("*.rs") && globs("*.rs") != globs("*.py"));
        assert!(matches("*.rs", "src/a/b.rs") && !matches("*.rs", "src/a.py"));
        assert!(matches("src/*.rs", "src/a.rs") && !matches("src/*.rs", "src/a/b.rs"));
        assert!(matches("src/**/b.rs", "src/b.rs") && matches("src/**/b.rs", "src/a/c/b.rs"));
        assert!(matches("src", "src/a/b.rs") && matches("vendor/", "x/vendor/b.rs"));
        assert!(matches("/src", "src/b.rs") && !matches("/src", "x/src/b.rs"));
        assert!(matches("./src/a.rs", "src/a.rs") && matches("{a,b}.rs", "x/b.rs"));
        assert!(Globs::new(&[]).unwrap().is_none());
        assert!(Globs::new(&["a[".to_owned()]).unwrap_err().to_string().contains("a["));
    }
}
