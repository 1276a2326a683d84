use std::cell::RefCell;
use std::rc::Rc;

use session::saved::{Saved, write_file};
use session::{Action, Notice};
use web_sys::File;
use yew::prelude::*;

use super::use_session::open;
use crate::file::{self, Found, ObjectUrl, Wanted};
use crate::js;
use crate::store::Store;

/// Files that come in, and sessions that go out.
#[derive(Clone, PartialEq)]
pub struct Files {
    /// A file was dropped: a primer, a performance that carries its recipe, or a session.
    pub on_drop: Callback<File>,
    /// A primer was chosen.
    pub on_primer: Callback<File>,
    /// The last file, which was taken for a performance, is to be a primer after all.
    pub on_as_primer: Callback<()>,
    /// Saves the session.
    pub on_save: Callback<()>,
}

/// Always the same callbacks.
#[hook]
pub fn use_files(state: &UseReducerHandle<Store>, dispatch: &Callback<Action>) -> Files {
    let latest = use_mut_ref(|| state.clone());
    *latest.borrow_mut() = state.clone();
    (*use_memo(dispatch.clone(), move |dispatch| {
        let last = Rc::new(RefCell::new(None::<File>));
        let saved = RefCell::new(None::<ObjectUrl>);
        let reading = |wanted| {
            let (dispatch, last) = (dispatch.clone(), Rc::clone(&last));
            Callback::from(move |file: File| {
                *last.borrow_mut() = Some(file.clone());
                read(file, wanted, dispatch.clone());
            })
        };
        let on_primer = reading(Wanted::Primer);
        let on_as_primer = {
            let (last, dispatch) = (Rc::clone(&last), dispatch.clone());
            Callback::from(move |()| {
                dispatch.emit(Action::Settle(Notice::RecipeFound { file: String::new() }));
                last.borrow().iter().for_each(|file| read(file.clone(), Wanted::Primer, dispatch.clone()));
            })
        };
        let on_save = {
            let dispatch = dispatch.clone();
            Callback::from(move |()| {
                let bytes = write_file(&Saved::of(&latest.borrow()));
                match file::save(&bytes, "application/octet-stream", &file_name()) {
                    Ok(url) => *saved.borrow_mut() = Some(url),
                    Err(notice) => dispatch.emit(Action::Notify(notice)),
                }
            })
        };
        Files { on_drop: reading(Wanted::Anything), on_primer, on_as_primer, on_save }
    }))
    .clone()
}

fn read(chosen: File, wanted: Wanted, dispatch: Callback<Action>) {
    wasm_bindgen_futures::spawn_local(async move {
        let action = match file::read_any(&chosen, wanted, primer_secs()).await {
            Ok(Found::Primer(primer)) => Action::SetPrimer(Rc::new(primer)),
            Ok(Found::Take(received)) => {
                dispatch.emit(Action::Receive(received));
                Action::Notify(Notice::RecipeFound { file: chosen.name() })
            }
            Ok(Found::Session(found)) => return open(chosen.name(), found, &dispatch),
            Err(notice) => Action::Notify(notice),
        };
        dispatch.emit(action);
    });
}

/// `performance-rnn-2026-11-28.prnn`.
fn file_name() -> String {
    let now = js_sys::Date::new_0();
    let (year, month, day) = (now.get_full_year(), now.get_month() + 1, now.get_date());
    format!("performance-rnn-{year}-{month:02}-{day:02}.prnn")
}

/// `?primer_seconds=30` in the page's address: only the beginning of a primer counts.
fn primer_secs() -> Option<f64> {
    let secs: f64 = js::asked("primer_seconds")?.parse().ok()?;
    (secs > 0.0).then_some(secs)
}
