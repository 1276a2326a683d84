//! The weights file: from the cache, or from the server with progress.

use js_sys::{Promise, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Cache, Headers, ReadableStreamDefaultReader, Response, ResponseInit};

use super::{now_ms, post, scope};
use crate::js;
use crate::worker_port::WEIGHTS_CACHE;
use session::Notice;
use session::format::megabytes;
use session::protocol::Reply;

/// Milliseconds between two words on how far the download is.
const PROGRESS_MS: f64 = 100.0;
/// Where the worker's starter puts the answer that it asked for.
const EARLY: &str = "performanceRnnWeights";

/// The file from an earlier visit. The address names the version, so what is found is never out of date.
pub(super) async fn cached(url: &str) -> Option<Vec<u8>> {
    let look = async {
        let cache = open_cache().await?;
        let found = JsFuture::from(cache.match_with_str(url)).await?;
        let response: Response = found.dyn_into()?;
        let buffer = JsFuture::from(response.array_buffer()?).await?;
        Ok::<_, JsValue>(Uint8Array::new(&buffer).to_vec())
    };
    // Anything that goes wrong here (no cache, nothing in it, bits that flipped) is cured by downloading.
    look.await.ok().filter(|bytes| is_as_named(url, bytes))
}

/// Removes a file that turned out to be damaged.
pub(super) async fn forget(url: &str) {
    let delete = async { JsFuture::from(open_cache().await?.delete_with_str(url)).await };
    if let Err(error) = delete.await {
        web_sys::console::debug_1(&error);
    }
}

/// The file from the server.
///
/// # Errors
/// A notice for the visitor.
pub(super) async fn download(url: &str) -> Result<Vec<u8>, Notice> {
    let bytes = answered(url, Way::Usual).await?;
    // Bits may have flipped in the browser's own cache, or in the service worker's.
    let bytes = if is_as_named(url, &bytes) { bytes } else { answered(url, Way::Anew).await? };
    if !is_as_named(url, &bytes) {
        return Err(Notice::WeightsCorrupt { why: "its bytes are others than its name says".into() });
    }
    keep(url, &bytes).await;
    Ok(bytes)
}

/// Where an answer may come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Any cache that the browser has.
    Usual,
    /// The server.
    Anew,
}

/// The whole answer.
async fn answered(url: &str, way: Way) -> Result<Vec<u8>, Notice> {
    let mut progress = Progress { received: 0, total: None, told_ms: f64::NEG_INFINITY };
    let bytes = match receive(url, way, &mut progress).await {
        Ok(bytes) => bytes,
        Err(Failure::Status(status)) => {
            return Err(Notice::WeightsMissing { status, file: js::file_of(url) });
        }
        Err(Failure::Page) => return Err(Notice::PageInstead { file: js::file_of(url) }),
        Err(Failure::Broke(error)) => {
            return Err(Notice::WeightsBroken { why: progress.how_it_broke(&error) });
        }
    };
    if progress.total.is_some_and(|total| (bytes.len() as u64) < total) {
        return Err(Notice::WeightsBroken { why: progress.how_it_broke(&JsValue::UNDEFINED) });
    }
    Ok(bytes)
}

/// Whether the bytes are those that the address names, `base-0123456789abcdef.safetensors` by the first 64 bits of
/// their SHA-256. An address that names none is believed.
fn is_as_named(url: &str, bytes: &[u8]) -> bool {
    let file = js::file_of(url);
    let stem = file.split('.').next().unwrap_or_default();
    let named = stem.rsplit('-').next().filter(|hash| hash.len() == 16);
    let Some(named) = named.and_then(|hash| u64::from_str_radix(hash, 16).ok()) else { return true };
    Sha256::digest(bytes).starts_with(&named.to_be_bytes())
}

enum Failure {
    Status(u16),
    /// A web page, as some hosts send for any file that they have not.
    Page,
    Broke(JsValue),
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        Self::Broke(error)
    }
}

struct Progress {
    received: u64,
    total: Option<u64>,
    told_ms: f64,
}

