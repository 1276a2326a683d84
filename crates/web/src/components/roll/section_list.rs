use std::rc::Rc;

use session::format;
use session::roll::Section;
use yew::prelude::*;

#[derive(Properties, PartialEq)]
pub struct SectionListProps {
    pub sections: Rc<Vec<Section>>,
    /// The play-head, in microseconds since the primer's end.
    pub position_us: u64,
    pub on_seek: Callback<u64>,
}

/// Where the music changes; each line leads there.
#[component]
pub fn SectionList(props: &SectionListProps) -> Html {
    let current = props.sections.iter().rposition(|section| section.at_us <= props.position_us);
    html! {
        <nav class="sections" aria-label="Sections">
            <ol>
                { for props.sections.iter().enumerate().map(|(index, section)| {
                    let at_us = section.at_us;
                    html! {
                        <li>
                            <button type="button" aria-current={(Some(index) == current).then_some("true")}
                                onclick={props.on_seek.reform(move |_| at_us)}>
                                <span class="time">{ format::clock(at_us / 1_000_000) }</span>
                                <span>{ &section.title }</span>
                            </button>
                        </li>
                    }
                }) }
                if props.sections.is_empty() {
                    <li class="small">{ "They are listed once there is music." }</li>
                }
            </ol>
        </nav>
    }
}
