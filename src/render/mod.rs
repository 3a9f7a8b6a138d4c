//! Answers → what people and programs read: terminal, JSON, Markdown.

pub mod heat;
pub mod json;
pub mod markdown;
pub mod terminal;
