//! Finds files of one layer that import each other in a circle.
//!
//! Such files can only be read together. A module and the modules inside it are one subject, so they may use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{LAYERS, code, root, sources, tokens};

/// The path of a module or of something in it, from the root of the crate.
type Name = Vec<String>;

/// What the code of a file names.
#[derive(Debug, Default)]
struct Names {
    /// Each path in full.
    paths: BTreeSet<Name>,
    /// The names that it imports, for itself and for others, with what they stand for.
    imports: BTreeMap<String, Name>,
}

/// The modules of a layer with the code of their files.
fn modules(layer: &str) -> BTreeMap<Name, Vec<String>> {
    let module = |path: &std::path::Path| -> Name {
        let below = path.strip_prefix(root().join("src")).unwrap().with_extension("");
        let mut parts: Name = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        parts.pop_if(|last| last == "mod");
        parts
    };
    let files = sources(layer).into_iter();
    files
        .map(|(path, text)| (module(&path), tokens(&code(&text))))
        .collect()
}

/// A path as code of `module` writes it, from the root of the crate; `None` if it leads out of the crate or to a local name.
fn absolute(module: &Name, path: &[String], modules: &BTreeMap<Name, Vec<String>>) -> Option<Name> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let below = |base: &[String], rest: &[String]| base.iter().chain(rest).cloned().collect::<Name>();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some(below(module, &path[1..])),
        "super" => Some(below(&module[..module.len().checked_sub(supers)?], &path[supers..])),
        first => {
            let inner = below(module, &[first.to_owned()]);
            modules.contains_key(&inner).then(|| below(module, path))
        }
    }
}

/// The paths of an import, whose words end with `;`, each with the name that it gets.
fn imported(words: &[String]) -> Vec<(Name, String)> {
    let (mut found, mut outer, mut path) = (Vec::new(), Vec::new(), Name::new());
    let mut alias = None;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "::" => {}
            "{" => outer.push(path.clone()),
            "as" => alias = words.next().map(str::to_owned),
            "," | "}" | ";" => {
                // Nothing stands after the last comma in braces, and after braces themselves.
                let is_whole = path.len() > outer.last().map_or(0, Name::len);
                let mut whole = std::mem::take(&mut path);
                whole.pop_if(|last| last == "self");
                let name = alias.take().or_else(|| whole.last().cloned());
                found.extend(name.filter(|_| is_whole).map(|name| (whole, name)));
                match word {
                    "," => path = outer.last().cloned().unwrap_or_default(),
                    _ => drop(outer.pop()),
                }
            }
            word => path.push(word.to_owned()),
        }
    }
    found
}

/// All that a file names.
fn names(module: &Name, words: &[String], modules: &BTreeMap<Name, Vec<String>>) -> Names {
    let (mut names, mut at) = (Names::default(), 0);
    let is_name = |word: &String| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    while at < words.len() {
        let rest = &words[at..];
        if rest[0] == "use" {
            let end = rest
                .iter()
                .position(|word| word == ";")
                .map_or(rest.len(), |end| end + 1);
            for (path, name) in imported(&rest[1..end]) {
                let path = absolute(module, &path, modules);
                names.paths.extend(path.clone());
                names.imports.extend(path.map(|path| (name, path)));
            }
            at += end;
            continue;
        }
        let mut path = Name::new();
        while is_name(&words[at]) {
            path.push(words[at].clone());
            match words.get(at + 1).is_some_and(|word| word == "::") && words.get(at + 2).is_some_and(is_name) {
                true => at += 2,
                false => break,
            }
        }
        if path.len() > 1 {
            names.paths.extend(absolute(module, &path, modules));
        }
        at += 1;
    }
    names
}

