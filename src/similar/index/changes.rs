//! Which changes on the disk may change what a folder's index holds.

use std::path::{Component, Path};

use super::selection;

/// Files that say which others count.
const RULES: &[&str] = &[".gitignore", ".ignore", ".gitmodules", "pyvenv.cfg"];

/// What stands below `.git` and tells of another branch or of other rules.
const OF_GIT: &[&str] = &["", "HEAD", "info/exclude"];

/// Whether a change at a path may change the index: a file of a kind that is read, a folder, what was a folder before it went, and
/// what says which files count. A name that is gone may have been that of a folder with files.
pub fn concerns(path: &Path) -> bool {
    let mut components = path.components();
    if components.any(|part| part == Component::Normal(".git".as_ref())) {
        let below = components.as_path();
        return OF_GIT.iter().any(|name| below == Path::new(name));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    RULES.contains(&&*name) || selection::role(path).is_ok() || !path.is_file()
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
            ("photo.png", false),
            ("Cargo.lock", false),
        ] {
            assert_eq!(concerns(&root.join(path)), concerned, "{path}");
        }
    }
}
