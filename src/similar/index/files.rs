//! Selects the files of a folder for the index, and explains skipped ones.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use globset::{Glob, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use super::IndexError;
use super::generated::is_generated;
use super::ignored::{reads_settings_of_user, unreadable, unreadable_around};
use super::notebook::{self, Notebook, is_notebook};
use super::projects::{Checkout, Folder, Part};
use super::scripts::script;
use super::selection::{self, Role};
use super::skipped::Skipped;
use crate::places::home_folder;
use crate::text::{Language, decode, inactive, open_regular, secret_file};

/// Limits on the files of a folder, and on the tokens per pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Limits on a single file.
    pub file: crate::text::Limits,
    /// Maximum number of files in known languages.
    pub files: usize,
    /// Globs over whole paths of files to skip; invalid globs are ignored.
    pub exclude: Vec<String>,
    /// If not empty, only files of these languages.
    pub languages: Vec<Language>,
    /// Tokens per forward pass.
    ///
    /// The default is enough for full speed, and small enough that activations between layers stay in the caches. A process that shares the
    /// machine with interactive requests takes fewer, because a layer that has begun is not interrupted.
    pub pass: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file: crate::text::Limits::default(),
            files: 200_000,
            exclude: Vec::new(),
            languages: Vec::new(),
            pass: 2048,
        }
    }
}

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder.
    pub path: PathBuf,
    /// Its language.
    pub language: Language,
    /// Detects changes.
    pub stamp: Stamp,
}

/// Detects changes of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last write in nanoseconds since 1970, or 0 if unknown.
    ///
    /// It is only compared for equality, so clock changes do not matter.
    pub modified: i64,
}

impl Stamp {
    fn of(data: &Metadata) -> Stamp {
        Stamp {
            size: data.len(),
            modified: data.modified().ok().map_or(0, nanoseconds),
        }
    }

    /// Whether the file may change again without a new stamp: file systems have coarse timestamps.
    pub fn is_fresh(self, now: SystemTime) -> bool {
        const STEPS: i64 = 2_000_000_000;
        (nanoseconds(now) - self.modified).abs() < STEPS
    }
}

fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

/// Why a folder must not be indexed. For example, it contains a home folder, or it is not a folder.
pub fn refused_root(root: &Path, home: Option<&Path>) -> Option<String> {
    if root.is_file() {
        return Some("a file; name a folder".into());
    }
    if !root.is_dir() {
        return Some("no such folder; name an existing one".into());
    }
    if root.parent().is_none() {
        return Some("fovea does not index a whole file system; name a project folder".into());
    }
    if let Some((path, error)) = unreadable_around(root) {
        return Some(format!(
            "{}: {error}; replace it with a list of patterns, or remove it",
            path.display()
        ));
    }
    let home = home.and_then(|home| home.canonicalize().ok());
    if home.is_some_and(|home| home.starts_with(root)) {
        return Some("fovea does not index a home folder or a folder that contains one; name a project folder".into());
    }
    None
}

/// The canonical path of a folder, if the folder may be indexed.
pub(super) fn canonical(root: &Path) -> Result<PathBuf, IndexError> {
    let root_error = |why: String| IndexError::Root {
        root: root.to_owned(),
        why,
    };
    let path = root.canonicalize().map_err(|error| root_error(error.to_string()))?;
    match refused_root(&path, home_folder().as_deref()) {
        Some(why) => Err(root_error(why)),
        None => Ok(path),
    }
}

/// The readable files of a folder, and the skipped ones with the reason. Files are in the order of their paths.
///
/// Ignore files apply within their repository. Hidden files are skipped, except handwritten ones of known tools. Links are not followed.
pub fn walk(root: &Path, limits: &Limits) -> (Vec<File>, Vec<(PathBuf, Skipped)>) {
    let Walk {
        mut files,
        mut skipped,
        linked,
        ..
    } = Walk::through(root, limits);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    // Of several hard links to one file, only the first is read: the others would be copies of it.
    let mut links: HashSet<Inode> = HashSet::new();
    files.retain(|file| {
        let double = linked.get(&file.path).is_some_and(|inode| !links.insert(*inode));
        if double {
            skipped.push((file.path.clone(), Skipped::Linked));
        }
        !double
    });
    if files.len() > limits.files {
        let beyond = files.drain(limits.files..);
        skipped.extend(beyond.map(|file| (file.path, Skipped::TooMany)));
    }
    (files, skipped)
}

