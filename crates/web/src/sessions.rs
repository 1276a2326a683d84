//! Sessions in the browser: this tab's own, which it alone writes, and those of others.

use idb::{Database, KeyRange, Query, TransactionMode};
use js_sys::{Array, Object, Reflect, Uint8Array};
use session::saved::{Changes, Glance, HEAD, Opened, Parts, Saved, SavedError};
use wasm_bindgen::prelude::*;

use crate::database::{self, Failure, PARTS, SESSIONS};
use crate::js;
use crate::locks::{self, Lock};

/// In this tab's own storage, which lives through a reload; a tab that is duplicated gets a copy.
const TAB_KEY: &str = "performance-rnn-session";
/// A tab that is reloaded holds its lock for a moment.
const PATIENCE_MS: u32 = 1_500;

/// A session that this tab may write.
pub struct Own {
    database: Database,
    id: String,
}

/// What a tab begins with.
pub struct Beginning {
    pub own: Own,
    /// What this tab had, or the last one that was closed.
    pub found: Option<Result<Opened, SavedError>>,
    /// What was found is another session's, and has to be written anew.
    pub is_copy: bool,
    /// The session is open in another tab, so that this one began a new one.
    pub is_elsewhere: bool,
}

/// Another session.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    pub id: String,
    /// Milliseconds since 1970.
    pub written_ms: f64,
    pub glance: Glance,
    /// Whether another tab has it open.
    pub is_open: bool,
}

fn lock_name(id: &str) -> String {
    format!("performance-rnn/session/{id}")
}

/// Opens the session of this tab, or the last one of any tab, unless another tab has it open.
///
/// # Errors
/// If the browser keeps nothing.
pub async fn begin() -> Result<Beginning, Failure> {
    let database = database::open().await?;
    let (wanted, patience_ms) = match js::stored_in_tab(TAB_KEY) {
        Some(id) => (Some(id), PATIENCE_MS),
        None => (latest(&database).await?, 0),
    };
    let lock = match &wanted {
        Some(id) => locks::hold(&lock_name(id), patience_ms).await,
        None => Lock::Elsewhere,
    };
    let found = match &wanted {
        // Without locks, what is there is copied, so that no tab overwrites another's.
        Some(id) if lock != Lock::Elsewhere => load(&database, id).await?,
        _ => None,
    };
    let id = match wanted.clone() {
        Some(id) if lock == Lock::Held => id,
        _ => {
            let id = new_id();
            locks::hold(&lock_name(&id), 0).await;
            id
        }
    };
    js::store_in_tab(TAB_KEY, &id);
    let is_elsewhere = wanted.is_some() && lock == Lock::Elsewhere;
    let is_copy = lock != Lock::Held;
    Ok(Beginning { own: Own { database, id }, found, is_copy, is_elsewhere })
}

impl Own {
    /// Writes parts, all or none of them; under way when it returns.
    ///
    /// # Errors
    /// If the browser has no room left, or refuses.
    pub fn write(
        &self,
        changes: &Changes,
    ) -> Result<impl Future<Output = Result<(), Failure>> + use<>, Failure> {
        let edit = |transaction: &idb::Transaction| {
            let (sessions, parts) = (transaction.object_store(SESSIONS)?, transaction.object_store(PARTS)?);
            for (name, content) in &changes.puts {
                let content = Uint8Array::from(content.as_slice());
                if name == HEAD {
                    let value = Object::new();
                    set(&value, "head", &content);
                    set(&value, "written_ms", &js_sys::Date::now().into());
                    sessions.put(&value, Some(&self.id.as_str().into()))?;
                } else {
                    parts.put(&content, Some(&part_key(&self.id, name)))?;
                }
            }
            for name in &changes.deletes {
                parts.delete(part_key(&self.id, name))?;
            }
            Ok(())
        };
        database::write(&self.database, &edit, &[SESSIONS, PARTS])
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All sessions but this one, the latest first.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn others(&self) -> Result<Vec<Other>, Failure> {
        let held = locks::held().await;
        let mut others: Vec<Other> = heads(&self.database)
            .await?
            .into_iter()
            .filter(|(id, ..)| *id != self.id)
            .filter_map(|(id, written_ms, head)| {
                let glance = Glance::of(&head).ok().filter(|glance| glance.n_takes > 0)?;
                Some(Other { is_open: held.contains(&lock_name(&id)), id, written_ms, glance })
            })
            .collect();
        others.sort_by(|a, b| b.written_ms.total_cmp(&a.written_ms));
        Ok(others)
    }

    /// What is in another session; none if it is there no more.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn read(&self, id: &str) -> Result<Option<Result<Opened, SavedError>>, Failure> {
        load(&self.database, id).await
    }

