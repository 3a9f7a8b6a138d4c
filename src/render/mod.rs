//! Writes answers for people and programs: terminal, JSON, Markdown, HTML, SARIF.

mod aside;
mod compared;
pub mod decided;
pub mod evaluation;
pub mod heat;
pub mod html;
pub mod json;
pub mod markdown;
mod readers;
pub mod sarif;
mod shared;
pub mod telling;
pub mod terminal;
pub mod written;
