//! What is compared: a reference and the variants that differ from it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use toml::Table;

use crate::config::TrainConfig;

const BUILT_IN: &str = include_str!("../../configs/ablation.toml");

/// A plan's variants, with all their settings.
pub(super) struct Plan {
    pub(super) text: String,
    /// The name of the variant that the others are held against.
    pub(super) reference: String,
    /// Events that each variant is trained on.
    pub(super) events: u64,
    pub(super) variants: Vec<Variant>,
}

/// One way to spend the budget.
pub(super) struct Variant {
    pub(super) name: String,
    /// The settings in which it differs, as TOML.
    pub(super) differs: String,
    pub(super) config: TrainConfig,
}

/// The file: settings as in a training configuration, and what variants change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    reference: String,
    #[serde(default)]
    model: Table,
    #[serde(default)]
    training: Table,
    variant: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    name: String,
    #[serde(default)]
    model: Table,
    #[serde(default)]
    training: Table,
}

impl Plan {
    /// The plan in a file, or the one that comes with the program.
    pub(super) fn open(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                Self::parse(text).with_context(|| path.display().to_string())
            }
            None => Self::parse(BUILT_IN.to_owned()).context("the built-in plan"),
        }
    }

    fn parse(text: String) -> Result<Self> {
        let file: File = toml::from_str(&text)?;
        let variants: Vec<Variant> =
            file.variant.iter().map(|change| Variant::of(&file, change)).collect::<Result<_>>()?;
        let Some(reference) = variants.iter().find(|variant| variant.name == file.reference) else {
            let names: Vec<&str> = variants.iter().map(|variant| variant.name.as_str()).collect();
            anyhow::bail!(
                "expected the reference to be one of the variants {}, found {}",
                names.join(" · "),
                file.reference
            );
        };
        let events = reference.config.training.events;
        for variant in &variants {
            let found = variant.config.training.events;
            ensure!(found == events, "{}: expected a budget of {events} events, found {found}", variant.name);
            let same = variants.iter().filter(|other| other.folder() == variant.folder()).count();
            ensure!(same == 1, "expected names that differ in their letters, found {} twice", variant.name);
        }
        Ok(Self { text, reference: file.reference, events, variants })
    }
}

impl Variant {
    fn of(file: &File, change: &Change) -> Result<Self> {
        let over = |base: &Table, change: &Table| {
            let mut table = base.clone();
            table.extend(change.clone());
            toml::Value::Table(table)
        };
        let mut whole = Table::new();
        whole.insert("model".to_owned(), over(&file.model, &change.model));
        whole.insert("training".to_owned(), over(&file.training, &change.training));
        let config = TrainConfig::parse(&toml::to_string(&whole)?).with_context(|| change.name.clone())?;
        let settings = change.model.iter().chain(&change.training);
        let differs: Vec<String> = settings.map(|(key, value)| format!("{key} = {value}")).collect();
        Ok(Self { name: change.name.clone(), differs: differs.join(", "), config })
    }

    /// Its name as a folder's.
    pub(super) fn folder(&self) -> String {
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        self.name.chars().map(letter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plan_changes_what_it_names() {
        let plan = Plan::open(None).unwrap();
        let find = |name: &str| plan.variants.iter().find(|variant| variant.name == name).unwrap();
        let (reference, bare) = (&find(&plan.reference).config, &find("one-hot only").config);
        assert!(reference.training.sounding && !bare.training.sounding);
        assert_eq!((reference.training.controlled, bare.training.controlled), (0.3, 0.0));
        assert_eq!(bare.training.batch, reference.training.batch);
        assert_eq!(find("crops of 256").differs, "batch = 3, time = 256");
        // Crops differ in length only; the number of events per step is equal.
        for name in ["crops of 16", "crops of 256"] {
            let training = &find(name).config.training;
            assert_eq!(training.time * training.batch, reference.training.time * reference.training.batch);
        }
    }

    #[track_caller]
    fn refusal(text: &str) -> String {
        format!("{:#}", Plan::parse(text.to_owned()).err().expect("a refusal"))
    }

    #[test]
    fn plans_that_compare_nothing_are_refused() {
        assert!(refusal("reference = \"a\"\nvariant = []\n").contains("found a"));
        let two = |change: &str| {
            format!("reference = \"a\"\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\n{change}\n")
        };
        assert!(Plan::parse(two("training = { batch = 2 }")).is_ok());
        assert!(refusal(&two("training = { events = 7 }")).contains("b: expected a budget of 30000000"));
        assert!(refusal(&two("training = { bach = 2 }")).contains("unknown field `bach`"));
        assert!(refusal(&two("[[variant]]\nname = \"B\"")).contains("found b twice"));
    }
}
