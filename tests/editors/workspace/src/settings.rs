//! What a person may change, and how it is stored.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Draws a progress bar of `width` cells on a terminal.
pub fn draw_progress_bar(done: usize, total: usize, width: usize) -> String {
    let filled = if total == 0 { width } else { width * done / total };
    let mut bar = String::with_capacity(width + 2);
    bar.push('[');
    bar.push_str(&"#".repeat(filled));
    bar.push_str(&" ".repeat(width - filled));
    bar.push(']');
    bar
}

/// Reads the settings file: a `name = value` pair on each line, lines with a hash are comments.
pub fn read_settings(file: &Path) -> io::Result<BTreeMap<String, String>> {
    let content = fs::read_to_string(file)?;
    let mut settings = BTreeMap::new();
    for row in content.lines() {
        let row = row.trim();
        if row.is_empty() || row.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = row.split_once('=') {
            settings.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(settings)
}
