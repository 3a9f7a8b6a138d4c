//! Borders of projects: repositories, worktrees, submodules and installed packages.
//!
//! A folder is the top of a checkout if its `.git` is a repository, or a file that names one; a repository has a `HEAD`. Ignore files apply
//! within one checkout, as in git.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::text::read_regular;

/// Maximum bytes read from a file of git: `.git`, `commondir`, `config`, `.gitmodules`.
const MAX_BYTES: u64 = 1 << 20;

/// Folders that package managers fill.
const INSTALLED: &[&str] = &["node_modules", "bower_components", "site-packages"];

/// Files that mark a virtual environment of Python or conda.
const MARKERS: &[&str] = &["pyvenv.cfg", "conda-meta/history"];

/// A checkout of a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkout {
    /// Its topmost folder.
    pub top: PathBuf,
    /// The repository it belongs to; linked worktrees of one repository share it.
    repository: PathBuf,
    /// Whether it is a linked worktree, not the repository's main one.
    linked: bool,
}

impl Checkout {
    /// The checkout whose top is this folder.
    fn at(top: &Path) -> Option<Checkout> {
        let git = top.join(".git");
        let data = std::fs::metadata(&git).ok()?;
        let pointer = if data.is_file() { read(&git) } else { None };
        let named = pointer.as_deref().and_then(|text| text.strip_prefix("gitdir:"));
        let folder = named.map_or_else(|| git.clone(), |named| top.join(named.trim()));
        // Without it git takes the folder for an ordinary one: an empty `.git`, or one whose repository is gone.
        folder.join("HEAD").symlink_metadata().ok()?;
        let common = read(&folder.join("commondir"));
        let repository = common.as_deref().map(|common| folder.join(common.trim()));
        if repository.is_none() && is_bare(&folder) {
            return None;
        }
        let linked = repository.is_some();
        let repository = repository.unwrap_or(folder);
        Some(Checkout {
            top: top.to_owned(),
            repository: repository.canonicalize().unwrap_or(repository),
            linked,
        })
    }

    /// The checkout that contains a folder.
    fn around(folder: &Path) -> Option<Checkout> {
        folder.ancestors().find_map(Checkout::at)
    }

    /// The folders of its submodules.
    fn submodules(&self) -> HashSet<PathBuf> {
        let text = read(&self.top.join(".gitmodules")).unwrap_or_default();
        let entries = text.lines().filter_map(|line| line.split_once('='));
        let paths = entries.filter(|(key, _)| key.trim().eq_ignore_ascii_case("path"));
        paths
            .map(|(_, path)| self.top.join(path.trim().trim_matches('"')))
            .collect()
    }
}

/// The text of a file of git, if it exists, is regular and is UTF-8.
fn read(path: &Path) -> Option<String> {
    String::from_utf8(read_regular(path, MAX_BYTES).ok()?).ok()
}

/// Whether a repository has no worktree of its own. Where worktrees have settings of their own, git keeps this one in the main worktree's.
fn is_bare(repository: &Path) -> bool {
    ["config", "config.worktree"].iter().any(|name| {
        let text = read(&repository.join(name)).unwrap_or_default();
        let mut entries = text.lines().filter_map(|line| line.split_once('='));
        entries.any(|(key, value)| key.trim().eq_ignore_ascii_case("bare") && value.trim().eq_ignore_ascii_case("true"))
    })
}

/// A part of a project that is walked separately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// The folder whose files are indexed.
    pub top: PathBuf,
    /// The outermost folder whose ignore files apply: this folder or an ancestor.
    pub border: PathBuf,
    /// The checkout that contains it.
    checkout: Option<Checkout>,
}

