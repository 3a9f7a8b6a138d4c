//! Reads settings from clients. A message names each value that does not fit.

#[cfg(test)]
mod manifest;
mod table;
#[cfg(test)]
mod tests;

pub use table::{CLIENT_PREFIXES, KEYS, Key, Kind, LOG_LEVELS, markdown};

use std::path::PathBuf;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Map, Value};

use crate::explain::{Heads, Method};
use crate::similar::decision::Detail;
use crate::text::{Limits, PositionEncoding};

/// The settings in force. Each field belongs to the [`Key`] of that name.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `enable`
    pub enable: bool,
    /// `languages`
    pub languages: Vec<String>,
    /// `excludePatterns`
    pub exclude: Excludes,
    /// `maxFileBytes`
    pub max_file_bytes: usize,
    /// `maxLineBytes`
    pub max_line_bytes: usize,
    /// `threads`
    pub threads: usize,
    /// `debounceMs`
    pub debounce_ms: u64,
    /// `method`
    pub method: Method,
    /// The attention maps in use. They are no setting; the command chooses them together with the method.
    pub heads: Heads,
    /// `identifierAware`
    pub identifier_aware: bool,
    /// `hover.enable`
    pub hover: bool,
    /// `hover.details`
    pub hover_details: bool,
    /// `hover.words`
    pub hover_words: usize,
    /// `hover.deadlineMs`
    pub hover_deadline_ms: u64,
    /// `codeLens.enable`
    pub lens: bool,
    /// `codeLens.minSimilarity`
    pub min_similarity: f32,
    /// `lens.detail`
    pub lens_detail: Detail,
    /// `index.enable`
    pub index: bool,
    /// `index.onBattery`
    pub index_on_battery: bool,
    /// `inlayHint.enable`
    pub inlay_hint: bool,
    /// `documentColor.enable`
    pub document_color: bool,
    /// `diagnostics.enable`
    pub diagnostics: bool,
    /// `diagnostics.minSimilarity`
    pub near_duplicate: f32,
    /// `highlight.enable`
    pub highlight: bool,
    /// `highlight.attention`
    pub attention: Attention,
    /// `heat.preset`
    pub heat_preset: HeatPreset,
    /// `heat.enable`
    pub heat_enable: bool,
    /// `classify.probe`
    pub probe: Option<String>,
    /// `model.dir`
    pub model_dir: Option<PathBuf>,
    /// `model.generator`
    pub generator: Option<PathBuf>,
    /// `cache.disk`
    pub cache_disk: bool,
    /// `cache.diskMegabytes`
    pub cache_disk_megabytes: u64,
    /// `positionEncoding`, `None` for auto
    pub encoding: Option<PositionEncoding>,
    /// `log.level`
    pub log_level: String,
    /// `log.slowMs`
    pub slow_ms: u64,
}

/// How much heat is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeatPreset {
    /// Only the most telling words of each unit; none in data files.
    #[default]
    Quiet,
    /// Every word with more than half of the average score.
    Full,
    /// None.
    Off,
}

impl HeatPreset {
    /// Every preset.
    pub const ALL: [HeatPreset; 3] = [HeatPreset::Quiet, HeatPreset::Full, HeatPreset::Off];

    /// Its name in the settings and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            HeatPreset::Quiet => "quiet",
            HeatPreset::Full => "full",
            HeatPreset::Off => "off",
        }
    }

    /// The preset of a name.
    pub fn from_name(name: &str) -> Option<HeatPreset> {
        HeatPreset::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

/// When document highlights contain the words that a word draws on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Attention {
    /// In clients that neither draw them separately nor turn highlights into a selection.
    #[default]
    Auto,
    /// In every client.
    Always,
    /// In no client.
    Never,
}

/// Glob patterns with their text.
#[derive(Debug, Clone, Default)]
pub struct Excludes {
    /// The patterns as written.
    pub patterns: Vec<String>,
    set: GlobSet,
}

