use gloo::events::EventListener;
use web_sys::MediaQueryList;
use yew::prelude::*;

use crate::js;

/// Where the choice is kept.
const KEY: &str = "performance-rnn-theme";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on ivory.
    Light,
    /// Light on ebony.
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.name() == name)
    }

    fn other(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark => Self::Light,
        }
    }
}

/// The theme in use and a callback that changes it. Follows the system until the visitor chooses.
#[hook]
pub fn use_theme() -> (Theme, Callback<()>) {
    let chosen = use_state(stored);
    let system = use_state(system);
    use_effect_with((), {
        let system = system.setter();
        move |()| {
            let listener = dark_query().map(|query| {
                EventListener::new(&query.clone(), "change", move |_| system.set(theme_of(&query)))
            });
            move || drop(listener)
        }
    });
    let theme = chosen.unwrap_or(*system);
    use_effect_with(theme, |theme| {
        if let Some(root) = gloo::utils::document().document_element()
            && let Err(error) = root.set_attribute("data-theme", theme.name())
        {
            web_sys::console::warn_1(&error);
        }
    });
    let on_toggle = use_callback(theme, move |(), theme| {
        chosen.set(Some(theme.other()));
        js::store(KEY, theme.other().name());
    });
    (theme, on_toggle)
}

fn dark_query() -> Option<MediaQueryList> {
    js::window().match_media("(prefers-color-scheme: dark)").ok().flatten()
}

fn theme_of(query: &MediaQueryList) -> Theme {
    if query.matches() { Theme::Dark } else { Theme::Light }
}

fn system() -> Theme {
    dark_query().map_or(Theme::Light, |query| theme_of(&query))
}

fn stored() -> Option<Theme> {
    Theme::from_name(&js::stored(KEY)?)
}
