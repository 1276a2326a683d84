use std::cell::{Cell, RefCell};
use std::rc::Rc;

use session::doors::Door;
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
    /// Files were dropped at once, among them perhaps weights.
    pub on_drop_all: Callback<Vec<File>>,
    /// The last weights that were dropped.
    pub model: Rc<RefCell<Option<File>>>,
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
        let turn = Rc::new(Cell::new(0));
        let reading = |wanted| {
            let (dispatch, last, turn) = (dispatch.clone(), Rc::clone(&last), Rc::clone(&turn));
            Callback::from(move |file: File| {
                *last.borrow_mut() = Some(file.clone());
                read(file, wanted, dispatch.clone(), Turn::next(&turn));
            })
        };
        let on_primer = reading(Wanted::Primer);
        let on_as_primer = {
            let (last, dispatch, turn) = (Rc::clone(&last), dispatch.clone(), Rc::clone(&turn));
            Callback::from(move |()| {
                dispatch.emit(Action::Settle(Notice::RecipeFound { file: String::new() }));
                last.borrow()
                    .iter()
                    .for_each(|file| read(file.clone(), Wanted::Primer, dispatch.clone(), Turn::next(&turn)));
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
        let (on_drop, model) = (reading(Wanted::Anything), Rc::new(RefCell::new(None)));
        let on_drop_all = on_drop_all(dispatch, &on_drop, &model);
        Files { on_drop, on_drop_all, model, on_primer, on_as_primer, on_save }
    }))
    .clone()
}

/// One of several is taken, and the visitor is told which. Weights are offered: they replace the model.
fn on_drop_all(
    dispatch: &Callback<Action>,
    on_drop: &Callback<File>,
    model: &Rc<RefCell<Option<File>>>,
) -> Callback<Vec<File>> {
    let (dispatch, on_drop, model) = (dispatch.clone(), on_drop.clone(), Rc::clone(model));
    Callback::from(move |files: Vec<File>| {
        let names: Vec<String> = files.iter().map(File::name).collect();
        let Some((idx, door)) = Door::first(&names) else { return };
        let chosen = files[idx].clone();
        let name = file::name(&chosen);
        if files.len() > 1 {
            dispatch.emit(Action::Notify(Notice::OneOfSeveral { file: name.clone(), n: files.len() }));
        }
        if door == Door::Model {
            *model.borrow_mut() = Some(chosen);
            dispatch.emit(Action::Notify(Notice::ModelDropped { file: name }));
        } else {
            on_drop.emit(chosen);
        }
    })
}

/// A file's place among those that are being read: what takes longer does not replace what was chosen after it.
struct Turn {
    latest: Rc<Cell<u32>>,
    number: u32,
}

impl Turn {
    fn next(latest: &Rc<Cell<u32>>) -> Self {
        latest.set(latest.get().wrapping_add(1));
        Self { latest: Rc::clone(latest), number: latest.get() }
    }

    fn is_latest(&self) -> bool {
        self.latest.get() == self.number
    }
}

fn read(chosen: File, wanted: Wanted, dispatch: Callback<Action>, turn: Turn) {
    wasm_bindgen_futures::spawn_local(async move {
        let found = file::read_any(&chosen, wanted, primer_secs()).await;
        if !turn.is_latest() {
            return;
        }
        let action = match found {
            Ok(Found::Primer(primer)) => Action::SetPrimer(Rc::new(primer)),
            Ok(Found::Take(received)) => {
                dispatch.emit(Action::Receive(received));
                Action::Notify(Notice::RecipeFound { file: file::name(&chosen) })
            }
            Ok(Found::Session(found)) => return open(file::name(&chosen), found, &dispatch),
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
