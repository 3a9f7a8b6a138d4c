//! Groups of items that resemble each other in SARIF 2.1.0 (OASIS, 2020), which CI systems show beside the code.
//!
//! Each group is one result: its location is the first member, and the others are related locations. Fingerprints cover the names and paths
//! of members, not lines or scores. A result therefore survives an edit elsewhere, and a new member makes a new result.

use std::collections::HashMap;
use std::path::{Component, Path};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::hex;
use crate::similar::index::{FilePosition, Found, Group};

/// Minimum cosine of a group whose members differ only in details.
const COPY: f32 = 0.95;

/// Number of related locations that a message names.
const NAMED: usize = 3;

/// The name of the fingerprints. Raise the number when their contents change.
const FINGERPRINT: &str = "foveaGroup/v1";

/// Writes a log with one run, for the groups of a folder. Locations are relative to the folder.
pub fn groups(groups: &[Group]) -> Value {
    let mut seen = HashMap::new();
    let results: Vec<Value> = groups.iter().map(|group| result(group, &mut seen)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Fovea",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": [
                    rule("copy", "Copies", "These are the same but for details. A change to one is likely due in the others.", "warning"),
                    rule("similar", "Similar code", "These do much the same. One may do for all.", "note"),
                ],
            } },
            "automationDetails": { "id": "fovea/similar/" },
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The folder that was looked through." } } },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
}

fn rule(id: &str, name: &str, text: &str, level: &str) -> Value {
    json!({
        "id": id,
        "shortDescription": { "text": name },
        "fullDescription": { "text": text },
        "defaultConfiguration": { "level": level },
    })
}

fn result(group: &Group, seen: &mut HashMap<String, usize>) -> Value {
    let copy = group.score >= COPY;
    let (first, others) = group.members.split_at(1);
    let related = others.iter().enumerate().map(|(id, member)| {
        let mut location = location(member);
        location["id"] = json!(id + 1);
        location["message"] = json!({ "text": format!("{} · {:.2}", member.item.name, member.score) });
        location
    });
    json!({
        "ruleId": if copy { "copy" } else { "similar" },
        "ruleIndex": usize::from(!copy),
        "level": if copy { "warning" } else { "note" },
        "message": { "text": message(group) },
        "locations": first.iter().map(location).collect::<Vec<Value>>(),
        "relatedLocations": related.collect::<Vec<Value>>(),
        "partialFingerprints": { FINGERPRINT: fingerprint(group, seen) },
        "properties": { "score": group.score, "type": group.clone, "lines": group.lines },
    })
}

/// Describes the group, with links to the first other members.
fn message(group: &Group) -> String {
    let mut names = group.members.iter().map(|member| plain(&member.item.name));
    let first = names.next().unwrap_or_default();
    let named = names.by_ref().take(NAMED).enumerate();
    let links: Vec<String> = named.map(|(id, name)| format!("[{name}]({})", id + 1)).collect();
    let more = match names.count() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    format!(
        "{first} resembles {}{more}: every two at {:.2} or more.",
        links.join(", "),
        group.score
    )
}

/// Escapes a name for a message, where brackets make links.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        match c {
            '[' | ']' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    text
}

fn location(member: &Found) -> Value {
    let (start, end) = (member.item.start, member.item.end);
    // Lines and columns from 1, the end exclusive.
    let column = |place: FilePosition| place.utf16 + 1;
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": relative(&member.path), "uriBaseId": "%SRCROOT%" },
            "region": {
                "startLine": start.line + 1,
                "startColumn": column(start),
                "endLine": end.line + 1,
                "endColumn": column(end),
            },
        },
        "logicalLocations": [{ "name": member.item.name, "kind": member.item.kind.name() }],
    })
}

/// Writes a path below the folder as a relative URI.
fn relative(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(encoded(part)),
        _ => None,
    });
    parts.collect::<Vec<String>>().join("/")
}

/// Percent-encodes a part of a path, except for unreserved characters.
fn encoded(part: &std::ffi::OsStr) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(part);
    #[cfg(not(unix))]
    let lossy = part.to_string_lossy();
    #[cfg(not(unix))]
    let bytes = lossy.as_bytes();
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte => text += &format!("%{byte:02X}"),
        }
    }
    text
}

