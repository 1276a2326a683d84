use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use js_sys::Array;
use session::teach::{MusicReport, Outcome, TaughtModel, Teach, TeachAction, TeachReply, TeachRequest};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{EngineLink, WEIGHTS};
use crate::file::{self, ObjectUrl};
use crate::teacher::Teacher;
use crate::{js, models};

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

struct Shared {
    teacher: RefCell<Option<Teacher>>,
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
        self.post(&TeachRequest::Look);
        self.list();
    }

    /// Reads the files of an array.
    pub fn read(&self, files: &Array) {
        if files.length() == 0 {
            return;
        }
        self.tell(TeachAction::Brought { files: files.length() as usize });
        self.with_teacher(|teacher| teacher.post_with_files(&TeachRequest::Read, files));
    }

    /// Learns from what was read, or goes on where an earlier visit was.
    pub fn start(&self, is_unfinished: bool) {
        self.tell(TeachAction::Started);
        let Ok(weights_url) = js::asset_url(WEIGHTS) else { return };
        let events = js::asked("teach_events").and_then(|events| events.parse().ok());
        self.post(&if is_unfinished {
            TeachRequest::Resume { weights_url }
        } else {
            TeachRequest::Start { weights_url, events }
        });
    }

    pub fn pause(&self) {
        self.tell(TeachAction::Paused);
        self.post(&TeachRequest::Pause);
    }

    pub fn go_on(&self) {
        self.tell(TeachAction::WentOn);
        self.post(&TeachRequest::GoOn);
    }

    pub fn stop(&self) {
        self.post(&TeachRequest::GoOn);
        self.post(&TeachRequest::Stop);
    }

    /// Forgets the music and the run.
    pub fn cancel(&self) {
        self.tell(TeachAction::Cancelled);
        self.post(&TeachRequest::Cancel);
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
                let why = found.err().unwrap_or_else(|| "the browser has removed it".to_owned());
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
                Err(why) => web_sys::console::debug_1(&why.into()),
            }
        });
    }

    fn hear(&self, reply: TeachReply, bytes: Option<Vec<u8>>) {
        if let TeachReply::Ended { outcome, report } = &reply {
            match bytes {
                Some(bytes) => self.keep(*outcome, report, bytes),
                None => self.post(&TeachRequest::Cancel),
            }
        }
        if let TeachReply::Crashed { .. } = &reply {
            let crashed = self.0.teacher.borrow_mut().take();
            // Later, because one of its own callbacks is running.
            spawn_local(async move { drop(crashed) });
        }
        self.tell(TeachAction::Replied(reply));
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
                    link.post(&TeachRequest::Cancel);
                    link.list();
                }
                Err(why) => {
                    *link.0.unkept.borrow_mut() = Some((model.id.clone(), bytes));
                    link.tell(TeachAction::Models(vec![model]));
                    link.tell(TeachAction::Problem(format!(
                        "The browser has no room for the model ({why}). It plays until the page is closed: \
                         download it to keep it."
                    )));
                }
            }
        });
    }

    fn tell(&self, action: TeachAction) {
        self.0.dispatch.dispatch(action);
    }

    fn post(&self, request: &TeachRequest) {
        self.with_teacher(|teacher| teacher.post(request));
    }

    /// Starts the worker if it does not run.
    fn with_teacher(&self, use_it: impl FnOnce(&Teacher)) {
        let mut teacher = self.0.teacher.borrow_mut();
        if teacher.is_none() {
            let link = self.clone();
            match Teacher::start(move |reply, bytes| link.hear(reply, bytes)) {
                Ok(started) => *teacher = Some(started),
                Err(error) => {
                    let why = js::text(&error);
                    self.tell(TeachAction::Problem(format!("The part that learns could not start ({why}).")));
                }
            }
        }
        if let Some(teacher) = &*teacher {
            use_it(teacher);
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
