//! The cache of the Hugging Face Hub on this machine: models by the names they have there. Nothing here reaches the network.
//!
//! The layout is that of `huggingface_hub`: `models--OWNER--NAME/refs/main` holds a commit, and `snapshots/COMMIT/` holds its files
//! (<https://huggingface.co/docs/huggingface_hub/guides/manage-cache>). Python tools share these files with Fovea.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::places::home_folder;

/// The longest commit or branch name that is read from a ref.
const LONGEST_REF: usize = 256;

/// The folder of the Hub's cache; `None` where the environment names none. It need not exist.
pub fn cache_folder() -> Option<PathBuf> {
    folder(|variable| std::env::var_os(variable), home_folder())
}

fn folder(environment: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let path = |variable: &str| {
        environment(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let found = path("HF_HUB_CACHE")
        .or_else(|| path("HF_HOME").map(|home| home.join("hub")))
        .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("huggingface").join("hub")))
        .or_else(|| home.map(|home| home.join(".cache").join("huggingface").join("hub")));
    // A relative folder would lie in any repository that Fovea is started in.
    found.filter(|folder| folder.is_absolute())
}

/// Splits `OWNER/NAME` or `OWNER/NAME/FILE` into the repository and the file; `None` for anything else, such as a path.
pub fn repository(name: &str) -> Option<(&str, Option<&str>)> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let mut parts = name.split('/');
    let (owner, repository) = (parts.next()?, parts.next()?);
    if !(plain(owner) && plain(repository) && parts.all(plain)) {
        return None;
    }
    let end = owner.len() + 1 + repository.len();
    Some((&name[..end], name.get(end + 1..)))
}

/// The folder of a repository in the cache. It need not exist.
pub fn folder_of(cache: &Path, repository: &str) -> PathBuf {
    cache.join(format!("models--{}", repository.replace('/', "--")))
}

/// The model with a name of the Hub, if this machine has it: its folder, or its GGUF file where the folder holds a single one.
pub fn downloaded(name: &str) -> Option<PathBuf> {
    downloaded_in(&cache_folder()?, name)
}

fn downloaded_in(cache: &Path, name: &str) -> Option<PathBuf> {
    let (repository, file) = repository(name)?;
    let folder = folder_of(cache, repository);
    let snapshot = folder.join("snapshots").join(commit(&folder)?);
    if let Some(file) = file {
        return Some(snapshot.join(file)).filter(|path| path.exists());
    }
    if snapshot.join("config.json").exists() {
        return Some(snapshot);
    }
    let mut files = std::fs::read_dir(&snapshot)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let is_gguf = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "gguf");
    let first = files.by_ref().find(is_gguf)?;
    files.find(is_gguf).is_none().then_some(first)
}

/// The commit of the branch `main`, or of the only snapshot there is.
fn commit(folder: &Path) -> Option<String> {
    if let Ok(text) = std::fs::read_to_string(folder.join("refs").join("main")) {
        let commit = text.trim();
        let plain = commit.len() <= LONGEST_REF && commit.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return (plain && !commit.is_empty()).then(|| commit.to_owned());
    }
    let mut snapshots = std::fs::read_dir(folder.join("snapshots")).ok()?.filter_map(Result::ok);
    let first = snapshots.next()?;
    let alone = snapshots.next().is_none();
    alone.then(|| first.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_hub_has_an_owner_and_no_path() {
        assert_eq!(repository("intfloat/e5-small-v2"), Some(("intfloat/e5-small-v2", None)));
        assert_eq!(
            repository("ggml-org/gemma-3-270m-GGUF/gemma-3-270m-Q8_0.gguf"),
            Some(("ggml-org/gemma-3-270m-GGUF", Some("gemma-3-270m-Q8_0.gguf")))
        );
        for path in [
            "gpt2",
            "/models/mine",
            "./models/mine",
            "../models",
            "a/../b",
            "a//b",
            "a/b/",
            "a b/c",
            "",
        ] {
            assert_eq!(repository(path), None, "{path}");
        }
    }

    #[test]
    fn the_cache_is_where_the_hub_keeps_it() {
        let home = || Some(PathBuf::from("/home/me"));
        let variables = |set: &'static [(&str, &str)]| {
            move |name: &str| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| OsString::from(value))
            }
        };
        let at = |set| folder(variables(set), home()).unwrap();
        assert_eq!(at(&[]), Path::new("/home/me/.cache/huggingface/hub"));
        assert_eq!(at(&[("HF_HOME", "/hf")]), Path::new("/hf/hub"));
        assert_eq!(
            at(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/cache")]),
            Path::new("/cache")
        );
        assert_eq!(at(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(folder(variables(&[("HF_HOME", "relative")]), home()), None);
    }

    #[test]
    fn a_downloaded_model_is_found_by_its_name() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("models--owner--model");
        let snapshot = folder.join("snapshots").join("abc123");
        std::fs::create_dir_all(&snapshot).unwrap();
        let found = |name| downloaded_in(cache.path(), name);
        assert_eq!(found("owner/model"), None);
        std::fs::write(snapshot.join("a.gguf"), "").unwrap();
        assert_eq!(found("owner/model"), Some(snapshot.join("a.gguf")));
        // Which of two files is meant, the name has to say.
        std::fs::write(snapshot.join("b.gguf"), "").unwrap();
        assert_eq!(found("owner/model"), None);
        assert_eq!(found("owner/model/b.gguf"), Some(snapshot.join("b.gguf")));
        assert_eq!(found("owner/model/c.gguf"), None);
        std::fs::write(snapshot.join("config.json"), "{}").unwrap();
        assert_eq!(found("owner/model"), Some(snapshot.clone()));
        // The ref decides between snapshots, and leads nowhere else.
        std::fs::create_dir_all(folder.join("refs")).unwrap();
        std::fs::write(folder.join("refs").join("main"), "../../elsewhere").unwrap();
        assert_eq!(found("owner/model"), None);
        std::fs::write(folder.join("refs").join("main"), "abc123\n").unwrap();
        assert_eq!(found("owner/model"), Some(snapshot));
    }
}
