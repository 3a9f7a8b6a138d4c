//! modules.json of a sentence-transformers folder: the modules of an embedding, their order, and the paths of their files.

use serde::Deserialize;

use super::config::ConfigError;
use super::files::{Files, is_inside};
use super::load_error::LoadError;
use super::projection::{Dense, Nonlinearity, Projection, Step};
use super::weights::Weights;

/// The file that lists the modules.
pub(super) const FILE: &str = "modules.json";

/// Maximum number of modules. Published folders have up to six; each dense layer takes memory, even one that is listed twice.
const MOST: usize = 16;

/// The modules of a folder. Paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modules {
    /// The folder of the encoder's files.
    pub(super) transformer: String,
    /// The folder of the pooling configuration.
    pub(super) pooling: String,
    /// The modules after pooling.
    pub(super) after: Vec<After>,
}

/// A module after pooling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum After {
    /// A dense layer, with the path of its files.
    Dense(String),
    /// Normalization to unit length.
    Normalize,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Modules {
    /// Reads modules.json; a folder without it has an encoder and possibly a pooling configuration.
    ///
    /// # Errors
    /// Names a module that Fovea does not run, at all or in this position.
    pub(super) fn read(json: Option<&[u8]>) -> Result<Modules, ConfigError> {
        let Some(json) = json else {
            return Ok(Modules {
                transformer: String::new(),
                pooling: "1_Pooling".to_owned(),
                after: Vec::new(),
            });
        };
        let raw: Vec<Raw> = serde_json::from_slice(json).map_err(|error| ConfigError::Json {
            file: FILE.to_owned(),
            error,
        })?;
        if raw.len() > MOST {
            return Err(ConfigError::Module(format!(
                "it lists {} modules, over the limit of {MOST}; check that it belongs to the model",
                raw.len()
            )));
        }
        let (mut transformer, mut pooling, mut after) = (None, None, Vec::new());
        for Raw { path, kind } in raw {
            if !path.is_empty() && !is_inside(&path) {
                return Err(ConfigError::Module(format!("`{path}` is not a folder of the model")));
            }
            let name = match kind.strip_prefix("sentence_transformers.") {
                Some(name) => name.rsplit('.').next().unwrap_or(name),
                None => "",
            };
            match (name, &transformer, &pooling) {
                ("Transformer", None, None) => transformer = Some(path),
                ("Pooling", Some(_), None) => pooling = Some(path),
                ("Dense", Some(_), Some(_)) => after.push(After::Dense(path)),
                ("Normalize", Some(_), Some(_)) => after.push(After::Normalize),
                // Dropout has an effect only in training.
                ("Dropout", _, _) => {}
                ("Transformer" | "Pooling" | "Dense" | "Normalize", _, _) => {
                    return Err(ConfigError::Module(format!(
                        "the module `{kind}` is in an order that fovea does not run; it runs one Transformer, one Pooling, then any \
                         number of Dense and Normalize"
                    )));
                }
                _ => {
                    return Err(ConfigError::Module(format!(
                        "the module `{kind}` is not supported; fovea runs the modules Transformer, Pooling, Dense, Normalize and Dropout \
                         of sentence_transformers: use a model that has no other"
                    )));
                }
            }
        }
        let missing = |name: &str| {
            ConfigError::Module(format!(
                "it lists no {name}, which embeddings need; check that it belongs to the model"
            ))
        };
        Ok(Modules {
            transformer: transformer.ok_or_else(|| missing("Transformer"))?,
            pooling: pooling.ok_or_else(|| missing("Pooling"))?,
            after,
        })
    }

    /// The projection by the modules after pooling, for vectors of a width; and a description for the content address.
    pub(super) fn projection(&self, files: &Files, mut width: usize) -> Result<(Projection, String), LoadError> {
        let (mut steps, mut content) = (Vec::new(), String::new());
        for module in &self.after {
            match module {
                After::Normalize => {
                    steps.push(Step::Normalize);
                    content += "normalize;";
                }
                After::Dense(path) => {
                    let (dense, checksum) = dense(files, path, width)?;
                    width = dense.bias.len();
                    content += &format!("dense {:?} {checksum};", dense.activation);
                    steps.push(Step::Dense(dense));
                }
            }
        }
        // Comparisons use only directions, which a normalization does not change: such folders keep their content address.
        match self.after.iter().any(|module| matches!(module, After::Dense(_))) {
            true => Ok((Projection::new(steps), content)),
            false => Ok((Projection::new(steps), String::new())),
        }
    }
}

#[derive(Deserialize)]
struct RawDense {
    in_features: usize,
    out_features: usize,
    #[serde(default = "yes")]
    bias: bool,
    activation_function: Option<String>,
    module_input_name: Option<String>,
    module_output_name: Option<String>,
    #[serde(default)]
    use_residual: bool,
}

