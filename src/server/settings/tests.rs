//! Tests of settings as clients send them.

use super::*;
use serde_json::json;

fn parse(sent: Value) -> (Settings, Vec<String>) {
    let default = Settings::default();
    read(&default, &default, &sent)
}

#[test]
fn the_defaults_fit_the_table() {
    for key in KEYS {
        let value = serde_json::from_str(key.default).unwrap();
        assert_eq!(set(&mut Settings::default(), &key, &value), None, "{}", key.name);
    }
    let settings = Settings::default();
    assert_eq!(
        (settings.debounce_ms, settings.hover_words, settings.log_level.as_str()),
        (250, 3, "warn")
    );
}

#[test]
fn objects_may_be_nested_dotted_and_wrapped() {
    for sent in [
        json!({"hover": {"enable": false}, "codeLens": {"minSimilarity": 0.5}}),
        json!({"hover.enable": false, "codeLens.minSimilarity": 0.5}),
        json!({"fovea": {"hover": {"enable": false}, "codeLens.minSimilarity": 0.5}}),
        json!({"fovea.hover.enable": false, "fovea.codeLens.minSimilarity": 0.5}),
    ] {
        let (settings, problems) = parse(sent.clone());
        assert!(problems.is_empty(), "{sent}: {problems:?}");
        assert!(!settings.hover && settings.min_similarity == 0.5, "{sent}");
    }
}

#[test]
fn a_bad_value_keeps_the_previous_one_and_is_reported() {
    let default = Settings::default();
    let former = Settings {
        hover_words: 7,
        debounce_ms: 9,
        ..default.clone()
    };
    let (settings, problems) = read(
        &default,
        &former,
        &json!({"hover": {"words": "many"}, "method": "vibes", "debounceMs": 1}),
    );
    assert_eq!((settings.hover_words, settings.debounce_ms), (7, 1));
    assert_eq!(
        problems,
        [
            "fovea.hover.words: \"many\" should be a whole number from 0 to 10",
            "fovea.method: \"vibes\" should be one of \"decomposition\", \"alti\", \"attention\", \"rollout\", \"norm\", \"surprisal\"",
        ]
    );
}

#[test]
fn unknown_keys_are_reported_except_those_of_the_editor() {
    let (_, problems) =
        parse(json!({"hover": {"enabled": true}, "debounceMS": 3, "server": {"path": "x"}, "trace.server": "off"}));
    assert_eq!(
        problems,
        [
            "fovea.hover.enabled: no such setting",
            "fovea.debounceMS: no such setting; did you mean fovea.debounceMs?"
        ]
    );
}

#[test]
fn settings_as_lua_sends_them_are_read() {
    let (settings, problems) = parse(json!({"languages": {}, "threads": 2.0, "excludePatterns": null}));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(settings.threads, 2);
}

#[test]
fn globs_exclude_paths() {
    let (settings, problems) = parse(json!({"excludePatterns": ["**/vendor/**", "*.min.js"]}));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        settings.exclude.matching("/a/vendor/b.rs".as_ref()),
        Some("**/vendor/**")
    );
    assert_eq!(settings.exclude.matching("/a/b.rs".as_ref()), None);
    let (settings, problems) = parse(json!({"excludePatterns": ["a{"]}));
    assert!(settings.exclude.patterns.is_empty());
    assert!(
        problems[0].starts_with("fovea.excludePatterns: error parsing glob"),
        "{problems:?}"
    );
}

#[test]
fn settings_that_are_no_object_change_nothing() {
    assert_eq!(parse(json!(3)).1, ["fovea: the settings should be an object"]);
    assert!(parse(json!(null)).1.is_empty());
}
