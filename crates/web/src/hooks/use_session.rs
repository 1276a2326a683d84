use std::cell::RefCell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use session::saved::{Opened, Saved, SavedError, Writer};
use session::{Action, Notice, State, format};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::database::Failure;
use crate::js;
use crate::sessions::{self, Other, Own};
use crate::store::Store;

/// What has changed is written after this long. Larger loses more when the browser crashes; smaller writes more
/// often while music is composed.
const WRITE_AFTER_MS: u32 = 1_000;
/// After a failure, the next attempt comes after this long.
const RETRY_AFTER_MS: u32 = 10_000;
/// Durations of writes that are remembered, for measurements.
const REMEMBERED: usize = 1_000;

/// The keeping of the session: what else is in this browser, and what to do with it.
#[derive(Clone, PartialEq)]
pub struct Kept {
    pub keeper: Keeper,
    /// Other sessions.
    pub others: Rc<Vec<Other>>,
    /// Adds the performances of another session to this one.
    pub on_bring: Callback<String>,
    /// Removes another session.
    pub on_remove: Callback<String>,
}

/// Writes the session down.
#[derive(Clone)]
pub struct Keeper(Rc<RefCell<Inner>>);

struct Inner {
    state: UseReducerHandle<Store>,
    dispatch: Callback<Action>,
    own: Option<Rc<Own>>,
    /// Why nothing is kept, until the visitor was told.
    refused: Option<Notice>,
    writer: Writer,
    /// What the page opened with: nobody would miss it.
    opening: Option<Saved>,
    timer: Option<Timeout>,
    is_writing: bool,
    has_failed: bool,
    writes_ms: Vec<f64>,
}

impl PartialEq for Keeper {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Keeper {
    /// How it goes, as JSON for tests and measurements: the session's name, whether all is written, and how long
    /// the last writes took in milliseconds.
    #[must_use]
    pub fn report(&self) -> String {
        let inner = self.0.borrow();
        let id = inner.own.as_ref().map(|own| own.id());
        let is_idle = inner.timer.is_none() && !inner.is_writing;
        serde_json::json!({ "session": id, "is_idle": is_idle, "writes_ms": inner.writes_ms }).to_string()
    }

    /// Something may have changed.
    fn note(&self, state: &UseReducerHandle<Store>) {
        let mut inner = self.0.borrow_mut();
        inner.state = state.clone();
        if inner.own.is_some() {
            self.schedule(&mut inner, WRITE_AFTER_MS);
        } else if state.takes.current().is_some_and(|take| take.n_notes() > 0)
            && let Some(notice) = inner.refused.take()
        {
            let dispatch = inner.dispatch.clone();
            spawn_local(async move { dispatch.emit(Action::Notify(notice)) });
        }
    }

    fn schedule(&self, inner: &mut Inner, after_ms: u32) {
        if inner.timer.is_none() {
            let keeper = self.clone();
            inner.timer = Some(Timeout::new(after_ms, move || keeper.write()));
        }
    }

    /// Writes what has changed; under way when it returns.
    fn write(&self) {
        let started = js::now_ms();
        let (own, changes) = {
            let mut inner = self.0.borrow_mut();
            inner.timer = None;
            let Some(own) = inner.own.clone() else { return };
            if inner.is_writing {
                // What the write under way does not have follows it.
                self.schedule(&mut inner, WRITE_AFTER_MS);
                return;
            }
            let saved = Saved::of(&inner.state);
            if inner.opening.as_ref() == Some(&saved) {
                return;
            }
            inner.opening = None;
            let changes = inner.writer.changes(&saved);
            if changes.is_empty() {
                return;
            }
            inner.is_writing = true;
            (own, changes)
        };
        let outcome = own.write(&changes);
        let keeper = self.clone();
        spawn_local(async move {
            let outcome = match outcome {
                Ok(ended) => ended.await,
                Err(failure) => Err(failure),
            };
            keeper.written(outcome, js::now_ms() - started);
        });
    }

    fn written(&self, outcome: Result<(), Failure>, took_ms: f64) {
        let mut inner = self.0.borrow_mut();
        inner.is_writing = false;
        let action = match outcome {
            Ok(()) => {
                inner.writes_ms.push(took_ms);
                if inner.writes_ms.len() > REMEMBERED {
                    inner.writes_ms.remove(0);
                }
                std::mem::take(&mut inner.has_failed).then_some(Action::Settle(Notice::StorageFull))
            }
            Err(failure) => {
                // Nothing of it was written; all of it is tried again.
                inner.writer = Writer::default();
                self.schedule(&mut inner, RETRY_AFTER_MS);
                (!std::mem::replace(&mut inner.has_failed, true)).then(|| Action::Notify(failure.notice()))
            }
        };
        let dispatch = inner.dispatch.clone();
        drop(inner);
        action.into_iter().for_each(|action| dispatch.emit(action));
    }

