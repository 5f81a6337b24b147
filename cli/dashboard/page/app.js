// The page: reads the engine every two seconds and shows the chosen project.
import {element, get, lines, openSession, post, projectPath} from './api.js';
import {Charts} from './charts.js';
import {drawGraph} from './graph.js';
import {Logs} from './logs.js';
import {PlanView} from './plan.js';
import {TerminalView} from './terminal.js';

const kInterval = 2000;
const byId = id => document.getElementById(id);

const state = {project: '', selected: '', tab: 'logs', services: new Map(), write: false};
const logs = new Logs(), charts = new Charts(), plan = new PlanView();
let terminal = null;

function say(text) {
  byId('message').textContent = text;
  byId('message').hidden = !text;
}

// "good", "busy", "bad", or "off", and the words for it.
function condition(containers) {
  if (!containers.length) return ['off', 'no container'];
  const running = containers.filter(one => one.State === 'running');
  const failed = containers.find(one => one.State === 'restarting' || (one.State === 'exited' && one.ExitCode));
  const health = running.map(one => one.Health?.Status).filter(one => one && one !== 'none');
  const count = containers.length > 1 ? ` ${running.length}/${containers.length}` : '';
  if (health.includes('unhealthy')) return ['bad', 'unhealthy' + count];
  if (failed) return ['bad', failed.State === 'restarting' ? 'restarting' : `exited (${failed.ExitCode})`];
  if (health.includes('starting')) return ['busy', 'starting' + count];
  if (running.length) return ['good', (health.length ? 'healthy' : 'running') + count];
  const words = containers[0].State === 'exited' ? 'exited (0)' : containers[0].State;
  return [containers[0].State === 'paused' ? 'busy' : 'off', words];
}

// The services of the Compose files, and those of containers that are no longer in them.
function servicesOf(project, containers) {
  const services = new Map();
  const add = (name, details) => {
    const dependsOn = new Map(Object.entries(details.depends_on || {}).map(([other, one]) => [other, one?.condition || '']));
    services.set(name, {name, dependsOn, image: details.image || '', containers: []});
  };
  for (const [name, details] of Object.entries(project.services || {})) add(name, details);
  for (const container of containers) {
    if (container.Labels['com.docker.compose.oneoff'] === 'True') continue;
    const name = container.Labels['com.docker.compose.service'];
    if (!services.has(name)) add(name, {});
    services.get(name).containers.push(container);
  }
  for (const service of services.values()) [service.look, service.state] = condition(service.containers);
  return services;
}

function portsText(containers) {
  const ports = containers.flatMap(one => one.Ports || []).filter(one => one.PublicPort);
  return [...new Set(ports.map(one => `${one.IP}:${one.PublicPort}→${one.PrivatePort}/${one.Type}`))].join(', ');
}

async function control(verb) {
  const service = state.selected;
  say('');
  try {
    const response = await post(projectPath(state.project, '/' + verb), {services: [service], no_deps: true});
    await lines(response, line => { if (line.event === 'error') say(`${verb} ${service}: ${line.text}`); });
  } catch (error) {
    say(`${verb} ${service}: ${error.message}`);
  }
  await refresh();
}

async function drawDetail() {
  const service = state.services.get(state.selected);
  if (!service) {
    byId('detail').shown = '';
    byId('detail').replaceChildren(element('p', {textContent: 'Select a service to see only its logs and its details.'}));
    return;
  }
  const rows = [['Service', service.name], ['State', service.state]];
  if (service.image || service.containers.length) rows.push(['Image', service.image || service.containers[0].Image]);
  for (const one of service.containers) rows.push(['Container', `${one.Names[0].slice(1)}: ${one.Status}`]);
  const ports = portsText(service.containers);
  if (ports) rows.push(['Ports', ports]);
  const probed = service.containers.find(one => one.Health?.Status && one.Health.Status !== 'none');
  if (probed) {
    const probe = (await get(`/containers/${probed.Id}/json`).catch(() => null))?.State?.Health?.Log?.at(-1);
    if (probe) rows.push(['Last probe', `exit ${probe.ExitCode}${probe.Output ? ': ' + probe.Output.trim() : ''}`]);
  }
  const shown = JSON.stringify(rows);
  if (shown === byId('detail').shown) return;
  byId('detail').shown = shown;
  const list = element('dl');
  for (const [name, text] of rows) list.append(element('dt', {textContent: name}), element('dd', {textContent: text}));
  const buttons = state.write
    ? ['start', 'stop', 'restart'].map(verb => element('button', {type: 'button', textContent: verb[0].toUpperCase() + verb.slice(1),
                                                                  onclick: () => control(verb)}))
    : [];
  byId('detail').replaceChildren(list, element('form', {}, ...buttons));
}