/// The module whose file defines what a path names, through the imports of the modules on the way.
fn home(path: &[String], names: &BTreeMap<Name, Names>) -> Option<Name> {
    let mut path = path.to_vec();
    // Each step leads on to a definition; a chain of imports is never long.
    for _ in 0..16 {
        let length = (1..=path.len())
            .rev()
            .find(|length| names.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        match rest.first().and_then(|name| names[module].imports.get(name)) {
            Some(origin) => path = origin.iter().chain(&rest[1..]).cloned().collect(),
            None => return Some(module.to_vec()),
        }
    }
    None
}

/// Groups of modules that import each other, and the imports inside each group.
fn circles(modules: &BTreeMap<Name, Vec<String>>) -> Vec<Vec<String>> {
    let names: BTreeMap<Name, Names> = modules
        .iter()
        .map(|(module, words)| (module.clone(), names(module, words, modules)))
        .collect();
    let used = |module: &Name| -> BTreeSet<Name> {
        let homes = names[module].paths.iter().filter_map(|path| home(path, &names));
        homes
            .filter(|other| !other.starts_with(module) && !module.starts_with(other))
            .collect()
    };
    let used: BTreeMap<&Name, BTreeSet<Name>> = modules.keys().map(|module| (module, used(module))).collect();
    let reached = |module: &Name| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![module.clone()]);
        while let Some(next) = open.pop() {
            for other in &used[&next] {
                if reached.insert(other.clone()) {
                    open.push(other.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&Name, BTreeSet<Name>> = modules.keys().map(|module| (module, reached(module))).collect();
    let mut groups: BTreeMap<BTreeSet<&Name>, Vec<String>> = BTreeMap::new();
    for module in modules.keys().filter(|module| reached[module].contains(*module)) {
        let own = |other: &&Name| reached[module].contains(*other) && reached[other].contains(module);
        let group: BTreeSet<&Name> = modules.keys().filter(own).collect();
        let inside = used[&module].iter().filter(|other| group.contains(other));
        let edges: Vec<String> = inside
            .map(|other| format!("{} uses {}", module.join("::"), other.join("::")))
            .collect();
        groups.entry(group).or_default().extend(edges);
    }
    groups.into_values().collect()
}

#[test]
fn no_files_of_a_layer_import_each_other_in_a_circle() {
    for layer in LAYERS {
        let circles = circles(&modules(layer));
        assert!(
            circles.is_empty(),
            "move what two of these files share to a third, or pass it as an argument:\n{circles:#?}"
        );
    }
}

#[test]
fn the_check_of_circles_follows_every_way_to_name_a_file() {
    let found = |files: &[(&str, &str)]| {
        let split = |module: &str| module.split("::").map(str::to_owned).collect::<Name>();
        let files = files.iter().map(|(module, text)| (split(module), tokens(&code(text))));
        circles(&files.collect())
    };
    let pair = vec![vec!["l::a uses l::b".to_owned(), "l::b uses l::a".to_owned()]];
    for (a, b) in [
        ("use super::b::B;", "use super::a::A;"),
        ("use super::b;", "fn f() { super::a::g() }"),
        ("use crate::{l::{b::{self, B}, c}, x};", "use crate::l::a as other;"),
        ("use super::{c::{D, E}, b::B};", "fn f() -> Vec<crate::l::a::A> {}"),
        // Through the module around them.
        ("use super::B;", "use super::Renamed;"),
        ("fn f(b: super::B) {}", "use crate::l::Renamed as A;"),
    ] {
        let around = "mod a; mod b; mod c; pub use b::B; pub use self::a::A as Renamed;";
        let files = [("l", around), ("l::a", a), ("l::b", b), ("l::c", "")];
        assert_eq!(found(&files), pair, "{a} {b}");
    }
    for (a, b) in [
        ("use super::b::B;", "use super::c::C;"),
        (
            "use super::b::B;",
            "// use super::a::A;\nconst A: &str = \"super::a::A\";",
        ),
        ("use super::b::B;", "use super::W; fn f() { std::a::g() }"),
    ] {
        let files = [("l", "pub struct W; use a::A;"), ("l::a", a), ("l::b", b), ("l::c", "")];
        assert_eq!(found(&files), Vec::<Vec<String>>::new(), "{a} {b}");
    }
    // A circle of three, and a module with one inside it, which is none.
    let three = [
        ("l", ""),
        ("l::a", "use super::b::B; mod inner; use inner::I;"),
        ("l::a::inner", "use super::A;"),
        ("l::b", "use super::c::C;"),
        ("l::c", "use super::a::A;"),
    ];
    let edges = ["l::a uses l::b", "l::b uses l::c", "l::c uses l::a"];
    assert_eq!(found(&three), [edges.map(str::to_owned).to_vec()]);
    let lines = imported(&tokens("a::{b::{self, c as d,}, e::*}, f;"));
    let lines: Vec<String> = lines
        .iter()
        .map(|(path, name)| format!("{} {name}", path.join("::")))
        .collect();
    assert_eq!(lines, ["a::b b", "a::b::c d", "a::e::* *", "f f"]);
}
