//! `fovea editor`: prints the configuration that an editor needs.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::input::Usage;
use super::output;

/// The contents of `editors/helix`: one source for users who copy the file and users who run this command.
const HELIX: &str = include_str!("../../editors/helix/languages.toml");

/// The editor to configure.
#[derive(Debug, Subcommand)]
pub(super) enum Editor {
    /// Print the configuration for Helix's languages.toml
    Helix(Helix),
}

/// Arguments of `fovea editor helix`.
#[derive(Args, Debug)]
pub(super) struct Helix {
    /// Languages by their names in Helix (`hx --health` lists them); without any, all languages that Fovea knows
    #[arg(value_name = "LANGUAGE")]
    languages: Vec<String>,
}

/// Writes the configuration.
pub(super) fn run(editor: &Editor) -> Result<()> {
    let Editor::Helix(arguments) = editor;
    output::write(&helix(&arguments.languages)?)
}

/// The part of Helix's configuration that is about some languages.
fn helix(languages: &[String]) -> Result<String> {
    if languages.is_empty() {
        return Ok(HELIX.to_owned());
    }
    let blocks: Vec<&str> = HELIX.split("\n\n").map(str::trim).collect();
    let name = |block: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix("name = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let server = blocks.iter().filter(|block| name(block).is_none());
    let mut text: Vec<String> = server.map(|block| (*block).to_owned()).collect();
    for language in languages {
        if language.is_empty() || language.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_+#.".contains(c)) {
            return Err(Usage(format!(
                "editor helix {language:?}: not a language name; `hx --health` lists the names"
            ))
            .into());
        }
        let known = blocks.iter().find(|block| name(block).as_ref() == Some(language));
        text.push(match known {
            Some(block) => (*block).to_owned(),
            // This list replaces Helix's own, and only Helix knows its contents.
            None => format!(
                "# This list replaces Helix's own: add the servers that `hx --health {language}` names before \"fovea\".\n[[language]]\n\
                 name = \"{language}\"\nlanguage-servers = [\"fovea\"]"
            ),
        });
    }
    Ok(text.join("\n\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::helix;

    #[test]
    fn a_language_of_helix_has_its_servers_before_ours_and_the_server_is_set_up_once() {
        let all = helix(&[]).unwrap();
        assert!(all.contains("name = \"go\"") && all.contains("[language-server.fovea]"));
        let rust = helix(&["rust".into(), "python".into()]).unwrap();
        assert_eq!(rust.matches("[language-server.fovea]").count(), 1);
        assert!(
            rust.contains("name = \"rust\"\nlanguage-servers = [\"rust-analyzer\", \"fovea\"]"),
            "{rust}"
        );
        assert!(rust.contains("name = \"python\"") && !rust.contains("name = \"go\""));
        let other = helix(&["zig".into()]).unwrap();
        assert!(other.contains("hx --health zig") && other.contains("name = \"zig\"\nlanguage-servers = [\"fovea\"]"));
        assert!(helix(&["a\"]\nb".into()]).is_err());
    }
}
