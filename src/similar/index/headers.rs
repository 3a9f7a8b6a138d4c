//! Headers (`.h`), which may be C, C++ or Objective-C. Their text decides, then the files next to them.

use std::path::Path;

use super::files::File;
use crate::segment::{is_header, language_of};
use crate::text::Language;

/// Maximum number of directory entries that are examined.
const MAX_ENTRIES: usize = 2000;

/// The language of the source files next to a header, if unique. Files of the same name take precedence.
pub fn beside(header: &Path) -> Option<Language> {
    let entries = std::fs::read_dir(header.parent()?).ok()?;
    let (mut same, mut all) = (Found::default(), Found::default());
    for entry in entries.take(MAX_ENTRIES).flatten() {
        let path = entry.path();
        if is_header(&path) {
            continue;
        }
        let language = Language::from_path(&path);
        all.add(language);
        if path.file_stem() == header.file_stem() {
            same.add(language);
        }
    }
    same.one().or_else(|| all.one())
}

#[derive(Default)]
struct Found {
    c: bool,
    cpp: bool,
}

impl Found {
    fn add(&mut self, language: Language) {
        self.c |= language == Language::C;
        self.cpp |= language == Language::Cpp;
    }

    fn one(&self) -> Option<Language> {
        match (self.c, self.cpp) {
            (true, false) => Some(Language::C),
            (false, true) => Some(Language::Cpp),
            _ => None,
        }
    }
}

/// The file with the language of its text, if its name leaves the language open.
pub(super) fn with_detected_language(root: &Path, file: &File, text: Option<&str>) -> File {
    let language = match text {
        Some(text) if is_header(&file.path) => {
            let path = root.join(&file.path);
            language_of(None, Some(&file.path), text, || beside(&path))
        }
        _ => file.language,
    };
    File {
        language,
        ..file.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_files_of_the_same_name_take_precedence() {
        let folder = tempfile::tempdir().unwrap();
        let header = |name: &str| folder.path().join(name);
        let write = |name: &str| std::fs::write(header(name), "").unwrap();
        write("a.h");
        assert_eq!(beside(&header("a.h")), None);
        write("b.cpp");
        assert_eq!(beside(&header("a.h")), Some(Language::Cpp));
        write("c.c");
        assert_eq!(beside(&header("a.h")), None);
        write("a.cc");
        assert_eq!(beside(&header("a.h")), Some(Language::Cpp));
        assert_eq!(beside(&header("c.h")), Some(Language::C));
        assert_eq!(beside(Path::new("/nowhere/at/all.h")), None);
    }
}
