//! Settings of a training run.

use std::path::Path;

/// Settings that come with the program, by name.
const BUILT_IN: [(&str, &str); 4] = [
    ("small", include_str!("../configs/small.toml")),
    ("base", include_str!("../configs/base.toml")),
    ("large", include_str!("../configs/large.toml")),
    ("finetune", include_str!("../configs/finetune.toml")),
];

use anyhow::{Context, Result};
use learn::Training;
use rnn::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::files::read_text;

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
        let text = read_text(path).with_context(|| {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            format!("{name} cannot be read, and is none of the built-in settings {known}")
        })?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let config: Self = toml::from_str(text)?;
        config.model.check()?;
        config.training.check()?;
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
