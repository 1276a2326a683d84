// The service worker: keeps a complete version of the page for visits without a network.
//
// `cargo xtask build` puts before these lines: VERSION, which the page carries, too; FILES, all that the page needs, with
// the bytes of each; OPTIONAL, what it needs in some places only. All but a few of them are named after their content.
'use strict';

const urlOf = file => new URL(file, registration.scope).href;
const PREFIX = 'performance-rnn-page-';
const OWN = PREFIX + VERSION;
// The page itself is stored last: a cache that has it is complete.
const PAGE = new URL('./', registration.scope).href;
const PAGES = ['./', './index.html', './bench.html'].map(path => new URL(path, registration.scope).pathname);
// Longer waits longer on a line that is up and brings nothing.
const PATIENCE_MS = 5000;

const isNamed = url => /-[0-9a-f]{12,16}[._][^/]*$/.test(url);
// As some hosts send for any file that they have not.
const isPage = answer => (answer.headers.get('content-type') ?? '').startsWith('text/html');
// A connection that breaks among an answer's headers leaves an answer that looks whole.
const isWhole = html => /<\/html>\s*$/.test(html);
const BYTES = new Map(Object.entries({ ...FILES, ...OPTIONAL }).map(([file, bytes]) => [urlOf(file), bytes]));
const versionIn = html => /<meta name="version" content="([0-9a-f]+)">/.exec(html)?.[1];

async function completeCaches() {
    const names = (await caches.keys()).filter(name => name.startsWith(PREFIX));
    const found = await Promise.all(names.map(async name => {
        const cache = await caches.open(name);
        return await cache.match(PAGE) && { name, cache };
    }));
    return found.filter(Boolean);
}

// From the caches of this worker's versions. The page has others.
async function kept(url) {
    for (const name of await caches.keys()) {
        const found = name.startsWith(PREFIX) && await caches.match(url, { cacheName: name });
        if (found) return found;
    }
}

async function put(cache, url, answer) {
    if (!answer.ok) throw new Error(`the server answered ${answer.status} for ${url}`);
    if (isPage(answer) && !url.endsWith('.html')) throw new Error(`the server sent a page for ${url}`);
    const { byteLength } = await answer.clone().arrayBuffer();
    if (byteLength !== BYTES.get(url)) throw new Error(`${byteLength} of ${BYTES.get(url)} bytes came of ${url}`);
    await cache.put(url, answer);
}

async function store(cache, url, options) {
    if (await cache.match(url)) return;
    await put(cache, url, isNamed(url) && await kept(url) || await fetch(url, options));
}

async function install() {
    const cache = await caches.open(OWN);
    if (await cache.match(PAGE)) return;
    try {
        for (const file in FILES) await store(cache, urlOf(file), isNamed(file) ? {} : { cache: 'no-cache' });
        for (const file in OPTIONAL) {
            // Only what this browser has already.
            const options = { cache: 'only-if-cached', mode: 'same-origin' };
            await store(cache, urlOf(file), options).catch(() => {});
        }
        const page = await fetch(PAGE, { cache: 'no-cache' });
        const html = await page.clone().text();
        if (versionIn(html) !== VERSION || !isWhole(html)) throw new Error(`the page is not version ${VERSION}`);
        await cache.put(PAGE, page);
    } catch (error) {
        // Without room there is no copy, not even an old one, and pages come from the network.
        if (error.name === 'QuotaExceededError') {
            for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
        }
        throw error;
    }
    // Open pages of another version say so.
    for (const client of await clients.matchAll({ includeUncontrolled: true })) client.postMessage(VERSION);
}

async function activate() {
    for (const { name } of await completeCaches()) if (name !== OWN) await caches.delete(name);
    await clients.claim();
}

// The network's page if all of its files are here, or if there is no complete version. Otherwise the last complete one:
// never a page of which a part is missing.
async function openPage(request) {
    const complete = await completeCaches();
    const last = complete.at(-1);
    const lastPage = () => last.cache.match(PAGE);
    if (!last) return fetch(request);
    let answer, html;
    try {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        answer = await fetch(request.url, { cache: 'no-cache', redirect: 'manual', signal });
        html = await answer.clone().text();
    } catch {
        return lastPage();
    }
    if (answer.status >= 500 || answer.ok && !isWhole(html)) return lastPage();
    const version = versionIn(html);
    return version && !complete.some(({ name }) => name === PREFIX + version) ? lastPage() : answer;
}

async function find(request) {
    // The page asks for a file anew whose bytes are not what its name says.
    const isAnew = request.cache === 'reload';
    const found = isNamed(request.url) && !isAnew && await kept(request.url);
    if (found) return found;
    try {
        const answer = await fetch(request);
        const belongs = isAnew ? await kept(request.url) : Object.keys(OPTIONAL).some(file => urlOf(file) === request.url);
        if (belongs) {
            const copy = answer.clone();
            // A full disk stops nothing.
            caches.open(OWN).then(cache => put(cache, request.url, copy)).catch(() => {});
        }
        return answer;
    } catch (error) {
        const found = !isAnew && await kept(request.url);
        if (found) return found;
        throw error;
    }
}

addEventListener('install', event => event.waitUntil(install()));
addEventListener('activate', event => event.waitUntil(activate()));
addEventListener('fetch', event => {
    const { request } = event;
    if (request.method !== 'GET' || !request.url.startsWith(registration.scope)) return;
    if (request.mode !== 'navigate') event.respondWith(find(request));
    else if (PAGES.includes(new URL(request.url).pathname)) event.respondWith(openPage(request));
});
