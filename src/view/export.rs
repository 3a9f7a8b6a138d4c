//! Writes one file with the page and its answers, which needs neither Fovea nor a network.

use sha2::{Digest, Sha256};

use super::encode::base64;
use super::page::{SCRIPT, STYLE, shell};
use super::question::{Look, Question};
use super::{Answer, Explorer, ViewError};
use crate::model::tape::Op;

/// Maximum bytes of answers in a file: a browser opens it at once, and it fits in an email.
pub const LIMIT: usize = 12_000_000;

/// Writes the page with as many answers as fit into `limit`. Text and salience of every unit come first. Half of what is left is for attention
/// maps by unit, the rest for heads, steps and weights of the first unit. The page names the omitted answers.
///
/// # Errors
/// Errors of [`Explorer::answer`].
pub fn export(explorer: &Explorer, limit: usize) -> Result<String, ViewError> {
    let mut book = Book {
        explorer,
        entries: Vec::new(),
        room: limit,
    };
    book.always(Question::Document)?;
    book.always(Question::Structure)?;
    book.add(Question::Similarity)?;
    let units = 0..explorer.units();
    for unit in units.clone() {
        if book.add(Question::Unit(unit))? {
            book.add(Question::Salience(unit))?;
            book.add(Question::Work(unit))?;
        }
    }
    if book.explorer.units() > 0 {
        book.maps(0)?;
        let kept = book.room / 2;
        book.room -= kept;
        for unit in units.skip(1) {
            book.maps(unit)?;
        }
        book.room += kept;
        book.inside(0)?;
        book.weights()?;
    }
    let mut data = String::from("{");
    for (index, (path, answer)) in book.entries.iter().enumerate() {
        data += if index == 0 { "" } else { "," };
        data += &format!("\"{path}\":{answer}");
    }
    data.push('}');
    Ok(page(&data))
}

/// A page whose policy allows only its own scripts and styles, by their hashes.
fn page(data: &str) -> String {
    // `</script` inside data would end the script.
    let data = data.replace('<', "\\u003c");
    let hash = |text: &str| format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
    let script = SCRIPT.replace("</script", "<\\/script");
    let policy = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {}; style-src {}; img-src data:; \
         base-uri 'none'; form-action 'none'\">\n",
        hash(&script),
        hash(STYLE)
    );
    shell(
        &policy,
        &format!("<style>{STYLE}</style>"),
        &format!(
            "<script type=\"application/json\" id=\"data\">{data}</script>\n<script type=\"module\">{script}</script>"
        ),
    )
}

/// Answers that fit into the limit.
struct Book<'a> {
    explorer: &'a Explorer,
    /// Path and answer, as JSON.
    entries: Vec<(String, String)>,
    room: usize,
}

impl Book<'_> {
    fn answered(&self, question: &Question) -> Result<(String, String), ViewError> {
        let answer = match self.explorer.answer(question)? {
            Answer::Json(value) => value.to_string(),
            Answer::Bytes(bytes) => format!("\"{}\"", base64(&bytes)),
        };
        Ok((question.to_string(), answer))
    }

    fn always(&mut self, question: Question) -> Result<(), ViewError> {
        let entry = self.answered(&question)?;
        self.room = self.room.saturating_sub(entry.1.len());
        self.entries.push(entry);
        Ok(())
    }

    /// Adds an answer. Returns whether it fits.
    fn add(&mut self, question: Question) -> Result<bool, ViewError> {
        if self.room == 0 {
            return Ok(false);
        }
        let entry = self.answered(&question)?;
        if self.entries.iter().any(|(path, _)| *path == entry.0) {
            return Ok(true);
        }
        let fits = entry.1.len() <= self.room;
        match fits {
            true => {
                self.room -= entry.1.len();
                self.entries.push(entry);
            }
            // Smaller later answers do not fill the gap, because readers expect a complete prefix.
            false => self.room = 0,
        }
        Ok(fits)
    }

    fn maps(&mut self, unit: usize) -> Result<(), ViewError> {
        self.add(Question::Through(unit))?;
        for layer in 0..self.explorer.network.spec.stack.blocks.len() {
            self.add(Question::Attention(unit, Look::Reading, layer))?;
        }
        for layer in 0..self.explorer.heads(true, false).len() {
            self.add(Question::Attention(unit, Look::Writing, layer))?;
            self.add(Question::Attention(unit, Look::Cross, layer))?;
        }
        Ok(())
    }

    /// Every step of the unit's tokens and of the decoder's, every head, and the weights behind the coordinate that the page shows first.
    fn inside(&mut self, unit: usize) -> Result<(), ViewError> {
        let pass = self.explorer.pass(unit)?;
        let (coordinate, tokens) = (pass.coordinate(), pass.tokens.len());
        self.add(Question::Pool(unit, coordinate))?;
        let tape = std::sync::Arc::clone(&pass.tape()?.tape);
        let heads = self.explorer.model.info().heads;
        for block in tape.blocks.iter().chain(&tape.decoder) {
            for node in block.before + 1..=block.after {
                let made = matches!(&tape.nodes[node].op, Op::Linear { map, .. } if coordinate < map.outputs());
                if made && tape.nodes[node].width == tape.nodes[block.before].width {
                    self.add(Question::Row(unit, node, coordinate))?;
                }
            }
        }
        for layer in 0..tape.blocks.len() {
            for head in 0..heads {
                self.add(Question::Head(unit, Look::Reading, layer, head))?;
            }
        }
        if self.explorer.names_tokens() {
            let (look, count) = match pass.written.is_empty() {
                true => (Look::Reading, tokens),
                false => (Look::Writing, pass.written.len()),
            };
            for token in 0..count {
                self.add(Question::Lens(unit, look, token))?;
            }
        }
        for layer in 0..tape.blocks.len() {
            for token in 0..tokens {
                self.add(Question::Steps(unit, Look::Reading, layer, token))?;
            }
        }
        for layer in 0..tape.decoder.len() {
            for look in [Look::Writing, Look::Cross] {
                let heads = self.explorer.heads(true, look == Look::Cross);
                for head in 0..heads.get(layer).copied().unwrap_or(0) {
                    self.add(Question::Head(unit, look, layer, head))?;
                }
            }
            for token in 0..pass.written.len() {
                self.add(Question::Steps(unit, Look::Writing, layer, token))?;
            }
        }
        Ok(())
    }

    /// Pictures of all weights.
    fn weights(&mut self) -> Result<(), ViewError> {
        for part in 0..self.explorer.network.stored().len() {
            self.add(Question::Weights(part))?;
        }
        Ok(())
    }
}
