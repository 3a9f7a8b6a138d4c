//! The folders of the person's that are ours to use.
//!
//! They come from the environment alone: no setting names a path to write to, since settings may come from a workspace.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that names our cache folder outright.
pub const CACHE_VARIABLE: &str = "FOVEA_CACHE_DIR";

/// The folder in which we keep what can be made again; `None` where the environment names none. It need not exist.
pub fn cache_folder() -> Option<PathBuf> {
    cache_folders().into_iter().next()
}

/// Every folder that may be our cache folder, the one to write to first.
pub fn cache_folders() -> Vec<PathBuf> {
    folders(|variable| std::env::var_os(variable))
}

/// The folder in which the person configures us, and that we only read; `None` where the environment names none.
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

/// The variable that names the folder of probes outright.
pub const PROBES_VARIABLE: &str = "FOVEA_PROBES_DIR";

/// The folder in which probes are kept that a person trains; `None` where the environment names none. It need not exist.
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

/// The person's home folder, as the environment names it.
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
    // A relative one would lie in whatever folder we were started in, which may be somebody's repository.
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
    fn the_variable_of_our_own_goes_first_and_then_what_the_system_says() {
        let all = of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x"), (CACHE_VARIABLE, "/ours")]);
        assert_eq!(all[..2], [PathBuf::from("/ours"), PathBuf::from("/x/fovea")]);
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn what_is_empty_or_relative_names_no_folder() {
        assert!(of(&[("HOME", ""), ("XDG_CACHE_HOME", "here")]).is_empty());
        assert!(of(&[]).is_empty());
    }
}