    fn own(&self) -> Option<Rc<Own>> {
        self.0.borrow().own.clone()
    }
}

/// Restores the session of this tab, and writes it down from then on. `on_open` runs once what was kept is there.
#[hook]
pub fn use_session(
    state: &UseReducerHandle<Store>,
    dispatch: &Callback<Action>,
    on_open: Callback<()>,
) -> Kept {
    let others = use_state(Rc::<Vec<Other>>::default);
    let keeper = (*use_memo((), |()| {
        Keeper(Rc::new(RefCell::new(Inner {
            state: state.clone(),
            dispatch: dispatch.clone(),
            own: None,
            refused: None,
            writer: Writer::default(),
            opening: None,
            timer: None,
            is_writing: false,
            has_failed: false,
            writes_ms: Vec::new(),
        })))
    }))
    .clone();
    let on_list = use_callback((keeper.clone(), others.setter()), |(), (keeper, others)| {
        let (own, others) = (keeper.own(), others.clone());
        spawn_local(async move {
            let Some(own) = own else { return };
            match own.others().await {
                Ok(found) => others.set(Rc::new(found)),
                Err(failure) => web_sys::console::warn_1(&failure.notice().to_string().into()),
            }
        });
    });
    use_effect_with((), {
        let (keeper, dispatch, on_list) = (keeper.clone(), dispatch.clone(), on_list.clone());
        move |()| {
            spawn_local(async move {
                begin(&keeper, &dispatch).await;
                on_open.emit(());
                on_list.emit(());
            });
        }
    });
    // Each change of the state is noted; comparing it is cheaper than an hour of tokens each time.
    use_effect({
        let (keeper, state) = (keeper.clone(), state.clone());
        move || keeper.note(&state)
    });
    use_effect_with((), {
        let (keeper, on_list) = (keeper.clone(), on_list.clone());
        move |()| {
            let leaving = keeper.clone();
            let hidden = EventListener::new(&gloo::utils::document(), "visibilitychange", move |_| {
                if gloo::utils::document().hidden() { keeper.write() } else { on_list.emit(()) }
            });
            let left = EventListener::new(&js::window(), "pagehide", move |_| leaving.write());
            move || drop((hidden, left))
        }
    });
    use_persistence(state);
    let on_bring = use_callback((keeper.clone(), dispatch.clone()), |id: String, (keeper, dispatch)| {
        let (own, dispatch) = (keeper.own(), dispatch.clone());
        spawn_local(async move {
            let Some(own) = own else { return };
            let file = "The other session".to_owned();
            let found = match own.read(&id).await {
                Ok(found) => found.unwrap_or(Err(SavedError::Damaged)),
                Err(failure) => return dispatch.emit(Action::Notify(failure.notice())),
            };
            open(file, found, &dispatch);
        });
    });
    let on_remove = use_callback((keeper.clone(), on_list), |id: String, (keeper, on_list)| {
        let (own, on_list) = (keeper.own(), on_list.clone());
        spawn_local(async move {
            if let Some(own) = own
                && let Err(failure) = own.remove(&id).await
            {
                web_sys::console::warn_1(&failure.notice().to_string().into());
            }
            on_list.emit(());
        });
    });
    Kept { keeper, others: Rc::clone(&others), on_bring, on_remove }
}

/// Opens what was kept.
async fn begin(keeper: &Keeper, dispatch: &Callback<Action>) {
    match sessions::begin().await {
        Ok(beginning) => {
            let mut writer = Writer::default();
            match beginning.found {
                Some(Ok(Opened { saved, n_damaged })) => {
                    if n_damaged == 0 && !beginning.is_copy {
                        writer = Writer::after_reading(&saved);
                    }
                    dispatch.emit(Action::Open(Rc::new(saved)));
                    tell_damage(n_damaged, dispatch);
                }
                Some(Err(error)) => {
                    let file = "The session in this browser".to_owned();
                    dispatch.emit(Action::Notify(Notice::SessionRefused { file, why: error.to_string() }));
                }
                None => {}
            }
            if beginning.is_elsewhere {
                dispatch.emit(Action::Notify(Notice::SessionElsewhere));
            }
            let mut inner = keeper.0.borrow_mut();
            inner.writer = writer;
            inner.own = Some(Rc::new(beginning.own));
            inner.opening = Some(Saved::of(&inner.state)).filter(Saved::is_empty);
        }
        Err(failure) => {
            // Told when there is something to lose.
            keeper.0.borrow_mut().refused = Some(failure.notice());
        }
    }
}

/// Adds a session that was read, and says what came of it.
pub fn open(file: String, found: Result<Opened, SavedError>, dispatch: &Callback<Action>) {
    match found {
        Ok(Opened { saved, n_damaged }) => {
            let n_takes = saved.takes.len();
            let what = format!(
                "{} {}",
                format::count(n_takes, "performance"),
                if n_takes == 1 { "is" } else { "are" }
            );
            dispatch.emit(Action::Open(Rc::new(saved)));
            dispatch.emit(Action::Notify(Notice::SessionOpened { file, what }));
            tell_damage(n_damaged, dispatch);
        }
        Err(error) => dispatch.emit(Action::Notify(Notice::SessionRefused { file, why: error.to_string() })),
    }
}

fn tell_damage(n_damaged: usize, dispatch: &Callback<Action>) {
    if n_damaged > 0 {
        let verb = if n_damaged == 1 {
            "is missing or shorter than it was"
        } else {
            "are missing or shorter than they were"
        };
        let what = format!("{} {verb}", format::count(n_damaged, "performance"));
        dispatch.emit(Action::Notify(Notice::SessionDamaged { what }));
    }
}

/// Asks the browser to keep what is there when it runs out of room, once the visitor has marked something.
#[hook]
fn use_persistence(state: &State) {
    let has_star = state.takes.listed().iter().any(|(listed, _)| listed.is_starred);
    use_effect_with(has_star, |&has_star| {
        let storage = js::window().navigator().storage();
        if has_star && storage.is_object() {
            js::spawn(storage.persist(), "the browser was not asked to keep performances");
        }
    });
}
