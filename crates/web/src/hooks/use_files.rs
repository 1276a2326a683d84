use std::cell::{Cell, RefCell};
use std::rc::Rc;

use session::doors::Door;
use session::saved::{Saved, write_file};
use session::{Action, Notice, Piece};
use web_sys::File;
use yew::prelude::*;

use super::use_session::open;
use crate::file::{self, Found, ObjectUrl, Wanted};
use crate::js;
use crate::player::PlayerHandle;
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
    /// The last file, which was taken for a performance or a score, is to be a primer after all.
    pub on_as_primer: Callback<()>,
    /// The last file is to be performed. Sounds, so it is to be called while the visitor presses something.
    pub on_perform: Callback<()>,
    /// Saves the session.
    pub on_save: Callback<()>,
}

/// Always the same callbacks.
#[hook]
pub fn use_files(
    state: &UseReducerHandle<Store>,
    dispatch: &Callback<Action>,
    player: &PlayerHandle,
) -> Files {
    let latest = use_mut_ref(|| state.clone());
    *latest.borrow_mut() = state.clone();
    let parts = (dispatch.clone(), player.clone());
    (*use_memo(parts, move |(dispatch, player)| {
        let last = Rc::new(RefCell::new(None::<File>));
        let saved = RefCell::new(None::<ObjectUrl>);
        let reader =
            Reader { dispatch: dispatch.clone(), player: player.clone(), turn: Rc::new(Cell::new(0)) };
        let reading = |wanted| {
            let (reader, last) = (reader.clone(), Rc::clone(&last));
            Callback::from(move |file: File| {
                *last.borrow_mut() = Some(file.clone());
                reader.read(file, wanted);
            })
        };
        let again = |wanted| {
            let (reader, last) = (reader.clone(), Rc::clone(&last));
            Callback::from(move |()| {
                for told in [
                    Notice::RecipeFound { file: String::new() },
                    Notice::ScoreFound { file: String::new() },
                    Notice::ScorePerformed { file: String::new(), left_out: Vec::new() },
                ] {
                    reader.dispatch.emit(Action::Settle(told));
                }
                if wanted == Wanted::Score {
                    reader.player.with(|player| player.unlock());
                }
                last.borrow().iter().for_each(|file| reader.read(file.clone(), wanted));
            })
        };
        let (on_primer, on_as_primer, on_perform) =
            (reading(Wanted::Primer), again(Wanted::GoOn), again(Wanted::Score));
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
        Files { on_drop, on_drop_all, model, on_primer, on_as_primer, on_perform, on_save }
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

/// Reads one file after another.
#[derive(Clone)]
struct Reader {
    dispatch: Callback<Action>,
    player: PlayerHandle,
    turn: Rc<Cell<u32>>,
}

impl Reader {
    fn read(&self, chosen: File, wanted: Wanted) {
        let (reader, turn) = (self.clone(), Turn::next(&self.turn));
        wasm_bindgen_futures::spawn_local(async move {
            let found = file::read_any(&chosen, wanted, primer_secs()).await;
            if turn.is_latest() {
                reader.take(file::name(&chosen), found, wanted);
            }
        });
    }

    fn take(&self, file: String, found: Result<Found, Notice>, wanted: Wanted) {
        let dispatch = &self.dispatch;
        let action = match found {
            Ok(Found::Primer(primer)) => Action::SetPrimer(Rc::new(primer)),
            Ok(Found::WrittenPrimer(primer)) => {
                dispatch.emit(Action::SetPrimer(Rc::new(primer)));
                Action::Notify(Notice::ScoreFound { file })
            }
            Ok(Found::Score(piece, left_out)) => return self.perform(file, piece, left_out, wanted),
            Ok(Found::Rendition(rendition)) => Action::ReceiveScore(rendition),
            Ok(Found::Take(received)) => {
                dispatch.emit(Action::Receive(received));
                Action::Notify(Notice::RecipeFound { file })
            }
            Ok(Found::Session(found)) => return open(file, found, dispatch),
            Err(notice) => Action::Notify(notice),
        };
        dispatch.emit(action);
    }

    /// At once, where the browser lets the page sound: not before somebody has pressed something.
    fn perform(&self, file: String, piece: Rc<Piece>, left_out: Vec<String>, wanted: Wanted) {
        let dispatch = &self.dispatch;
        if wanted != Wanted::Score && !js::was_pressed() {
            return dispatch.emit(Action::Notify(Notice::ScoreFound { file }));
        }
        self.player.with(|player| player.unlock());
        dispatch.emit(Action::Perform(piece));
        dispatch.emit(Action::Notify(Notice::ScorePerformed { file, left_out }));
    }
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
