//! Decides which documents Fovea does not analyze, and why.

use std::fmt;
use std::path::Path;

use super::Snapshot;

/// Size limits of documents that Fovea analyzes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Maximum bytes of a document.
    pub max_bytes: usize,
    /// Maximum bytes of a line; longer lines are generated.
    pub max_line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 1_000_000,
            max_line_bytes: 20_000,
        }
    }
}

/// Why Fovea does not analyze a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inactive {
    /// It exceeds the size limit.
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It contains a NUL character.
    Binary,
    /// It has a line longer than handwritten lines.
    Minified {
        /// The zero-based line.
        line: usize,
        /// Its length in bytes.
        bytes: usize,
    },
    /// The settings exclude it.
    Excluded {
        /// The pattern that matched.
        pattern: String,
    },
    /// Files with its name usually contain secrets.
    Secret,
}

impl fmt::Display for Inactive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "Not analyzed: the document has {bytes} bytes, over the limit of {limit}; raise fovea.maxFileBytes to include it."
                )
            }
            Self::Binary => write!(
                f,
                "Not analyzed: the document contains a NUL character, so it is binary; open it as UTF-8 text."
            ),
            Self::Minified { line, bytes } => write!(
                f,
                "Not analyzed: line {} has {bytes} bytes, so the file looks generated or minified; format it to include it.",
                line + 1
            ),
            Self::Excluded { pattern } => {
                write!(
                    f,
                    "Not analyzed: the exclude pattern {pattern:?} matches; remove it from fovea.excludePatterns to include the file."
                )
            }
            Self::Secret => write!(
                f,
                "Not analyzed: files with this name usually contain secrets; rename the file if it contains none."
            ),
        }
    }
}

/// The reason why Fovea does not analyze a text; `None` if it does.
pub fn inactive(snapshot: &Snapshot, limits: &Limits) -> Option<Inactive> {
    if snapshot.len() > limits.max_bytes {
        return Some(Inactive::TooLarge {
            bytes: snapshot.len(),
            limit: limits.max_bytes,
        });
    }
    if snapshot.rope().chunks().any(|chunk| chunk.as_bytes().contains(&0)) {
        return Some(Inactive::Binary);
    }
    if !may_contain_longer(snapshot, limits.max_line_bytes) {
        return None;
    }
    let (line, bytes) = longest_line(snapshot);
    (bytes > limits.max_line_bytes).then_some(Inactive::Minified { line, bytes })
}

/// Whether a line may have more than `bytes` bytes.
///
/// This runs after every edit, so it samples every `bytes / 2` bytes: a longer line contains two consecutive samples.
fn may_contain_longer(snapshot: &Snapshot, bytes: usize) -> bool {
    let (rope, step) = (snapshot.rope(), (bytes / 2).max(1));
    let mut lines = (0..snapshot.len()).step_by(step).map(|at| rope.byte_to_line(at));
    let mut last = lines.next();
    lines.any(|line| last.replace(line) == Some(line))
}

/// The longest line and its length in bytes without the terminator.
fn longest_line(snapshot: &Snapshot) -> (usize, usize) {
    let (mut longest, mut line, mut bytes, mut after_cr) = ((0, 0), 0, 0, false);
    for &byte in snapshot.rope().chunks().flat_map(str::as_bytes) {
        if byte == b'\n' && after_cr {
            after_cr = false;
            continue;
        }
        after_cr = byte == b'\r';
        if byte == b'\n' || byte == b'\r' {
            (line, bytes) = (line + 1, 0);
            continue;
        }
        bytes += 1;
        if bytes > longest.1 {
            longest = (line, bytes);
        }
    }
    longest
}

/// Whether a file's name or folder suggests secrets. Examples are environment files, private keys, keystores, credentials of known tools.
pub fn secret_file(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
        return false;
    };
    let in_folder = |folder: &str| {
        path.parent()
            .is_some_and(|parent| parent.iter().any(|part| part == folder))
    };
    if in_folder(".ssh") || in_folder(".gnupg") || in_folder(".aws") {
        return true;
    }
    // Tools keep their credentials in files with common names.
    let of_tool = |folder: &str, file: &str| {
        name == file && path.parent().and_then(Path::file_name).is_some_and(|own| own == folder)
    };
    if of_tool(".kube", "config") || of_tool(".docker", "config.json") {
        return true;
    }
    let mut name = name.as_str();
    while let Some(saved) = saved_name(name) {
        name = saved;
    }
    if is_environment_file(name) || SECRET_NAMES.contains(&name) {
        return true;
    }
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| SECRET_EXTENSIONS.contains(&extension))
}

/// The name of the file that a backup or a swap file holds: `.env` for `.env~`, `#.env#`, `.env.orig` and `..env.swp`; `None` for other names.
pub fn saved_name(name: &str) -> Option<&str> {
    let ends = |endings: &[&str]| endings.iter().find_map(|ending| name.strip_suffix(ending));
    let inner = name.strip_prefix('#').and_then(|name| name.strip_suffix('#'));
    // Vim puts a dot before the name.
    let swap = || {
        let swapped = ends(&[".swp", ".swo", ".swn"])?;
        let named = swapped.strip_prefix('.').filter(|name| name.starts_with('.'));
        Some(named.unwrap_or(swapped))
    };
    inner
        .or_else(|| ends(&["~", ".orig", ".bak", ".old", ".save", ".rej", ".mine"]))
        .or_else(swap)
}

