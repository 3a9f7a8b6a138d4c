//! Passwords from PGPASSWORD, or from the file that PGPASSFILE names.

use std::path::{Path, PathBuf};

use postgres::Config;
use postgres::config::Host;

use super::error::BadAddress;
use crate::places::home_folder;

/// The password for an address, if there is one; `host_name` is the name of its first host.
///
/// # Errors
/// If other users can read the file.
pub(super) fn of(config: &Config, host_name: Option<String>) -> Result<Option<String>, BadAddress> {
    if let Ok(password) = std::env::var("PGPASSWORD")
        && !password.is_empty()
    {
        return Ok(Some(password));
    }
    let named = std::env::var_os("PGPASSFILE").filter(|name| !name.is_empty());
    let file = match named {
        Some(name) => PathBuf::from(name),
        None => match default_file() {
            Some(file) if file.exists() => file,
            _ => return Ok(None),
        },
    };
    let text = private_text(&file).map_err(|why| BadAddress(format!("{}: {why}", file.display())))?;
    let user = config
        .get_user()
        .map(str::to_owned)
        .or_else(|| std::env::var(if cfg!(windows) { "USERNAME" } else { "USER" }).ok());
    let user = user.unwrap_or_default();
    let database = config.get_dbname().unwrap_or(&user);
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let mut hosts = vec![host_name.unwrap_or_default()];
    let host = config.get_hosts().first();
    hosts.extend(host.filter(|host| is_socket(host)).map(|_| "localhost".to_owned()));
    Ok(find(&text, &hosts, [&port, database, &user]))
}

/// `~/.pgpass`, and on Windows `%APPDATA%\postgresql\pgpass.conf`, as libpq has it.
fn default_file() -> Option<PathBuf> {
    if cfg!(windows) {
        let folder = std::env::var_os("APPDATA").map(PathBuf::from)?;
        return Some(folder.join("postgresql").join("pgpass.conf"));
    }
    home_folder().map(|home| home.join(".pgpass"))
}

/// Whether a host is the folder of a socket, which the file calls `localhost`.
fn is_socket(host: &Host) -> bool {
    match host {
        Host::Tcp(_) => false,
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// The first matching line: `host:port:database:user:password`, with `*` for any value and `\` as escape.
fn find(text: &str, hosts: &[String], rest: [&str; 3]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let [host, port, database, user, password] = fields(line)?;
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        let host = hosts.iter().any(|one| fits(&host, one));
        let others = [port, database, user]
            .iter()
            .zip(rest)
            .all(|(pattern, value)| fits(pattern, value));
        (host && others && !password.is_empty()).then_some(password)
    })
}

fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields = vec![String::new()];
    let mut characters = line.trim_end_matches('\r').chars();
    while let Some(character) = characters.next() {
        let field = fields.last_mut()?;
        match character {
            '\\' => field.extend(characters.next()),
            ':' => fields.push(String::new()),
            other => field.push(other),
        }
    }
    fields.try_into().ok()
}

/// The text of a file that only its owner can read.
///
/// # Errors
/// A description of the problem.
pub(super) fn private_text(path: &Path) -> Result<String, String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)
            .map_err(|error| error.to_string())?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err("others can read this file, which may contain a password; run chmod 600 on it".to_owned());
        }
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        find(text, &["db.example".to_owned()], ["5432", "index", "me"])
    }

    #[test]
    fn the_first_matching_line_has_the_password() {
        let text = "# comment\nother:5432:index:me:one\ndb.example:*:index:me:two\n*:*:*:*:three\n";
        assert_eq!(found(text).as_deref(), Some("two"));
        assert_eq!(
            found("*:5433:*:*:no\n*:*:*:*:a\\:b\\\\c\r\n").as_deref(),
            Some("a:b\\c")
        );
        assert_eq!(found("db.example:5432:index:me\n*:*:*:you:no\n*:*:*:*:\n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_rejected() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "*:*:*:*:x").unwrap();
        let mode = |mode| std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        assert!(private_text(file.path()).unwrap_err().contains("chmod 600"));
        mode(0o600);
        assert_eq!(private_text(file.path()).unwrap(), "*:*:*:*:x");
    }
}
