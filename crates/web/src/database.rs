//! The page's one database in the browser (IndexedDB).
//!
//! Whoever keeps something there names an object store in [`STORES`] and opens the database with [`open`].
//! Connections are cheap, and each part of the page has its own. A store has no key path: values are put under
//! keys that are given.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use idb::event::VersionChangeEvent;
use idb::{
    Database, DatabaseEvent, Factory, ObjectStoreParams, Transaction, TransactionMode, TransactionResult,
};
use session::Notice;
use wasm_bindgen::prelude::*;
use web_sys::IdbTransaction;

use crate::js;

const NAME: &str = "performance-rnn";

/// What each session is: when it was written, and its head.
pub const SESSIONS: &str = "sessions";
/// The parts of sessions, under `[session, name]`.
pub const PARTS: &str = "parts";
/// What was taught, and the run that was not ended: see [`crate::models`].
pub const TAUGHT: &str = "taught";

/// Object stores by the version of the database that brought them. Something new is a list at the end; lists that
/// were released stay as they are. Browsers that have an older version get what is missing, and keep what they have.
const STORES: &[&[&str]] = &[&[SESSIONS, PARTS], &[TAUGHT]];

/// What went wrong.
#[derive(Debug)]
pub enum Failure {
    /// The browser has no room left.
    Full,
    /// In the browser's words.
    Other(String),
}

impl Failure {
    fn of(error: &JsValue) -> Self {
        if js::get(error, "name").as_string().as_deref() == Some("QuotaExceededError") {
            Self::Full
        } else {
            Self::Other(js::text(error))
        }
    }

    #[must_use]
    pub fn notice(self) -> Notice {
        match self {
            Self::Full => Notice::StorageFull,
            Self::Other(why) => Notice::StorageRefused { why },
        }
    }
}

/// As part of a sentence.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the browser has no room left"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl From<idb::Error> for Failure {
    fn from(error: idb::Error) -> Self {
        match error {
            idb::Error::DomException(exception) => Self::of(exception.as_ref()),
            idb::Error::UpdateFailed(error) | idb::Error::TransactionOpenFailed(error) => Self::of(&error),
            other => Self::Other(other.to_string().trim_end_matches('.').to_owned()),
        }
    }
}

/// Opens the database, and makes it if it is not there. A tab with a newer version of the page may close it again;
/// then every use fails.
///
/// # Errors
/// If the browser keeps nothing for this page: in some private windows, or because the visitor said so.
pub async fn open() -> Result<Database, Failure> {
    let version = u32::try_from(STORES.len()).unwrap_or(u32::MAX);
    let mut request = Factory::new()?.open(NAME, Some(version))?;
    request.on_upgrade_needed(|event| {
        if let Err(error) = upgrade(&event) {
            web_sys::console::error_1(&error.to_string().into());
        }
    });
    let mut database = request.await?;
    database.on_version_change(|event| {
        if let Ok(database) = event.database() {
            database.close();
        }
    });
    Ok(database)
}

/// The database that an earlier version of the page had under another name. `None` where there is none.
///
/// # Errors
/// If the browser keeps nothing for this page.
pub async fn earlier(name: &str) -> Result<Option<Database>, Failure> {
    let mut request = Factory::new()?.open(name, None)?;
    let is_new = Rc::new(Cell::new(false));
    let seen = Rc::clone(&is_new);
    request.on_upgrade_needed(move |_| seen.set(true));
    let database = request.await?;
    if is_new.get() {
        database.close();
        remove(name).await?;
        return Ok(None);
    }
    Ok(Some(database))
}

/// Deletes a database, with all that is in it.
///
/// # Errors
/// If the browser keeps nothing for this page.
pub async fn remove(name: &str) -> Result<(), Failure> {
    Ok(Factory::new()?.delete(name)?.await?)
}

/// Puts and removes values of one store, all or nothing. The requests are made at once, so that they are under way
/// when the page is closed; the future waits for their end.
///
/// # Errors
/// If the browser has no room left, or refuses. Then nothing has changed.
pub fn write(
    database: &Database,
    edit: &dyn Fn(&Transaction) -> Result<(), idb::Error>,
    stores: &[&str],
) -> Result<impl Future<Output = Result<(), Failure>> + use<>, Failure> {
    let transaction = database.transaction(stores, TransactionMode::ReadWrite)?;
    edit(&transaction)?;
    let inner: IdbTransaction = transaction.into();
    // The future does not say why a transaction was aborted; the transaction does.
    let ended = Transaction::from(inner.clone()).into_future();
    Ok(async move {
        let outcome = ended.await;
        match (outcome, inner.error()) {
            (Ok(TransactionResult::Committed), _) => Ok(()),
            (_, Some(error)) => Err(Failure::of(error.as_ref())),
            (Err(error), None) => Err(error.into()),
            (Ok(TransactionResult::Aborted), None) => Err(Failure::Other("it was broken off".into())),
        }
    })
}

fn upgrade(event: &VersionChangeEvent) -> Result<(), idb::Error> {
    let database = event.database()?;
    let first_missing = event.old_version()? as usize;
    for name in STORES.iter().skip(first_missing).copied().flatten() {
        database.create_object_store(name, ObjectStoreParams::new())?;
    }
    Ok(())
}
