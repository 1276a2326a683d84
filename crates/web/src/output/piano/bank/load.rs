//! Fetching and decoding.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::ArrayBuffer;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{OfflineAudioContext, Response};

use super::layers::{Bank, Decoded, Layer, PackIndex, SampleId};
use crate::js;
use crate::output::piano::SAMPLE_RATE;

/// Where the pack lies, beside the page.
const FOLDER: &str = "piano/";
/// Decodings at a time. Browsers decode on other threads; more than there are cores does not help.
const MAX_DECODING: usize = 4;

/// Starts decodings while there is something to decode.
pub(super) fn pump(bank: &Rc<RefCell<Bank>>) {
    loop {
        let mut borrowed = bank.borrow_mut();
        if borrowed.decoding >= MAX_DECODING {
            return;
        }
        let Some((id, bytes)) = borrowed.next_to_decode() else { return };
        if let Some(sample) = borrowed.sample_mut(id) {
            sample.state = Decoded::UnderWay;
        }
        borrowed.decoding += 1;
        spawn_local(decode(Rc::downgrade(bank), id, bytes));
    }
}

async fn decode(bank: Weak<RefCell<Bank>>, id: SampleId, bytes: ArrayBuffer) {
    let decoded = match bank.upgrade().map(|bank| decoder(&mut bank.borrow_mut())) {
        Some(Ok(decoder)) => match decoder.decode_audio_data(&bytes) {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        },
        Some(Err(error)) => Err(error),
        None => return,
    };
    let Some(bank) = bank.upgrade() else { return };
    let mut borrowed = bank.borrow_mut();
    borrowed.decoding -= 1;
    borrowed.clock += 1;
    let clock = borrowed.clock;
    if let Err(error) = &decoded {
        borrowed.failure = Some(format!("a sample could not be decoded: {}", js::text(error)));
    }
    if let Some(sample) = borrowed.sample_mut(id) {
        sample.used = clock;
        sample.state = decoded.map_or(Decoded::Failed, |buffer| Decoded::Here(buffer.unchecked_into()));
    }
    borrowed.make_room();
    drop(borrowed);
    pump(&bank);
}

/// Decodes without an open sound, and so before the visitor presses anything.
fn decoder(bank: &mut Bank) -> Result<OfflineAudioContext, JsValue> {
    if let Some(decoder) = &bank.decoder {
        return Ok(decoder.clone());
    }
    let new = OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate;
    let decoder = new(2, 1, SAMPLE_RATE)?;
    bank.decoder = Some(decoder.clone());
    Ok(decoder)
}

/// Fetches the index and the packs, the middle layers first.
pub(super) async fn fetch_all(bank: Weak<RefCell<Bank>>) {
    let outcome = fetch_missing(&bank).await;
    if let Some(bank) = bank.upgrade() {
        let mut bank = bank.borrow_mut();
        bank.is_fetching = false;
        if let Err(error) = outcome {
            bank.failure = Some(js::text(&error));
        }
    }
}

async fn fetch_missing(bank: &Weak<RefCell<Bank>>) -> Result<(), JsValue> {
    let is_new = bank.upgrade().is_some_and(|bank| bank.borrow().layers.is_empty());
    if is_new {
        let text = JsFuture::from(get("index.json").await?.text()?).await?.as_string().unwrap_or_default();
        let index: PackIndex = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if let Some(bank) = bank.upgrade() {
            let mut bank = bank.borrow_mut();
            bank.layers = index.layers.into_iter().map(Layer::new).collect();
            bank.release = Some(Layer::new(index.release));
        }
    }
    // Mezzoforte first: most notes are there, and any other can stand in with it.
    for layer in [Some(1), Some(2), None, Some(0), Some(3)] {
        let file = bank.upgrade().and_then(|bank| missing_file(&bank.borrow(), layer));
        let Some(file) = file else { continue };
        let buffer = JsFuture::from(get(&file).await?.array_buffer()?).await?;
        let Some(bank) = bank.upgrade() else { return Ok(()) };
        let mut borrowed = bank.borrow_mut();
        let slot = match layer {
            Some(layer) => borrowed.layers.get_mut(layer),
            None => borrowed.release.as_mut(),
        };
        if let Some(slot) = slot {
            slot.pack = Some(buffer.unchecked_into());
        }
        drop(borrowed);
        pump(&bank);
    }
    Ok(())
}

fn missing_file(bank: &Bank, layer: Option<usize>) -> Option<String> {
    let layer = match layer {
        Some(layer) => bank.layers.get(layer),
        None => bank.release.as_ref(),
    };
    layer.filter(|layer| layer.pack.is_none()).map(|layer| layer.file.clone())
}

async fn get(file: &str) -> Result<Response, JsValue> {
    let url = js::asset_url(&format!("{FOLDER}{file}"))?;
    let response: Response = JsFuture::from(js::window().fetch_with_str(&url)).await?.unchecked_into();
    if !response.ok() {
        return Err(format!("the server answered {} for {file}", response.status()).into());
    }
    if js::is_page(&response) {
        return Err(format!("the server has no {file}: it sent a web page instead").into());
    }
    Ok(response)
}
