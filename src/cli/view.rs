//! `fovea view`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::input::{self, Usage};
use super::{ModelArguments, output};
use crate::view::{self, Explorer, Live};

/// Arguments of `fovea view`.
#[derive(Args, Debug)]
pub(super) struct View {
    /// File to look at; `-` reads standard input
    #[arg(required_unless_present = "structure")]
    file: Option<PathBuf>,
    /// Write one HTML file that works without Fovea, instead of opening the page
    #[arg(long, value_name = "FILE.html", conflicts_with = "structure")]
    export: Option<PathBuf>,
    /// Print a diagram of the model instead of opening the page
    #[arg(long, value_enum)]
    structure: Option<Diagram>,
    /// Print the address of the page, and open no browser
    #[arg(long)]
    no_open: bool,
    /// Port on 127.0.0.1; a free one without it
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// What the decoder of an encoder–decoder is given to write; without it, what the model writes by itself
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// Language of the text, if the file's name does not show it
    #[arg(long)]
    language: Option<String>,
    #[command(flatten)]
    model: ModelArguments,
}

/// The format of a diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Diagram {
    /// A drawing.
    Svg,
    /// A Mermaid flowchart, for Markdown.
    Mermaid,
}

/// Shows how the model processes a file.
pub(super) fn run(arguments: &View) -> Result<()> {
    if let Some(diagram) = arguments.structure {
        let (model, network) = arguments.model.interpreted()?;
        let tree = view::structure(&network, model.info());
        return match diagram {
            Diagram::Svg => output::write_html(&view::svg(&tree)),
            Diagram::Mermaid => output::write(&view::mermaid(&tree)),
        };
    }
    let Some(file) = &arguments.file else {
        return Err(Usage("name a file".to_owned()).into());
    };
    let language = input::language(arguments.language.as_deref())?;
    let document = input::document(file, language, input::MAX_BYTES)?;
    let text = document.text(0..document.len());
    let (model, _) = arguments.model.interpreted_for(&text, document.language())?;
    drop(text);
    let explorer = Explorer::new(model, document, file.display().to_string())?.with_target(arguments.target.clone());
    if let Some(target) = &arguments.export {
        let page = view::export(&explorer, view::LIMIT)?;
        return std::fs::write(target, page).with_context(|| {
            format!(
                "cannot write {}; check that its folder exists and has room",
                target.display()
            )
        });
    }
    let listening = view::listen(Arc::new(Live::of(explorer)), arguments.port, false).with_context(|| {
        format!(
            "cannot listen on port {} of 127.0.0.1; choose another with --port",
            arguments.port
        )
    })?;
    let address = listening.address();
    output::write(&format!("{address}\n"))?;
    output::say(&"the page is open until this program ends (Ctrl+C)");
    if !arguments.no_open && !open(&address) {
        output::say(&"no browser could be started; open the address above yourself");
    }
    Ok(listening.run()?)
}

/// Asks the system to show an address in the user's browser.
fn open(address: &str) -> bool {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let started = Command::new(program)
        .args(arguments)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}