impl Excludes {
    /// The first pattern that matches a path.
    pub fn matching(&self, path: &std::path::Path) -> Option<&str> {
        self.set
            .matches(path)
            .first()
            .and_then(|&index| self.patterns.get(index))
            .map(String::as_str)
    }
}

impl Settings {
    /// The heat preset, from both settings that affect it.
    pub fn heat(&self) -> HeatPreset {
        if self.heat_enable {
            self.heat_preset
        } else {
            HeatPreset::Off
        }
    }

    /// Limits of the files that Fovea analyzes.
    pub fn limits(&self) -> Limits {
        Limits {
            max_bytes: self.max_file_bytes,
            max_line_bytes: self.max_line_bytes,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let mut settings = Settings {
            enable: true,
            languages: Vec::new(),
            exclude: Excludes::default(),
            max_file_bytes: 0,
            max_line_bytes: 0,
            threads: 0,
            debounce_ms: 0,
            method: Method::default(),
            heads: Heads::default(),
            identifier_aware: true,
            hover: true,
            hover_details: false,
            hover_words: 0,
            hover_deadline_ms: 0,
            lens: true,
            min_similarity: 0.0,
            lens_detail: Detail::default(),
            index: true,
            index_on_battery: false,
            inlay_hint: false,
            document_color: false,
            diagnostics: false,
            near_duplicate: 0.0,
            highlight: true,
            attention: Attention::default(),
            heat_preset: HeatPreset::default(),
            heat_enable: true,
            model_dir: None,
            generator: None,
            probe: None,
            cache_disk: true,
            cache_disk_megabytes: 0,
            encoding: None,
            log_level: String::new(),
            slow_ms: 0,
        };
        for key in KEYS {
            let default = serde_json::from_str(key.default).unwrap_or(Value::Null);
            let problem = set(&mut settings, &key, &default);
            debug_assert_eq!(problem, None);
        }
        settings
    }
}

/// Reads a client's settings over `base`, whose values apply where the client sends nothing.
///
/// If a value does not fit, the value of `former` stays, and a message says so.
pub fn read(base: &Settings, former: &Settings, sent: &Value) -> (Settings, Vec<String>) {
    let mut settings = base.clone();
    let mut problems = Vec::new();
    let Some(fields) = section(sent) else {
        if !sent.is_null() {
            problems.push("fovea: the settings should be an object".to_owned());
            return (former.clone(), problems);
        }
        return (settings, problems);
    };
    let mut flat = Vec::new();
    flatten("", fields, &mut flat);
    for (name, value) in flat {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            if !CLIENT_PREFIXES.contains(&name.split('.').next().unwrap_or("")) {
                problems.push(unknown(&name));
            }
            continue;
        };
        // Editors send null for settings that the user did not set.
        if value.is_null() {
            continue;
        }
        if let Some(problem) = set(&mut settings, key, &value) {
            copy(&mut settings, former, key);
            problems.push(problem);
        }
    }
    (settings, problems)
}

/// Fovea's part of the settings: the object itself, or the one under `fovea`.
pub fn section(sent: &Value) -> Option<&Map<String, Value>> {
    let fields = sent.as_object()?;
    match fields.get("fovea") {
        Some(Value::Object(inner)) => Some(inner),
        Some(Value::Null) if fields.len() == 1 => None,
        _ => Some(fields),
    }
}

