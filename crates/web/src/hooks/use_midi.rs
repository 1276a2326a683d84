use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::output::MidiHub;
use crate::player::PlayerHandle;
use session::Notice;
use session::{Action, Midi, OutputChoice, State};

type Hub = Rc<RefCell<Option<MidiHub>>>;

/// Keeps the list of MIDI devices, and has the player play on the chosen one. The returned callback asks
/// the visitor for permission.
#[hook]
pub fn use_midi(state: &State, dispatch: &Callback<Action>, player: &PlayerHandle) -> Callback<()> {
    let hub = (*use_memo((), |()| Hub::default())).clone();
    use_effect_with((), {
        let (hub, dispatch) = (hub.clone(), dispatch.clone());
        move |()| {
            if !MidiHub::is_supported() {
                dispatch.emit(Action::MidiChanged(Midi::Absent));
            } else {
                let hub = Rc::clone(&hub);
                spawn_local(async move {
                    if MidiHub::is_allowed_already().await {
                        open(hub, dispatch, Asked::ByThePage).await;
                    }
                });
            }
            move || drop(hub.borrow_mut().take())
        }
    });
    use_effect_with(state.outputs.choice.clone(), {
        let (hub, player, dispatch) = (hub.clone(), player.clone(), dispatch.clone());
        move |choice: &OutputChoice| {
            let midi = match choice {
                OutputChoice::Piano => None,
                OutputChoice::Midi(id) => hub.borrow().as_ref().and_then(|hub| hub.output(id)),
            };
            if let Some(midi) = midi.clone() {
                let dispatch = dispatch.clone();
                spawn_local(async move {
                    if let Err(notice) = midi.open().await {
                        dispatch.emit(Action::Notify(notice));
                    }
                });
            }
            player.with(|player| player.set_midi(midi));
        }
    });
    use_callback(dispatch.clone(), move |(), dispatch| {
        let (hub, dispatch) = (Rc::clone(&hub), dispatch.clone());
        spawn_local(open(hub, dispatch, Asked::ByTheVisitor));
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByThePage,
    ByTheVisitor,
}

async fn open(hub: Hub, dispatch: Callback<Action>, asked: Asked) {
    let tell = {
        // Weak: the hub owns this closure.
        let (hub, dispatch) = (Rc::downgrade(&hub), dispatch.clone());
        move || {
            let ports = hub.upgrade().and_then(|hub| hub.borrow().as_ref().map(MidiHub::ports));
            if let Some(ports) = ports {
                dispatch.emit(Action::MidiChanged(ports));
            }
        }
    };
    match MidiHub::open(tell).await {
        Ok(opened) => {
            let ports = opened.ports();
            *hub.borrow_mut() = Some(opened);
            match (&ports, asked) {
                (Midi::Ports(list), Asked::ByTheVisitor) if list.is_empty() => {
                    dispatch.emit(Action::Notify(Notice::MidiNoDevice));
                }
                // A visitor who asked for a device and has one wants to hear it.
                (Midi::Ports(list), Asked::ByTheVisitor) if list.len() == 1 => {
                    dispatch.emit(Action::MidiChanged(ports.clone()));
                    dispatch.emit(Action::SetOutput(OutputChoice::Midi(list[0].id.clone())));
                }
                _ => {}
            }
            dispatch.emit(Action::MidiChanged(ports));
        }
        Err(notice) => {
            let is_absent = matches!(notice, Notice::MidiAbsent | Notice::MidiAbsentOnIos);
            dispatch.emit(Action::MidiChanged(if is_absent { Midi::Absent } else { Midi::Denied }));
            dispatch.emit(Action::Notify(notice));
        }
    }
}
