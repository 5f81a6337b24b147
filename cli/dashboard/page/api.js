// Requests to the dashboard's server. The session's secret is kept for this tab only and is sent as a header field, which other
// web pages cannot do.

const kSecret = 'stack-session';

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function checked(response) {
  if (response.ok) return response;
  const text = await response.text();
  let message = text;
  try { message = JSON.parse(text).message; } catch { /* not JSON */ }
  throw new ApiError(response.status, message || response.statusText);
}

function headers() {
  return {'X-Stack-Session': sessionStorage.getItem(kSecret) || ''};
}

// Exchanges the token of the link for a session; returns {write, project}. A reloaded page has the session already.
export async function openSession() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) {
    history.replaceState(null, '', '/');
    const response = await fetch('/session', {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({token})});
    const session = await (await checked(response)).json();
    sessionStorage.setItem(kSecret, session.session);
    sessionStorage.setItem('stack-options', JSON.stringify({write: session.write, project: session.project}));
  }
  return JSON.parse(sessionStorage.getItem('stack-options') || '{}');
}

export async function get(path) {
  return (await checked(await fetch('/api' + path, {headers: headers()}))).json();
}

export async function post(path, body) {
  const request = {method: 'POST', headers: {...headers(), 'Content-Type': 'application/json'}};
  if (body !== undefined) request.body = JSON.stringify(body);
  return checked(await fetch('/api' + path, request));
}

// Calls onLine with each JSON line of a response until it ends or the signal aborts it.
export async function lines(response, onLine) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let pending = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    const parts = (pending + value).split('\n');
    pending = parts.pop();
    for (const part of parts) if (part) onLine(JSON.parse(part));
  }
}

export async function stream(path, signal, onLine) {
  await lines(await checked(await fetch('/api' + path, {headers: headers(), signal})), onLine);
}

export function webSocket(path) {
  const secret = sessionStorage.getItem(kSecret) || '';
  return new WebSocket('ws://' + location.host + path, ['stack-terminal', 'session.' + secret]);
}

export const projectPath = (name, rest = '') => '/stack/v1/projects/' + encodeURIComponent(name) + rest;

// An element with text, without interpreting it as HTML.
export function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === 'class') made.className = value; else made[key] = value;
  }
  made.append(...children);
  return made;
}

export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
