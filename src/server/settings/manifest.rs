//! The table of settings → the part of VS Code's manifest that declares them. A test writes it there; nothing is needed at run time.

use serde_json::{Map, Value, json};

use super::table::{KEYS, Key, Kind};

/// Settings without effect in VS Code: it counts in UTF-16 only, and its client draws what a word draws on by itself.
const HIDDEN: &[&str] = &["positionEncoding", "highlight.attention"];

/// What people look for, in the order of the settings editor; all other settings follow in the order of the table.
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

/// Settings that load or run what they name: in a folder that the person does not trust, the folder's own are not used.
pub const RESTRICTED: &[&str] = &["model.dir", "classify.probe"];

/// The properties of `contributes.configuration`, in the order of the settings editor.
pub fn properties() -> Map<String, Value> {
    let mut shown: Vec<&Key> = KEYS.iter().filter(|key| !HIDDEN.contains(&key.name)).collect();
    // A stable sort: settings that are not named keep the order of the table.
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

/// What may stand there, as JSON Schema.
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

/// A number as JavaScript writes it, whose tools write the manifest as well: 1 and not 1.0.
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

    /// The settings of the editor's own, which stand in another group, are left as they are.
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
        // At once, since other tests read it meanwhile.
        let new = path.with_extension("json.new");
        std::fs::write(&new, wanted).unwrap();
        std::fs::rename(&new, &path).unwrap();
        panic!("editors/vscode/package.json did not match the table; it is written anew, commit it");
    }

    #[test]
    fn the_manifest_restricts_what_loads_or_runs_something() {
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
    fn every_setting_that_comes_first_exists() {
        for name in FIRST {
            assert!(KEYS.iter().any(|key| key.name == *name), "{name}");
            assert!(!HIDDEN.contains(name), "{name}");
        }
    }

    /// Commands without effect in VS Code, as its client registers no document highlights.
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
