//! Translates between the client's spelling of URIs and the server's.
//!
//! Inside the server, every document has a URI that parses ([`repaired`]). The server translates the URIs of incoming messages, and
//! restores the client's spelling in outgoing messages: editors find documents by comparing text.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::uris::{decoded, repaired};

/// The spellings of the documents that the client opened.
#[derive(Debug, Default)]
pub struct Spellings(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The open documents, by URI.
    open: BTreeMap<String, Spelled>,
    /// The URI of each open document, by the client's spelling.
    uris: HashMap<String, String>,
    /// The client's spelling by URI, if the two differ. It includes closed documents, since messages may still mention them.
    spelled: HashMap<String, String>,
}

#[derive(Debug)]
struct Spelled {
    /// The client's spelling.
    spelling: String,
    /// The decoded bytes, equal for all spellings of one URI.
    meaning: Vec<u8>,
}

impl Spellings {
    /// Replaces every URI in a client's message with the server's form.
    ///
    /// The caller passes messages in the order of the wire.
    pub fn read(&self, method: &str, params: &mut Value) {
        let mut known = self.lock();
        let document = params.pointer_mut("/textDocument/uri");
        match (method, document) {
            ("textDocument/didOpen", Some(Value::String(uri))) => *uri = known.open(uri),
            ("textDocument/didClose", Some(Value::String(uri))) => *uri = known.close(uri),
            _ => each_uri(params, &|uri| {
                let known = known.uri_of(uri);
                if *uri != known {
                    *uri = known;
                }
            }),
        }
    }

    /// Replaces every URI in a message for the client with the client's spelling.
    pub fn restore(&self, message: &mut Value) {
        let known = self.lock();
        if known.spelled.is_empty() {
            return;
        }
        each_uri(message, &|uri| {
            if let Some(spelling) = known.spelled.get(uri.as_str()) {
                uri.clone_from(spelling);
            }
        });
    }

    /// The client's own spelling of a URI.
    pub fn of(&self, uri: &str) -> String {
        self.lock().spelled.get(uri).map_or(uri, String::as_str).to_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Adds a document that the client opens, and returns its URI. Two open documents get different URIs even if their spellings mean the
    /// same.
    fn open(&mut self, spelling: &str) -> String {
        let plain = repaired(spelling).into_owned();
        let taken = |uri: &str| self.open.get(uri).is_some_and(|other| other.spelling != spelling);
        let mut uri = plain.clone();
        let mut number = 1;
        while taken(&uri) {
            number += 1;
            uri = match plain.contains('#') {
                true => format!("{plain}.{number}"),
                false => format!("{plain}#{number}"),
            };
        }
        match uri == spelling {
            true => self.spelled.remove(&uri),
            false => self.spelled.insert(uri.clone(), spelling.to_owned()),
        };
        self.uris.insert(spelling.to_owned(), uri.clone());
        let (spelling, meaning) = (spelling.to_owned(), decoded(&plain));
        self.open.insert(uri.clone(), Spelled { spelling, meaning });
        uri
    }

    /// Removes a document that the client closes, and returns its URI.
    fn close(&mut self, spelling: &str) -> String {
        let uri = self.uri_of(spelling);
        if let Some(own) = self.open.remove(&uri) {
            self.uris.remove(&own.spelling);
        }
        uri
    }

    fn uri_of(&self, spelling: &str) -> String {
        if let Some(uri) = self.uris.get(spelling) {
            return uri.clone();
        }
        // A command's argument may contain the server's own URI.
        if self.open.contains_key(spelling) {
            return spelling.to_owned();
        }
        let plain = repaired(spelling);
        let meaning = decoded(&plain);
        let same = self.open.iter().find(|(_, own)| own.meaning == meaning);
        same.map_or_else(|| plain.into_owned(), |(uri, _)| uri.clone())
    }
}

/// Calls a function for every URI of a message.
fn each_uri(value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(uri) if key == "uri" || key.ends_with("Uri") => change(uri),
                    _ => each_uri(value, change),
                }
            }
        }
        // An array that starts with a number contains no URIs; heat contains many such arrays.
        Value::Array(values) if !values.first().is_some_and(Value::is_number) => {
            values.iter_mut().for_each(|value| each_uri(value, change));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(spellings: &Spellings, method: &str, uri: &str) -> String {
        let mut params = json!({"textDocument": {"uri": uri}});
        spellings.read(method, &mut params);
        params["textDocument"]["uri"].as_str().unwrap().to_owned()
    }

    fn told(spellings: &Spellings, uri: &str) -> String {
        let mut message = json!({"changes": [{"targetUri": uri}], "text": {"uri": 3}});
        spellings.restore(&mut message);
        message["changes"][0]["targetUri"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_client_reads_its_own_spelling() {
        let spellings = Spellings::default();
        for raw in [
            "file:///p/[id].tsx",
            "file:///p/é.py",
            "/p/a b.py",
            "",
            "git:/p/a.py?{\"ref\":\"~\"}",
        ] {
            let uri = read(&spellings, "textDocument/didOpen", raw);
            assert_ne!(uri, raw);
            assert_eq!(read(&spellings, "textDocument/hover", raw), uri);
            assert_eq!(told(&spellings, &uri), raw);
            assert_eq!(read(&spellings, "textDocument/didClose", raw), uri);
            assert_eq!(told(&spellings, &uri), raw, "after it was closed");
        }
    }

    #[test]
    fn documents_with_two_spellings_stay_separate_and_a_third_spelling_finds_one() {
        let spellings = Spellings::default();
        let (a, b) = ("file:///p/[a] b.py", "file:///p/%5Ba%5D%20b.py");
        let first = read(&spellings, "textDocument/didOpen", a);
        let second = read(&spellings, "textDocument/didOpen", b);
        assert_ne!(first, second);
        assert_eq!(
            (told(&spellings, &first), told(&spellings, &second)),
            (a.into(), b.into())
        );
        assert_eq!(read(&spellings, "textDocument/hover", a), first);
        assert_eq!(read(&spellings, "textDocument/hover", b), second);
        assert_eq!(
            read(&spellings, "textDocument/hover", "file:///p/%5ba%5d%20b.py"),
            first
        );
        read(&spellings, "textDocument/didClose", a);
        assert_eq!(read(&spellings, "textDocument/didChange", b), second);
        // A document that is opened again gets its plain URI back.
        read(&spellings, "textDocument/didClose", b);
        assert_eq!(read(&spellings, "textDocument/didOpen", b), b);
        assert_eq!(told(&spellings, b), b);
    }
}
