//! The open documents, and the reasons why Fovea does not analyze some of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_lsp::ls_types::Uri;

use super::settings::Settings;
use super::uris;
use crate::analysis::{DocumentId, ShownFile, View};
use crate::segment::{is_header, language_of};
use crate::similar::index;
use crate::text::{Document, Inactive, Language, Snapshot, inactive, secret_file};

/// An open document.
#[derive(Debug, Clone)]
pub struct Open {
    /// Its text now.
    pub document: Document,
    /// LSP's identifier for its language.
    pub language_id: String,
    /// Its name, if it is a header, whose language depends on its text.
    header: Option<PathBuf>,
    /// The file that it shows, whatever the scheme of its URI.
    pub shown: Option<ShownFile>,
    /// Whether its name, or the target of its link, is a usual name for secrets.
    secret: bool,
    /// The reason why Fovea does not analyze it, if so.
    pub inactive: Option<String>,
    /// Whether an edit was unreadable. The text then differs from the client's until the document is opened again.
    pub out_of_step: bool,
}

impl Open {
    /// Creates a document that the client opened.
    pub fn new(uri: &str, language_id: String, version: i32, text: &str) -> Open {
        let shown = uris::parse(uri).as_ref().and_then(shown);
        let file = language_file(uri, shown.as_ref());
        let beside = || index::beside(&shown.as_ref()?.path);
        let language = language_of(Some(&language_id), file.as_deref(), text, beside);
        Open {
            document: Document::open(text, version, language),
            language_id,
            header: file.filter(|file| is_header(file)),
            secret: shown.as_ref().is_some_and(|shown| is_secret(&shown.path)),
            shown,
            inactive: None,
            out_of_step: false,
        }
    }

    /// Its text now.
    pub fn snapshot(&self) -> Snapshot {
        self.document.snapshot()
    }

    /// Updates the language after an edit: the text of a header determines its language.
    pub fn edited(&mut self) {
        let Some(header) = &self.header else { return };
        let now = self.document.snapshot();
        let known = || Some(now.language());
        let language = language_of(Some(&self.language_id), Some(header), &now.rope().to_string(), known);
        if language != now.language() {
            self.document.set_language(language);
        }
    }

    /// Decides again whether Fovea analyzes it.
    pub fn admit(&mut self, settings: &Settings) {
        self.inactive = reason(self, settings);
    }
}

fn is_secret(path: &Path) -> bool {
    secret_file(path) || path.canonicalize().is_ok_and(|path| secret_file(&path))
}

/// The file whose name determines a document's language. A notebook's name says nothing about the language of a cell.
fn language_file(uri: &str, shown: Option<&ShownFile>) -> Option<PathBuf> {
    match shown {
        Some(ShownFile { view: View::Cell, .. }) => None,
        Some(ShownFile { path, .. }) => Some(path.clone()),
        None => uris::parse(uri).map(|uri| uris::file_name(&uri).into()),
    }
}

fn shown(uri: &Uri) -> Option<ShownFile> {
    let view = match uris::view(uri) {
        None => View::File,
        Some(_) if uris::is_cell(uri) => View::Cell,
        Some(_) => View::Version,
    };
    let path = uris::shown_file(uri)?;
    // A copy of a file that is gone is a file of its own.
    let original = uris::original(&path).filter(|original| original.exists());
    let (path, view) = original.map_or((path, view), |original| (original, View::Version));
    Some(ShownFile { path, view })
}

/// All open documents. A clone is an immutable view, and cheap enough for every request.
pub type Documents = Arc<HashMap<DocumentId, Arc<Open>>>;

fn reason(open: &Open, settings: &Settings) -> Option<String> {
    if !settings.enable {
        return Some("Not analyzed: Fovea is turned off; set fovea.enable to true to turn it on.".to_owned());
    }
    if open.out_of_step {
        return Some(
            "Not analyzed: an edit from the editor could not be read; close and reopen the document.".to_owned(),
        );
    }
    let named = |id: &String| {
        let same = *id != "other" && Language::from_id(id) == open.snapshot().language();
        *id == open.language_id || same && Language::from_name(id).is_some()
    };
    if !settings.languages.is_empty() && !settings.languages.iter().any(named) {
        let language = &open.language_id;
        return Some(format!(
            "Not analyzed: language {language:?} is not in fovea.languages; add it to include the file."
        ));
    }
    if let Some(ShownFile { path, .. }) = &open.shown
        && let Some(pattern) = settings.exclude.matching(path)
    {
        let excluded = Inactive::Excluded {
            pattern: pattern.to_owned(),
        };
        return Some(excluded.to_string());
    }
    if open.secret {
        return Some(Inactive::Secret.to_string());
    }
    inactive(&open.snapshot(), &settings.limits()).map(|reason| reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, language: &str, text: &str, settings: &Settings) -> Option<String> {
        let mut open = Open::new(uri, language.to_owned(), 1, text);
        open.admit(settings);
        open.inactive
    }

    #[test]
    fn each_reason_not_to_analyze_is_given() {
        let default = Settings::default();
        assert_eq!(check("file:///a/b.rs", "rust", "fn a() {}", &default), None);
        assert_eq!(check("untitled:Untitled-1", "rust", "fn a() {}", &default), None);
        let is = |reason: Option<String>, part: &str| {
            assert!(reason.as_ref().is_some_and(|r| r.contains(part)), "{reason:?}")
        };
        is(check("file:///a/.env", "plaintext", "A=1", &default), "secrets");
        for uri in [
            "git:/a/.env",
            "git:/a/.env.git?%7B%22path%22:%22/a/.env%22%7D",
            "fugitive:///a/.git//0/.env",
            "vscode-remote://host/home/u/.ssh/config",
            "vscode-local-history:/a/key.pem?x",
            "untitled:/a/.env",
        ] {
            is(check(uri, "plaintext", "A=1", &default), "secrets");
        }
        #[cfg(unix)]
        {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(".env"), "A=1").unwrap();
            let link = folder.path().join("notes.txt");
            std::os::unix::fs::symlink(folder.path().join(".env"), &link).unwrap();
            let uri = uris::of_path(&link).unwrap();
            is(check(uri.as_str(), "plaintext", "A=1", &default), "secrets");
        }
        is(check("file:///a/b.rs", "rust", "\0", &default), "binary");
        is(
            check("file:///a/b.js", "javascript", &"x".repeat(30_000), &default),
            "minified",
        );
        is(
            check(
                "file:///a/b.rs",
                "rust",
                "",
                &Settings {
                    enable: false,
                    ..default.clone()
                },
            ),
            "turned off",
        );
        let python = Settings {
            languages: vec!["python".to_owned()],
            ..default.clone()
        };
        is(
            check("file:///a/b.rs", "rust", "", &python),
            "\"rust\" is not in fovea.languages",
        );
        let small = Settings {
            max_file_bytes: 10,
            ..default
        };
        is(check("file:///a/b.rs", "rust", "0123456789a", &small), "11 bytes");
    }
}
