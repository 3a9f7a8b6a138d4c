//! User directories that Fovea reads or writes: cache, configuration, probes.
//!
//! They come from environment variables, and on Windows from the system. No setting contains a path to write to, because settings may
//! come from a workspace.

use std::ffi::OsString;
use std::path::PathBuf;

/// The environment variable that sets the cache folder.
pub const CACHE_VARIABLE: &str = "FOVEA_CACHE_DIR";

/// The environment variable that sets the folder of probes.
pub const PROBES_VARIABLE: &str = "FOVEA_PROBES_DIR";

/// The cache folder, for data that Fovea can compute again.
///
/// The folder may not exist yet. `None` if the environment names no folder.
pub fn cache_folder() -> Option<PathBuf> {
    cache_folders().into_iter().next()
}

/// All candidates for the cache folder; Fovea writes to the first.
pub fn cache_folders() -> Vec<PathBuf> {
    caches(variable)
}

fn caches(environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let ours = named(&environment, CACHE_VARIABLE);
    let bases = bases(&environment, Kind::Cache);
    ours.into_iter().chain(bases.map(|base| base.join("fovea"))).collect()
}

/// The configuration folder, which Fovea only reads; `None` if the environment names none.
pub fn configuration_folder() -> Option<PathBuf> {
    let base = bases(&variable, Kind::Configuration).next()?;
    Some(base.join("fovea"))
}

/// The folder of trained probes, which may not exist yet; `None` if the environment names none.
pub fn probes_folder() -> Option<PathBuf> {
    named(&variable, PROBES_VARIABLE).or_else(|| {
        let base = bases(&variable, Kind::Data).next()?;
        Some(base.join("fovea").join("probes"))
    })
}

/// The user's home folder: from `HOME`, or on Windows from the system.
pub fn home_folder() -> Option<PathBuf> {
    #[cfg(windows)]
    let home = etcetera::home_dir().ok();
    #[cfg(not(windows))]
    let home = variable("HOME").map(PathBuf::from);
    home
}

/// The purpose of a folder.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Cache,
    Configuration,
    Data,
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The absolute path in one of Fovea's own variables; `None` if it is unset or empty.
fn named(environment: &impl Fn(&str) -> Option<OsString>, variable: &str) -> Option<PathBuf> {
    let folder = environment(variable).filter(|value| !value.is_empty())?;
    std::path::absolute(folder).ok()
}

/// The folders that contain a subfolder for each program, in order of preference.
fn bases(environment: &impl Fn(&str) -> Option<OsString>, kind: Kind) -> impl Iterator<Item = PathBuf> {
    let variables = match kind {
        Kind::Cache => ["XDG_CACHE_HOME", "LOCALAPPDATA"],
        Kind::Configuration => ["XDG_CONFIG_HOME", "APPDATA"],
        Kind::Data => ["XDG_DATA_HOME", "LOCALAPPDATA"],
    };
    let set = variables.map(|variable| environment(variable).map(PathBuf::from));
    let bases = set.into_iter().flatten().chain(system(environment, kind));
    // A relative path would depend on the current folder, which may be another user's repository.
    bases.filter(|base| base.is_absolute())
}

/// The system's default folders of this kind, in order of preference.
#[cfg(not(windows))]
fn system(environment: &impl Fn(&str) -> Option<OsString>, kind: Kind) -> Vec<PathBuf> {
    let below: &[&str] = match kind {
        Kind::Cache if cfg!(target_os = "macos") => &["Library/Caches", ".cache"],
        Kind::Cache => &[".cache", "Library/Caches"],
        Kind::Configuration => &[".config"],
        Kind::Data => &[".local/share"],
    };
    let home = environment("HOME").map(PathBuf::from);
    home.iter()
        .flat_map(|home| below.iter().map(|folder| home.join(folder)))
        .collect()
}

/// The known folders of Windows, which need no environment variable.
#[cfg(windows)]
fn system(_: &impl Fn(&str) -> Option<OsString>, kind: Kind) -> Vec<PathBuf> {
    use etcetera::base_strategy::{BaseStrategy, Windows};
    let folders = Windows::new().ok();
    let folder = folders.map(|folders| match kind {
        Kind::Configuration => folders.config_dir(),
        Kind::Cache | Kind::Data => folders.cache_dir(),
    });
    folder.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        caches(|wanted| {
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

    #[cfg(unix)]
    #[test]
    fn each_kind_has_the_folder_that_the_xdg_specification_names() {
        let first = |kind, variables: &[(&str, &str)]| {
            let environment = |wanted: &str| {
                let found = variables.iter().find(|(name, _)| *name == wanted)?;
                Some(OsString::from(found.1))
            };
            bases(&environment, kind).next()
        };
        for (kind, variable, below) in [
            (Kind::Configuration, "XDG_CONFIG_HOME", ".config"),
            (Kind::Data, "XDG_DATA_HOME", ".local/share"),
        ] {
            let home = ("HOME", "/h");
            assert_eq!(first(kind, &[home]), Some(PathBuf::from("/h").join(below)));
            assert_eq!(first(kind, &[home, (variable, "/x")]), Some("/x".into()));
            assert_eq!(first(kind, &[(variable, "/x")]), Some("/x".into()));
            assert_eq!(first(kind, &[home, (variable, "here")]), first(kind, &[home]));
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn empty_and_relative_paths_are_ignored() {
        assert!(of(&[("HOME", ""), ("XDG_CACHE_HOME", "here")]).is_empty());
        assert!(of(&[]).is_empty());
    }

    #[cfg(windows)]
    #[test]
    fn the_known_folders_are_found_without_a_variable() {
        assert!(of(&[])[0].ends_with("fovea") && home_folder().is_some_and(|home| home.is_absolute()));
    }
}