/// `.env`, `.env.local`, `production.env`, but not shared templates.
fn is_environment_file(name: &str) -> bool {
    let shared = [".example", ".sample", ".template", ".dist"]
        .iter()
        .any(|end| name.ends_with(end));
    !shared && (name == ".env" || name == ".envrc" || name.starts_with(".env.") || name.ends_with(".env"))
}

const SECRET_NAMES: &[&str] = &[
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_ecdsa_sk",
    "id_ed25519_sk",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".my.cnf",
    "credentials",
    "credentials.json",
    "client_secret.json",
    "service-account.json",
    "secrets.json",
    "secrets.yaml",
    "secrets.yml",
    "secrets.toml",
    "terraform.tfvars",
    "shadow",
    "master.key",
];

const SECRET_EXTENSIONS: &[&str] = &[
    "pem", "key", "p12", "pfx", "pkcs12", "p8", "jks", "keystore", "bks", "kdbx", "kdb", "ppk", "asc", "gpg", "pgp",
    "ovpn", "tfstate", "tfvars", "keytab", "agekey",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    fn check(text: &str) -> Option<Inactive> {
        inactive(
            &Snapshot::new(text, 1, Language::JavaScript),
            &Limits {
                max_bytes: 100,
                max_line_bytes: 10,
            },
        )
    }

    #[test]
    fn a_text_at_its_limits_is_analyzed() {
        let line = "0123456789";
        assert_eq!(check(line), None);
        let most = format!("{}\n", "012345678\n".repeat(9) + "012345678");
        assert_eq!((most.len(), check(&most)), (100, None));
        assert_eq!(
            check(&format!("a\n{line}x\n{line}y\n")),
            Some(Inactive::Minified { line: 1, bytes: 11 })
        );
        for (path, secret) in [
            ("home/.ssh/config", true),
            ("home/.gnupg/a", true),
            ("home/.aws/a", true),
            (".env", true),
            (".envrc", true),
            (".env.local", true),
            ("production.env", true),
            (".env.example", false),
            ("environment.rs", false),
        ] {
            assert_eq!(secret_file(Path::new(path)), secret, "{path}");
        }
    }

    #[test]
    fn ordinary_text_is_analyzed() {
        assert_eq!(check(""), None);
        assert_eq!(check("0123456789\r\n0123456789\r0123456789\n"), None);
    }

    #[test]
    fn size_nul_and_long_lines_are_reasons() {
        assert_eq!(
            check(&"a\n".repeat(51)),
            Some(Inactive::TooLarge { bytes: 102, limit: 100 })
        );
        assert_eq!(check("a\0b"), Some(Inactive::Binary));
        assert_eq!(
            check("a\r\nb\r01234567890\nc"),
            Some(Inactive::Minified { line: 2, bytes: 11 })
        );
    }

    #[test]
    fn a_line_that_is_one_byte_too_long_is_found_anywhere() {
        for before in 0..30 {
            let text = |length: usize| format!("{}\n{}\n{}", "x\n".repeat(before), "y".repeat(length), "z\n".repeat(9));
            assert_eq!(check(&text(10)), None);
            let line = before + 1;
            assert_eq!(check(&text(11)), Some(Inactive::Minified { line, bytes: 11 }));
        }
    }

    #[test]
    fn each_reason_says_what_to_do() {
        let reasons = [
            Inactive::TooLarge {
                bytes: 2_000_000,
                limit: 1_000_000,
            },
            Inactive::Binary,
            Inactive::Minified { line: 0, bytes: 30_000 },
            Inactive::Excluded {
                pattern: "**/dist/**".into(),
            },
            Inactive::Secret,
        ];
        let lines: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Not analyzed: the document has 2000000 bytes, over the limit of 1000000; raise fovea.maxFileBytes to include it.
        Not analyzed: the document contains a NUL character, so it is binary; open it as UTF-8 text.
        Not analyzed: line 1 has 30000 bytes, so the file looks generated or minified; format it to include it.
        Not analyzed: the exclude pattern "**/dist/**" matches; remove it from fovea.excludePatterns to include the file.
        Not analyzed: files with this name usually contain secrets; rename the file if it contains none.
        "#);
    }

    #[test]
    fn secret_names_are_known_and_templates_are_not_secret() {
        for path in [
            ".env",
            "a/.env.local",
            "prod.env",
            "/home/u/.ssh/config",
            "id_ed25519",
            "x/Server.PEM",
            "a.p12",
            "k.jks",
            "p/.env~",
            "p/#.env#",
            "p/..env.swp",
            "p/.env.local.swp",
            "p/secrets.yaml.orig",
            "p/prod.tfvars",
            "home/.kube/config",
            "home/.docker/config.json",
        ] {
            assert!(secret_file(Path::new(path)), "{path}");
        }
        for path in [
            ".env.example",
            "environment.rs",
            "keys.rs",
            "id_rsa.rs",
            "src/secret.py",
            "",
            "/",
            "p/config",
            "p/notes.txt~",
            "p/a.swp",
        ] {
            assert!(!secret_file(Path::new(path)), "{path}");
        }
    }
}
