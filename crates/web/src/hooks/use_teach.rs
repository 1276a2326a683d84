use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

use js_sys::Array;
use session::teach::{
    MusicReport, Outcome, Place, TaughtModel, Teach, TeachAction, TeachReply, TeachRequest,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{EngineLink, WEIGHTS};
use crate::file::{self, ObjectUrl};
use crate::teacher::Teacher;
use crate::{adapter, js, models, storage};

/// Teaching's state in the form that Yew keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeachStore(Teach);

impl Reducible for TeachStore {
    type Action = TeachAction;

    fn reduce(self: Rc<Self>, action: TeachAction) -> Rc<Self> {
        Rc::new(Self(Rc::unwrap_or_clone(self).0.reduced(action)))
    }
}

impl Deref for TeachStore {
    type Target = Teach;

    fn deref(&self) -> &Teach {
        &self.0
    }
}

/// What the buttons do.
#[derive(Clone)]
pub struct TeachLink(Rc<Shared>);

type Post = Box<dyn FnOnce(&Teacher)>;

struct Shared {
    teacher: RefCell<Option<Teacher>>,
    /// Where it learns, once that is known.
    place: RefCell<Option<Place>>,
    /// What is to be posted then.
    waiting: RefCell<Vec<Post>>,
    /// What was brought and is not learned yet: another worker has to read it again.
    brought: RefCell<Option<Array>>,
    is_learning: Cell<bool>,
    /// Whether the worker goes on with what another was learning.
    goes_on: Cell<bool>,
    /// In events per second; 0 before it has learned anything.
    speed: Cell<f64>,
    /// Of the worker: what an earlier one still says does not count.
    number: Cell<u32>,
    /// A model that the browser has no room for, until the page is closed.
    unkept: RefCell<Option<(String, Vec<u8>)>>,
    saved: RefCell<Option<ObjectUrl>>,
    dispatch: UseReducerDispatcher<TeachStore>,
    engine: EngineLink,
}

impl PartialEq for TeachLink {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl TeachLink {
    /// The panel was opened: loads the worker and the list of models.
    pub fn open(&self) {
        self.post(TeachRequest::Look);
        if self.0.place.borrow().is_some() {
            return self.list();
        }
        let link = self.clone();
        spawn_local(async move {
            if let Err(why) = models::take_over().await {
                // As in `list`.
                web_sys::console::debug_1(&why.to_string().into());
            }
            link.list();
            let mut places = Place::all(adapter::find().await, js::asked("learn").as_deref());
            let is_built = |place: &Place| js::asset_url(place.files(js::simd())[1]).is_ok();
            let is_missing = !places.iter().all(is_built);
            places.retain(|place| *place == Place::Processor || is_built(place));
            *link.0.place.borrow_mut() = Some(places.first().cloned().unwrap_or_default());
            link.tell(TeachAction::Places(places));
            if is_missing {
                let what = "this page was built without the program for GPUs";
                link.tell(TeachAction::WithoutGpu {
                    what,
                    why: "cargo xtask build --all makes it".to_owned(),
                });
            }
            let waiting = std::mem::take(&mut *link.0.waiting.borrow_mut());
            waiting.into_iter().for_each(|post| link.with_teacher(post));
        });
    }

    /// Learns somewhere else from now on.
    pub fn move_to(&self, place: Place) {
        self.tell(TeachAction::Moved(place.clone()));
        self.restart(place);
    }

    /// Another worker, which reads again what was brought, and goes on with what the last one was learning.
    fn restart(&self, place: Place) {
        *self.0.place.borrow_mut() = Some(place);
        self.0.number.set(self.0.number.get() + 1);
        let ended = self.0.teacher.borrow_mut().take();
        let link = self.clone();
        // Later, because one of its own callbacks may be running.
        spawn_local(async move {
            drop(ended);
            link.post(TeachRequest::Look);
            let brought = link.0.brought.borrow().clone();
            if let Some(files) = brought {
                link.read(&files);
            }
        });
    }

    /// The GPU does not serve: the processor learns.
    fn without_gpu(&self, what: &'static str, why: String) {
        self.0.goes_on.set(self.0.is_learning.take());
        self.tell(TeachAction::WithoutGpu { what, why });
        self.restart(Place::Processor);
    }

    /// Reads the files of an array.
    pub fn read(&self, files: &Array) {
        if files.length() == 0 {
            return;
        }
        *self.0.brought.borrow_mut() = Some(files.clone());
        self.tell(TeachAction::Brought { files: files.length() as usize });
        let (link, files) = (self.clone(), files.clone());
        self.with_teacher(Box::new(move |teacher| {
            let speed = storage::learning_speed(&link.place());
            teacher.post_with_files(&TeachRequest::Read { speed }, &files);
        }));
    }

    /// Learns from what was read, or goes on where an earlier visit was.
    pub fn start(&self, is_unfinished: bool) {
        self.0.brought.borrow_mut().take();
        self.0.is_learning.set(true);
        self.tell(TeachAction::Started);
        let Ok(weights_url) = js::asset_url(WEIGHTS) else { return };
        let events = js::asked("teach_events").and_then(|events| events.parse().ok());
        self.post(if is_unfinished {
            TeachRequest::Resume { weights_url }
        } else {
            TeachRequest::Start { weights_url, events }
        });
    }

    pub fn pause(&self) {
        self.tell(TeachAction::Paused);
        self.post(TeachRequest::Pause);
    }

    pub fn go_on(&self) {
        self.tell(TeachAction::WentOn);
        self.post(TeachRequest::GoOn);
    }

    pub fn stop(&self) {
        self.post(TeachRequest::GoOn);
        self.post(TeachRequest::Stop);
    }

    /// Forgets the music and the run.
    pub fn cancel(&self) {
        self.0.brought.borrow_mut().take();
        self.0.is_learning.set(false);
        self.tell(TeachAction::Cancelled);
        self.post(TeachRequest::Cancel);
    }

    /// Has a model play; none is the released one.
    pub fn play(&self, id: Option<String>) {
        let Some(id) = id else {
            self.0.engine.unload_file();
            return self.tell(TeachAction::Playing(None));
        };
        let link = self.clone();
        spawn_local(async move {
            if let Some((name, bytes)) = link.weights(&id).await {
                link.0.engine.load_file(name, bytes);
                link.tell(TeachAction::Playing(Some(id)));
            }
        });
    }

    /// Lets the visitor save a model as a weight file.
    pub fn download(&self, id: String) {
        let link = self.clone();
        spawn_local(async move {
            let Some((name, bytes)) = link.weights(&id).await else { return };
            match file::save(&bytes, "application/octet-stream", &format!("{name}.safetensors")) {
                Ok(url) => *link.0.saved.borrow_mut() = Some(url),
                Err(notice) => link.tell(TeachAction::Problem(notice.to_string())),
            }
        });
    }

    /// Deletes a model for good.
    pub fn delete(&self, id: String, is_playing: bool) {
        if is_playing {
            self.play(None);
        }
        let link = self.clone();
        spawn_local(async move {
            if let Err(why) = models::forget(&id).await {
                link.tell(TeachAction::Problem(format!("The model could not be deleted ({why}).")));
            }
            link.list();
        });
    }

    async fn weights(&self, id: &str) -> Option<(String, Vec<u8>)> {
        let found = models::weights(id).await;
        let unkept = self.0.unkept.borrow().clone().filter(|(kept, _)| kept == id).map(|(_, bytes)| bytes);
        let bytes = match (found, unkept) {
            (Ok(Some(bytes)), _) | (_, Some(bytes)) => bytes,
            (found, None) => {
                let why = found
                    .err()
                    .map_or_else(|| "the browser has removed it".to_owned(), |why| why.to_string());
                self.tell(TeachAction::Problem(format!("The model could not be loaded ({why}).")));
                return None;
            }
        };
        Some((id.to_owned(), bytes))
    }

    fn list(&self) {
        let link = self.clone();
        spawn_local(async move {
            match models::models().await {
                Ok(models) => link.tell(TeachAction::Models(models)),
                // A private window of some browsers: nothing is kept, and nothing is missing.
                Err(why) => web_sys::console::debug_1(&why.to_string().into()),
            }
        });
    }

    fn hear(&self, reply: TeachReply, bytes: Option<Vec<u8>>) {
        let is_on_gpu = matches!(self.place(), Place::WebGpu { .. });
        match &reply {
            TeachReply::Unsuited { why } => {
                return self.without_gpu("the GPU could not be opened", why.clone());
            }
            TeachReply::Crashed { why } if is_on_gpu => {
                return self.without_gpu("the GPU was lost", why.clone());
            }
            TeachReply::Crashed { .. } => {
                self.0.is_learning.set(false);
                let crashed = self.0.teacher.borrow_mut().take();
                // Later, because one of its own callbacks is running.
                spawn_local(async move { drop(crashed) });
            }
            TeachReply::Failed { .. } => self.0.is_learning.set(false),
            TeachReply::Estimated { events_per_second, .. } => {
                storage::store_learning_speed(&self.place(), *events_per_second);
            }
            TeachReply::Learned { events_per_second, .. } => self.0.speed.set(*events_per_second),
            TeachReply::Ended { outcome, report } => {
                self.0.is_learning.set(false);
                if self.0.speed.get() > 0.0 {
                    storage::store_learning_speed(&self.place(), self.0.speed.get());
                }
                match bytes {
                    Some(bytes) => self.keep(*outcome, report, bytes),
                    None => self.post(TeachRequest::Cancel),
                }
            }
            _ => {}
        }
        let goes_on = matches!(reply, TeachReply::Found(_)) && self.0.goes_on.take();
        self.tell(TeachAction::Replied(reply));
        if goes_on {
            self.start(true);
        }
    }

    /// Keeps what was taught, and plays with it.
    fn keep(&self, outcome: Outcome, report: &MusicReport, bytes: Vec<u8>) {
        let date = js_sys::Date::new_0();
        let day: String = date.to_iso_string().into();
        let day = day.split('.').next().unwrap_or_default().replace('T', " ");
        let name = name(report);
        let model = TaughtModel {
            id: format!("{name} {}", day.replace(':', ".")),
            name,
            made_ms: date.get_time(),
            pieces: report.pieces,
            nats: outcome.nats(),
        };
        let link = self.clone();
        spawn_local(async move {
            let kept = models::keep(&model, &bytes).await;
            link.0.engine.load_file(model.id.clone(), bytes.clone());
            link.tell(TeachAction::Playing(Some(model.id.clone())));
            match kept {
                Ok(()) => {
                    link.post(TeachRequest::Cancel);
                    link.list();
                }
                Err(why) => {
                    *link.0.unkept.borrow_mut() = Some((model.id.clone(), bytes));
                    link.tell(TeachAction::Models(vec![model]));
                    link.tell(TeachAction::Problem(format!(
                        "The model could not be kept ({why}). It plays until the page is closed: download it to \
                         keep it."
                    )));
                }
            }
        });
    }

    /// Where it learns.
    fn place(&self) -> Place {
        self.0.place.borrow().clone().unwrap_or_default()
    }

    fn tell(&self, action: TeachAction) {
        self.0.dispatch.dispatch(action);
    }

    fn post(&self, request: TeachRequest) {
        self.with_teacher(Box::new(move |teacher| teacher.post(&request)));
    }

    /// Starts the worker if it does not run.
    fn with_teacher(&self, post: Post) {
        let Some(place) = self.0.place.borrow().clone() else {
            return self.0.waiting.borrow_mut().push(post);
        };
        let mut teacher = self.0.teacher.borrow_mut();
        if teacher.is_none() {
            let link = self.clone();
            let number = self.0.number.get();
            let hear = move |reply, bytes| {
                if link.0.number.get() == number {
                    link.hear(reply, bytes);
                }
            };
            match Teacher::start(&place, js::simd(), hear) {
                Ok(started) => *teacher = Some(started),
                Err(error) => {
                    let why = js::text(&error);
                    self.tell(TeachAction::Problem(format!("The part that learns could not start ({why}).")));
                }
            }
        }
        if let Some(teacher) = &*teacher {
            post(teacher);
        }
    }
}

/// What a model is called: `sonata and 23 more`.
fn name(report: &MusicReport) -> String {
    let first = report.name.rsplit_once('.').map_or(report.name.as_str(), |(name, _)| name);
    match report.pieces {
        0 | 1 => first.to_owned(),
        n => format!("{first} and {} more", n - 1),
    }
}

/// Teaching: its state, and what the buttons do.
#[hook]
pub fn use_teach(engine: &EngineLink) -> (UseReducerHandle<TeachStore>, TeachLink) {
    let store = use_reducer(TeachStore::default);
    let link = (*use_memo((), |()| {
        TeachLink(Rc::new(Shared {
            teacher: RefCell::default(),
            place: RefCell::default(),
            waiting: RefCell::default(),
            brought: RefCell::default(),
            is_learning: Cell::default(),
            goes_on: Cell::default(),
            speed: Cell::default(),
            number: Cell::default(),
            unkept: RefCell::default(),
            saved: RefCell::default(),
            dispatch: store.dispatcher(),
            engine: engine.clone(),
        }))
    }))
    .clone();
    (store, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_after_their_music() {
        let report = |pieces| MusicReport { name: "sonata.mid".into(), pieces, ..MusicReport::default() };
        assert_eq!(name(&report(1)), "sonata");
        assert_eq!(name(&report(24)), "sonata and 23 more");
    }
}