/// The fingerprint that identifies a result in the next run. Groups with the same names in the same files are distinguished by their order.
fn fingerprint(group: &Group, seen: &mut HashMap<String, usize>) -> String {
    let mut members: Vec<[String; 3]> = group
        .members
        .iter()
        .map(|member| {
            let name = member.item.name.clone();
            [relative(&member.path), member.item.kind.name().to_owned(), name]
        })
        .collect();
    members.sort();
    let mut hash = Sha256::new();
    for field in members.iter().flatten() {
        // Each field is prefixed with its length, so that different lists never give the same bytes.
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let bytes = hash.finalize();
    let text = hex(&bytes[..16]);
    let before = seen.entry(text.clone()).or_default();
    *before += 1;
    format!("{text}:{before}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::ItemKind;
    use crate::similar::decision::CloneType;
    use crate::similar::index::IndexedItem;
    use crate::text::{Language, Snapshot};

    fn found(path: &str, name: &str, text: &str, range: std::ops::Range<usize>) -> Found {
        let snapshot = Snapshot::new(text, 0, Language::Rust);
        let (start, end) = (
            FilePosition::new(&snapshot, range.start),
            FilePosition::new(&snapshot, range.end),
        );
        Found {
            root: Path::new("/root").into(),
            path: path.into(),
            item: IndexedItem {
                name: name.into(),
                kind: ItemKind::Function,
                language: Language::Rust,
                start,
                end,
                name_start: start,
                name_end: end,
            },
            container: None,
            score: 0.876,
            link: None,
            why: None,
        }
    }

    fn group(members: Vec<Found>, score: f32) -> Group {
        Group {
            score,
            clone: CloneType::Renamed,
            lines: 3,
            members,
        }
    }

    /// Checks the properties that the standard requires, and their form.
    fn check(log: &Value) {
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert!(driver["name"].is_string());
        let rules = driver["rules"].as_array().unwrap();
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        for result in run["results"].as_array().unwrap() {
            let index = result["ruleIndex"].as_u64().unwrap() as usize;
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            assert_eq!(result["locations"].as_array().unwrap().len(), 1);
            let fingerprints = result["partialFingerprints"].as_object().unwrap();
            assert!(
                fingerprints
                    .values()
                    .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
            );
            let related = result["relatedLocations"].as_array().unwrap();
            let mut ids: Vec<u64> = related.iter().map(|place| place["id"].as_u64().unwrap()).collect();
            ids.dedup();
            assert_eq!(ids.len(), related.len());
            for place in related.iter().chain(result["locations"].as_array().unwrap()) {
                let place = &place["physicalLocation"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                let base = place["artifactLocation"]["uriBaseId"].as_str().unwrap();
                assert!(run["originalUriBaseIds"][base].is_object());
                let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
                assert!(!uri.starts_with('/') && uri.chars().all(allowed), "{uri}");
                let region = |name: &str| place["region"][name].as_u64().unwrap();
                assert!(region("startLine") >= 1 && region("startColumn") >= 1 && region("endColumn") >= 1);
                assert!((region("endLine"), region("endColumn")) > (region("startLine"), region("startColumn")));
            }
        }
    }

    #[test]
    fn a_group_is_one_result_with_its_partners_as_related_locations() {
        let text = "// é😀\nfn a() {}\n";
        let members = vec![
            found("src/a b.rs", "a", text, 0..text.len()),
            found("src/é#?.rs", "[x](y)", text, 3..text.len() - 1),
            found("c:d.rs", "c", text, 9..text.len()),
            found("d.rs", "d", text, 9..text.len()),
            found("e.rs", "e", text, 9..text.len()),
        ];
        let log = groups(&[
            group(members, 0.761),
            group(vec![found("a", "a", text, 0..9), found("b", "b", text, 0..9)], 0.99),
        ]);
        check(&log);
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(
            (&results[0]["ruleId"], &results[1]["ruleId"]),
            (&json!("similar"), &json!("copy"))
        );
        assert_eq!(
            results[0]["message"]["text"],
            "a resembles [\\[x\\](y)](1), [c](2), [d](3) and 1 more: every two at 0.76 or more."
        );
        let uri = |id: usize| results[0]["relatedLocations"][id]["physicalLocation"]["artifactLocation"]["uri"].clone();
        assert_eq!((uri(0), uri(1)), (json!("src/%C3%A9%23%3F.rs"), json!("c%3Ad.rs")));
        assert_eq!(
            results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "src/a%20b.rs"
        );
        // Columns count UTF-16 units: é has one, the face has two.
        let region = &results[1]["locations"][0]["physicalLocation"]["region"];
        assert_eq!((&region["startColumn"], &region["endColumn"]), (&json!(1), &json!(7)));
    }

    #[test]
    fn a_result_is_recognized_after_an_edit_elsewhere_and_a_new_member_makes_it_new() {
        let print = |members: Vec<Found>, score| {
            let log = groups(&[group(members, score)]);
            log["runs"][0]["results"][0]["partialFingerprints"][FINGERPRINT].clone()
        };
        let (before, after) = ("fn a() {}\n", "// more\n\nfn a() {}\n");
        let a = || found("a.rs", "a", before, 0..9);
        let moved = found("a.rs", "a", after, 9..18);
        let b = || found("b.rs", "b", before, 0..9);
        assert_eq!(print(vec![a(), b()], 0.8), print(vec![moved, b()], 0.81));
        assert_ne!(
            print(vec![a(), b()], 0.8),
            print(vec![a(), b(), found("c.rs", "c", before, 0..9)], 0.8)
        );
        assert_ne!(
            print(vec![a(), b()], 0.8),
            print(vec![found("ab.rs", "", before, 0..9), b()], 0.8)
        );
        // The same names twice are two results.
        let twice = groups(&[group(vec![a(), b()], 0.8), group(vec![a(), b()], 0.7)]);
        let results = &twice["runs"][0]["results"];
        assert_ne!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_utf8_is_encoded_byte_by_byte() {
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9.rs");
        assert_eq!(relative(Path::new(name)), "caf%E9.rs");
    }
}
