use gloo::events::EventListener;
use session::link::{self, Linked};
use session::{Action, Notice, Received};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

use crate::js;
use crate::store::Store;

/// What the primer of a link is called.
const PRIMER_NAME: &str = "the link's primer";

/// Copies a link to the performance on stage.
#[hook]
pub fn use_share(state: &UseReducerHandle<Store>, dispatch: &Callback<Action>) -> Callback<()> {
    let latest = use_mut_ref(|| state.clone());
    *latest.borrow_mut() = state.clone();
    use_callback(dispatch.clone(), move |(), dispatch| {
        let take = latest.borrow().takes.current().cloned().filter(|take| take.n_notes() > 0);
        let Some(take) = take else { return };
        let dispatch = dispatch.clone();
        for told in [
            Notice::LinkCopied,
            Notice::LinkCopiedWithoutScore { n_notes: 0 },
            Notice::LinkTooLong,
            Notice::LinkNotCopied { why: String::new(), link: String::new() },
        ] {
            dispatch.emit(Action::Settle(told));
        }
        let link = match link::write(&take, &page_address()) {
            Ok(link) => link,
            Err(notice) => return dispatch.emit(Action::Notify(notice)),
        };
        spawn_local(async move {
            let clipboard = js::window().navigator().clipboard();
            // Pages that are not served safely have none.
            let copied = if clipboard.is_object() {
                JsFuture::from(clipboard.write_text(&link)).await.map_err(|error| js::text(&error))
            } else {
                Err("the page is not served over https".to_owned())
            };
            dispatch.emit(Action::Notify(match copied {
                Ok(_) => link::copied(&link),
                Err(why) => Notice::LinkNotCopied { why, link },
            }));
        });
    })
}

/// Opens the link in the page's address, now and when another is put there.
#[hook]
pub fn use_links(dispatch: &Callback<Action>) -> Callback<()> {
    let on_open = use_callback(dispatch.clone(), |(), dispatch| open(dispatch));
    use_effect_with(on_open.clone(), |on_open| {
        let on_open = on_open.clone();
        let listener = EventListener::new(&js::window(), "hashchange", move |_| on_open.emit(()));
        move || drop(listener)
    });
    on_open
}

fn open(dispatch: &Callback<Action>) {
    let fragment = js::window().location().hash().unwrap_or_default();
    let action = match link::read(&fragment) {
        None => return,
        Some(Ok(Linked::Score(rendition))) => Action::ReceiveScore(rendition),
        Some(Ok(Linked::Take(lineage))) => {
            Action::Receive(Received { lineage, name: None, primer_name: PRIMER_NAME.to_owned() })
        }
        Some(Err(notice)) => Action::Notify(notice),
    };
    dispatch.emit(action);
    // It was used: a reload must not bring it once more.
    let address = format!(
        "{}{}",
        js::window().location().pathname().unwrap_or_default(),
        js::window().location().search().unwrap_or_default()
    );
    let history = js::window().history();
    let replaced = history
        .and_then(|history| history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address)));
    if let Err(error) = replaced {
        web_sys::console::warn_1(&error);
    }
}

/// Without settings and fragment.
fn page_address() -> String {
    let location = js::window().location();
    format!("{}{}", location.origin().unwrap_or_default(), location.pathname().unwrap_or_default())
}
