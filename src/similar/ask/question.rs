//! A question, and how models read it: once for all passages and answers.

use std::path::Path;
use std::sync::OnceLock;

use crate::explain::Directed;
use crate::model::{Checkpoint, Model, ModelError, Reader};
use crate::similar::words::{is_content_word, words};
use crate::text::Language;

/// A question in words.
#[derive(Debug, Default)]
pub struct Question {
    asked: String,
    text: String,
    /// Its embedding as a query, by the model that reads it.
    vector: OnceLock<Vec<f32>>,
    /// Its words, as each of the two models read them.
    read: [OnceLock<Directed>; 2],
}

impl Question {
    /// The question with this text.
    pub fn new(text: impl Into<String>) -> Question {
        let asked = text.into();
        Question {
            text: asked.clone(),
            asked,
            ..Question::default()
        }
    }

    /// The question with this text, asked of folders. Their names say which project is meant and not what is asked about it, and every
    /// sentence that introduces the project has them: "How do I stop fzf?" reads as "How do I stop it?" in a folder named `fzf`.
    pub fn about<'a>(text: impl Into<String>, folders: impl Iterator<Item = &'a Path>) -> Question {
        let asked = text.into();
        let names: Vec<String> = folders
            .filter_map(Path::file_name)
            .map(|name| name.to_string_lossy().to_lowercase())
            .filter(|name| !GENERIC.contains(&&**name))
            .collect();
        Question {
            text: without_names(&asked, &names),
            asked,
            ..Question::default()
        }
    }

    /// Its text as a user wrote it.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Its text as it is compared with passages.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its embedding, if it is known.
    pub(super) fn vector(&self) -> Option<&[f32]> {
        self.vector.get().map(Vec::as_slice)
    }

    /// Its embedding, which is `vector` unless it was known.
    pub(super) fn known(&self, vector: Vec<f32>) -> &[f32] {
        self.vector.get_or_init(|| vector)
    }

    /// The question as a model reads it that also reads the sentence.
    pub(super) fn beside(
        &self,
        model: &Model,
        sentence: (&str, Language),
        checkpoint: Checkpoint,
    ) -> Result<(Model, &Directed), ModelError> {
        let own = (self.text(), Language::Prose);
        let reader = model.reader_of_both(own, sentence);
        let model = model.of_reader(reader);
        let place = &self.read[usize::from(reader == Reader::Multilingual)];
        let read = match place.get() {
            Some(read) => read,
            None => {
                let read = Directed::read(&model, own, checkpoint)?;
                place.get_or_init(|| read)
            }
        };
        Ok((model, read))
    }
}

/// Names of folders that are words of many questions.
const GENERIC: [&str; 20] = [
    "api",
    "app",
    "backend",
    "client",
    "code",
    "common",
    "core",
    "docs",
    "frontend",
    "lib",
    "main",
    "master",
    "project",
    "repo",
    "server",
    "src",
    "test",
    "tests",
    "web",
    "workspace",
];

/// Words after which a name is a noun: "the redis connection".
const ARTICLES: [&str; 8] = ["a", "an", "the", "this", "that", "our", "my", "your"];

/// Replaces the names of projects by pronouns, unless nothing else in the question says anything.
fn without_names(text: &str, names: &[String]) -> String {
    let mut reworded: Vec<String> = Vec::new();
    let mut before = String::new();
    for word in text.split(' ') {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let lower = bare.to_lowercase();
        let owner = ["'s", "\u{2019}s"].iter().find_map(|end| lower.strip_suffix(end));
        let name = owner.unwrap_or(&lower);
        let name = [".js", ".py", ".rs"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        let is_project = names.iter().any(|own| own == name) && !ARTICLES.contains(&&*before);
        reworded.push(match (is_project, owner) {
            (false, _) => word.to_owned(),
            (true, None) => word.replacen(bare, "it", 1),
            (true, Some(_)) => word.replacen(bare, "its", 1),
        });
        before = lower;
    }
    let reworded = reworded.join(" ");
    match words(&reworded).iter().any(is_content_word) {
        true => reworded,
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_project_becomes_a_pronoun() {
        let read = |asked: &str, folder: &str| {
            let question = Question::about(asked, [Path::new(folder)].into_iter());
            assert_eq!(question.asked(), asked);
            question.text().to_owned()
        };
        assert_eq!(read("How do I stop fzf?", "/home/me/fzf"), "How do I stop it?");
        assert_eq!(
            read("What is Sinatra's default port?", "/sinatra"),
            "What is its default port?"
        );
        assert_eq!(
            read("Does Express.js parse cookies?", "express"),
            "Does it parse cookies?"
        );
        for (asked, folder) in [
            ("What is fzf?", "/fzf"),
            ("How does the redis connection close?", "/redis"),
            ("How does main handle errors?", "/main"),
            ("How do I stop fzf?", "/other"),
            ("我爱编程", "/编程"),
        ] {
            assert_eq!(read(asked, folder), asked);
        }
    }
}
