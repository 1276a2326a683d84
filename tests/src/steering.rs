//! Changing the music while it plays: when a change is heard, and that the page plays what its recipe says.

use std::time::Duration;

use performance::playback::micros;
use performance::{Input, Recipe, Token, VelocityOffset};

use crate::browser::Page;
use crate::endurance::tokens;
use crate::times::Times;

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
    set(
        page,
        "temperature",
        &value,
        |input| matches!(input, Input::Sampling(sampling) if sampling.temperature == temperature),
    )
}

/// The same for the slider "Density", in steps of a twentieth of a doubling from 1 note a second on. The drawer
/// has to be open.
///
/// # Panics
/// If the music does not follow.
#[track_caller]
pub fn set_density(page: &Page, steps: usize) -> f64 {
    let doublings = format!("{:.2}", 0.05 * steps as f64);
    let asked = doublings.parse::<f32>().expect("a number").exp2();
    set(
        page,
        "density",
        &doublings,
        |input| matches!(input, Input::Controls(controls) if controls.density == Some(asked)),
    )
}

/// Moves a slider, and waits for its entry in the recipe.
#[track_caller]
fn set(page: &Page, slider: &str, value: &str, is_set: impl Fn(&Input) -> bool) -> f64 {
    let moved = page.evaluate(&format!(
        "(() => {{
            const slider = document.getElementById('{slider}');
            const head = performanceRnn.head();
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
            set.call(slider, {value});
            slider.dispatchEvent(new Event('input', {{ bubbles: true }}));
            return [head, 1000 * performanceRnn.latency()];
        }})()"
    ));
    let [head_us, latency_ms]: [f64; 2] = serde_json::from_value(moved).expect("two numbers");
    let at = page.wait_for("the change in the music", SOON, || {
        recipe(page).log.entries().iter().rev().find(|entry| is_set(&entry.input)).map(|entry| entry.at)
    });
    let heard_us = micros(&tokens(page)[..at]) as f64;
    (heard_us - head_us) / 1000.0 + latency_ms
}

/// Changes the temperature of a playing performance `n` times: how soon each change is heard.
#[track_caller]
#[must_use]
pub fn temperature_latency(page: &Page, n: usize) -> Times {
    latency(n, |step| set_temperature(page, 10 + step % 35))
}

/// Changes its density `n` times; the drawer has to be open.
#[track_caller]
#[must_use]
pub fn density_latency(page: &Page, n: usize) -> Times {
    latency(n, |step| set_density(page, 40 + step % 35))
}

/// `change` gets a number of its own each time, to be told from the others in the recipe.
#[track_caller]
fn latency(n: usize, change: impl Fn(usize) -> f64) -> Times {
    let change = |index: usize| {
        std::thread::sleep(PAUSE);
        change(if index.is_multiple_of(2) { index / 2 } else { 34 - index / 2 })
    };
    Times::new((0..n).map(change).collect())
}

/// The network's tokens, as loud as they are heard.
#[must_use]
pub fn as_heard(recipe: &Recipe, tokens: &[Token]) -> Vec<Token> {
    let offset = recipe.velocity_offset.get();
    let heard = |(index, &token)| {
        VelocityOffset::bins(recipe.log.dynamics_at(index).get().saturating_sub(offset)).apply(token)
    };
    tokens.iter().enumerate().map(heard).collect()
}
