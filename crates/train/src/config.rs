//! Settings of a training run.

use std::path::Path;

/// Settings that come with the program, by name.
const BUILT_IN: [(&str, &str); 4] = [
    ("small", include_str!("../configs/small.toml")),
    ("base", include_str!("../configs/base.toml")),
    ("large", include_str!("../configs/large.toml")),
    ("finetune", include_str!("../configs/finetune.toml")),
];

use anyhow::{Context, Result, ensure};
use learn::Training;
use rnn::ModelConfig;
use serde::{Deserialize, Serialize};

/// A TOML file of settings; what is left out has the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrainConfig {
    pub(crate) model: ModelConfig,
    pub(crate) training: Training,
}

impl TrainConfig {
    /// The settings of this name, or in the file of this path.
    pub(crate) fn named(name: &str) -> Result<Self> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text).with_context(|| format!("the built-in settings {name}"));
        }
        let path = Path::new(name);
        let text = std::fs::read_to_string(path).with_context(|| {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            format!("{name} cannot be read, and is none of the built-in settings {known}")
        })?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.model.check()?;
        let Training { batch, time, learning_rate, decay, controlled, average, dropout, .. } =
            &config.training;
        ensure!((1..=4096).contains(batch), "expected batch of 1 to 4096, found {batch}");
        ensure!((2..=65536).contains(time), "expected time of 2 to 65536, found {time}");
        ensure!(*learning_rate > 0.0, "expected a learning rate above 0, found {learning_rate}");
        for (name, share) in
            [("decay", *decay), ("controlled", *controlled), ("average", f64::from(*average))]
        {
            ensure!((0.0..=1.0).contains(&share), "expected {name} of 0 to 1, found {share}");
        }
        ensure!((0.0..0.9).contains(dropout), "expected dropout of 0 to 0.9, found {dropout}");
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_settings_are_valid() {
        for (name, _) in BUILT_IN {
            TrainConfig::named(name).unwrap();
        }
        let error = format!("{:#}", TrainConfig::named("huge").unwrap_err());
        assert!(error.contains("none of the built-in settings small, base, large, finetune"), "{error}");
    }
}
