//! The address of a store; its password is never displayed.
//!
//! An address comes from the command line, a file or the environment, but never from settings, which a workspace may control. A password
//! comes only from a file or the environment: every user of the machine can read a command line.

use core::net::IpAddr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode};

use super::error::BadAddress;
use super::password;

/// The environment variable for an address, which may include a password.
pub const VARIABLE: &str = "FOVEA_STORE";

/// Timeout of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout of unacknowledged data.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Protection of a connection, in the terms of libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Not encrypted.
    Disable,
    /// Encrypted if the server supports it; the server is not verified.
    Prefer,
    /// Encrypted; the server is not verified.
    Require,
    /// Encrypted; the server has a trusted certificate.
    VerifyCa,
    /// Encrypted; the server has a trusted certificate for its name. The default for all hosts except this machine.
    VerifyFull,
}

/// The address of a store with everything that a connection needs.
#[derive(Clone)]
pub struct StoreAddress {
    pub(super) config: Config,
    pub(super) secrecy: Secrecy,
    /// Trusted certificates, instead of those of the system.
    pub(super) root_certificate: Option<PathBuf>,
}

impl StoreAddress {
    /// Parses an address from the command line, which must not contain a password.
    ///
    /// # Errors
    /// If the address is invalid or contains a password; the error says what to do.
    pub fn from_argument(address: &str) -> Result<StoreAddress, BadAddress> {
        let store = StoreAddress::parse("--store", address)?;
        if store.config.get_password().is_some() {
            return Err(BadAddress(format!(
                "--store: everyone on this machine can read a password on the command line; remove it and set PGPASSWORD or write it \
                 into ~/.pgpass, or keep the whole address in {VARIABLE} (then use --store alone) or in a file (--store-file)"
            )));
        }
        store.with_password()
    }

    /// Parses the address in [`VARIABLE`].
    ///
    /// # Errors
    /// If the variable is not set, or the address is invalid.
    pub fn from_environment() -> Result<StoreAddress, BadAddress> {
        match std::env::var(VARIABLE) {
            Ok(address) if !address.is_empty() => StoreAddress::parse(VARIABLE, &address)?.with_password(),
            _ => Err(BadAddress(format!(
                "no store address; pass one with --store postgres://HOST/DATABASE, or set {VARIABLE}"
            ))),
        }
    }

    /// Parses the address in a file that only its owner can read.
    ///
    /// # Errors
    /// If the file is unreadable or readable by others, or the address is invalid.
    pub fn from_file(path: &Path) -> Result<StoreAddress, BadAddress> {
        let name = path.display().to_string();
        let text = password::private_text(path).map_err(|why| BadAddress(format!("{name}: {why}")))?;
        StoreAddress::parse(&name, text.trim())?.with_password()
    }

    fn parse(origin: &str, address: &str) -> Result<StoreAddress, BadAddress> {
        let bad_address = |why: &str| BadAddress(format!("{origin}: {why}"));
        // An invalid address is not repeated: it may be a password.
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| address.starts_with(scheme))
        {
            return Err(bad_address(
                "the address does not have the form postgres://[USER@]HOST[:PORT]/DATABASE",
            ));
        }
        let (rest, mut secrecy, mut root_certificate) = (address.split_once('?'), None, None);
        let mut plain = address.to_owned();
        if let Some((before, query)) = rest {
            // The client knows fewer modes than libpq.
            let mut kept = Vec::new();
            for pair in query.split('&') {
                match pair.split_once('=') {
                    Some(("sslmode", mode)) => {
                        secrecy = Some(Secrecy::named(mode).ok_or_else(|| {
                            bad_address("sslmode must be one of disable, prefer, require, verify-ca and verify-full")
                        })?);
                    }
                    Some(("sslrootcert", path)) => root_certificate = Some(PathBuf::from(decoded(path))),
                    _ => kept.push(pair),
                }
            }
            plain = before.to_owned();
            if !kept.is_empty() {
                plain += &format!("?{}", kept.join("&"));
            }
        }
        let mut config: Config = plain.parse().map_err(|_| {
            bad_address("cannot read the address; write postgres://[USER@]HOST[:PORT]/DATABASE?OPTION=VALUE")
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(bad_address(
                "the address names no host; write postgres://[USER@]HOST[:PORT]/DATABASE",
            ));
        }
        let secrecy = secrecy.unwrap_or(if is_local(&config) {
            Secrecy::Prefer
        } else {
            Secrecy::VerifyFull
        });
        config.ssl_mode(match secrecy {
            Secrecy::Disable => SslMode::Disable,
            Secrecy::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("fovea");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        // These timeouts detect a vanished host within seconds instead of hours.
        config
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(Duration::from_secs(30));
        config
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3);
        if let (None, Ok(user)) = (config.get_user(), std::env::var("PGUSER")) {
            config.user(&user);
        }
        Ok(StoreAddress {
            config,
            secrecy,
            root_certificate,
        })
    }

    fn with_password(mut self) -> Result<StoreAddress, BadAddress> {
        if self.config.get_password().is_none()
            && let Some(password) = password::of(&self.config, self.config.get_hosts().first().map(host_name))?
        {
            self.config.password(password);
        }
        Ok(self)
    }
}

impl Secrecy {
    fn named(mode: &str) -> Option<Secrecy> {
        Some(match mode {
            "disable" => Secrecy::Disable,
            "allow" | "prefer" => Secrecy::Prefer,
            "require" => Secrecy::Require,
            "verify-ca" => Secrecy::VerifyCa,
            "verify-full" => Secrecy::VerifyFull,
            _ => return None,
        })
    }
}

/// Only hosts and database.
impl fmt::Display for StoreAddress {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let hosts = self.config.get_hosts().iter().map(host_name);
        let addresses = self.config.get_hostaddrs().iter().map(ToString::to_string);
        let names: Vec<String> = hosts.chain(addresses).collect();
        let name = names.first().map_or("", String::as_str);
        match self.config.get_dbname() {
            Some(database) => write!(out, "{database} on {name}"),
            None => write!(out, "on {name}"),
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "StoreAddress({self})")
    }
}

