use yew::prelude::*;

use super::{Glyph, Icon};

#[derive(Properties, PartialEq)]
pub struct HeaderProps {
    pub on_theme: Callback<()>,
    pub on_help: Callback<()>,
}

/// Name, what it is, theme and help.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let HeaderProps { on_theme, on_help } = props;
    html! {
        <header class="head">
            <h1>{ "Performance RNN" }</h1>
            <p class="tagline">{ "a piano that makes it up as it goes" }</p>
            <button type="button" class="round" aria-label="Bright or dark" title="Bright or dark"
                onclick={on_theme.reform(|_| ())}>
                <Icon glyph={Glyph::HalfMoon} />
            </button>
            <button type="button" class="round" aria-label="About and help" title="About and help"
                onclick={on_help.reform(|_| ())}>
                <Icon glyph={Glyph::Question} />
            </button>
        </header>
    }
}
