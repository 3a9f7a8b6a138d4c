//! Ignore files that must not be opened: pipes, devices and oversized files.
//!
//! The crate that walks a folder opens every file with the name of an ignore file. A pipe would block it and a device would never end, so
//! the walk skips a folder with such a file before the crate enters it.

use std::path::{Path, PathBuf};

use crate::text::{Unread, open_regular, read_regular};

/// Maximum bytes of an ignore file; each byte takes about 300 bytes in the crate. Large projects have a few thousand.
const MAX_BYTES: u64 = 256 << 10;

/// Maximum bytes of git's settings.
const MAX_SETTINGS: u64 = 4 << 20;

/// Maximum bytes of a file that names a repository.
const MAX_POINTER: u64 = 64 << 10;

/// The first ignore file of a folder that must not be opened, and the reason.
pub(super) fn unreadable(folder: &Path) -> Option<(PathBuf, Unread)> {
    let git = folder.join(".git");
    let mut files = vec![
        folder.join(".gitignore"),
        folder.join(".ignore"),
        folder.join(".rgignore"),
    ];
    // In a linked worktree or a submodule, `.git` is a file that names the repository.
    match repository(&git) {
        Some(own) => {
            files.push(git);
            files.push(own.join("commondir"));
            files.push(own.join("info/exclude"));
            if let Some(common) = pointed_path(&own.join("commondir"), &own, "") {
                files.push(common.join("info/exclude"));
            }
        }
        None if git.is_dir() => files.push(git.join("info/exclude")),
        None => files.push(git),
    }
    files.into_iter().find_map(|path| match open_regular(&path, MAX_BYTES) {
        Ok(_) | Err(Unread::Io(_) | Unread::Irregular("a folder")) => None,
        Err(error) => Some((path, error)),
    })
}

/// Checks a folder and all its ancestors.
///
/// Ignore files have no effect beyond the border of a repository, but the crate opens them all.
pub(super) fn unreadable_around(folder: &Path) -> Option<(PathBuf, Unread)> {
    folder.ancestors().find_map(unreadable)
}

/// Whether git's settings of the user can be read, which name an ignore file for all folders.
pub(super) fn reads_settings_of_user() -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let settings = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let settings = settings.or_else(|| home.as_ref().map(|home| home.join(".config")));
    let files = [
        home.map(|home| home.join(".gitconfig")),
        settings.map(|settings| settings.join("git/config")),
    ];
    files.iter().flatten().all(|path| {
        let opened = open_regular(path, MAX_SETTINGS);
        matches!(opened, Ok(_) | Err(Unread::Io(_) | Unread::Irregular("a folder")))
    })
}

/// The repository that a `.git` file names.
fn repository(git: &Path) -> Option<PathBuf> {
    git.is_file()
        .then(|| pointed_path(git, git.parent()?, "gitdir: "))
        .flatten()
}

/// The path after a prefix in a file's first line, joined to `folder`.
fn pointed_path(file: &Path, folder: &Path, prefix: &str) -> Option<PathBuf> {
    let text = String::from_utf8(read_regular(file, MAX_POINTER).ok()?).ok()?;
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
    fn every_ignore_file_is_checked_before_a_walk_opens_it() {
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
        for (pointer, name) in [
            ("own", "own/info/exclude"),
            ("own", "own/commondir"),
            ("own", "main/info/exclude"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(".git"), format!("gitdir: {pointer}\n")).unwrap();
            std::fs::create_dir(folder.path().join("own")).unwrap();
            if name.starts_with("main") {
                std::fs::write(folder.path().join("own/commondir"), "../main\n").unwrap();
            }
            pipe(&folder.path().join(name));
            assert!(unreadable(folder.path()).is_some(), "{name}");
        }
    }

    #[test]
    fn devices_and_oversized_files_are_rejected_and_ordinary_files_pass() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".gitignore");
        std::fs::write(&path, "target\n").unwrap();
        assert!(unreadable(folder.path()).is_none());
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(MAX_BYTES + 1)
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