/// The name of a host, as in libpq.
fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// Whether the connection stays on this machine.
fn is_local(config: &Config) -> bool {
    let is_loopback = |address: &IpAddr| address.is_loopback();
    let addresses = config.get_hostaddrs();
    if !addresses.is_empty() {
        return addresses.iter().all(is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| is_loopback(&address)),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

/// Decodes %XX escapes in a query value.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let escaped = value.get(i + 1..i + 3).filter(|_| bytes[i] == b'%');
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Result<StoreAddress, BadAddress> {
        StoreAddress::parse("--store", address)
    }

    #[test]
    fn a_password_on_the_command_line_is_rejected_and_not_repeated() {
        for address in [
            "postgres://me:s3cret@db.example/index",
            "postgresql://db.example/index?user=me&password=s3cret",
            "postgres://db.example/index?password=s3cret&nonsense=1",
            "host=db.example password=s3cret",
            "s3cret",
            "postgres://me:s3cret@db.example:port/index",
        ] {
            let error = StoreAddress::from_argument(address).unwrap_err().to_string();
            assert!(error.starts_with("--store: ") && !error.contains("s3cret"), "{error}");
        }
        let error = StoreAddress::from_argument("postgres://me:s3cret@db.example/index")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("PGPASSWORD") && error.contains("--store-file"),
            "{error}"
        );
    }

    #[test]
    fn only_host_and_database_of_an_address_are_displayed() {
        let store = parsed("postgres://me:s3cret@db.example/index").unwrap();
        assert_eq!(store.to_string(), "index on db.example");
        assert_eq!(format!("{store:?}"), "StoreAddress(index on db.example)");
    }

    #[test]
    fn remote_hosts_are_verified_unless_the_address_says_otherwise() {
        let secrecy = |address: &str| parsed(address).unwrap().secrecy;
        assert_eq!(secrecy("postgres://db.example/index"), Secrecy::VerifyFull);
        assert_eq!(secrecy("postgres://10.0.0.5/index"), Secrecy::VerifyFull);
        assert_eq!(secrecy("postgres://localhost,db.example/index"), Secrecy::VerifyFull);
        assert_eq!(
            secrecy("postgres://localhost/index?hostaddr=10.0.0.5"),
            Secrecy::VerifyFull
        );
        for local in ["localhost", "127.0.0.1", "[::1]", "%2Ftmp"] {
            assert_eq!(
                secrecy(&format!("postgres://{local}/index")),
                Secrecy::Prefer,
                "{local}"
            );
        }
        assert_eq!(secrecy("postgres://db.example/index?sslmode=require"), Secrecy::Require);
        assert_eq!(
            secrecy("postgres://db.example/index?sslmode=verify-ca"),
            Secrecy::VerifyCa
        );
        assert!(parsed("postgres://db.example/index?sslmode=verify_full").is_err());
        let store = parsed("postgres://db.example/index?sslrootcert=%2Fetc%2Fa%20b.pem&connect_timeout=3").unwrap();
        assert_eq!(store.root_certificate.as_deref(), Some(Path::new("/etc/a b.pem")));
        assert_eq!(store.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
    }

    #[test]
    fn addresses_without_a_host_or_of_another_kind_are_rejected() {
        for address in ["postgres:///index", "mysql://db.example/index", "", "postgres://"] {
            assert!(parsed(address).is_err(), "{address}");
        }
    }
}
