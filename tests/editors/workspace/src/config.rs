//! Where the program's configuration comes from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Shown when the configuration cannot be read.
pub const FALLBACK: &str = "naïve 🙂 default configuration";

/// Reads the configuration file: one `key = value` per line, comments after a hash.
pub fn load_config(path: &Path) -> io::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(path)?;
    let mut config = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((key, value)) = line.split_once('=') {
            config.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(config)
}

/// The scalar product of two vectors of the same length.
pub fn dot_product(left: &[f32], right: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in left.iter().zip(right) {
        sum += a * b;
    }
    sum
}
