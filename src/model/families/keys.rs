//! Access to the values of a config.json, with errors that name the key.

use serde_json::Value;

use crate::model::config::{ConfigError, MOST};
use crate::model::spec::Activation;

/// A config.json, or an object within one.
#[derive(Clone, Copy)]
pub struct Keys<'a>(&'a Value);

impl<'a> Keys<'a> {
    pub fn of(value: &'a Value) -> Keys<'a> {
        Keys(value)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A nested object.
    pub fn within(&self, key: &str) -> Option<Keys<'a>> {
        self.get(key).filter(|value| value.is_object()).map(Keys)
    }

    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// A count up to the limit that keeps products from overflowing.
    fn some_count(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_u64().map(|number| number as usize) {
            Some(number) if number <= MOST => Ok(Some(number)),
            Some(number) => Err(ConfigError::Dimensions(format!(
                "{key} is {number}, over the limit of {MOST}; check that the file belongs to the model"
            ))),
            None => Err(ConfigError::Dimensions(format!(
                "{key} is {value}; it must be a whole number"
            ))),
        }
    }

    /// A required count, at least 1.
    pub fn count(&self, key: &str) -> Result<usize, ConfigError> {
        match self.some_count(key)? {
            Some(0) => Err(ConfigError::Dimensions(format!("{key} is 0; it must be at least 1"))),
            Some(number) => Ok(number),
            None => Err(ConfigError::Dimensions(format!("{key} is missing"))),
        }
    }

    /// A count that may be missing or 0.
    pub fn count_or(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        Ok(self.some_count(key)?.unwrap_or(default))
    }

    /// A count; `None` if it is missing, null or 0.
    pub fn optional_count(&self, key: &str) -> Result<Option<usize>, ConfigError> {
        Ok(self.some_count(key)?.filter(|number| *number > 0))
    }

    pub fn number_or(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        Ok(self.optional_number(key)?.unwrap_or(default))
    }

    pub fn optional_number(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_f64().filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(ConfigError::Dimensions(format!(
                "{key} is {value}; it must be a number"
            ))),
        }
    }

    /// ε of a norm: not negative.
    pub fn epsilon(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        let epsilon = self.number_or(key, default)?;
        match epsilon >= 0.0 {
            true => Ok(epsilon),
            false => Err(ConfigError::Dimensions(format!(
                "{key} is {epsilon}; it must be a small positive number"
            ))),
        }
    }

    pub fn flag_or(&self, key: &str, default: bool) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(default)
    }

    /// The numbers of a list, up to the limit for counts.
    pub fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let list = self.get(key)?.as_array()?;
        list.iter().take(MOST).map(Value::as_f64).collect()
    }

    /// The texts of a list.
    pub fn texts(&self, key: &str) -> Vec<&'a str> {
        let list = self.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// A token id or a list of token ids.
    pub fn tokens(&self, key: &str) -> Vec<u32> {
        let token = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        match self.get(key) {
            Some(Value::Array(list)) => list.iter().filter_map(token).collect(),
            Some(value) => token(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The names of classes from `id2label`, in order of their numbers.
    pub fn labels(&self) -> Vec<String> {
        let Some(Value::Object(map)) = self.get("id2label") else {
            // The default of transformers is two classes.
            return vec!["LABEL_0".to_owned(), "LABEL_1".to_owned()];
        };
        let mut labels: Vec<(usize, String)> = map
            .iter()
            .filter_map(|(id, name)| Some((id.parse().ok()?, name.as_str()?.to_owned())))
            .collect();
        labels.sort();
        labels.into_iter().map(|(_, name)| name).collect()
    }

    /// Whether one of the architectures ends in `task`, such as `ForMaskedLM`.
    pub fn is_for(&self, task: &str) -> bool {
        self.texts("architectures").iter().any(|name| name.ends_with(task))
    }

    pub fn activation(&self, key: &'static str, default: &str) -> Result<Activation, ConfigError> {
        let name = self.text(key).unwrap_or(default);
        Activation::from_name(name).ok_or_else(|| ConfigError::Variant {
            key,
            value: name.to_owned(),
            supported: "fovea supports gelu, gelu_new, gelu_pytorch_tanh, quick_gelu, relu and silu",
        })
    }

    /// Refuses an unsupported variant.
    pub fn refuse(
        &self,
        key: &'static str,
        is: impl Fn(&Value) -> bool,
        supported: &'static str,
    ) -> Result<(), ConfigError> {
        match self.get(key).filter(|value| is(value)) {
            Some(value) => Err(ConfigError::Variant {
                key,
                value: value.to_string(),
                supported,
            }),
            None => Ok(()),
        }
    }
}

/// The stated width of a head, or else hidden width / heads.
pub fn head_dim(keys: &Keys, hidden: usize, heads: usize) -> Result<usize, ConfigError> {
    if let Some(stated) = keys.optional_count("head_dim")? {
        return Ok(stated);
    }
    match hidden.is_multiple_of(heads) {
        true => Ok(hidden / heads),
        false => Err(ConfigError::Dimensions(format!(
            "hidden_size {hidden} is not a multiple of num_attention_heads {heads}"
        ))),
    }
}

/// Number of key and value heads; each serves equally many query heads.
pub fn kv_heads(keys: &Keys, heads: usize) -> Result<usize, ConfigError> {
    let kv_heads = keys.optional_count("num_key_value_heads")?.unwrap_or(heads);
    match heads.is_multiple_of(kv_heads) {
        true => Ok(kv_heads),
        false => Err(ConfigError::Dimensions(format!(
            "num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}"
        ))),
    }
}