impl Part {
    /// The part for the whole folder of a project.
    ///
    /// A repository that tracks a home folder is not a project; the projects are below it.
    pub fn whole(root: &Path, home: Option<&Path>) -> Part {
        let checkout = Checkout::around(root);
        let border = checkout.as_ref().map_or(root, |checkout| &*checkout.top).to_owned();
        let of_home =
            |checkout: &Checkout| checkout.top != *root && home.is_some_and(|home| home.starts_with(&checkout.top));
        Part {
            top: root.to_owned(),
            border,
            checkout: checkout.filter(|checkout| !of_home(checkout)),
        }
    }

    /// The same part without the rules of surrounding folders. It serves a folder that its repository ignores.
    pub fn by_itself(&self) -> Part {
        Part {
            border: self.top.clone(),
            ..self.clone()
        }
    }

    /// Splits checkouts inside this part into those of the project, and others.
    ///
    /// A repository includes its submodules. A folder outside of any repository includes each repository once, in its main worktree if that
    /// is present.
    pub fn inner(&self, mut found: Vec<Checkout>) -> (Vec<Part>, Vec<PathBuf>) {
        found.sort_by(|a, b| (&a.repository, a.linked, &a.top).cmp(&(&b.repository, b.linked, &b.top)));
        let submodules = self.checkout.as_ref().map(Checkout::submodules);
        let (mut parts, mut others) = (Vec::new(), Vec::new());
        let mut known = HashSet::new();
        for checkout in found {
            let belongs = match &submodules {
                Some(submodules) => submodules.contains(&checkout.top),
                None => known.insert(checkout.repository.clone()),
            };
            if belongs {
                parts.push(Part {
                    top: checkout.top.clone(),
                    border: checkout.top.clone(),
                    checkout: Some(checkout),
                });
            } else {
                others.push(checkout.top);
            }
        }
        (parts, others)
    }
}

/// The relation of a folder to the part that contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folder {
    /// Belongs to the part.
    Inside,
    /// The top of another checkout.
    Checkout(Checkout),
    /// Installed packages.
    Installed,
    /// It has ignore files that must not be opened.
    Unreadable,
}

impl Folder {
    /// Classifies a folder by its name and its contents.
    pub fn of(path: &Path) -> Folder {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if INSTALLED.contains(&&*name) || MARKERS.iter().any(|marker| path.join(marker).is_file()) {
            return Folder::Installed;
        }
        Checkout::at(path).map_or(Folder::Inside, Folder::Checkout)
    }
}

