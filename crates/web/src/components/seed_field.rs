use yew::prelude::*;

use super::{Glyph, Icon, value_of, when};
use session::{Action, MAX_SEED, SeedLock};

#[derive(Properties, PartialEq)]
pub struct SeedFieldProps {
    pub value: u64,
    pub is_locked: bool,
    pub dispatch: Callback<Action>,
    /// Draws a new seed.
    pub on_draw: Callback<()>,
}

/// The number that the music follows from.
#[component]
pub fn SeedField(props: &SeedFieldProps) -> Html {
    let SeedFieldProps { value, is_locked, dispatch, on_draw } = props;
    // Anything but a number (such as an empty field while typing) changes nothing.
    let oninput = when(dispatch, |event: InputEvent| value_of(&event).parse().ok().map(Action::SetSeed));
    let (lock, glyph) =
        if *is_locked { (SeedLock::Free, Glyph::Lock) } else { (SeedLock::Locked, Glyph::Unlock) };
    html! {
        <div class="field">
            <label for="seed">{ "Seed" }</label>
            <input id="seed" type="number" inputmode="numeric" min="0" max={MAX_SEED.to_string()} step="1"
                value={value.to_string()} {oninput} title="The same number plays the same music again" />
            <button type="button" class="round" aria-label="Draw a new number" title="Draw a new number"
                onclick={on_draw.reform(|_| ())}>
                <Icon glyph={Glyph::Dice} />
            </button>
            <button type="button" class="round" aria-label="Keep this number" aria-pressed={is_locked.to_string()}
                title={if *is_locked { "Kept for the next performance" } else { "A new one is drawn each time" }}
                onclick={dispatch.reform(move |_| Action::SetSeedLocked(lock))}>
                <Icon {glyph} />
            </button>
        </div>
    }
}
