//! User directories that Fovea reads or writes: cache, configuration, probes.
//!
//! They come only from environment variables: no setting contains a path to write to, because settings may come from a workspace.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that directly names our cache folder.
pub const CACHE_VARIABLE: &str = "FOVEA_CACHE_DIR";

/// The cache folder, for data that can be recomputed; `None` if the environment names none. It need not exist.
pub fn cache_folder() -> Option<PathBuf> {
    cache_folders().into_iter().next()
}

/// All candidates for the cache folder; the first is the one to write to.
pub fn cache_folders() -> Vec<PathBuf> {
    folders(|variable| std::env::var_os(variable))
}

/// The configuration folder, which Fovea only reads; `None` if the environment names none.
pub fn configuration_folder() -> Option<PathBuf> {
    let path = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let bases = [
        path("XDG_CONFIG_HOME"),
        path("APPDATA"),
        home_folder().map(|home| home.join(".config")),
    ];
    let base = bases.into_iter().flatten().find(|base| base.is_absolute())?;
    Some(base.join("fovea"))
}

/// The variable that directly names the folder of probes.
pub const PROBES_VARIABLE: &str = "FOVEA_PROBES_DIR";

/// The folder of trained probes; `None` if the environment names none. It need not exist.
pub fn probes_folder() -> Option<PathBuf> {
    let path = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(ours) = path(PROBES_VARIABLE) {
        return std::path::absolute(ours).ok();
    }
    let bases = [
        path("XDG_DATA_HOME"),
        path("LOCALAPPDATA"),
        home_folder().map(|home| home.join(".local").join("share")),
    ];
    let base = bases.into_iter().flatten().find(|base| base.is_absolute())?;
    Some(base.join("fovea").join("probes"))
}

/// The user's home folder, according to the environment.
pub fn home_folder() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

fn folders(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let path = |variable: &str| {
        environment(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let ours = path(CACHE_VARIABLE).and_then(|folder| std::path::absolute(folder).ok());
    let (first, second) = if cfg!(target_os = "macos") {
        ("Library/Caches", ".cache")
    } else {
        (".cache", "Library/Caches")
    };
    let bases = [
        path("XDG_CACHE_HOME"),
        path("LOCALAPPDATA"),
        path("HOME").map(|home| home.join(first)),
        path("HOME").map(|home| home.join(second)),
    ];
    // A relative path would depend on the current folder, which may be another user's repository.
    let bases = bases.into_iter().flatten().filter(|base| base.is_absolute());
    ours.into_iter().chain(bases.map(|base| base.join("fovea"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        folders(|wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted)?;
            Some(found.1.into())
        })
    }

    #[cfg(unix)]
    #[test]
    fn our_own_variable_takes_precedence_over_those_of_the_system() {
        let all = of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), (CACHE_VARIABLE, "/ours")]);
        assert_eq!(all[..2], [PathBuf::from("/ours"), PathBuf::from("/x/fovea")]);
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn empty_and_relative_paths_are_ignored() {
        assert!(of(&[("HOME", ""), ("XDG_CACHE_HOME", "here")]).is_empty());
        assert!(of(&[]).is_empty());
    }
}
