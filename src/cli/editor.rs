//! `fovea editor`: what an editor's configuration has to say.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::input::Usage;
use super::output;

/// What stands in `editors/helix`: one source for those who copy it there and for those who ask here.
const HELIX: &str = include_str!("../../editors/helix/languages.toml");

/// Which editor.
#[derive(Debug, Subcommand)]
pub(super) enum Editor {
    /// What belongs into Helix's languages.toml
    Helix(Helix),
}

/// Arguments of `fovea editor helix`.
#[derive(Args, Debug)]
pub(super) struct Helix {
    /// The languages, as Helix calls them (`hx --health` lists them); all that are known, without any
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
            return Err(Usage(format!("editor helix {language:?}: no name of a language")).into());
        }
        let known = blocks.iter().find(|block| name(block).as_ref() == Some(language));
        text.push(match known {
            Some(block) => (*block).to_owned(),
            // Helix's own list is replaced by this one, and only Helix knows what is on it.
            None => format!(
                "# The list replaces Helix's own: put before \"fovea\" what `hx --health {language}` names.\n[[language]]\n\
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
