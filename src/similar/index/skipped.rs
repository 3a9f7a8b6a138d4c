//! The reasons why a file is not indexed.

/// Why a file is not indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// Its name suggests that it contains secrets.
    Secret,
    /// It is too large, binary, minified or not UTF-8.
    NotText,
    /// It states that a program generated it.
    Generated,
    /// A package manager wrote it.
    Lock,
    /// It is data: by its extension, or because it is larger than handwritten configuration.
    Data,
    /// It contains a license.
    License,
    /// Its name matches no known kind of handwritten file.
    Unknown,
    /// It cannot be read.
    Unreadable,
    /// It is another hard link to an indexed file.
    Linked,
    /// The limit on the number of files was reached before it.
    TooMany,
    /// A folder with installed packages: a virtual environment, `node_modules`.
    Installed,
    /// A folder of another repository, or of another worktree of this one.
    Repository,
    /// An ignore file names it.
    Ignored,
    /// Its name begins with a dot.
    Hidden,
    /// A symbolic link, which a walk does not follow.
    Symlink,
}

impl serde::Serialize for Skipped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words())
    }
}

impl Skipped {
    /// A description for summaries.
    pub fn words(self) -> &'static str {
        match self {
            Skipped::Secret => "named like secrets",
            Skipped::NotText => "too large, binary, minified or not UTF-8",
            Skipped::Generated => "generated",
            Skipped::Lock => "lock files",
            Skipped::Data => "data",
            Skipped::License => "licenses",
            Skipped::Unknown => "of a kind that is not read",
            Skipped::Unreadable => "unreadable",
            Skipped::Linked => "further links to a file",
            Skipped::TooMany => "over the limit on files",
            Skipped::Installed => "installed packages",
            Skipped::Repository => "other repositories and worktrees",
            Skipped::Ignored => "named in ignore files",
            Skipped::Hidden => "hidden",
            Skipped::Symlink => "symbolic links",
        }
    }
}
