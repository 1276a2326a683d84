use yew::prelude::*;

use super::{Glyph, Icon};
use session::Action;
use session::{Notice, Remedy};

#[derive(Properties, PartialEq)]
pub struct NoticesProps {
    pub notices: Vec<Notice>,
    pub dispatch: Callback<Action>,
    pub on_remedy: Callback<Remedy>,
}

/// What the visitor should know.
#[component]
pub fn Notices(NoticesProps { notices, dispatch, on_remedy }: &NoticesProps) -> Html {
    let line = |(index, notice): (usize, &Notice)| {
        let retry = notice.remedy().map(|remedy| {
            let onclick = on_remedy.reform(move |_| remedy);
            html! { <button type="button" {onclick}>{ remedy.label() }</button> }
        });
        let ondismiss = dispatch.reform(move |_| Action::Dismiss(index));
        html! {
            <li key={notice.to_string()}>
                <span>{ notice.to_string() }</span>
                { for retry }
                <button type="button" class="round" aria-label="Dismiss" title="Dismiss" onclick={ondismiss}>
                    <Icon glyph={Glyph::Cross} />
                </button>
            </li>
        }
    };
    html! {
        <div role="alert" class="notices">
            if !notices.is_empty() {
                <ul>{ for notices.iter().enumerate().map(line) }</ul>
            }
        </div>
    }
}