/// Whether an object without a `fovea` section still contains Fovea's settings.
pub fn concerns_us(sent: &Value) -> bool {
    let Some(fields) = sent.as_object() else {
        return false;
    };
    fields.keys().any(|name| {
        let name = name.strip_prefix("fovea.").unwrap_or(name);
        KEYS.iter()
            .any(|key| key.name == name || key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    })
}

fn flatten(prefix: &str, fields: &Map<String, Value>, flat: &mut Vec<(String, Value)>) {
    for (name, value) in fields {
        let name = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        let name = name.strip_prefix("fovea.").map(str::to_owned).unwrap_or(name);
        let is_group = KEYS
            .iter()
            .any(|key| key.name.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.')));
        match value {
            Value::Object(inner) if is_group || CLIENT_PREFIXES.contains(&name.as_str()) => flatten(&name, inner, flat),
            _ => flat.push((name, value.clone())),
        }
    }
}

fn unknown(name: &str) -> String {
    let lower = name.to_lowercase();
    let near = KEYS.iter().find(|key| {
        let known = key.name.to_lowercase();
        known == lower || known.ends_with(&format!(".{lower}")) || lower.ends_with(&format!(".{known}"))
    });
    let name = name.chars().take(60).collect::<String>();
    match near {
        Some(key) => format!("fovea.{name}: no such setting; did you mean fovea.{}?", key.name),
        None => format!("fovea.{name}: no such setting"),
    }
}

/// Sets a field; returns a message if the value does not fit.
fn set(settings: &mut Settings, key: &Key, value: &Value) -> Option<String> {
    let misfit = || {
        Some(format!(
            "fovea.{}: {} should be {}",
            key.name,
            short(value),
            key.kind.allowed()
        ))
    };
    match key.kind {
        Kind::Bool => {
            let Some(on) = value.as_bool() else { return misfit() };
            match key.name {
                "enable" => settings.enable = on,
                "identifierAware" => settings.identifier_aware = on,
                "hover.enable" => settings.hover = on,
                "hover.details" => settings.hover_details = on,
                "codeLens.enable" => settings.lens = on,
                "index.enable" => settings.index = on,
                "index.onBattery" => settings.index_on_battery = on,
                "inlayHint.enable" => settings.inlay_hint = on,
                "documentColor.enable" => settings.document_color = on,
                "diagnostics.enable" => settings.diagnostics = on,
                "highlight.enable" => settings.highlight = on,
                "cache.disk" => settings.cache_disk = on,
                _ => settings.heat_enable = on,
            }
        }
        Kind::Whole(low, high) => {
            // Editors written in Lua send 5.0 for 5.
            let number = value.as_u64().or_else(|| {
                value
                    .as_f64()
                    .filter(|n| n.fract() == 0.0 && *n >= 0.0)
                    .map(|n| n as u64)
            });
            let Some(n) = number.filter(|n| (low..=high).contains(n)) else {
                return misfit();
            };
            match key.name {
                "maxFileBytes" => settings.max_file_bytes = n as usize,
                "maxLineBytes" => settings.max_line_bytes = n as usize,
                "threads" => settings.threads = n as usize,
                "debounceMs" => settings.debounce_ms = n,
                "hover.words" => settings.hover_words = n as usize,
                "hover.deadlineMs" => settings.hover_deadline_ms = n,
                "cache.diskMegabytes" => settings.cache_disk_megabytes = n,
                _ => settings.slow_ms = n,
            }
        }
        Kind::Number(low, high) => {
            let Some(n) = value.as_f64().filter(|n| (low..=high).contains(n)) else {
                return misfit();
            };
            match key.name {
                "diagnostics.minSimilarity" => settings.near_duplicate = n as f32,
                _ => settings.min_similarity = n as f32,
            }
        }
        Kind::Choice(words) => {
            let Some(word) = value.as_str().filter(|word| words.contains(word)) else {
                return misfit();
            };
            match key.name {
                "method" => settings.method = Method::from_name(word).unwrap_or_default(),
                "positionEncoding" => settings.encoding = encoding(word),
                "heat.preset" => settings.heat_preset = HeatPreset::from_name(word).unwrap_or_default(),
                "highlight.attention" => {
                    settings.attention = match word {
                        "always" => Attention::Always,
                        "never" => Attention::Never,
                        _ => Attention::Auto,
                    }
                }
                "lens.detail" if word == "all" => settings.lens_detail = Detail::All,
                "lens.detail" => settings.lens_detail = Detail::Useful,
                _ => settings.log_level = word.to_owned(),
            }
        }
        Kind::Text => {
            let Some(text) = value.as_str() else { return misfit() };
            match key.name {
                "classify.probe" => settings.probe = (!text.is_empty()).then(|| text.to_owned()),
                "model.generator" => settings.generator = (!text.is_empty()).then(|| PathBuf::from(text)),
                _ => settings.model_dir = (!text.is_empty()).then(|| PathBuf::from(text)),
            }
        }
        Kind::List => {
            let list: Option<Vec<String>> = value
                .as_array()
                .and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect());
            // Lua's empty table may arrive as an object.
            let list = list.or_else(|| value.as_object().filter(|fields| fields.is_empty()).map(|_| Vec::new()));
            let Some(list) = list else { return misfit() };
            if key.name == "languages" {
                settings.languages = list;
            } else {
                match excludes(list) {
                    Ok(exclude) => settings.exclude = exclude,
                    Err(problem) => return Some(format!("fovea.{}: {problem}", key.name)),
                }
            }
        }
    }
    None
}

fn copy(settings: &mut Settings, former: &Settings, key: &Key) {
    match key.name {
        "enable" => settings.enable = former.enable,
        "languages" => settings.languages.clone_from(&former.languages),
        "excludePatterns" => settings.exclude = former.exclude.clone(),
        "maxFileBytes" => settings.max_file_bytes = former.max_file_bytes,
        "maxLineBytes" => settings.max_line_bytes = former.max_line_bytes,
        "threads" => settings.threads = former.threads,
        "debounceMs" => settings.debounce_ms = former.debounce_ms,
        "method" => settings.method = former.method,
        "identifierAware" => settings.identifier_aware = former.identifier_aware,
        "classify.probe" => settings.probe.clone_from(&former.probe),
        "hover.enable" => settings.hover = former.hover,
        "hover.details" => settings.hover_details = former.hover_details,
        "hover.words" => settings.hover_words = former.hover_words,
        "hover.deadlineMs" => settings.hover_deadline_ms = former.hover_deadline_ms,
        "codeLens.enable" => settings.lens = former.lens,
        "codeLens.minSimilarity" => settings.min_similarity = former.min_similarity,
        "lens.detail" => settings.lens_detail = former.lens_detail,
        "index.enable" => settings.index = former.index,
        "index.onBattery" => settings.index_on_battery = former.index_on_battery,
        "inlayHint.enable" => settings.inlay_hint = former.inlay_hint,
        "documentColor.enable" => settings.document_color = former.document_color,
        "diagnostics.enable" => settings.diagnostics = former.diagnostics,
        "diagnostics.minSimilarity" => settings.near_duplicate = former.near_duplicate,
        "highlight.enable" => settings.highlight = former.highlight,
        "highlight.attention" => settings.attention = former.attention,
        "heat.preset" => settings.heat_preset = former.heat_preset,
        "heat.enable" => settings.heat_enable = former.heat_enable,
        "model.dir" => settings.model_dir.clone_from(&former.model_dir),
        "model.generator" => settings.generator.clone_from(&former.generator),
        "cache.disk" => settings.cache_disk = former.cache_disk,
        "cache.diskMegabytes" => settings.cache_disk_megabytes = former.cache_disk_megabytes,
        "positionEncoding" => settings.encoding = former.encoding,
        "log.level" => settings.log_level.clone_from(&former.log_level),
        _ => settings.slow_ms = former.slow_ms,
    }
}

/// The position encoding with an LSP name.
pub fn encoding(name: &str) -> Option<PositionEncoding> {
    match name {
        "utf-8" => Some(PositionEncoding::Utf8),
        "utf-16" => Some(PositionEncoding::Utf16),
        "utf-32" => Some(PositionEncoding::Utf32),
        _ => None,
    }
}

fn excludes(patterns: Vec<String>) -> Result<Excludes, String> {
    let mut builder = GlobSetBuilder::new();
    for pattern in &patterns {
        builder.add(Glob::new(pattern).map_err(|error| error.to_string())?);
    }
    let set = builder.build().map_err(|error| error.to_string())?;
    Ok(Excludes { patterns, set })
}

/// A value as text, shortened for a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
