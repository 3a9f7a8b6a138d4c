//! Output of the command line: formats, colors, progress.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::terminal::{Background, Page, Palette, printable, steers};

/// The format of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
}

/// The format of a result that a browser can show as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum PageFormat {
    /// For people.
    #[default]
    Terminal,
    /// For programs.
    Json,
    /// For a browser: one page with the words marked, which fetches nothing.
    Html,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// When stdout is a terminal and NO_COLOR is not set.
    #[default]
    Auto,
    /// Always: 24-bit colors if COLORTERM says so, otherwise 256 colors.
    Always,
    /// 24-bit colors.
    True,
    /// 256 colors.
    Indexed,
    /// Never.
    Never,
}

impl Color {
    /// The colors to use.
    pub(super) fn palette(self) -> Palette {
        // https://no-color.org; a dumb terminal, such as a shell inside of Emacs, shows escape sequences as text.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|value| value != "dumb");
        let colors = || match std::env::var("COLORTERM").as_deref() {
            Ok("truecolor" | "24bit") => Palette::True(background()),
            _ => Palette::Indexed(background()),
        };
        match self {
            Color::Auto if wanted && std::io::stdout().is_terminal() => colors(),
            Color::Auto | Color::Never => Palette::None,
            Color::Always => colors(),
            Color::True => Palette::True(background()),
            Color::Indexed => Palette::Indexed(background()),
        }
    }
}

/// The terminal's background, if COLORFGBG has it (rxvt, Konsole and others: `text;ground` as color numbers); otherwise dark.
fn background() -> Background {
    let variable = std::env::var("COLORFGBG").unwrap_or_default();
    match variable.rsplit(';').next().and_then(|ground| ground.parse::<u8>().ok()) {
        Some(7 | 9..=15) => Background::Light,
        _ => Background::Dark,
    }
}

/// Writes a result to stdout as text that cannot control the terminal.
///
/// # Errors
/// If stdout is closed or full.
pub(super) fn write(text: &str) -> Result<()> {
    write_bytes(&printable(text))
}

/// Writes a page to stdout, with its colors.
///
/// # Errors
/// If stdout is closed or full.
pub(super) fn write_page(page: &Page) -> Result<()> {
    write_bytes(page.as_str())
}

/// Writes a page for a browser to stdout, as it is.
///
/// # Errors
/// If stdout is closed or full.
pub(super) fn write_html(page: &str) -> Result<()> {
    write_bytes(page)
}

/// Writes a result to stdout as one line of JSON. It also escapes characters that only terminals treat as control characters.
///
/// # Errors
/// If stdout is closed or full.
pub(super) fn write_json(value: &impl serde::Serialize) -> Result<()> {
    let mut json = serde_json::to_string(value)?;
    if json.contains(steers) {
        let escaped = |c: char| match steers(c) {
            true => format!("\\u{:04x}", u32::from(c)),
            false => c.to_string(),
        };
        json = json.chars().map(escaped).collect();
    }
    write_bytes(&format!("{json}\n"))
}

fn write_bytes(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes one line to stderr, with the prefix `fovea: `.
pub(super) fn say(what: &dyn std::fmt::Display) {
    eprintln!("fovea: {}", printable(&what.to_string()));
}

/// Whether the error only means that the reader closed the pipe.
pub(super) fn closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// How long work takes before it has a bar.
const QUICK: Duration = Duration::from_secs(1);

/// A progress bar on stderr for work that takes over a second; nothing where stderr is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    /// Starts the clock without drawing.
    pub(super) fn new(label: impl AsRef<str>, total: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
        let style = style
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("█░");
        Progress {
            bar: bar.with_style(style).with_message(printable(label.as_ref())),
            start: Instant::now(),
        }
    }

    /// Shows that `done` of `total` is complete.
    pub(super) fn at(&mut self, done: usize) {
        if self.bar.is_hidden() && self.start.elapsed() >= QUICK {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        self.bar.set_position(done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
