//! The log on stderr and the panic hook. Neither writes document text.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::settings::LOG_LEVELS;
use crate::render::terminal::printable;

/// The current level, as an index into [`LOG_LEVELS`].
static LEVEL: AtomicUsize = AtomicUsize::new(2);

/// Sets the level, by its name in [`LOG_LEVELS`].
pub fn set_level(name: &str) {
    if let Some(index) = LOG_LEVELS.iter().position(|level| *level == name) {
        LEVEL.store(index, Ordering::Relaxed);
    }
}

/// Admits only Fovea's messages: at verbose levels, the framework logs whole documents.
fn wanted(metadata: &Metadata) -> bool {
    let ours = metadata.target() == "fovea" || metadata.target().starts_with("fovea::");
    ours && *metadata.level() <= level()
}

fn level() -> LevelFilter {
    match LEVEL.load(Ordering::Relaxed) {
        0 => LevelFilter::OFF,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Starts the log. Only the first call in a process has an effect.
pub fn start() {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Printable)
        .with_ansi(false)
        .with_filter(dynamic_filter_fn(|metadata, _| wanted(metadata)));
    // A second start (tests in one process) keeps the first log.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Writes to stderr without control characters.
///
/// A log line may contain a file name, and control characters in it could steer a terminal.
struct Printable;

impl Write for Printable {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = printable(&String::from_utf8_lossy(line));
        std::io::stderr().lock().write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Reports a panic as one line on stderr: its location and thread.
///
/// The line omits the panic's message, which may quote a document.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let place = info
            .location()
            .map(|l| format!("{}:{}:{}", l.file(), l.line(), l.column()))
            .unwrap_or_default();
        complain(&format!(
            "panicked at {place} in thread {}",
            thread.name().unwrap_or("unnamed")
        ));
    }));
}

/// Writes one line to stderr at any level, for errors that end the process.
pub fn complain(line: &str) {
    // If stderr is closed, no other channel is left.
    let _ = writeln!(Printable, "fovea: {line}");
}
