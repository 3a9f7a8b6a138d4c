//! Access to metadata entries, with errors that name the key and say what to do.

use std::collections::HashMap;

use candle_core::quantized::gguf_file::Value;

/// The remedy for a key that llama.cpp would not write.
const REMEDY: &str = "convert the model again with llama.cpp's convert_hf_to_gguf.py, or use its Hugging Face folder";

/// The metadata of a file.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    map: &'a HashMap<String, Value>,
    architecture: &'a str,
}

impl<'a> Values<'a> {
    /// The metadata of a file, which must state the architecture.
    pub(super) fn of(map: &'a HashMap<String, Value>) -> Result<Values<'a>, String> {
        let mut values = Values { map, architecture: "" };
        let found = values.text("general.architecture")?;
        values.architecture = found.ok_or_else(|| missing("general.architecture"))?;
        Ok(values)
    }

    pub(super) fn architecture(&self) -> &'a str {
        self.architecture
    }

    /// The key `{architecture}.{key}`.
    fn own(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(key, other, "a text")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong(key, other, "true or false")),
        }
    }

    /// A flag under the architecture's prefix.
    pub(super) fn own_flag(&self, key: &str) -> Result<Option<bool>, String> {
        self.flag(&self.own(key))
    }

    /// A text under the architecture's prefix.
    pub(super) fn own_text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.text(&self.own(key))
    }

    /// A token id.
    pub(super) fn token(&self, key: &str) -> Result<Option<u32>, String> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        match whole(value).and_then(|id| u32::try_from(id).ok()) {
            Some(id) => Ok(Some(id)),
            // Older converters wrote -1 for no token.
            None if matches!(value, Value::I32(-1) | Value::I64(-1)) => Ok(None),
            None => Err(wrong(key, value, "the id of a token")),
        }
    }

    /// A count that is the same for all layers.
    pub(super) fn optional_count(&self, key: &str) -> Result<Option<u64>, String> {
        let key = self.own(key);
        let Some(value) = self.map.get(&key) else {
            return Ok(None);
        };
        let found = match value {
            Value::Array(each) => {
                let first = each.first().and_then(whole);
                match each.iter().all(|value| whole(value) == first) {
                    true => first,
                    false => {
                        return Err(format!(
                            "`{key}` differs between layers, and fovea runs only models with equal layers"
                        ));
                    }
                }
            }
            value => whole(value),
        };
        found.map(Some).ok_or_else(|| wrong(&key, value, "a whole number"))
    }

    pub(super) fn count(&self, key: &str) -> Result<u64, String> {
        self.optional_count(key)?.ok_or_else(|| missing(&self.own(key)))
    }

    pub(super) fn optional_number(&self, key: &str) -> Result<Option<f64>, String> {
        let key = self.own(key);
        let Some(value) = self.map.get(&key) else {
            return Ok(None);
        };
        let number = real(value).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| wrong(&key, value, "a number"))
    }

    pub(super) fn number(&self, key: &str) -> Result<f64, String> {
        self.optional_number(key)?.ok_or_else(|| missing(&self.own(key)))
    }

    /// One flag per layer, under the architecture's prefix.
    pub(super) fn flags(&self, key: &str) -> Option<Vec<bool>> {
        let Some(Value::Array(list)) = self.map.get(&self.own(key)) else {
            return None;
        };
        let flag = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            other => whole(other).map(|number| number != 0),
        };
        list.iter().map(flag).collect()
    }

    /// The texts of a required list.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&'a str>, String> {
        let list = self.list(key)?.ok_or_else(|| missing(key))?;
        let text = |value: &'a Value| match value {
            Value::String(text) => Ok(text.as_str()),
            other => Err(wrong(key, other, "a list of texts")),
        };
        list.iter().map(text).collect()
    }

    /// The numbers of a list of the expected length.
    pub(super) fn numbers(&self, key: &str, expected: usize) -> Result<Option<Vec<f64>>, String> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        if list.len() != expected {
            return Err(format!(
                "`{key}` has {} elements, and there are {expected} tokens; {REMEDY}",
                list.len()
            ));
        }
        let number = |value: &Value| real(value).ok_or_else(|| wrong(key, value, "a list of numbers"));
        list.iter().map(number).collect::<Result<_, _>>().map(Some)
    }

    /// The bytes of a list.
    pub(super) fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        let byte = |value: &Value| match value {
            Value::U8(byte) => Ok(*byte),
            Value::I8(byte) => Ok(byte.cast_unsigned()),
            other => Err(wrong(key, other, "a list of bytes")),
        };
        list.iter().map(byte).collect::<Result<_, _>>().map(Some)
    }

    fn list(&self, key: &str) -> Result<Option<&'a [Value]>, String> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(wrong(key, other, "a list")),
        }
    }
}

pub(super) fn missing(key: &str) -> String {
    format!("its metadata has no `{key}`; {REMEDY}")
}

/// The error for a value of the wrong type; texts and lists are not quoted, since they may be long.
fn wrong(key: &str, value: &Value, expected: &str) -> String {
    let found = match value {
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => format!("{other:?}"),
    };
    format!("`{key}` is {found}, instead of {expected}; {REMEDY}")
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::U8(v) => Some(u64::from(*v)),
        Value::U16(v) => Some(u64::from(*v)),
        Value::U32(v) => Some(u64::from(*v)),
        Value::U64(v) => Some(*v),
        Value::I8(v) => u64::try_from(*v).ok(),
        Value::I16(v) => u64::try_from(*v).ok(),
        Value::I32(v) => u64::try_from(*v).ok(),
        Value::I64(v) => u64::try_from(*v).ok(),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        // Through the shortest decimal of the float, as in the original configuration: 1e-6 instead of 9.999999974752427e-7.
        Value::F32(v) => v.to_string().parse().ok(),
        Value::F64(v) => Some(*v),
        Value::I8(v) => Some(f64::from(*v)),
        Value::I16(v) => Some(f64::from(*v)),
        Value::I32(v) => Some(f64::from(*v)),
        other => whole(other).map(|v| v as f64),
    }
}
