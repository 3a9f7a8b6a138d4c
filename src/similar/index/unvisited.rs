//! What a walk through a folder never visits, for the report of an index: ignored and hidden entries, and links.

use std::collections::HashSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use super::Limits;
use super::files::{Walk, is_visited};
use super::skipped::Skipped;

/// The entries of visited folders that the walk did not visit, with the reason; a folder stands for all that it contains.
///
/// It walks the folder again: a renewal, which happens often, does not need them.
pub fn unvisited(root: &Path) -> Vec<(PathBuf, Skipped)> {
    let limits = Limits::default();
    let walk = Walk::through(root, &limits);
    let files = walk.files.iter().map(|file| &file.path);
    let below = files.chain(walk.skipped.iter().map(|(path, _)| path));
    let known: HashSet<PathBuf> = below
        .map(|path| root.join(path))
        .chain(walk.folders.iter().cloned())
        .collect();
    let entries = walk.folders.iter().filter_map(|folder| folder.read_dir().ok());
    let entries = entries.flatten().filter_map(Result::ok);
    let unvisited = entries.filter(|entry| entry.file_name() != ".git" && !known.contains(&entry.path()));
    let mut found: Vec<_> = unvisited
        .filter_map(|entry| Some((entry.path().strip_prefix(root).ok()?.to_owned(), reason(&entry))))
        .collect();
    found.sort_unstable();
    found
}

fn reason(entry: &DirEntry) -> Skipped {
    match entry.file_type() {
        _ if !is_visited(&entry.file_name()) => Skipped::Hidden,
        Ok(kind) if kind.is_symlink() => Skipped::Symlink,
        Ok(kind) if kind.is_dir() || kind.is_file() => Skipped::Ignored,
        _ => Skipped::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_a_walk_does_not_visit_are_named_with_their_reason() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in [
            (".git/HEAD", "ref: refs/heads/main\n"),
            (".gitignore", "built\n*.tmp\n"),
            ("src/a.rs", "fn a() {}"),
            ("src/x.tmp", "x"),
            ("built/deep/b.rs", "fn b() {}"),
            (".cache/c.rs", "fn c() {}"),
            ("node_modules/d/d.js", "x"),
            ("vendored/.git/HEAD", "ref: refs/heads/main\n"),
            ("vendored/e.rs", "fn e() {}"),
            ("LICENSE", "x"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("a.rs", root.join("src/link.rs")).unwrap();
        let found = unvisited(&root);
        let found: Vec<(&str, Skipped)> = found.iter().map(|(path, why)| (path.to_str().unwrap(), *why)).collect();
        assert_eq!(
            found,
            [
                (".cache", Skipped::Hidden),
                (".gitignore", Skipped::Hidden),
                ("built", Skipped::Ignored),
                #[cfg(unix)]
                ("src/link.rs", Skipped::Symlink),
                ("src/x.tmp", Skipped::Ignored),
            ]
        );
    }
}
