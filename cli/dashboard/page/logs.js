// The log lines of a project or a service, live, with search.
import {element, projectPath, stream} from './api.js';

const kMost = 5000;
// eslint-disable-next-line no-control-regex
const kEscapes = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\r/g;

export class Logs {
  constructor() {
    this.view = document.getElementById('lines');
    this.search = document.getElementById('search');
    this.found = document.getElementById('found');
    this.follow = document.getElementById('follow');
    this.entries = [];
    this.pending = [];
    this.search.addEventListener('input', () => this.draw());
    document.getElementById('log-tools').addEventListener('submit', event => event.preventDefault());
  }

  // Starts over with another project or service ("" = all).
  show(project, service) {
    this.abort?.abort();
    this.abort = new AbortController();
    this.entries = [];
    this.last = '';
    this.draw();
    this.read(project, service, this.abort.signal);
  }

  // Continues after the last line if the connection breaks.
  async read(project, service, signal) {
    while (!signal.aborted) {
      const query = new URLSearchParams({follow: 1, stay: 1, tail: this.last ? 'all' : 500});
      if (service) query.set('services', service);
      if (this.last) query.set('since', this.last);
      try {
        await stream(projectPath(project, '/logs?' + query), signal, line => this.take(line));
      } catch (error) {
        if (signal.aborted || error.status === 401) return;
      }
      await new Promise(done => setTimeout(done, 1000));
    }
  }

  take(line) {
    if (line.time && line.time <= this.last && this.seen?.has(line.time + line.text)) return;
    if (line.time) {
      if (line.time !== this.last) this.seen = new Set();
      this.last = line.time;
      this.seen.add(line.time + line.text);
    }
    const name = line.service ? `${line.service}-${line.number ?? ''}`.replace(/-$/, '') : line.container;
    const text = 'exit' in line ? `exited with code ${line.exit}${line.restarting ? ' (restarting)' : ''}`
                                : line.text.replace(/\n$/, '').replace(kEscapes, '');
    const entry = {name, text, look: 'exit' in line ? 'exit' : line.stream};
    this.entries.push(entry);
    if (this.entries.length > kMost) this.entries.splice(0, this.entries.length - kMost);
    this.pending.push(entry);
    this.scheduled ||= requestAnimationFrame(() => this.append());
  }

  matches(entry) {
    const wanted = this.search.value.toLowerCase();
    return !wanted || (entry.name + ' ' + entry.text).toLowerCase().includes(wanted);
  }

  row(entry) {
    const row = element('div', {class: entry.look}, element('span', {class: 'name', textContent: entry.name}), ' ');
    const wanted = this.search.value.toLowerCase();
    const at = wanted ? entry.text.toLowerCase().indexOf(wanted) : -1;
    if (at < 0) row.append(entry.text);
    else row.append(entry.text.slice(0, at), element('mark', {textContent: entry.text.slice(at, at + wanted.length)}),
                    entry.text.slice(at + wanted.length));
    return row;
  }

  append() {
    this.scheduled = 0;
    this.view.append(...this.pending.filter(entry => this.matches(entry)).map(entry => this.row(entry)));
    this.pending = [];
    while (this.view.childElementCount > kMost) this.view.firstChild.remove();
    this.settle();
  }

  draw() {
    this.pending = [];
    this.view.replaceChildren(...this.entries.filter(entry => this.matches(entry)).map(entry => this.row(entry)));
    this.settle();
  }

  settle() {
    this.found.textContent = this.search.value ? `${this.view.childElementCount} of ${this.entries.length} lines` : '';
    if (this.follow.checked) this.view.scrollTop = this.view.scrollHeight;
  }
}