    /// Removes another session, unless a tab has it open.
    ///
    /// # Errors
    /// If the browser refuses.
    pub async fn remove(&self, id: &str) -> Result<(), Failure> {
        if locks::held().await.contains(&lock_name(id)) {
            return Ok(());
        }
        let edit = |transaction: &idb::Transaction| {
            transaction.object_store(SESSIONS)?.delete(JsValue::from(id))?;
            transaction.object_store(PARTS)?.delete(all_parts(id)?)?;
            Ok(())
        };
        database::write(&self.database, &edit, &[SESSIONS, PARTS])?.await
    }
}

/// The session that was written last.
async fn latest(database: &Database) -> Result<Option<String>, Failure> {
    let heads = heads(database).await?.into_iter();
    // One without performances is no reason to pass over one with some.
    let ranked = heads.map(|(id, written_ms, head)| {
        let has_takes = Glance::of(&head).is_ok_and(|glance| glance.n_takes > 0);
        (has_takes, written_ms, id)
    });
    Ok(ranked.max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))).map(|(.., id)| id))
}

/// Of each session: its name, when it was written, and its head.
async fn heads(database: &Database) -> Result<Vec<(String, f64, Vec<u8>)>, Failure> {
    let transaction = database.transaction(&[SESSIONS], TransactionMode::ReadOnly)?;
    let store = transaction.object_store(SESSIONS)?;
    let (keys, values) = (store.get_all_keys(None, None)?, store.get_all(None, None)?);
    let (keys, values) = (keys.await?, values.await?);
    let head = |(key, value): (JsValue, JsValue)| {
        let written_ms = js::get(&value, "written_ms").as_f64()?;
        Some((key.as_string()?, written_ms, bytes(&js::get(&value, "head"))?))
    };
    Ok(keys.into_iter().zip(values).filter_map(head).collect())
}

async fn load(database: &Database, id: &str) -> Result<Option<Result<Opened, SavedError>>, Failure> {
    let transaction = database.transaction(&[SESSIONS, PARTS], TransactionMode::ReadOnly)?;
    let head = transaction.object_store(SESSIONS)?.get(JsValue::from(id))?;
    let store = transaction.object_store(PARTS)?;
    let range = || Ok::<Query, idb::Error>(all_parts(id)?.into());
    let (keys, values) = (store.get_all_keys(Some(range()?), None)?, store.get_all(Some(range()?), None)?);
    let (head, keys, values) = (head.await?, keys.await?, values.await?);
    let Some(head) = head.and_then(|value| bytes(&js::get(&value, "head"))) else { return Ok(None) };
    let named =
        |(key, value): (JsValue, JsValue)| Some((Array::from(&key).get(1).as_string()?, bytes(&value)?));
    let mut parts: Parts = keys.into_iter().zip(values).filter_map(named).collect();
    parts.insert(HEAD.to_owned(), head);
    Ok(Some(Saved::from_parts(&parts)))
}

fn part_key(id: &str, name: &str) -> JsValue {
    Array::of2(&id.into(), &name.into()).into()
}

/// Arrays come after texts, so an empty one comes after all names.
fn all_parts(id: &str) -> Result<KeyRange, idb::Error> {
    KeyRange::bound(&Array::of1(&id.into()), &Array::of2(&id.into(), &Array::new()), None, None)
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Fails for objects that are frozen.
    if let Err(error) = Reflect::set(object, &name.into(), value) {
        web_sys::console::warn_1(&error);
    }
}

fn new_id() -> String {
    // Two tabs that open in the same millisecond draw another number.
    format!("{:.0}-{:.0}", js_sys::Date::now(), js_sys::Math::random() * 1e9)
}
