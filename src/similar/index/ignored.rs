//! Ignore files that must not be read: pipes, devices, and files too large to be lists of patterns.
//!
//! The crate that walks a folder opens whatever has the name of an ignore file. A pipe would block it and a device would never end, so a
//! folder with such a one is left out before the crate comes to it.

use std::path::{Path, PathBuf};

use crate::text::{Unread, open_regular, read_regular};

/// The most bytes of an ignore file: each becomes some three hundred in the crate. Large projects have some thousand.
const MOST: u64 = 256 << 10;

/// The most bytes of a file that names a repository.
const MOST_OF_NAME: u64 = 64 << 10;

/// The first ignore file of a folder that must not be read, and why.
pub(super) fn unreadable(folder: &Path) -> Option<(PathBuf, Unread)> {
    let git = folder.join(".git");
    let mut files = vec![
        folder.join(".gitignore"),
        folder.join(".ignore"),
        folder.join(".rgignore"),
    ];
    // In a linked worktree and in a submodule it is a file that names the repository.
    match repository(&git) {
        Some(own) => {
            files.push(git);
            files.push(own.join("commondir"));
            files.push(own.join("info/exclude"));
            if let Some(common) = named(&own.join("commondir"), &own, "") {
                files.push(common.join("info/exclude"));
            }
        }
        None if git.is_dir() => files.push(git.join("info/exclude")),
        None => files.push(git),
    }
    files.into_iter().find_map(|path| match open_regular(&path, MOST) {
        Ok(_) | Err(Unread::Io(_) | Unread::Irregular("a folder")) => None,
        Err(error) => Some((path, error)),
    })
}

/// The same for a folder and all those around it. Their ignore files count no further than the border of a repository, but the crate
/// opens them all.
pub(super) fn unreadable_around(folder: &Path) -> Option<(PathBuf, Unread)> {
    folder.ancestors().find_map(unreadable)
}

/// The repository that a file called `.git` names.
fn repository(git: &Path) -> Option<PathBuf> {
    git.is_file().then(|| named(git, git.parent()?, "gitdir: ")).flatten()
}

/// The path in the first line of a file behind a prefix, relative to a folder.
fn named(file: &Path, folder: &Path, prefix: &str) -> Option<PathBuf> {
    let text = String::from_utf8(read_regular(file, MOST_OF_NAME).ok()?).ok()?;
    Some(folder.join(text.lines().next()?.strip_prefix(prefix)?))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(path)
                .status()
                .unwrap()
                .success()
        );
    }

    #[test]
    fn every_file_that_a_walk_opens_for_patterns_is_looked_at_first() {
        for name in [".gitignore", ".ignore", ".git", ".git/info/exclude"] {
            let folder = tempfile::tempdir().unwrap();
            pipe(&folder.path().join(name));
            let (path, error) = unreadable(folder.path()).unwrap();
            assert_eq!(
                (path, error.to_string()),
                (folder.path().join(name), "it is a pipe, not a regular file".into())
            );
            let below = folder.path().join("a/b");
            std::fs::create_dir_all(&below).unwrap();
            assert!(unreadable(&below).is_none() && unreadable_around(&below).is_some());
        }
        for (pointed, name) in [
            ("own", "own/info/exclude"),
            ("own", "own/commondir"),
            ("own", "main/info/exclude"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(".git"), format!("gitdir: {pointed}\n")).unwrap();
            std::fs::create_dir(folder.path().join("own")).unwrap();
            if name.starts_with("main") {
                std::fs::write(folder.path().join("own/commondir"), "../main\n").unwrap();
            }
            pipe(&folder.path().join(name));
            assert!(unreadable(folder.path()).is_some(), "{name}");
        }
    }

    #[test]
    fn devices_and_monsters_are_found_and_usual_files_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gitignore");
        std::fs::write(&path, "target\n").unwrap();
        assert!(unreadable(folder.path()).is_none());
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(MOST + 1)
            .unwrap();
        assert!(matches!(unreadable(folder.path()), Some((_, Unread::TooLarge { .. }))));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(matches!(
            unreadable(folder.path()),
            Some((_, Unread::Irregular("a device")))
        ));
    }
}
