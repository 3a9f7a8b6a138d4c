//! `fovea similar` on a folder.

use serde_json::Value;

use super::{folder_of_clones, json, refusal, stdout, with_cache};

#[test]
fn copies_of_a_type_are_a_group_if_it_has_functions_or_many_lines() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fields: String = (0..11)
        .map(|i| format!("    setting_{i}: str = \"value {i}\"\n"))
        .collect();
    let method = "    def is_valid(self):\n        return self.setting_0 != self.setting_1\n";
    let groups = |class: &str| {
        for name in ["one.py", "two.py"] {
            std::fs::write(folder.path().join(name), class).unwrap();
        }
        let mut similar = with_cache(
            cache.path(),
            &["similar", folder.path().to_str().unwrap(), "--format", "json"],
        );
        let groups = json(&similar.output().unwrap());
        let members = groups
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["members"][0]["name"].clone());
        members.collect::<Vec<_>>()
    };
    assert_eq!(groups(&format!("class Settings:\n{fields}")), [""; 0]);
    assert_eq!(groups(&format!("class Settings:\n{fields}\n{method}")), ["Settings"]);
    assert_eq!(groups(&format!("class Settings:\n{}", fields.repeat(3))), ["Settings"]);
}

#[test]
fn similar_reports_the_groups_of_a_folder_across_languages() {
    let (folder, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let similar = |more: &[&str]| {
        let arguments = [&["similar", root], more].concat();
        with_cache(cache.path(), &arguments).output().unwrap()
    };
    let groups = json(&similar(&["--format", "json"]));
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    let group = &groups[0];
    assert_eq!(group["languages"], serde_json::json!(["javascript", "python"]));
    let members = group["members"].as_array().unwrap();
    let paths: Vec<&str> = members.iter().map(|member| member["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["config.py", "old stuff/config.py", "web/config.js"]);
    assert_eq!(
        (&members[0]["name"], &members[0]["start"]["line"]),
        (&"load_config".into(), &0.into())
    );
    let score = |value: &Value| value["score"].as_f64().unwrap();
    assert!(members.iter().all(|member| score(member) >= score(group)));
    // The option includes tests.
    let tests = json(&similar(&["--format", "json", "--tests", "only"]));
    assert_eq!(tests[0]["members"][1]["path"], "tests/test_b.py");
    let python = json(&similar(&["--format", "json", "--language", "python"]));
    assert_eq!(python[0]["members"].as_array().unwrap().len(), 2);
    let markdown = stdout(&similar(&["--format", "markdown"]));
    assert!(markdown.contains("\n## 1. `load_config` and 2 more\n"), "{markdown}");
    assert!(
        markdown.contains("\n- `loadConfig` `web/config.js:1-13` · javascript function · "),
        "{markdown}"
    );
    let terminal = stdout(&similar(&[]));
    assert!(
        terminal.starts_with("3 items, same task, javascript, python · ") && terminal.ends_with("\n1 group\n"),
        "{terminal}"
    );
    assert_eq!(stdout(&similar(&["--top", "0"])), "0 of 1 group\n");
    // CI jobs use the exit code.
    assert_eq!(similar(&["--fail-on", "1"]).status.code(), Some(3));
    assert_eq!(similar(&["--fail-on", "2"]).status.code(), Some(0));
    assert_eq!(similar(&["--top", "0", "--fail-on", "1"]).status.code(), Some(3));
    for wrong in [&["--root", root][..], &["--path", "["], &["--format", "html"]] {
        refusal(&similar(wrong), 2);
    }
    let file = folder.path().join("config.py");
    for wrong in [
        &["--root", root, "--format", "sarif"][..],
        &["--root", root, "--fail-on", "1"],
    ] {
        let arguments = [&["similar", file.to_str().unwrap()], wrong].concat();
        refusal(&with_cache(cache.path(), &arguments).output().unwrap(), 2);
    }
}

#[test]
fn a_report_in_sarif_recognizes_its_results_after_an_edit() {
    let (folder, cache) = (folder_of_clones(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let report = || {
        let arguments = ["similar", root, "--format", "sarif"];
        json(&with_cache(cache.path(), &arguments).output().unwrap())
    };
    let first = report();
    let result = |log: &Value| log["runs"][0]["results"][0].clone();
    assert_eq!(first["version"], "2.1.0");
    assert_eq!(first["runs"][0]["results"].as_array().unwrap().len(), 1);
    let related = &result(&first)["relatedLocations"];
    let place = |id: usize| related[id]["physicalLocation"]["artifactLocation"]["uri"].clone();
    assert_eq!(
        (place(0), place(1)),
        ("old%20stuff/config.py".into(), "web/config.js".into())
    );
    assert_eq!(first, report(), "a second run gives the same report");
    let path = folder.path().join("config.py");
    let moved = format!(
        "# A remark.\n\nimport json\n\n{}",
        std::fs::read_to_string(&path).unwrap()
    );
    std::fs::write(&path, moved).unwrap();
    let second = report();
    assert_eq!(
        result(&first)["partialFingerprints"],
        result(&second)["partialFingerprints"]
    );
    let line = |log: &Value| result(log)["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
    assert_eq!((line(&first), line(&second)), (1.into(), 5.into()));
}
