//! Frequencies of rotary positions, and their scaling for longer texts.

use super::keys::Keys;
use crate::model::config::ConfigError;
use crate::model::spec::{Rotary, Stretch};

/// The frequencies for a head width. `scaling` is the object with the scaling (`rope_scaling`, `rope_parameters`), if there is one.
pub fn rotary(
    base: f64,
    width: usize,
    scaling: Option<Keys>,
    window: usize,
    original: Option<usize>,
) -> Result<Rotary, ConfigError> {
    if !width.is_multiple_of(2) || width == 0 {
        return Err(ConfigError::Dimensions(format!(
            "the rotated width of a head is {width}, which is not a positive even number; check head_dim and the rotated share"
        )));
    }
    if !(base.is_finite() && base > 0.0) {
        return Err(ConfigError::Dimensions(format!(
            "rope_theta is {base}; it must be positive"
        )));
    }
    let plain: Vec<f64> = (0..width / 2)
        .map(|pair| base.powf(-2.0 * pair as f64 / width as f64))
        .collect();
    let mut rotary = Rotary {
        frequencies: Vec::new(),
        scale: 1.0,
        interleaved: false,
        stretch: Stretch::None,
    };
    let single = |frequencies: &[f64]| frequencies.iter().map(|f| *f as f32).collect::<Vec<f32>>();
    rotary.frequencies = single(&plain);
    let Some(keys) = scaling else { return Ok(rotary) };
    let kind = keys.text("rope_type").or(keys.text("type")).unwrap_or("default");
    let factor = keys.number_or("factor", 1.0)?;
    if factor <= 0.0 {
        return Err(ConfigError::Dimensions(format!(
            "the factor of rope_scaling is {factor}; it must be positive"
        )));
    }
    let original = keys
        .optional_count("original_max_position_embeddings")?
        .or(original)
        .unwrap_or(window) as f64;
    match kind {
        "default" => {}
        "dynamic" => {
            rotary.stretch = Stretch::Dynamic {
                base,
                original: original as usize,
                factor,
            };
        }
        "linear" => rotary.frequencies = single(&plain.iter().map(|f| f / factor).collect::<Vec<_>>()),
        "llama3" => {
            let (low, high) = (
                keys.number_or("low_freq_factor", 1.0)?,
                keys.number_or("high_freq_factor", 4.0)?,
            );
            let stretched = plain.iter().map(|f| {
                let wavelength = std::f64::consts::TAU / f;
                if wavelength < original / high {
                    return *f;
                }
                if wavelength > original / low {
                    return f / factor;
                }
                let smooth = (original / wavelength - low) / (high - low);
                (1.0 - smooth) * f / factor + smooth * f
            });
            rotary.frequencies = single(&stretched.collect::<Vec<_>>());
        }
        "yarn" => {
            rotary.frequencies = single(&yarn(&plain, base, width, factor, original, &keys)?);
            let stated = keys.optional_number("attention_factor")?;
            rotary.scale = stated.unwrap_or(if factor > 1.0 { 0.1 * factor.ln() + 1.0 } else { 1.0 }) as f32;
        }
        "longrope" | "su" => {
            let divided = |key: &'static str| -> Result<Vec<f32>, ConfigError> {
                let factors = keys.numbers(key).filter(|factors| factors.len() == plain.len());
                let factors = factors.ok_or_else(|| {
                    ConfigError::Dimensions(format!("{key} of rope_scaling does not have {} numbers", plain.len()))
                })?;
                Ok(single(
                    &plain
                        .iter()
                        .zip(factors)
                        .map(|(f, factor)| f / factor)
                        .collect::<Vec<_>>(),
                ))
            };
            rotary.frequencies = divided("short_factor")?;
            rotary.stretch = Stretch::Long {
                original: original as usize,
                frequencies: divided("long_factor")?,
            };
            let factor = keys.optional_number("factor")?.unwrap_or(window as f64 / original);
            let computed = if factor <= 1.0 {
                1.0
            } else {
                (1.0 + factor.ln() / original.ln()).sqrt()
            };
            rotary.scale = keys.optional_number("attention_factor")?.unwrap_or(computed) as f32;
        }
        other => {
            return Err(ConfigError::Variant {
                key: "rope_scaling",
                value: other.to_owned(),
                supported: "fovea supports default, dynamic, linear, llama3, yarn and longrope",
            });
        }
    }
    Ok(rotary)
}

/// YaRN (Peng et al. 2023): fast pairs keep their frequency, slow ones are scaled, and those between are interpolated.
fn yarn(
    plain: &[f64],
    base: f64,
    width: usize,
    factor: f64,
    original: f64,
    keys: &Keys,
) -> Result<Vec<f64>, ConfigError> {
    let (fast, slow) = (keys.number_or("beta_fast", 32.0)?, keys.number_or("beta_slow", 1.0)?);
    let pair_of =
        |rotations: f64| width as f64 * (original / (rotations * std::f64::consts::TAU)).ln() / (2.0 * base.ln());
    let truncated = keys.flag_or("truncate", true);
    let (low, high) = match truncated {
        true => (pair_of(fast).floor(), pair_of(slow).ceil()),
        false => (pair_of(fast), pair_of(slow)),
    };
    let (low, high) = (low.max(0.0), high.min(width as f64 - 1.0));
    let high = if low == high { high + 0.001 } else { high };
    let stretched = plain.iter().enumerate().map(|(pair, f)| {
        let slow = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
        f / factor * slow + f * (1.0 - slow)
    });
    Ok(stretched.collect())
}

/// The base of the frequencies, and the object with their scaling.
/// `kind` selects among kinds of layers (`full_attention`, `sliding_attention`) if the model distinguishes them.
pub fn parameters<'a>(keys: &Keys<'a>, kind: &str, default: f64) -> Result<(f64, Option<Keys<'a>>), ConfigError> {
    if let Some(parameters) = keys.within("rope_parameters") {
        let own = parameters.within(kind).unwrap_or(parameters);
        let base = own.optional_number("rope_theta")?;
        return Ok((base.unwrap_or(keys.number_or("rope_theta", default)?), Some(own)));
    }
    Ok((keys.number_or("rope_theta", default)?, keys.within("rope_scaling")))
}