/// A walk through a folder.
pub(super) struct Walk<'a> {
    root: &'a Path,
    limits: &'a Limits,
    excluded: GlobSet,
    /// The files to read.
    pub files: Vec<File>,
    /// What it left out and why, by the path below the root.
    pub skipped: Vec<(PathBuf, Skipped)>,
    /// The inode of each path with several hard links.
    linked: HashMap<PathBuf, Inode>,
    /// The folders it entered.
    pub folders: Vec<PathBuf>,
}

impl<'a> Walk<'a> {
    /// Walks through all parts of a project.
    pub fn through(root: &'a Path, limits: &'a Limits) -> Walk<'a> {
        let mut walk = Walk {
            root,
            limits,
            excluded: excluded(&limits.exclude),
            files: Vec::new(),
            skipped: Vec::new(),
            linked: HashMap::new(),
            folders: Vec::new(),
        };
        let mut parts = vec![Part::whole(root, home_folder().as_deref())];
        while let Some(part) = parts.pop() {
            let checkouts = match walk.part(&part) {
                Some(checkouts) => checkouts,
                // The repository ignores the folder, but the user wants it indexed.
                None => walk.part(&part.by_itself()).unwrap_or_default(),
            };
            let (inner, others) = part.inner(checkouts);
            parts.extend(inner);
            others.iter().for_each(|folder| walk.skip(folder, Skipped::Repository));
        }
        walk
    }

    /// Collects the files of a part and returns the checkouts in it. `None` if a surrounding folder ignores it.
    fn part(&mut self, part: &Part) -> Option<Vec<Checkout>> {
        if let Some((ignores, _)) = unreadable_around(&part.border) {
            self.skip(&ignores, Skipped::Unreadable);
            return (part.border == part.top).then(Vec::new);
        }
        // Folders below the part's top that the walk does not enter.
        let closed: Arc<Mutex<Vec<(PathBuf, Folder)>>> = Arc::default();
        let (top, noted) = (part.top.clone(), closed.clone());
        let enter = move |entry: &ignore::DirEntry| {
            let path = entry.path();
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            // The crate opens every file with the name of an ignore file.
            let ignores = if is_folder && entry.depth() > 0 {
                unreadable(path)
            } else {
                None
            };
            if let Some((ignores, _)) = ignores {
                lock(&noted).push((ignores, Folder::Unreadable));
                return false;
            }
            if top.starts_with(path) {
                return true;
            }
            if !path.starts_with(&top) || !is_visited(entry.file_name()) {
                return false;
            }
            let folder = if is_folder { Folder::of(path) } else { Folder::Inside };
            let inside = folder == Folder::Inside;
            if !inside {
                lock(&noted).push((path.to_owned(), folder));
            }
            inside
        };
        let walker = WalkBuilder::new(&part.border)
            .follow_links(false)
            // Ignore files apply even without a repository, and nothing beyond the border applies.
            .require_git(false)
            .parents(false)
            .current_dir(&part.border)
            .hidden(false)
            .git_global(reads_settings_of_user())
            .filter_entry(enter)
            .build();
        let mut seen = false;
        for entry in walker {
            match entry {
                Ok(entry) => {
                    seen |= entry.path() == part.top;
                    match entry.file_type().filter(|_| seen) {
                        Some(kind) if kind.is_file() => self.file(&entry),
                        Some(kind) if kind.is_dir() => self.folders.push(entry.into_path()),
                        _ => {}
                    }
                }
                // A folder that cannot be listed; only the error has its name.
                Err(error) => match path_of(&error) {
                    Some(path) => self.skip(path, Skipped::Unreadable),
                    None => self.skipped.push((PathBuf::new(), Skipped::Unreadable)),
                },
            }
        }
        let mut checkouts = Vec::new();
        for (path, folder) in lock(&closed).drain(..) {
            match folder {
                Folder::Checkout(checkout) => checkouts.push(checkout),
                Folder::Installed => self.skip(&path, Skipped::Installed),
                Folder::Unreadable => self.skip(&path, Skipped::Unreadable),
                Folder::Inside => {}
            }
        }
        seen.then_some(checkouts)
    }

    /// Collects a file, or records why it is skipped.
    fn file(&mut self, entry: &ignore::DirEntry) {
        let Ok(path) = entry.path().strip_prefix(self.root).map(Path::to_owned) else {
            return;
        };
        let limits = self.limits;
        let script = script(entry.path());
        let language = script.unwrap_or_else(|| Language::from_path(&path));
        let header = crate::segment::is_header(&path) && limits.languages.contains(&Language::Cpp);
        let wanted = limits.languages.is_empty() || limits.languages.contains(&language) || header;
        if !wanted || self.excluded.is_match(entry.path()) {
            return;
        }
        if secret_file(entry.path()) {
            return self.skipped.push((path, Skipped::Secret));
        }
        let role = match selection::role(&path) {
            Ok(role) => role,
            Err(_) if script.is_some() => Role::Code,
            Err(reason) => return self.skipped.push((path, reason)),
        };
        match entry.metadata() {
            Ok(data) if data.len() > max_bytes_of(&path, limits) => self.skipped.push((path, Skipped::NotText)),
            Ok(data) if selection::is_data(&path, role, data.len()) => self.skipped.push((path, Skipped::Data)),
            Ok(data) => {
                self.linked.extend(inode(&data).map(|inode| (path.clone(), inode)));
                self.files.push(File {
                    path,
                    language,
                    stamp: Stamp::of(&data),
                });
            }
            Err(_) => self.skipped.push((path, Skipped::Unreadable)),
        }
    }

    /// Records a folder that is skipped as a whole.
    fn skip(&mut self, folder: &Path, reason: Skipped) {
        let below = folder.strip_prefix(self.root).unwrap_or(folder);
        self.skipped.push((below.to_owned(), reason));
    }
}

