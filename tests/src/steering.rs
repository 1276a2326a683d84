//! Changing the music while it plays: when a change is heard, and that the page plays what its recipe says.

use std::time::Duration;

use performance::playback::micros;
use performance::{Input, Recipe, Token};
use serde_json::{Value, json};

use crate::browser::Page;
use crate::endurance::tokens;

/// A splice on a slow machine.
const SOON: Duration = Duration::from_secs(20);
/// Between two changes, so that each meets other music.
const PAUSE: Duration = Duration::from_millis(700);

/// The recipe of the performance on stage.
///
/// # Panics
/// If there is none.
#[track_caller]
#[must_use]
pub fn recipe(page: &Page) -> Recipe {
    let json = page.evaluate("performanceRnn.recipe()");
    serde_json::from_str(json.as_str().expect("a performance on stage")).expect("a recipe")
}

/// Moves the slider "Temperature", and waits until the music follows. Returns the milliseconds from the
/// change to the first newly drawn event at the loudspeaker, the output's latency included.
/// The slider has steps of 0.02 from 0.5 on.
///
/// # Panics
/// If the music does not follow.
#[track_caller]
pub fn set_temperature(page: &Page, steps: usize) -> f64 {
    let value = format!("{:.2}", 0.5 + 0.02 * steps as f64);
    let temperature: f32 = value.parse().expect("a number");
    let moved = page.evaluate(&format!(
        "(() => {{
            const slider = document.getElementById('temperature');
            const head = performanceRnn.head();
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
            set.call(slider, {value});
            slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
            return [head, 1000 * performanceRnn.latency()];
        }})()"
    ));
    let [head_us, latency_ms]: [f64; 2] = serde_json::from_value(moved).expect("two numbers");
    let at = page.wait_for("the change in the music", SOON, || {
        let is_set = |input: &Input| matches!(input, Input::Sampling(s) if s.temperature == temperature);
        recipe(page).log.entries().iter().rev().find(|entry| is_set(&entry.input)).map(|entry| entry.at)
    });
    let heard_us = micros(&tokens(page)[..at]) as f64;
    (heard_us - head_us) / 1000.0 + latency_ms
}

/// How soon changes are heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    sorted_ms: Vec<f64>,
}

impl Latency {
    /// Changes the temperature of a playing performance `n` times.
    #[track_caller]
    #[must_use]
    pub fn measure(page: &Page, n: usize) -> Self {
        let change = |index: usize| {
            std::thread::sleep(PAUSE);
            // Each its own, to be told from the others in the recipe.
            set_temperature(page, if index.is_multiple_of(2) { 10 + index / 2 } else { 45 - index / 2 })
        };
        let mut sorted_ms: Vec<f64> = (0..n).map(change).collect();
        sorted_ms.sort_by(f64::total_cmp);
        Self { sorted_ms }
    }

    /// In milliseconds, of a share of the changes.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_ms.len().saturating_sub(1);
        self.sorted_ms.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// For people.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!(
            "a change is heard after {:.0} ms (median), {:.0} ms (p95), {:.0} ms (longest) of {}",
            self.quantile_ms(0.5),
            self.quantile_ms(0.95),
            self.quantile_ms(1.0),
            self.sorted_ms.len()
        )
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "median_ms": self.quantile_ms(0.5), "p95_ms": self.quantile_ms(0.95),
            "longest_ms": self.quantile_ms(1.0), "changes": self.sorted_ms.len(),
        })
    }
}

/// The network's tokens, as loud as they are heard.
#[must_use]
pub fn as_heard(recipe: &Recipe, tokens: &[Token]) -> Vec<Token> {
    tokens.iter().map(|&token| recipe.velocity_offset.undo(token)).collect()
}