impl Progress {
    fn tell(&mut self) {
        let now = now_ms();
        if now - self.told_ms > PROGRESS_MS || Some(self.received) == self.total {
            self.told_ms = now;
            post(&Reply::Downloading { received_bytes: self.received, total_bytes: self.total });
        }
    }

    fn how_it_broke(&self, error: &JsValue) -> String {
        match (self.received, self.total) {
            (0, _) => js::text(error),
            (received, Some(total)) => {
                format!("the connection broke at {} of {} MB", megabytes(received), megabytes(total))
            }
            (received, None) => format!("the connection broke after {} MB", megabytes(received)),
        }
    }
}

async fn receive(url: &str, way: Way, progress: &mut Progress) -> Result<Vec<u8>, Failure> {
    let response = match asked_early(url) {
        Some(answer) => JsFuture::from(answer).await?,
        None => JsValue::UNDEFINED,
    };
    let response: Response = match (way, response.dyn_into()) {
        (Way::Usual, Ok(response)) => response,
        (Way::Usual, Err(_)) => JsFuture::from(scope().fetch_with_str(url)).await?.dyn_into()?,
        (Way::Anew, _) => {
            let options = js_sys::Object::new();
            js_sys::Reflect::set(&options, &"cache".into(), &"reload".into())?;
            JsFuture::from(js::promise(&scope(), "fetch", &[url.into(), options.into()])?)
                .await?
                .dyn_into()?
        }
    };
    if !response.ok() {
        return Err(Failure::Status(response.status()));
    }
    if js::is_page(&response) {
        return Err(Failure::Page);
    }
    progress.total = total_bytes(&response.headers());
    progress.tell();
    let Some(body) = response.body() else {
        let buffer = JsFuture::from(response.array_buffer()?).await?;
        return Ok(Uint8Array::new(&buffer).to_vec());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into().map_err(JsValue::from)?;
    let mut bytes = Vec::with_capacity(progress.total.unwrap_or(0).min(1 << 28) as usize);
    loop {
        let part = JsFuture::from(reader.read()).await?;
        if js::get(&part, "done").is_truthy() {
            return Ok(bytes);
        }
        let part: Uint8Array = js::get(&part, "value").dyn_into()?;
        let start = bytes.len();
        bytes.resize(start + part.length() as usize, 0);
        part.copy_to(&mut bytes[start..]);
        progress.received = bytes.len() as u64;
        progress.tell();
    }
}

/// What the worker's starter asked for already (`web::worker_port`); once.
fn asked_early(url: &str) -> Option<Promise> {
    let early = js::get(&scope(), EARLY);
    if js::get(&early, "url").as_string().as_deref() != Some(url) {
        return None;
    }
    let forgotten = js_sys::Reflect::delete_property(&scope(), &EARLY.into());
    forgotten.ok().and_then(|_| js::get(&early, "answer").dyn_into().ok())
}

/// The length of the file. A compressed answer does not say how long it will be.
fn total_bytes(headers: &Headers) -> Option<u64> {
    let header = |name: &str| headers.get(name).ok().flatten();
    match header("content-encoding") {
        Some(encoding) if encoding != "identity" => None,
        _ => header("content-length")?.parse().ok().filter(|&bytes| bytes > 0),
    }
}

/// Caches the file for the next visit, in place of older ones. A failure is ignored.
async fn keep(url: &str, bytes: &[u8]) {
    let put = async {
        let cache = open_cache().await?;
        for old in js_sys::Array::from(&JsFuture::from(cache.keys()).await?) {
            JsFuture::from(cache.delete_with_request(&old.dyn_into()?)).await?;
        }
        let init = ResponseInit::new();
        init.set_status(200);
        let response = Response::new_with_opt_js_u8_array_and_init(Some(&Uint8Array::from(bytes)), &init)?;
        JsFuture::from(cache.put_with_str(url, &response)).await
    };
    if let Err(error) = put.await {
        web_sys::console::debug_1(&error);
    }
}

/// Fails where the page is not served safely (plain http), and in private windows of some browsers.
async fn open_cache() -> Result<Cache, JsValue> {
    JsFuture::from(scope().caches()?.open(WEIGHTS_CACHE)).await?.dyn_into()
}