/// The guarded data stays valid after a panic, so a poisoned lock is accepted.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Identifies a file on disk: device and inode number.
type Inode = (u64, u64);

/// The inode of a file that has several hard links.
#[cfg(unix)]
fn inode(data: &Metadata) -> Option<Inode> {
    use std::os::unix::fs::MetadataExt;
    (data.nlink() > 1).then(|| (data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> Option<Inode> {
    None
}

fn excluded(patterns: &[String]) -> GlobSet {
    let globs = patterns.iter().filter_map(|pattern| Glob::new(pattern).ok());
    let set = globs.fold(GlobSetBuilder::new(), |mut set, glob| {
        set.add(glob);
        set
    });
    set.build().unwrap_or_default()
}

/// Whether files or folders of this name are visited.
pub(super) fn is_visited(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    !name.starts_with('.') || selection::is_written_though_hidden(&name)
}

/// Maximum bytes of a file.
fn max_bytes_of(path: &Path, limits: &Limits) -> u64 {
    let times = if is_notebook(path) { notebook::OUTPUTS } else { 1 };
    (limits.file.max_bytes * times) as u64
}

/// The text of a file with its stamp. `modified` is 0 if the file may have changed meanwhile.
///
/// # Errors
/// Why the file is skipped.
pub fn read(root: &Path, file: &File, limits: &Limits) -> Result<(String, Stamp), Skipped> {
    let unreadable = |_| Skipped::Unreadable;
    // The walk saw a file of allowed size; it may have become a pipe since.
    let (mut opened, _) = open_regular(&root.join(&file.path), u64::MAX).map_err(|_| Skipped::Unreadable)?;
    let before = Stamp::of(&opened.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    let most = max_bytes_of(&file.path, limits) + 1;
    opened.by_ref().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    let after = Stamp::of(&opened.metadata().map_err(unreadable)?);
    let settled = before == after && after.size == bytes.len() as u64 && !after.is_fresh(SystemTime::now());
    let stamp = Stamp {
        modified: if settled { after.modified } else { 0 },
        ..after
    };
    let text = decode(bytes).map_err(|_| Skipped::NotText)?;
    let cells = match is_notebook(&file.path) {
        true => Some(Notebook::read(&text).ok_or(Skipped::NotText)?.text),
        false => None,
    };
    let snapshot = crate::text::Snapshot::new(cells.as_ref().unwrap_or(&text), 0, file.language);
    if inactive(&snapshot, &limits.file).is_some() {
        return Err(Skipped::NotText);
    }
    if is_generated(&file.path, file.language, &text) {
        return Err(Skipped::Generated);
    }
    Ok((text, stamp))
}

/// The path that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(path_of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn names(files: &[File]) -> Vec<String> {
        files.iter().map(|file| file.path.display().to_string()).collect()
    }

    #[test]
    fn ignored_hidden_secret_and_data_files_are_skipped_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, ".gitignore", "built/\n*.min.js\n");
        for path in [
            "src/b.rs",
            "src/a.py",
            "built/x.rs",
            "x.min.js",
            ".hidden/y.rs",
            ".github/workflows/ci.yml",
            "package.json",
            "package-lock.json",
            "rows.csv",
            "README.md",
            "LICENSE",
            ".ssh/k.py",
        ] {
            write(root, path, "x");
        }
        write(root, "data.json", &"x\n".repeat(40_000));
        write(root, "deploy/.aws/credentials.py", "x");
        write(root, "aws/id_rsa.py", "x");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root, root.join("src/loop")).unwrap();
            std::os::unix::fs::symlink(root.join("src/b.rs"), root.join("linked.rs")).unwrap();
            std::fs::hard_link(root.join("src/b.rs"), root.join("src/c.rs")).unwrap();
        }
        let (files, mut skipped) = walk(root, &Limits::default());
        assert_eq!(
            names(&files),
            [
                ".github/workflows/ci.yml",
                "README.md",
                "aws/id_rsa.py",
                "package.json",
                "src/a.py",
                "src/b.rs"
            ]
        );
        skipped.sort();
        let skipped: Vec<_> = skipped
            .iter()
            .map(|(path, reason)| (path.to_str().unwrap(), *reason))
            .collect();
        assert_eq!(
            skipped,
            [
                ("LICENSE", Skipped::License),
                ("data.json", Skipped::Data),
                ("package-lock.json", Skipped::Lock),
                ("rows.csv", Skipped::Unknown),
                #[cfg(unix)]
                ("src/c.rs", Skipped::Linked),
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn ignore_files_that_are_pipes_or_devices_do_not_block_a_walk() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        write(&root, "a/one.rs", "x");
        write(&root, "b/two.rs", "x");
        write(&root, "c/deep/three.rs", "x");
        let pipe = |path: &str| {
            let made = std::process::Command::new("mkfifo").arg(root.join(path)).status();
            assert!(made.unwrap().success());
        };
        pipe("a/.gitignore");
        std::os::unix::fs::symlink("/dev/zero", root.join("c/.ignore")).unwrap();
        let walked = |root: &Path| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let root = root.to_owned();
            std::thread::spawn(move || sender.send(walk(&root, &Limits::default())));
            receiver
                .recv_timeout(std::time::Duration::from_secs(20))
                .expect("the walk hangs")
        };
        let (files, mut skipped) = walked(&root);
        skipped.sort();
        assert_eq!(names(&files), ["b/two.rs"]);
        let left_out = |path: &str| (PathBuf::from(path), Skipped::Unreadable);
        assert_eq!(skipped, [left_out("a/.gitignore"), left_out("c/.ignore")]);
        // In the root folder or above it, this is an error that says what to do.
        pipe(".gitignore");
        for root in [root.clone(), root.join("b")] {
            assert!(walked(&root).0.is_empty());
            let refused = refused_root(&root, None).unwrap();
            assert!(
                refused.contains(".gitignore: it is a pipe") && refused.contains("remove it"),
                "{refused}"
            );
        }
        // A source file that has become a pipe after the walk is not opened.
        let file = File {
            path: "b/two.rs".into(),
            ..files[0].clone()
        };
        std::fs::remove_file(root.join("b/two.rs")).unwrap();
        pipe("b/two.rs");
        assert_eq!(read(&root, &file, &Limits::default()).unwrap_err(), Skipped::Unreadable);
    }

    #[test]
    fn scripts_without_an_extension_are_read_by_their_first_line() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "bin/run", "#!/usr/bin/env bash\nrun() { :; }\n");
        write(folder.path(), "bin/serve", "#!/usr/bin/python3\nprint(1)\n");
        write(folder.path(), "bin/blob", "\u{1}\u{2}#!/bin/sh\n");
        write(folder.path(), "bin/cat", "#!/usr/bin/unknown\n");
        write(folder.path(), "bin/run.unknown", "#!/bin/sh\n");
        let (files, skipped) = walk(folder.path(), &Limits::default());
        let languages: Vec<_> = files
            .iter()
            .map(|file| (file.path.to_str().unwrap(), file.language))
            .collect();
        assert_eq!(
            languages,
            [("bin/run", Language::Bash), ("bin/serve", Language::Python)]
        );
        assert_eq!(skipped.len(), 3);
    }

    #[test]
    fn files_that_a_setting_excludes_or_whose_language_is_not_wanted_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.rs", "b.rs", "made/c.rs", "d.py"] {
            write(folder.path(), name, "x = 1");
        }
        let walked = |limits: Limits| names(&walk(folder.path(), &limits).0).join(" ");
        let exclude = vec!["**/made/**".to_owned(), "**/b.rs".to_owned(), "[".to_owned()];
        let excluding = Limits {
            exclude: exclude.clone(),
            ..Limits::default()
        };
        assert_eq!(walked(excluding), "a.rs d.py");
        let rust = Limits {
            exclude,
            languages: vec![Language::Rust],
            ..Limits::default()
        };
        assert_eq!(walked(rust), "a.rs");
    }

    #[test]
    fn an_error_of_the_walk_names_its_path() {
        let io = || ignore::Error::Io(std::io::Error::other("gone"));
        let named = |path: &str| ignore::Error::WithPath {
            path: path.into(),
            err: Box::new(io()),
        };
        let deep = ignore::Error::WithDepth {
            depth: 1,
            err: Box::new(named("b")),
        };
        let circle = ignore::Error::Loop {
            ancestor: "c".into(),
            child: "c/d".into(),
        };
        let several = ignore::Error::Partial(vec![io(), named("e")]);
        for (error, path) in [(named("a"), "a"), (deep, "b"), (circle, "c/d"), (several, "e")] {
            assert_eq!(path_of(&error), Some(Path::new(path)), "{error}");
        }
        assert_eq!(path_of(&io()), None);
    }

    #[test]
    fn too_many_and_too_large_files_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.rs", "b.rs", "c.rs"] {
            write(folder.path(), name, "fn x() {}");
        }
        write(folder.path(), "a.rs", &"x".repeat(50));
        write(folder.path(), "d.rs", &"x".repeat(51));
        let limits = Limits {
            file: crate::text::Limits {
                max_bytes: 50,
                ..Default::default()
            },
            files: 2,
            ..Limits::default()
        };
        let (files, skipped) = walk(folder.path(), &limits);
        assert_eq!(names(&files), ["a.rs", "b.rs"]);
        assert_eq!(
            skipped,
            [("d.rs".into(), Skipped::NotText), ("c.rs".into(), Skipped::TooMany)]
        );
    }

    #[test]
    fn binary_and_generated_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let cases: [(&str, &[u8], Skipped); 5] = [
            ("latin.rs", b"// caf\xe9", Skipped::NotText),
            ("nul.rs", b"a\0b", Skipped::NotText),
            ("wide.rs", b"\xff\xfea\0", Skipped::NotText),
            (
                "made.go",
                b"// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x",
                Skipped::Generated,
            ),
            ("made.js", b"/** @generated */\nlet x", Skipped::Generated),
        ];
        for (name, bytes, _) in &cases {
            std::fs::write(root.join(name), bytes).unwrap();
        }
        let (files, _) = walk(root, &Limits::default());
        for (name, _, reason) in &cases {
            let file = files.iter().find(|file| file.path == Path::new(name)).unwrap();
            assert_eq!(read(root, file, &Limits::default()).unwrap_err(), *reason, "{name}");
        }
        let gone = File {
            path: "gone.rs".into(),
            ..files[0].clone()
        };
        assert_eq!(read(root, &gone, &Limits::default()).unwrap_err(), Skipped::Unreadable);
    }

    #[test]
    fn a_freshly_written_file_is_read_again_next_time() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.rs", "fn x() {}");
        let (files, _) = walk(folder.path(), &Limits::default());
        assert_eq!(
            read(folder.path(), &files[0], &Limits::default()).unwrap().1.modified,
            0
        );
        let old = SystemTime::now() - std::time::Duration::from_secs(100);
        let opened = std::fs::File::options()
            .write(true)
            .open(folder.path().join("a.rs"))
            .unwrap();
        opened.set_modified(old).unwrap();
        assert_ne!(
            read(folder.path(), &files[0], &Limits::default()).unwrap().1.modified,
            0
        );
    }

    #[test]
    fn home_folders_the_root_and_missing_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap().join("home");
        std::fs::create_dir_all(home.join("project")).unwrap();
        let refused = |root: &Path| refused_root(root, Some(&home));
        assert!(
            refused(&home).is_some() && refused(home.parent().unwrap()).is_some() && refused(Path::new("/")).is_some()
        );
        assert!(refused(&home.join("nothing")).is_some());
        assert!(refused(&home.join("project")).is_none());
    }
}
