//! Which documents show the same file: an editor may show a file under two names, in two versions, or cell by cell.
//!
//! Such documents are similar throughout, which is no news, and a search would find every item twice.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::DocumentId;

/// The way in which a document shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The document is the file.
    File,
    /// The document is a cell of the notebook in the file.
    Cell,
    /// The document is another version of the file: a side of a comparison, a commit, a backup.
    Version,
}

/// A file that a document shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFile {
    /// Its path.
    pub path: PathBuf,
    /// The way in which the document shows it.
    pub view: View,
}

impl ShownFile {
    /// A document that is a file.
    pub fn itself(path: PathBuf) -> ShownFile {
        ShownFile { path, view: View::File }
    }

    /// The same file by its canonical path, if it exists.
    #[must_use]
    pub fn canonical(mut self) -> ShownFile {
        self.path = self.path.canonicalize().unwrap_or(self.path);
        self
    }
}

/// Identifies a file across hard links: device and inode number.
type Inode = (u64, u64);

/// The inode of a file with several hard links.
#[cfg(unix)]
fn linked(path: &Path) -> Option<Inode> {
    use std::os::unix::fs::MetadataExt;
    let data = path.metadata().ok().filter(|data| data.is_file() && data.nlink() > 1)?;
    Some((data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn linked(_: &Path) -> Option<Inode> {
    None
}

/// The open documents that show the same file; all paths are canonical.
#[derive(Debug, Default)]
pub struct Shown {
    files: HashMap<DocumentId, ShownFile>,
    /// The documents with the newest content of a file: the file itself, or the cells of a notebook.
    holders: HashMap<PathBuf, Vec<DocumentId>>,
    /// The path that stands for a file with several hard links.
    links: HashMap<Inode, PathBuf>,
    /// Documents with content that another document or the workspace has in a newer state.
    doubles: HashSet<DocumentId>,
}

impl Shown {
    /// The open documents that show a file, sorted by identifier; `indexed` says whether the workspace contains a file.
    pub fn new(files: Vec<(DocumentId, ShownFile)>, indexed: impl Fn(&Path) -> bool) -> Shown {
        let mut shown = Shown::default();
        for (_, file) in &files {
            if let Some(inode) = linked(&file.path) {
                shown.links.entry(inode).or_insert_with(|| file.path.clone());
            }
        }
        // Files come before cells, and both come before versions.
        for wanted in [View::File, View::Cell, View::Version] {
            for (id, ShownFile { path, .. }) in files.iter().filter(|(_, file)| file.view == wanted) {
                let path = &*shown.known_as(path).into_owned();
                let known = shown.holders.get(path).and_then(|holders| holders.first());
                let beside_cells = known.is_some_and(|first| shown.view(first) == Some(View::Cell));
                let double = match wanted {
                    View::File => known.is_some(),
                    View::Cell => known.is_some() && !beside_cells,
                    View::Version => known.is_some() || indexed(path),
                };
                match double {
                    true => _ = shown.doubles.insert(id.clone()),
                    false => shown.holders.entry(path.to_owned()).or_default().push(id.clone()),
                }
                let file = ShownFile {
                    path: path.to_owned(),
                    view: wanted,
                };
                shown.files.insert(id.clone(), file);
            }
        }
        shown
    }

    fn view(&self, id: &DocumentId) -> Option<View> {
        Some(self.files.get(id)?.view)
    }

    /// Whether other documents or the workspace contain this document's items.
    pub fn is_double(&self, id: &DocumentId) -> bool {
        self.doubles.contains(id)
    }

    /// Whether two documents show the same content of a file. Cells of a notebook are parts of it and not copies of each other.
    pub fn same(&self, a: &DocumentId, b: &DocumentId) -> bool {
        let (Some(first), Some(second)) = (self.files.get(a), self.files.get(b)) else {
            return false;
        };
        let cells = first.view == View::Cell && second.view == View::Cell;
        a != b && first.path == second.path && !cells
    }

    /// The path of the file that a document shows.
    pub fn path(&self, id: &DocumentId) -> Option<&Path> {
        Some(&self.files.get(id)?.path)
    }

    /// Whether a document shows the file at a path.
    pub fn shows(&self, id: &DocumentId, path: &Path) -> bool {
        self.path(id)
            .is_some_and(|own| own == path || own == self.known_as(path))
    }

    /// The documents with the newest content of a file.
    pub fn holders(&self, path: &Path) -> &[DocumentId] {
        let known = self
            .holders
            .get(path)
            .or_else(|| self.holders.get(&*self.known_as(path)));
        known.map(Vec::as_slice).unwrap_or_default()
    }

    /// The path that stands for a file: for one with several hard links, the path of the document that shows it.
    fn known_as<'a>(&'a self, path: &'a Path) -> Cow<'a, Path> {
        let link = || self.links.get(&linked(path)?);
        match self.links.is_empty() {
            true => path.into(),
            false => link().map_or(path, PathBuf::as_path).into(),
        }
    }

    /// Whether a document is a whole file and not a cell.
    pub fn is_whole(&self, id: &DocumentId) -> bool {
        self.view(id) == Some(View::File)
    }

    /// The files with newer content in documents, and these documents.
    pub fn held(&self) -> impl Iterator<Item = (&Path, &DocumentId)> {
        let all = self.holders.iter();
        all.flat_map(|(path, ids)| ids.iter().map(move |id| (&**path, id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(documents: &[(&str, &str, View)], indexed: &[&str]) -> Shown {
        let files = documents.iter().map(|(id, path, view)| {
            let (path, view) = (PathBuf::from(path), *view);
            ((*id).into(), ShownFile { path, view })
        });
        Shown::new(files.collect(), |path| indexed.iter().any(|own| path == Path::new(own)))
    }

    #[test]
    fn only_one_of_the_documents_that_show_a_file_is_found() {
        use View::{Cell, File, Version};
        let all = [
            ("git:a?1", "/p/a.py", Version),
            ("git:a?2", "/p/a.py", Version),
            ("file:///link.py", "/p/b.py", File),
            ("file:///p/b.py", "/p/b.py", File),
            ("git:b", "/p/b.py", Version),
            ("git:c", "/p/c.py", Version),
            ("cell:1", "/p/n.ipynb", Cell),
            ("cell:2", "/p/n.ipynb", Cell),
        ];
        let shown = shown(&all, &["/p/c.py", "/p/b.py"]);
        let double: Vec<&str> = all
            .iter()
            .map(|(id, ..)| *id)
            .filter(|id| shown.is_double(&(*id).into()))
            .collect();
        assert_eq!(double, ["git:a?2", "file:///p/b.py", "git:b", "git:c"]);
        let same = |a: &str, b: &str| shown.same(&a.into(), &b.into());
        assert!(same("git:a?1", "git:a?2") && same("git:b", "file:///link.py"));
        assert!(!same("cell:1", "cell:2") && !same("git:a?1", "git:b") && !same("git:c", "git:c"));
        assert!(!same("untitled:1", "git:b"));
    }

    #[cfg(unix)]
    #[test]
    fn hard_links_count_as_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.py"), "x").unwrap();
        std::fs::write(path("c.py"), "x").unwrap();
        std::fs::hard_link(path("a.py"), path("b.py")).unwrap();
        let files = ["a.py", "b.py"].map(|name| (DocumentId::from(name), ShownFile::itself(path(name))));
        let shown = Shown::new(files.to_vec(), |_| false);
        let (a, b) = ("a.py".into(), "b.py".into());
        assert!(shown.same(&a, &b) && shown.is_double(&b) && !shown.is_double(&a));
        assert!(shown.shows(&a, &path("b.py")) && !shown.shows(&a, &path("c.py")));
        assert_eq!(shown.holders(&path("b.py")), [a]);
    }
}