/// Whether a folder is indexed as part of an outer folder, judging by project borders.
pub fn is_indexed_with(inner: &Path, outer: &Path, home: Option<&Path>) -> bool {
    let Ok(below) = inner.strip_prefix(outer) else {
        return false;
    };
    let mut part = Part::whole(outer, home);
    let mut folder = outer.to_owned();
    for name in below.components() {
        folder.push(name);
        match Folder::of(&folder) {
            Folder::Inside => {}
            Folder::Installed | Folder::Unreadable => return false,
            // A single folder does not show which of several worktrees is read, so each is read by itself.
            Folder::Checkout(checkout) if checkout.linked => return false,
            Folder::Checkout(checkout) => match part.inner(vec![checkout]).0.pop() {
                Some(inner) => part = inner,
                None => return false,
            },
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::Skipped;
    use super::super::files::{Limits, walk};
    use super::*;

    /// Creates a folder with files.
    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (folder, root)
    }

    /// The indexed files, and the folders that are skipped as a whole.
    fn seen(root: &Path) -> (Vec<String>, Vec<(String, Skipped)>) {
        let (files, mut skipped) = walk(root, &Limits::default());
        skipped.sort();
        let names = files.iter().map(|file| file.path.display().to_string());
        let skipped = skipped
            .iter()
            .map(|(path, reason)| (path.display().to_string(), *reason));
        (names.collect(), skipped.collect())
    }

    fn files(root: &Path) -> Vec<String> {
        seen(root).0
    }

    const HEAD: (&str, &str) = (".git/HEAD", "ref: refs/heads/main\n");

    #[test]
    fn ignore_rules_end_at_the_border_of_the_repository() {
        let (_held, home) = folder(&[
            (".gitignore", "*\n"),
            (".ignore", "*\n"),
            ("project/.git/HEAD", HEAD.1),
            ("project/.git/info/exclude", "mine.py\n"),
            ("project/.gitignore", "/built/\n*.tmp.py\n"),
            ("project/a.py", ""),
            ("project/mine.py", ""),
            ("project/built/b.py", ""),
            ("project/deep/x.tmp.py", ""),
            ("project/deep/built/c.py", ""),
            ("plain/notes.md", ""),
        ]);
        assert_eq!(files(&home.join("project")), ["a.py", "deep/built/c.py"]);
        // A folder of a repository is subject to all rules of the repository, and to none from outside.
        assert_eq!(files(&home.join("project/deep")), ["built/c.py"]);
        // A folder outside of any repository has only its own rules.
        assert_eq!(files(&home.join("plain")), ["notes.md"]);
    }

    #[test]
    fn an_ignored_folder_is_indexed_if_the_user_names_it() {
        let (_held, root) = folder(&[
            HEAD,
            (".gitignore", "*\n!.gitignore\n"),
            ("notes/.gitignore", "drafts\n"),
            ("notes/a.md", ""),
            ("notes/drafts/b.md", ""),
        ]);
        assert_eq!(files(&root.join("notes")), ["a.md"]);
    }

    #[test]
    fn a_repository_includes_its_submodules_and_no_other_checkouts() {
        let (_held, root) = folder(&[
            HEAD,
            (".gitignore", "*.gen.c\n"),
            (
                ".gitmodules",
                "[submodule \"libs/z\"]\n\tpath = libs/z\n\turl = https://example.org/z\n",
            ),
            ("a.c", ""),
            ("libs/z/.git", "gitdir: ../../.git/modules/libs/z\n"),
            ("libs/z/z.c", ""),
            ("libs/z/table.gen.c", ""),
            ("libs/z/.gitignore", "skipped.c\n"),
            ("libs/z/skipped.c", ""),
            (".git/modules/libs/z/HEAD", HEAD.1),
            (".git/worktrees/fix/commondir", "../..\n"),
            (".git/worktrees/fix/HEAD", HEAD.1),
            ("empty/.git/config", ""),
            ("empty/e.c", ""),
            ("moved/.git", "gitdir: ../nowhere\n"),
            ("moved/m.c", ""),
            ("wt/fix/.git", "gitdir: ../../.git/worktrees/fix\n"),
            ("wt/fix/a.c", ""),
            ("vendored/.git/HEAD", HEAD.1),
            ("vendored/v.c", ""),
        ]);
        let (files, left_out) = seen(&root);
        // The rules of the outer repository do not apply in the submodule; its own do.
        // A folder whose `.git` is no repository is an ordinary one.
        assert_eq!(
            files,
            ["a.c", "empty/e.c", "libs/z/table.gen.c", "libs/z/z.c", "moved/m.c"]
        );
        assert_eq!(
            left_out,
            [
                ("vendored".to_owned(), Skipped::Repository),
                ("wt/fix".to_owned(), Skipped::Repository)
            ]
        );
        let with = |inner: &str, outer: &Path| is_indexed_with(&root.join(inner), outer, None);
        assert!(with("libs/z", &root) && with("libs", &root) && !with("wt/fix", &root) && !with("vendored", &root));
        assert!(!with("", &root.join("libs")));
        // Opened by itself, each is a project.
        assert_eq!(self::files(&root.join("wt/fix")), ["a.c"]);
    }

    #[test]
    fn a_folder_of_repositories_includes_each_once() {
        let (_held, root) = folder(&[
            (".gitignore", "secret.c\n"),
            ("loose.c", ""),
            ("one/.git/HEAD", HEAD.1),
            ("one/.git/worktrees/two/commondir", "../..\n"),
            ("one/.git/worktrees/two/HEAD", HEAD.1),
            ("one/one.c", ""),
            ("one/secret.c", ""),
            ("a-worktree/.git", "gitdir: ../one/.git/worktrees/two\n"),
            ("a-worktree/one.c", ""),
            // A bare repository and its worktrees.
            ("bare/.git/HEAD", HEAD.1),
            ("bare/.git/config", "[core]\n\tbare = true\n"),
            ("bare/.git/worktrees/main/commondir", "../..\n"),
            ("bare/.git/worktrees/main/HEAD", HEAD.1),
            ("bare/.git/worktrees/next/commondir", "../..\n"),
            ("bare/.git/worktrees/next/HEAD", HEAD.1),
            ("bare/main/.git", "gitdir: ../.git/worktrees/main\n"),
            ("bare/main/m.c", ""),
            ("bare/next/.git", "gitdir: ../.git/worktrees/next\n"),
            ("bare/next/m.c", ""),
            // One whose worktrees have settings of their own.
            ("sparse/.git/HEAD", HEAD.1),
            ("sparse/.git/config", "[extensions]\n\tworktreeConfig = true\n"),
            ("sparse/.git/config.worktree", "[core]\n\tbare = true\n"),
            ("sparse/.git/worktrees/only/commondir", "../..\n"),
            ("sparse/.git/worktrees/only/HEAD", HEAD.1),
            ("sparse/only/.git", "gitdir: ../.git/worktrees/only\n"),
            ("sparse/only/s.c", ""),
        ]);
        let (files, left_out) = seen(&root);
        assert_eq!(
            files,
            [
                "bare/main/m.c",
                "loose.c",
                "one/one.c",
                "one/secret.c",
                "sparse/only/s.c"
            ]
        );
        let left_out: Vec<&str> = left_out.iter().map(|(path, _)| &**path).collect();
        assert_eq!(left_out, ["a-worktree", "bare/next"]);
    }

    #[test]
    fn a_version_controlled_home_folder_is_not_a_project() {
        let (_held, home) = folder(&[HEAD, ("work/one/.git/HEAD", HEAD.1), ("work/one/one.c", "")]);
        let checkout = Checkout::at(&home.join("work/one")).unwrap();
        let inner = |home: Option<&Path>, root: &Path| Part::whole(root, home).inner(vec![checkout.clone()]).0.len();
        assert_eq!(inner(Some(&home), &home.join("work")), 1);
        assert_eq!(inner(None, &home.join("work")), 0);
    }

    #[test]
    fn installed_packages_are_skipped_everywhere() {
        let (_held, root) = folder(&[
            ("src/app.py", ""),
            ("my-env/pyvenv.cfg", "home = /usr/bin\n"),
            ("my-env/lib/python3.12/site-packages/requests/api.py", ""),
            ("conda/conda-meta/history", ""),
            ("conda/lib/thing.py", ""),
            ("web/node_modules/left-pad/index.js", ""),
            ("web/index.js", ""),
        ]);
        let (files, left_out) = seen(&root);
        assert_eq!(files, ["src/app.py", "web/index.js"]);
        let installed = ["conda", "my-env", "web/node_modules"];
        assert_eq!(left_out, installed.map(|path| (path.to_owned(), Skipped::Installed)));
        // A named folder is indexed; packages installed into it are not.
        assert_eq!(self::files(&root.join("my-env")), ["pyvenv.cfg"]);
        assert_eq!(self::files(&root.join("web/node_modules/left-pad")), ["index.js"]);
    }

    #[test]
    fn a_malformed_git_file_does_not_block_the_walk() {
        let (_held, root) = folder(&[("a.c", ""), ("odd/.git", "\0\u{1}no pointer"), ("odd/b.c", "")]);
        assert_eq!(files(&root), ["a.c", "odd/b.c"]);
        assert_eq!(files(&root.join("odd")), ["b.c"]);
    }
}