function draw() {
  drawGraph(byId('graph'), state.services, state.selected, select);
  const looks = [...state.services.values()].map(one => one.look);
  const count = look => looks.filter(one => one === look).length;
  byId('summary').textContent = `${state.services.size} services: ${count('good')} up` +
    (count('busy') ? `, ${count('busy')} waiting` : '') + (count('bad') ? `, ${count('bad')} failing` : '');
  if (state.tab === 'charts') charts.draw();
  terminal?.choose(state.services.get(state.selected)?.containers.find(one => one.State === 'running'));
}

function select(name) {
  state.selected = state.selected === name ? '' : name;
  logs.show(state.project, state.selected);
  draw();
  drawDetail();
}

function showProject(name) {
  Object.assign(state, {project: name, selected: '', services: new Map()});
  charts.clear();
  logs.show(name, '');
  if (state.tab === 'plan') plan.show(name);
  refresh();
}

function showTab(name) {
  state.tab = name;
  for (const button of document.querySelectorAll('[data-tab]')) {
    button.setAttribute('aria-selected', button.dataset.tab === name);
    byId(button.dataset.tab).hidden = button.dataset.tab !== name;
  }
  if (name === 'charts') charts.draw();
  if (name === 'plan') plan.show(state.project);
  if (name === 'terminal') terminal.fit?.fit();
}

async function listProjects() {
  const names = (await get('/stack/v1/projects')).map(one => one.name).sort();
  const options = byId('project');
  if (names.join('\n') !== [...options.options].map(one => one.value).join('\n'))
    options.replaceChildren(...names.map(name => element('option', {value: name, textContent: name})));
  if (!names.includes(state.project)) {
    const first = names.includes(state.wanted) ? state.wanted : names[0] || '';
    if (first && first !== state.project) showProject(first);
  }
  options.value = state.project;
  return names.length > 0;
}

async function refresh() {
  const name = state.project;
  const filters = encodeURIComponent(JSON.stringify({label: ['com.docker.compose.project=' + name]}));
  const [project, containers] = await Promise.all(
    [get(projectPath(name)).catch(() => ({})), get('/containers/json?all=1&filters=' + filters)]);
  if (name !== state.project) return;
  state.services = servicesOf(project, containers);
  await charts.sample(state.services);
  draw();
  await drawDetail();
}

async function watch() {
  let broken = false;
  for (;;) {
    try {
      if (await listProjects()) await refresh();
      else byId('summary').textContent = 'No projects yet; start one with `stack up`.';
      if (broken) say('');
      broken = false;
    } catch (error) {
      broken = true;
      say(error.status ? error.message : '`stack dashboard` does not answer; it may have ended.');
      if (error.status === 401) return;
    }
    await new Promise(done => setTimeout(done, kInterval));
  }
}

async function start() {
  try {
    const session = await openSession();
    state.write = session.write === true;
    state.wanted = session.project || '';
  } catch (error) {
    say(error.message);
    return;
  }
  byId('mode').textContent = state.write ? 'with control of services' : 'read-only';
  document.querySelector('main').hidden = false;
  if (state.write) {
    terminal = new TerminalView();
    document.querySelector('[data-tab=terminal]').hidden = false;
  }
  for (const button of document.querySelectorAll('[data-tab]'))
    button.addEventListener('click', () => showTab(button.dataset.tab));
  byId('project').addEventListener('change', event => showProject(event.target.value));
  byId('terminal-tools').addEventListener('submit', event => event.preventDefault());
  watch();
}

start();
