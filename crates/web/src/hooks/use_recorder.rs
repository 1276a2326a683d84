use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::file::{self, ObjectUrl};
use crate::js;
use crate::output::record;
use crate::player::PlayerHandle;
use session::Notice;
use session::{Action, Take, WithPrimer};

/// Makes a performance into a WAV file and has the browser save it; called again meanwhile, it gives up.
#[hook]
pub fn use_recorder(dispatch: &Callback<Action>, player: &PlayerHandle) -> Callback<(Rc<Take>, WithPrimer)> {
    let saved = use_mut_ref(|| None::<ObjectUrl>);
    // The number of the recording that is wanted, while one is being made.
    let wanted = use_memo((), |()| Cell::new(None::<u32>));
    let parts = (dispatch.clone(), player.clone());
    (*use_memo(parts, move |(dispatch, player)| {
        let (dispatch, player, wanted) = (dispatch.clone(), player.clone(), Rc::clone(&wanted));
        let next = Cell::new(0);
        Callback::from(move |(take, primer): (Rc<Take>, WithPrimer)| {
            if wanted.take().is_some() {
                dispatch.emit(Action::Recording(None));
                return;
            }
            let number = next.get();
            next.set(number + 1);
            wanted.set(Some(number));
            dispatch.emit(Action::Recording(Some((take.id, 0))));
            let (dispatch, wanted, saved) = (dispatch.clone(), Rc::clone(&wanted), Rc::clone(&saved));
            let samples = player.with(|player| player.samples());
            spawn_local(async move {
                let go_on = |percent| {
                    let is_wanted = wanted.get() == Some(number);
                    if is_wanted {
                        dispatch.emit(Action::Recording(Some((take.id, percent))));
                    }
                    is_wanted
                };
                let sound = record(&samples, &take.messages(primer), go_on).await;
                if wanted.get() != Some(number) {
                    return;
                }
                wanted.set(None);
                dispatch.emit(Action::Recording(None));
                let outcome = match sound {
                    Ok(Some(parts)) => {
                        file::save_parts(&parts, "audio/wav", &take.file_name("wav")).map(Some)
                    }
                    Ok(None) => Ok(None),
                    Err(error) => Err(Notice::RecordingFailed { why: js::text(&error) }),
                };
                match outcome {
                    Ok(url) => *saved.borrow_mut() = url,
                    Err(notice) => dispatch.emit(Action::Notify(notice)),
                }
            });
        })
    }))
    .clone()
}
