//! Decides which changes on disk can affect the index of a folder.

use std::path::{Component, Path};

use super::scripts::script;
use super::selection;

/// Files that determine which other files are indexed.
const RULES: &[&str] = &[".gitignore", ".ignore", ".gitmodules", "pyvenv.cfg"];

/// Paths below `.git` whose change means another branch or other rules.
const GIT_PATHS: &[&str] = &["", "HEAD", "info/exclude"];

/// Whether a change at a path can affect the index.
///
/// True for files of an indexed kind, folders, deleted paths (they may have been folders) and files with rules.
pub fn concerns(path: &Path) -> bool {
    let mut components = path.components();
    if components.any(|part| part == Component::Normal(".git".as_ref())) {
        let below = components.as_path();
        return GIT_PATHS.iter().any(|name| below == Path::new(name));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    RULES.contains(&&*name) || selection::role(path).is_ok() || !path.is_file() || script(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_rules_and_branches_concern_the_index_and_other_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("src/util.d")).unwrap();
        std::fs::write(root.join("photo.png"), "x").unwrap();
        std::fs::write(root.join("run"), "#!/bin/sh\n").unwrap();
        std::fs::write(root.join("blob"), "x").unwrap();
        std::fs::write(root.join("Cargo.lock"), "x").unwrap();
        for (path, concerned) in [
            ("src", true),
            ("src/util.d", true),
            ("gone", true),
            ("gone.d/more", true),
            ("a.rs", true),
            (".gitignore", true),
            ("deep/.ignore", true),
            (".gitmodules", true),
            (".git", true),
            (".git/HEAD", true),
            (".git/info/exclude", true),
            ("libs/z/.git/HEAD", true),
            (".git/index.lock", false),
            (".git/objects/ab/cdef", false),
            (".git/refs/heads/main", false),
            ("run", true),
            ("blob", false),
            ("photo.png", false),
            ("Cargo.lock", false),
        ] {
            assert_eq!(concerns(&root.join(path)), concerned, "{path}");
        }
    }
}
