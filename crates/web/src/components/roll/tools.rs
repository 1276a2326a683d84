use session::roll::Zoom;
use yew::prelude::*;

use crate::components::{Glyph, Icon};

#[derive(Properties, PartialEq)]
pub struct ToolsProps {
    pub zoom: Zoom,
    pub on_zoom: Callback<Zoom>,
    /// Whether there is no performance.
    pub is_idle: bool,
    pub are_sections_open: bool,
    pub on_sections: Callback<()>,
    /// Whether the keys show what the network considers.
    pub shows_considered: bool,
    pub on_considered: Callback<()>,
}

/// Zoom, what the network considers, and the list of sections.
#[component]
pub fn Tools(props: &ToolsProps) -> Html {
    let (can_enlarge, can_reduce) = props.zoom.has_room();
    let zoom = |to: Zoom| props.on_zoom.reform(move |_: MouseEvent| to);
    html! {
        <div class="tools" role="group" aria-label="View">
            <button type="button" class="round" aria-label="Zoom out" title="Zoom out: −" disabled={!can_reduce}
                onclick={zoom(props.zoom.reduced())}><Icon glyph={Glyph::Minus} /></button>
            <button type="button" class="round" aria-label="Zoom in" title="Zoom in: +" disabled={!can_enlarge}
                onclick={zoom(props.zoom.enlarged())}><Icon glyph={Glyph::Plus} /></button>
            <button type="button" class="round" aria-label="What it considers"
                title="What it considers: keys glow as likely as the network is to strike them next"
                aria-pressed={props.shows_considered.to_string()}
                onclick={props.on_considered.reform(|_| ())}><Icon glyph={Glyph::Glow} /></button>
            <button type="button" class="round" aria-label="Sections" title="Sections"
                aria-expanded={props.are_sections_open.to_string()} disabled={props.is_idle}
                onclick={props.on_sections.reform(|_| ())}><Icon glyph={Glyph::List} /></button>
        </div>
    }
}