fn yes() -> bool {
    true
}

/// Reads a dense layer, and the checksum of its weights.
fn dense(files: &Files, path: &str, width: usize) -> Result<(Dense, String), LoadError> {
    let files = files.within(path);
    let name = format!("{path}/config.json");
    let json = files.required("config.json")?;
    let raw: RawDense = serde_json::from_slice(&json).map_err(|error| ConfigError::Json {
        file: name.clone(),
        error,
    })?;
    let refused = |why: String| ConfigError::Dense(name.clone(), why);
    if raw.in_features != width || raw.out_features == 0 {
        let why = format!(
            "in_features {} and out_features {} do not follow a vector of {width} numbers",
            raw.in_features, raw.out_features
        );
        return Err(refused(why).into());
    }
    let on_embedding = |name: &Option<String>| name.as_deref().is_none_or(|name| name == "sentence_embedding");
    if !on_embedding(&raw.module_input_name) || !on_embedding(&raw.module_output_name) || raw.use_residual {
        let why = "fovea runs dense layers of the sentence embedding without a residual".to_owned();
        return Err(refused(why).into());
    }
    let activation = match raw.activation_function.as_deref() {
        Some("torch.nn.modules.linear.Identity") => Nonlinearity::Identity,
        // The default of sentence-transformers.
        None | Some("torch.nn.modules.activation.Tanh") => Nonlinearity::Tanh,
        Some("torch.nn.modules.activation.ReLU") => Nonlinearity::Relu,
        Some("torch.nn.modules.activation.GELU") => Nonlinearity::Gelu,
        Some(other) => {
            let why = format!(
                "activation_function `{other}` is not supported; fovea supports Identity, Tanh, ReLU and GELU of torch.nn"
            );
            return Err(refused(why).into());
        }
    };
    let mut weights = Weights::read(&files, raw.in_features.saturating_mul(raw.out_features))?;
    let weight = weights.take("linear.weight", &[raw.out_features, raw.in_features])?;
    let bias = match raw.bias {
        true => weights.take("linear.bias", &[raw.out_features])?.to_vec1()?,
        false => vec![0.0; raw.out_features],
    };
    let dense = Dense {
        weight: weight.flatten_all()?.to_vec1()?,
        bias,
        inputs: raw.in_features,
        activation,
    };
    Ok((dense, weights.checksum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(kinds: &[(&str, &str)]) -> Result<Modules, String> {
        let list: Vec<String> = kinds
            .iter()
            .map(|(kind, path)| format!(r#"{{"idx": 0, "name": "0", "path": "{path}", "type": "{kind}"}}"#))
            .collect();
        Modules::read(Some(format!("[{}]", list.join(",")).as_bytes())).map_err(|error| error.to_string())
    }

    const TRANSFORMER: (&str, &str) = ("sentence_transformers.models.Transformer", "0_Transformer");
    const POOLING: (&str, &str) = (
        "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        "pool",
    );
    const DENSE: (&str, &str) = ("sentence_transformers.base.modules.dense.Dense", "2_Dense");

    #[test]
    fn modules_have_old_and_new_names() {
        let read = modules(&[
            TRANSFORMER,
            POOLING,
            DENSE,
            ("sentence_transformers.models.Normalize", "3"),
        ]);
        assert_eq!(
            read.unwrap(),
            Modules {
                transformer: "0_Transformer".to_owned(),
                pooling: "pool".to_owned(),
                after: vec![After::Dense("2_Dense".to_owned()), After::Normalize],
            }
        );
        assert_eq!(Modules::read(None).unwrap().pooling, "1_Pooling");
    }

    #[test]
    fn unsupported_modules_are_refused_by_name() {
        for (kinds, says) in [
            (
                vec![TRANSFORMER, POOLING, ("sentence_transformers.models.LSTM", "2")],
                "models.LSTM` is not supported",
            ),
            (
                vec![("custom_st.Transformer", "")],
                "`custom_st.Transformer` is not supported",
            ),
            (vec![TRANSFORMER, DENSE, POOLING], "in an order that fovea does not run"),
            (vec![TRANSFORMER], "no Pooling"),
            ([vec![TRANSFORMER, POOLING], vec![DENSE; 15]].concat(), "17 modules"),
            (vec![], "no Transformer"),
            (
                vec![("sentence_transformers.models.Transformer", "../other")],
                "not a folder of the model",
            ),
        ] {
            let error = modules(&kinds).unwrap_err();
            assert!(error.starts_with("modules.json: ") && error.contains(says), "{error}");
        }
    }
}
