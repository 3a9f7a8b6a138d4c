//! Generates the part of VS Code's manifest that declares the settings. Only a test uses it, and writes the manifest.

use serde_json::{Map, Value, json};

use super::table::{KEYS, Key, Kind};

/// Settings without effect in VS Code.
///
/// VS Code supports only UTF-16, and its client draws attention words itself.
const HIDDEN: &[&str] = &["positionEncoding", "highlight.attention"];

/// The settings that users look for first, in the order of the settings editor. All other settings follow in the order of the table.
const FIRST: &[&str] = &[
    "enable",
    "heat.preset",
    "heat.enable",
    "highlight.enable",
    "hover.enable",
    "hover.details",
    "codeLens.enable",
    "codeLens.minSimilarity",
    "lens.detail",
    "languages",
    "excludePatterns",
    "index.enable",
    "index.onBattery",
    "method",
];

/// Settings that load or run what they name. In an untrusted folder, VS Code ignores the folder's own values.
pub const RESTRICTED: &[&str] = &["model.dir", "model.generator", "classify.probe"];

/// The properties of `contributes.configuration`, in the order of the settings editor.
pub fn properties() -> Map<String, Value> {
    let mut shown: Vec<&Key> = KEYS.iter().filter(|key| !HIDDEN.contains(&key.name)).collect();
    // The sort is stable: settings outside `FIRST` keep the order of the table.
    shown.sort_by_key(|key| FIRST.iter().position(|name| *name == key.name).unwrap_or(FIRST.len()));
    shown
        .into_iter()
        .enumerate()
        .map(|(order, key)| (format!("fovea.{}", key.name), property(key, order)))
        .collect()
}

fn property(key: &Key, order: usize) -> Value {
    let mut property = shape(key.kind);
    let scope = if RESTRICTED.contains(&key.name) {
        "machine-overridable"
    } else {
        "window"
    };
    let rest = json!({
        "default": serde_json::from_str::<Value>(key.default).unwrap_or(Value::Null),
        "scope": scope,
        "order": order,
        "markdownDescription": key.description,
    });
    for (name, value) in rest.as_object().into_iter().flatten() {
        property.insert(name.clone(), value.clone());
    }
    property.into()
}

/// The allowed values of a setting, as JSON Schema.
fn shape(kind: Kind) -> Map<String, Value> {
    let shape = match kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Whole(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Kind::Number(low, high) => json!({"type": "number", "minimum": number(low), "maximum": number(high)}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::Text => json!({"type": "string"}),
        Kind::List => json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
    };
    shape.as_object().cloned().unwrap_or_default()
}

/// A number as JavaScript tools write it to the manifest: 1 instead of 1.0.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::protocol::COMMANDS;

    fn read() -> (std::path::PathBuf, String, Value) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/vscode/package.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let manifest = serde_json::from_str(&text).unwrap();
        (path, text, manifest)
    }

    /// The other group, which contains the editor's own settings, stays unchanged.
    #[test]
    fn the_manifest_of_the_extension_is_current() {
        let (path, text, mut manifest) = read();
        let groups = manifest["contributes"]["configuration"].as_array_mut().unwrap();
        let ours = groups.iter_mut().find(|group| group["id"] == "fovea.server");
        ours.unwrap()["properties"] = properties().into();
        let wanted = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
        if text == wanted {
            return;
        }
        // The rename replaces the file at once, since other tests read it at the same time.
        let new = path.with_extension("json.new");
        std::fs::write(&new, wanted).unwrap();
        std::fs::rename(&new, &path).unwrap();
        panic!("editors/vscode/package.json did not match the table; this test has rewritten it, commit it");
    }

    #[test]
    fn the_manifest_restricts_settings_that_load_or_run_something() {
        let (_, _, manifest) = read();
        let restricted = &manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"];
        for name in RESTRICTED {
            assert!(KEYS.iter().any(|key| key.name == *name), "{name}");
            let name = json!(format!("fovea.{name}"));
            assert!(restricted.as_array().unwrap().contains(&name), "{name}");
        }
        assert!(HIDDEN.iter().all(|name| KEYS.iter().any(|key| key.name == *name)));
    }

    #[test]
    fn every_setting_at_the_top_exists() {
        for name in FIRST {
            assert!(KEYS.iter().any(|key| key.name == *name), "{name}");
            assert!(!HIDDEN.contains(name), "{name}");
        }
    }

    /// Commands without effect in VS Code, whose client registers no document highlights.
    const ELSEWHERE: &[&str] = &["fovea.toggleAttention"];

    #[test]
    fn the_manifest_names_every_command() {
        let (_, _, manifest) = read();
        let commands = manifest["contributes"]["commands"].as_array().unwrap();
        for name in COMMANDS.into_iter().filter(|name| !ELSEWHERE.contains(name)) {
            let found = commands.iter().find(|command| command["command"] == name);
            let title = found.and_then(|command| command["title"].as_str());
            assert!(title.is_some_and(|title| !title.is_empty()), "{name}");
        }
    }
}
