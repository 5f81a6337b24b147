// A shell in a container.
import {post, webSocket} from './api.js';
import {FitAddon} from './xterm/addon-fit.mjs';
import {Terminal} from './xterm/xterm.mjs';

export class TerminalView {
  constructor() {
    this.screen = document.getElementById('screen');
    this.where = document.getElementById('where');
    this.button = document.getElementById('connect');
    this.button.addEventListener('click', () => this.open());
    new ResizeObserver(() => this.fit?.fit()).observe(this.screen);
  }

  choose(container) {
    this.container = container;
    this.button.disabled = !container;
    if (!this.socket) this.where.textContent = container ? container.Names[0].slice(1) : 'Select a running service.';
  }

  open() {
    this.close();
    const container = this.container;
    this.where.textContent = container.Names[0].slice(1);
    const terminal = new Terminal({cursorBlink: true, fontSize: 13});
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(this.screen);
    const socket = webSocket('/terminal/' + container.Id);
    socket.binaryType = 'arraybuffer';
    let session = '';
    const resize = () => session && post(`/exec/${session}/resize?h=${terminal.rows}&w=${terminal.cols}`).catch(() => {});
    socket.addEventListener('message', event => {
      if (typeof event.data === 'string') {
        session = event.data;
        return;
      }
      terminal.write(new Uint8Array(event.data));
      if (!terminal.sized) resize();
      terminal.sized = true;
    });
    socket.addEventListener('close', () => {
      terminal.write('\r\n[closed]\r\n');
      if (this.socket === socket) this.socket = null;
    });
    const bytes = new TextEncoder();
    terminal.onData(text => socket.readyState === WebSocket.OPEN && socket.send(bytes.encode(text)));
    terminal.onBinary(text => socket.readyState === WebSocket.OPEN && socket.send(Uint8Array.from(text, c => c.charCodeAt(0))));
    terminal.onResize(resize);
    Object.assign(this, {terminal, fit, socket});
    fit.fit();
    terminal.focus();
  }

  close() {
    this.socket?.close();
    this.terminal?.dispose();
    this.socket = this.terminal = this.fit = null;
    this.screen.replaceChildren();
  }
}
